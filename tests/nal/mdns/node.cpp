#include "nal/mdns/node.hpp"

#include <memory>

#include "nal/happy_eyeballs.hpp"
#include "nal/mdns/dot_local.hpp"
#include "nal/mdns/operations.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/nal/mdns/bench.hpp"
#include "tests/support/cancel.hpp"
#include "tests/support/fake_stack.hpp"

namespace nal::mdns::test {
namespace {

using nal::test::FakeStack;
using nal::test::FakeUdp;
using nal::test::FakeWorld;
using TestNode = Node<FakeStack>;

constexpr Config kConfig{.links = 2, .addresses = 4, .questions = 8, .records = 16, .services = 2};

Task<> run(TestNode& node) { co_return co_await node.run(); }

/// A node on a fake host.
struct Host {
  Host(Executor& executor, FakeStack& stack, std::initializer_list<IpAddress> addresses, unsigned seed,
       Family family = Family::any)
      : node(executor, stack, *memory, entropy(seed)) {
    REQUIRE(node.add_interface(FakeUdp::kWire, family));
    std::vector<Cidr> cidrs;
    for (const IpAddress& address : addresses) { cidrs.emplace_back(address, address.is_v4() ? 24 : 64); }
    REQUIRE(node.set_addresses(FakeUdp::kWire, cidrs));
    REQUIRE(task.start(executor, run, node));
  }
  std::unique_ptr<Resources<kConfig>> memory = std::make_unique<Resources<kConfig>>();
  TestNode node;
  TaskSlot<2048> task;
};

struct Neighbourhood {
  FakeWorld world;
  Executor& executor = world.executor;
  Host client{executor, world.client, {FakeWorld::client_address(), FakeWorld::client_address(Family::v6)}, 1};
  Host server{executor, world.server, {FakeWorld::server_address(), FakeWorld::server_address(Family::v6)}, 2};

  void pass(Duration time) {
    executor.run_until([] { return false; }, executor.now() + time);
  }
  void announce() {
    REQUIRE(server.node.set_host("kitchen"));
    REQUIRE(server.node.add_service({.instance = "Kitchen light", .type = "_http._tcp", .port = 80, .text = kText}));
    pass(5_s);
  }
  static inline const Bytes kText = Bytes().u8(3).text("a=b");
};

}  // namespace

TEST_CASE("A neighbour's name leads to its addresses, and back", "[mdns]") {
  Neighbourhood all;
  all.announce();
  std::array<IpAddress, 4> addresses;
  auto found = block_on(all.executor, lookup(all.client.node, "kitchen.local", Family::any, addresses));
  REQUIRE(found == std::size_t{2});
  CHECK(addresses[0] == FakeWorld::server_address(Family::v6));
  CHECK(addresses[1] == FakeWorld::server_address());
  found = block_on(all.executor, lookup(all.client.node, "KITCHEN.LOCAL.", Family::v4, addresses));
  REQUIRE(found == std::size_t{1});
  CHECK(addresses[0] == FakeWorld::server_address());
  std::array<char, 64> name;
  const auto size = block_on(all.executor, reverse_lookup(all.client.node, FakeWorld::server_address(), name));
  REQUIRE(size);
  CHECK(std::string_view(name.data(), *size) == "kitchen.local");
  const Instant before = all.executor.now();
  CHECK(block_on(all.executor, lookup(all.client.node, "nobody.local", Family::any, addresses)) ==
        Unexpected(Error::name_not_found));
  CHECK(all.executor.now() - before == 3_s);
  CHECK(all.client.node.querier().in_use() == 0);
}

TEST_CASE("A lookup of both families does not wait for one that is not there", "[mdns]") {
  FakeWorld world;
  Host client(world.executor, world.client, {FakeWorld::client_address()}, 1);
  Host server(world.executor, world.server, {FakeWorld::server_address()}, 2);
  REQUIRE(server.node.set_host("kitchen"));
  world.executor.run_until([] { return false; }, world.executor.now() + 5_s);
  const Instant before = world.executor.now();
  std::array<IpAddress, 4> addresses;
  CHECK(block_on(world.executor, lookup(client.node, "kitchen.local", Family::any, addresses)) == std::size_t{1});
  CHECK(world.executor.now() - before < 100_ms);
}

TEST_CASE("Services come, say where they are, and go", "[mdns]") {
  Neighbourhood all;
  auto watch = all.client.node.watch(name_of("_http._tcp.local"), Type::ptr);
  REQUIRE(watch);
  all.pass(1_s);
  all.announce();
  const auto event = block_on(all.executor, next_event(*watch));
  REQUIRE(event);
  CHECK(event->added);
  dns::Name name;
  REQUIRE(dns::read_name(event->data, name));
  CHECK(split_service_name(name)->instance == "Kitchen light");

  Instance instance;
  std::array<std::byte, 100> text;
  REQUIRE(block_on(all.executor, resolve_instance(all.client.node, name, instance, text)));
  CHECK(text_of(instance.host) == "kitchen.local");
  CHECK(instance.port == 80);
  CHECK(instance.address_count == 2);
  CHECK(find_text(instance.text, "a")->value == "b");

  REQUIRE(block_on(all.executor, stop(all.server.node)));
  const auto gone = block_on(all.executor, next_event(*watch));
  REQUIRE(gone);
  CHECK(!gone->added);
  CHECK(block_on(all.executor, resolve_instance(all.client.node, name, instance, text)) ==
        Unexpected(Error::name_not_found));
}

TEST_CASE("A host is told the name that it has come to have", "[mdns]") {
  Neighbourhood all;
  all.announce();
  REQUIRE(all.client.node.set_host("kitchen"));
  const auto change = block_on(all.executor, next_change(all.client.node));
  REQUIRE(change);
  CHECK(change->claim == 0);
  CHECK(change->renamed);
  CHECK(text_of(change->name) == "kitchen-2.local");
}

TEST_CASE("A stack that knows its neighbours connects to them by name, and asks others for other names", "[mdns]") {
  Neighbourhood all;
  all.announce();
  all.world.client.dns().answer("server.example", Family::v4).addresses = {FakeWorld::server_address()};
  StackWithMdns stack(all.world.client, all.client.node);
  auto listener = all.world.server.listen({FakeWorld::server_address(), 80}, {});
  REQUIRE(listener);
  CHECK(block_on(all.executor, with_timeout(10_s, connect(stack, "kitchen.local", 80))));
  std::array<IpAddress, 2> addresses;
  CHECK(block_on(all.executor, lookup(stack, "server.example", Family::v4, addresses)) == std::size_t{1});
  CHECK(is_local("a.local"));
  CHECK(is_local("a.LOCAL."));
  CHECK(!is_local("local.example"));
}

TEST_CASE("A message to this host alone is believed from a neighbour only (RFC 6762 11)", "[mdns]") {
  struct Row {
    const char* from;
    std::uint8_t hop_limit;
    bool good;
  };
  const Row rows[] = {
      {"10.0.0.9", 64, true}, {"10.0.1.9", 64, false},      {"10.0.1.9", 255, true},
      {"fe80::9", 64, true},  {"2001:db8:1::9", 64, false}, {"2001:db8::9", 64, true},
  };
  std::array<Link, 2> links;
  std::array<LocalAddress, 2> addresses;
  Network network(links, addresses);
  REQUIRE(network.add_link({InterfaceId(1), Family::v4}));
  const std::array local{*Cidr::parse("10.0.0.1/24"), *Cidr::parse("2001:db8::1/64")};
  REQUIRE(network.set_addresses(InterfaceId(1), local));
  for (const Row& row : rows) {
    CAPTURE(row.from);
    CHECK(network.on_link(0, *IpAddress::parse(row.from), row.hop_limit) == row.good);
  }
  CHECK(network.set_addresses(InterfaceId(2), local) == Unexpected(Error::table_full));
  CHECK(network.add_link({InterfaceId(1), Family::v4}) == Unexpected(Error::address_in_use));
}

namespace {

struct Trial {
  Trial() { all.announce(); }
  Executor& executor() { return all.executor; }
  static Duration patience() { return 60_s; }
  void given_up() {
    CHECK(all.client.node.querier().in_use() == 0);
    std::array<IpAddress, 4> found;
    CHECK(block_on(all.executor, lookup(all.client.node, "kitchen.local", Family::any, found)) == std::size_t{2});
  }
  template <class T>
  void finished(const Result<T>& result) {
    CHECK(result);
    CHECK(all.client.node.querier().in_use() == 0);
  }
  Neighbourhood all;
};
struct Forward : Trial {
  auto begin() { return lookup(all.client.node, "kitchen.local", Family::any, out); }
  std::array<IpAddress, 4> out;
};
struct Reverse : Trial {
  auto begin() { return reverse_lookup(all.client.node, FakeWorld::server_address(), out); }
  std::array<char, 64> out;
};
struct Resolve : Trial {
  auto begin() { return resolve_instance(all.client.node, name, instance, text); }
  dns::Name name = name_of("Kitchen\\032light._http._tcp.local");
  Instance instance;
  std::array<std::byte, 64> text;
};
struct Ending : Trial {
  auto begin() { return stop(all.server.node); }
  void given_up() { CHECK(block_on(all.executor, stop(all.server.node))); }
};

}  // namespace

TEST_CASE("Whatever is given up at any poll leaves nothing behind", "[mdns][cancel]") {
  using nal::test::cancel_at_every_poll;
  CHECK(cancel_at_every_poll(std::make_unique<Forward>) >= 1);
  CHECK(cancel_at_every_poll(std::make_unique<Reverse>) >= 1);
  CHECK(cancel_at_every_poll(std::make_unique<Resolve>) >= 1);
  CHECK(cancel_at_every_poll(std::make_unique<Ending>) >= 1);
}

TEST_CASE("A node that was stopped in its tracks goes on when it is run again", "[mdns][cancel]") {
  Neighbourhood all;
  all.announce();
  all.client.task.cancel();
  all.pass(1_s);
  std::array<IpAddress, 4> found;
  REQUIRE(all.client.task.start(all.executor, run, all.client.node));
  CHECK(block_on(all.executor, lookup(all.client.node, "kitchen.local", Family::any, found)) == std::size_t{2});
}

}  // namespace nal::mdns::test
