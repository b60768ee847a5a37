#pragma once
#include <memory>
#include <optional>
#include <utility>

#include "nal/tcp.hpp"
#include "tests/support/byte_ring.hpp"
#include "tests/support/fake_host.hpp"

namespace nal::test {

class FakeTcp;

/// A handle of two words: the table, the slot and the slot's generation, so that a late use is an error.
class FakeTcpStream {
 public:
  FakeTcpStream(FakeTcpStream&& other) noexcept
      : tcp_(std::exchange(other.tcp_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  FakeTcpStream& operator=(FakeTcpStream&& other) noexcept;
  ~FakeTcpStream() { drop(); }

  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept;
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept;
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept;
  void abort() noexcept;
  Result<> configure(const TcpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;
  Endpoint remote_endpoint() const noexcept;

  /// What was set, for tests.
  TcpOptions options() const noexcept;

 protected:
  friend class FakeTcp;
  friend class FakeTcpListener;
  FakeTcpStream(FakeTcp& tcp, std::uint16_t slot, std::uint16_t generation) noexcept
      : tcp_(&tcp), slot_(slot), generation_(generation) {}
  void drop() noexcept;

  FakeTcp* tcp_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

/// The same with everything that a stream may offer beside: reading and writing in place, and gathering.
class FakeInPlaceStream : public FakeTcpStream {
 public:
  explicit FakeInPlaceStream(FakeTcpStream&& stream) noexcept : FakeTcpStream(std::move(stream)) {}

  Poll<Result<std::span<const std::byte>>> poll_fill(Context& context, Waiter& waiter) noexcept;
  void consume(std::size_t n) noexcept;
  Poll<Result<std::span<std::byte>>> poll_reserve(Context& context, Waiter& waiter) noexcept;
  void commit(std::size_t n) noexcept;
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept;
};

class FakeTcpListener {
 public:
  using TcpStream = FakeTcpStream;
  FakeTcpListener(FakeTcpListener&& other) noexcept
      : tcp_(std::exchange(other.tcp_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  FakeTcpListener& operator=(FakeTcpListener&& other) noexcept;
  ~FakeTcpListener() { drop(); }

  Poll<Result<FakeTcpStream>> poll_accept(Context& context, Waiter& waiter) noexcept;
  Endpoint local_endpoint() const noexcept;

 private:
  friend class FakeTcp;
  FakeTcpListener(FakeTcp& tcp, std::uint16_t slot, std::uint16_t generation) noexcept
      : tcp_(&tcp), slot_(slot), generation_(generation) {}
  void drop() noexcept;

  FakeTcp* tcp_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

/// The TCP of one fake stack: fixed tables, the closing contract, no segments. A connection is two slots; each step
/// moves what one has to send into the other's ring.
class FakeTcp {
 public:
  explicit FakeTcp(FakeHost& host);
  FakeTcp(const FakeTcp&) = delete;
  FakeTcp& operator=(const FakeTcp&) = delete;
  ~FakeTcp();

  Result<FakeTcpStream> start(const Endpoint& local, const Endpoint& remote, const TcpOptions& options) noexcept;
  Result<FakeTcpListener> listen(const Endpoint& local, const ListenOptions& options) noexcept;

  /// Moves everything by one hop; whether anything moved.
  bool step() noexcept;
  Instant next_event() const noexcept;

  std::size_t slots_in_use() const noexcept;
  std::size_t lingering() const noexcept;
  std::size_t listeners_in_use() const noexcept;
  /// No operation is linked to any slot.
  bool nobody_waits() const noexcept;
  /// Where connections were begun to, in that order.
  const std::vector<Endpoint>& attempts() const noexcept { return attempts_; }

 private:
  friend class FakeTcpStream;
  friend class FakeInPlaceStream;
  friend class FakeTcpListener;

  enum class State : std::uint8_t { free, connecting, established, failed };
  static constexpr std::uint16_t kNone = 0xffff;

  struct Slot {
    State state = State::free;
    bool owned = false;         ///< by a handle; else it waits in a backlog or lingers
    bool shut = false;          ///< our end is queued behind the data
    bool end_sent = false;      ///< our end has arrived
    bool end_received = false;  ///< the peer's end has arrived
    std::uint16_t generation = 0;
    std::uint16_t listener = kNone;  ///< whose backlog it waits in
    FakeTcp* peer = nullptr;         ///< the other end, null when it is gone
    std::uint16_t peer_slot = 0;
    Error error{};  ///< why it failed
    ByteRing received;
    ByteRing unsent;
    std::uint64_t received_total = 0;
    std::uint64_t age = 0;                   ///< in the order of arrival: backlogs are first in, first out
    Instant syn_at = Instant::max();         ///< when the attempt is (again) decided
    Duration retry{};                        ///< until the next attempt after that
    Instant give_up_at = Instant::max();     ///< of connecting
    Instant linger_until = Instant::max();   ///< of an orphan
    Instant unheard_since = Instant::max();  ///< data under way and no answer
    Endpoint local;
    Endpoint remote;
    TcpOptions options;
    WaitList readable;
    WaitList writable;

    bool backlogged() const noexcept { return listener != kNone; }
    bool orphaned() const noexcept { return state != State::free && !owned && !backlogged(); }
    void wake() noexcept {
      readable.wake_all();
      writable.wake_all();
    }
  };
  struct Listener {
    bool used = false;
    std::uint16_t generation = 0;
    Endpoint local;
    ListenOptions options;
    WaitList acceptable;
  };

  Slot* find(std::uint16_t slot, std::uint16_t generation) noexcept;
  Result<std::uint16_t> take() noexcept;
  void evict_or_nothing() noexcept;
  void release(Slot& slot) noexcept;
  /// Tells the peer, unless the wire is dead, and ends this side with `error`.
  void reset(Slot& slot, Error error) noexcept;
  void fail(Slot& slot, Error error) noexcept;
  void on_reset(Slot& slot) noexcept;
  void drop(Slot& slot) noexcept;

  bool step_connecting(Slot& slot) noexcept;
  bool step_established(Slot& slot) noexcept;
  bool move_data(Slot& slot) noexcept;
  bool try_handshake(Slot& slot) noexcept;
  void retry_later(Slot& slot) noexcept;
  Instant silence_ends(const Slot& slot) const noexcept;
  bool wire_is_dead(const Slot& slot) const noexcept;

  std::uint16_t find_listener(const Endpoint& local) const noexcept;
  bool connected(const Endpoint& local, const Endpoint& remote) const noexcept;
  bool port_taken(const Endpoint& local, bool share) const noexcept;
  Result<std::uint16_t> pick_port(const IpAddress& address) noexcept;

  FakeHost& host_;
  std::vector<Slot> slots_;
  std::vector<Listener> listeners_;
  std::vector<Endpoint> attempts_;
  std::uint64_t arrivals_ = 0;
};

}  // namespace nal::test
