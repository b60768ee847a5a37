#pragma once
#include <algorithm>
#include <cstring>

#include "nal/stream.hpp"

namespace nal {

/// Makes a `ZeroCopyReader` of any reader with a buffer of the caller's. What it has buffered is read through it alone.
/// Reads that are at least as large as the buffer go past it.
template <ByteReader S>
class BufferedReader {
 public:
  /// `stream` and `buffer` (not empty) outlive it.
  BufferedReader(S& stream, std::span<std::byte> buffer) noexcept : stream_(&stream), buffer_(buffer) {
    NAL_ASSERT(!buffer.empty());
  }

  Poll<Result<std::span<const std::byte>>> poll_fill(Context& context, Waiter& waiter) noexcept {
    if (first_ == last_) {
      auto got = stream_->poll_read(context, waiter, buffer_);
      if (!got.ready()) { return pending; }
      if (!*got) { return Unexpected(got->error()); }
      first_ = 0;
      last_ = **got;
    }
    return Result<std::span<const std::byte>>(buffered());
  }
  void consume(std::size_t n) noexcept {
    NAL_ASSERT(n <= last_ - first_);
    first_ += n;
  }
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if (first_ == last_ && buffer.size() >= buffer_.size()) { return stream_->poll_read(context, waiter, buffer); }
    if (buffer.empty()) { return std::size_t{0}; }
    auto filled = poll_fill(context, waiter);
    if (!filled.ready()) { return pending; }
    if (!*filled) { return Unexpected(filled->error()); }
    const std::size_t n = std::min(buffer.size(), (*filled)->size());
    if (n != 0) { std::memcpy(buffer.data(), (*filled)->data(), n); }
    consume(n);
    return n;
  }

  /// What is there without waiting.
  std::span<const std::byte> buffered() const noexcept { return buffer_.subspan(first_, last_ - first_); }
  S& stream() noexcept { return *stream_; }

 private:
  S* stream_;
  std::span<std::byte> buffer_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
};

}  // namespace nal
