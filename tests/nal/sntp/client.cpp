#include "nal/sntp/client.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/nal/sntp/messages.hpp"
#include "tests/support/cancel.hpp"
#include "tests/support/fake_stack.hpp"
#include "tests/support/print.hpp"

namespace nal::sntp::test {
namespace {

using nal::test::cancel_at_every_poll;
using nal::test::FakeStack;
using nal::test::FakeWorld;

Entropy test_entropy() {
  std::array<std::byte, Entropy::kSize> bytes;
  bytes.fill(std::byte{0x5a});
  return Entropy(bytes);
}

/// A server of time. It answers what `answer` says to each request, `way` later; its clock is that of the executor,
/// from `start` on.
struct TimeServer {
  using How = std::function<std::vector<Message>(const Message& request)>;

  TimeServer(Executor& executor, FakeStack& stack, const IpAddress& address, How how) : answer(std::move(how)) {
    auto bound = stack.udp_bind_single({address, kPort}, {});
    REQUIRE(bound);
    socket.emplace(*std::move(bound));
    REQUIRE(task.start(executor, &TimeServer::serve, std::ref(*this)));
  }
  static Task<Result<>> serve(std::reference_wrapper<TimeServer> server) {
    TimeServer& self = server;
    Message request{};
    while (true) {
      const auto got = co_await receive(*self.socket, request);
      if (!got) { co_return Unexpected(got.error()); }
      self.heard.push_back(*got);
      if (self.way > Duration::zero()) { co_await sleep(self.way); }
      for (const Message& message : self.answer(request)) {
        const auto sent = co_await send_to(*self.socket, got->remote, message);
        if (!sent) { co_return Unexpected(sent.error()); }
      }
    }
  }

  How answer;
  Duration way{};
  std::vector<Received> heard;
  std::optional<FakeStack::UniquelyBoundUdp> socket;
  TaskSlot<4096, Result<>> task;
};

TimeServer::How says(const Answer& answer) {
  return [answer](const Message& request) { return std::vector{answer.message(request)}; };
}
TimeServer::How silence() {
  return [](const Message&) { return std::vector<Message>(); };
}

struct SntpTest : FakeWorld {
  explicit SntpTest(TimeServer::How how, const Settings& settings = {})
      : FakeWorld({.udp_queue = 32}),
        first(executor, FakeWorld::server, server_address(), std::move(how)),
        second(executor, FakeWorld::server, other_server_address(), says({.stratum = 3})),
        time(executor, client, random, settings) {}

  static inline const std::array<Endpoint, 2> servers{Endpoint{server_address(), kPort},
                                                      Endpoint{other_server_address(), kPort}};
  template <class F>
  auto block(F&& future) {
    return block_on(executor, with_timeout(Duration::hours(100), std::forward<F>(future)));
  }
  void pass(Duration duration) {
    executor.run_until([] { return false; }, executor.now() + duration);
  }
  /// The client runs for so long.
  void run_for(Duration duration) {
    CHECK(block_on(executor, with_timeout(duration, time.run())).error_or(Error{}) == Error::timed_out);
  }

  Random random{test_entropy()};
  TimeServer first;
  TimeServer second;
  Client<FakeStack> time;
};

constexpr UnixTime kSent = UnixTime::from_microseconds(1'700'000'000'750'000);

}  // namespace

TEST_CASE("Half of the way there and back is taken for the way back", "[sntp]") {
  Reply reply;
  reply.received = UnixTime::from_seconds(1000);
  reply.sent = UnixTime::from_microseconds(1'000'030'000);
  reply.root_delay = Duration::milliseconds(20);
  reply.root_dispersion = Duration::milliseconds(7);
  reply.stratum = 3;
  const Instant asked = Instant::from_microseconds(5'000'000);
  const Sample sample = make_sample(reply, asked, asked + Duration::milliseconds(130), {});
  CHECK(sample.round_trip == Duration::milliseconds(130));
  CHECK(sample.time == UnixTime::from_microseconds(1'000'080'000));
  CHECK(sample.error == Duration::milliseconds(50 + 10 + 7));
  CHECK(sample.time_at(sample.at + Duration::seconds(9)) == UnixTime::from_microseconds(1'009'080'000));
  CHECK(sample.time_at(asked) == UnixTime::from_microseconds(999'950'000));
  // A server that claims to have kept the request for longer than it was away.
  const Sample jumped = make_sample(reply, asked, asked + Duration::milliseconds(10), {});
  CHECK(jumped.time == reply.sent);
}

TEST_CASE("A question has the server's time for an answer", "[sntp]") {
  SntpTest test(says({}));
  test.first.way = Duration::milliseconds(400);
  const auto sample = test.block(ask(test.client, test.servers[0], test.random));
  REQUIRE(sample);
  // Of the 400 ms it had it for 250, by its own account.
  CHECK(sample->time == kSent + Duration::milliseconds(75));
  CHECK(sample->server == test.servers[0]);
  CHECK(sample->at == test.executor.now());
  CHECK(test.client.in_use() == 0);
}

TEST_CASE("Strangers' answers and noise are passed over, as many as there are", "[sntp]") {
  SntpTest test([](const Message& request) {
    std::vector<Message> out(20, Answer{.mode = 5}.message(request));
    out.push_back(Answer().message(Message{}));
    out.push_back(Answer{.stratum = 7}.message(request));
    return out;
  });
  const auto sample = test.block(ask(test.client, test.servers[0], test.random));
  REQUIRE(sample);
  CHECK(sample->stratum == 7);
}

TEST_CASE("What is wrong with a server is told", "[sntp]") {
  const auto error = [](const Answer& answer) {
    SntpTest test(says(answer));
    return test.block(ask(test.client, test.servers[0], test.random)).error_or(Error{});
  };
  CHECK(error({.stratum = 0, .reference = 0x4445'4e59}) == Error::permission_denied);  // DENY
  CHECK(error({.stratum = 0, .reference = 0x5241'5445}) == Error::would_block);        // RATE
  CHECK(error({.leap = 3}) == Error::io_error);
  SntpTest test(silence());
  CHECK(block_on(test.executor, with_timeout(Duration::seconds(5), ask(test.client, test.servers[0], test.random)))
            .error_or(Error{}) == Error::timed_out);
  CHECK(test.client.in_use() == 0);
  CHECK(test.client.nobody_waits());
}

TEST_CASE("Each question has bits of its own, and a port", "[sntp]") {
  std::vector<Message> requests;
  SntpTest test([&requests](const Message& request) {
    requests.push_back(request);
    return std::vector{Answer().message(request)};
  });
  for (int i = 0; i < 10; ++i) { REQUIRE(test.block(ask(test.client, test.servers[0], test.random))); }
  for (std::size_t i = 1; i < requests.size(); ++i) { CHECK(requests[i] != requests[i - 1]); }
}

TEST_CASE("A client knows the time from the first answer on, and asks again", "[sntp]") {
  SntpTest test(says({}), {.interval = Duration::seconds(100)});
  CHECK_FALSE(test.time.now());
  REQUIRE(test.time.configure(test.servers));
  const auto ends = test.block(race(test.time.run(), synchronised(test.time)));
  REQUIRE(ends);
  CHECK(test.time.now() == kSent);
  test.pass(Duration::seconds(5));
  CHECK(test.time.now() == kSent + Duration::seconds(5));
  CHECK(test.time.at(Instant()) <= kSent);
  CHECK(test.block(synchronised(test.time)));
  test.run_for(Duration::seconds(1000));
  // Each time up to a sixteenth later than a hundred seconds.
  CHECK(test.first.heard.size() >= 10);
  CHECK(test.first.heard.size() <= 11);
  CHECK(test.second.heard.empty());
  CHECK(test.client.in_use() == 0);
}

TEST_CASE("The next server is asked where one is silent, gone or of no use", "[sntp]") {
  for (const auto& how : {silence(), says({.leap = 3}), says({.stratum = 0, .reference = 0x4445'4e59})}) {
    SntpTest test(how);
    REQUIRE(test.time.configure(test.servers));
    REQUIRE(test.block(race(test.time.run(), synchronised(test.time))));
    CHECK(test.time.sample()->server == test.servers[1]);
    CHECK(test.time.sample()->stratum == 3);
    CHECK(test.time.error() != Error{});
  }
  SntpTest test(silence());
  test.first.task.cancel();
  test.first.socket.reset();
  REQUIRE(test.time.configure(test.servers));
  REQUIRE(test.block(race(test.time.run(), synchronised(test.time))));
  CHECK(test.time.sample()->server == test.servers[1]);
}

TEST_CASE("While nobody answers, questions become rare", "[sntp]") {
  SntpTest test(silence(), {.interval = Duration::seconds(300), .retry = Duration::seconds(10)});
  test.second.answer = silence();
  REQUIRE(test.time.configure(test.servers));
  test.run_for(Duration::hours(1));
  // 6 s a round, and 10, 20, 40, 80, 160, 300, 300, … between two.
  CHECK(test.first.heard.size() >= 14);
  CHECK(test.first.heard.size() <= 17);
  CHECK(test.second.heard.size() >= 14);
  CHECK(test.time.error() == Error::timed_out);
  CHECK_FALSE(test.time.sample());
  // Somebody is there again.
  test.second.answer = says({});
  test.run_for(Duration::seconds(330));
  CHECK(test.time.sample());
}

TEST_CASE("Who refuses is not asked again, and who wants rest has it", "[sntp]") {
  SntpTest test(says({.stratum = 0, .reference = 0x5253'5452}), {.interval = Duration::seconds(15)});  // RSTR
  REQUIRE(test.time.configure(test.servers));
  test.run_for(Duration::minutes(10));
  CHECK(test.first.heard.size() == 1);
  CHECK(test.second.heard.size() >= 30);
  REQUIRE(test.time.configure(std::span(test.servers).first(1)));
  test.run_for(Duration::minutes(10));
  CHECK(test.first.heard.size() == 2);

  SntpTest busy(says({.stratum = 0, .reference = 0x5241'5445}), {.interval = Duration::seconds(15)});  // RATE
  REQUIRE(busy.time.configure(std::span(busy.servers).first(1)));
  busy.run_for(Duration::hours(10));
  // 30, 60, 120, … s between two.
  CHECK(busy.first.heard.size() >= 8);
  CHECK(busy.first.heard.size() <= 13);
}

TEST_CASE("A client can be told to ask now, and whom, but never overdoes it", "[sntp]") {
  SntpTest test(says({}));
  // Nobody to ask.
  test.run_for(Duration::minutes(1));
  CHECK(test.first.heard.empty());
  REQUIRE(test.time.configure(test.servers));
  test.run_for(Duration::seconds(1));
  for (int i = 0; i < 46; ++i) {
    test.time.refresh();
    test.run_for(Duration::milliseconds(1300));
  }
  CHECK(test.first.heard.size() == 5);  // every 15 s
  const std::array<Endpoint, 5> many{};
  CHECK(test.time.configure(many).error_or(Error{}) == Error::table_full);
  REQUIRE(test.time.configure(std::span(test.servers).last(1)));
  test.run_for(Duration::seconds(1));
  CHECK(test.second.heard.size() == 1);
}

TEST_CASE("What makes no sense of settings is put right", "[sntp]") {
  SntpTest test(says({}), {.interval = Duration::zero(), .retry = Duration::zero(), .patience = Duration::zero()});
  REQUIRE(test.time.configure(test.servers));
  test.run_for(Duration::seconds(60));
  CHECK(test.first.heard.size() >= 1);
  CHECK(test.first.heard.size() <= 61);
}

namespace {

struct OneQuestion {
  OneQuestion() : test(says({})) { test.first.way = Duration::milliseconds(10); }
  Executor& executor() { return test.executor; }
  static Duration patience() { return Duration::minutes(1); }
  auto begin() { return ask(test.client, SntpTest::servers[0], test.random); }
  void given_up() {
    CHECK(test.client.in_use() == 0);
    CHECK(test.client.nobody_waits());
    CHECK(test.block(ask(test.client, SntpTest::servers[0], test.random)));
  }
  void finished(const Result<Sample>& sample) { CHECK(sample); }
  SntpTest test;
};

/// A client that runs until it knows the time.
struct Running : OneQuestion {
  Running() { REQUIRE(test.time.configure(SntpTest::servers)); }
  auto begin() { return race(test.time.run(), synchronised(test.time)); }
  void given_up() {
    CHECK(test.client.in_use() == 0);
    CHECK(test.client.nobody_waits());
    // The rest of the work is done by whoever runs it next.
    REQUIRE(test.block(race(test.time.run(), synchronised(test.time))));
    CHECK(test.time.now());
  }
  template <class T>
  void finished(const T&) {
    CHECK(test.time.now());
  }
};

}  // namespace

TEST_CASE("A question or a client given up at any poll leaves nothing behind", "[sntp][cancel]") {
  CHECK(cancel_at_every_poll(std::make_unique<OneQuestion>) >= 2);
  CHECK(cancel_at_every_poll(std::make_unique<Running>) >= 2);
}

TEST_CASE("A host without free sockets asks later", "[sntp]") {
  SntpTest test(says({}));
  std::vector<FakeStack::ConnectedUdp> all;
  while (auto more = udp_connect(test.client, SntpTest::servers[1])) { all.push_back(*std::move(more)); }
  REQUIRE(test.time.configure(test.servers));
  test.run_for(Duration::seconds(5));
  CHECK(test.time.error() == Error::table_full);
  all.clear();
  test.run_for(Duration::seconds(20));
  CHECK(test.time.now());
}

}  // namespace nal::sntp::test
