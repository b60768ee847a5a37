#include <catch2/catch_test_macros.hpp>

#include "backends/embedded/wire/checksum.hpp"
#include "tests/backends/embedded/ip/fake_link.hpp"

/// Whatever a link carries, in whatever order, between whatever calls: nothing breaks, nothing leaks, no timer stays in
/// the past, and what is good still works afterwards. The same sequence in each run.
namespace nal::embedded {
namespace {

using namespace nal::literals;

const Ipv6Address kHost6 = "fe80::1"_ipv6;
constexpr Ipv4Address kHost4{10, 0, 0, 1};
constexpr Ipv4Address kPeer4{10, 0, 0, 2};
constexpr MacAddress kPeerMac{2, 0, 0, 0, 0, 0x22};

/// Numbers that are the same in each run.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  std::uint32_t below(std::uint32_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>(state_ >> 32) % bound;
  }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

Ipv6Address some_v6(Dice& dice) {
  switch (dice.below(9)) {
    case 0: return {};
    case 1: return kHost6;
    case 2: return Ipv6Address::all_nodes();
    case 3: return kHost6.solicited_node();
    case 4: return {0x2001, 0xdb8, 1, 0, 0, 0, 0, static_cast<std::uint16_t>(dice.below(4))};
    case 5: return {0xff05, 0, 0, 0, 0, 0, 0, static_cast<std::uint16_t>(dice.below(4))};
    case 6: return Ipv6Address::from_v4({10, 0, 0, static_cast<std::uint8_t>(dice.below(4))});
    default: return {0xfe80, 0, 0, 0, 0, 0, 0, static_cast<std::uint16_t>(dice.below(6))};
  }
}
Ipv4Address some_v4(Dice& dice) {
  switch (dice.below(6)) {
    case 0: return {};
    case 1: return kHost4;
    case 2: return {224, 0, 0, 1};
    case 3: return {239, 0, 0, static_cast<std::uint8_t>(dice.below(4))};
    default: return {10, 0, 0, static_cast<std::uint8_t>(dice.below(8))};
  }
}
MacAddress some_mac(Dice& dice) {
  return {static_cast<std::uint8_t>(dice.below(3)), 0, 0, 0, 0, static_cast<std::uint8_t>(dice.below(40))};
}

Bytes some_nd(Dice& dice) {
  Bytes out(600);
  const Ipv6Address target = some_v6(dice);
  const Ipv6Address second = some_v6(dice);
  const auto seconds = [&] { return dice.one_in(8) ? wire::kNdpInfinity : dice.below(20'000); };
  const auto finish = [&](wire::NdpWriter& writer) {
    for (std::uint32_t i = dice.below(4); i > 0; --i) {
      switch (dice.below(8)) {
        case 0: writer.link_layer(wire::NdpOptionType::source_link_layer, some_mac(dice)); break;
        case 1: writer.link_layer(wire::NdpOptionType::target_link_layer, some_mac(dice)); break;
        case 2: writer.nonce(Bytes(dice.below(7))); break;
        case 3: writer.mtu(dice.below(2000)); break;
        case 4:
          writer.prefix_information({static_cast<std::uint8_t>(dice.one_in(3) ? dice.below(256) : 64), !dice.one_in(3),
                                     !dice.one_in(3), seconds(), seconds(), wire::bytes_of(second)});
          break;
        case 5:
          writer.route_information({static_cast<std::uint8_t>(dice.below(129)), wire::RouterPreference::high, seconds(),
                                    wire::bytes_of(second)});
          break;
        case 6: writer.recursive_dns(seconds(), copy(wire::bytes_of(second))); break;
        default: writer.dns_search_list(seconds(), hex("01 61 03 6f7267 00 01 62 00")); break;
      }
    }
    return copy(writer.finish(wire::bytes_of(target), wire::bytes_of(second)));
  };
  switch (dice.below(4)) {
    case 0: {
      wire::NdpWriter writer(out, wire::NdpWriter::NeighborSolicitation{wire::bytes_of(target)});
      return finish(writer);
    }
    case 1: {
      wire::NdpWriter writer(out, wire::NdpWriter::NeighborAdvertisement{dice.one_in(2), dice.one_in(2), dice.one_in(2),
                                                                         wire::bytes_of(target)});
      return finish(writer);
    }
    case 2: {
      wire::NdpWriter writer(out, wire::NdpWriter::RouterAdvertisement{
                                      static_cast<std::uint8_t>(dice.below(256)), dice.one_in(2), dice.one_in(2),
                                      wire::RouterPreference::low, static_cast<std::uint16_t>(dice.below(0x10000)),
                                      dice.below(100'000), dice.below(100'000)});
      return finish(writer);
    }
    default: {
      wire::NdpWriter writer(out, wire::NdpWriter::Redirect{wire::bytes_of(target), wire::bytes_of(second)});
      return finish(writer);
    }
  }
}

Bytes some_mld(Dice& dice) {
  const Ipv6Address group = dice.one_in(2) ? Ipv6Address() : some_v6(dice);
  const Ipv6Address from = some_v6(dice);
  if (dice.one_in(2)) {
    Bytes out(wire::kMldSize);
    wire::MldMessage{
        dice.one_in(2) ? wire::Icmpv6Type::multicast_listener_query : wire::Icmpv6Type::multicast_listener_report,
        static_cast<std::uint16_t>(dice.below(0x10000)), wire::bytes_of(group)}
        .emit(out, wire::bytes_of(from), wire::bytes_of(group));
    return out;
  }
  const Bytes sources(16 * dice.below(3));
  const wire::Mldv2Query query{
      static_cast<std::uint16_t>(dice.below(0x10000)), wire::bytes_of(group), false, 2, 125, sources};
  Bytes out(query.size());
  query.emit(out, wire::bytes_of(from), wire::bytes_of(group));
  return out;
}

Bytes some_igmp(Dice& dice) {
  const Ipv4Address group = dice.one_in(2) ? Ipv4Address() : some_v4(dice);
  if (dice.one_in(2)) {
    Bytes out(wire::kIgmpSize);
    wire::IgmpMessage{dice.one_in(2) ? wire::IgmpType::query : wire::IgmpType::report_v2,
                      static_cast<std::uint8_t>(dice.below(256)), group}
        .emit(out);
    return out;
  }
  const Bytes sources = dice.one_in(2) ? Bytes() : copy(Address(some_v4(dice)).wire());
  const wire::Igmpv3Query query{static_cast<std::uint8_t>(dice.below(256)), group, false, 2, 125, sources};
  Bytes out(query.size());
  query.emit(out);
  return out;
}

/// Changed in a few bytes, or cut off.
void spoil(Dice& dice, Bytes& bytes) {
  if (!dice.one_in(2) || bytes.empty()) { return; }
  for (std::uint32_t i = dice.below(3); i > 0; --i) {
    bytes[dice.below(static_cast<std::uint32_t>(bytes.size()))] = static_cast<std::byte>(dice.below(256));
  }
  if (dice.one_in(3)) { bytes.resize(dice.below(static_cast<std::uint32_t>(bytes.size() + 1))); }
}

void check_tables(const FakeLink& link, std::size_t taken) {
  std::size_t waiting = 0;
  for (const Neighbor& entry : link.neighbors.table()) {
    if (entry.state == Neighbor::State::none) { continue; }
    REQUIRE(link.neighbors.lookup(entry.interface, entry.address) == &entry);
    REQUIRE(!(entry.hardware_address.is_multicast()));
    waiting += entry.waiting.count();
  }
  REQUIRE(waiting <= 8);
  REQUIRE(link.pool.available() + waiting + taken == link.pool.count());
  for (const Group& group : link.groups.groups()) {
    if (group.free()) { continue; }
    REQUIRE(link.groups.is_member(group.interface, group.address) ==
            (group.member() || group.address == Address(Ipv4Address(224, 0, 0, 1)) ||
             group.address == Address(Ipv6Address::all_nodes())));
  }
}

void play(std::uint64_t seed, unsigned steps) {
  Dice dice(seed);
  FakeLink link({.dad = {.ipv6_transmits = 1, .ipv4_probes = 0}});
  link.use(link.eth0, kHost4, 24);
  link.use(link.eth0, kHost6, 64);
  std::vector<Packet> taken;
  std::vector<std::pair<Address, Address>> joined;
  for (unsigned step = 0; step < steps; ++step) {
    switch (dice.below(12)) {
      case 0: {
        std::array<std::byte, 46> frame{};
        wire::ArpPacket{dice.one_in(2) ? wire::ArpOperation::request : wire::ArpOperation::reply,
                        some_mac(dice),
                        some_v4(dice),
                        {},
                        some_v4(dice)}
            .emit(frame);
        Bytes bytes = copy(frame);
        spoil(dice, bytes);
        link.neighbors.input_arp(link.eth0, bytes, link.now);
        break;
      }
      case 1:
      case 2:
      case 3: {
        Bytes bytes = some_nd(dice);
        spoil(dice, bytes);
        link.icmpv6(some_v6(dice), some_v6(dice), bytes);
        break;
      }
      case 4: {
        Bytes bytes = some_mld(dice);
        spoil(dice, bytes);
        link.icmpv6(some_v6(dice), some_v6(dice), bytes, 1);
        break;
      }
      case 5: {
        Bytes bytes = some_igmp(dice);
        spoil(dice, bytes);
        if (bytes.size() >= 8) {
          wire::store_be16(&bytes[2], 0);
          wire::store_be16(&bytes[2], wire::sum(bytes).checksum());
        }
        link.igmp(some_v4(dice), some_v4(dice), bytes);
        break;
      }
      case 6: {
        if (link.pool.available() == 0) { break; }
        if (dice.one_in(2)) {
          const Ipv4Address to = some_v4(dice);
          link.send(link.eth0, kHost4, to, to, 1);
        } else {
          const Ipv6Address to = some_v6(dice);
          if (to.is_v4_mapped()) { break; }  // the layer above knows these as IPv4
          link.send(link.eth0, kHost6, to, to, 1);
        }
        break;
      }
      case 7: {
        const bool v4 = dice.one_in(2);
        const Address group = v4 ? Address(some_v4(dice)) : Address(some_v6(dice));
        const Address source = dice.one_in(2) ? Address() : v4 ? Address(some_v4(dice)) : Address(some_v6(dice));
        if (link.groups.join(link.eth0, group, source, link.now)) { joined.emplace_back(group, source); }
        break;
      }
      case 8:
        if (!joined.empty()) {
          const std::size_t which = dice.below(static_cast<std::uint32_t>(joined.size()));
          REQUIRE(link.groups.leave(link.eth0, joined[which].first, joined[which].second, link.now));
          joined.erase(joined.begin() + static_cast<std::ptrdiff_t>(which));
        }
        break;
      case 9:
        switch (dice.below(6)) {
          case 0:
            if (link.eth0.up) {
              link.link_down(link.eth0);
            } else {
              link.link_up(link.eth0);
            }
            break;
          case 1: static_cast<void>(link.slaac.start(link.eth0, link.now)); break;
          case 2: link.slaac.stop(link.eth0, link.now); break;
          case 3:
            if (Dad::free_entry(link.eth0)) {
              link.start(link.eth0, IpAddress(Ipv4Address(10, 0, 0, 7)), 24, InterfaceAddress::Origin::dhcp);
            }
            break;
          case 4: link.dad.remove(link.eth0, link.eth0.addresses[2 + dice.below(4)], link.now); break;
          default: static_cast<void>(link.dad.start_link_local(link.eth0, Family::v4, link.now)); break;
        }
        break;
      case 10:
        // With no packets at all now and then.
        if (dice.one_in(4)) {
          while (Packet packet = link.pool.allocate(0)) { taken.push_back(std::move(packet)); }
        } else {
          taken.clear();
        }
        break;
      default: link.advance(Duration::microseconds(dice.below(dice.one_in(10) ? 2'000'000'000 : 3'000'000))); break;
    }
    link.take();
    check_tables(link, taken.size());
  }

  // The next good packet works.
  taken.clear();
  if (!link.eth0.up) { link.link_up(link.eth0); }
  link.advance(100_s);
  link.neighbors.flush(1);
  REQUIRE(link.eth0.has(Address(kHost4)));
  link.take();
  link.send(link.eth0, kHost4, kPeer4, kPeer4, 99);
  link.arp(kPeerMac, wire::ArpOperation::reply, kPeer4, kHost4);
  const auto lines = link.take();
  REQUIRE(!lines.empty());
  CHECK(lines.back() == "10.0.0.1 > 10.0.0.2 #99 -> 02:00:00:00:00:22");
  link.groups.flush(link.eth0);
  for (const GroupSource& source : link.groups.sources()) { REQUIRE(source.group == kNoEntry); }
}

TEST_CASE("whatever a link carries, nothing breaks and the next good packet works", "[embedded][hostile]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    play(seed, 2000);
  }
}

}  // namespace
}  // namespace nal::embedded
