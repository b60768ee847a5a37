#pragma once
#include <algorithm>
#include <array>
#include <cstddef>

#include "nal/tcp.hpp"

namespace nal::test {

/// One direction of a pipe: a small ring that fills up, takes little at a time, and now and then has nothing to give
/// although there is something.
struct PipeDirection {
  static constexpr std::size_t kCapacity = 13;
  std::array<std::byte, kCapacity> ring{};
  std::size_t first = 0;
  std::size_t size = 0;
  bool ended = false;
  WaitList readable;
  WaitList writable;
  unsigned reads = 0;
};

/// A connection between two streams in one program, without a stack or a heap.
struct Pipe {
  PipeDirection ahead;
  PipeDirection back;
  /// Most bytes that one write takes.
  std::size_t chunk = 5;
  /// Every n-th read has nothing to give and wakes its task again soon; 0: none.
  unsigned hiccup = 3;
  /// Both ends are told `connection_reset`.
  bool reset = false;
  int open_ends = 0;

  void break_down() noexcept {
    reset = true;
    for (PipeDirection* direction : {&ahead, &back}) {
      direction->readable.wake_all();
      direction->writable.wake_all();
    }
  }
};

/// One end of a pipe. Dropping it ends its direction.
class PipeEnd {
 public:
  PipeEnd(Pipe& pipe, PipeDirection& from, PipeDirection& to) noexcept : pipe_(&pipe), from_(&from), to_(&to) {
    ++pipe.open_ends;
  }
  PipeEnd(PipeEnd&& other) noexcept : pipe_(std::exchange(other.pipe_, nullptr)), from_(other.from_), to_(other.to_) {}
  PipeEnd& operator=(PipeEnd&& other) noexcept {
    drop();
    pipe_ = std::exchange(other.pipe_, nullptr);
    from_ = other.from_;
    to_ = other.to_;
    return *this;
  }
  ~PipeEnd() { drop(); }

  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if (pipe_->reset) { return Unexpected(Error::connection_reset); }
    if (buffer.empty() || (from_->size == 0 && from_->ended)) { return std::size_t{0}; }
    const bool hiccup = pipe_->hiccup != 0 && ++from_->reads % pipe_->hiccup == 0;
    if (from_->size == 0 || hiccup) {
      from_->readable.add(context, waiter, Wait::readable);
      if (from_->size != 0) { context.wake_soon(); }
      return pending;
    }
    const std::size_t count = std::min(buffer.size(), from_->size);
    for (std::size_t i = 0; i < count; ++i) {
      buffer[i] = from_->ring[from_->first];
      from_->first = (from_->first + 1) % PipeDirection::kCapacity;
    }
    from_->size -= count;
    from_->writable.wake_all();
    return count;
  }
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    if (pipe_->reset) { return Unexpected(Error::connection_reset); }
    if (to_->ended) { return Unexpected(Error::broken_pipe); }
    if (data.empty()) { return std::size_t{0}; }
    const std::size_t room = PipeDirection::kCapacity - to_->size;
    if (room == 0) {
      to_->writable.add(context, waiter, Wait::writable);
      return pending;
    }
    const std::size_t count = std::min({data.size(), room, pipe_->chunk});
    for (std::size_t i = 0; i < count; ++i) {
      to_->ring[(to_->first + to_->size + i) % PipeDirection::kCapacity] = data[i];
    }
    to_->size += count;
    to_->readable.wake_all();
    return count;
  }
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept {
    if (pipe_->reset) { return Unexpected(Error::connection_reset); }
    if (to_->size == 0) { return Result<>(); }
    to_->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept {
    if (pipe_->reset) { return Unexpected(Error::connection_reset); }
    to_->ended = true;
    to_->readable.wake_all();
    return Result<>();
  }

  // What makes a TCP stream of it.
  Poll<Result<>> poll_connected(Context&, Waiter&) noexcept { return Result<>(); }
  void abort() noexcept {
    if (pipe_ != nullptr) { pipe_->break_down(); }
  }
  Result<> configure(const TcpOptions&) noexcept { return Unexpected(Error::not_supported); }
  Endpoint local_endpoint() const noexcept { return {}; }
  Endpoint remote_endpoint() const noexcept { return {}; }

 private:
  void drop() noexcept {
    if (pipe_ == nullptr) { return; }
    --pipe_->open_ends;
    to_->ended = true;
    to_->readable.wake_all();
    pipe_ = nullptr;
  }

  Pipe* pipe_;
  PipeDirection* from_;
  PipeDirection* to_;
};
static_assert(TcpStream<PipeEnd>);

/// A pipe with its two ends.
struct PipePair {
  Pipe pipe;
  PipeEnd near{pipe, pipe.back, pipe.ahead};
  PipeEnd far{pipe, pipe.ahead, pipe.back};
};

}  // namespace nal::test
