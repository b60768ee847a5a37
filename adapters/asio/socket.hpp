#pragma once
#include <memory>
#include <optional>

#include "adapters/asio/endpoint.hpp"
#include "adapters/asio/loop.hpp"
#include "nal/tcp.hpp"

namespace nal::with_asio {

/// A TCP socket of Asio's as a nal stream, a model of `TcpStream` and `GatherWriter`: what is written for nal runs over
/// a connection that an Asio program made. Reads and writes do not block; who has to wait waits for readiness, so no
/// buffer is held between two polls and dropping any operation is safe.
///
/// The socket is one of the loop's executor, and is made non-blocking. *Dropping* closes it as Asio does. The loop
/// outlives it, or was closed.
class Socket {
 public:
  Socket(Loop& loop, ::asio::ip::tcp::socket socket) : state_(std::make_shared<State>(loop, std::move(socket))) {
    ErrorCode ignored;  // what cannot be made so says it when it is used
    state_->socket.non_blocking(true, ignored);
  }
  Socket(Socket&&) noexcept = default;
  Socket& operator=(Socket&& other) noexcept {
    if (this != &other) {
      drop();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~Socket() { drop(); }

  /// Asio's, for what nal has no words for.
  ::asio::ip::tcp::socket& socket() noexcept { return state_->socket; }

  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if (!state_) { return Unexpected(Error::closed); }
    if (buffer.empty()) { return std::size_t{0}; }
    ErrorCode error;
    const std::size_t size = state_->socket.read_some(::asio::buffer(buffer.data(), buffer.size()), error);
    if (error == ::asio::error::eof) { return std::size_t{0}; }
    return answer(context, waiter, state_->read, ::asio::socket_base::wait_read, size, error);
  }
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    const std::span<const std::byte> one[] = {data};
    return poll_write_gather(context, waiter, one);
  }
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept {
    if (!state_) { return Unexpected(Error::closed); }
    std::array<::asio::const_buffer, 16> buffers;
    std::size_t count = 0;
    for (const auto piece : pieces) {
      if (!piece.empty() && count < buffers.size()) { buffers[count++] = {piece.data(), piece.size()}; }
    }
    if (count == 0) { return std::size_t{0}; }
    ErrorCode error;
    const std::size_t size = state_->socket.write_some(std::span(buffers).first(count), error);
    return answer(context, waiter, state_->write, ::asio::socket_base::wait_write, size, error);
  }
  Poll<Result<>> poll_flush(Context&, Waiter&) noexcept { return status(); }
  Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept {
    if (!state_) { return Unexpected(Error::closed); }
    ErrorCode error;
    state_->socket.shutdown(::asio::socket_base::shutdown_send, error);
    if (error && error != ::asio::error::not_connected) { return Unexpected(to_error(error)); }
    return Result<>();
  }
  Poll<Result<>> poll_connected(Context&, Waiter&) noexcept { return status(); }
  void abort() noexcept {
    if (!state_) { return; }
    ErrorCode ignored;
    state_->socket.set_option(::asio::socket_base::linger(true, 0), ignored);
    drop();
  }
  Result<> configure(const TcpOptions& options) noexcept {
    if (!state_) { return Unexpected(Error::closed); }
    ErrorCode error;
    if (options.no_delay) { state_->socket.set_option(::asio::ip::tcp::no_delay(*options.no_delay), error); }
    if (!error && options.keep_alive) {
      state_->socket.set_option(::asio::socket_base::keep_alive(options.keep_alive->enabled), error);
    }
    if (!error && options.hop_limit) {
      state_->socket.set_option(::asio::ip::unicast::hops(*options.hop_limit), error);
    }
    if (error) { return Unexpected(to_error(error)); }
    if (options.user_timeout || options.traffic_class) { return Unexpected(Error::not_supported); }
    return {};
  }
  Endpoint local_endpoint() const noexcept {
    ErrorCode error;
    return state_ ? to_nal(state_->socket.local_endpoint(error)) : Endpoint();
  }
  Endpoint remote_endpoint() const noexcept {
    ErrorCode error;
    return state_ ? to_nal(state_->socket.remote_endpoint(error)) : Endpoint();
  }

 private:
  /// Who waits for one direction, and whether Asio has been asked to tell.
  struct Direction {
    WaitList waiters;
    bool asked = false;
  };
  struct State {
    State(Loop& of, ::asio::ip::tcp::socket&& from) : loop(&of), socket(std::move(from)) {}
    Loop* loop;  ///< null when the stream is gone
    ::asio::ip::tcp::socket socket;
    Direction read;
    Direction write;
  };
  class Ready {
   public:
    using executor_type = Loop::executor_type;
    Ready(std::shared_ptr<State> state, Direction State::*direction)
        : executor_(state->loop->get_executor()), state_(std::move(state)), direction_(direction) {}
    executor_type get_executor() const noexcept { return executor_; }
    void operator()(const ErrorCode&) const {
      if (!state_->loop) { return; }
      const Loop::Turn turn(*state_->loop);
      Direction& direction = *state_.*direction_;
      direction.asked = false;
      direction.waiters.wake_all();
    }

   private:
    executor_type executor_;
    std::shared_ptr<State> state_;
    Direction State::*direction_;
  };

  Result<> status() const noexcept {
    if (!state_) { return Unexpected(Error::closed); }
    return {};
  }
  Poll<Result<std::size_t>> answer(Context& context, Waiter& waiter, Direction& direction,
                                   ::asio::socket_base::wait_type what, std::size_t size,
                                   const ErrorCode& error) noexcept {
    if (!error) { return size; }
    if (error != ::asio::error::would_block && error != ::asio::error::try_again) {
      return Unexpected(to_error(error));
    }
    direction.waiters.add(context, waiter, what == ::asio::socket_base::wait_read ? Wait::readable : Wait::writable);
    if (!direction.asked && !context.probing()) {
      direction.asked = true;
      state_->socket.async_wait(what, Ready(state_, &direction == &state_->read ? &State::read : &State::write));
    }
    return pending;
  }
  void drop() noexcept {
    if (!state_) { return; }
    const auto state = std::move(state_);
    state->loop = nullptr;
    state->read.waiters.wake_all();
    state->write.waiters.wake_all();
    ErrorCode ignored;
    state->socket.close(ignored);
  }

  std::shared_ptr<State> state_;
};
static_assert(TcpStream<Socket> && GatherWriter<Socket>);

}  // namespace nal::with_asio
