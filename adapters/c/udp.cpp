#include "adapters/c/call.hpp"

namespace {

using nal::AnyUdpSocket;
using nal::Context;
using nal::Endpoint;
using nal::Waiter;
using Count = nal::Poll<nal::Result<std::size_t>>;
using Socket = nal::c::Held<nal_udp, AnyUdpSocket>;

/// Fills a closed handle with what `make(stack, local)` gives.
template <class F>
int bind(nal_loop* loop, nal_udp* socket, const nal_endpoint* local, F make) noexcept {
  if (!loop || !socket || !local) { return NAL_INVALID_ARGUMENT; }
  const auto endpoint = nal::c::from_c(*local);
  if (!endpoint) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(
      nal::c::fill<AnyUdpSocket>(*loop, *socket, [&]() noexcept { return make(loop->stack(), *endpoint); }));
}

/// Does `function(socket, group)`.
template <class F>
int with_group(nal_udp* socket, const nal_address* group, F function) noexcept {
  if (!group) { return NAL_INVALID_ARGUMENT; }
  const auto address = nal::c::from_c(*group);
  if (!address) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(nal::c::do_on<AnyUdpSocket>(
      socket, [&](AnyUdpSocket& held) noexcept { return nal::c::without_count(function(held, *address)); }));
}

void tell(nal_datagram& about, const nal::Received& received) noexcept {
  about.size = received.datagram_size;
  about.remote = nal::c::to_c(received.remote);
  about.local = nal::c::to_c(received.local);
  about.interface_index = received.interface.index();
  about.hop_limit = received.hop_limit;
  about.truncated = received.truncated ? 1 : 0;
}

}  // namespace

using namespace nal::c;

extern "C" {

int nal_udp_connect(nal_loop* loop, nal_udp* socket, const nal_endpoint* local, const nal_endpoint* remote,
                    const nal_udp_options* options) {
  if (!loop || !socket || !remote) { return NAL_INVALID_ARGUMENT; }
  const auto peer = from_c(*remote);
  if (!peer) { return NAL_INVALID_ARGUMENT; }
  const nal_endpoint any = to_c(Endpoint{nal::IpAddress::unspecified(peer->address.family()), 0});
  return bind(loop, socket, local ? local : &any, [&](nal::AnyStack& stack, const Endpoint& from) noexcept {
    return stack.udp_connect_from(from, *peer, from_c(options));
  });
}

int nal_udp_bind(nal_loop* loop, nal_udp* socket, const nal_endpoint* local, const nal_udp_options* options) {
  return bind(loop, socket, local, [options](nal::AnyStack& stack, const Endpoint& from) noexcept {
    return stack.udp_bind_single(from, from_c(options));
  });
}

int nal_udp_bind_all(nal_loop* loop, nal_udp* socket, const nal_endpoint* local, const nal_udp_options* options) {
  return bind(loop, socket, local, [options](nal::AnyStack& stack, const Endpoint& from) noexcept {
    return stack.udp_bind_multiple(from, from_c(options));
  });
}

int nal_udp_close(nal_udp* socket) {
  return static_cast<int>(do_on<AnyUdpSocket>(
      socket,
      [socket](AnyUdpSocket&) noexcept {
        const AnyUdpSocket closed = Socket::take(*socket);
        return nal::Result<std::size_t>(0);
      },
      Kind::closes));
}

nal_count nal_udp_receive(nal_udp* socket, void* buffer, size_t size, nal_datagram* about, nal_deadline deadline) {
  if (!buffer && size != 0) { return NAL_INVALID_ARGUMENT; }
  return wait_on<AnyUdpSocket>(
      socket, deadline, [buffer, size, about](AnyUdpSocket& held, Context& context, Waiter& waiter) noexcept -> Count {
        auto received = held.poll_receive(context, waiter, bytes(buffer, size));
        if (!received.ready()) { return nal::pending; }
        if (!*received) { return nal::Unexpected((*received).error()); }
        if (about) { tell(*about, **received); }
        return (*received)->size;
      });
}

int nal_udp_send(nal_udp* socket, const void* data, size_t size, nal_deadline deadline) {
  if (!data && size != 0) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(wait_on<AnyUdpSocket>(
      socket, deadline, [data, size](AnyUdpSocket& held, Context& context, Waiter& waiter) noexcept {
        return without_count(held.poll_send(context, waiter, bytes(data, size)));
      }));
}

int nal_udp_send_to(nal_udp* socket, const nal_endpoint* local, const nal_endpoint* remote, const void* data,
                    size_t size, nal_deadline deadline) {
  if (!remote || (!data && size != 0)) { return NAL_INVALID_ARGUMENT; }
  const auto to = from_c(*remote);
  if (!to) { return NAL_INVALID_ARGUMENT; }
  std::optional<Endpoint> from;
  if (local) {
    const auto given = from_c(*local);
    if (!given) { return NAL_INVALID_ARGUMENT; }
    from = *given;
  }
  return static_cast<int>(wait_on<AnyUdpSocket>(
      socket, deadline,
      [data, size, &from, remote_endpoint = *to](AnyUdpSocket& held, Context& context, Waiter& waiter) noexcept {
        const Endpoint source = from ? *from : held.local_endpoint();
        return without_count(held.poll_send(context, waiter, source, remote_endpoint, bytes(data, size)));
      }));
}

int nal_udp_join(nal_udp* socket, const nal_address* group, uint32_t interface_index) {
  return with_group(socket, group, [interface_index](AnyUdpSocket& held, const nal::IpAddress& address) noexcept {
    return held.join(address, nal::InterfaceId(interface_index));
  });
}

int nal_udp_leave(nal_udp* socket, const nal_address* group, uint32_t interface_index) {
  return with_group(socket, group, [interface_index](AnyUdpSocket& held, const nal::IpAddress& address) noexcept {
    return held.leave(address, nal::InterfaceId(interface_index));
  });
}

int nal_udp_configure(nal_udp* socket, const nal_udp_options* options) {
  if (!options) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(do_on<AnyUdpSocket>(
      socket, [options](AnyUdpSocket& held) noexcept { return without_count(held.configure(from_c(options))); }));
}

int nal_udp_local(nal_udp* socket, nal_endpoint* out) {
  if (!out) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(do_on<AnyUdpSocket>(socket, [out](AnyUdpSocket& held) noexcept {
    *out = to_c(held.local_endpoint());
    return nal::Result<std::size_t>(0);
  }));
}

int nal_udp_remote(nal_udp* socket, nal_endpoint* out) {
  if (!out) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(do_on<AnyUdpSocket>(socket, [out](AnyUdpSocket& held) noexcept {
    *out = to_c(held.remote_endpoint());
    return nal::Result<std::size_t>(0);
  }));
}

}  // extern "C"
