#pragma once
#include <string_view>
#include <utility>

#include "nal/dns.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"

namespace nal::dns {

/// A stack whose names another resolver resolves: two words that borrow both. On POSIX, this is how ours takes the
/// place of the system's:
///
///     posix::Stack posix(reactor, executor, memory);
///     dns::Resolver resolver(executor, posix, names, entropy);
///     dns::StackWithDns stack(posix, resolver);
///     nal::connect(stack, "host", 80)
template <class N, Dns D>
  requires TcpConnect<N> && TcpAccept<N> && UdpStack<N>
class StackWithDns {
 public:
  using TcpStream = typename N::TcpStream;
  using TcpListener = typename N::TcpListener;
  using ConnectedUdp = typename N::ConnectedUdp;
  using UniquelyBoundUdp = typename N::UniquelyBoundUdp;
  using MultiplyBoundUdp = typename N::MultiplyBoundUdp;
  using Lookup = typename D::Lookup;
  using ReverseLookup = typename D::ReverseLookup;

  /// Both outlive it.
  StackWithDns(N& stack, D& dns) noexcept : stack_(&stack), dns_(&dns) {}

  Result<TcpStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    return stack_->start_tcp(remote, options);
  }
  Result<TcpStream> start_tcp_from(const Endpoint& local, const Endpoint& remote, const TcpOptions& options) noexcept
    requires(TcpConnectFrom<N>)
  {
    return stack_->start_tcp_from(local, remote, options);
  }
  Result<TcpListener> listen(const Endpoint& local, const ListenOptions& options) noexcept {
    return stack_->listen(local, options);
  }
  Result<ConnectedUdp> udp_connect_from(const Endpoint& local, const Endpoint& remote,
                                        const UdpOptions& options) noexcept {
    return stack_->udp_connect_from(local, remote, options);
  }
  Result<UniquelyBoundUdp> udp_bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
    return stack_->udp_bind_single(local, options);
  }
  Result<MultiplyBoundUdp> udp_bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
    return stack_->udp_bind_multiple(local, options);
  }
  Result<Lookup> start_lookup(std::string_view name, Family family) noexcept {
    return dns_->start_lookup(name, family);
  }
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept {
    return dns_->start_reverse_lookup(address);
  }

 private:
  N* stack_;
  D* dns_;
};

}  // namespace nal::dns
