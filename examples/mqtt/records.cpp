#include "examples/mqtt/records.hpp"

#include <cstring>

#include "nal/assert.hpp"

namespace mqtt {

Record* RecordStore::add(std::size_t size) noexcept {
  if (count_ == records_.size()) { return nullptr; }
  if (size > bytes_.size() - end()) { close_holes(); }
  const std::size_t offset = end();
  if (size > bytes_.size() - offset) { return nullptr; }
  if (++serial_ == 0) { serial_ = 1; }
  Record& record = records_[count_++];
  record = Record{};
  record.serial = serial_;
  record.offset = static_cast<std::uint32_t>(offset);
  record.size = static_cast<std::uint32_t>(size);
  return &record;
}

void RecordStore::remove(Record& record) noexcept {
  NAL_ASSERT(&record >= records_.data() && &record < records_.data() + count_);
  const Record* const last = records_.data() + --count_;
  std::memmove(&record, &record + 1, static_cast<std::size_t>(last - &record) * sizeof(Record));
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
    if (record.offset != to) { std::memmove(bytes_.data() + to, bytes_.data() + record.offset, record.size); }
    record.offset = static_cast<std::uint32_t>(to);
    to += record.size;
  }
}

}  // namespace mqtt
