#pragma once
#include <type_traits>

#include "nal/block_on.hpp"
#include "nal/interface_id.hpp"
#include "nal/ip_address.hpp"

namespace nal {

/// What a probe socket sends.
enum class ProbeKind : std::uint8_t {
  echo,  ///< ICMP echo requests (RFC 792, RFC 4443 §4.1)
  udp,   ///< UDP datagrams to ports at which nobody is thought to listen, as traceroute has it
};

/// What a probe socket is made with.
struct ProbeOptions {
  /// The address that probes are sent from; unspecified: whatever the way to a destination has. Its family is the
  /// socket's.
  IpAddress local{};
  ProbeKind kind = ProbeKind::echo;
  /// Of echo requests: answers are known by it. 0: one that nobody has is picked. Not of UDP probes, which get a local
  /// port.
  std::uint16_t identifier = 0;
  /// Of UDP probes: the port that sequence number 0 goes to.
  std::uint16_t first_port = 33434;
  bool broadcast = false;  ///< may send to broadcast addresses
};

/// One probe to send. Its data are another parameter.
struct Probe {
  IpAddress destination{};
  std::uint16_t sequence = 0;      ///< told with the answer; of UDP probes added to `first_port`, to at most 65535
  std::uint8_t hop_limit = 0;      ///< TTL or hop limit; 0: the stack's choice
  std::uint8_t traffic_class = 0;  ///< DSCP and ECN octet
  bool dont_fragment = false;      ///< in one piece or not at all, on the whole way
  InterfaceId interface {};        ///< where it leaves; 0: the stack's choice
};

/// What came of a probe.
struct ProbeAnswer {
  enum class Kind : std::uint8_t {
    reply,          ///< the destination has it, and sent back what stands in the buffer
    unreachable,    ///< `reason` says what of it
    time_exceeded,  ///< it has passed as many routers as its hop limit allows; or, with `code` 1, a part was missing
    too_big,        ///< `mtu` is what the next part of the way takes in one piece
    parameter_problem,  ///< a router or the destination does not like its headers
  };
  enum class Reason : std::uint8_t {
    none,
    network,
    host,
    protocol,
    port,
    prohibited,  ///< a filter says no
    other,
  };

  Kind kind = Kind::reply;
  Reason reason = Reason::none;
  /// Who says so: the destination, a router on the way; this host itself, with an address of its own (its neighbour
  /// does not answer), or unspecified (what was to be sent is `too_big` for a part of the way that is known).
  IpAddress from{};
  IpAddress destination{};  ///< of the probe; of a reply the same as `from`
  std::uint16_t sequence = 0;
  std::uint8_t type = 0;       ///< of the ICMP message, as it is numbered in the family
  std::uint8_t code = 0;       ///< of the ICMP message
  std::uint8_t hop_limit = 0;  ///< that the answer had left; 0 if that is not known
  std::uint32_t mtu = 0;       ///< of `too_big`; 0 from routers older than RFC 1191
  InterfaceId interface {};    ///< where it arrived; 0 if that is not known
  std::size_t size = 0;        ///< bytes of the reply's data that stand in the buffer: always safe to look at
  std::size_t data_size = 0;   ///< of all the reply's data, where the system tells it
};

/// A socket that sends probes and hears what comes of them: what ping and traceroute are made of.
///
/// *Syntax*: `s.poll_send(context, waiter, probe, data)` gives a `Poll<Result<>>`; `s.poll_receive(context, waiter,
/// buffer)` a `Poll<Result<ProbeAnswer>>`; `s.identifier()` the identifier, or the local port, that its probes have.
/// *Semantics*: replies and the ICMP errors about its own probes, one a call, in the order in which they came; what is
/// about other sockets' probes is never told. How long ago a probe was sent, and whether its answer is a second one,
/// the caller knows. *Errors* of sending: message_size (with `dont_fragment`, when the way is known not to take it;
/// what it takes is told as an answer of kind `too_big` from nobody), network_unreachable, host_unreachable,
/// permission_denied (a broadcast address without leave), invalid_argument (the other family, a port beyond the last).
/// They leave the socket usable. *Cancellation*: nothing was sent or received. *Buffer lifetime*: touched only during
/// the call.
template <class S>
concept ProbeSocket = std::is_nothrow_move_constructible_v<S> &&
                      requires(S& s, const S& c, Context& context, Waiter& waiter, const Probe& probe,
                               std::span<const std::byte> data, std::span<std::byte> buffer) {
                        { s.poll_send(context, waiter, probe, data) } -> std::same_as<Poll<Result<>>>;
                        { s.poll_receive(context, waiter, buffer) } -> std::same_as<Poll<Result<ProbeAnswer>>>;
                        { c.identifier() } -> std::same_as<std::uint16_t>;
                      };

/// A stack that sends probes. Its factory never waits.
///
/// *Syntax*: `n.open_probe(options)` gives a `Result<N::ProbeSocket>`.
/// *Errors*: permission_denied (the system lets only some users send echo requests), address_in_use (the identifier),
/// address_not_available, table_full, no_memory, not_supported.
template <class N>
concept ProbeStack = requires(N& n, const ProbeOptions& options) {
  requires ProbeSocket<typename N::ProbeSocket>;
  { n.open_probe(options) } -> std::same_as<Result<typename N::ProbeSocket>>;
};

/// See `send_probe(socket, probe, data)`.
template <class S>
class [[nodiscard("await it")]] SendProbe {
 public:
  SendProbe(S& socket, const Probe& probe, std::span<const std::byte> data) noexcept
      : socket_(&socket), probe_(probe), data_(data) {}
  Poll<Result<>> poll(Context& context) noexcept { return socket_->poll_send(context, waiter_, probe_, data_); }

 private:
  S* socket_;
  Probe probe_;
  std::span<const std::byte> data_;
  Waiter waiter_;
};
/// Sends one probe. *Completes* when the stack has taken it. *Errors*: see `ProbeSocket`. *Cancellation*: nothing was
/// sent. *Buffer lifetime*: until it completes or is destroyed.
template <ProbeSocket S>
SendProbe<S> send_probe(S& socket, const Probe& probe, std::span<const std::byte> data) noexcept {
  return SendProbe<S>(socket, probe, data);
}

/// See `receive_answer(socket, buffer)`.
template <class S>
class [[nodiscard("await it")]] ReceiveAnswer {
 public:
  ReceiveAnswer(S& socket, std::span<std::byte> buffer) noexcept : socket_(&socket), buffer_(buffer) {}
  Poll<Result<ProbeAnswer>> poll(Context& context) noexcept { return socket_->poll_receive(context, waiter_, buffer_); }

 private:
  S* socket_;
  std::span<std::byte> buffer_;
  Waiter waiter_;
};
/// Waits for what comes of a probe. *Completes* with it; `buffer` gets a reply's data. *Errors*: closed, io_error.
/// *Cancellation*: nothing was received. *Buffer lifetime*: until it completes or is destroyed.
template <ProbeSocket S>
ReceiveAnswer<S> receive_answer(S& socket, std::span<std::byte> buffer) noexcept {
  return ReceiveAnswer<S>(socket, buffer);
}

}  // namespace nal
