#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/mdns/packet.hpp"

namespace nal::mdns {

/// A record that somebody has announced: one of a cache's entries, made by its owner for the cache to fill.
struct CachedRecord {
  Instant received{};
  Instant expires{};
  Instant refresh{};         ///< when it is to be asked for again
  Instant unanswered{};      ///< when somebody last asked for it in vain
  std::uint32_t ttl = 0;     ///< seconds, as received
  std::uint32_t told = 0;    ///< those questions, one a bit, whose owners know that it is there
  std::uint32_t offset = 0;  ///< of the name in the cache's bytes; the data stands behind it
  InterfaceId interface {};
  dns::Type type{};
  std::uint16_t data_size = 0;
  std::uint8_t name_size = 0;
  std::uint8_t refreshes = 0;  ///< so many of its four times to be asked for again have passed
  std::uint8_t failures = 0;   ///< questions for it that nobody answered
  bool unique = false;         ///< there are no others of that name and type than those that say the same
  bool gone = false;           ///< it stands here only until those who know of it have been told
};

/// The records of a network: a table of entries, and bytes for names and data, both the caller's. Whoever uses it says
/// what may make room for what.
class RecordCache {
 public:
  /// The memory outlives it.
  RecordCache(std::span<CachedRecord> entries, std::span<std::byte> bytes) noexcept
      : entries_(entries), bytes_(bytes) {}

  /// In no order; `remove` moves those behind.
  std::span<CachedRecord> records() noexcept { return entries_.first(count_); }
  std::span<const CachedRecord> records() const noexcept { return entries_.first(count_); }
  std::span<const std::byte> name(const CachedRecord& record) const noexcept {
    return bytes_.subspan(record.offset, record.name_size);
  }
  std::span<const std::byte> data(const CachedRecord& record) const noexcept {
    return bytes_.subspan(record.offset + record.name_size, record.data_size);
  }
  bool is_named(const CachedRecord& record, std::span<const std::byte> name) const noexcept;

  /// The same record from the same interface.
  CachedRecord* find(std::span<const std::byte> name, dns::Type type, InterfaceId interface, const Data& data) noexcept;
  bool has_room(std::size_t bytes) const noexcept { return count_ < entries_.size() && bytes <= bytes_.size() - used_; }
  /// Whether it could ever have room.
  bool could_hold(std::size_t bytes) const noexcept { return !entries_.empty() && bytes <= bytes_.size(); }
  /// A new record with copies of name and data; there is room (asserted).
  CachedRecord& add(std::span<const std::byte> name, dns::Type type, InterfaceId interface, const Data& data) noexcept;
  void remove(CachedRecord& record) noexcept;

 private:
  std::span<CachedRecord> entries_;
  std::span<std::byte> bytes_;
  std::size_t count_ = 0;
  std::size_t used_ = 0;
};

/// Whether two uncompressed names are the same, without regard to case.
bool same_name(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

}  // namespace nal::mdns
