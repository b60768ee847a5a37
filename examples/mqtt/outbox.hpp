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
  bool empty() const noexcept { return first_ == last_; }
  std::span<const std::byte> front() const noexcept { return {memory_.data() + first_, last_ - first_}; }
  std::size_t size() const noexcept { return last_ - first_; }
  void consume(std::size_t n) noexcept {
    NAL_ASSERT(n <= last_ - first_);
    first_ += n;
    if (empty()) { clear(); }
  }
  void clear() noexcept { first_ = last_ = 0; }

  /// Room for a packet of at most `size` bytes, or nothing; `commit` what was written to its front.
  std::span<std::byte> reserve(std::size_t size) noexcept {
    if (size > memory_.size() - last_) {
      if (first_ != 0) {
        std::memmove(memory_.data(), memory_.data() + first_, last_ - first_);
        last_ -= first_;
        first_ = 0;
      }
      if (size > memory_.size() - last_) { return {}; }
    }
    return memory_.subspan(last_, size);
  }
  void commit(std::size_t n) noexcept {
    NAL_ASSERT(n <= memory_.size() - last_);
    last_ += n;
  }
  /// Takes the last `n` bytes back.
  void take_back(std::size_t n) noexcept {
    NAL_ASSERT(n <= last_ - first_);
    last_ -= n;
    if (empty()) { clear(); }
  }

 private:
  std::span<std::byte> memory_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
};

}  // namespace mqtt
