#pragma once
#include <cstdint>

#include "nal/stream.hpp"

namespace nal {

/// See `copy`.
template <class R, class W>
class [[nodiscard("await it")]] Copy {
 public:
  Copy(R& reader, W& writer, std::span<std::byte> buffer) noexcept
      : reader_(&reader), writer_(&writer), buffer_(buffer) {
    NAL_ASSERT(!buffer.empty());
  }
  Poll<Result<std::uint64_t>> poll(Context& context) noexcept {
    // Bounded work a poll, so that two fast ends do not keep the other tasks from running.
    for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
      if (first_ == last_) {
        auto got = reader_->poll_read(context, waiter_, buffer_);
        if (!got.ready()) { return pending; }
        if (!*got) { return Unexpected(got->error()); }
        if (**got == 0) { return copied_; }
        first_ = 0;
        last_ = **got;
      }
      auto taken = writer_->poll_write(context, waiter_, buffer_.subspan(first_, last_ - first_));
      if (!taken.ready()) { return pending; }
      if (!*taken) { return Unexpected(taken->error()); }
      first_ += **taken;
      copied_ += **taken;
    }
    context.wake_soon();
    return pending;
  }
  /// Bytes that reached the writer so far.
  std::uint64_t copied() const noexcept { return copied_; }
  /// Read but not written yet.
  std::span<const std::byte> unwritten() const noexcept { return buffer_.subspan(first_, last_ - first_); }

 private:
  static constexpr unsigned kTurnsPerPoll = 16;
  R* reader_;
  W* writer_;
  std::span<std::byte> buffer_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  std::uint64_t copied_ = 0;
  Waiter waiter_;
};

/// The same without a buffer, from the reader's own memory.
template <class R, class W>
class [[nodiscard("await it")]] CopyInPlace {
 public:
  CopyInPlace(R& reader, W& writer) noexcept : reader_(&reader), writer_(&writer) {}
  Poll<Result<std::uint64_t>> poll(Context& context) noexcept {
    for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
      auto filled = reader_->poll_fill(context, waiter_);
      if (!filled.ready()) { return pending; }
      if (!*filled) { return Unexpected(filled->error()); }
      if ((*filled)->empty()) { return copied_; }
      auto taken = writer_->poll_write(context, waiter_, **filled);
      if (!taken.ready()) { return pending; }
      if (!*taken) { return Unexpected(taken->error()); }
      reader_->consume(**taken);
      copied_ += **taken;
    }
    context.wake_soon();
    return pending;
  }
  std::uint64_t copied() const noexcept { return copied_; }

 private:
  static constexpr unsigned kTurnsPerPoll = 16;
  R* reader_;
  W* writer_;
  std::uint64_t copied_ = 0;
  Waiter waiter_;
};

/// Copies from a reader to a writer up to the reader's end, which is not passed on (`shutdown` does). *Completes* with
/// how many bytes. *Errors*: those of either. *Cancellation*: `copied()` bytes are written, `unwritten()` are read but
/// not written. *Buffer lifetime*: until it completes or is destroyed.
template <ByteReader R, ByteWriter W>
Copy<R, W> copy(R& reader, W& writer, std::span<std::byte> buffer) noexcept {
  return Copy<R, W>(reader, writer, buffer);
}
/// The same from the reader's own memory: nothing is read that is not written.
template <ZeroCopyReader R, ByteWriter W>
CopyInPlace<R, W> copy(R& reader, W& writer) noexcept {
  return CopyInPlace<R, W>(reader, writer);
}

}  // namespace nal
