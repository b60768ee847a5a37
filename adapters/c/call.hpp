#pragma once
// What the functions of nal_c.h share. Not for applications.
#include <algorithm>
#include <limits>
#include <new>
#include <optional>
#include <string_view>

#include "adapters/c/loop.hpp"

namespace nal::c {

/// One of `enum nal_error`.
nal_count to_count(Error error) noexcept;
inline nal_count to_count(const Result<std::size_t>& result) noexcept {
  return result ? static_cast<nal_count>(*result) : to_count(result.error());
}

/// The result of what gives no number.
inline Poll<Result<std::size_t>> without_count(const Poll<Result<>>& polled) noexcept {
  if (!polled.ready()) { return pending; }
  if (!*polled) { return Unexpected((*polled).error()); }
  return std::size_t{0};
}
inline Result<std::size_t> without_count(const Result<>& result) noexcept {
  if (!result) { return Unexpected(result.error()); }
  return std::size_t{0};
}

// A count can tell no more than this.
inline constexpr std::size_t kMostBytes = static_cast<std::size_t>(std::numeric_limits<nal_count>::max());
inline std::span<std::byte> bytes(void* data, std::size_t size) noexcept {
  return {static_cast<std::byte*>(data), std::min(size, kMostBytes)};
}
inline std::span<const std::byte> bytes(const void* data, std::size_t size) noexcept {
  return {static_cast<const std::byte*>(data), std::min(size, kMostBytes)};
}
constexpr std::string_view view(const char* text) noexcept {
  std::size_t size = 0;
  while (text[size] != '\0') { ++size; }
  return {text, size};
}

/// `invalid_argument` for what is no address.
Result<IpAddress> from_c(const nal_address& address) noexcept;
Result<Endpoint> from_c(const nal_endpoint& endpoint) noexcept;
nal_address to_c(const IpAddress& address) noexcept;
nal_endpoint to_c(const Endpoint& endpoint) noexcept;
TcpOptions from_c(const nal_tcp_options* options) noexcept;
UdpOptions from_c(const nal_udp_options* options) noexcept;

/// A call whose operation is `F`, polled as `operation(context, waiter)`; made and destroyed by the caller's thread,
/// dropped by the loop's.
template <class F>
class CallOf final : public Call {
 public:
  CallOf(Loop& loop, const void* target, nal_deadline deadline, F&& operation) noexcept
      : Call(loop, kTable, target, deadline), operation_(std::move(operation)) {}

 private:
  struct Operation {
    explicit Operation(F&& given) noexcept : function(std::move(given)) {}
    F function;
    Waiter waiter;
  };
  static Poll<Result<std::size_t>> poll(Call& call, Context& context) noexcept {
    auto& operation = *static_cast<CallOf&>(call).operation_;
    return operation.function(context, operation.waiter);
  }
  static void drop(Call& call) noexcept { static_cast<CallOf&>(call).operation_.reset(); }
  static constexpr Table kTable{&poll, &drop};
  std::optional<Operation> operation_;
};

/// Carries out an operation that may wait.
template <class F>
nal_count wait_for(Loop& loop, const void* target, nal_deadline deadline, F operation) noexcept {
  CallOf<F> call(loop, target, deadline, std::move(operation));
  return loop.carry_out(call, Kind::may_wait);
}
/// Carries out `function()`, which does not wait and gives a `Result<std::size_t>`.
template <class F>
nal_count at_once(Loop& loop, F function, Kind kind = Kind::at_once) noexcept {
  auto operation = [&function](Context&, Waiter&) noexcept -> Poll<Result<std::size_t>> { return function(); };
  CallOf<decltype(operation)> call(loop, nullptr, NAL_NO_WAIT, std::move(operation));
  return loop.carry_out(call, kind);
}

/// What stands in a C handle `C`: a handle `H`, touched by the loop's thread alone.
template <class C, class H>
struct Held {
  static_assert(sizeof(H) <= sizeof(C::handle_) && alignof(H) <= alignof(void*));
  // What is in memory by chance is no open handle.
  static constexpr std::uintptr_t kOpen = 0x6e41'4c21;

  static H* in(C& handle) noexcept {
    return handle.open_ == kOpen ? std::launder(reinterpret_cast<H*>(handle.handle_)) : nullptr;
  }
  static void put(nal_loop& loop, C& handle, H&& held) noexcept {
    ::new (static_cast<void*>(handle.handle_)) H(std::move(held));
    handle.loop_ = &loop;
    handle.open_ = kOpen;
    loop.count_handle(true);
  }
  /// Closes it: the calls on it end, and what it held is the caller's.
  static H take(C& handle) noexcept {
    H held(std::move(*in(handle)));
    in(handle)->~H();
    handle.open_ = 0;
    handle.loop_->count_handle(false);
    handle.loop_->end_calls(&handle, Error::closed);
    return held;
  }
};

/// Carries out `operation(H&, context, waiter)` on an open handle.
template <class H, class C, class F>
nal_count wait_on(C* handle, nal_deadline deadline, F operation) noexcept {
  if (!handle || !handle->loop_) { return to_count(handle ? Error::closed : Error::invalid_argument); }
  return wait_for(*handle->loop_, handle, deadline,
                  [handle, operation](Context& context, Waiter& waiter) mutable noexcept -> Poll<Result<std::size_t>> {
                    H* held = Held<C, H>::in(*handle);
                    if (!held) { return Unexpected(Error::closed); }
                    return operation(*held, context, waiter);
                  });
}
/// Carries out `function(H&)` on an open handle, at once.
template <class H, class C, class F>
nal_count do_on(C* handle, F function, Kind kind = Kind::at_once) noexcept {
  if (!handle || !handle->loop_) { return to_count(handle ? Error::closed : Error::invalid_argument); }
  const auto with_handle = [handle, &function]() noexcept -> Result<std::size_t> {
    H* held = Held<C, H>::in(*handle);
    if (!held) { return Unexpected(Error::closed); }
    return function(*held);
  };
  return at_once(*handle->loop_, with_handle, kind);
}

/// Has `make()`, which gives a `Result<H>` at once, fill a closed handle.
template <class H, class C, class F>
nal_count fill(nal_loop& loop, C& handle, F make) noexcept {
  return at_once(loop, [&loop, &handle, &make]() noexcept -> Result<std::size_t> {
    if (Held<C, H>::in(handle)) { return Unexpected(Error::invalid_argument); }
    auto made = make();
    if (!made) { return Unexpected(made.error()); }
    Held<C, H>::put(loop, handle, *std::move(made));
    return std::size_t{0};
  });
}

}  // namespace nal::c
