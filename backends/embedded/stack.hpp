#pragma once
#include <array>

#include "backends/embedded/ip/ip_layer.hpp"
#include "backends/embedded/tcp/memory.hpp"
#include "backends/embedded/tcp/tcp.hpp"
#include "backends/embedded/udp/udp.hpp"
#include "nal/cidr.hpp"
#include "nal/executor.hpp"
#include "nal/random.hpp"
#include "nal/timer.hpp"

namespace nal::embedded {

/// How much of everything a stack has. All of it is memory declared once: see `Resources`.
struct Config {
  std::uint16_t packets = 16;
  std::uint32_t packet_size = 1552;        ///< an Ethernet frame of 1500 bytes, and 38 for other headers in front
  std::uint16_t large_packets = 2;         ///< for datagrams larger than a frame: put together, or cut
  std::uint32_t large_packet_size = 4224;  ///< a datagram of 4 KiB
  std::uint8_t interfaces = 1;
  std::uint16_t addresses = 6;  ///< of each interface
  std::uint16_t neighbors = 8;
  std::uint16_t routes = 4;
  std::uint16_t path_mtus = 4;
  std::uint16_t partial_packets = 2;  ///< being put together
  std::uint16_t groups = 12;          ///< one for each IPv6 address, and what sockets join
  std::uint16_t group_sources = 4;
  std::uint16_t learned_routes = 6;  ///< prefixes and routers that routers tell of
  std::uint16_t learned_dns_servers = 2;
  std::uint16_t learned_search_domains = 2;
  std::uint16_t udp_sockets = 4;
  std::uint16_t udp_memberships = 4;
  std::uint16_t udp_queue = 4;  ///< datagrams that wait in each socket
  TcpConfig tcp{};

  constexpr std::size_t udp_buckets() const noexcept {
    std::size_t n = 4;
    while (n < udp_sockets) { n *= 2; }
    return n;
  }
};

/// The memory of a stack, declared once: `static embedded::Resources<> memory;`, or with a `Config` of one's own.
/// Outlives the stack.
template <Config kConfig = Config{}>
class Resources {
 public:
  Resources() noexcept = default;
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;

  static constexpr Config config() noexcept { return kConfig; }
  /// All of it, the stack's own object not included.
  static constexpr std::size_t bytes() noexcept { return sizeof(Resources); }

 private:
  friend class Stack;
  static constexpr bool kLarge = kConfig.large_packets > 0;

  driver::PacketMemory<kConfig.packets, kConfig.packet_size> packets_;
  driver::PacketMemory<(kLarge ? kConfig.large_packets : 1), (kLarge ? kConfig.large_packet_size : 1)> large_packets_;
  std::array<Interface, kConfig.interfaces> interfaces_;
  std::array<Waiter, kConfig.interfaces> waiters_;
  std::array<InterfaceAddress, std::size_t{kConfig.interfaces} * kConfig.addresses> addresses_;
  std::array<Neighbor, kConfig.neighbors> neighbors_;
  std::array<StaticRoute, kConfig.routes> routes_;
  std::array<PathMtu, kConfig.path_mtus> path_mtus_;
  std::array<PartialPacket, kConfig.partial_packets> partial_packets_;
  std::array<Group, kConfig.groups> groups_;
  std::array<GroupSource, kConfig.group_sources> group_sources_;
  std::array<Groups::State, kConfig.interfaces> group_states_;
  std::array<LearnedRoute, kConfig.learned_routes> learned_routes_;
  std::array<LearnedDnsServer, kConfig.learned_dns_servers> learned_dns_servers_;
  std::array<LearnedSearchDomain, kConfig.learned_search_domains> learned_search_domains_;
  std::array<Slaac::State, kConfig.interfaces> slaac_states_;
  std::array<UdpSlot, kConfig.udp_sockets> udp_slots_;
  std::array<std::uint16_t, kConfig.udp_buckets()> udp_buckets_;
  std::array<UdpMembership, kConfig.udp_memberships> udp_memberships_;
  TcpResources<kConfig.tcp> tcp_;
};

/// What a stack may be told beside how much it has, as far as that is compiled in.
struct AllSettings {
  TcpTuning tcp{};
  Dad::Config addresses{};  ///< its secret is made from the entropy when it is all zeros
};
struct AddressSettings {
  static constexpr TcpTuning tcp{};
  Dad::Config addresses{};
};
struct NoSettings {
  static constexpr TcpTuning tcp{};
  static constexpr Dad::Config addresses{};
};
using Settings = std::conditional_t<features::kTcpTuning, AllSettings,
                                    std::conditional_t<kAddressesChange, AddressSettings, NoSettings>>;

/// What may be asked of stateless addresses.
struct SlaacOptions {
  /// Besides the stable address of each prefix one that is replaced each day (RFC 8981): connections come from it, so
  /// that who is called cannot tell the device by it for longer. Takes three of an interface's addresses.
  bool temporary = false;
};

/// A TCP/IP stack for IPv4 and IPv6 without heap, globals or threads: a model of `TcpConnect`, `TcpAccept` and
/// `UdpStack` (and of `Dns` with nal's resolver: `dns::StackWithDns`). `run()` drives it, as one task on any executor;
/// a simulator drives it by `poll` and `poll_at`. Confined to its executor's thread.
///
/// The executor, the memory and the devices outlive it; every handle is gone before it.
class Stack {
 public:
  using TcpStream = embedded::TcpStream;
  using TcpListener = embedded::TcpListener;
  using ConnectedUdp = embedded::ConnectedUdp;
  using UniquelyBoundUdp = embedded::UnconnectedUdp;
  using MultiplyBoundUdp = embedded::UnconnectedUdp;

  /// `entropy` is what nobody else knows: ports, sequence numbers and keys follow from it.
  template <Config kConfig>
  Stack(Executor& executor, Resources<kConfig>& memory, const Entropy& entropy, const Settings& settings = {}) noexcept
      : Stack(executor, entropy, settings,
              Memory{.packets = memory.packets_.bytes,
                     .stride = decltype(memory.packets_)::kStride,
                     .packet_count = kConfig.packets,
                     .large_packets = memory.large_packets_.bytes,
                     .large_stride = decltype(memory.large_packets_)::kStride,
                     .large_count = kConfig.large_packets,
                     .waiters = memory.waiters_,
                     .ip{.interfaces = memory.interfaces_,
                         .addresses = memory.addresses_,
                         .neighbors = memory.neighbors_,
                         .routes = memory.routes_,
                         .path_mtus = memory.path_mtus_,
                         .partial_packets = memory.partial_packets_,
                         .groups = {memory.groups_, memory.group_sources_, memory.group_states_},
                         .slaac = {memory.learned_routes_, memory.learned_dns_servers_, memory.learned_search_domains_,
                                   memory.slaac_states_}},
                     .udp_slots = memory.udp_slots_,
                     .udp_buckets = memory.udp_buckets_,
                     .udp_memberships = memory.udp_memberships_,
                     .udp_queue = kConfig.udp_queue,
                     .tcp = memory.tcp_.memory()}) {}
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

  /// A device becomes an interface. *Errors*: table_full.
  Result<InterfaceId> add_interface(driver::Driver& driver) noexcept;
  /// Gives an interface an address, once nobody else turns out to have it. *Errors*: table_full, invalid_argument.
  Result<> add_address(InterfaceId interface, const Cidr& address) noexcept;
  Result<> remove_address(InterfaceId interface, const IpAddress& address) noexcept;
  /// Sends what is for `prefix` to `gateway`, or to its destination itself if that is unspecified. *Errors*:
  /// table_full.
  Result<> add_route(InterfaceId interface, const Cidr& prefix, const IpAddress& gateway) noexcept;
  Result<> add_default_route(InterfaceId interface, const IpAddress& gateway) noexcept {
    return add_route(interface, Cidr(IpAddress::unspecified(gateway.family()), 0), gateway);
  }
  Result<> remove_route(InterfaceId interface, const Cidr& prefix) noexcept;
  /// A link-local address, fe80::/64 or 169.254/16, that nobody else has.
  Result<> start_link_local(InterfaceId interface, Family family) noexcept;
  /// IPv6 addresses, routers and DNS servers as routers tell of them. *Errors*: invalid_argument, table_full;
  /// not_supported: an option is not compiled in.
  Result<> start_slaac(InterfaceId interface, const SlaacOptions& options = {}) noexcept;
  /// Forgets those, and asks no more.
  Result<> stop_slaac(InterfaceId interface) noexcept;

  // What there is. The spans live as long as the stack; entries among them may be free, as each type tells, and change
  // whenever the stack is polled.

  std::span<const Interface> interfaces() noexcept { return ip_.interfaces(); }
  /// Of an interface, in whatever state; none if there is no such interface.
  std::span<const InterfaceAddress> addresses(InterfaceId interface) noexcept {
    const Interface* const entry = ip_.interface(index(interface));
    return entry ? entry->addresses : std::span<InterfaceAddress>();
  }
  /// By hand or by DHCP; those of addresses' prefixes are not among them.
  std::span<const StaticRoute> routes() const noexcept { return ip_.routes(); }
  /// What IPv6 routers have told.
  std::span<const LearnedRoute> learned_routes() const noexcept { return ip_.slaac().routes(); }
  std::span<const Neighbor> neighbors() const noexcept { return ip_.neighbors().table(); }
  std::span<const Connection> connections() const noexcept { return tcp_.connections(); }
  std::span<const ListenerEntry> listeners() const noexcept { return tcp_.listeners(); }
  std::span<const UdpSlot> udp_sockets() const noexcept { return udp_.sockets(); }

  /// What was done, what was dropped and why, and how much of the memory is left, now. Counters wrap.
  struct Statistics {
    IpLayer::Statistics ip;
    Reassembly::Statistics fragments;
    Udp::Statistics udp;
    TcpCounters tcp;
    std::size_t packets_free = 0;
    std::size_t large_packets_free = 0;
    std::size_t rings_free = 0;
    std::size_t connections = 0;  ///< in use, lingering ones included
    std::size_t handshakes = 0;   ///< half-open
    std::size_t time_waits = 0;
  };
  Statistics statistics() const noexcept;

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
      stack_->ip_.configuration_changed().add(context, waiter_, Wait::device);
      return pending;
    }

   private:
    Stack* stack_;
    InterfaceId interface_;
    Family family_;
    Waiter waiter_;
  };
  /// *Completes* when the interface can be used. *Errors*: none. *Cancellation*: dropping it loses nothing.
  WaitConfigUp wait_config_up(InterfaceId interface, Family family = Family::any) noexcept {
    return {*this, interface, family};
  }

  /// Ready when `link_up`; see `wait_link_up`.
  class [[nodiscard("await it")]] WaitLinkUp {
   public:
    WaitLinkUp(Stack& stack, InterfaceId interface) noexcept : stack_(&stack), interface_(interface) {}
    Poll<Result<>> poll(Context& context) noexcept {
      if (stack_->link_up(interface_)) { return Result<>(); }
      stack_->ip_.configuration_changed().add(context, waiter_, Wait::device);
      return pending;
    }

   private:
    Stack* stack_;
    InterfaceId interface_;
    Waiter waiter_;
  };
  /// *Completes* when the device has a link. *Errors*: none. *Cancellation*: dropping it loses nothing.
  WaitLinkUp wait_link_up(InterfaceId interface) noexcept { return {*this, interface}; }

  /// Another number after each change of links, addresses, routes, or what routers and DHCP servers tell: also when an
  /// address has turned out to be taken, is preferred no longer, or is gone, and when a router stops to answer.
  std::uint32_t configuration_version() const noexcept { return ip_.configuration_version(); }

  /// Ready when the version is another one; see `wait_change`.
  class [[nodiscard("await it")]] WaitChange {
   public:
    WaitChange(Stack& stack, std::uint32_t seen) noexcept : stack_(&stack), seen_(seen) {}
    Poll<Result<std::uint32_t>> poll(Context& context) noexcept {
      const std::uint32_t now = stack_->configuration_version();
      if (now != seen_) { return Result<std::uint32_t>(now); }
      stack_->ip_.configuration_changed().add(context, waiter_, Wait::device);
      return pending;
    }

   private:
    Stack* stack_;
    std::uint32_t seen_;
    Waiter waiter_;
  };
  /// *Completes* with `configuration_version()` once that is not `seen`: at once, if something has changed since, so
  /// that whoever loops misses nothing; several changes at a time are one. *Errors*: none. *Cancellation*: dropping it
  /// loses nothing.
  ///
  ///     for (std::uint32_t seen = stack.configuration_version();;) {
  ///       look(stack);
  ///       NAL_CO_TRY_SET(seen, stack.wait_change(seen));
  ///     }
  WaitChange wait_change(std::uint32_t seen) noexcept { return {*this, seen}; }

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

  // Without an executor.

  /// Takes in and sends out what there is, up to `budget` packets from each interface, and does what is due at `now`.
  /// True: there is more to do at once.
  bool poll(Instant now, unsigned budget = kBudget) noexcept;
  /// When `poll` is to be called next if nothing arrives and nothing is sent.
  Instant poll_at() const noexcept;

  IpLayer& ip() noexcept { return ip_; }
  Udp& udp() noexcept { return udp_; }
  Tcp& tcp() noexcept { return tcp_; }
  Random& random() noexcept { return random_; }
  driver::PacketPool& packets() noexcept { return pool_; }
  driver::PacketPool& large_packets() noexcept { return large_pool_; }
  /// Sockets and connections in use, those that linger among them.
  std::size_t in_use() const noexcept { return udp_.in_use() + tcp_.connections_in_use() + tcp_.listeners_in_use(); }

 private:
  static constexpr unsigned kBudget = 16;

  struct Memory {
    std::byte* packets;
    std::size_t stride;
    std::size_t packet_count;
    std::byte* large_packets;
    std::size_t large_stride;
    std::size_t large_count;
    std::span<Waiter> waiters;
    IpLayer::Storage ip;
    std::span<UdpSlot> udp_slots;
    std::span<std::uint16_t> udp_buckets;
    std::span<UdpMembership> udp_memberships;
    std::uint16_t udp_queue;
    TcpMemory tcp;
  };
  Stack(Executor& executor, const Entropy& entropy, const Settings& settings, const Memory& memory) noexcept;

  Poll<Result<>> poll_run(Context& context, Timer& timer) noexcept;
  void unlink_waiters() noexcept;
  static InterfaceIndex index(InterfaceId interface) noexcept { return interface_index(interface.index()); }

  Executor& executor_;
  driver::PacketPool pool_;
  driver::PacketPool large_pool_;
  Random random_;
  IpLayer ip_;
  Udp udp_;
  Tcp tcp_;
  std::span<Waiter> driver_waiters_;
  Waiter ip_waiter_;
  Waiter tcp_waiter_;
  Waiter pool_waiter_;
  Waiter large_pool_waiter_;
};

static_assert(TcpConnect<Stack> && TcpAccept<Stack> && UdpStack<Stack> && GatherWriter<TcpStream>);

}  // namespace nal::embedded
