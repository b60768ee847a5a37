#pragma once
#include <cstring>
#include <span>

#include "nal/assert.hpp"

namespace mqtt {

/// Whole packets on their way to the stream, first in, first out, in the caller's memory.
class Outbox {
 public:
  explicit Outbox(std::span<std::byte> memory) noexcept : memory_(memory) {}

  std::size_t capacity() const noexcept { return memory_.size(); }
  bool empty() const noexcept { return size_ == 0; }
  std::span<const std::byte> front() const noexcept { return {memory_.data(), size_}; }
  std::size_t size() const noexcept { return size_; }
  /// Takes `n` bytes off the front: as a rule all that there is.
  void consume(std::size_t n) noexcept {
    NAL_ASSERT(n <= size_);
    size_ -= n;
    std::memmove(memory_.data(), memory_.data() + n, size_);
  }
  void clear() noexcept { size_ = 0; }

  /// Room for a packet of at most `size` bytes, or nothing; `commit` what was written to its front.
  std::span<std::byte> reserve(std::size_t size) noexcept {
    if (size > memory_.size() - size_) { return {}; }
    return {memory_.data() + size_, size};
  }
  void commit(std::size_t n) noexcept {
    NAL_ASSERT(n <= memory_.size() - size_);
    size_ += n;
  }
  /// Takes the last `n` bytes back.
  void take_back(std::size_t n) noexcept {
    NAL_ASSERT(n <= size_);
    size_ -= n;
  }

 private:
  std::span<std::byte> memory_;
  std::size_t size_ = 0;
};

}  // namespace mqtt
