#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/embedded/wire/bytes.hpp"

namespace nal::embedded {

/// The options that a server gave, by number, in memory of the caller's, where each takes its size and four bytes. A
/// new set is written over the old one and told from it.
class OptionStore {
 public:
  /// `memory` outlives it.
  explicit OptionStore(std::span<std::byte> memory) noexcept
      : memory_(memory.first(std::min<std::size_t>(memory.size(), 0xffff))) {}

  /// Begins a new set.
  void begin() noexcept {
    at_ = 0;
    complete_ = true;
    changed_ = false;
  }
  /// Begins an option of `size` bytes, which `put` is to give; false when there is no room, and then it is left out.
  bool add(std::uint16_t code, std::size_t size) noexcept {
    if (kHead + size > memory_.size() - at_) {
      complete_ = false;
      return false;
    }
    std::byte head[kHead];
    wire::store_be16(head, code);
    wire::store_be16(head + 2, static_cast<std::uint32_t>(size));
    put(head);
    return true;
  }
  void put(std::span<const std::byte> data) noexcept {
    const auto to = memory_.subspan(at_, data.size());
    if (at_ + data.size() > size_ || !std::equal(data.begin(), data.end(), to.begin())) { changed_ = true; }
    std::copy(data.begin(), data.end(), to.begin());
    at_ = static_cast<std::uint16_t>(at_ + data.size());
  }
  /// Ends the set; whether it differs from the one before.
  bool end() noexcept {
    const bool changed = changed_ || at_ != size_;
    size_ = at_;
    return changed;
  }
  void clear() noexcept {
    begin();
    end();
  }

  std::optional<std::span<const std::byte>> find(std::uint16_t code) const noexcept {
    std::size_t at = 0;
    while (at < size_) {
      const std::size_t size = wire::load_be16(&memory_[at + 2]);
      if (wire::load_be16(&memory_[at]) == code) { return memory_.subspan(at + kHead, size); }
      at += kHead + size;
    }
    return std::nullopt;
  }
  /// Whether there was room for all of the set.
  bool complete() const noexcept { return complete_; }

 private:
  static constexpr std::size_t kHead = 4;

  std::span<std::byte> memory_;
  std::uint16_t size_ = 0;  ///< in use
  std::uint16_t at_ = 0;    ///< where the set that is being written goes on
  bool complete_ = true;
  bool changed_ = false;
};

}  // namespace nal::embedded
