#include "tests/examples/coap/raw.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::Unexpected;

namespace {

/// A transfer in a task of its own.
struct Download {
  static nal::Task<nal::Result<Response>> run(Client& client, const Request& request, SpanSink& sink) {
    auto answer = co_await client.transfer(request, sink);
    co_return answer;
  }
  explicit Download(ClientWorld& w, Request request = {.remote = kServer, .path = "a"}) : asked(request) {
    REQUIRE(slot.start(w.world.executor, run, w.client, asked, sink).has_value());
    w.pass(1_us);
  }
  Error error() { return slot.take_result().error_or(Error{}); }
  Request asked;
  std::vector<std::byte> memory = std::vector<std::byte>(5000);
  SpanSink sink{memory};
  nal::TaskSlot<4096, nal::Result<Response>> slot;
};
struct Sending {
  static nal::Task<nal::Result<Response>> run(Client& client, const Request& request, SpanSource& source,
                                              SpanSink& sink) {
    auto answer = co_await client.transfer(request, source, sink);
    co_return answer;
  }
  explicit Sending(ClientWorld& w, std::string body,
                   Request request = {.method = Code::put, .remote = kServer, .path = "a"})
      : asked(request), data(std::move(body)) {
    REQUIRE(slot.start(w.world.executor, run, w.client, asked, source, sink).has_value());
    w.pass(1_us);
  }
  Error error() { return slot.take_result().error_or(Error{}); }
  Request asked;
  std::string data;
  SpanSource source{std::string_view(data)};
  std::vector<std::byte> memory = std::vector<std::byte>(5000);
  SpanSink sink{memory};
  nal::TaskSlot<4096, nal::Result<Response>> slot;
};

/// What answers a request, piggybacked.
struct Piggybacked : Build {
  Piggybacked(const Raw::Got& request, Code code)
      : Build(Type::acknowledgement, code, request.message.id, request.message.token) {}
};
std::optional<Block> block1(const Raw::Got& got) { return Block::find(got.message.options, OptionNumber::block1); }
std::optional<Block> block2(const Raw::Got& got) { return Block::find(got.message.options, OptionNumber::block2); }

}  // namespace

TEST_CASE("The server's smaller blocks are taken, and asked for from then on", "[coap]") {
  ClientWorld w;
  Download d(w);
  auto got = w.server.expect();
  CHECK_FALSE(block2(got));
  w.server.send(got.remote, Piggybacked(got, Code::content).block2(0, true, 1).payload(std::string(32, 'a')));
  got = w.server.expect();
  CHECK(block2(got) == Block{1, false, 1});
  // Smaller still, in the middle: what was asked for begins at 32.
  w.server.send(got.remote, Piggybacked(got, Code::content).block2(2, true, 0).payload(std::string(16, 'b')));
  got = w.server.expect();
  CHECK(block2(got) == Block{3, false, 0});
  w.server.send(got.remote, Piggybacked(got, Code::content).block2(3, false, 0).payload("c"));
  CHECK(d.slot.take_result()->ok());
  CHECK(d.sink.text() == std::string(32, 'a') + std::string(16, 'b') + "c");
}

TEST_CASE("A client with a small buffer asks for small blocks at once", "[coap]") {
  ClientWorld w(NodeConfig{.seed = 1}, BufferSizes{.receive = 200, .send = 200});
  Download d(w);
  const auto got = w.server.expect();
  CHECK(block2(got) == Block{0, false, 3});
}

TEST_CASE("Blocks that do not fit together end a transfer", "[coap]") {
  const auto outcome = [](const auto& answer) {
    ClientWorld w;
    Download d(w);
    auto got = w.server.expect();
    w.server.send(got.remote, Piggybacked(got, Code::content).block2(0, true, 0).payload(std::string(16, 'a')));
    got = w.server.expect();
    answer(w, got);
    REQUIRE(d.slot.result().ready());
    CHECK_FALSE(w.server.receive(10_s));
    return d.error();
  };
  // Another number, none, a short one with more to come, a long one.
  CHECK(outcome([](auto& w, auto& got) {
          w.server.send(got.remote, Piggybacked(got, Code::content).block2(2, false, 0).payload("x"));
        }) == Error::protocol_error);
  CHECK(outcome([](auto& w, auto& got) {
          w.server.send(got.remote, Piggybacked(got, Code::content).block2(0, false, 0).payload("x"));
        }) == Error::protocol_error);
  CHECK(outcome([](auto& w, auto& got) { w.server.send(got.remote, Piggybacked(got, Code::content).payload("x")); }) ==
        Error::protocol_error);
  CHECK(outcome([](auto& w, auto& got) {
          w.server.send(got.remote, Piggybacked(got, Code::content).block2(1, true, 0).payload("short"));
        }) == Error::protocol_error);
  CHECK(outcome([](auto& w, auto& got) {
          w.server.send(got.remote, Piggybacked(got, Code::content).block2(1, true, 0).payload(std::string(17, 'x')));
        }) == Error::protocol_error);
  CHECK(outcome([](auto& w, auto& got) {
          w.server.send(got.remote, Piggybacked(got, Code::content).block2(1, false, 0).payload(std::string(17, 'x')));
        }) == Error::protocol_error);
  CHECK(outcome([](auto& w, auto& got) {
          w.server.send(got.remote, Piggybacked(got, Code::content).block2(1, true, 7).payload(std::string(1024, 'x')));
        }) == Error::protocol_error);
  CHECK(outcome([](auto& w, auto& got) {
          w.server.send(got.remote, Piggybacked(got, Code::content).option(OptionNumber::block2, bytes({0, 0, 0, 0})));
        }) == Error::protocol_error);
  // An answer that is no success is the outcome.
  CHECK(outcome([](auto& w, auto& got) { w.server.send(got.remote, Piggybacked(got, Code::not_found)); }) == Error{});
}

TEST_CASE("A body that changes while it is read is read again from the start, but not for ever", "[coap]") {
  ClientWorld w;
  Download d(w);
  auto got = w.server.expect();
  const auto answer = [&](std::uint32_t number, bool more, int tag, char c) {
    w.server.send(got.remote, Piggybacked(got, Code::content)
                                  .option(OptionNumber::etag, bytes({tag}))
                                  .block2(number, more, 0)
                                  .payload(std::string(16, c)));
  };
  answer(0, true, 1, 'a');
  got = w.server.expect();
  answer(1, true, 2, 'b');
  got = w.server.expect();
  CHECK(block2(got) == Block{0, false, 0});
  answer(0, true, 2, 'B');
  got = w.server.expect();
  CHECK(block2(got) == Block{1, false, 0});
  answer(1, false, 2, 'b');
  CHECK(d.slot.take_result()->ok());
  CHECK(d.sink.text() == std::string(16, 'B') + std::string(16, 'b'));

  Download again(w);
  for (int i = 0; i < 4; ++i) {
    got = w.server.expect();
    answer(0, true, 2 * i, 'a');
    got = w.server.expect();
    answer(1, true, 2 * i + 1, 'a');
  }
  CHECK(again.error() == Error::io_error);
}

TEST_CASE("A sink that takes no more ends the transfer with its error", "[coap]") {
  ClientWorld w;
  Download d(w);
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto got = w.server.expect();
    w.server.send(got.remote, Piggybacked(got, Code::content).block2(i, true, 6).payload(std::string(1024, 'x')));
  }
  CHECK(d.error() == Error::buffer_too_small);
  CHECK_FALSE(w.server.receive(10_s));
}

TEST_CASE("A body is sent in the blocks that the server wants", "[coap]") {
  ClientWorld w;
  std::string body;
  for (int i = 0; i < 2000; ++i) { body += static_cast<char>('a' + i % 26); }
  Sending u(w, body);
  auto got = w.server.expect();
  CHECK(block1(got) == Block{0, true, 6});
  CHECK(got.message.options.find_uint(OptionNumber::size1) == 2000u);
  const auto tag = copy(got.message.options.find(OptionNumber::request_tag).value());
  CHECK(text_of(got.message.payload) == body.substr(0, 1024));
  // What has come is taken; smaller ones from now on.
  w.server.send(got.remote, Piggybacked(got, Code::continue_).block1(0, true, 5));
  got = w.server.expect();
  CHECK(block1(got) == Block{2, true, 5});
  CHECK(text_of(got.message.payload) == body.substr(1024, 512));
  CHECK(copy(got.message.options.find(OptionNumber::request_tag).value()) == tag);
  w.server.send(got.remote, Piggybacked(got, Code::continue_).block1(2, true, 5));
  got = w.server.expect();
  CHECK(block1(got) == Block{3, false, 5});
  CHECK(text_of(got.message.payload) == body.substr(1536));
  w.server.send(got.remote, Piggybacked(got, Code::created).block1(3, false, 5));
  CHECK(u.slot.take_result()->code() == Code::created);
}

TEST_CASE("A body that is too large for the server is sent again in smaller blocks, if it says how small", "[coap]") {
  ClientWorld w;
  Sending u(w, std::string(2000, 'x'));
  auto got = w.server.expect();
  const auto tag = copy(got.message.options.find(OptionNumber::request_tag).value());
  w.server.send(got.remote, Piggybacked(got, Code::request_entity_too_large).block1(0, true, 2));
  got = w.server.expect();
  CHECK(block1(got) == Block{0, true, 2});
  CHECK(copy(got.message.options.find(OptionNumber::request_tag).value()) != tag);
  // Said again without a way out it is the outcome, and what the server says of it can be read.
  w.server.send(got.remote, Piggybacked(got, Code::request_entity_too_large).block1(0, true, 2).payload("no room"));
  const auto answer = u.slot.take_result();
  CHECK(answer->code() == Code::request_entity_too_large);
  CHECK(answer->text() == "no room");
}

TEST_CASE("A body of which the server lost track is sent again, but not for ever", "[coap]") {
  ClientWorld w;
  Sending u(w, std::string(2000, 'x'));
  for (int i = 0; i < 4; ++i) {
    auto got = w.server.expect();
    CHECK(block1(got) == Block{0, true, 6});
    w.server.send(got.remote, Piggybacked(got, Code::continue_).block1(0, true, 6));
    got = w.server.expect();
    w.server.send(got.remote, Piggybacked(got, Code::request_entity_incomplete).block1(1, false, 6));
  }
  CHECK(u.slot.take_result()->code() == Code::request_entity_incomplete);
  CHECK_FALSE(w.server.receive(10_s));
}

TEST_CASE("Acknowledgements of other blocks than the one that was sent end a transfer", "[coap]") {
  for (int what = 0; what < 3; ++what) {
    ClientWorld w;
    Sending u(w, std::string(2000, 'x'));
    const auto got = w.server.expect();
    if (what == 0) { w.server.send(got.remote, Piggybacked(got, Code::continue_).block1(1, true, 6)); }
    if (what == 1) { w.server.send(got.remote, Piggybacked(got, Code::continue_)); }
    if (what == 2) { w.server.send(got.remote, Piggybacked(got, Code::changed)); }
    CHECK(u.error() == Error::protocol_error);
  }
}

TEST_CASE("A server that answers before all has come ends the transfer if it fails", "[coap]") {
  ClientWorld w;
  Sending u(w, std::string(2000, 'x'));
  const auto got = w.server.expect();
  w.server.send(got.remote, Piggybacked(got, Code::forbidden));
  CHECK(u.slot.take_result()->code() == Code::forbidden);
}

TEST_CASE("What fits into a block is sent without blocks", "[coap]") {
  for (const std::size_t size : {0u, 1u, 1023u, 1024u}) {
    ClientWorld w;
    const std::string body(size, 'x');
    Sending u(w, body);
    const auto got = w.server.expect();
    CHECK_FALSE(block1(got));
    CHECK_FALSE(got.message.options.has(OptionNumber::request_tag));
    CHECK(text_of(got.message.payload) == body);
    w.server.send(got.remote, Piggybacked(got, Code::changed));
    CHECK(u.slot.take_result()->ok());
  }
}

TEST_CASE("Bodies go both ways in one transfer", "[coap]") {
  ClientWorld w;
  Sending u(w, std::string(1500, 'x'), {.method = Code::post, .remote = kServer, .path = "a"});
  auto got = w.server.expect();
  w.server.send(got.remote, Piggybacked(got, Code::continue_).block1(0, true, 6));
  got = w.server.expect();
  w.server.send(got.remote,
                Piggybacked(got, Code::changed).block1(1, false, 6).block2(0, true, 0).payload(std::string(16, 'r')));
  got = w.server.expect();
  CHECK(got.message.code == Code::post);
  CHECK(got.message.payload.empty());
  CHECK_FALSE(block1(got));
  CHECK(block2(got) == Block{1, false, 0});
  w.server.send(got.remote, Piggybacked(got, Code::changed).block2(1, false, 0).payload("end"));
  CHECK(u.slot.take_result()->ok());
  CHECK(u.sink.text() == std::string(16, 'r') + "end");
}

TEST_CASE("A source may not know how large it is", "[coap]") {
  struct Stream {
    nal::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) noexcept {
      const std::size_t n = std::min(out.size(), static_cast<std::size_t>(size - offset));
      for (std::size_t i = 0; i < n; ++i) { out[i] = static_cast<std::byte>('a' + (offset + i) % 26); }
      return n;
    }
    std::uint64_t size = 0;
  };
  for (const std::uint64_t size : {0u, 1u, 1023u, 1024u, 1025u, 2047u, 2048u, 2049u, 5000u}) {
    INFO(size);
    World w;
    w.shop.received = "before";
    Stream stream{size};
    const auto answer = w.wait(w.client.transfer({.method = Code::put, .remote = kServer, .path = "large"}, stream));
    REQUIRE(answer);
    CHECK(answer->code() == Code::changed);
    std::string expected;
    for (std::uint64_t i = 0; i < size; ++i) { expected += static_cast<char>('a' + i % 26); }
    CHECK(w.shop.received == expected);
  }
}

TEST_CASE("A source that fails ends the transfer with its error", "[coap]") {
  struct Broken {
    nal::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) noexcept {
      if (offset != 0) { return Unexpected(Error::io_error); }
      return out.size();
    }
  } broken;
  World w;
  CHECK(
      w.wait(w.client.transfer({.method = Code::put, .remote = kServer, .path = "large"}, broken)).error_or(Error{}) ==
      Error::io_error);
}
