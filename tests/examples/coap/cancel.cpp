#include "tests/support/cancel.hpp"

#include "tests/examples/coap/world.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::test::cancel_at_every_poll;

namespace {

/// A world in which something is given up, and after which everything must still work.
struct Trial : World {
  explicit Trial(bool hiccups = false) : World() {
    // Every other call would block without need, so that there are more polls to be given up at.
    if (hiccups) { world.client.faults().hiccup = world.server.faults().hiccup = 2; }
  }
  nal::Executor& executor() noexcept { return world.executor; }
  nal::Duration patience() const noexcept { return nal::Duration::minutes(10); }
  void given_up() {
    CHECK(client.in_flight() == 0);
    const auto answer = wait(client.get(kServer, "note"));
    REQUIRE(answer);
    CHECK(answer->ok());
  }
};

struct AskTrial : Trial {
  using Trial::Trial;
  Asking begin() { return client.get(kServer, "note"); }
  void finished(nal::Result<Response>& answer) {
    REQUIRE(answer);
    CHECK(answer->text() == "hello");
  }
};

/// A POST that is given up is executed once or not at all.
struct OnceTrial : Trial {
  using Trial::Trial;
  Asking begin() { return client.post(kServer, "count", {}); }
  void given_up() {
    Trial::given_up();
    CHECK(shop.executed <= 1);
  }
  void finished(nal::Result<Response>& answer) {
    CHECK(answer->code() == Code::changed);
    CHECK(shop.executed == 1);
  }
};

struct PingTrial : Trial {
  using Trial::Trial;
  Pinging begin() { return client.ping(kServer); }
  void finished(nal::Result<>& done) { CHECK(done); }
};

struct SendTrial : Trial {
  using Trial::Trial;
  std::string body = std::string(3000, 'x');
  SpanSource source{std::string_view(body)};
  Transfer begin() { return client.transfer({.method = Code::put, .remote = kServer, .path = "large"}, source); }
  void finished(nal::Result<Response>& answer) {
    CHECK(answer->ok());
    CHECK(shop.received == body);
  }
};

struct FetchTrial : Trial {
  explicit FetchTrial(bool hiccups) : Trial(hiccups) { shop.large = std::string(3000, 'y'); }
  std::vector<std::byte> memory = std::vector<std::byte>(4000);
  SpanSink sink{memory};
  Transfer begin() { return client.transfer({.remote = kServer, .path = "large"}, sink); }
  void finished(nal::Result<Response>& answer) {
    CHECK(answer->ok());
    CHECK(sink.text() == shop.large);
  }
};

/// Observes, sees a change and says good-bye.
struct ObserveTrial : Trial {
  using Trial::Trial;
  static nal::Task<> watch(ObserveTrial& self) {
    Observation observation(self.client, {.remote = kServer, .path = "note"});
    {
      NAL_CO_TRY_SET(const Response first, observation.next());
      self.seen += first.text();
    }
    self.shop.note = "news";
    self.server.changed("/note");
    {
      NAL_CO_TRY_SET(const Response second, observation.next());
      self.seen += second.text();
    }
    NAL_CO_TRY(observation.cancel());
    co_return nal::Unit{};
  }
  nal::Task<> begin() { return watch(*this); }
  void given_up() {
    Trial::given_up();
    // The next notification is rejected, and ends it.
    server.changed("/note");
    pass(200_s);
    server.changed("/note");
    pass(200_s);
    CHECK(server.observers() == 0);
  }
  void finished(nal::Result<>& done) {
    CHECK(done);
    CHECK(seen == "hellonews");
    CHECK(server.observers() == 0);
  }
  std::string seen;
};

/// The server's answer that comes by itself.
struct RespondTrial : Trial {
  explicit RespondTrial(bool hiccups) : Trial(hiccups) {
    REQUIRE(asking.start(world.executor, ask, client).has_value());
    world.executor.run_until([this] { return !shop.waiting.empty(); });
  }
  static nal::Task<> ask(Client& client) {
    const nal::Result<Response> answer = co_await client.get(kServer, "slow");
    if (!answer) { co_return nal::Unexpected(answer.error()); }
    co_return nal::Unit{};
  }
  Responding begin() { return server.respond(std::move(shop.waiting[0]), answer); }
  void given_up() {
    asking.cancel();
    Trial::given_up();
  }
  void finished(nal::Result<>& done) { CHECK(done); }
  Answer answer{.payload = bytes_of("done")};
  nal::TaskSlot<4096> asking;
};

/// The task that moves the datagrams: another one goes on where it stopped.
struct RunTrial : Trial {
  explicit RunTrial(bool hiccups) : Trial(hiccups) {
    client_run.cancel();
    REQUIRE(asking.start(world.executor, ask, client, done).has_value());
  }
  static nal::Task<> ask(Client& client, bool& done) {
    {
      NAL_CO_TRY_SET(const Response answer, client.post(kServer, "count", bytes_of("x")));
      done = answer.ok();
    }
    co_return nal::Unit{};
  }
  static nal::Task<> run_until_done(RunTrial& self) {
    auto moving = run(self.client_socket, self.client_node);
    co_await nal::race(moving, nal::finished(self.asking));
    co_return nal::Unit{};
  }
  nal::Task<> begin() { return run_until_done(*this); }
  void given_up() {
    REQUIRE(client_run.start(world.executor, run_node, client_socket, client_node));
    world.executor.run_until([this] { return !asking.running(); });
    CHECK(done);
    CHECK(shop.executed == 1);
  }
  void finished(nal::Result<>& ended) {
    CHECK(ended);
    CHECK(done);
  }
  bool done = false;
  nal::TaskSlot<4096> asking;
};

template <class T>
void try_all(unsigned least) {
  for (const bool hiccups : {false, true}) {
    CHECK(cancel_at_every_poll([hiccups] { return std::make_unique<T>(hiccups); }) >= least);
  }
}

}  // namespace

TEST_CASE("A request may be given up at any poll", "[coap][cancel]") { try_all<AskTrial>(2); }
TEST_CASE("A request that is given up is executed once at most", "[coap][cancel]") { try_all<OnceTrial>(2); }
TEST_CASE("A ping may be given up at any poll", "[coap][cancel]") { try_all<PingTrial>(2); }
TEST_CASE("Sending a body may be given up at any poll", "[coap][cancel]") { try_all<SendTrial>(4); }
TEST_CASE("Fetching a body may be given up at any poll", "[coap][cancel]") { try_all<FetchTrial>(4); }
TEST_CASE("An observation may be given up at any poll", "[coap][cancel]") { try_all<ObserveTrial>(4); }
TEST_CASE("Answering later may be given up at any poll", "[coap][cancel]") { try_all<RespondTrial>(2); }
TEST_CASE("Moving datagrams may be given up at any poll, and be taken up again", "[coap][cancel]") {
  try_all<RunTrial>(2);
}
