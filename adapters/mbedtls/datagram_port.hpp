#pragma once
/// One UDP socket on which DTLS is spoken, with one peer or many. Of concern to dtls.cpp.
#include <optional>

#include "adapters/mbedtls/association.hpp"
#include "nal/any_udp.hpp"

namespace nal::tls {

class DtlsEngine;

/// What a DTLS socket is told beside its `Config`.
struct DtlsOptions {
  /// The largest datagram that is sent, without the headers of UDP and IP: what fits through any IPv6 network unless
  /// the way is known to bear more.
  std::uint16_t mtu = 1232;
  /// A server's: peers of whom nothing was heard and to whom nothing was sent for so long are bid farewell.
  Duration idle_timeout = Duration::seconds(300);
  /// A server's: when its table is full, the peer that has been silent for longest gives way to a new one, if it has
  /// been for so long.
  Duration give_way_after = Duration::seconds(10);
  /// Dropping the socket tells its peers, as `close` does: for handles whose type is erased.
  bool drop_closes = false;
};

/// A slot of a `DtlsEngine`: a task of its own while it is open, which receives for all of its peers, so that
/// handshakes and farewells need nobody who waits. It stops receiving while what has come for a peer waits for the
/// application and more comes for that peer; the stack below queues, and drops, as it does for any UDP socket.
class DatagramPort : public RootTask {
 public:
  DatagramPort() noexcept : RootTask(&step, nullptr) { set_name("dtls"); }
  DatagramPort(const DatagramPort&) = delete;
  DatagramPort& operator=(const DatagramPort&) = delete;
  ~DatagramPort() { NAL_ASSERT(!transport_); }

  /// `buffers` is room for the datagram that arrives and for one that waits to be sent.
  void place(DtlsEngine& engine, std::span<std::byte> buffers) noexcept {
    engine_ = &engine;
    arrived_ = buffers.first(buffers.size() / 2);
    owed_ = buffers.subspan(buffers.size() / 2);
  }
  Result<> connect(const Config& config, AnyUdpSocket&& transport, const ServerName& name, SavedSession* saved,
                   const DtlsOptions& options) noexcept;
  Result<> serve(const Config& config, AnyUdpSocket&& transport, const DtlsOptions& options) noexcept;
  /// Frees everything now; peers are not told.
  void close() noexcept;
  void say_goodbye() noexcept;

  bool is_open() const noexcept { return transport_.has_value(); }
  bool drop_closes() const noexcept { return options_.drop_closes; }
  AnyUdpSocket& transport() noexcept { return *transport_; }
  /// A client's only one.
  Association* association() noexcept { return association_; }
  /// The peer with that remote endpoint; an unspecified local one stands for any.
  Association* find(const Endpoint& remote, const Endpoint& local) noexcept;
  /// The peer whose records bear that id.
  Association* find(std::uint32_t id) noexcept;
  void drop(Association& peer) noexcept;
  std::size_t peers() const noexcept;

  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept;
  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Poll<Result<>> poll_send_to(Context& context, Waiter& waiter, const Endpoint& local, const Endpoint& remote,
                              std::span<const std::byte> data) noexcept;

  // For its associations.
  Instant now() noexcept;
  /// Hands a datagram to the transport, or owes it. False: there is no room; `paid` tells when there is.
  Result<bool> send(const DatagramEnds& ends, std::span<const std::byte> datagram) noexcept;
  void opened(Association& peer) noexcept;
  void failed(Association& peer, bool was_open) noexcept;
  void ended(Association& peer) noexcept;
  void became_readable(Association& peer) noexcept;
  /// The task is to be polled: something became due earlier, or can go on.
  void kick() noexcept;
  void note(const Failure& failure) noexcept;
  Endpoint remote_of(const Association& peer) const noexcept;

  std::uint16_t generation = 0;

 private:
  static void step(RootTask& task, Context& context);
  void run(Context& context) noexcept;
  /// True: there is more to do at once.
  bool receive(Context& context, Waiter& waiter) noexcept;
  /// False: it has to wait.
  bool dispatch() noexcept;
  bool dispatch_to_client() noexcept;
  /// A hello of somebody new, or of somebody known who begins anew.
  void greet(std::span<const std::byte> hello, Association* known) noexcept;
  /// The peer that has been silent for longest goes, if that is long enough.
  bool make_room() noexcept;
  void transport_failed(Error error) noexcept;
  Instant due(const Association& peer) const noexcept;
  void drive_due() noexcept;
  bool pay(Context& context, Waiter& waiter) noexcept;
  bool owes() const noexcept { return owed_size_ != 0; }
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, Association& peer,
                           std::span<const std::byte> data) noexcept;
  Poll<Result<>> poll_transport(Context& context, Waiter& waiter, const DatagramEnds& ends,
                                std::span<const std::byte> datagram) noexcept;
  void remove_readable(Association& peer) noexcept;
  void release(Association& peer) noexcept;

  DtlsEngine* engine_ = nullptr;
  const Config* config_ = nullptr;
  std::optional<AnyUdpSocket> transport_;
  DtlsOptions options_{};
  Association* association_ = nullptr;  ///< a client's peer; a server's greeter, null if there was no memory for one
  Association* first_readable_ = nullptr;
  Association* last_readable_ = nullptr;
  std::span<std::byte> arrived_;
  std::span<std::byte> owed_;
  Received arrived_about_{};
  DatagramEnds owed_ends_{};
  std::size_t owed_size_ = 0;
  Waiter in_waiter_;
  Waiter out_waiter_;
  Timer timer_;
  WaitList connected_;
  WaitList readable_;
  WaitList paid_;
  Error receive_error_{};  ///< to be told once
  Error send_error_{};     ///< to be told once
  bool server_ : 1 = false;
  bool has_arrived_ : 1 = false;  ///< a datagram stands in `arrived_`
  bool gone_ : 1 = false;         ///< the transport is closed
  bool touched_ : 1 = false;      ///< what `run` has armed and looked at may not hold any more
};

}  // namespace nal::tls
