#pragma once
#include <optional>
#include <type_traits>

#include "nal/block_on.hpp"
#include "nal/endpoint.hpp"
#include "nal/interface_id.hpp"

namespace nal {

/// What a received datagram tells beside its bytes.
struct Received {
  std::size_t size = 0;           ///< bytes that stand in the buffer: always safe to look at
  std::size_t datagram_size = 0;  ///< of the whole datagram where the system tells it, else `size`
  Endpoint remote{};              ///< who sent it
  Endpoint local{};               ///< the address and port it was sent to: answer from there
  InterfaceId interface {};       ///< where it arrived
  std::uint8_t hop_limit = 0;     ///< TTL or hop limit as it arrived; 0 if the system does not tell
  bool truncated = false;         ///< the buffer was too small; the rest is gone
};

/// What may be set on a UDP socket. What is left out stays as it is.
struct UdpOptions {
  std::optional<bool> broadcast{};                    ///< may send to broadcast addresses; off unless said otherwise
  std::optional<std::uint8_t> hop_limit{};            ///< unicast TTL or hop limit, from 1
  std::optional<std::uint8_t> traffic_class{};        ///< DSCP and ECN octet
  std::optional<std::uint8_t> multicast_hop_limit{};  ///< 1 unless said otherwise
  std::optional<bool> multicast_loopback{};           ///< own multicast datagrams come back; on unless said otherwise
  std::optional<InterfaceId>
      multicast_interface{};  ///< where multicast leaves; the default route's unless said otherwise
  bool share_port = false;    ///< only at binding: several sockets of this host share the port, as multicast needs
};

/// Receives datagrams.
///
/// *Syntax*: `u.poll_receive(context, waiter, buffer)` gives a `Poll<Result<Received>>`; `u.local_endpoint()`;
/// `u.configure(options)`.
/// *Semantics*: one datagram a call; an empty datagram is a `Received` of size 0; a larger one than the buffer is cut
/// and says so. An error (connection_refused after an ICMP error, say) is told once and leaves the socket usable.
/// *Cancellation*: nothing was received. *Buffer lifetime*: touched only during the call.
template <class U>
concept DatagramReceiver =
    std::is_nothrow_move_constructible_v<U> && requires(U& u, const U& c, Context& context, Waiter& waiter,
                                                        std::span<std::byte> buffer, const UdpOptions& options) {
      { u.poll_receive(context, waiter, buffer) } -> std::same_as<Poll<Result<Received>>>;
      { u.configure(options) } -> std::same_as<Result<>>;
      { c.local_endpoint() } -> std::same_as<Endpoint>;
    };

/// A socket with one remote endpoint: receives from nobody else.
///
/// *Syntax*: `u.poll_send(context, waiter, data)` gives a `Poll<Result<>>`; `u.remote_endpoint()`.
/// *Errors* of sending: message_size; connection_refused (an earlier datagram was answered by an ICMP error).
template <class U>
concept ConnectedUdp = DatagramReceiver<U> &&
                       requires(U& u, const U& c, Context& context, Waiter& waiter, std::span<const std::byte> data) {
                         { u.poll_send(context, waiter, data) } -> std::same_as<Poll<Result<>>>;
                         { c.remote_endpoint() } -> std::same_as<Endpoint>;
                       };

/// A socket that speaks with anybody, from one local address or several, and hears the multicast groups it joins.
///
/// *Syntax*: `u.poll_send(context, waiter, local, remote, data)` gives a `Poll<Result<>>`; `u.join(group, interface)`,
/// `u.leave(group, interface)`, `u.join_source(group, source, interface)`, `u.leave_source(...)` give a `Result<>`.
/// *Semantics*: `local` tells the address to send from; an unspecified one leaves it to the stack. Its port is the
/// socket's, whatever it says. Interface 0: the stack's choice.
/// *Errors*: address_in_use when joined already; not_supported; table_full.
template <class U>
concept UnconnectedUdp =
    DatagramReceiver<U> && requires(U& u, Context& context, Waiter& waiter, std::span<const std::byte> data,
                                    const Endpoint& endpoint, const IpAddress& address, InterfaceId interface) {
      { u.poll_send(context, waiter, endpoint, endpoint, data) } -> std::same_as<Poll<Result<>>>;
      { u.join(address, interface) } -> std::same_as<Result<>>;
      { u.leave(address, interface) } -> std::same_as<Result<>>;
      { u.join_source(address, address, interface) } -> std::same_as<Result<>>;
      { u.leave_source(address, address, interface) } -> std::same_as<Result<>>;
    };

/// A stack that sends and receives datagrams. Its factories never wait.
///
/// *Syntax and semantics*:
/// - `n.udp_connect_from(local, remote, options)` gives a `Result<N::ConnectedUdp>`; an unspecified local address or
///   port 0 is picked.
/// - `n.udp_bind_single(local, options)` gives a `Result<N::UniquelyBoundUdp>`: bound to one address. An unspecified
///   address picks one: what the default route would use, else loopback, else address_not_available (unlike POSIX).
/// - `n.udp_bind_multiple(local, options)` gives a `Result<N::MultiplyBoundUdp>`: an unspecified address means every
///   address of that family, and each datagram tells which it was sent to.
/// *Errors*: address_in_use, address_not_available, permission_denied, table_full, no_memory.
template <class N>
concept UdpStack = requires(N& n, const Endpoint& local, const Endpoint& remote, const UdpOptions& options) {
  requires ConnectedUdp<typename N::ConnectedUdp>;
  requires UnconnectedUdp<typename N::UniquelyBoundUdp>;
  requires UnconnectedUdp<typename N::MultiplyBoundUdp>;
  { n.udp_connect_from(local, remote, options) } -> std::same_as<Result<typename N::ConnectedUdp>>;
  { n.udp_bind_single(local, options) } -> std::same_as<Result<typename N::UniquelyBoundUdp>>;
  { n.udp_bind_multiple(local, options) } -> std::same_as<Result<typename N::MultiplyBoundUdp>>;
};

/// A connected socket whose local endpoint the stack picks.
template <UdpStack N>
Result<typename N::ConnectedUdp> udp_connect(N& stack, const Endpoint& remote,
                                             const UdpOptions& options = {}) noexcept {
  return stack.udp_connect_from(Endpoint(IpAddress::unspecified(remote.address.family()), 0), remote, options);
}

/// See `receive(socket, buffer)`.
template <class U>
class [[nodiscard("await it")]] Receive {
 public:
  Receive(U& socket, std::span<std::byte> buffer) noexcept : socket_(&socket), buffer_(buffer) {}
  Poll<Result<Received>> poll(Context& context) noexcept { return socket_->poll_receive(context, waiter_, buffer_); }

 private:
  U* socket_;
  std::span<std::byte> buffer_;
  Waiter waiter_;
};
/// Receives one datagram. *Completes* with what it tells of itself. *Errors*: connection_refused and other ICMP errors
/// on connected sockets; the socket goes on. *Cancellation*: nothing was received. *Buffer lifetime*: until it
/// completes or is destroyed.
template <DatagramReceiver U>
Receive<U> receive(U& socket, std::span<std::byte> buffer) noexcept {
  return Receive<U>(socket, buffer);
}
/// `receive` without waiting: `Error::would_block` if nothing is there.
template <DatagramReceiver U>
Result<Received> try_receive(Executor& executor, U& socket, std::span<std::byte> buffer) noexcept {
  return try_once(executor, receive(socket, buffer));
}

/// See `send(socket, data)`.
template <class U>
class [[nodiscard("await it")]] Send {
 public:
  Send(U& socket, std::span<const std::byte> data) noexcept : socket_(&socket), data_(data) {}
  Poll<Result<>> poll(Context& context) noexcept { return socket_->poll_send(context, waiter_, data_); }

 private:
  U* socket_;
  std::span<const std::byte> data_;
  Waiter waiter_;
};
/// Sends one datagram to the remote endpoint. *Completes* when the stack has taken it. *Errors*: message_size,
/// connection_refused … *Cancellation*: nothing was sent. *Buffer lifetime*: until it completes or is destroyed.
template <ConnectedUdp U>
Send<U> send(U& socket, std::span<const std::byte> data) noexcept {
  return Send<U>(socket, data);
}
/// `send` without waiting: `Error::would_block` if the stack cannot take it now.
template <ConnectedUdp U>
Result<> try_send(Executor& executor, U& socket, std::span<const std::byte> data) noexcept {
  return try_once(executor, send(socket, data));
}

/// See `send_to`.
template <class U>
class [[nodiscard("await it")]] SendTo {
 public:
  SendTo(U& socket, const Endpoint& local, const Endpoint& remote, std::span<const std::byte> data) noexcept
      : socket_(&socket), local_(local), remote_(remote), data_(data) {}
  Poll<Result<>> poll(Context& context) noexcept {
    return socket_->poll_send(context, waiter_, local_, remote_, data_);
  }

 private:
  U* socket_;
  Endpoint local_;
  Endpoint remote_;
  std::span<const std::byte> data_;
  Waiter waiter_;
};
/// Sends one datagram to `remote`, from `local` (a server passes the `Received::local` it answers). *Completes* when
/// the stack has taken it. *Errors*: message_size, network_unreachable … *Cancellation*: nothing was sent. *Buffer
/// lifetime*: until it completes or is destroyed.
template <UnconnectedUdp U>
SendTo<U> send_to(U& socket, const Endpoint& local, const Endpoint& remote, std::span<const std::byte> data) noexcept {
  return SendTo<U>(socket, local, remote, data);
}
/// The same from the socket's own address.
template <UnconnectedUdp U>
SendTo<U> send_to(U& socket, const Endpoint& remote, std::span<const std::byte> data) noexcept {
  return SendTo<U>(socket, socket.local_endpoint(), remote, data);
}
/// `send_to` without waiting: `Error::would_block` if the stack cannot take it now.
template <UnconnectedUdp U>
Result<> try_send_to(Executor& executor, U& socket, const Endpoint& remote, std::span<const std::byte> data) noexcept {
  return try_once(executor, send_to(socket, remote, data));
}

}  // namespace nal
