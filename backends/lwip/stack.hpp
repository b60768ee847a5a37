#pragma once
#include <array>

#include "backends/lwip/interface.hpp"
#include "backends/lwip/tcp.hpp"
#include "backends/lwip/udp.hpp"
#include "nal/cidr.hpp"
#include "nal/random.hpp"
#include "nal/timer.hpp"

namespace nal::lwip {

/// How much of everything there is beside lwIP's own pools. With fewer connections than lwIP has pcbs
/// (`MEMP_NUM_TCP_PCB`) those in the middle of a handshake never cost one that is in use.
struct Config {
  std::uint16_t connections = MEMP_NUM_TCP_PCB > 4 ? MEMP_NUM_TCP_PCB - 2 : MEMP_NUM_TCP_PCB;
  std::uint16_t listeners = MEMP_NUM_TCP_PCB_LISTEN;
  std::uint16_t udp_sockets = MEMP_NUM_UDP_PCB;
  std::uint16_t udp_queue = 8;       ///< datagrams that wait in each socket
  std::uint16_t udp_datagrams = 16;  ///< in all of them
  std::uint16_t udp_memberships = 4;
  std::uint8_t interfaces = 1;  ///< over drivers of nal's; lwIP may have others
  std::uint16_t packets = 8;    ///< frames on their way between the devices and lwIP
  /// Of each: the longest frame, the device's headroom in front, and behind it what lwIP needs to be lent one.
  std::uint32_t packet_size = sizeof(void*) > 4 ? 1600 : 1552;
};

/// The memory of a stack, declared once. Outlives the stack.
template <Config kConfig = Config{}>
class Resources {
 public:
  Resources() noexcept = default;
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;

  /// All of it, without lwIP's own.
  static constexpr std::size_t bytes() noexcept { return sizeof(Resources); }

 private:
  friend class Stack;
  std::array<TcpSlot, kConfig.connections> connections_;
  std::array<ListenerSlot, kConfig.listeners> listeners_;
  std::array<UdpSlot, kConfig.udp_sockets> udp_sockets_;
  std::array<Datagram, kConfig.udp_datagrams> udp_datagrams_;
  std::array<Membership, kConfig.udp_memberships> udp_memberships_;
  std::array<Interface, kConfig.interfaces> interfaces_;
  driver::PacketMemory<kConfig.packets, kConfig.packet_size> packets_;
};

struct Settings {
  /// How long a connection whose handle was dropped may take to end.
  Duration linger = Duration::seconds(10);
  /// Whether lwIP is to be initialised here; not where a vendor's start-up code has done so.
  bool initialize = true;
  /// Whether an IPv6 address that is added is used only once nobody else turns out to have it (RFC 4862 §5.4).
  bool detect_duplicates = true;
};

/// lwIP as a stack of nal's: a model of `TcpConnect`, `TcpAccept` and `UdpStack` (and of `Dns` with nal's resolver:
/// `dns::StackWithDns`). `run()` drives it, as one task on any executor. lwIP is one in a process, so one of these is
/// alive at a time (asserted). Confined to its executor's thread.
///
/// The executor, the memory and the devices outlive it; every handle is gone before it.
class Stack {
 public:
  using TcpStream = lwip::TcpStream;
  using TcpListener = lwip::TcpListener;
  using ConnectedUdp = lwip::ConnectedUdp;
  using UniquelyBoundUdp = lwip::UnconnectedUdp;
  using MultiplyBoundUdp = lwip::UnconnectedUdp;

  /// `entropy` is what nobody else knows: with our port, lwIP's ports and sequence numbers follow from it.
  template <Config kConfig>
  Stack(Executor& executor, Resources<kConfig>& memory, const Entropy& entropy, const Settings& settings = {}) noexcept
      : Stack(executor, entropy, settings,
              Memory{.connections = memory.connections_,
                     .listeners = memory.listeners_,
                     .udp_sockets = memory.udp_sockets_,
                     .udp_datagrams = memory.udp_datagrams_,
                     .udp_memberships = memory.udp_memberships_,
                     .udp_queue = kConfig.udp_queue,
                     .interfaces = memory.interfaces_,
                     .packets = memory.packets_.bytes,
                     .stride = decltype(memory.packets_)::kStride,
                     .packet_count = kConfig.packets}) {}
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack();

  // The concepts of nal.
  Result<TcpStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    return tcp_.start_tcp(remote, options);
  }
  Result<TcpStream> start_tcp_from(const Endpoint& local, const Endpoint& remote, const TcpOptions& options) noexcept {
    return tcp_.start_tcp_from(local, remote, options);
  }
  Result<TcpListener> listen(const Endpoint& local, const ListenOptions& options) noexcept {
    return tcp_.listen(local, options);
  }
  Result<ConnectedUdp> udp_connect_from(const Endpoint& local, const Endpoint& remote,
                                        const UdpOptions& options) noexcept {
    return udp_.connect_from(local, remote, options);
  }
  Result<UniquelyBoundUdp> udp_bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
    return udp_.bind_single(local, options);
  }
  Result<MultiplyBoundUdp> udp_bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
    return udp_.bind_multiple(local, options);
  }

  // What an application asks a stack.

  /// A device becomes an interface; the first one becomes the default. *Errors*: table_full.
  Result<InterfaceId> add_interface(driver::Driver& driver) noexcept;
  /// Gives an interface an address. lwIP has one IPv4 address an interface, and IPv6 prefixes of 64 bits. *Errors*:
  /// table_full, no_memory, invalid_argument (no such interface), not_supported.
  Result<> add_address(InterfaceId interface, const Cidr& address) noexcept;
  /// *Errors*: not_supported for IPv6 without the hook LWIP_HOOK_ND6_GET_GW of our port: then lwIP knows the routers
  /// that advertise themselves (`start_slaac`), and no other.
  Result<> add_default_route(InterfaceId interface, const IpAddress& gateway) noexcept;
  /// An address, a route and DNS servers by DHCPv4. *Errors*: no_memory; not_supported without LWIP_DHCP.
  Result<> start_dhcp(InterfaceId interface) noexcept;
  /// IPv6 addresses, routers and DNS servers as routers tell of them, and a link-local address; before it nothing that
  /// a router advertises is heard. lwIP keeps one list of DNS servers: of a router's and DHCP's those that came last
  /// stand first. *Errors*: not_supported.
  Result<> start_slaac(InterfaceId interface) noexcept;

  /// The name servers that DHCP and routers told of, with LWIP_DNS; how many stand at the front of `out`.
  std::size_t dns_servers(std::span<IpAddress> out) noexcept;

  bool link_up(InterfaceId interface) noexcept;
  /// Whether the interface is up and has an address of the family in use that is not link-local.
  bool config_up(InterfaceId interface, Family family = Family::any) noexcept;

  /// Ready when `config_up`; see `wait_config_up`.
  class [[nodiscard("await it")]] WaitConfigUp {
   public:
    WaitConfigUp(Stack& stack, InterfaceId interface, Family family) noexcept
        : stack_(&stack), interface_(interface), family_(family) {}
    Poll<Result<>> poll(Context& context) noexcept {
      if (stack_->config_up(interface_, family_)) { return Result<>(); }
      stack_->configuration_.add(context, waiter_, Wait::device);
#if !NO_SYS
      // lwIP's thread, which may bring it about, tells nobody.
      context.arm(timer_, context.now() + Duration::milliseconds(100));
#endif
      return pending;
    }

   private:
    Stack* stack_;
    InterfaceId interface_;
    Family family_;
    Waiter waiter_;
#if !NO_SYS
    Timer timer_;
#endif
  };
  /// *Completes* when the interface can be used. *Errors*: none. *Cancellation*: dropping it loses nothing.
  WaitConfigUp wait_config_up(InterfaceId interface, Family family = Family::any) noexcept {
    return {*this, interface, family};
  }

  /// Drives the stack as long as it is polled; see `run`.
  class [[nodiscard("await it")]] Run {
   public:
    explicit Run(Stack& stack) noexcept : stack_(&stack) {}
    Run(Run&& other) noexcept = default;
    ~Run() { stack_->unlink_waiters(); }
    Poll<Result<>> poll(Context& context) noexcept { return stack_->poll_run(context, timer_); }

   private:
    Stack* stack_;
    Timer timer_;
  };
  /// The future that drives the stack: one task awaits it for as long as the stack is used. It never completes. One at
  /// a time. *Cancellation*: the stack stands still until it is run again.
  Run run() noexcept { return Run(*this); }

  Core& core() noexcept { return core_; }
  Tcp& tcp() noexcept { return tcp_; }
  Udp& udp() noexcept { return udp_; }
  driver::PacketPool& packets() noexcept { return pool_; }
  /// Null if there is no such interface over a driver of nal's.
  Interface* interface(InterfaceId id) noexcept;
  /// Sockets and connections in use, those that linger among them.
  std::size_t in_use() const noexcept {
    const CoreLock lock;
    return tcp_.in_use() + udp_.in_use();
  }

 private:
  static constexpr unsigned kBudget = 16;

  struct Memory {
    std::span<TcpSlot> connections;
    std::span<ListenerSlot> listeners;
    std::span<UdpSlot> udp_sockets;
    std::span<Datagram> udp_datagrams;
    std::span<Membership> udp_memberships;
    std::uint16_t udp_queue;
    std::span<Interface> interfaces;
    std::byte* packets;
    std::size_t stride;
    std::size_t packet_count;
  };
  Stack(Executor& executor, const Entropy& entropy, const Settings& settings, const Memory& memory) noexcept;

  Poll<Result<>> poll_run(Context& context, Timer& timer) noexcept;
  void poll_timers(Instant now) noexcept;
  void unlink_waiters() noexcept;

  Settings settings_;
  Core core_;
  Random random_;
  driver::PacketPool pool_;
  std::span<Interface> interfaces_;
  std::size_t interface_count_ = 0;  ///< in use, from the first on
  Tcp tcp_;
  Udp udp_;
  WaitList configuration_;
  Instant due_ = Instant::max();       ///< lwIP's next timer, or ours
  Instant retry_at_ = Instant::max();  ///< those who wait for memory to send with
  Waiter pool_waiter_;
};

static_assert(TcpConnect<Stack> && TcpAccept<Stack> && UdpStack<Stack> && GatherWriter<TcpStream> &&
              ZeroCopyReader<TcpStream>);

}  // namespace nal::lwip
