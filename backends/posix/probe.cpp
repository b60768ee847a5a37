#include "backends/posix/probe.hpp"

#include "backends/posix/error.hpp"

#ifdef __linux__

// Before Linux's own, which would define the same in part.
#include <netinet/in.h>

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "backends/posix/address.hpp"
#include "nal/driver/checksum.hpp"

namespace nal::posix {

namespace {

using Kind = ProbeAnswer::Kind;
using Reason = ProbeAnswer::Reason;

constexpr std::size_t kIcmpHeader = 8;
constexpr std::size_t kIpv4Header = 20;
// An extended error with the address of who told it, packet info of either family, and a hop limit.
constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(sock_extended_err) + sizeof(sockaddr_in6)) +
                                     CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int)) * 2;

std::uint16_t load_be16(const std::byte* at) noexcept {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(at[0]) << 8 | std::to_integer<unsigned>(at[1]));
}
void store_be16(std::byte* at, unsigned value) noexcept {
  at[0] = static_cast<std::byte>(value >> 8);
  at[1] = static_cast<std::byte>(value & 0xff);
}

template <class T>
T control_value(const cmsghdr* header) noexcept {
  T value;
  std::memcpy(&value, CMSG_DATA(header), sizeof value);
  return value;
}

Reason reason_v4(std::uint8_t code) noexcept {
  switch (code) {
    case ICMP_NET_UNREACH:
    case ICMP_NET_UNKNOWN:
    case ICMP_NET_UNR_TOS: return Reason::network;
    case ICMP_HOST_UNREACH:
    case ICMP_HOST_UNKNOWN:
    case ICMP_HOST_UNR_TOS: return Reason::host;
    case ICMP_PROT_UNREACH: return Reason::protocol;
    case ICMP_PORT_UNREACH: return Reason::port;
    case ICMP_NET_ANO:
    case ICMP_HOST_ANO:
    case ICMP_PKT_FILTERED: return Reason::prohibited;
    default: return Reason::other;
  }
}
Reason reason_v6(std::uint8_t code) noexcept {
  switch (code) {
    case ICMPV6_NOROUTE: return Reason::network;
    case ICMPV6_ADDR_UNREACH: return Reason::host;
    case ICMPV6_PORT_UNREACH: return Reason::port;
    case ICMPV6_ADM_PROHIBITED:
    case ICMPV6_POLICY_FAIL:
    case ICMPV6_REJECT_ROUTE: return Reason::prohibited;
    default: return Reason::other;
  }
}

void read_error_v4(const sock_extended_err& error, ProbeAnswer& answer) noexcept {
  if (error.ee_type == ICMP_TIME_EXCEEDED) {
    answer.kind = Kind::time_exceeded;
  } else if (error.ee_type != ICMP_DEST_UNREACH) {
    answer.kind = Kind::parameter_problem;
  } else if (error.ee_code == ICMP_FRAG_NEEDED) {
    answer.kind = Kind::too_big;
    answer.mtu = error.ee_info;
  } else {
    answer.kind = Kind::unreachable;
    answer.reason = reason_v4(error.ee_code);
  }
}
void read_error_v6(const sock_extended_err& error, ProbeAnswer& answer) noexcept {
  switch (error.ee_type) {
    case ICMPV6_DEST_UNREACH:
      answer.kind = Kind::unreachable;
      answer.reason = reason_v6(error.ee_code);
      break;
    case ICMPV6_PKT_TOOBIG:
      answer.kind = Kind::too_big;
      answer.mtu = error.ee_info;
      break;
    case ICMPV6_TIME_EXCEED: answer.kind = Kind::time_exceeded; break;
    default: answer.kind = Kind::parameter_problem; break;
  }
}

/// Who told of an error: it stands behind it.
IpAddress offender(const cmsghdr* header) noexcept {
  const auto* const error = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(header));
  SocketAddress address;
  const std::size_t room = header->cmsg_len - CMSG_LEN(sizeof *error);
  std::memcpy(&address.storage, SO_EE_OFFENDER(error), std::min(room, sizeof(sockaddr_in6)));
  return address.endpoint().address;
}

void read_control(msghdr& message, ProbeAnswer& answer) noexcept {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    const bool v4 = header->cmsg_level == IPPROTO_IP;
    if (!v4 && header->cmsg_level != IPPROTO_IPV6) { continue; }
    if (header->cmsg_type == (v4 ? IP_TTL : IPV6_HOPLIMIT)) {
      answer.hop_limit = static_cast<std::uint8_t>(control_value<int>(header));
    } else if (header->cmsg_type == (v4 ? IP_PKTINFO : IPV6_PKTINFO)) {
      const auto index = v4 ? static_cast<std::uint32_t>(control_value<in_pktinfo>(header).ipi_ifindex)
                            : static_cast<std::uint32_t>(control_value<in6_pktinfo>(header).ipi6_ifindex);
      answer.interface = InterfaceId(index);
    }
  }
}

const cmsghdr* find_error(msghdr& message) noexcept {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    const bool v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
    const bool v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
    if (v4 || v6) { return header; }
  }
  return nullptr;
}

Result<> prepare(int fd, bool v4, const ProbeOptions& options) noexcept {
  if (v4) {
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_RECVERR, 1));
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_RECVTTL, 1));
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
  } else {
    if (options.kind == ProbeKind::udp) { NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)); }
    NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1));
    NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
    NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
  }
  if (options.broadcast) { NAL_TRY(set_option(fd, SOL_SOCKET, SO_BROADCAST, 1)); }
  return {};
}

/// Has a raw socket receive echo replies alone.
Result<> filter_replies(int fd, bool v4) noexcept {
  int failed = 0;
  if (v4) {
    icmp_filter filter{~(1U << ICMP_ECHOREPLY)};
    failed = ::setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
  } else {
    std::array<std::uint32_t, 8> blocked{};
    blocked.fill(0xffff'ffff);
    blocked[ICMPV6_ECHO_REPLY / 32] &= ~(1U << (ICMPV6_ECHO_REPLY % 32));
    failed = ::setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, blocked.data(), sizeof blocked);
  }
  if (failed < 0) { return Unexpected(error_from_errno(errno)); }
  return {};
}

/// What a probe wants of its IP header.
Result<> configure(int fd, bool v4, const Probe& probe) noexcept {
  const int hops = probe.hop_limit == 0 ? -1 : probe.hop_limit;
  if (v4) {
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_TTL, hops));
    NAL_TRY(set_option(fd, IPPROTO_IP, IP_TOS, probe.traffic_class));
    return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, probe.dont_fragment ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
  }
  NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops));
  NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, probe.traffic_class));
  NAL_TRY(set_option(fd, IPPROTO_IPV6, IPV6_DONTFRAG, probe.dont_fragment ? 1 : 0));
  return set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, probe.dont_fragment ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT);
}

/// Has a message leave by an interface.
void choose_interface(msghdr& message, std::span<std::byte> control, bool v4, InterfaceId interface) noexcept {
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  const auto put = [&](int level, int type, const auto& info) {
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  };
  if (v4) {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(interface.index());
    put(IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    info.ipi6_ifindex = interface.index();
    put(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

std::array<std::byte, kIcmpHeader> echo_request(bool v4, std::uint16_t identifier, std::uint16_t sequence,
                                                std::span<const std::byte> data) noexcept {
  std::array<std::byte, kIcmpHeader> header{};
  header[0] = static_cast<std::byte>(v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST);
  store_be16(&header[4], identifier);
  store_be16(&header[6], sequence);
  // Of ICMPv6 the system makes it, with the address that it picks.
  if (v4) { store_be16(&header[2], ~driver::internet_sum(data, driver::internet_sum(header)) & 0xffffU); }
  return header;
}

}  // namespace

Result<ProbeSocket> open_probe(SocketTable& table, const ProbeOptions& options) noexcept {
  if (table.full()) { return Unexpected(Error::table_full); }
  const bool v4 = options.local.is_v4();
  const bool echo = options.kind == ProbeKind::echo;
  int protocol = 0;
  if (echo) { protocol = v4 ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6); }
  const auto open = [&](int type) {
    return ::socket(address_family(options.local), type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  };
  int fd = open(SOCK_DGRAM);
  bool raw = false;
  if (fd < 0 && echo && (errno == EACCES || errno == EPERM || errno == EPROTONOSUPPORT)) {
    fd = open(SOCK_RAW);
    raw = fd >= 0;
  }
  if (fd < 0) { return Unexpected(error_from_errno(errno)); }
  const auto make_ready = [&]() -> Result<> {
    NAL_TRY(prepare(fd, v4, options));
    if (raw) { NAL_TRY(filter_replies(fd, v4)); }
    const std::uint16_t port = echo && !raw ? options.identifier : std::uint16_t{0};
    return bind_to(fd, Endpoint(options.local, port));
  };
  const Result<> ready = make_ready();
  if (!ready) {
    close_descriptor(fd);
    return Unexpected(ready.error());
  }
  NAL_TRY_SET(Socket * socket, table.take(fd));
  socket->local = bound_endpoint(fd);
  if (raw) {
    socket->local.port = options.identifier;
    while (socket->local.port == 0) {
      if (::getrandom(&socket->local.port, sizeof socket->local.port, 0) < 0) { socket->local.port = 1; }
    }
  }
  return ProbeSocket(*socket, options.kind, raw, options.first_port);
}

void ProbeSocket::drop() noexcept {
  if (Socket* socket = live()) { socket->table->release(*socket); }
}

std::uint16_t ProbeSocket::identifier() const noexcept {
  const Socket* socket = live();
  return socket ? socket->local.port : std::uint16_t{0};
}

Poll<Result<>> ProbeSocket::poll_send(Context& context, Waiter& waiter, const Probe& probe,
                                      std::span<const std::byte> data) noexcept {
  Socket* const socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  const bool v4 = socket->local.address.is_v4();
  const bool echo = kind_ == ProbeKind::echo;
  if (probe.destination.is_unspecified() || probe.destination.family() != socket->local.address.family() ||
      (!echo && first_port_ + probe.sequence > 0xffff)) {
    return Unexpected(Error::invalid_argument);
  }
  if (const Result<> configured = configure(socket->fd, v4, probe); !configured) {
    return Unexpected(configured.error());
  }
  SocketAddress to(
      {probe.destination, echo ? std::uint16_t{0} : static_cast<std::uint16_t>(first_port_ + probe.sequence)});
  auto header = echo_request(v4, socket->local.port, probe.sequence, data);
  std::array<iovec, 2> parts{iovec{header.data(), header.size()},
                             iovec{const_cast<std::byte*>(data.data()), data.size()}};
  msghdr message{};
  message.msg_name = &to.storage;
  message.msg_namelen = to.length;
  message.msg_iov = echo ? parts.data() : &parts[1];
  message.msg_iovlen = echo ? 2 : 1;
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  if (!probe.interface.is_any()) { choose_interface(message, control, v4, probe.interface); }
  for (bool again = true;;) {
    // What an earlier probe came to is told by the error queue, and not in place of what this one does.
    int earlier = 0;
    socklen_t size = sizeof earlier;
    (void)::getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &earlier, &size);
    if (::sendmsg(socket->fd, &message, MSG_NOSIGNAL) >= 0) { return Result<>(); }
    switch (errno) {
      case EINTR: continue;
      case EAGAIN:
        socket->writable = false;
        socket->writers.add(context, waiter, Wait::writable);
        return pending;
      case EMSGSIZE: too_big_ = probe.sequence; return Unexpected(Error::message_size);
      case ECONNREFUSED:
      case EHOSTUNREACH:
      case ENETUNREACH:
      case EPROTO:
        if (std::exchange(again, false)) { continue; }  // it may have come in between
        [[fallthrough]];
      default: return Unexpected(error_from_errno(errno));
    }
  }
}

ProbeSocket::Took ProbeSocket::take_error(Socket& socket, ProbeAnswer& answer) noexcept {
  alignas(cmsghdr) std::byte control[kControlSize];
  std::byte quoted[kIcmpHeader] = {};
  SocketAddress destination;
  iovec vector{quoted, sizeof quoted};
  msghdr message{};
  message.msg_name = &destination.storage;
  message.msg_namelen = sizeof destination.storage;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket.fd, &message, MSG_ERRQUEUE);
  if (got < 0) { return errno == EINTR ? Took::other : Took::nothing; }
  const cmsghdr* const found = find_error(message);
  if (!found) { return Took::other; }
  const auto error = control_value<sock_extended_err>(found);
  answer = ProbeAnswer();
  answer.destination = destination.endpoint().address;
  if (error.ee_origin == SO_EE_ORIGIN_LOCAL) {
    if (error.ee_errno != EMSGSIZE) { return Took::other; }
    answer.kind = Kind::too_big;
    answer.from = IpAddress::unspecified(socket.local.address.family());
    answer.mtu = error.ee_info;
    answer.sequence = too_big_;
    return Took::answer;
  }
  const bool v4 = error.ee_origin == SO_EE_ORIGIN_ICMP;
  if (!v4 && error.ee_origin != SO_EE_ORIGIN_ICMP6) { return Took::other; }
  read_control(message, answer);
  answer.from = offender(found);
  answer.type = error.ee_type;
  answer.code = error.ee_code;
  if (v4) {
    read_error_v4(error, answer);
  } else {
    read_error_v6(error, answer);
  }
  if (kind_ == ProbeKind::udp) {
    answer.sequence = static_cast<std::uint16_t>(destination.endpoint().port - first_port_);
    return Took::answer;
  }
  const auto request = static_cast<std::byte>(v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST);
  const bool mine =
      got >= static_cast<ssize_t>(kIcmpHeader) && quoted[0] == request && load_be16(&quoted[4]) == socket.local.port;
  answer.sequence = load_be16(&quoted[6]);
  return mine ? Took::answer : Took::other;
}

Result<ProbeSocket::Took> ProbeSocket::take_reply(Socket& socket, std::span<std::byte> buffer,
                                                  ProbeAnswer& answer) noexcept {
  const bool v4 = socket.local.address.is_v4();
  const bool echo = kind_ == ProbeKind::echo;
  // A raw IPv4 socket gives the IP header as well.
  const std::size_t ip = raw_ && v4 ? kIpv4Header : 0;
  alignas(cmsghdr) std::byte control[kControlSize];
  std::array<std::byte, kIpv4Header + kIcmpHeader> head;
  std::array<iovec, 2> parts{iovec{head.data(), echo ? ip + kIcmpHeader : 0}, iovec{buffer.data(), buffer.size()}};
  SocketAddress from;
  msghdr message{};
  message.msg_name = &from.storage;
  message.msg_namelen = sizeof from.storage;
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket.fd, &message, MSG_TRUNC);
  if (got < 0) {
    switch (errno) {
      case EAGAIN: return Took::nothing;
      case EBADF:
      case ENOMEM: return Unexpected(error_from_errno(errno));
      default: return Took::other;  // an error that the error queue tells
    }
  }
  std::size_t size = static_cast<std::size_t>(got);
  answer = ProbeAnswer();
  read_control(message, answer);
  answer.from = answer.destination = from.endpoint().address;
  if (!echo) {
    answer.sequence = static_cast<std::uint16_t>(from.endpoint().port - first_port_);
  } else {
    if (size < ip + kIcmpHeader) { return Took::other; }
    const std::byte* icmp = head.data() + ip;
    // Options of the IP header push the message into the buffer; who asks for those is not served here.
    if (ip != 0 && head[0] != std::byte{0x45}) { return Took::other; }
    const auto reply = static_cast<std::byte>(v4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY);
    if (icmp[0] != reply || load_be16(icmp + 4) != socket.local.port) { return Took::other; }
    answer.type = std::to_integer<std::uint8_t>(icmp[0]);
    answer.sequence = load_be16(icmp + 6);
    size -= ip + kIcmpHeader;
  }
  answer.data_size = size;
  answer.size = std::min(size, buffer.size());
  return Took::answer;
}

Poll<Result<ProbeAnswer>> ProbeSocket::poll_receive(Context& context, Waiter& waiter,
                                                    std::span<std::byte> buffer) noexcept {
  Socket* const socket = live();
  if (!socket) { return Unexpected(Error::closed); }
  if (socket->readable || context.probing()) {
    // A raw socket sees everybody's: only so many at a time.
    for (int tries = 0; tries < 64; ++tries) {
      ProbeAnswer answer;
      const Took error = take_error(*socket, answer);
      if (error == Took::answer) { return answer; }
      auto reply = take_reply(*socket, buffer, answer);
      if (!reply) { return Unexpected(reply.error()); }
      if (*reply == Took::answer) { return answer; }
      if (error == Took::nothing && *reply == Took::nothing) {
        socket->readable = false;
        socket->readers.add(context, waiter, Wait::readable);
        return pending;
      }
    }
    context.wake_soon();
  }
  socket->readers.add(context, waiter, Wait::readable);
  return pending;
}

}  // namespace nal::posix

#else

namespace nal::posix {

// Elsewhere no socket tells what routers say of its probes.

Result<ProbeSocket> open_probe(SocketTable&, const ProbeOptions&) noexcept { return Unexpected(Error::not_supported); }
void ProbeSocket::drop() noexcept {
  if (Socket* socket = live()) { socket->table->release(*socket); }
}
std::uint16_t ProbeSocket::identifier() const noexcept { return 0; }
Poll<Result<>> ProbeSocket::poll_send(Context&, Waiter&, const Probe&, std::span<const std::byte>) noexcept {
  return Unexpected(Error::closed);
}
Poll<Result<ProbeAnswer>> ProbeSocket::poll_receive(Context&, Waiter&, std::span<std::byte>) noexcept {
  return Unexpected(Error::closed);
}

}  // namespace nal::posix

#endif
