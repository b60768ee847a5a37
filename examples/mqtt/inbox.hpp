#pragma once
#include <cstddef>
#include <span>

#include "nal/assert.hpp"

namespace mqtt {

/// What has arrived, in the caller's memory: packets are looked at where they lie. Messages are kept until the
/// application asks for them, one of them is held while it looks at it, and what stands behind them is read all the
/// same.
///
///     memory  |  held  |  (gap)  |  kept  |  unread  |  room  |
///                      ^held_last ^kept    ^first     ^last
class Inbox {
 public:
  explicit Inbox(std::span<std::byte> memory) noexcept : memory_(memory) {}

  /// A new connection: what is unread is void, what is held and kept stays.
  void restart() noexcept {
    last_ = first_;
    skip_ = 0;
    pinned_ = false;
  }

  /// Where to put what arrives next; empty while messages leave no room. Void after any other call.
  std::span<std::byte> room() noexcept;
  void commit(std::size_t n) noexcept {
    NAL_ASSERT(n <= memory_.size() - last_);
    last_ += n;
  }

  std::span<const std::byte> unread() const noexcept { return {memory_.data() + first_, last_ - first_}; }
  /// A packet of this size can never be here as a whole.
  bool too_small_for(std::size_t size) const noexcept { return size > memory_.size(); }
  std::size_t capacity() const noexcept { return memory_.size(); }
  /// Takes unread bytes off the front.
  void consume(std::size_t n) noexcept;
  /// Takes `n` bytes off the front, even if they have not arrived yet.
  void skip(std::size_t n) noexcept;
  bool skipping() const noexcept { return skip_ != 0; }
  /// Takes off what has arrived of it.
  void skip_on() noexcept { skip(skip_); }

  /// Keeps the packet of `n` bytes at the front of what is unread.
  void keep(std::size_t n) noexcept {
    NAL_ASSERT(n <= last_ - first_);
    first_ += n;
  }
  /// Whole packets, the oldest first.
  std::span<const std::byte> kept() const noexcept { return {memory_.data() + kept_, first_ - kept_}; }
  /// Moves what is kept to where it may be held. Void: every view of what is kept or unread.
  void prepare_hold() noexcept;
  /// Takes the oldest kept packet, of `n` bytes, off but leaves it where it is until `release`. One at a time.
  void hold(std::size_t n) noexcept {
    NAL_ASSERT(!holding() && n != 0 && n <= first_ - kept_);
    kept_ += n;
    held_last_ = kept_;
  }
  bool holding() const noexcept { return held_last_ != 0; }
  void release() noexcept { held_last_ = 0; }
  /// Whether what is unread is to stay where it is, though that leaves less room.
  void pin(bool pinned) noexcept { pinned_ = pinned; }
  /// Forgets the oldest kept packet, of `n` bytes.
  void drop(std::size_t n) noexcept {
    NAL_ASSERT(n <= first_ - kept_);
    kept_ += n;
  }

 private:
  void close_gap() noexcept;

  std::span<std::byte> memory_;
  std::size_t held_last_ = 0;
  std::size_t kept_ = 0;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  std::size_t skip_ = 0;
  bool pinned_ = false;
};

}  // namespace mqtt
