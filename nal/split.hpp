#pragma once
#include <utility>

#include "nal/stream.hpp"

namespace nal {

/// The reading direction of a stream, for a task of its own. Borrows the stream, which outlives it.
template <class S>
class ReadHalf {
 public:
  explicit ReadHalf(S& stream) noexcept : stream_(&stream) {}
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    return stream_->poll_read(context, waiter, buffer);
  }
  Poll<Result<std::span<const std::byte>>> poll_fill(Context& context, Waiter& waiter) noexcept
    requires ZeroCopyReader<S>
  {
    return stream_->poll_fill(context, waiter);
  }
  void consume(std::size_t n) noexcept
    requires ZeroCopyReader<S>
  {
    stream_->consume(n);
  }

 private:
  S* stream_;
};

/// The writing direction of a stream, for a task of its own. Borrows the stream, which outlives it.
template <class S>
class WriteHalf {
 public:
  explicit WriteHalf(S& stream) noexcept : stream_(&stream) {}
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    return stream_->poll_write(context, waiter, data);
  }
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept
    requires GatherWriter<S>
  {
    return stream_->poll_write_gather(context, waiter, pieces);
  }
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept { return stream_->poll_flush(context, waiter); }
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept {
    return stream_->poll_shutdown(context, waiter);
  }
  Poll<Result<std::span<std::byte>>> poll_reserve(Context& context, Waiter& waiter) noexcept
    requires ZeroCopyWriter<S>
  {
    return stream_->poll_reserve(context, waiter);
  }
  void commit(std::size_t n) noexcept
    requires ZeroCopyWriter<S>
  {
    stream_->commit(n);
  }

 private:
  S* stream_;
};

/// Both directions, each for a task or a child of `join`: `auto [reader, writer] = nal::split(stream);`
template <ByteStream S>
std::pair<ReadHalf<S>, WriteHalf<S>> split(S& stream) noexcept {
  return {ReadHalf<S>(stream), WriteHalf<S>(stream)};
}

}  // namespace nal
