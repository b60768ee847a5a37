#include "backends/embedded/wire/ndp.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded::wire {
namespace {

using namespace nal::literals;

const Ipv6Address kHost = "fe80::5eff:fe00:1"_ipv6;
const Ipv6Address kRouter = "fe80::1"_ipv6;
const Ipv6Address kPrefix = "2001:db8:1::"_ipv6;
const MacAddress kMac = "02:00:5e:00:00:01"_mac;

bool checksum_right(std::span<const std::byte> message, const Ipv6Address& from, const Ipv6Address& to) {
  return (pseudo_header_sum(bytes_of(from), bytes_of(to), kIcmpv6Protocol, message.size()) + sum(message)).valid();
}

/// Lengths of the option at `at` around the right one: any but the right one and those that end where options end make
/// the message invalid.
template <class View>
void check_option_lengths(const Bytes& message, std::size_t at) {
  const unsigned right = load_u8(&message[at + 1]);
  for (const unsigned length : {0U, right - 1, right + 1, 255U}) {
    Bytes other = message;
    store_u8(&other[at + 1], length);
    INFO("length " << length);
    if (length == 0 || at + 8 * length > message.size()) { CHECK_FALSE(View::parse(other)); }
  }
}

TEST_CASE("a neighbor solicitation reads as it was written", "[wire][ndp]") {
  Bytes out(64);
  NdpWriter writer(out, NdpWriter::NeighborSolicitation{.target = bytes_of(kRouter)});
  writer.link_layer(NdpOptionType::source_link_layer, kMac);
  writer.nonce(hex("010203040506"));
  const Ipv6Address group = kRouter.solicited_node();
  const Bytes message = copy(writer.finish(bytes_of(kHost), bytes_of(group)));
  REQUIRE(message.size() == 40);
  CHECK(checksum_right(message, kHost, group));
  CHECK(same(std::span(message).subspan(24), hex("0101 02005e000001 0e01 010203040506")));
  const auto view = NeighborSolicitationView::parse(message);
  REQUIRE(view);
  CHECK(to_ipv6(view->target()) == kRouter);
  CHECK(view->options().link_layer(NdpOptionType::source_link_layer) == kMac);
  CHECK_FALSE(view->options().link_layer(NdpOptionType::target_link_layer));
  REQUIRE(view->options().find(NdpOptionType::nonce));
  CHECK(same(*view->options().find(NdpOptionType::nonce), hex("010203040506")));
  for_each_truncation(message, [](const Bytes& part) {
    CHECK(NeighborSolicitationView::parse(part).has_value() == (part.size() == 24 || part.size() == 32));
  });
  check_option_lengths<NeighborSolicitationView>(message, 24);
  CHECK_FALSE(NeighborAdvertisementView::parse(message));
}

TEST_CASE("a solicitation for a group, or with a code, is none (RFC 4861 §7.1.1)", "[wire][ndp]") {
  Bytes out(24);
  const Ipv6Address group = "ff02::1"_ipv6;
  NdpWriter writer(out, NdpWriter::NeighborSolicitation{.target = bytes_of(group)});
  CHECK_FALSE(NeighborSolicitationView::parse(writer.finish(bytes_of(kHost), bytes_of(kRouter))));
  NdpWriter good(out, NdpWriter::NeighborSolicitation{.target = bytes_of(kHost)});
  CHECK(NeighborSolicitationView::parse(good.finish(bytes_of(kHost), bytes_of(kRouter))));
  out[1] = std::byte{1};
  CHECK_FALSE(NeighborSolicitationView::parse(out));
}

TEST_CASE("a neighbor advertisement tells its flags and the target, not the sender", "[wire][ndp]") {
  for (unsigned flags = 0; flags < 8; ++flags) {
    Bytes out(32);
    NdpWriter writer(out, NdpWriter::NeighborAdvertisement{.router = (flags & 4) != 0,
                                                           .solicited = (flags & 2) != 0,
                                                           .overrides = (flags & 1) != 0,
                                                           .target = bytes_of(kHost)});
    writer.link_layer(NdpOptionType::target_link_layer, kMac);
    const auto message = writer.finish(bytes_of(kRouter), bytes_of(kHost));
    REQUIRE(message.size() == 32);
    CHECK(load_u8(&message[4]) == flags << 5);
    const auto view = NeighborAdvertisementView::parse(message);
    REQUIRE(view);
    CHECK(view->router() == ((flags & 4) != 0));
    CHECK(view->solicited() == ((flags & 2) != 0));
    CHECK(view->overrides() == ((flags & 1) != 0));
    CHECK(to_ipv6(view->target()) == kHost);
    CHECK(view->options().link_layer(NdpOptionType::target_link_layer) == kMac);
  }
}

TEST_CASE("a hardware address of another medium is not taken for an Ethernet address", "[wire][ndp]") {
  Bytes message = join(Bytes(24), hex("0102 0123456789abcdef 000000000000 0101 02005e000001"));
  store_u8(message.data(), 135);
  const auto view = NeighborSolicitationView::parse(message);
  REQUIRE(view);
  CHECK(view->options().link_layer(NdpOptionType::source_link_layer) == kMac);
  Bytes alone(message.begin(), message.begin() + 40);
  CHECK_FALSE(NeighborSolicitationView::parse(alone)->options().link_layer(NdpOptionType::source_link_layer));
}

TEST_CASE("a router solicitation reads as it was written", "[wire][ndp]") {
  Bytes out(16);
  NdpWriter writer(out, NdpWriter::RouterSolicitation{});
  writer.link_layer(NdpOptionType::source_link_layer, kMac);
  const Ipv6Address routers = Ipv6Address::all_routers();
  const Bytes message = copy(writer.finish(bytes_of(kHost), bytes_of(routers)));
  REQUIRE(message.size() == 16);
  CHECK(checksum_right(message, kHost, routers));
  const auto view = RouterSolicitationView::parse(message);
  REQUIRE(view);
  CHECK(view->options().link_layer(NdpOptionType::source_link_layer) == kMac);
  for_each_truncation(
      message, [](const Bytes& part) { CHECK(RouterSolicitationView::parse(part).has_value() == (part.size() == 8)); });
}

TEST_CASE("a router advertisement with all of its options reads as it was written", "[wire][ndp]") {
  Bytes out(400);
  const Bytes servers = join(copy(bytes_of(kHost)), copy(bytes_of(kRouter)));
  const Bytes names = hex("07 6578616d706c65 03 6f7267 00 03 6c616e 00");
  NdpWriter writer(out, NdpWriter::RouterAdvertisement{.hop_limit = 64,
                                                       .managed = false,
                                                       .other = true,
                                                       .preference = RouterPreference::high,
                                                       .router_lifetime = 1800,
                                                       .reachable_time = 30000,
                                                       .retransmit_timer = 1000});
  writer.link_layer(NdpOptionType::source_link_layer, kMac);
  writer.mtu(1492);
  writer.prefix_information({.prefix_length = 64,
                             .on_link = true,
                             .autonomous = true,
                             .valid_lifetime = kNdpInfinity,
                             .preferred_lifetime = 14400,
                             .prefix = bytes_of(kPrefix)});
  writer.route_information({.prefix_length = 48,
                            .preference = RouterPreference::low,
                            .lifetime = 600,
                            .prefix = bytes_of(kPrefix).first(8)});
  writer.recursive_dns(900, servers);
  writer.dns_search_list(901, names);
  const Ipv6Address nodes = Ipv6Address::all_nodes();
  const Bytes message = copy(writer.finish(bytes_of(kRouter), bytes_of(nodes)));
  REQUIRE(message.size() == 16 + 8 + 8 + 32 + 16 + 40 + 32);
  CHECK(checksum_right(message, kRouter, nodes));

  const auto view = RouterAdvertisementView::parse(message);
  REQUIRE(view);
  CHECK(view->hop_limit() == 64);
  CHECK_FALSE(view->managed());
  CHECK(view->other());
  CHECK(view->preference() == RouterPreference::high);
  CHECK(view->router_lifetime() == 1800);
  CHECK(view->reachable_time() == 30000);
  CHECK(view->retransmit_timer() == 1000);
  NdpOptions options = view->options();
  CHECK(options.next()->link_layer() == kMac);
  CHECK(options.next()->mtu() == 1492);
  const auto prefix = options.next()->prefix_information();
  REQUIRE(prefix);
  CHECK(prefix->prefix_length == 64);
  CHECK(prefix->on_link);
  CHECK(prefix->autonomous);
  CHECK(prefix->valid_lifetime == kNdpInfinity);
  CHECK(prefix->preferred_lifetime == 14400);
  CHECK(to_ipv6(prefix->prefix) == kPrefix);
  const auto route = options.next()->route_information();
  REQUIRE(route);
  CHECK(route->prefix_length == 48);
  CHECK(route->preference == RouterPreference::low);
  CHECK(route->lifetime == 600);
  CHECK(same(route->prefix, bytes_of(kPrefix).first(8)));
  const auto dns = options.next()->recursive_dns();
  REQUIRE(dns);
  CHECK(dns->lifetime == 900);
  REQUIRE(dns->count() == 2);
  CHECK(to_ipv6(dns->server(0)) == kHost);
  CHECK(to_ipv6(dns->server(1)) == kRouter);
  const auto search = options.next()->dns_search_list();
  REQUIRE(search);
  CHECK(search->lifetime == 901);
  CHECK(same(search->names.first(names.size()), names));
  CHECK_FALSE(options.next());

  const std::size_t ends[] = {16, 24, 32, 64, 80, 120};
  for_each_truncation(message, [&](const Bytes& part) {
    const bool at_end = std::find(std::begin(ends), std::end(ends), part.size()) != std::end(ends);
    CHECK(RouterAdvertisementView::parse(part).has_value() == at_end);
  });
  for (const std::size_t at : ends) { check_option_lengths<RouterAdvertisementView>(message, at); }
}

TEST_CASE("options of a wrong length for their type are passed over", "[wire][ndp]") {
  struct Case {
    const char* option;
    bool prefix, mtu, route, dns, search;
  };
  const std::string zeros(2 * 2040, '0');
  const auto option = [&](unsigned type, unsigned units, const char* start) {
    Bytes bytes(units * 8);
    const Bytes head = hex(start);
    std::copy_n(head.begin(), std::min(head.size(), bytes.size() - 2), bytes.begin() + 2);
    bytes[0] = static_cast<std::byte>(type);
    bytes[1] = static_cast<std::byte>(units);
    return bytes;
  };
  for (unsigned units = 1; units < 256; ++units) {
    CHECK(NdpOption(option(3, units, "40c0")).prefix_information().has_value() == (units == 4));
    CHECK(NdpOption(option(5, units, "0000")).mtu().has_value() == (units == 1));
    CHECK(NdpOption(option(24, units, "0000")).route_information().has_value() == (units <= 3));
    CHECK(NdpOption(option(24, units, "0100")).route_information().has_value() == (units == 2 || units == 3));
    CHECK(NdpOption(option(24, units, "4000")).route_information().has_value() == (units == 2 || units == 3));
    CHECK(NdpOption(option(24, units, "4100")).route_information().has_value() == (units == 3));
    CHECK(NdpOption(option(24, units, "8000")).route_information().has_value() == (units == 3));
    CHECK_FALSE(NdpOption(option(24, units, "8100")).route_information());
    CHECK_FALSE(NdpOption(option(24, units, "0010")).route_information());  // the reserved preference
    CHECK(NdpOption(option(25, units, "0000")).recursive_dns().has_value() == (units >= 3 && units % 2 == 1));
    CHECK(NdpOption(option(31, units, "0000")).dns_search_list().has_value() == (units >= 2));
    CHECK(NdpOption(option(1, units, "0000")).link_layer().has_value() == (units == 1));
  }
}

TEST_CASE("a redirect reads as it was written, with as much of the packet as fits", "[wire][ndp]") {
  Bytes packet(100);
  for (std::size_t i = 0; i < packet.size(); ++i) { packet[i] = static_cast<std::byte>(i); }
  for (const std::size_t room : {40U, 48U, 60U, 64U, 150U, 1000U}) {
    Bytes out(room);
    NdpWriter writer(out, NdpWriter::Redirect{.target = bytes_of(kRouter), .destination = bytes_of(kHost)});
    writer.redirected_header(packet);
    const auto message = writer.finish(bytes_of(kRouter), bytes_of(kHost));
    const std::size_t quoted = room < 56 ? 0 : std::min<std::size_t>((room - 48) / 8 * 8, 96);
    REQUIRE(message.size() == 40 + (quoted == 0 ? 0 : 8 + quoted));
    const auto view = RedirectView::parse(message);
    REQUIRE(view);
    CHECK(to_ipv6(view->target()) == kRouter);
    CHECK(to_ipv6(view->destination()) == kHost);
    const auto option = view->options().next();
    CHECK(option.has_value() == (quoted != 0));
    if (option) {
      CHECK(option->type() == NdpOptionType::redirected_header);
      CHECK(same(option->redirected_packet(), std::span(packet).first(quoted)));
    }
  }
}

TEST_CASE("a message that does not fit is none", "[wire][ndp]") {
  for (std::size_t room = 0; room < 32; ++room) {
    Bytes out(room);
    NdpWriter writer(out, NdpWriter::NeighborSolicitation{.target = bytes_of(kRouter)});
    writer.link_layer(NdpOptionType::source_link_layer, kMac);
    CHECK(writer.finish(bytes_of(kHost), bytes_of(kRouter)).empty());
  }
}

}  // namespace
}  // namespace nal::embedded::wire
