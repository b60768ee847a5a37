#pragma once
#include "tests/support/fake_dns.hpp"
#include "tests/support/fake_network.hpp"
#include "tests/support/fake_tcp.hpp"
#include "tests/support/fake_udp.hpp"

namespace nal::test {

/// A small in-memory network stack with everything nal's concepts ask for, for tests: fixed tables, the closing
/// contract, and a knob for each thing that goes wrong in real ones (`faults`, `FakeNetwork::connect_rule`,
/// `dns().answer`).
///
///     FakeNetwork network;
///     Executor executor(network);
///     FakeStack client(network, {.addresses = {"10.0.0.1"_ip}});
///     FakeStack server(network, {.addresses = {"10.0.0.2"_ip}});
///
/// `FakeWorld` is that, ready made. Every host has the loopback addresses besides. The network outlives its stacks.
class FakeStack {
 public:
  using TcpStream = FakeTcpStream;
  using TcpListener = FakeTcpListener;
  using ConnectedUdp = FakeConnectedUdp;
  using UniquelyBoundUdp = FakeUnconnectedUdp;
  using MultiplyBoundUdp = FakeUnconnectedUdp;
  using Lookup = FakeLookup;
  using ReverseLookup = FakeReverseLookup;

  explicit FakeStack(FakeNetwork& network, const FakeConfig& config = {});
  FakeStack(const FakeStack&) = delete;
  FakeStack& operator=(const FakeStack&) = delete;
  ~FakeStack();

  Result<TcpStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    return tcp_.start({IpAddress::unspecified(remote.address.family()), 0}, remote, options);
  }
  Result<TcpStream> start_tcp_from(const Endpoint& local, const Endpoint& remote, const TcpOptions& options) noexcept {
    return tcp_.start(local, remote, options);
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
  Result<Lookup> start_lookup(std::string_view name, Family family) noexcept { return dns_.start_lookup(name, family); }
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept {
    return dns_.start_reverse_lookup(address);
  }

  FakeFaults& faults() noexcept { return host_.faults; }
  FakeHost& host() noexcept { return host_; }
  FakeTcp& tcp() noexcept { return tcp_; }
  FakeUdp& udp() noexcept { return udp_; }
  FakeDns& dns() noexcept { return dns_; }

  /// Slots of all tables that are taken, lingering connections among them.
  std::size_t in_use() const noexcept {
    return tcp_.slots_in_use() + tcp_.listeners_in_use() + udp_.slots_in_use() + dns_.slots_in_use();
  }
  bool nobody_waits() const noexcept { return tcp_.nobody_waits() && udp_.nobody_waits() && dns_.nobody_waits(); }

 private:
  friend class FakeNetwork;
  bool step() noexcept;
  Instant next_event() const noexcept;

  FakeHost host_;
  FakeTcp tcp_;
  FakeUdp udp_;
  FakeDns dns_;
};

/// Two hosts on a wire, and the executor that runs them.
struct FakeWorld {
  explicit FakeWorld(const FakeConfig& config = {});

  FakeNetwork network;
  Executor executor{network};
  FakeStack client;
  FakeStack server;

  static IpAddress client_address(Family family = Family::v4) noexcept;
  static IpAddress server_address(Family family = Family::v4) noexcept;
  /// The server has a second address.
  static IpAddress other_server_address(Family family = Family::v4) noexcept;
};

}  // namespace nal::test
