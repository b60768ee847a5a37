#pragma once
#include <cstddef>
#include <span>

#include "examples/mqtt/packet.hpp"

namespace mqtt {

/// What has arrived, in the caller's memory: packets are looked at where they lie. One packet can be held for an
/// application while those behind it go on being read.
///
///     memory  |  held  |  (free)  |  unread  |  room  |
///                      ^held_last ^first     ^last
class Inbox {
 public:
  explicit Inbox(std::span<std::byte> memory) noexcept : memory_(memory) {}

  /// A new connection: what was not parsed is void, what is held stays.
  void restart() noexcept {
    first_ = last_ = held_last_;
    skip_ = 0;
  }

  /// Where to put what arrives next; empty while a held packet leaves no room. Void after any other call.
  std::span<std::byte> room() noexcept;
  void commit(std::size_t n) noexcept;

  /// What is unread. Empty while a skip is under way.
  std::span<const std::byte> unread() const noexcept { return memory_.subspan(first_, last_ - first_); }
  /// A packet of this size can never be here as a whole.
  bool too_small_for(std::size_t size) const noexcept { return size > memory_.size(); }

  /// Takes what was looked at off the front.
  void consume(std::size_t n) noexcept;
  /// Takes `n` bytes off the front, even if they have not arrived yet.
  void skip(std::size_t n) noexcept;
  bool skipping() const noexcept { return skip_ != 0; }

  /// Takes a packet of `n` bytes off the front but leaves it where it is (or moves it now, never later) until `release`.
  std::span<const std::byte> hold(std::size_t n) noexcept;
  bool holding() const noexcept { return holding_; }
  void release() noexcept {
    holding_ = false;
    held_last_ = 0;
    if (first_ == last_) { first_ = last_ = 0; }
  }

 private:
  void close_gap() noexcept;

  std::span<std::byte> memory_;
  std::size_t held_last_ = 0;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  std::size_t skip_ = 0;
  bool holding_ = false;
};

}  // namespace mqtt
