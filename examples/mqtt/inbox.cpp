#include "examples/mqtt/inbox.hpp"

#include <algorithm>
#include <cstring>

#include "nal/assert.hpp"

namespace mqtt {

namespace {
/// A packet is held in place only if acknowledgements still find this much room behind it.
constexpr std::size_t kWorthKeeping = 64;
}  // namespace

void Inbox::close_gap() noexcept {
  if (first_ == held_last_) { return; }
  std::memmove(memory_.data() + held_last_, memory_.data() + first_, last_ - first_);
  last_ -= first_ - held_last_;
  first_ = held_last_;
}

std::span<std::byte> Inbox::room() noexcept {
  if (first_ == last_) {
    first_ = last_ = held_last_;
  } else if (last_ == memory_.size()) {
    close_gap();
  }
  return memory_.subspan(last_);
}

void Inbox::commit(std::size_t n) noexcept {
  NAL_ASSERT(n <= memory_.size() - last_);
  last_ += n;
  if (skip_ != 0) {
    const std::size_t here = std::min(skip_, last_ - first_);
    first_ += here;
    skip_ -= here;
  }
}

void Inbox::consume(std::size_t n) noexcept {
  NAL_ASSERT(n <= last_ - first_);
  first_ += n;
}

void Inbox::skip(std::size_t n) noexcept {
  const std::size_t here = std::min(n, last_ - first_);
  first_ += here;
  skip_ = n - here;
}

std::span<const std::byte> Inbox::hold(std::size_t n) noexcept {
  NAL_ASSERT(!holding_ && n <= last_ - first_);
  if (memory_.size() - last_ < kWorthKeeping) { close_gap(); }
  const auto packet = std::span<const std::byte>(memory_).subspan(first_, n);
  first_ += n;
  held_last_ = first_;
  holding_ = true;
  return packet;
}

}  // namespace mqtt
