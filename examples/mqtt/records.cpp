#include "examples/mqtt/records.hpp"

#include <cstring>

#include "nal/assert.hpp"

namespace mqtt {

Record* RecordStore::add(std::size_t size) noexcept {
  if (count_ == records_.size() || size > bytes_.size()) { return nullptr; }
  if (size > bytes_.size() - end()) {
    close_holes();
    if (size > bytes_.size() - end()) { return nullptr; }
  }
  const std::size_t offset = end();
  Record& record = records_[count_];
  ++count_;
  if (++serial_ == 0) { serial_ = 1; }
  record = Record{};
  record.serial = serial_;
  record.offset = static_cast<std::uint32_t>(offset);
  record.size = static_cast<std::uint32_t>(size);
  return &record;
}

void RecordStore::remove(const Record& record) noexcept {
  const auto index = static_cast<std::size_t>(&record - records_.data());
  NAL_ASSERT(index < count_);
  --count_;
  std::memmove(&records_[index], &records_[index] + 1, (count_ - index) * sizeof(Record));
}

Record* RecordStore::with_serial(std::uint32_t serial) noexcept {
  for (Record& record : all()) {
    if (record.serial == serial) { return &record; }
  }
  return nullptr;
}

Record* RecordStore::with_packet_id(std::uint16_t packet_id) noexcept {
  for (Record& record : all()) {
    if (record.packet_id == packet_id) { return &record; }
  }
  return nullptr;
}

Record* RecordStore::in_state(Record::State state) noexcept {
  for (Record& record : all()) {
    if (record.state == state) { return &record; }
  }
  return nullptr;
}

void RecordStore::close_holes() noexcept {
  std::size_t to = 0;
  for (Record& record : all()) {
    if (record.offset != to && record.size != 0) {
      std::memmove(bytes_.data() + to, bytes_.data() + record.offset, record.size);
    }
    record.offset = static_cast<std::uint32_t>(to);
    to += record.size;
  }
}

}  // namespace mqtt
