#pragma once
#include <cstdint>
#include <span>

namespace mqtt {

/// A set of packet identifiers in the caller's memory.
class PacketIds {
 public:
  explicit PacketIds(std::span<std::uint16_t> memory) noexcept : memory_(memory) {}

  std::size_t capacity() const noexcept { return memory_.size(); }
  std::size_t count() const noexcept { return count_; }
  bool full() const noexcept { return count_ == memory_.size(); }
  bool contains(std::uint16_t id) const noexcept { return index_of(id) != count_; }
  /// False when there is no room.
  bool add(std::uint16_t id) noexcept {
    if (contains(id)) { return true; }
    if (full()) { return false; }
    memory_[count_++] = id;
    return true;
  }
  /// False when it was not there.
  bool remove(std::uint16_t id) noexcept {
    const std::size_t index = index_of(id);
    if (index == count_) { return false; }
    memory_[index] = memory_[--count_];
    return true;
  }
  void clear() noexcept { count_ = 0; }
  std::span<const std::uint16_t> all() const noexcept { return memory_.first(count_); }

 private:
  std::size_t index_of(std::uint16_t id) const noexcept {
    std::size_t index = 0;
    while (index != count_ && memory_[index] != id) { ++index; }
    return index;
  }

  std::span<std::uint16_t> memory_;
  std::size_t count_ = 0;
};

}  // namespace mqtt
