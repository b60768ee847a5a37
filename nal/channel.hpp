#pragma once
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "nal/future.hpp"

namespace nal {

/// A bounded queue between tasks of one executor, first in, first out. Any number of senders and receivers.
/// Closing it lets receivers take what is queued and then tells them `Error::closed`.
template <class T, std::size_t Capacity>
class Channel {
  static_assert(Capacity > 0);

 public:
  using value_type = T;

  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    while (size_ != 0) { static_cast<void>(pop()); }
  }

  /// *Errors*: would_block when full; closed. `value` is moved from only on success.
  Result<> try_send(T&& value) noexcept {
    if (closed_) { return Unexpected(Error::closed); }
    if (size_ == Capacity) { return Unexpected(Error::would_block); }
    std::construct_at(slot((first_ + size_) % Capacity), std::move(value));
    ++size_;
    receivers_.wake_all();
    return {};
  }
  Result<> try_send(const T& value) noexcept { return try_send(T(value)); }
  /// *Errors*: would_block when empty; closed when empty and closed.
  Result<T> try_receive() noexcept {
    if (size_ != 0) { return pop(); }
    return Unexpected(closed_ ? Error::closed : Error::would_block);
  }

  Poll<Result<>> poll_send(Context& context, Waiter& waiter, T& value) noexcept {
    Result<> sent = try_send(std::move(value));
    if (sent.error_or(Error::closed) != Error::would_block) { return sent; }
    senders_.add(context, waiter, Wait::channel);
    return pending;
  }
  Poll<Result<T>> poll_receive(Context& context, Waiter& waiter) noexcept {
    if (size_ != 0 || closed_) { return try_receive(); }
    receivers_.add(context, waiter, Wait::channel);
    return pending;
  }

  /// Nothing more will be sent. Everybody who waits learns it.
  void close() noexcept {
    closed_ = true;
    senders_.wake_all();
    receivers_.wake_all();
  }
  bool is_closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  static constexpr std::size_t capacity() noexcept { return Capacity; }

 private:
  T* slot(std::size_t index) noexcept { return std::launder(reinterpret_cast<T*>(memory_ + index * sizeof(T))); }
  T pop() noexcept {
    T* front = slot(first_);
    T value(std::move(*front));
    std::destroy_at(front);
    first_ = (first_ + 1) % Capacity;
    --size_;
    senders_.wake_all();
    return value;
  }

  alignas(T) std::byte memory_[Capacity * sizeof(T)];
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  WaitList senders_;
  WaitList receivers_;
  bool closed_ = false;
};

/// See `send(channel, value)`.
template <class T, std::size_t N>
class [[nodiscard("await it")]] ChannelSend {
 public:
  ChannelSend(Channel<T, N>& channel, T value) noexcept : channel_(&channel), value_(std::move(value)) {}
  Poll<Result<>> poll(Context& context) noexcept { return channel_->poll_send(context, waiter_, value_); }

 private:
  Channel<T, N>* channel_;
  T value_;
  Waiter waiter_;
};
/// *Completes* when the value is queued. *Errors*: closed. *Cancellation*: not queued, and the value is destroyed.
template <class T, std::size_t N>
ChannelSend<T, N> send(Channel<T, N>& channel, std::type_identity_t<T> value) noexcept {
  return ChannelSend<T, N>(channel, std::move(value));
}

/// See `receive(channel)`.
template <class T, std::size_t N>
class [[nodiscard("await it")]] ChannelReceive {
 public:
  explicit ChannelReceive(Channel<T, N>& channel) noexcept : channel_(&channel) {}
  Poll<Result<T>> poll(Context& context) noexcept { return channel_->poll_receive(context, waiter_); }

 private:
  Channel<T, N>* channel_;
  Waiter waiter_;
};
/// *Completes* with the oldest value. *Errors*: closed, when nothing is queued any more. *Cancellation*: takes nothing.
template <class T, std::size_t N>
ChannelReceive<T, N> receive(Channel<T, N>& channel) noexcept {
  return ChannelReceive<T, N>(channel);
}

}  // namespace nal
