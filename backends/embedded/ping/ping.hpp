#pragma once
#include <array>
#include <optional>
#include <utility>

#include "backends/embedded/stack.hpp"
#include "nal/probe.hpp"

namespace nal::embedded {

class Ping;
class ProbeSocket;

/// What a probe socket is made of, beside the packets in its queue. Of concern to `Ping`.
struct ProbeSlot {
  Address local;  ///< unspecified: any
  std::uint16_t identifier = 0;
  std::uint16_t first_port = 0;
  std::uint16_t generation = 0;
  InterfaceIndex zone = 0;  ///< of a link-local address; 0: any
  bool used : 1 = false;
  bool v6 : 1 = false;
  bool broadcast : 1 = false;
  bool too_big : 1 = false;  ///< what was to be sent, as is told below
  std::uint16_t too_big_mtu = 0;
  std::uint16_t too_big_sequence = 0;
  Address too_big_destination;
  std::optional<UnconnectedUdp> udp;  ///< has the local port of UDP probes
  driver::PacketQueue queue;
  WaitList readable;
};

/// The memory of `kSockets` probe sockets; outlives the `Ping` that uses it.
template <std::size_t kSockets = 1>
struct PingMemory {
  std::array<ProbeSlot, kSockets> slots;
};

/// Echo requests and other probes over a stack: a model of `ProbeStack`, made beside the stack by whoever wants it; a
/// device that does not links none of it. One of a stack. Answers wait in the packets that brought them.
///
/// The stack and the memory outlive it; every handle is gone before it.
class Ping final : private IcmpObserver {
 public:
  using ProbeSocket = embedded::ProbeSocket;

  struct Statistics {
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    std::uint32_t no_socket = 0;   ///< replies that nobody had asked for
    std::uint32_t queue_full = 0;  ///< dropped, since the application reads too slowly
  };

  /// `queue_limit` answers wait in each socket.
  template <std::size_t kSockets>
  Ping(Stack& stack, PingMemory<kSockets>& memory, std::uint16_t queue_limit = 8) noexcept
      : Ping(stack, std::span<ProbeSlot>(memory.slots), queue_limit) {}
  ~Ping();

  Result<ProbeSocket> open_probe(const ProbeOptions& options) noexcept;

  std::size_t in_use() const noexcept;
  const Statistics& statistics() const noexcept { return statistics_; }

 private:
  friend class embedded::ProbeSocket;
  Ping(Stack& stack, std::span<ProbeSlot> slots, std::uint16_t queue_limit) noexcept;

  // IcmpObserver
  void echo_reply(const Ingress& ingress, Packet&& packet) noexcept override;
  bool delivery_error(const DeliveryError& error, Protocol protocol, Packet&& packet) noexcept override;
  void unreachable(const DeliveryError& error, Protocol protocol, Packet&& packet) noexcept override;

  ProbeSlot* find(std::uint16_t slot, std::uint16_t generation) noexcept {
    return slots_[slot].generation == generation ? &slots_[slot] : nullptr;
  }
  ProbeSlot* find_echo(const Address& local, std::uint16_t identifier, InterfaceIndex interface) noexcept;
  /// Whose probe an error is about, or null.
  ProbeSlot* find_sender(const DeliveryError& error, Protocol protocol) noexcept;
  void enqueue(ProbeSlot& slot, Packet&& packet, InterfaceIndex interface) noexcept;
  void wake(ProbeSlot& slot) noexcept;
  void release(ProbeSlot& slot) noexcept;

  Poll<Result<>> poll_send(Context& context, Waiter& waiter, ProbeSlot& slot, const Probe& probe,
                           std::span<const std::byte> data) noexcept;
  void write_echo(const ProbeSlot& slot, const Probe& probe, const Address& source, const Address& destination,
                  std::span<const std::byte> data, Packet& packet) noexcept;
  void write_udp(const ProbeSlot& slot, const Probe& probe, const Address& source, const Address& destination,
                 std::span<const std::byte> data, Packet& packet) noexcept;

  Stack& stack_;
  std::span<ProbeSlot> slots_;
  std::uint16_t queue_limit_;
  Statistics statistics_;
};

/// A handle of two words to a probe socket. Dropping it frees the socket and what waits in it.
class ProbeSocket {
 public:
  ProbeSocket(ProbeSocket&& other) noexcept
      : ping_(std::exchange(other.ping_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  ProbeSocket& operator=(ProbeSocket&& other) noexcept {
    if (this != &other) {
      drop();
      ping_ = std::exchange(other.ping_, nullptr);
      slot_ = other.slot_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~ProbeSocket() { drop(); }

  Poll<Result<>> poll_send(Context& context, Waiter& waiter, const Probe& probe,
                           std::span<const std::byte> data) noexcept;
  Poll<Result<ProbeAnswer>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  std::uint16_t identifier() const noexcept;

  /// The answer that `poll_take` gives: a reply's data stay in the packet that brought them.
  struct Answer {
    Packet packet;  ///< its data is the reply's; of other answers of no interest, and of some null
    ProbeAnswer about;
  };
  /// As `poll_receive`, without a copy. The packet goes back to the stack's pool when it ends: soon, and before the
  /// stack.
  Poll<Result<Answer>> poll_take(Context& context, Waiter& waiter) noexcept;

 private:
  friend class Ping;
  ProbeSocket(Ping& ping, std::uint16_t slot, std::uint16_t generation) noexcept
      : ping_(&ping), slot_(slot), generation_(generation) {}
  ProbeSlot* slot() const noexcept { return ping_ ? ping_->find(slot_, generation_) : nullptr; }
  void drop() noexcept;

  Ping* ping_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

static_assert(nal::ProbeStack<Ping>);

}  // namespace nal::embedded
