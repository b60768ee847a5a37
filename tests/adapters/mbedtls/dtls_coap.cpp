#include "examples/coap/client.hpp"
#include "examples/coap/server.hpp"
#include "examples/coap/udp.hpp"
#include "nal/task_slot.hpp"
#include "tests/adapters/mbedtls/dtls_world.hpp"

namespace nal::tls::test {

namespace {

unsigned counted = 0;
coap::Code count(const coap::Call& call, coap::Reply& reply) noexcept {
  ++counted;
  return reply.payload(call.payload(), coap::Code::changed);
}
constexpr coap::Route kRoutes[] = {{.path = "/count", .methods = coap::Methods::post, .handler = count}};

/// A node and what moves its datagrams, on a socket of any kind.
template <class U>
struct End {
  End(U the_socket, std::uint64_t seed)
      : socket(std::move(the_socket)), node({.seed = seed}, coap::Memory{receive_room, send_room}) {}
  Result<> start(Executor& executor) { return slot.start(executor, run, *this); }
  static Task<> run(End& self) {
    auto ended = co_await coap::run(self.socket, self.node);
    co_return ended;
  }
  U socket;
  std::array<std::byte, 1152> receive_room;
  std::array<std::byte, 1152> send_room;
  coap::Node node;
  TaskSlot<2048> slot;
};

}  // namespace

TEST_CASE("CoAP over DTLS does everything once on a network that loses and doubles", "[dtls][coap]") {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    INFO("seed " << seed);
    counted = 0;
    DtlsWorld world(sharing("0123456789abcdef").options(), sharing("0123456789abcdef").options());
    std::uint32_t state = seed * 2654435761u;
    world.wire.change = [&](std::size_t, bool, Bytes data) {
      state = state * 1664525u + 1013904223u;
      switch (state >> 29) {
        case 0: return std::vector<Bytes>{};
        case 1: return std::vector<Bytes>{data, data};
        default: return std::vector<Bytes>{std::move(data)};
      }
    };
    auto connected = world.connecting.udp_connect_from({nal::test::FakeWorld::client_address(), 0}, world.remote(), {});
    REQUIRE(connected);
    auto serving = std::make_unique<End<DtlsServerSocket>>(*std::move(world.server), 1);
    auto asking = std::make_unique<End<DtlsSocket>>(*std::move(connected), 2);
    coap::ServerBuffers<coap::ServerSizes{.seen = 64}> tables;
    coap::Server server(serving->node, kRoutes, tables.memory());
    coap::Client client(asking->node);
    REQUIRE(serving->start(world.executor()));
    REQUIRE(asking->start(world.executor()));
    unsigned answered = 0;
    for (unsigned i = 0; i < 30; ++i) {
      const std::string payload = "number " + std::to_string(i);
      auto answer = world.block(client.post(world.remote(), "count", bytes(payload)));
      if (!answer) { continue; }
      ++answered;
      CHECK(text(answer->payload()) == payload);
    }
    // Of eight datagrams one is lost; to lose all five of a request is rare.
    CHECK(answered >= 28);
    CHECK(counted >= answered);
    CHECK(counted <= 30);
    serving->slot.cancel();
    asking->slot.cancel();
  }
}

}  // namespace nal::tls::test
