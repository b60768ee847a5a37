#pragma once
#include <deque>
#include <map>
#include <string>

#include "backends/embedded/ip/slaac.hpp"
#include "backends/embedded/wire/arp.hpp"
#include "backends/embedded/wire/igmp.hpp"
#include "backends/embedded/wire/mld.hpp"
#include "backends/embedded/wire/ndp.hpp"
#include "nal/hosted/format.hpp"
#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded {

/// A device that only keeps which groups it was told of.
class FakeDevice final : public driver::Driver {
 public:
  driver::Capabilities capabilities() const noexcept override { return {}; }
  MacAddress hardware_address() const noexcept override { return {}; }
  bool link_up() noexcept override { return true; }
  Packet receive(driver::PacketPool&, Instant) noexcept override { return {}; }
  bool can_transmit() noexcept override { return true; }
  Result<> transmit(Packet&, Instant) noexcept override { return {}; }
  void wait(Context&, Waiter&, bool) noexcept override {}
  Result<> join(const MacAddress& group) noexcept override {
    if (refuses) { return Unexpected(Error::table_full); }
    ++groups[to_string(group)];
    return {};
  }
  void leave(const MacAddress& group) noexcept override { groups.erase(to_string(group)); }

  std::map<std::string, int> groups;
  bool refuses = false;
};

/// How what was sent reads, so that a test's expectation is a list of lines.
std::string describe(EtherType type, std::span<const std::byte> packet);

/// The modules of a link under a clock that is moved by hand, with two Ethernet interfaces, and in place of the IP
/// layer one that writes down what they send.
class FakeLink : public Link {
 public:
  struct Line {
    Instant at;
    std::string text;
  };
  struct Options {
    Dad::Config dad{};
    std::size_t neighbors = 8;
    std::size_t max_waiting = 8;
    std::size_t groups = 16;
    std::size_t sources = 8;
    std::size_t addresses = 6;
    std::size_t routes = 16;
  };

  FakeLink() : FakeLink(Options()) {}
  explicit FakeLink(const Options& options);

  // What an IP layer does.
  Packet allocate() noexcept override;
  void send_frame(Interface& interface, const MacAddress& destination, EtherType type, Packet&& packet,
                  Instant now) noexcept override;
  void send_control(Interface& interface, const Address& source, const Address& destination, Protocol protocol,
                    Packet&& message, Instant now) noexcept override;
  void unreachable(Interface& interface, Packet&& packet, Instant now) noexcept override;
  void changed() noexcept override { ++changes; }
  Random& random() noexcept override { return random_; }

  // What a test does.

  /// An address in use at once, without detection; its lines are taken.
  void use(Interface& interface, const IpAddress& address, std::uint8_t prefix_length);
  /// An address that is to be looked at first.
  InterfaceAddress& start(Interface& interface, const IpAddress& address, std::uint8_t prefix_length,
                          InterfaceAddress::Origin origin = InterfaceAddress::Origin::manual);
  /// A packet of the application, with a number by which a line tells it, by `hint`.
  void send(Interface& interface, const IpAddress& source, const IpAddress& destination, const IpAddress& next_hop,
            unsigned number);
  /// Moves the clock, and polls whenever something is due. Fails when that is in the past, or never ends.
  void advance(Duration by);
  void poll();
  Instant poll_at() const;
  void link_down(Interface& interface);
  void link_up(Interface& interface);
  /// What was sent since the last call.
  std::vector<std::string> take();
  std::vector<Line> take_timed();

  // What comes from the link.
  void arp(const MacAddress& sender_mac, wire::ArpOperation operation, const Ipv4Address& sender,
           const Ipv4Address& target);
  /// An ICMPv6 message as it stands; to whichever module it is for.
  void icmpv6(const Ipv6Address& source, const Ipv6Address& destination, std::span<const std::byte> message,
              std::uint8_t hop_limit = 255);
  void solicit(const Ipv6Address& source, const Ipv6Address& destination, const Ipv6Address& target,
               const MacAddress* station = nullptr, std::span<const std::byte> nonce = {});
  void advertise(const Ipv6Address& source, const Ipv6Address& destination, const Ipv6Address& target,
                 const MacAddress* station, const char* flags);
  void igmp(const Ipv4Address& source, const Ipv4Address& destination, std::span<const std::byte> message);

 private:
  driver::PacketMemory<16, 1600> memory_;

 public:
  driver::PacketPool pool{memory_, 0};
  Instant now = Instant::from_microseconds(1'000'000);
  unsigned changes = 0;
  /// Of the last solicitation that had one.
  Bytes last_nonce;
  std::uint16_t hint = 0xffff;
  FakeDevice devices[2];

 private:
  Random random_;
  std::deque<Line> lines_;
  std::vector<InterfaceAddress> addresses_;
  std::vector<Interface> interfaces_;
  std::vector<Group> group_table_;
  std::vector<GroupSource> source_table_;
  std::vector<Groups::State> group_states_;
  std::vector<Neighbor> neighbor_table_;
  std::vector<LearnedRoute> routes_;
  std::vector<LearnedDnsServer> dns_servers_;
  std::vector<LearnedSearchDomain> search_domains_;
  std::vector<Slaac::State> slaac_states_;

 public:
  Groups groups;
  Dad dad;
  Neighbors neighbors;
  Slaac slaac;
  Interface& eth0;
  Interface& eth1;
};

}  // namespace nal::embedded
