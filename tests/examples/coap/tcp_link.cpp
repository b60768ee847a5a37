#include "examples/coap/tcp.hpp"

#include "nal/read.hpp"
#include "nal/write.hpp"
#include "tests/examples/coap/world.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::Unexpected;

namespace {

/// Capabilities without more.
const Bytes kCsm = bytes({0x00, 0xE1});

/// A node with client and server, and its peer by hand.
struct Linked {
  template <class F>
  auto wait(F&& future) {
    return nal::block_on(world.executor, future);
  }
  Linked() {
    REQUIRE(running.start(world.executor, serve, *this).has_value());
    peer.emplace(*wait(nal::connect(world.client, kServer)));
    // Ours come at once: the size of the receive buffer, and blocks.
    CHECK(receive() == bytes({0x40, 0xE1, 0x22, 0x04, 0xb0, 0x20}));
  }
  static nal::Task<> serve(Linked& self) {
    NAL_CO_TRY_SET(auto stream, nal::accept(self.listener));
    auto ended = co_await run(stream, self.node);
    co_return ended;
  }
  void send(const Bytes& data) { REQUIRE(wait(nal::write_all(*peer, data))); }
  /// What comes within a moment; nothing at the end of the stream.
  Bytes receive() {
    Bytes buffer(1000);
    const auto got = wait(nal::with_timeout(1_ms, nal::read(*peer, buffer)));
    buffer.resize(got.value_or(0));
    return buffer;
  }
  Error ended() {
    world.executor.run_until([this] { return !running.running(); }, world.executor.now() + 1_s);
    REQUIRE(running.result().ready());
    return (*running.result()).error_or(Error{});
  }

  nal::test::FakeWorld world;
  nal::test::FakeTcpListener listener = *world.server.listen(kServer, {});
  Buffers<BufferSizes{.receive = 1200, .send = 1200}> buffers;
  Node node{NodeConfig{.seed = 1}, buffers.memory()};
  Client client{node};
  Shop shop;
  std::array<Route, 1> routes{Route{.path = "/note", .methods = kAll, .handler = shop}};
  ServerBuffers<> tables;
  Server server{node, routes, tables.memory()};
  nal::TaskSlot<2048> running;
  std::optional<nal::test::FakeTcpStream> peer;
};

const Bytes kGetNote = bytes({0x52, 0x01, 7, 8, 0xb4}) + text("note");
const Bytes kNote = bytes({0x72, 0x45, 7, 8, 0xc0, 0xff}) + text("hello");

/// What an abort begins with.
bool is_abort(const Bytes& data) {
  return data.size() > 3 && (data[1] == std::byte{0xE5} || data[2] == std::byte{0xE5});
}

}  // namespace

TEST_CASE("A request on a stream is answered with its token", "[coap]") {
  Linked w;
  w.send(kCsm + kGetNote);
  CHECK(w.receive() == kNote);
}

TEST_CASE("Messages on a stream may come in any pieces", "[coap]") {
  const Bytes whole = kCsm + kGetNote + bytes({0x00, 0x00}) + kGetNote;
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    INFO(cut);
    Linked w;
    w.send({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut)});
    Bytes got = w.receive();
    w.send({whole.begin() + static_cast<std::ptrdiff_t>(cut), whole.end()});
    for (Bytes more = w.receive(); !more.empty(); more = w.receive()) { got = got + more; }
    CHECK(got == kNote + kNote);
  }
}

TEST_CASE("A stream that does not begin with capabilities is aborted", "[coap]") {
  Linked w;
  w.send(kGetNote);
  CHECK(is_abort(w.receive()));
  CHECK(w.ended() == Error::protocol_error);
}

TEST_CASE("What breaks the rules of the stream has it aborted", "[coap]") {
  const auto outcome = [](const Bytes& data) {
    Linked w;
    w.send(kCsm + data);
    CHECK(is_abort(w.receive()));
    return w.ended();
  };
  for (int length = 9; length < 16; ++length) { CHECK(outcome(bytes({length, 0x01})) == Error::protocol_error); }
  CHECK(outcome(bytes({0x10, 0x01, 0xff})) == Error::protocol_error);      // a marker without a payload
  CHECK(outcome(bytes({0x10, 0x01, 0xf0})) == Error::protocol_error);      // nibble 15
  CHECK(outcome(bytes({0x10, 0x01, 0xb4})) == Error::protocol_error);      // an option that is cut off
  CHECK(outcome(bytes({0x10, 0xE1, 0x10})) == Error::protocol_error);      // critical, in capabilities
  CHECK(outcome(bytes({0x10, 0xE2, 0x30})) == Error::protocol_error);      // and in a ping
  CHECK(outcome(bytes({0xe0, 0x04, 0x00, 0x01})) == Error::message_size);  // 1293 bytes: more than the buffer
  CHECK(outcome(bytes({0xf0, 0xff, 0xff, 0xff, 0xff, 0x01})) == Error::message_size);
  CHECK(outcome(bytes({0xf0, 0x00, 0x00, 0x00, 0x00, 0x01})) == Error::message_size);  // 65805
}

TEST_CASE("A message as large as the receive buffer is taken", "[coap]") {
  Linked w;
  // Two bytes extended length, header and token, path, marker.
  const std::size_t payload = 1200 - 4 - 1 - 5 - 1;
  const std::size_t length = 5 + 1 + payload;
  w.send(kCsm +
         bytes({0xe1, static_cast<int>((length - 269) >> 8), static_cast<int>((length - 269) & 255), 0x03, 7, 0xb4}) +
         text("note") + bytes({0xff}) + Bytes(payload, std::byte{'x'}));
  CHECK(w.receive() == bytes({0x01, 0x44, 7}));
  CHECK(w.shop.note.size() == payload);
}

TEST_CASE("A ping on a stream is answered with its token", "[coap]") {
  Linked w;
  w.send(kCsm + bytes({0x03, 0xE2, 1, 2, 3}));
  CHECK(w.receive() == bytes({0x03, 0xE3, 1, 2, 3}));
}

TEST_CASE("A peer may release or abort the connection", "[coap]") {
  {
    Linked w;
    w.send(kCsm + bytes({0x00, 0xE4}));
    CHECK(w.ended() == Error::closed);
  }
  {
    Linked w;
    w.send(kCsm + bytes({0x00, 0xE5}));
    CHECK(w.ended() == Error::connection_aborted);
  }
  Linked w;
  w.send(kCsm);
  w.peer.reset();
  CHECK(w.ended() == Error::end_of_stream);
}

TEST_CASE("Who leaves releases the connection, and hears what was still under way", "[coap]") {
  Linked w;
  w.send(kCsm);
  auto asking = w.client.get(kServer, "a");
  CHECK(w.wait(nal::with_timeout(1_ms, asking)) == Unexpected(Error::timed_out));
  const Bytes request = w.receive();
  w.node.leave();
  CHECK(w.receive() == bytes({0x00, 0xE4}));
  // Once.
  w.node.leave();
  w.send(kGetNote);
  CHECK(w.receive() == kNote);
  Bytes answer(request.begin(), request.begin() + 6);
  answer[0] = std::byte{0x04};
  answer[1] = std::byte{0x45};
  w.send(answer);
  CHECK(w.wait(asking)->code() == Code::content);
  CHECK(w.running.running());
  w.peer.reset();
  CHECK(w.ended() == Error::closed);
}

TEST_CASE("A connection is released behind our capabilities and before the peer's, if it must be", "[coap]") {
  Linked w;
  w.node.leave();
  CHECK(w.receive() == bytes({0x00, 0xE4}));
  w.peer.reset();
  CHECK(w.ended() == Error::closed);
}

TEST_CASE("Messages are no larger than the peer takes", "[coap]") {
  Linked w;
  w.send(bytes({0x20, 0xE1, 0x21, 100}));
  const Bytes large(200);
  CHECK(w.wait(w.client.put(kServer, "a", large)) == Unexpected(Error::message_size));
  const Bytes small(40);
  CHECK(w.wait(nal::with_timeout(1_ms, w.client.put(kServer, "a", small))) == Unexpected(Error::timed_out));
  CHECK(w.receive().size() > 40);
}

TEST_CASE("Nothing is asked before the peer's capabilities are known", "[coap]") {
  Linked w;
  auto asking = w.client.get(kServer, "a");
  CHECK(w.wait(nal::with_timeout(1_ms, asking)) == Unexpected(Error::timed_out));
  CHECK(w.receive().empty());
  w.send(kCsm);
  const Bytes request = w.receive();
  REQUIRE(request.size() == 2 + 4 + 2);
  CHECK(request[1] == std::byte{0x01});
  // An answer with another token is nobody's.
  w.send(bytes({0x04, 0x45, 0, 0, 0, 0}));
  CHECK(w.wait(nal::with_timeout(1_ms, asking)) == Unexpected(Error::timed_out));
  Bytes answer = request;
  answer.resize(6);
  answer[0] = std::byte{0x04};
  answer[1] = std::byte{0x45};
  w.send(answer);
  CHECK(w.wait(asking)->code() == Code::content);
}
