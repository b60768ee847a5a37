#include "tests/support/cancel.hpp"

#include "tests/nal/resolver/server.hpp"

namespace nal::dns::test {
namespace {

using nal::test::cancel_at_every_poll;

/// A resolver whose server answers late, by way of an alias, and by TCP; and an operation to give up.
struct Trial {
  explicit Trial(unsigned hiccup = 0)
      : test([this](const Heard& heard) -> std::vector<Bytes> {
          if (lost != 0) {
            --lost;
            return {};
          }
          if (!heard.tcp && lower(heard.name) == "a.example") {
            return {reply(heard.message, {}, 0, kAnswered | Header::kTruncated)};
          }
          return zone(
              {alias_record("a.example", "b.example"),
               address_record("b.example", "192.0.2.1"),
               address_record("b.example", "2001:db8::1"),
               {.name = "_x._tcp.example", .type = Type::srv, .data = Bytes().u16(1).u16(1).u16(1).name("b.example")},
               {.name = "7.2.0.192.in-addr.arpa", .type = Type::ptr, .data = Bytes().name("seven.example")}})(heard);
        }) {
    test.client.faults().hiccup = hiccup;
    test.client.faults().chunk = 20;
    test.server_task.chunk = 10;
  }
  Executor& executor() { return test.executor; }
  static Duration patience() { return ResolverTest::kForever; }
  void given_up() {
    CHECK(test.resolver.in_use() == 0);
    CHECK(test.client.udp().slots_in_use() == 0);
    // A connection whose answer was read ends in the background.
    CHECK(test.client.tcp().slots_in_use() == test.client.tcp().lingering());
    CHECK(test.client.nobody_waits());
    // And it is of use as before.
    test.client.faults().hiccup = 0;
    lost = 0;
    CHECK(test.good("b.example") == Texts{"192.0.2.1"});
    CHECK(executor().next_timer().is_never());
  }
  void finished(const Result<std::size_t>& size) {
    CHECK(size);
    CHECK(test.resolver.in_use() == 0);
    CHECK(test.client.udp().slots_in_use() == 0);
  }
  unsigned lost = 1;
  ResolverTest test;
};

struct Forward : Trial {
  using Trial::Trial;
  auto begin() { return lookup(test.resolver, "a.example", Family::any, out); }
  std::array<IpAddress, 4> out;
};
struct Timed : Forward {
  using Forward::Forward;
  auto begin() { return with_timeout(1_h, lookup(test.resolver, "a.example", Family::v4, out)); }
};
struct Reverse : Trial {
  using Trial::Trial;
  auto begin() { return reverse_lookup(test.resolver, "192.0.2.7"_ip, out); }
  std::array<char, 64> out;
};
struct Services : Trial {
  using Trial::Trial;
  auto begin() { return lookup_services(test.resolver, "_x._tcp.example", out); }
  std::array<Service, 2> out;
};

/// A task that polls one thing once a millisecond, so that it is given up at every moment of the resolver's work.
template <class F>
class Restless {
 public:
  explicit Restless(F&& future) : future_(std::move(future)) {}
  Poll<Result<std::size_t>> poll(Context& context) {
    auto output = future_.poll(context);
    if (!output.ready()) { context.wake_soon(); }
    return output;
  }

 private:
  F future_;
};
struct EveryRound : Forward {
  EveryRound() : Forward(0) { lost = 0; }
  auto begin() { return Restless(lookup(test.resolver, "a.example", Family::any, out)); }
};

}  // namespace

TEST_CASE("A question given up at any poll leaves nothing behind", "[dns][cancel]") {
  for (const unsigned hiccup : {0u, 2u, 3u}) {
    CHECK(cancel_at_every_poll([hiccup] { return std::make_unique<Forward>(hiccup); }) >= 2);
    CHECK(cancel_at_every_poll([hiccup] { return std::make_unique<Timed>(hiccup); }) >= 2);
    CHECK(cancel_at_every_poll([hiccup] { return std::make_unique<Reverse>(hiccup); }) >= 2);
    CHECK(cancel_at_every_poll([hiccup] { return std::make_unique<Services>(hiccup); }) >= 2);
  }
}

TEST_CASE("A question given up in any round of the resolver's work leaves nothing behind", "[dns][cancel]") {
  // Datagrams, connecting, and a message of forty bytes and more in pieces of ten.
  CHECK(cancel_at_every_poll(std::make_unique<EveryRound>) >= 10);
}

TEST_CASE("A question under a deadline gives everything back when that passes", "[dns][cancel]") {
  for (int tenths = 0; tenths <= 205; tenths += 5) {
    ResolverTest test(silence);
    test.add_second([](const Heard& heard) -> std::vector<Bytes> {
      return {reply(heard.message, {}, 0, kAnswered | Header::kTruncated)};
    });
    test.network.connect_rule(test.servers[1]).outcome = nal::test::ConnectRule::Outcome::vanish;
    std::array<IpAddress, 2> out;
    CHECK(block_on(test.executor, with_timeout(Duration::milliseconds(100 * tenths),
                                               lookup(test.resolver, "a.example", Family::any, out)))
              .error_or(Error{}) == Error::timed_out);
    CHECK(test.client.udp().slots_in_use() == 0);
    CHECK(test.client.tcp().slots_in_use() == 0);
    test.check_nothing_left();
  }
}

TEST_CASE("The resolver has a task only while something is asked", "[dns][cancel]") {
  ResolverTest test(silence);
  const auto tasks = [&test] {
    unsigned count = 0;
    test.executor.for_each_task(
        [&count](const RootTask& task) { count += task.name() == std::string_view("resolver"); });
    return count;
  };
  CHECK(tasks() == 0);
  {
    auto question = test.resolver.start_lookup("a.example", Family::v4);
    REQUIRE(question);
    CHECK(tasks() == 1);
    test.pass(1_s);
    CHECK(tasks() == 1);
    auto moved = *std::move(question);
    test.pass(1_s);
    CHECK(test.resolver.in_use() == 1);
  }
  CHECK(tasks() == 0);
  test.good("localhost");
  CHECK(tasks() == 0);
  test.failure("a.example");
  CHECK(tasks() == 0);
}

}  // namespace nal::dns::test
