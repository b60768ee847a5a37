#pragma once
#include <array>
#include <string_view>

#include "backends/posix/probe.hpp"
#include "backends/posix/resolver.hpp"
#include "backends/posix/tcp.hpp"
#include "backends/posix/udp.hpp"
#include "nal/dns.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"

namespace nal::posix {

/// How much a stack may have at once.
struct Config {
  std::size_t sockets = 64;          ///< streams, listeners and UDP sockets together
  std::size_t lookups = 8;           ///< names asked for at a time
  std::size_t resolver_threads = 2;  ///< helper threads that ask the system's resolver
  std::int32_t linger_seconds = 10;  ///< how long a dropped stream may go on sending in the background
};

/// The memory of a stack, declared once: `static posix::Resources<posix::Config{.sockets = 1000}> memory;`
template <Config kConfig = Config{}>
class Resources {
 public:
  static constexpr Config config() noexcept { return kConfig; }

 private:
  friend class Stack;
  std::array<Socket, kConfig.sockets> sockets_;
};

/// POSIX sockets behind the concepts of nal: a model of `TcpConnect`, `TcpAccept`, `UdpStack`, `ProbeStack` and `Dns`.
///
/// The executor, whose platform is `reactor`, and the memory outlive it; every handle is gone before it (asserted).
class Stack {
 public:
  using TcpStream = posix::TcpStream;
  using TcpListener = posix::TcpListener;
  using ConnectedUdp = posix::ConnectedUdp;
  using UniquelyBoundUdp = posix::BoundUdp;
  using MultiplyBoundUdp = posix::BoundUdp;
  using ProbeSocket = posix::ProbeSocket;
  using Lookup = Resolver::Lookup;
  using ReverseLookup = Resolver::ReverseLookup;

  template <Config kConfig>
  Stack(Reactor& reactor, Executor& executor, Resources<kConfig>& memory) noexcept
      : table_(reactor, memory.sockets_.data(), kConfig.sockets, Duration::seconds(kConfig.linger_seconds)),
        resolver_(executor, kConfig.lookups, kConfig.resolver_threads) {
    NAL_ASSERT(&executor.platform() == &reactor);
  }

  Result<TcpStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    return posix::start_tcp(table_, remote, options);
  }
  Result<TcpStream> start_tcp_from(const Endpoint& local, const Endpoint& remote, const TcpOptions& options) noexcept {
    return posix::start_tcp_from(table_, local, remote, options);
  }
  Result<TcpListener> listen(const Endpoint& local, const ListenOptions& options) noexcept {
    return listen_tcp(table_, local, options);
  }
  Result<ConnectedUdp> udp_connect_from(const Endpoint& local, const Endpoint& remote,
                                        const UdpOptions& options) noexcept {
    return posix::udp_connect_from(table_, local, remote, options);
  }
  Result<UniquelyBoundUdp> udp_bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
    return posix::udp_bind_single(table_, local, options);
  }
  Result<MultiplyBoundUdp> udp_bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
    return posix::udp_bind_multiple(table_, local, options);
  }
  Result<ProbeSocket> open_probe(const ProbeOptions& options) noexcept { return posix::open_probe(table_, options); }
  Result<Lookup> start_lookup(std::string_view name, Family family) noexcept {
    return resolver_.start_lookup(name, family);
  }
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept {
    return resolver_.start_reverse_lookup(address);
  }

  /// Sockets in use.
  std::size_t in_use() const noexcept { return table_.in_use(); }

 private:
  SocketTable table_;
  Resolver resolver_;
};

static_assert(TcpConnect<Stack> && TcpAccept<Stack> && UdpStack<Stack> && ProbeStack<Stack> && Dns<Stack> &&
              GatherWriter<TcpStream>);

}  // namespace nal::posix
