#pragma once
#include <algorithm>
#include <cstring>

#include "nal/block_on.hpp"
#include "nal/stream.hpp"

namespace nal {

// What verbs give is not constrained again: clang 16 looks at a verb's return type before its constraints, and would
// not say what is missing. So it is for all of them.

/// See `read`.
template <class S>
class [[nodiscard("await it")]] Read {
 public:
  Read(S& stream, std::span<std::byte> buffer) noexcept : stream_(&stream), buffer_(buffer) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept { return stream_->poll_read(context, waiter_, buffer_); }

 private:
  S* stream_;
  std::span<std::byte> buffer_;
  Waiter waiter_;
};

/// Reads what is there, at least a byte. *Completes* with how many bytes; 0 at the end of the stream, or at once for an
/// empty buffer. *Errors*: the stream's. *Cancellation*: nothing was read. *Buffer lifetime*: until it completes or is
/// destroyed.
template <ByteReader S>
Read<S> read(S& stream, std::span<std::byte> buffer) noexcept {
  return Read<S>(stream, buffer);
}
/// `read` without waiting: `Error::would_block` if nothing is there.
template <ByteReader S>
Result<std::size_t> try_read(Executor& executor, S& stream, std::span<std::byte> buffer) noexcept {
  return try_once(executor, read(stream, buffer));
}

/// See `read_exact`.
template <class S>
class [[nodiscard("await it")]] ReadExact {
 public:
  ReadExact(S& stream, std::span<std::byte> buffer) noexcept : stream_(&stream), buffer_(buffer) {}
  Poll<Result<>> poll(Context& context) noexcept {
    while (size_ < buffer_.size()) {
      auto got = stream_->poll_read(context, waiter_, buffer_.subspan(size_));
      if (!got.ready()) { return pending; }
      if (!*got) { return Unexpected(got->error()); }
      if (**got == 0) { return Unexpected(Error::end_of_stream); }
      size_ += **got;
    }
    return Result<>();
  }
  /// Bytes read so far.
  std::size_t size() const noexcept { return size_; }

 private:
  S* stream_;
  std::span<std::byte> buffer_;
  std::size_t size_ = 0;
  Waiter waiter_;
};

/// Fills the buffer. *Completes* when it is full. *Errors*: end_of_stream if the stream ends before; the stream's.
/// *Cancellation*: `size()` bytes were read and stand in the buffer: keep the operation (`auto op = read_exact(...)`)
/// and pass it by reference to know. *Buffer lifetime*: until it completes or is destroyed.
template <ByteReader S>
ReadExact<S> read_exact(S& stream, std::span<std::byte> buffer) noexcept {
  return ReadExact<S>(stream, buffer);
}

/// See `read_until`.
template <class S>
class [[nodiscard("await it")]] ReadUntil {
 public:
  ReadUntil(S& stream, std::span<std::byte> buffer, std::byte delimiter) noexcept
      : stream_(&stream), buffer_(buffer), delimiter_(delimiter) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept {
    for (;;) {
      auto filled = stream_->poll_fill(context, waiter_);
      if (!filled.ready()) { return pending; }
      if (!*filled) { return Unexpected(filled->error()); }
      const std::span<const std::byte> bytes = **filled;
      if (bytes.empty()) { return Unexpected(Error::end_of_stream); }
      const std::size_t room = std::min(bytes.size(), buffer_.size() - size_);
      if (room == 0) { return Unexpected(Error::buffer_too_small); }
      const auto found = std::find(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(room), delimiter_);
      const auto upto = static_cast<std::size_t>(found - bytes.begin());
      const std::size_t taken = upto < room ? upto + 1 : room;
      std::memcpy(buffer_.data() + size_, bytes.data(), taken);
      stream_->consume(taken);
      size_ += taken;
      if (upto < room) { return size_; }
    }
  }
  /// Bytes read so far.
  std::size_t size() const noexcept { return size_; }

 private:
  S* stream_;
  std::span<std::byte> buffer_;
  std::size_t size_ = 0;
  std::byte delimiter_;
  Waiter waiter_;
};

/// Reads up to and including a delimiter; nothing behind it is taken. *Completes* with how many bytes stand in the
/// buffer, the delimiter last. *Errors*: buffer_too_small when the buffer is full without it, end_of_stream when the
/// stream ends before it (`size()` bytes stand in the buffer either way); the stream's. *Cancellation*: as
/// `read_exact`. *Buffer lifetime*: until it completes or is destroyed.
template <ZeroCopyReader S>
ReadUntil<S> read_until(S& stream, std::span<std::byte> buffer, std::byte delimiter) noexcept {
  return ReadUntil<S>(stream, buffer, delimiter);
}

}  // namespace nal
