#include "nal/resolver/resolver.hpp"

#include "nal/any_stack.hpp"
#include "nal/combinators.hpp"
#include "nal/happy_eyeballs.hpp"
#include "nal/resolver/stack_with_dns.hpp"
#include "nal/sleep.hpp"
#include "tests/nal/resolver/server.hpp"

namespace nal::dns::test {

static_assert(Dns<Resolver<FakeStack>> && Dns<Resolver<AnyStack>> && Dns<StackWithDns<FakeStack, Resolver<FakeStack>>>);
// Erasable handles, whose state is the resolver's.
static_assert(sizeof(Resolver<FakeStack>::Lookup) <= 3 * sizeof(void*));

TEST_CASE("A name's addresses are what the name server says", "[dns][resolver]") {
  ResolverTest test(zone({address_record("a.example", "192.0.2.11"), address_record("a.example", "192.0.2.12"),
                          address_record("a.example", "2001:db8::11")}));
  CHECK(test.good("a.example") == Texts{"192.0.2.11", "192.0.2.12"});
  CHECK(test.good("a.example", Family::v6) == Texts{"2001:db8::11"});
  CHECK(test.good("A.Example.", Family::any) == Texts{"2001:db8::11", "192.0.2.11", "192.0.2.12"});
  std::array<IpAddress, 1> one;
  CHECK(test.block(lookup(test.resolver, "a.example", Family::any, one)) == 1u);
  CHECK(one[0] == "2001:db8::11"_ip);
  CHECK(test.block(lookup(test.resolver, "a.example", Family::v4, {})) == 0u);
  CHECK(test.failure("b.example") == Error::name_not_found);
  test.check_nothing_left();
}

TEST_CASE("A question has a random id, a random port and letters of random case", "[dns][resolver]") {
  ResolverTest test(zone({address_record("abcdefghijklmnopqrstuvwxyz.example", "192.0.2.1", 0)}));
  test.options.max_ttl = 0_s;
  test.configure();
  std::vector<std::uint16_t> ids;
  std::vector<std::uint16_t> ports;
  Texts names;
  for (int i = 0; i < 50; ++i) { test.good("abcdefghijklmnopqrstuvwxyz.example"); }
  REQUIRE(test.heard() == 50);
  for (const Heard& heard : test.server_task.heard) {
    ids.push_back(heard.id);
    ports.push_back(heard.port);
    names.push_back(heard.name);
    CHECK(heard.port >= 32768);
    CHECK(lower(heard.name) == "abcdefghijklmnopqrstuvwxyz.example");
  }
  const auto different = [](auto values) {
    std::sort(values.begin(), values.end());
    return std::unique(values.begin(), values.end()) - values.begin();
  };
  CHECK(different(ids) >= 48);
  CHECK(different(ports) >= 48);
  CHECK(different(names) == 50);
  // Neither follows from the one before.
  std::vector<int> steps;
  for (std::size_t i = 1; i < ids.size(); ++i) { steps.push_back(ids[i] - ids[i - 1]); }
  CHECK(different(steps) >= 47);
  ResolverTest other(zone({}), {}, 2);
  other.failure("abcdefghijklmnopqrstuvwxyz.example");
  CHECK(std::find(ids.begin(), ids.end(), other.server_task.heard.at(0).id) == ids.end());
}

TEST_CASE("Names and addresses of this host, and names that never exist, ask nobody", "[dns][resolver]") {
  ResolverTest test;
  CHECK(test.good("localhost") == Texts{"127.0.0.1"});
  CHECK(test.good("LocalHost.", Family::v6) == Texts{"::1"});
  CHECK(test.good("a.localhost", Family::any) == Texts{"::1", "127.0.0.1"});
  CHECK(test.good("192.0.2.7") == Texts{"192.0.2.7"});
  CHECK(test.good("2001:db8::7", Family::any) == Texts{"2001:db8::7"});
  CHECK(test.good("fe80::7%3", Family::any) == Texts{"fe80::7%3"});
  CHECK(test.failure("192.0.2.7", Family::v6) == Error::name_not_found);
  CHECK(test.failure("x.invalid") == Error::name_not_found);
  CHECK(test.failure("x.onion", Family::any) == Error::name_not_found);
  CHECK(test.failure("printer.local") == Error::not_supported);
  CHECK(test.failure("local") == Error::not_supported);
  char name[64];
  CHECK(test.block(reverse_lookup(test.resolver, "127.0.0.1"_ip, name)) == 9u);
  CHECK(test.block(reverse_lookup(test.resolver, "::1"_ip, name)) == 9u);
  CHECK(test.block(reverse_lookup(test.resolver, "::1"_ip, std::span(name).first(8))) ==
        Unexpected(Error::buffer_too_small));
  CHECK(test.block(reverse_lookup(test.resolver, "169.254.1.1"_ip, name)) == Unexpected(Error::not_supported));
  CHECK(test.block(reverse_lookup(test.resolver, "fe80::1"_ip, name)) == Unexpected(Error::not_supported));
  CHECK(test.heard() == 0);
  test.check_nothing_left();
}

TEST_CASE("What cannot be a name is an invalid argument", "[dns][resolver]") {
  ResolverTest test;
  for (const std::string& name : {std::string(), std::string(64, 'a'), std::string("a..b"), std::string("a b")}) {
    CHECK(test.failure(name) == Error::invalid_argument);
  }
  for (const unsigned type : {0u, 41u, 128u, 251u, 252u, 255u}) {
    CHECK(test.resolver.start_query("a.example", static_cast<Type>(type)).error_or(Error{}) == Error::invalid_argument);
  }
  CHECK(test.heard() == 0);
}

TEST_CASE("An address's name is asked for in the reverse tree", "[dns][resolver]") {
  ResolverTest test(
      zone({{.name = "7.2.0.192.in-addr.arpa", .type = Type::ptr, .data = Bytes().name("seven.example")},
            {.name = "8.2.0.192.in-addr.arpa", .type = Type::ptr, .data = Bytes().name("a\\.b\\000.example")}}));
  char name[64];
  const auto size = test.block(reverse_lookup(test.resolver, "192.0.2.7"_ip, name));
  REQUIRE(size);
  CHECK(std::string_view(name, *size) == "seven.example");
  CHECK(test.block(reverse_lookup(test.resolver, "::ffff:192.0.2.7"_ip, name)) == 13u);
  CHECK(test.block(reverse_lookup(test.resolver, "192.0.2.7"_ip, std::span(name).first(12))) ==
        Unexpected(Error::buffer_too_small));
  CHECK(test.block(reverse_lookup(test.resolver, "192.0.2.9"_ip, name)) == Unexpected(Error::name_not_found));
  CHECK(test.block(reverse_lookup(test.resolver, "2001:db8::9"_ip, name)) == Unexpected(Error::name_not_found));
  const auto odd = test.block(reverse_lookup(test.resolver, "192.0.2.8"_ip, name));
  REQUIRE(odd);
  CHECK(std::string_view(name, *odd) == "a\\.b\\000.example");
  test.check_nothing_left();
}

TEST_CASE("Services come in the order to try them, and texts as they are", "[dns][resolver]") {
  const auto service = [](unsigned priority, unsigned port, std::string_view target) {
    return Rr{
        .name = "_mqtt._tcp.example", .type = Type::srv, .data = Bytes().u16(priority).u16(1).u16(port).name(target)};
  };
  ResolverTest test(
      zone({service(20, 2, "b.example"),
            service(10, 1, "a.example"),
            {.name = "_none._tcp.example", .type = Type::srv, .data = Bytes().u16(0).u16(0).u16(0).name(".")},
            {.name = "t.example", .type = Type::txt, .data = Bytes().u8(1).text("x").u8(2).text("yz")}}));
  std::array<Service, 4> services;
  REQUIRE(test.block(lookup_services(test.resolver, "_mqtt._tcp.example", services)) == 2u);
  CHECK(services[0].port == 1);
  CHECK(text_of(services[0].target) == "a.example");
  CHECK(services[1].port == 2);
  CHECK(test.block(lookup_services(test.resolver, "_none._tcp.example", services)) ==
        Unexpected(Error::name_not_found));
  CHECK(test.block(lookup_services(test.resolver, "_other._tcp.example", services)) ==
        Unexpected(Error::name_not_found));
  CHECK(test.block(lookup_services(test.resolver, "t.example", services)) == Unexpected(Error::name_not_found));
  auto question = test.resolver.start_query("t.example", Type::txt);
  REQUIRE(question);
  const auto texts = test.block(records(*question));
  REQUIRE(texts);
  REQUIRE(texts->size() == 1);
  Strings strings(*texts->begin());
  CHECK(strings.next() == std::string_view("x"));
  CHECK(strings.next() == std::string_view("yz"));
  CHECK_FALSE(strings.next());
  auto empty = test.resolver.start_query("t.example", Type::mx);
  const auto none = test.block(records(*empty));
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("Answers are kept and asked for again when their time is over", "[dns][resolver][cache]") {
  ResolverTest test(
      zone({address_record("a.example", "192.0.2.11", 10), address_record("zero.example", "192.0.2.12", 0)}));
  for (int i = 0; i < 3; ++i) { CHECK(test.good("a.example") == Texts{"192.0.2.11"}); }
  CHECK(test.heard() == 1);
  test.pass(9_s);
  test.good("A.EXAMPLE");
  CHECK(test.heard() == 1);
  test.pass(2_s);
  test.good("a.example");
  CHECK(test.heard() == 2);
  test.good("zero.example");
  test.good("zero.example");
  CHECK(test.heard() == 4);
  CHECK(test.resolver.statistics().cached == 3);
}

TEST_CASE("That there is no such name, or no such records, is kept too", "[dns][resolver][cache]") {
  ResolverTest test(zone({address_record("a.example", "192.0.2.11", 10)}));
  for (int i = 0; i < 2; ++i) {
    CHECK(test.failure("b.example") == Error::name_not_found);
    CHECK(test.failure("b.example", Family::v6) == Error::name_not_found);  // no name, no records of any type
    CHECK(test.heard() == 1);
  }
  for (int i = 0; i < 2; ++i) { CHECK(test.failure("a.example", Family::v6) == Error::name_not_found); }
  CHECK(test.heard() == 2);
  test.good("a.example");
  CHECK(test.heard() == 3);
  test.pass(61_s);
  CHECK(test.failure("b.example") == Error::name_not_found);
  CHECK(test.heard() == 4);
}

TEST_CASE("How long answers are kept has bounds", "[dns][resolver][cache]") {
  ResolverTest test(
      zone({address_record("long.example", "192.0.2.11", 100'000), address_record("short.example", "192.0.2.12", 1)}));
  test.options.max_ttl = 100_s;
  test.options.min_ttl = 5_s;
  test.options.max_negative_ttl = 20_s;
  test.configure();
  const auto asked_again_after = [&test](std::string_view name, Duration just, Duration over) {
    static_cast<void>(test.addresses(name));
    const std::size_t before = test.heard();
    test.pass(just);
    static_cast<void>(test.addresses(name));
    CHECK(test.heard() == before);
    test.pass(over - just);
    static_cast<void>(test.addresses(name));
    CHECK(test.heard() == before + 1);
  };
  asked_again_after("long.example", 99_s, 101_s);
  asked_again_after("short.example", 4_s, 6_s);
  asked_again_after("none.example", 19_s, 21_s);
}

TEST_CASE("An alias is kept with what it leads to, no longer than the least of them", "[dns][resolver][cache]") {
  ResolverTest test(zone({alias_record("a.example", "b.example", 5), address_record("b.example", "192.0.2.11", 100)}));
  test.good("a.example");
  test.good("a.example");
  CHECK(test.heard() == 1);
  test.pass(6_s);
  test.good("a.example");
  CHECK(test.heard() == 2);
}

TEST_CASE("The same question is asked once, however many ask it at a time", "[dns][resolver]") {
  ResolverTest test(zone({address_record("a.example", "192.0.2.11", 0)}));
  std::array<IpAddress, 2> out[6];
  auto all = test.block(join(
      lookup(test.resolver, "a.example", Family::v4, out[0]), lookup(test.resolver, "A.example", Family::v4, out[1]),
      lookup(test.resolver, "a.example", Family::v4, out[2]), lookup(test.resolver, "a.example", Family::v4, out[3]),
      lookup(test.resolver, "a.example", Family::v4, out[4]), lookup(test.resolver, "a.example", Family::v4, out[5])));
  REQUIRE(all);
  CHECK(std::get<5>(*all) == 1u);
  CHECK(test.heard() == 1);
  // One who gives up takes nothing from the others.
  auto first = test.resolver.start_lookup("a.example", Family::v4);
  auto second = lookup(test.resolver, "a.example", Family::v4, out[0]);
  CHECK(try_once(test.executor, second) == Unexpected(Error::would_block));
  {
    const auto gone = *std::move(first);
    CHECK(test.resolver.in_use() == 1);
  }
  CHECK(test.resolver.in_use() == 1);
  CHECK(test.block(second) == 1u);
  CHECK(test.heard() == 2);
  test.check_nothing_left();
}

TEST_CASE("A full table of questions is an error, and a question given back makes room", "[dns][resolver]") {
  ResolverTest test(silence);
  {
    auto a = test.resolver.start_lookup("a.example", Family::v4);
    auto b = test.resolver.start_lookup("b.example", Family::v4);
    auto c = test.resolver.start_lookup("c.example", Family::v4);
    REQUIRE(a);
    REQUIRE(b);
    REQUIRE(c);
    // Both families are two questions, of which only one has room.
    CHECK(test.resolver.start_lookup("d.example", Family::any).error_or(Error{}) == Error::table_full);
    CHECK(test.resolver.in_use() == 3);
    auto d = test.resolver.start_lookup("d.example", Family::v4);
    CHECK(d);
    CHECK(test.failure("e.example") == Error::table_full);
    CHECK(test.failure("localhost") == Error::table_full);
    d = Unexpected(Error::closed);
    CHECK(test.good("localhost").size() == 1);
  }
  test.check_nothing_left();
}

TEST_CASE("A stack without room for a socket is the error of the question", "[dns][resolver]") {
  ResolverTest test(zone({address_record("a.example", "192.0.2.11")}), {.udp_slots = 1});
  auto taken = test.client.udp_bind_single({FakeWorld::client_address(), 99}, {});
  REQUIRE(taken);
  CHECK(test.failure("a.example") == Error::table_full);
  taken = Unexpected(Error::closed);
  CHECK(test.good("a.example").size() == 1);
  test.client.faults().fail_allocation = 1;
  CHECK(test.failure("b.example") == Error::no_memory);
}

TEST_CASE("Without name servers a question fails at once", "[dns][resolver]") {
  ResolverTest test;
  test.servers.clear();
  test.configure();
  CHECK(test.failure("a.example", Family::any) == Error::name_service_failed);
  CHECK(test.good("localhost").size() == 1);
}

TEST_CASE("Other settings forget what was kept, and questions under way are asked of the new servers",
          "[dns][resolver]") {
  ResolverTest test(zone({address_record("a.example", "192.0.2.11")}));
  NameServer other(test.executor, test.server, FakeWorld::other_server_address(),
                   zone({address_record("a.example", "192.0.2.99")}));
  CHECK(test.good("a.example") == Texts{"192.0.2.11"});
  test.server_task.answer = silence;
  std::array<IpAddress, 2> out;
  auto asked = lookup(test.resolver, "b.example", Family::v4, out);
  CHECK(block_on(test.executor, with_timeout(100_ms, asked)) == Unexpected(Error::timed_out));
  test.servers = {{FakeWorld::other_server_address(), kPort}};
  test.configure();
  other.answer = zone({address_record("a.example", "192.0.2.99"), address_record("b.example", "192.0.2.98")});
  CHECK(test.block(asked) == 1u);
  CHECK(out[0] == "192.0.2.98"_ip);
  CHECK(test.good("a.example") == Texts{"192.0.2.99"});

  // Nobody is left to ask.
  other.answer = silence;
  auto late = lookup(test.resolver, "c.example", Family::v4, out);
  CHECK(block_on(test.executor, with_timeout(100_ms, late)) == Unexpected(Error::timed_out));
  REQUIRE(test.resolver.configure({}));
  CHECK(test.client.udp().slots_in_use() == 0);
  CHECK(test.block(late) == Unexpected(Error::name_service_failed));
  test.configure();
  other.answer = zone({address_record("a.example", "192.0.2.99")});
  CHECK(test.good("a.example") == Texts{"192.0.2.99"});

  const std::vector<Endpoint> many(4, Endpoint{FakeWorld::server_address(), kPort});
  CHECK(test.resolver.configure({.servers = many}) == Unexpected(Error::table_full));
  const std::string_view bad[] = {"a..b"};
  CHECK(test.resolver.configure({.servers = test.servers, .search = bad}) == Unexpected(Error::invalid_argument));
  CHECK(test.good("a.example") == Texts{"192.0.2.99"});
}

TEST_CASE("Whoever waits is told when there is nobody left to ask", "[dns][resolver]") {
  ResolverTest test(silence);
  std::array<IpAddress, 2> out;
  class Unplug {
   public:
    explicit Unplug(ResolverTest& world) : world_(&world) {}
    Poll<Unit> poll(Context& context) {
      auto waited = sleep_.poll(context);
      if (waited.ready()) { CHECK(world_->resolver.configure({})); }
      return waited;
    }

   private:
    ResolverTest* world_;
    Sleep sleep_{100_ms};
  };
  const Instant start = test.executor.now();
  auto both = test.block(join(lookup(test.resolver, "a.example", Family::v4, out), Unplug(test)));
  REQUIRE(both);
  CHECK(std::get<0>(*both) == Unexpected(Error::name_service_failed));
  CHECK(test.executor.now() - start == 100_ms);
  test.check_nothing_left();
}

TEST_CASE("A short name is looked for in the search list, a long one only then", "[dns][resolver][search]") {
  ResolverTest test(
      zone({address_record("host.corp.example", "192.0.2.11"), address_record("www.other", "192.0.2.12"),
            address_record("deep.name.corp.example", "192.0.2.13"), address_record("lone", "192.0.2.14")}));
  test.search = {"dept.example", "corp.example"};
  test.configure();
  const auto asked = [&test] {
    Texts names;
    for (const Heard& heard : test.server_task.heard) { names.push_back(lower(heard.name)); }
    test.server_task.heard.clear();
    return names;
  };
  CHECK(test.good("host") == Texts{"192.0.2.11"});
  CHECK(asked() == Texts{"host.dept.example", "host.corp.example"});
  CHECK(test.good("host") == Texts{"192.0.2.11"});
  CHECK(asked().empty());
  CHECK(test.good("www.other") == Texts{"192.0.2.12"});
  CHECK(asked() == Texts{"www.other"});
  CHECK(test.good("deep.name") == Texts{"192.0.2.13"});
  CHECK(asked() == Texts{"deep.name", "deep.name.dept.example", "deep.name.corp.example"});
  CHECK(test.good("lone") == Texts{"192.0.2.14"});
  CHECK(asked() == Texts{"lone.dept.example", "lone.corp.example", "lone"});
  CHECK(test.failure("host.") == Error::name_not_found);
  CHECK(asked() == Texts{"host"});
  test.options.ndots = 2;
  test.configure();
  CHECK(test.good("deep.name") == Texts{"192.0.2.13"});
  CHECK(asked() == Texts{"deep.name.dept.example", "deep.name.corp.example"});
  // What becomes too long is passed over, and what only this network's hosts know is not asked for.
  const std::string longest =
      std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(57, 'd');
  CHECK(test.failure(longest) == Error::name_not_found);
  CHECK(asked() == Texts{longest});
  test.search = {"local", "corp.example"};
  test.options.ndots = 1;
  test.configure();
  CHECK(test.good("host") == Texts{"192.0.2.11"});
  CHECK(asked() == Texts{"host.corp.example"});
}

TEST_CASE("A chain of aliases is followed over several answers", "[dns][resolver]") {
  // Tells one link at a time.
  const auto link = [](const Heard& heard) -> std::vector<Bytes> {
    const std::string name = lower(heard.name);
    if (name == "c.example") { return {reply(heard.message, {address_record(name, "192.0.2.3", 50)})}; }
    return {reply(heard.message, {alias_record(name, name == "a.example" ? "b.example" : "c.example", 40)})};
  };
  ResolverTest test(link);
  CHECK(test.good("a.example") == Texts{"192.0.2.3"});
  CHECK(test.heard() == 3);
  CHECK(test.good("a.example") == Texts{"192.0.2.3"});
  CHECK(test.heard() == 3);
}

TEST_CASE("A chain of aliases without an end fails after a bounded number of questions", "[dns][resolver]") {
  unsigned next = 0;
  const auto endless = [&next](const Heard& heard) -> std::vector<Bytes> {
    return {reply(heard.message, {alias_record(heard.name, "n" + std::to_string(++next) + ".example")})};
  };
  ResolverTest test(endless);
  CHECK(test.failure("a.example") == Error::name_service_failed);
  CHECK(test.heard() == kMaxAliases + 1);
  const auto circle = [](const Heard& heard) -> std::vector<Bytes> {
    return {
        reply(heard.message, {alias_record(heard.name, lower(heard.name) == "a.example" ? "b.example" : "a.example")})};
  };
  ResolverTest other(circle);
  CHECK(other.failure("a.example") == Error::name_service_failed);
  CHECK(other.heard() == kMaxAliases + 1);
  const auto inward = [](const Heard& heard) -> std::vector<Bytes> {
    return {reply(heard.message, {alias_record(heard.name, "printer.local")})};
  };
  ResolverTest local(inward);
  CHECK(local.failure("a.example") == Error::name_service_failed);
  CHECK(local.heard() == 1);
}

TEST_CASE("A connection by name works with the resolver, over both families", "[dns][resolver]") {
  ResolverTest test(zone({address_record("web.example", "192.0.2.2"), address_record("web.example", "2001:db8::2")}));
  auto v4 = test.server.listen({FakeWorld::server_address(), 80}, {});
  auto v6 = test.server.listen({FakeWorld::server_address(Family::v6), 80}, {});
  {
    const auto stream = test.block(connect(test.client, test.resolver, "web.example", 80));
    REQUIRE(stream);
    CHECK(stream->remote_endpoint().address == FakeWorld::server_address(Family::v6));
  }
  // The IPv6 address leads nowhere.
  test.network.connect_rule({FakeWorld::server_address(Family::v6), 80}).outcome =
      nal::test::ConnectRule::Outcome::vanish;
  StackWithDns both(test.client, test.resolver);
  {
    const auto stream = test.block(connect(both, "web.example", 80));
    REQUIRE(stream);
    CHECK(stream->remote_endpoint().address == FakeWorld::server_address());
  }
  CHECK(test.block(connect(both, "none.example", 80)).error_or(Error{}) == Error::name_not_found);
  AnyStack any(both);
  {
    const auto stream = test.block(connect(any, "web.example", 80));
    CHECK(stream);
  }
  CHECK(test.resolver.in_use() == 0);
}

}  // namespace nal::dns::test
