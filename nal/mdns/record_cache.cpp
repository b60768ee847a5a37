#include "nal/mdns/record_cache.hpp"

#include <cstring>

#include "nal/assert.hpp"

namespace nal::mdns {

bool same_name(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  // The lengths of labels are below 'A', so they may be compared like letters.
  return same_data({.name = a}, {.name = b});
}

bool RecordCache::is_named(const CachedRecord& record, std::span<const std::byte> wanted) const noexcept {
  return same_name(name(record), wanted);
}

CachedRecord* RecordCache::find(std::span<const std::byte> name, dns::Type type, InterfaceId interface,
                                const Data& wanted) noexcept {
  for (CachedRecord& record : records()) {
    if (record.type == type && record.interface == interface && is_named(record, name) &&
        same_data(split(type, data(record)), wanted)) {
      return &record;
    }
  }
  return nullptr;
}

CachedRecord& RecordCache::add(std::span<const std::byte> name, dns::Type type, InterfaceId interface,
                               const Data& data) noexcept {
  const std::size_t size = data.front.size() + data.name.size() + data.back.size();
  NAL_ASSERT(has_room(name.size() + size));
  CachedRecord& record = entries_[count_++];
  record = CachedRecord{};
  record.offset = static_cast<std::uint32_t>(used_);
  record.interface = interface;
  record.type = type;
  record.name_size = static_cast<std::uint8_t>(name.size());
  record.data_size = static_cast<std::uint16_t>(size);
  for (const auto part : {name, data.front, data.name, data.back}) {
    if (!part.empty()) { std::memcpy(&bytes_[used_], part.data(), part.size()); }
    used_ += part.size();
  }
  return record;
}

void RecordCache::remove(CachedRecord& record) noexcept {
  const std::size_t size = std::size_t{record.name_size} + record.data_size;
  const std::size_t offset = record.offset;
  const std::size_t behind = used_ - offset - size;
  if (behind != 0) { std::memmove(&bytes_[offset], &bytes_[offset + size], behind); }
  used_ -= size;
  record = entries_[--count_];
  for (CachedRecord& other : records()) {
    if (other.offset > offset) { other.offset -= static_cast<std::uint32_t>(size); }
  }
}

}  // namespace nal::mdns
