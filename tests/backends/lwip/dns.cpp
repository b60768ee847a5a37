#include "backends/lwip/resolver.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cctype>
#include <optional>
#include <string>

#include "nal/resolver/resolver.hpp"
#include "nal/resolver/stack_with_dns.hpp"
#include "tests/backends/lwip/support/hosts.hpp"
#include "tests/support/print.hpp"

// lwIP's own resolver, and nal's over lwIP's UDP, each against a name server on the other host.

namespace nal::test {

namespace {

/// Knows `host.test` and `host4.test`; of other names, that there are none.
class NameServer {
 public:
  explicit NameServer(LwipHosts& hosts) {
    auto bound = hosts.peer.udp_bind_single({hosts.peer_address(LwipHosts::kFamily), dns::kPort}, {});
    REQUIRE(bound);
    socket_.emplace(*std::move(bound));
    REQUIRE(task_.start(hosts.executor, serve, *this));
  }

  bool silent = false;
  unsigned heard = 0;

 private:
  static constexpr std::size_t kHeader = 12;

  static Task<> serve(NameServer& self) {
    for (;;) {
      std::byte query[512];
      const auto got = co_await receive(*self.socket_, query);
      if (!got) { co_return Unexpected(got.error()); }
      ++self.heard;
      if (self.silent) { continue; }
      const auto reply = self.answer(std::span(query).first(got->size));
      const auto sent = co_await send_to(*self.socket_, got->local, got->remote, reply);
      if (!sent) { co_return Unexpected(sent.error()); }
    }
  }

  std::vector<std::byte> answer(std::span<const std::byte> query) {
    std::string name;
    std::size_t at = kHeader;
    while (const auto length = std::to_integer<std::size_t>(query[at])) {
      for (std::size_t i = 1; i <= length; ++i) {
        name += static_cast<char>(std::tolower(std::to_integer<int>(query[at + i])));
      }
      name += '.';
      at += length + 1;
    }
    const auto type = std::to_integer<unsigned>(query[at + 2]);
    const std::size_t end = at + 5;
    std::vector<std::byte> reply(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(end));
    const bool known = name == "host.test." || name == "host4.test.";
    const bool v4 = known && type == 1;
    const bool v6 = name == "host.test." && type == 28;
    reply[2] = std::byte{0x81};
    reply[3] = std::byte(known ? 0x80 : 0x83);
    reply[7] = std::byte(v4 || v6 ? 1 : 0);  // answers
    reply[11] = std::byte{0};                // no EDNS
    if (!v4 && !v6) { return reply; }
    const auto address = v4 ? IpAddress(Ipv4Address(192, 0, 2, 5)) : *IpAddress::parse("2001:db8::5");
    for (const unsigned byte : {0xc0u, 0x0cu, 0u, type, 0u, 1u, 0u, 0u, 0u, 60u, 0u, v4 ? 4u : 16u}) {
      reply.push_back(std::byte(byte));
    }
    for (const std::uint8_t byte : address.bytes()) { reply.push_back(std::byte(byte)); }
    return reply;
  }

  std::optional<embedded::Stack::UniquelyBoundUdp> socket_;
  TaskSlot<4096> task_;
};

#if LWIP_DNS
constexpr bool kBoth = LWIP_IPV4 && LWIP_IPV6;

void set_server(LwipHosts& hosts, lwip::Resolver& resolver) {
  const IpAddress server[]{hosts.peer_address(LwipHosts::kFamily)};
  REQUIRE(resolver.set_servers(server));
}
#endif

}  // namespace

#if LWIP_DNS && LWIP_IPV6 && LWIP_IPV6_AUTOCONFIG
TEST_CASE("A router's DNS server takes no other's place on a host that asked no router for anything") {
  LwipHosts hosts;
  const Ipv6Address router = Ipv6Address::parse("fe80::1").value();
  const Ipv6Address nodes = Ipv6Address::all_nodes();
  const auto says = [&](std::string_view text) {
    using namespace embedded::wire;
    driver::Packet packet = hosts.peer.packets().allocate(0);
    REQUIRE(packet);
    constexpr std::size_t kHeaders = 14 + 40;
    const auto frame = packet.append(kHeaders + 16 + 24);
    const std::byte link[14] = {
        std::byte{0x33}, std::byte{0x33}, {}, {}, {}, std::byte{1}, std::byte{2}, {}, {}, {}, {}, std::byte{9},
        std::byte{0x86}, std::byte{0xdd}};
    std::ranges::copy(link, frame.begin());
    NdpWriter writer(frame.subspan(kHeaders), NdpWriter::RouterAdvertisement{64, false, false, {}, 600, 0, 0});
    const Ipv6Address server = Ipv6Address::parse(text).value();
    writer.recursive_dns(600, bytes_of(server));
    const auto message = writer.finish(bytes_of(router), bytes_of(nodes));
    REQUIRE(message.size() == 16 + 24);
    store_be32(frame.data() + 14, 0x6000'0000);
    store_be16(frame.data() + 18, static_cast<std::uint32_t>(message.size()));
    store_be16(frame.data() + 20, 58U << 8 | 255U);
    std::ranges::copy(bytes_of(router), frame.begin() + 22);
    std::ranges::copy(bytes_of(nodes), frame.begin() + 38);
    REQUIRE(hosts.wire.b().transmit(packet, hosts.executor.now()));
    hosts.pass(Duration::milliseconds(100));
  };
  lwip::Resolver resolver(hosts.lwip);
  set_server(hosts, resolver);
  const auto first_server = [&hosts] {
    IpAddress out[1];
    return hosts.lwip.dns_servers(out) == 1 ? out[0] : IpAddress();
  };
  says("fd77::53");
  CHECK(first_server() == hosts.peer_address(LwipHosts::kFamily));
  REQUIRE(hosts.lwip.start_slaac(hosts.interface));
  says("fd77::54");
  CHECK(first_server() == IpAddress(Ipv6Address::parse("fd77::54").value()));
}
#endif

#if LWIP_DNS
TEST_CASE("lwIP's own resolver gives an address of each family that it has, and remembers them") {
  LwipHosts hosts;
  NameServer server(hosts);
  lwip::Resolver resolver(hosts.lwip);
  set_server(hosts, resolver);
  for (int i = 0; i < 2; ++i) {
    IpAddress out[4];
    const auto count = hosts.block(lookup(resolver, "host.test", Family::any, out));
    REQUIRE(count);
    CHECK(*count == (kBoth ? 2u : 1u));
    CHECK(out[0] == (LWIP_IPV6 ? *IpAddress::parse("2001:db8::5") : IpAddress(Ipv4Address(192, 0, 2, 5))));
    CHECK(server.heard == (kBoth ? 2u : 1u));
  }
  CHECK(resolver.in_use() == 0);
}

TEST_CASE("lwIP's own resolver tells a name that is none from servers that say nothing and from none to ask") {
  LwipHosts hosts;
  NameServer server(hosts);
  lwip::Resolver resolver(hosts.lwip);
  REQUIRE(resolver.set_servers({}));
  IpAddress out[4];
  CHECK(hosts.block(lookup(resolver, "nobody.test", Family::any, out)) == Unexpected(Error::name_service_failed));
  set_server(hosts, resolver);
  CHECK(hosts.block(lookup(resolver, "nobody.test", Family::any, out)) == Unexpected(Error::name_not_found));
  server.silent = true;
  CHECK(hosts.block(lookup(resolver, "slow.test", Family::any, out)) == Unexpected(Error::timed_out));
  CHECK(resolver.in_use() == 0);
}

TEST_CASE("lwIP's own resolver answers literal addresses by themselves, and refuses what cannot be a name") {
  LwipHosts hosts;
  lwip::Resolver resolver(hosts.lwip);
  REQUIRE(resolver.set_servers({}));
  IpAddress out[4];
  CHECK(hosts.block(lookup(resolver, "192.0.2.9", Family::any, out)) == 1u);
  CHECK(out[0] == IpAddress(Ipv4Address(192, 0, 2, 9)));
  CHECK(hosts.block(lookup(resolver, "2001:db8::9", Family::v6, out)) == 1u);
  CHECK(hosts.block(lookup(resolver, "2001:db8::9", Family::v4, out)) == Unexpected(Error::name_not_found));
  CHECK(hosts.block(lookup(resolver, "", Family::v4, out)) == Unexpected(Error::invalid_argument));
  CHECK(hosts.block(lookup(resolver, std::string(300, 'a'), Family::v4, out)) == Unexpected(Error::invalid_argument));
  CHECK(resolver.start_reverse_lookup(out[0]).error_or(Error{}) == Error::not_supported);
}

TEST_CASE("A question given up leaves its place free, and its late answer meets nobody else's") {
  LwipHosts hosts;
  NameServer server(hosts);
  lwip::Resolver resolver(hosts.lwip);
  set_server(hosts, resolver);
  server.silent = true;
  const Family family = LwipHosts::kFamily;
  {
    const auto dropped = resolver.start_lookup("host.test", family);
    REQUIRE(dropped);
    CHECK(resolver.in_use() == 1);
    hosts.pass(Duration::milliseconds(10));
  }
  CHECK(resolver.in_use() == 0);
  // Takes the same place; the first is answered when lwIP asks again.
  auto next = resolver.start_lookup("nobody.test", family);
  REQUIRE(next);
  server.silent = false;
  IpAddress out[1];
  Waiter waiter;
  std::optional<Result<std::size_t>> answer;
  REQUIRE(hosts.run_until([&] {
    Context context = Context::probe(hosts.executor);
    auto polled = next->poll_addresses(context, waiter, out);
    if (polled.ready()) { answer = *polled; }
    return answer.has_value();
  }));
  CHECK(*answer == Unexpected(Error::name_not_found));
}

TEST_CASE("More questions than lwIP's table holds are refused, and the places come back") {
  LwipHosts hosts;
  NameServer server(hosts);
  server.silent = true;
  lwip::Resolver resolver(hosts.lwip);
  set_server(hosts, resolver);
  {
    std::vector<lwip::Resolver::Lookup> open;
    for (std::size_t i = 0; i < lwip::Resolver::kQuestions; ++i) {
      auto one = resolver.start_lookup("n" + std::to_string(i) + ".test", LwipHosts::kFamily);
      REQUIRE(one);
      open.push_back(*std::move(one));
    }
    CHECK(resolver.start_lookup("more.test", LwipHosts::kFamily).error_or(Error{}) == Error::table_full);
  }
  CHECK(resolver.in_use() == 0);
}
#endif

TEST_CASE("nal's resolver asks over lwIP's UDP") {
  LwipHosts hosts;
  NameServer server(hosts);
  static dns::Resources<lwip::Stack, dns::Config{.cache_entries = 4}> memory;
  dns::Resolver<lwip::Stack> resolver(hosts.executor, hosts.lwip, memory, LwipHosts::entropy(3));
  REQUIRE(resolver.configure({.servers = std::vector<Endpoint>{{hosts.peer_address(LwipHosts::kFamily), dns::kPort}}}));
  IpAddress out[4];
  CHECK(hosts.block(lookup(resolver, "host.test", Family::any, out)) == 2u);
  CHECK(hosts.block(lookup(resolver, "host4.test", Family::v6, out)) == Unexpected(Error::name_not_found));
  CHECK(hosts.block(lookup(resolver, "nobody.test", Family::any, out)) == Unexpected(Error::name_not_found));
  server.silent = true;
  CHECK(hosts.block(lookup(resolver, "slow.test", Family::any, out)) == Unexpected(Error::timed_out));
}

}  // namespace nal::test
