#pragma once
#include "backends/posix/socket.hpp"
#include "nal/probe.hpp"

namespace nal::posix {

/// Echo requests and UDP probes over Linux's sockets; a model of `nal::ProbeSocket`. What routers say is read from the
/// socket's error queue.
///
/// Echo requests go by ICMP sockets, which Linux gives to the groups in /proc/sys/net/ipv4/ping_group_range, else by
/// raw sockets, which it gives to root (CAP_NET_RAW). UDP probes are for everybody.
class ProbeSocket : protected Handle {
 public:
  ProbeSocket(ProbeSocket&&) noexcept = default;
  ProbeSocket& operator=(ProbeSocket&& other) noexcept {
    if (this != &other) {
      drop();
      take(other);
      kind_ = other.kind_;
      raw_ = other.raw_;
      first_port_ = other.first_port_;
      too_big_ = other.too_big_;
    }
    return *this;
  }
  ~ProbeSocket() { drop(); }

  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Probe& probe,
                           std::span<const std::byte> data) noexcept;
  Poll<Result<ProbeAnswer>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  std::uint16_t identifier() const noexcept;

 private:
  friend Result<ProbeSocket> open_probe(SocketTable& table, const ProbeOptions& options) noexcept;
  ProbeSocket(Socket& socket, ProbeKind kind, bool raw, std::uint16_t first_port) noexcept
      : Handle(socket), kind_(kind), raw_(raw), first_port_(first_port) {}
  void drop() noexcept;

  /// From the error queue, or from the queue of what was received: whether there was something for this socket.
  enum class Took : std::uint8_t { answer, other, nothing };
  Took take_error(Socket& socket, ProbeAnswer& answer) noexcept;
  Result<Took> take_reply(Socket& socket, std::span<std::byte> buffer, ProbeAnswer& answer) noexcept;

  ProbeKind kind_;
  bool raw_;  ///< by a raw socket: everybody's packets are seen
  std::uint16_t first_port_;
  std::uint16_t too_big_ = 0;  ///< the sequence number of what was not sent last
};

/// The factory of `nal::ProbeStack`.
Result<ProbeSocket> open_probe(SocketTable& table, const ProbeOptions& options) noexcept;

}  // namespace nal::posix
