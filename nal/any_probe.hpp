#pragma once
#include "nal/any_handle.hpp"
#include "nal/probe.hpp"

namespace nal {

namespace detail {
struct AnyProbeSocketTable {
  AnyTable base;
  Poll<Result<>> (*send)(void*, Context&, Waiter&, const Probe&, std::span<const std::byte>) noexcept;
  Poll<Result<ProbeAnswer>> (*receive)(void*, Context&, Waiter&, std::span<std::byte>) noexcept;
  std::uint16_t (*identifier)(void*) noexcept;
};

template <class S>
constexpr AnyProbeSocketTable make_any_probe_socket_table() noexcept {
  return {
      .base = {&any_relocate<S>, &any_destroy<S>},
      .send = [](void* self, Context& c, Waiter& w, const Probe& p,
                 std::span<const std::byte> b) noexcept { return static_cast<S*>(self)->poll_send(c, w, p, b); },
      .receive = [](void* self, Context& c, Waiter& w,
                    std::span<std::byte> b) noexcept { return static_cast<S*>(self)->poll_receive(c, w, b); },
      .identifier = [](void* self) noexcept { return static_cast<const S*>(self)->identifier(); },
  };
}
template <class S>
inline constexpr AnyProbeSocketTable kAnyProbeSocket = make_any_probe_socket_table<S>();
}  // namespace detail

/// Any stack's probe socket, for code that is compiled once: four words, no heap. A model of `ProbeSocket`. A
/// moved-from one answers `Error::closed`.
class AnyProbeSocket : detail::AnyHandle<detail::AnyProbeSocketTable> {
 public:
  template <class S>
    requires(!std::same_as<S, AnyProbeSocket> && ProbeSocket<S>)
  explicit AnyProbeSocket(S socket) noexcept : AnyHandle(std::move(socket), detail::kAnyProbeSocket<S>) {}

  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Probe& probe,
                           std::span<const std::byte> data) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->send(self(), context, waiter, probe, data);
  }
  Poll<Result<ProbeAnswer>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->receive(self(), context, waiter, buffer);
  }
  std::uint16_t identifier() const noexcept { return table() ? table()->identifier(self()) : std::uint16_t{0}; }
};
static_assert(ProbeSocket<AnyProbeSocket>);

}  // namespace nal
