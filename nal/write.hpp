#pragma once
#include "nal/block_on.hpp"
#include "nal/stream.hpp"

namespace nal {

/// See `write`.
template <class S>
class [[nodiscard("await it")]] Write {
 public:
  Write(S& stream, std::span<const std::byte> data) noexcept : stream_(&stream), data_(data) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept { return stream_->poll_write(context, waiter_, data_); }

 private:
  S* stream_;
  std::span<const std::byte> data_;
  Waiter waiter_;
};

/// Writes what the stream takes now, at least a byte. *Completes* with how many. *Errors*: the stream's.
/// *Cancellation*: nothing was written. *Buffer lifetime*: until it completes or is destroyed.
template <ByteWriter S>
Write<S> write(S& stream, std::span<const std::byte> data) noexcept {
  return Write<S>(stream, data);
}
/// `write` without waiting: `Error::would_block` if there is no room.
template <ByteWriter S>
Result<std::size_t> try_write(Executor& executor, S& stream, std::span<const std::byte> data) noexcept {
  return try_once(executor, write(stream, data));
}

/// See `write_all`.
template <class S>
class [[nodiscard("await it")]] WriteAll {
 public:
  WriteAll(S& stream, std::span<const std::byte> data) noexcept : stream_(&stream), rest_(data), size_(data.size()) {}
  Poll<Result<>> poll(Context& context) noexcept {
    while (!rest_.empty()) {
      auto taken = stream_->poll_write(context, waiter_, rest_);
      if (!taken.ready()) { return pending; }
      if (!*taken) { return Unexpected(taken->error()); }
      rest_ = rest_.subspan(**taken);
    }
    return Result<>();
  }
  /// Bytes the stream has taken so far.
  std::size_t written() const noexcept { return size_ - rest_.size(); }

 private:
  S* stream_;
  std::span<const std::byte> rest_;
  std::size_t size_;
  Waiter waiter_;
};

/// Writes everything. *Completes* when the stream has taken all of it. *Errors*: the stream's. *Cancellation*:
/// `written()` bytes were taken: keep the operation and pass it by reference to know. *Buffer lifetime*: until it
/// completes or is destroyed.
template <ByteWriter S>
WriteAll<S> write_all(S& stream, std::span<const std::byte> data) noexcept {
  return WriteAll<S>(stream, data);
}

/// See `write_gather`.
template <class S>
class [[nodiscard("await it")]] WriteGather {
 public:
  WriteGather(S& stream, std::span<std::span<const std::byte>> pieces) noexcept : stream_(&stream), pieces_(pieces) {}
  Poll<Result<>> poll(Context& context) noexcept {
    for (;;) {
      while (!pieces_.empty() && pieces_.front().empty()) { pieces_ = pieces_.subspan(1); }
      if (pieces_.empty()) { return Result<>(); }
      auto taken = poll_some(context);
      if (!taken.ready()) { return pending; }
      if (!*taken) { return Unexpected(taken->error()); }
      advance(**taken);
    }
  }
  /// Bytes the stream has taken so far.
  std::size_t written() const noexcept { return written_; }

 private:
  Poll<Result<std::size_t>> poll_some(Context& context) noexcept {
    if constexpr (GatherWriter<S>) {
      return stream_->poll_write_gather(context, waiter_, ConstBuffers(pieces_.data(), pieces_.size()));
    } else {
      return stream_->poll_write(context, waiter_, pieces_.front());
    }
  }
  void advance(std::size_t taken) noexcept {
    written_ += taken;
    for (auto& piece : pieces_) {
      const std::size_t here = taken < piece.size() ? taken : piece.size();
      piece = piece.subspan(here);
      taken -= here;
      if (taken == 0) { break; }
    }
  }

  S* stream_;
  std::span<std::span<const std::byte>> pieces_;
  std::size_t written_ = 0;
  Waiter waiter_;
};

/// Writes several pieces in order, in as few segments as the stream can. *Completes* when all are taken. *Errors*: the
/// stream's. *Cancellation*: as `write_all`. *Buffer lifetime*: pieces and their data until it completes or is
/// destroyed; the spans in `pieces` shrink as their data goes.
template <ByteWriter S>
WriteGather<S> write_gather(S& stream, std::span<std::span<const std::byte>> pieces) noexcept {
  return WriteGather<S>(stream, pieces);
}

/// See `flush`.
template <class S>
class [[nodiscard("await it")]] Flush {
 public:
  explicit Flush(S& stream) noexcept : stream_(&stream) {}
  Poll<Result<>> poll(Context& context) noexcept { return stream_->poll_flush(context, waiter_); }

 private:
  S* stream_;
  Waiter waiter_;
};
/// *Completes* when everything written was handed to the transport; says nothing about the peer. *Errors*: the
/// stream's. *Cancellation*: changes nothing.
template <ByteWriter S>
Flush<S> flush(S& stream) noexcept {
  return Flush<S>(stream);
}

/// See `shutdown`.
template <class S>
class [[nodiscard("await it")]] Shutdown {
 public:
  explicit Shutdown(S& stream) noexcept : stream_(&stream) {}
  Poll<Result<>> poll(Context& context) noexcept { return stream_->poll_shutdown(context, waiter_); }

 private:
  S* stream_;
  Waiter waiter_;
};
/// Ends this direction behind the written data; the other goes on. *Completes* when the end is queued. *Errors*: the
/// stream's. *Cancellation*: the end may have been queued.
template <ByteWriter S>
Shutdown<S> shutdown(S& stream) noexcept {
  return Shutdown<S>(stream);
}

}  // namespace nal
