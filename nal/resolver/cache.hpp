#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "nal/resolver/answer.hpp"
#include "nal/resolver/name.hpp"
#include "nal/time.hpp"

namespace nal::dns {

/// One of a cache's entries, made by its owner for it to fill.
struct CacheEntry {
  Instant expires{};
  std::uint32_t offset = 0;  ///< of the name in the cache's bytes; the answer's data stands behind it
  std::uint16_t name_size = 0;
  Answer answer{};
};

/// Answers until their time is over: a table of entries, and bytes for names and records, both the caller's. When
/// either is full, what would have expired next makes room. Takes nothing that may not be kept.
class Cache {
 public:
  /// The memory outlives it. Either may be empty: nothing is kept then.
  Cache(std::span<CacheEntry> entries, std::span<std::byte> bytes) noexcept : entries_(entries), bytes_(bytes) {}

  /// What is known, with the seconds that are left; its data is copied to the front of `out`. Nothing if `out` is too
  /// small. A name known not to exist has no records of any type.
  std::optional<Answer> find(const Name& name, Type type, Instant now, std::span<std::byte> out) noexcept;
  /// Keeps an answer for `answer.ttl` seconds, in the place of what was known of the same name and type. `data` is
  /// copied.
  void keep(const Name& name, const Answer& answer, std::span<const std::byte> data, Instant now) noexcept;
  void clear() noexcept { count_ = used_ = 0; }

  std::size_t size() const noexcept { return count_; }
  std::size_t bytes_used() const noexcept { return used_; }

 private:
  bool is(const CacheEntry& entry, const Name& name, Type type) const noexcept;
  void remove(std::size_t index) noexcept;
  static std::size_t size_of(const CacheEntry& entry) noexcept {
    return entry.name_size + std::size_t{entry.answer.size};
  }

  std::span<CacheEntry> entries_;
  std::span<std::byte> bytes_;
  std::size_t count_ = 0;  ///< entries in use, at the front
  std::size_t used_ = 0;   ///< bytes in use, at the front
};

}  // namespace nal::dns
