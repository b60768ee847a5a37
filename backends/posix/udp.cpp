#include "backends/posix/udp.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

#include "backends/posix/address.hpp"
#include "backends/posix/error.hpp"

namespace nal::posix {

namespace {

constexpr int kSendFlags =
#ifdef MSG_NOSIGNAL
    MSG_NOSIGNAL;
#else
    0;
#endif

// Room for the packet info of either family and a hop limit.
constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int)) * 2;

template <class T>
T control_value(cmsghdr* header) noexcept {
  T value;
  std::memcpy(&value, CMSG_DATA(header), sizeof value);
  return value;
}

void read_control(msghdr& message, Received& received) noexcept {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      const auto info = control_value<in_pktinfo>(header);
      Ipv4Address::Bytes bytes;
      std::memcpy(bytes.data(), &info.ipi_addr, bytes.size());
      received.local.address = Ipv4Address::from_bytes(bytes);
      received.interface = InterfaceId(static_cast<std::uint32_t>(info.ipi_ifindex));
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      const auto info = control_value<in6_pktinfo>(header);
      Ipv6Address::Bytes bytes;
      std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
      const auto address = Ipv6Address::from_bytes(bytes);
      const auto index = static_cast<std::uint32_t>(info.ipi6_ifindex);
      received.local.address = address.is_link_local() ? Ipv6Address::from_bytes(bytes, index) : address;
      received.interface = InterfaceId(index);
    } else if ((header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TTL) ||
               (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_HOPLIMIT)) {
      received.hop_limit = static_cast<std::uint8_t>(control_value<int>(header));
    }
  }
}

// Has the system send from `local`, which is a unicast address of the remote's family.
void write_control(msghdr& message, const IpAddress& local) noexcept {
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (local.is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, local.bytes().data(), sizeof info.ipi_spec_dst);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, local.bytes().data(), sizeof info.ipi6_addr);
    info.ipi6_ifindex = local.zone();
    header->cmsg_level = IPPROTO_IPV6;
    header->cmsg_type = IPV6_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  }
}

template <class F>
Poll<Result<>> send_with(Socket* socket, Context& context, Waiter& waiter, F&& send) noexcept {
  if (!socket) { return Unexpected(Error::closed); }
  const auto wait = [&]() -> Poll<Result<>> {
    socket->writable = false;
    socket->writers.add(context, waiter, Wait::writable);
    return pending;
  };
  if (!socket->writable && !context.probing()) { return wait(); }
  for (;;) {
    if (send(socket->fd) >= 0) { return Result<>(); }
    switch (errno) {
      case EINTR: break;
      case EAGAIN: return wait();
      default: return Unexpected(error_from_errno(errno));
    }
  }
}

Result<> apply(int fd, bool v4, const UdpOptions& options) noexcept {
  const int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
  if (options.broadcast) { NAL_TRY(set_option(fd, SOL_SOCKET, SO_BROADCAST, *options.broadcast ? 1 : 0)); }
  if (options.hop_limit) {
    if (*options.hop_limit == 0) { return Unexpected(Error::invalid_argument); }
    NAL_TRY(set_option(fd, level, v4 ? IP_TTL : IPV6_UNICAST_HOPS, *options.hop_limit));
  }
  if (options.traffic_class) { NAL_TRY(set_option(fd, level, v4 ? IP_TOS : IPV6_TCLASS, *options.traffic_class)); }
  if (options.multicast_hop_limit) {
    NAL_TRY(set_option(fd, level, v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS, *options.multicast_hop_limit));
  }
  if (options.multicast_loopback) {
    NAL_TRY(set_option(fd, level, v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, *options.multicast_loopback ? 1 : 0));
  }
  if (options.multicast_interface) {
    const auto index = static_cast<int>(options.multicast_interface->index());
    if (v4) {
      ip_mreqn request{};
      request.imr_ifindex = index;
      if (::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) < 0) {
        return Unexpected(error_from_errno(errno));
      }
    } else {
      NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index));
    }
  }
  return {};
}

// Has the system tell the local address, interface and hop limit of every datagram, and deliver no multicast group but
// those that this socket joined.
Result<> prepare(int fd, bool v4, const UdpOptions& options) noexcept {
  if (v4) {
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_RECVTTL, 1));
#ifdef IP_MULTICAST_ALL
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0));
#endif
  } else {
    NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
#ifdef IPV6_MULTICAST_ALL
    NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0));
#endif
  }
  if (options.share_port) {
    NAL_TRY(set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    NAL_TRY(set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1));
  }
  return apply(fd, v4, options);
}

// A socket made ready by `f(fd)`, in the table.
template <class F>
Result<Socket*> open_udp(SocketTable& table, const IpAddress& address, const UdpOptions& options, F&& f) noexcept {
  if (table.full()) { return Unexpected(Error::table_full); }
  NAL_TRY_SET(const int fd, open_socket(address_family(address), SOCK_DGRAM));
  Result<> ready = prepare(fd, address.is_v4(), options);
  if (ready) { ready = f(fd); }
  if (!ready) {
    close_descriptor(fd);
    return Unexpected(ready.error());
  }
  NAL_TRY_SET(Socket * socket, table.take(fd));
  socket->local = bound_endpoint(fd);
  return socket;
}

// The address that the default route would send from: connecting a UDP socket sends nothing, but asks the routes.
Result<IpAddress> default_address(Family family) noexcept {
  using namespace nal::literals;
  const IpAddress outside = family == Family::v4 ? "192.0.2.1"_ip : "2001:db8::1"_ip;  // documentation: nobody's
  NAL_TRY_SET(const int fd, open_socket(address_family(outside), SOCK_DGRAM));
  const SocketAddress remote(Endpoint(outside, 9));
  const bool routed = ::connect(fd, remote.get(), remote.length) == 0;
  const IpAddress local = bound_endpoint(fd).address;
  close_descriptor(fd);
  if (routed && !local.is_unspecified()) { return local; }
  return IpAddress::loopback(family);
}

bool is_of_this_host(const IpAddress& address) noexcept {
  const auto fd = open_socket(address_family(address), SOCK_DGRAM);
  if (!fd) { return true; }  // not known
  const auto bound = bind_to(*fd, Endpoint(address, 0));
  close_descriptor(*fd);
  return bound || bound.error() != Error::address_not_available;
}

Error membership_error(int number, bool joining) noexcept {
  switch (number) {
    case ENOBUFS: return Error::table_full;  // a socket has room for so many groups, and sources of each
    case EADDRNOTAVAIL: return joining ? Error::address_in_use : Error::address_not_available;
    default: return error_from_errno(number);
  }
}

Result<> change_membership(Socket* socket, int request, const IpAddress& group, InterfaceId interface) noexcept {
  if (!socket) { return Unexpected(Error::closed); }
  if (!group.is_multicast() || group.family() != socket->local.address.family()) {
    return Unexpected(Error::invalid_argument);
  }
  group_req membership{};
  membership.gr_interface = interface.index();
  membership.gr_group = SocketAddress(Endpoint(group, 0)).storage;
  const int level = group.is_v4() ? IPPROTO_IP : IPPROTO_IPV6;
  if (::setsockopt(socket->fd, level, request, &membership, sizeof membership) < 0) {
    return Unexpected(membership_error(errno, request == MCAST_JOIN_GROUP));
  }
  return {};
}

Result<> change_source(Socket* socket, int request, const IpAddress& group, const IpAddress& source,
                       InterfaceId interface) noexcept {
  if (!socket) { return Unexpected(Error::closed); }
  if (!group.is_multicast() || group.family() != socket->local.address.family() || source.family() != group.family()) {
    return Unexpected(Error::invalid_argument);
  }
  group_source_req membership{};
  membership.gsr_interface = interface.index();
  membership.gsr_group = SocketAddress(Endpoint(group, 0)).storage;
  membership.gsr_source = SocketAddress(Endpoint(source, 0)).storage;
  const int level = group.is_v4() ? IPPROTO_IP : IPPROTO_IPV6;
  if (::setsockopt(socket->fd, level, request, &membership, sizeof membership) < 0) {
    return Unexpected(membership_error(errno, request == MCAST_JOIN_SOURCE_GROUP));
  }
  return {};
}

}  // namespace

Poll<Result<Received>> UdpSocket::poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  Socket* socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  const auto wait = [&]() -> Poll<Result<Received>> {
    socket->readable = false;
    socket->readers.add(context, waiter, Wait::readable);
    return pending;
  };
  if (!socket->readable && !context.probing()) { return wait(); }
  alignas(cmsghdr) std::byte control[kControlSize];
  SocketAddress remote;
  iovec vector{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_name = &remote.storage;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  for (;;) {
    message.msg_namelen = sizeof remote.storage;
    message.msg_controllen = sizeof control;
#ifdef __linux__
    const ssize_t got = ::recvmsg(socket->fd, &message, MSG_TRUNC);  // tells the whole size
#else
    const ssize_t got = ::recvmsg(socket->fd, &message, 0);
#endif
    if (got >= 0) {
      Received received;
      received.datagram_size = static_cast<std::size_t>(got);
      received.size = received.datagram_size < buffer.size() ? received.datagram_size : buffer.size();
      received.truncated = (message.msg_flags & MSG_TRUNC) != 0;
      received.local = socket->local;
      received.remote = remote.endpoint();
      read_control(message, received);
      return received;
    }
    switch (errno) {
      case EINTR: break;
      case EAGAIN: return wait();
      default: return Unexpected(error_from_errno(errno));
    }
  }
}

Result<> UdpSocket::configure(const UdpOptions& options) noexcept {
  const Socket* socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  return apply(socket->fd, socket->local.address.is_v4(), options);
}

Endpoint UdpSocket::local_endpoint() const noexcept {
  const Socket* socket = live();
  return socket ? socket->local : Endpoint();
}

void UdpSocket::drop() noexcept {
  if (Socket* socket = live()) { socket->table->release(*socket); }
}

Poll<Result<>> ConnectedUdp::poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
  return send_with(live(), context, waiter,
                   [data](int fd) { return ::send(fd, data.data(), data.size(), kSendFlags); });
}

Endpoint ConnectedUdp::remote_endpoint() const noexcept {
  const Socket* socket = live();
  return socket ? socket->remote : Endpoint();
}

Poll<Result<>> BoundUdp::poll_send(Context& context, Waiter& waiter, const Endpoint& local, const Endpoint& remote,
                                   std::span<const std::byte> data) noexcept {
  Socket* socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  if (remote.address.family() != socket->local.address.family() || remote.port == 0) {
    return Unexpected(Error::invalid_argument);
  }
  SocketAddress to(remote);
  alignas(cmsghdr) std::byte control[kControlSize] = {};
  iovec vector{const_cast<std::byte*>(data.data()), data.size()};
  msghdr message{};
  message.msg_name = &to.storage;
  message.msg_namelen = to.length;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  // A datagram to a group or to everybody is answered from an address of one's own.
  const IpAddress& from = local.address;
  if (!from.is_unspecified() && !from.is_multicast() && !from.is_broadcast() && from != socket->local.address) {
    if (from.family() != remote.address.family()) { return Unexpected(Error::invalid_argument); }
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    write_control(message, from);
  }
  auto sent = send_with(socket, context, waiter, [&](int fd) { return ::sendmsg(fd, &message, kSendFlags); });
  if (message.msg_control && sent.ready() && !*sent && !is_of_this_host(from)) {
    return Unexpected(Error::address_not_available);  // systems differ in what they call that
  }
  return sent;
}

Result<> BoundUdp::join(const IpAddress& group, InterfaceId interface) noexcept {
  return change_membership(live(), MCAST_JOIN_GROUP, group, interface);
}
Result<> BoundUdp::leave(const IpAddress& group, InterfaceId interface) noexcept {
  return change_membership(live(), MCAST_LEAVE_GROUP, group, interface);
}
Result<> BoundUdp::join_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept {
  return change_source(live(), MCAST_JOIN_SOURCE_GROUP, group, source, interface);
}
Result<> BoundUdp::leave_source(const IpAddress& group, const IpAddress& source, InterfaceId interface) noexcept {
  return change_source(live(), MCAST_LEAVE_SOURCE_GROUP, group, source, interface);
}

Result<ConnectedUdp> udp_connect_from(SocketTable& table, const Endpoint& local, const Endpoint& remote,
                                      const UdpOptions& options) noexcept {
  if (local.address.family() != remote.address.family() || remote.port == 0) {
    return Unexpected(Error::invalid_argument);
  }
  NAL_TRY_SET(Socket * socket, open_udp(table, remote.address, options, [&](int fd) -> Result<> {
                if (!local.address.is_unspecified() || local.port != 0) { NAL_TRY(bind_to(fd, local)); }
                const SocketAddress address(remote);
                if (::connect(fd, address.get(), address.length) == 0) { return {}; }
                // EAGAIN: no ephemeral port is left.
                return Unexpected(errno == EAGAIN ? Error::address_not_available : error_from_errno(errno));
              }));
  socket->remote = remote;
  return ConnectedUdp(*socket);
}

Result<BoundUdp> udp_bind_single(SocketTable& table, const Endpoint& local, const UdpOptions& options) noexcept {
  Endpoint single = local;
  if (single.address.is_unspecified()) { NAL_TRY_SET(single.address, default_address(local.address.family())); }
  NAL_TRY_SET(Socket * socket, open_udp(table, single.address, options, [&](int fd) { return bind_to(fd, single); }));
  return BoundUdp(*socket);
}

Result<BoundUdp> udp_bind_multiple(SocketTable& table, const Endpoint& local, const UdpOptions& options) noexcept {
  NAL_TRY_SET(Socket * socket, open_udp(table, local.address, options, [&](int fd) { return bind_to(fd, local); }));
  return BoundUdp(*socket);
}

}  // namespace nal::posix
