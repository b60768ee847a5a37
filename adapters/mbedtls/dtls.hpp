#pragma once
#include "adapters/mbedtls/datagram_port.hpp"
#include "adapters/mbedtls/tls.hpp"

namespace nal::tls {

class DtlsEngine;

namespace detail {
/// What both sockets are: two words.
class DtlsHandle {
 public:
  DtlsHandle(DtlsHandle&& other) noexcept
      : engine_(std::exchange(other.engine_, nullptr)), index_(other.index_), generation_(other.generation_) {}
  DtlsHandle& operator=(DtlsHandle&& other) noexcept {
    if (this != &other) {
      drop();
      engine_ = std::exchange(other.engine_, nullptr);
      index_ = other.index_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~DtlsHandle() { drop(); }

  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Result<> configure(const UdpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;
  /// Tells every peer that this is the end (close_notify), as far as that can be sent at once, and frees the socket.
  /// Dropping it tells nobody, unless `DtlsOptions` says so.
  void close() noexcept;

 protected:
  DtlsHandle(DtlsEngine& engine, std::uint16_t index, std::uint16_t generation) noexcept
      : engine_(&engine), index_(index), generation_(generation) {}
  DatagramPort* find() const noexcept;
  void drop() noexcept;

  DtlsEngine* engine_;
  std::uint16_t index_;
  std::uint16_t generation_;
};
}  // namespace detail

/// Datagrams to one peer under DTLS 1.2 (`nal::ConnectedUdp`). Two words: a late use of what has ended is
/// `Error::closed`. Its engine, its config and the stack below outlive it.
///
/// The handshake begins by itself. Sending waits for its end; receiving waits for datagrams. An error is told once to
/// whoever sends and once to whoever receives: untrusted_peer (see `failure`), permission_denied (the peer does not
/// trust us), not_supported (nothing in common), protocol_error, timed_out, connection_refused; end_of_stream when the
/// peer has said that it ends. The next datagram that is sent then begins a new handshake, so that the socket lives as
/// long as a UDP socket does, through restarts of its peer.
///
/// `poll_send` gives message_size for more than `max_payload`. What it took is on its way: giving up takes nothing
/// back. Damaged, forged and repeated datagrams are dropped without a word (RFC 6347 §4.1.2), and so are empty ones.
class DtlsSocket : public detail::DtlsHandle {
 public:
  /// Ready when the handshake is done, or with what it failed at.
  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept;
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Endpoint remote_endpoint() const noexcept;

  /// Why it failed last; nothing if it did not.
  Failure failure() const noexcept;
  /// "TLS-PSK-WITH-AES-128-CCM-8"; empty before the handshake is done. Static storage.
  std::string_view cipher_suite() const noexcept;
  /// The most that a datagram can carry; 0 before the handshake is done.
  std::size_t max_payload() const noexcept;

 private:
  friend class DtlsEngine;
  using DtlsHandle::DtlsHandle;
};

/// See `handshake(socket)`.
class [[nodiscard("await it")]] DtlsHandshake {
 public:
  explicit DtlsHandshake(DtlsSocket& socket) noexcept : socket_(&socket) {}
  Poll<Result<>> poll(Context& context) noexcept { return socket_->poll_connected(context, waiter_); }

 private:
  DtlsSocket* socket_;
  Waiter waiter_;
};
/// *Completes* when the handshake is done. *Errors*: what it failed at. *Cancellation*: it goes on.
inline DtlsHandshake handshake(DtlsSocket& socket) noexcept { return DtlsHandshake(socket); }

/// Datagrams from and to anybody who shakes hands (`nal::UnconnectedUdp`). Two words, as `DtlsSocket`.
///
/// A peer is known by its address, and where both sides' library has it by a connection id (RFC 9146): then `remote` is
/// whence its newest datagram came, and where it is sent to from then on.
///
/// A newcomer costs nothing until it has sent back its cookie (RFC 6347 §4.2.1); then it takes a place in the engine's
/// table, which another may have to leave (`DtlsOptions`), or is dropped if there is none. Sending to somebody who has
/// not shaken hands is `Error::not_connected`. Multicast needs keys that a group shares, which DTLS has not:
/// joining groups is not_supported.
class DtlsServerSocket : public detail::DtlsHandle {
 public:
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Endpoint& local, const Endpoint& remote,
                           std::span<const std::byte> data) noexcept;
  Result<> join(const IpAddress&, InterfaceId) noexcept { return Unexpected(Error::not_supported); }
  Result<> leave(const IpAddress&, InterfaceId) noexcept { return Unexpected(Error::not_supported); }
  Result<> join_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept {
    return Unexpected(Error::not_supported);
  }
  Result<> leave_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept {
    return Unexpected(Error::not_supported);
  }

  /// Ends one peer's session, and tells it so. *Errors*: not_connected.
  Result<> disconnect(const Endpoint& remote) noexcept;
  /// Peers that shake hands or have done so.
  std::size_t peers() const noexcept;

 private:
  friend class DtlsEngine;
  using DtlsHandle::DtlsHandle;
};

static_assert(nal::ConnectedUdp<DtlsSocket> && nal::UnconnectedUdp<DtlsServerSocket>);

/// What a `DtlsEngine` is made of.
struct DtlsEngineConfig {
  std::size_t clients = 1;      ///< sockets with one peer
  std::size_t servers = 0;      ///< sockets with many
  std::size_t peers = 0;        ///< of all servers together
  std::size_t datagram = 1500;  ///< the largest that is received; a larger one is dropped
};

/// Everything of a `DtlsEngine` but Mbed TLS's own memory (`Memory`).
template <DtlsEngineConfig kConfig>
struct DtlsResources {
  static constexpr std::size_t kPorts = kConfig.clients + kConfig.servers;
  static_assert(kPorts > 0 && kPorts < 0xffff && kConfig.datagram >= 512);
  static_assert((kConfig.servers == 0) == (kConfig.peers == 0));
  std::array<DatagramPort, kPorts> ports{};
  /// Each server has one for those who have not shown their cookie yet.
  std::array<Association, kPorts + kConfig.peers> associations{};
  std::array<std::byte, kPorts * 2 * kConfig.datagram> buffers;
  static constexpr std::size_t bytes() noexcept { return sizeof(DtlsResources); }
};

/// The DTLS sockets of one executor. Resources, executor and configs outlive it; it outlives its sockets.
class DtlsEngine {
 public:
  template <DtlsEngineConfig kConfig>
  DtlsEngine(Executor& executor, DtlsResources<kConfig>& memory) noexcept
      : DtlsEngine(executor, std::span<DatagramPort>(memory.ports), std::span<Association>(memory.associations),
                   std::span<std::byte>(memory.buffers), kConfig) {}
  DtlsEngine(const DtlsEngine&) = delete;
  DtlsEngine& operator=(const DtlsEngine&) = delete;
  ~DtlsEngine();

  /// DTLS over a connected socket, which this side begins. `saved` may be null; else it outlives the socket. *Errors*:
  /// table_full; no_memory; invalid_argument. The transport is gone then.
  Result<DtlsSocket> client(const Config& config, AnyUdpSocket transport, const ServerName& name,
                            SavedSession* saved = nullptr, const DtlsOptions& options = {}) noexcept;
  /// DTLS for all who come to a bound socket.
  Result<DtlsServerSocket> server(const Config& config, AnyUdpSocket transport,
                                  const DtlsOptions& options = {}) noexcept;

  /// Why the last handshake or session that failed did.
  const Failure& last_failure() const noexcept { return last_failure_; }
  /// Newcomers that found a server's table full.
  std::size_t turned_away() const noexcept { return turned_away_; }
  /// A server's peers whose handshake failed.
  std::size_t refused() const noexcept { return refused_; }
  /// Peers, of clients and of servers.
  std::size_t in_use() const noexcept { return clients_in_use_ + peers_in_use_; }
  /// Sockets, each of which is a task on the executor.
  std::size_t tasks() const noexcept;
  Executor& executor() noexcept { return *executor_; }

 private:
  friend class detail::DtlsHandle;
  friend class DatagramPort;

  DtlsEngine(Executor& executor, std::span<DatagramPort> ports, std::span<Association> associations,
             std::span<std::byte> buffers, const DtlsEngineConfig& config) noexcept;
  DatagramPort* free_port(bool server) noexcept;
  Association* take() noexcept;
  void give_back(Association& association) noexcept;
  template <class Handle>
  Handle handle(DatagramPort& port) noexcept {
    return Handle(*this, static_cast<std::uint16_t>(&port - ports_.data()), port.generation);
  }

  Executor* executor_;
  std::span<DatagramPort> ports_;
  std::span<Association> associations_;
  DtlsEngineConfig config_;
  Association* free_ = nullptr;
  Failure last_failure_{};
  std::size_t clients_in_use_ = 0;
  std::size_t servers_in_use_ = 0;
  std::size_t peers_in_use_ = 0;
  std::size_t turned_away_ = 0;
  std::size_t refused_ = 0;
  std::uint32_t next_id_ = 1;
};

}  // namespace nal::tls
