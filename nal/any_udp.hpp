#pragma once
#include "nal/any_handle.hpp"
#include "nal/udp.hpp"

namespace nal {

namespace detail {
struct AnyUdpSocketTable {
  AnyTable base;
  Poll<Result<Received>> (*receive)(void*, Context&, Waiter&, std::span<std::byte>) noexcept;
  Poll<Result<>> (*send)(void*, Context&, Waiter&, std::span<const std::byte>) noexcept;
  Poll<Result<>> (*send_to)(void*, Context&, Waiter&, const Endpoint&, const Endpoint&,
                            std::span<const std::byte>) noexcept;
  Result<> (*configure)(void*, const UdpOptions&) noexcept;
  Endpoint (*local)(void*) noexcept;
  Endpoint (*remote)(void*) noexcept;
  Result<> (*join)(void*, const IpAddress&, InterfaceId) noexcept;
  Result<> (*leave)(void*, const IpAddress&, InterfaceId) noexcept;
  Result<> (*join_source)(void*, const IpAddress&, const IpAddress&, InterfaceId) noexcept;
  Result<> (*leave_source)(void*, const IpAddress&, const IpAddress&, InterfaceId) noexcept;
};

template <class U>
constexpr AnyUdpSocketTable make_any_udp_socket_table() noexcept {
  AnyUdpSocketTable table{
      .base = {&any_relocate<U>, &any_destroy<U>},
      .receive = [](void* self, Context& c, Waiter& w,
                    std::span<std::byte> b) noexcept { return static_cast<U*>(self)->poll_receive(c, w, b); },
      .send = [](void*, Context&, Waiter&, std::span<const std::byte>) noexcept -> Poll<Result<>> {
        return Unexpected(Error::not_connected);
      },
      .send_to = [](void*, Context&, Waiter&, const Endpoint&, const Endpoint&,
                    std::span<const std::byte>) noexcept -> Poll<Result<>> { return Unexpected(Error::not_supported); },
      .configure = [](void* self, const UdpOptions& o) noexcept { return static_cast<U*>(self)->configure(o); },
      .local = [](void* self) noexcept { return static_cast<const U*>(self)->local_endpoint(); },
      .remote = [](void*) noexcept { return Endpoint(); },
      .join = [](void*, const IpAddress&, InterfaceId) noexcept -> Result<> {
        return Unexpected(Error::not_supported);
      },
      .leave = [](void*, const IpAddress&, InterfaceId) noexcept -> Result<> {
        return Unexpected(Error::not_supported);
      },
      .join_source = [](void*, const IpAddress&, const IpAddress&, InterfaceId) noexcept -> Result<> {
        return Unexpected(Error::not_supported);
      },
      .leave_source = [](void*, const IpAddress&, const IpAddress&, InterfaceId) noexcept -> Result<> {
        return Unexpected(Error::not_supported);
      },
  };
  if constexpr (ConnectedUdp<U>) {
    table.send = [](void* self, Context& c, Waiter& w, std::span<const std::byte> b) noexcept {
      return static_cast<U*>(self)->poll_send(c, w, b);
    };
    table.remote = [](void* self) noexcept { return static_cast<const U*>(self)->remote_endpoint(); };
  }
  if constexpr (UnconnectedUdp<U>) {
    table.send_to = [](void* self, Context& c, Waiter& w, const Endpoint& local, const Endpoint& remote,
                       std::span<const std::byte> b) noexcept {
      return static_cast<U*>(self)->poll_send(c, w, local, remote, b);
    };
    table.join = [](void* self, const IpAddress& group, InterfaceId interface) noexcept {
      return static_cast<U*>(self)->join(group, interface);
    };
    table.leave = [](void* self, const IpAddress& group, InterfaceId interface) noexcept {
      return static_cast<U*>(self)->leave(group, interface);
    };
    table.join_source = [](void* self, const IpAddress& group, const IpAddress& source,
                           InterfaceId interface) noexcept {
      return static_cast<U*>(self)->join_source(group, source, interface);
    };
    table.leave_source = [](void* self, const IpAddress& group, const IpAddress& source,
                            InterfaceId interface) noexcept {
      return static_cast<U*>(self)->leave_source(group, source, interface);
    };
  }
  return table;
}
template <class U>
inline constexpr AnyUdpSocketTable kAnyUdpSocket = make_any_udp_socket_table<U>();
}  // namespace detail

/// Any stack's UDP socket, connected or not, for code that is compiled once: four words, no heap. A model of both
/// `ConnectedUdp` and `UnconnectedUdp`; what its socket is not made for is `Error::not_connected` (sending without a
/// remote endpoint) or `Error::not_supported`. A moved-from one answers `Error::closed`.
class AnyUdpSocket : detail::AnyHandle<detail::AnyUdpSocketTable> {
 public:
  template <class U>
    requires(!std::same_as<U, AnyUdpSocket> && DatagramReceiver<U>)
  explicit AnyUdpSocket(U socket) noexcept : AnyHandle(std::move(socket), detail::kAnyUdpSocket<U>) {}

  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->receive(self(), context, waiter, buffer);
  }
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->send(self(), context, waiter, data);
  }
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Endpoint& local, const Endpoint& remote,
                           std::span<const std::byte> data) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->send_to(self(), context, waiter, local, remote, data);
  }
  Result<> configure(const UdpOptions& options) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->configure(self(), options);
  }
  Endpoint local_endpoint() const noexcept { return table() ? table()->local(self()) : Endpoint(); }
  Endpoint remote_endpoint() const noexcept { return table() ? table()->remote(self()) : Endpoint(); }
  Result<> join(const IpAddress& group, InterfaceId interface) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->join(self(), group, interface);
  }
  Result<> leave(const IpAddress& group, InterfaceId interface) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->leave(self(), group, interface);
  }
  Result<> join_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->join_source(self(), group, source, interface);
  }
  Result<> leave_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->leave_source(self(), group, source, interface);
  }
};
static_assert(ConnectedUdp<AnyUdpSocket> && UnconnectedUdp<AnyUdpSocket>);

}  // namespace nal
