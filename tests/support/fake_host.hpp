#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nal/endpoint.hpp"
#include "nal/executor.hpp"

namespace nal::test {

class FakeNetwork;
class FakeStack;

/// How large a fake stack's tables are. All of it is taken when the stack is made; a full table is an error.
struct FakeConfig {
  std::vector<IpAddress> addresses{};  ///< beside the loopback ones; the first of a family is the default route's
  bool has_ipv6 = true;                ///< without it, no IPv6 address at all
  std::size_t tcp_slots = 16;
  std::size_t listeners = 4;
  std::size_t receive_ring = 256;
  std::size_t send_ring = 256;
  std::size_t udp_slots = 8;
  std::size_t udp_queue = 8;  ///< datagrams that wait on one socket
  std::size_t groups = 4;     ///< memberships of one socket
  std::size_t lookups = 4;
  std::size_t datagram = 1472;  ///< the largest
  std::uint16_t first_ephemeral = 49152;
  std::uint16_t last_ephemeral = 65535;
  Duration connect_timeout = Duration::seconds(75);
  Duration linger_time = Duration::seconds(10);
};

/// What goes wrong on a host. Zero: nothing. May be changed at any time.
struct FakeFaults {
  std::size_t chunk = 0;         ///< one write takes at most so many bytes
  unsigned hiccup = 0;           ///< every so many calls of a `poll_` would block although it need not
  std::uint64_t reset_at = 0;    ///< a connection is reset once it has received so many bytes
  bool silent = false;           ///< nothing reaches this host or leaves it
  unsigned lose_datagrams = 0;   ///< so many of the next datagrams sent are lost
  unsigned fail_allocation = 0;  ///< the so-manieth allocation from now on fails with no_memory
};

/// What the protocols of one fake stack share: its addresses, its ports, what goes wrong.
class FakeHost {
 public:
  FakeHost(FakeNetwork& network, FakeStack& stack, const FakeConfig& settings);

  FakeNetwork& network() const noexcept { return network_; }
  FakeStack& stack() const noexcept { return stack_; }
  Instant now() const noexcept;

  bool has(const IpAddress& address) const noexcept;
  bool can_reach(Family family) const noexcept { return family == Family::v4 || config.has_ipv6; }
  /// The address that the default route would use, else loopback. *Errors*: address_not_available.
  Result<IpAddress> source(Family family) const noexcept;
  /// The address of this host that a remote one sees. *Errors*: network_unreachable.
  Result<IpAddress> source_for(const IpAddress& remote) const noexcept;
  std::uint16_t next_ephemeral() noexcept;

  /// What every factory and every connection asks before it takes memory.
  bool allocate() noexcept { return faults.fail_allocation == 0 || --faults.fail_allocation != 0; }
  /// Whether this call shall block without need; the task is then polled again.
  bool hiccups(Context& context) noexcept;

  const FakeConfig config;
  FakeFaults faults;

 private:
  FakeNetwork& network_;
  FakeStack& stack_;
  std::uint16_t ephemeral_;
  unsigned calls_ = 0;
};

}  // namespace nal::test
