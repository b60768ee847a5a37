#pragma once
#include <cstdint>
#include <span>

#include "backends/embedded/ip/network.hpp"
#include "backends/embedded/table_key.hpp"

namespace nal::embedded {

std::uint32_t hash_by(HashKey key, InterfaceIndex interface, const Address& address) noexcept;
/// Of an address on an interface.
inline std::uint32_t hash_of(HashKey key, InterfaceIndex interface, const Address& address) noexcept {
  return features::kFewSockets ? 0 : hash_by(key, interface, address);
}

/// Finding entries of an array by hash without memory besides: the i-th entry also has the head of the i-th bucket.
/// Entries have `std::uint16_t bucket, next`, both `kNoEntry` at first. `bucket` belongs to the place, not to what is
/// in it: it stays when an entry is overwritten.
inline constexpr std::uint16_t kNoEntry = 0xffff;

template <class Entry>
class ChainedTable {
 public:
  explicit ChainedTable(std::span<Entry> entries) noexcept : entries_(entries) {}

  /// The first entry of that hash for which `is(entry)`, or null.
  template <class Is>
  Entry* find(std::uint32_t hash, Is is) const noexcept {
    if constexpr (features::kFewSockets) {
      for (Entry& entry : entries_) {
        if (is(entry)) { return &entry; }
      }
      return nullptr;
    }
    if (entries_.empty()) { return nullptr; }
    for (std::uint16_t i = head(hash); i != kNoEntry; i = entries_[i].next) {
      if (is(entries_[i])) { return &entries_[i]; }
    }
    return nullptr;
  }
  void link(std::uint32_t hash, Entry& entry) const noexcept {
    if constexpr (features::kFewSockets) { return; }
    entry.next = head(hash);
    head(hash) = index(entry);
  }
  void unlink(std::uint32_t hash, Entry& entry) const noexcept {
    if constexpr (features::kFewSockets) { return; }
    std::uint16_t* link = &head(hash);
    while (*link != index(entry)) { link = &entries_[*link].next; }
    *link = entry.next;
    entry.next = kNoEntry;
  }
  std::uint16_t index(const Entry& entry) const noexcept {
    return static_cast<std::uint16_t>(&entry - entries_.data());
  }

 private:
  std::uint16_t& head(std::uint32_t hash) const noexcept {
    return entries_[static_cast<std::size_t>(std::uint64_t{hash} * entries_.size() >> 32)].bucket;
  }

  std::span<Entry> entries_;
};

}  // namespace nal::embedded
