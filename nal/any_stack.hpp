#pragma once
#include "nal/any_dns.hpp"
#include "nal/any_probe.hpp"
#include "nal/any_tcp.hpp"
#include "nal/any_udp.hpp"

namespace nal {

namespace detail {
struct AnyStackTable {
  Result<AnyTcpStream> (*start_tcp)(void*, const Endpoint&, const TcpOptions&) noexcept;
  Result<AnyTcpStream> (*start_tcp_from)(void*, const Endpoint&, const Endpoint&, const TcpOptions&) noexcept;
  Result<AnyTcpListener> (*listen)(void*, const Endpoint&, const ListenOptions&) noexcept;
  Result<AnyUdpSocket> (*udp_connect_from)(void*, const Endpoint&, const Endpoint&, const UdpOptions&) noexcept;
  Result<AnyUdpSocket> (*udp_bind_single)(void*, const Endpoint&, const UdpOptions&) noexcept;
  Result<AnyUdpSocket> (*udp_bind_multiple)(void*, const Endpoint&, const UdpOptions&) noexcept;
  Result<AnyProbeSocket> (*open_probe)(void*, const ProbeOptions&) noexcept;
  Result<AnyLookup> (*start_lookup)(void*, std::string_view, Family) noexcept;
  Result<AnyReverseLookup> (*start_reverse_lookup)(void*, const IpAddress&) noexcept;
};

/// A handle of its own type as a handle of any type.
template <class Any, class H>
Result<Any> erase(Result<H> handle) noexcept {
  if (!handle) { return Unexpected(handle.error()); }
  return Any(*std::move(handle));
}

// Captureless, and one for every entry that a stack lacks.
template <class Any, class... Arguments>
Result<Any> not_supported(void*, Arguments...) noexcept {
  return Unexpected(Error::not_supported);
}

template <class N>
constexpr AnyStackTable make_any_stack_table() noexcept {
  AnyStackTable table{
      .start_tcp = &not_supported<AnyTcpStream, const Endpoint&, const TcpOptions&>,
      .start_tcp_from = &not_supported<AnyTcpStream, const Endpoint&, const Endpoint&, const TcpOptions&>,
      .listen = &not_supported<AnyTcpListener, const Endpoint&, const ListenOptions&>,
      .udp_connect_from = &not_supported<AnyUdpSocket, const Endpoint&, const Endpoint&, const UdpOptions&>,
      .udp_bind_single = &not_supported<AnyUdpSocket, const Endpoint&, const UdpOptions&>,
      .udp_bind_multiple = &not_supported<AnyUdpSocket, const Endpoint&, const UdpOptions&>,
      .open_probe = &not_supported<AnyProbeSocket, const ProbeOptions&>,
      .start_lookup = &not_supported<AnyLookup, std::string_view, Family>,
      .start_reverse_lookup = &not_supported<AnyReverseLookup, const IpAddress&>,
  };
  if constexpr (TcpConnect<N>) {
    table.start_tcp = [](void* stack, const Endpoint& remote, const TcpOptions& options) noexcept {
      return erase<AnyTcpStream>(static_cast<N*>(stack)->start_tcp(remote, options));
    };
  }
  if constexpr (TcpConnectFrom<N>) {
    table.start_tcp_from = [](void* stack, const Endpoint& local, const Endpoint& remote,
                              const TcpOptions& options) noexcept {
      return erase<AnyTcpStream>(static_cast<N*>(stack)->start_tcp_from(local, remote, options));
    };
  }
  if constexpr (TcpAccept<N>) {
    table.listen = [](void* stack, const Endpoint& local, const ListenOptions& options) noexcept {
      return erase<AnyTcpListener>(static_cast<N*>(stack)->listen(local, options));
    };
  }
  if constexpr (UdpStack<N>) {
    table.udp_connect_from = [](void* stack, const Endpoint& local, const Endpoint& remote,
                                const UdpOptions& options) noexcept {
      return erase<AnyUdpSocket>(static_cast<N*>(stack)->udp_connect_from(local, remote, options));
    };
    table.udp_bind_single = [](void* stack, const Endpoint& local, const UdpOptions& options) noexcept {
      return erase<AnyUdpSocket>(static_cast<N*>(stack)->udp_bind_single(local, options));
    };
    table.udp_bind_multiple = [](void* stack, const Endpoint& local, const UdpOptions& options) noexcept {
      return erase<AnyUdpSocket>(static_cast<N*>(stack)->udp_bind_multiple(local, options));
    };
  }
  if constexpr (ProbeStack<N>) {
    table.open_probe = [](void* stack, const ProbeOptions& options) noexcept {
      return erase<AnyProbeSocket>(static_cast<N*>(stack)->open_probe(options));
    };
  }
  if constexpr (Dns<N>) {
    table.start_lookup = [](void* stack, std::string_view name, Family family) noexcept {
      return erase<AnyLookup>(static_cast<N*>(stack)->start_lookup(name, family));
    };
    table.start_reverse_lookup = [](void* stack, const IpAddress& address) noexcept {
      return erase<AnyReverseLookup>(static_cast<N*>(stack)->start_reverse_lookup(address));
    };
  }
  return table;
}
template <class N>
inline constexpr AnyStackTable kAnyStack = make_any_stack_table<N>();
}  // namespace detail

/// Any stack, for code that is compiled once and linked with whichever: two words that borrow the stack, which outlives
/// it and its handles. A model of `TcpConnectFrom`, `TcpAccept`, `UdpStack`, `ProbeStack` and `Dns`; what the stack
/// does not do is `Error::not_supported`.
class AnyStack {
 public:
  using TcpStream = AnyTcpStream;
  using TcpListener = AnyTcpListener;
  using ConnectedUdp = AnyUdpSocket;
  using UniquelyBoundUdp = AnyUdpSocket;
  using MultiplyBoundUdp = AnyUdpSocket;
  using ProbeSocket = AnyProbeSocket;
  using Lookup = AnyLookup;
  using ReverseLookup = AnyReverseLookup;

  template <class N>
    requires(!std::same_as<N, AnyStack> && (TcpConnect<N> || TcpAccept<N> || UdpStack<N> || Dns<N>))
  explicit AnyStack(N& stack) noexcept : stack_(&stack), table_(&detail::kAnyStack<N>) {}

  Result<AnyTcpStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    return table_->start_tcp(stack_, remote, options);
  }
  Result<AnyTcpStream> start_tcp_from(const Endpoint& local, const Endpoint& remote,
                                      const TcpOptions& options) noexcept {
    return table_->start_tcp_from(stack_, local, remote, options);
  }
  Result<AnyTcpListener> listen(const Endpoint& local, const ListenOptions& options) noexcept {
    return table_->listen(stack_, local, options);
  }
  Result<AnyUdpSocket> udp_connect_from(const Endpoint& local, const Endpoint& remote,
                                        const UdpOptions& options) noexcept {
    return table_->udp_connect_from(stack_, local, remote, options);
  }
  Result<AnyUdpSocket> udp_bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
    return table_->udp_bind_single(stack_, local, options);
  }
  Result<AnyUdpSocket> udp_bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
    return table_->udp_bind_multiple(stack_, local, options);
  }
  Result<AnyProbeSocket> open_probe(const ProbeOptions& options) noexcept {
    return table_->open_probe(stack_, options);
  }
  Result<AnyLookup> start_lookup(std::string_view name, Family family) noexcept {
    return table_->start_lookup(stack_, name, family);
  }
  Result<AnyReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept {
    return table_->start_reverse_lookup(stack_, address);
  }

 private:
  void* stack_;
  const detail::AnyStackTable* table_;
};
static_assert(TcpConnectFrom<AnyStack> && TcpAccept<AnyStack> && UdpStack<AnyStack> && ProbeStack<AnyStack> &&
              Dns<AnyStack>);

}  // namespace nal
