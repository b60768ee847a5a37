#include <random>

#include "nal/signal.hpp"
#include "tests/examples/coap/world.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;

namespace {

/// A socket whose datagrams are lost, doubled and overtaken by others on their way out.
class Stormy {
 public:
  Stormy(nal::test::FakeUnconnectedUdp&& socket, unsigned seed) : socket_(std::move(socket)), random_(seed) {}

  unsigned lose = 0;   ///< of a thousand
  unsigned twice = 0;  ///< of a thousand
  unsigned later = 0;  ///< of a thousand: overtaken by up to eight others

  nal::Poll<nal::Result<nal::Received>> poll_receive(nal::Context& context, nal::Waiter& waiter,
                                                     std::span<std::byte> buffer) noexcept {
    return socket_.poll_receive(context, waiter, buffer);
  }
  nal::Poll<nal::Result<>> poll_send(nal::Context& context, nal::Waiter& waiter, const nal::Endpoint& local,
                                     const nal::Endpoint& remote, std::span<const std::byte> data) noexcept {
    const bool lost = happens(lose);
    const bool doubled = happens(twice);
    if (happens(later)) {
      held_.push_back({remote, copy(data), 1 + static_cast<unsigned>(random_() % 8)});
      if (!doubled) { return nal::Result<>(); }
    } else if (!lost) {
      static_cast<void>(socket_.poll_send(context, waiter, local, remote, data));
    }
    if (doubled) { static_cast<void>(socket_.poll_send(context, waiter, local, remote, data)); }
    for (std::size_t i = 0; i < held_.size();) {
      if (--held_[i].wait != 0) {
        ++i;
        continue;
      }
      const Held out = held_[i];
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
      static_cast<void>(socket_.poll_send(context, waiter, local, out.remote, out.data));
    }
    return nal::Result<>();
  }
  nal::Result<> configure(const nal::UdpOptions& options) noexcept { return socket_.configure(options); }
  nal::Endpoint local_endpoint() const noexcept { return socket_.local_endpoint(); }
  nal::Result<> join(const nal::IpAddress& a, nal::InterfaceId i) noexcept { return socket_.join(a, i); }
  nal::Result<> leave(const nal::IpAddress& a, nal::InterfaceId i) noexcept { return socket_.leave(a, i); }
  nal::Result<> join_source(const nal::IpAddress& a, const nal::IpAddress& b, nal::InterfaceId i) noexcept {
    return socket_.join_source(a, b, i);
  }
  nal::Result<> leave_source(const nal::IpAddress& a, const nal::IpAddress& b, nal::InterfaceId i) noexcept {
    return socket_.leave_source(a, b, i);
  }

 private:
  struct Held {
    nal::Endpoint remote;
    Bytes data;
    unsigned wait;
  };
  bool happens(unsigned of_a_thousand) { return random_() % 1000 < of_a_thousand; }
  nal::test::FakeUnconnectedUdp socket_;
  std::minstd_rand random_;
  std::vector<Held> held_;
};
static_assert(nal::UnconnectedUdp<Stormy>);

/// Executes each order once, or tells on whoever sends it twice.
struct Ledger {
  Code operator()(const Call& call, Reply& reply) noexcept {
    if (call.method() == Code::get) { return reply.text("state"); }
    ++executed[std::string(call.text())];
    // Every fourth answer comes by itself.
    if (executed.size() % 4 == 0) {
      if (auto later = reply.later()) {
        waiting = *std::move(later);
        news.set();
        return Code::empty;
      }
    }
    return reply.payload(call.payload(), Code::changed);
  }
  std::map<std::string, unsigned> executed;
  Deferred waiting;
  nal::Signal news;
};

struct StormWorld {
  explicit StormWorld(unsigned seed) : seed_(seed) {
    for (Stormy* socket : {&client_socket, &server_socket}) {
      socket->lose = 100;
      socket->twice = 100;
      socket->later = 100;
    }
    REQUIRE(client_run.start(world.executor, run_node, client_socket, client_node).has_value());
    REQUIRE(server_run.start(world.executor, run_node, server_socket, server_node).has_value());
  }
  static nal::Task<> run_node(Stormy& socket, Node& node) {
    auto ended = co_await run(socket, node);
    co_return ended;
  }
  unsigned seed_;
  nal::test::FakeWorld world;
  Stormy client_socket{*world.client.udp_bind_single({nal::test::FakeWorld::client_address(), 40000}, {}), seed_};
  Stormy server_socket{*world.server.udp_bind_multiple({nal::IpAddress(), 5683}, {}), seed_ + 1};
  Buffers<BufferSizes{.receive = 300, .send = 300}> client_buffers;
  Buffers<BufferSizes{.receive = 300, .send = 300}> server_buffers;
  Node client_node{NodeConfig{.seed = seed_}, client_buffers.memory()};
  Node server_node{NodeConfig{.seed = seed_ + 1}, server_buffers.memory()};
  Client client{client_node};
  Ledger ledger;
  Shop shop;
  std::array<Route, 2> routes{Route{.path = "/ledger", .methods = kAll, .handler = ledger},
                              Route{.path = "/large", .methods = kAll, .handler = shop, .streams = true}};
  ServerBuffers<ServerSizes{.seen = 400, .later = 1}> tables;
  Server server{server_node, routes, tables.memory()};
  nal::TaskSlot<1024> client_run;
  nal::TaskSlot<1024> server_run;
};

struct Tally {
  unsigned answered = 0;
  unsigned refused = 0;
  unsigned lost = 0;
};

/// Gives the answers that were put off.
nal::Task<> answer_later(Server& server, Ledger& ledger) {
  for (;;) {
    co_await nal::wait(ledger.news);
    ledger.news.reset();
    const Answer answer{.code = Code::changed, .payload = bytes_of("later")};
    const nal::Result<> given = co_await server.respond(std::move(ledger.waiting), answer);
    static_cast<void>(given);
  }
}

nal::Task<> place_orders(Client& client, unsigned first, unsigned count, Tally& tally) {
  for (unsigned i = 0; i < count; ++i) {
    const std::string order = std::to_string(first + i);
    const bool read = i % 3 == 0;
    const Request request{.method = read ? Code::get : Code::post,
                          .remote = kServer,
                          .path = "ledger",
                          .payload = bytes_of(read ? std::string_view() : std::string_view(order))};
    auto answer = co_await client.request(request);
    if (!answer) {
      ++tally.lost;
      continue;
    }
    const bool right = answer->text() == (read ? "state" : order) || answer->text() == "later";
    if (answer->ok() && right) { ++tally.answered; }
    if (answer->code() == Code::service_unavailable) { ++tally.refused; }
  }
  co_return nal::Unit{};
}

}  // namespace

TEST_CASE("Ten thousand requests through a storm are answered rightly, and none is executed twice", "[coap]") {
  StormWorld w(42);
  Tally tally;
  nal::TaskSlot<4096> later;
  REQUIRE(later.start(w.world.executor, answer_later, w.server, w.ledger));
  constexpr unsigned kTasks = 4;
  constexpr unsigned kEach = 2500;
  nal::TaskPool<kTasks, 8192> tasks;
  for (unsigned i = 0; i < kTasks; ++i) {
    REQUIRE(tasks.start(w.world.executor, place_orders, w.client, i * kEach, unsigned{kEach}, tally));
  }
  w.world.executor.run_until([&] { return tasks.running() == 0; });
  INFO(tally.answered << " answered, " << tally.refused << " refused, " << tally.lost << " lost");
  CHECK(tally.answered + tally.refused + tally.lost == kTasks * kEach);
  // A tenth lost each way, five tries: some are given up.
  CHECK(tally.answered > kTasks * kEach * 95 / 100);
  CHECK(tally.lost < kTasks * kEach / 100);
  for (const auto& [order, times] : w.ledger.executed) {
    INFO(order);
    CHECK(times == 1);
  }
  CHECK(w.client.in_flight() == 0);
}

TEST_CASE("A body of a mebibyte travels both ways through small buffers and a storm", "[coap]") {
  StormWorld w(7);
  // Eight thousand blocks each way, none of which may be lost five times.
  w.client_socket.lose = w.server_socket.lose = 20;
  w.client_socket.later = w.server_socket.later = 20;
  static constexpr std::uint64_t kSize = 1 << 20;
  struct Generated {
    static std::byte at(std::uint64_t i) { return static_cast<std::byte>((i * 2654435761u) >> 13); }
    nal::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) noexcept {
      const auto n =
          static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), kSize - std::min<std::uint64_t>(kSize, offset)));
      for (std::size_t i = 0; i < n; ++i) { out[i] = at(offset + i); }
      return n;
    }
    std::optional<std::uint64_t> size() const noexcept { return kSize; }
  } source;
  struct Checked {
    nal::Result<> write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
      if (offset != next) { return nal::Unexpected(Error::io_error); }
      for (std::size_t i = 0; i < data.size(); ++i) { wrong += data[i] != Generated::at(offset + i) ? 1 : 0; }
      next += data.size();
      return {};
    }
    std::uint64_t next = 0;
    std::uint64_t wrong = 0;
  } sink;
  Checked arrived;
  auto handler = [&](const Call& call, Reply& reply) noexcept {
    if (call.method() == Code::get) { return reply.body(source); }
    return arrived.write(call.offset(), call.payload()) ? Code::changed : Code::internal_server_error;
  };
  w.routes[1].handler = handler;
  {
    const auto sent = nal::block_on(
        w.world.executor, w.client.transfer({.method = Code::put, .remote = kServer, .path = "large"}, source));
    REQUIRE(sent);
    CHECK(sent->code() == Code::changed);
  }
  CHECK(arrived.next == kSize);
  CHECK(arrived.wrong == 0);
  const auto got = nal::block_on(w.world.executor, w.client.transfer({.remote = kServer, .path = "large"}, sink));
  REQUIRE(got);
  CHECK(got->ok());
  CHECK(sink.next == kSize);
  CHECK(sink.wrong == 0);
}
