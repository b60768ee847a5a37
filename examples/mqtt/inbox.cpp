#include "examples/mqtt/inbox.hpp"

#include <algorithm>
#include <cstring>

namespace mqtt {

namespace {
/// A packet is held in place only if acknowledgements still find this much room behind it.
constexpr std::size_t kWorthKeeping = 64;
}  // namespace

void Inbox::close_gap() noexcept {
  const std::size_t gap = kept_ - held_last_;
  if (gap == 0) { return; }
  std::memmove(memory_.data() + held_last_, memory_.data() + kept_, last_ - kept_);
  kept_ -= gap;
  first_ -= gap;
  last_ -= gap;
}

std::span<std::byte> Inbox::room() noexcept {
  if (!pinned_ && (last_ == kept_ || last_ == memory_.size())) { close_gap(); }
  return memory_.subspan(last_);
}

void Inbox::consume(std::size_t n) noexcept {
  NAL_ASSERT(n <= last_ - first_);
  if (kept_ == first_) {
    first_ += n;
    kept_ = first_;
    return;
  }
  last_ -= n;
  std::memmove(memory_.data() + first_, memory_.data() + first_ + n, last_ - first_);
}

void Inbox::skip(std::size_t n) noexcept {
  const std::size_t here = std::min(n, last_ - first_);
  consume(here);
  skip_ = n - here;
}

void Inbox::prepare_hold() noexcept {
  if (!holding() && memory_.size() - last_ < kWorthKeeping) { close_gap(); }
}

}  // namespace mqtt
