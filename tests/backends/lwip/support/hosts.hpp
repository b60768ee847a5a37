#pragma once
#include <lwip/memp.h>
#include <lwip/stats.h>

#include <array>
#include <string_view>
#include <vector>

#include "backends/drivers/fault_injector.hpp"
#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "backends/lwip/stack.hpp"
#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"
#include "tests/backends/lwip/support/clock.hpp"

namespace nal::test {

/// lwIP and the embedded stack on a wire that can be made bad, under a virtual clock.
class LwipHosts {
 public:
  static constexpr lwip::Config kConfig{
      .connections = 12, .listeners = 3, .udp_sockets = 6, .udp_queue = 4, .udp_datagrams = 8, .packets = 64};
  static constexpr embedded::Config kPeerConfig{
      .packets = 128,
      .udp_sockets = 6,
      .tcp = {.connections = 16, .listeners = 3, .time_waits = 16, .rings = {{{16384, 16384, 16}}}},
  };

  explicit LwipHosts(const drivers::Faults& faults = {}, std::uint64_t seed = 1)
      : network(wire.a(), {.receive = faults, .transmit = faults, .seed = seed}, late_received, late_sent) {
    const auto ours = lwip.add_interface(network);
    const auto other = peer.add_interface(wire.b());
    NAL_ASSERT(ours && other);
    interface = *ours;
    for (const Family family : {Family::v4, Family::v6}) {
      if (!has(family)) { continue; }
      add(lwip, interface, lwip_address(family));
      add(peer, *other, peer_address(family));
    }
    [[maybe_unused]] const bool running =
        lwip_run.start(executor, run<lwip::Stack>, lwip) && peer_run.start(executor, run<embedded::Stack>, peer);
    NAL_ASSERT(running);
  }

  static constexpr bool has(Family family) { return family == Family::v4 ? LWIP_IPV4 : LWIP_IPV6; }
  /// Where one will do.
  static constexpr Family kFamily = LWIP_IPV4 ? Family::v4 : Family::v6;
  static IpAddress lwip_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.1"_ip : "fd77::1"_ip;
  }
  static IpAddress peer_address(Family family) {
    using namespace literals;
    return family == Family::v4 ? "10.77.0.2"_ip : "fd77::2"_ip;
  }

  template <class F>
  auto block(F&& future, Duration patience = Duration::seconds(300)) {
    return block_on(executor, with_timeout(patience, std::forward<F>(future)));
  }
  template <class P>
  bool run_until(P&& done, Duration patience = Duration::seconds(300)) {
    return executor.run_until(std::forward<P>(done), executor.now() + patience);
  }
  void pass(Duration time) {
    executor.run_until([] { return false; }, executor.now() + time);
  }

  static Entropy entropy(unsigned seed) {
    std::array<std::byte, Entropy::kSize> bytes{};
    bytes[0] = static_cast<std::byte>(seed);
    return Entropy(bytes);
  }

  LwipClock clock;
  Executor executor{clock};
  drivers::WirePair wire{{.queue = 256, .copy = true}};
  std::vector<drivers::LateFrame> late_received{256};
  std::vector<drivers::LateFrame> late_sent{256};
  drivers::FaultInjector network;
  lwip::Resources<kConfig> lwip_memory;
  embedded::Resources<kPeerConfig> peer_memory;
  lwip::Stack lwip{executor, lwip_memory, entropy(1), {.detect_duplicates = false}};
  embedded::Stack peer{executor, peer_memory, entropy(2), {.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}}};
  InterfaceId interface;
  TaskSlot<1024> lwip_run;
  TaskSlot<1024> peer_run;

 private:
  template <class S>
  static void add(S& stack, InterfaceId at, const IpAddress& address) {
    auto added = stack.add_address(at, Cidr(address, address.is_v4() ? 24 : 64));
    // Whoever has one allocation fail may have had this one in mind.
    if (!added && added.error() == Error::no_memory) {
      added = stack.add_address(at, Cidr(address, address.is_v4() ? 24 : 64));
    }
    NAL_ASSERT(added);
  }
  template <class S>
  static Task<> run(S& stack) {
    co_return co_await stack.run();
  }
};

/// What of each of lwIP's pools is taken, and of its heap, the last one. Not its timers: the one of TCP ends some time
/// after the last connection.
inline std::vector<unsigned> lwip_memory_in_use() {
  std::vector<unsigned> used;
  for (int pool = 0; pool < MEMP_MAX; ++pool) {
    used.push_back(pool == MEMP_SYS_TIMEOUT ? 0 : static_cast<unsigned>(lwip_stats.memp[pool]->used));
  }
  used.push_back(static_cast<unsigned>(lwip_stats.mem.used));
  return used;
}
inline unsigned lwip_pool_in_use(memp_t pool) { return static_cast<unsigned>(lwip_stats.memp[pool]->used); }

/// Bytes that tell their place.
inline std::vector<std::byte> placed_bytes(std::size_t size, std::size_t first = 0) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) { bytes[i] = static_cast<std::byte>((first + i) * 7 + (first + i) / 251); }
  return bytes;
}

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Writes so many bytes that tell their place, and ends.
template <class S>
Task<> write_and_end(S& stream, std::size_t size) {
  const auto data = placed_bytes(size);
  const auto written = co_await write_all(stream, data);
  if (!written) { co_return Unexpected(written.error()); }
  co_return co_await shutdown(stream);
}
template <class S>
Task<> read_everything(S& stream, std::vector<std::byte>& out) {
  std::byte buffer[1111];
  for (;;) {
    const auto got = co_await read(stream, buffer);
    if (!got) { co_return Unexpected(got.error()); }
    if (*got == 0) { co_return Unit{}; }
    out.insert(out.end(), buffer, buffer + *got);
  }
}

/// A connection between the two, lwIP at one end.
template <class Ours, class Theirs>
struct LwipPair {
  Ours lwip;
  Theirs peer;
};
using ConnectedPair = LwipPair<lwip::TcpStream, embedded::TcpStream>;

/// Opened by lwIP. One after the other, so that a connect that fails is not waited for by an accept.
inline Result<ConnectedPair> connect_from_lwip(LwipHosts& hosts, Family family = LwipHosts::kFamily) {
  NAL_TRY_SET(auto listener, hosts.peer.listen({hosts.peer_address(family), 0}, {}));
  NAL_TRY_SET(auto ours, hosts.block(connect(hosts.lwip, listener.local_endpoint())));
  NAL_TRY_SET(auto theirs, hosts.block(accept(listener)));
  return ConnectedPair{std::move(ours), std::move(theirs)};
}
/// Opened by the peer.
inline Result<ConnectedPair> connect_to_lwip(LwipHosts& hosts, Family family = LwipHosts::kFamily) {
  NAL_TRY_SET(auto listener, hosts.lwip.listen({hosts.lwip_address(family), 0}, {}));
  NAL_TRY_SET(auto theirs, hosts.block(connect(hosts.peer, listener.local_endpoint())));
  NAL_TRY_SET(auto ours, hosts.block(accept(listener)));
  return ConnectedPair{std::move(ours), std::move(theirs)};
}

}  // namespace nal::test
