#include "nal/copy.hpp"
#include "tests/conformance/cancelled.hpp"

namespace nal::conformance {

namespace {

/// Two ends of a connection over which a cancelled operation must leave things as they were.
struct CancelledOnStream : Cancelled {
  void check_usable() {
    check_quiet();
    // Whatever the operation read or wrote before it was given up comes first.
    REQUIRE(world.block(write_all(pair.client, bytes("#up"))));
    read_until_mark(pair.server, "#up");
    REQUIRE(world.block(write_all(pair.server, bytes("#down"))));
    read_until_mark(pair.client, "#down");
  }
  void read_until_mark(Stream& stream, std::string_view mark) {
    std::vector<std::byte> got;
    while (got.size() < mark.size() || text(std::span(got).last(mark.size())) != mark) {
      std::byte byte[1];
      REQUIRE(world.block(read_exact(stream, byte)));
      got.push_back(byte[0]);
      REQUIRE(got.size() < 10'000'000);
    }
  }
  void given_up() { check_usable(); }

  Pair pair = world.connect();
};

}  // namespace

TEST_CASE("A connect given up at any poll leaves no slot, and the next one works", "[cancel][tcp]") {
  struct Trial : Cancelled {
    auto begin() { return connect(world.client(), listener.local_endpoint()); }
    void given_up() {
      check_quiet();
      CHECK(world.run_until([this] {
        static_cast<void>(try_accept(world.executor(), listener));
        return world.fixture().in_use() <= 1;
      }));
      static_cast<void>(world.connect(listener));
    }
    void finished(Result<Stream>& stream) {
      REQUIRE(stream);
      CHECK(stream->remote_endpoint() == listener.local_endpoint());
    }
    Listener listener = world.listen();
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("An accept given up at any poll loses no connection", "[cancel][tcp]") {
  struct Trial : Cancelled {
    auto begin() {
      // The connection comes once the accept waits.
      client.emplace(connect(world.client(), listener.local_endpoint()));
      return accept(listener);
    }
    void given_up() {
      check_quiet();
      auto both = world.block(join(*client, accept(listener)));
      REQUIRE(both);
      REQUIRE(std::get<0>(*both));
      REQUIRE(std::get<1>(*both));
      CHECK(std::get<0>(*both)->local_endpoint() == std::get<1>(*both)->remote_endpoint());
    }
    void finished(Result<Stream>&) {}
    Listener listener = world.listen();
    std::optional<Connect<Stack>> client;
  };
  // Nobody connects until it was given up, so only the polls before that are tried.
  for (unsigned polls : {0u, 1u}) {
    for (const auto moment : {test::Moment::before_poll, test::Moment::after_poll}) {
      auto trial = std::make_unique<Trial>();
      {
        test::Victim<Accept<Listener>> victim(
            trial->executor(), [&] { return trial->begin(); }, polls, moment);
        REQUIRE(trial->world.run_until([&] { return victim.over(); }));
      }
      trial->given_up();
    }
  }
}

TEST_CASE("An accept given up as a connection arrives loses nothing", "[cancel][tcp]") {
  struct Trial : Cancelled {
    auto begin() {
      auto started = world.client().start_tcp(listener.local_endpoint(), {});
      if (started) { client.emplace(*std::move(started)); }
      return accept(listener);
    }
    void given_up() {
      check_quiet();
      REQUIRE(client);
      const auto accepted = world.block(accept(listener));
      REQUIRE(accepted);
      CHECK(accepted->remote_endpoint() == client->local_endpoint());
    }
    void finished(Result<Stream>& stream) { CHECK(stream); }
    Listener listener = world.listen();
    std::optional<Stream> client;
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("A read given up at any poll has read nothing", "[cancel][tcp]") {
  struct Trial : Cancelled {
    auto begin() {
      REQUIRE(writing.start(
          world.executor(),
          [](Stream& stream) -> Task<> {
            co_await yield();
            const auto written = co_await write_all(stream, bytes("data"));
            co_return written;
          },
          pair.client));
      return read(pair.server, buffer);
    }
    void given_up() {
      REQUIRE(world.run_until([this] { return !writing.running(); }));
      check_quiet();
      std::byte got[4];
      REQUIRE(world.block(read_exact(pair.server, got)));
      CHECK(text(got) == "data");
    }
    void finished(Result<std::size_t>& n) {
      REQUIRE(n);
      CHECK(*n >= 1);
    }
    TaskSlot<2048> writing;
    Pair pair = world.connect();
    std::byte buffer[16];
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("A read_exact given up at any poll tells what it has, and nothing of it is lost", "[cancel][tcp]") {
  static constexpr std::size_t kBytes = 5000;
  struct Trial : Cancelled {
    class Watched {
     public:
      Watched(Stream& stream, std::span<std::byte> buffer, std::size_t& size)
          : reading_(stream, buffer), size_(&size) {}
      Poll<Result<>> poll(Context& context) {
        auto output = reading_.poll(context);
        *size_ = reading_.size();
        return output;
      }

     private:
      ReadExact<Stream> reading_;
      std::size_t* size_;
    };
    auto begin() {
      REQUIRE(writing.start(
          world.executor(),
          [](Stream& stream) -> Task<> {
            for (std::size_t sent = 0; sent < kBytes; sent += 1000) {
              const auto data = pattern_bytes(1000, sent);
              const auto written = co_await write_all(stream, data);
              if (!written) { co_return Unexpected(written.error()); }
              co_await yield();
            }
            const auto ended = co_await shutdown(stream);
            co_return ended;
          },
          pair.client));
      return Watched(pair.server, buffer, size);
    }
    void given_up() {
      std::vector<std::byte> rest(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(world.block(read_to_end(pair.server, rest)) == kBytes);
      CHECK(rest == pattern_bytes(kBytes));
      REQUIRE(world.run_until([this] { return !writing.running(); }));
      check_quiet();
    }
    void finished(Result<>& result) {
      CHECK(result);
      CHECK(std::equal(buffer.begin(), buffer.end(), pattern_bytes(kBytes).begin()));
    }
    TaskSlot<4096> writing;
    Pair pair = world.connect();
    std::array<std::byte, kBytes> buffer;
    std::size_t size = 0;
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("A write_all given up at any poll tells what was taken, and no more arrives", "[cancel][tcp]") {
  struct Trial : Cancelled {
    class Watched {
     public:
      Watched(Stream& stream, std::span<const std::byte> data, std::size_t& written)
          : writing_(stream, data), written_(&written) {}
      Poll<Result<>> poll(Context& context) {
        auto output = writing_.poll(context);
        *written_ = writing_.written();
        return output;
      }

     private:
      WriteAll<Stream> writing_;
      std::size_t* written_;
    };
    auto begin() {
      REQUIRE(reading.start(
          world.executor(),
          [](Stream& stream, std::vector<std::byte>& out) -> Task<> {
            const auto read = co_await read_to_end(stream, out);
            if (!read) { co_return Unexpected(read.error()); }
            co_return Unit{};
          },
          pair.server, got));
      return Watched(pair.client, data, written);
    }
    void given_up() {
      REQUIRE(world.block(shutdown(pair.client)));
      REQUIRE(world.run_until([this] { return !reading.running(); }));
      check_quiet();
      CHECK(got == pattern_bytes(written));
    }
    void finished(Result<>& result) {
      CHECK(result);
      given_up();
    }
    std::vector<std::byte> data = pattern_bytes(Fixture::kManyBytes);
    std::vector<std::byte> got;
    std::size_t written = 0;
    TaskSlot<4096> reading;
    Pair pair = world.connect();
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("A write given up at any poll has written nothing", "[cancel][tcp]") {
  struct Trial : CancelledOnStream {
    auto begin() { return write(pair.client, bytes("data")); }
    void finished(Result<std::size_t>& n) { CHECK(n); }
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

TEST_CASE("A flush or a shutdown given up at any poll leaves the stream in order", "[cancel][tcp]") {
  struct Flushing : CancelledOnStream {
    auto begin() { return flush(pair.client); }
    void finished(Result<>& result) { CHECK(result); }
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Flushing>) >= 1);
  struct Ending : Cancelled {
    auto begin() { return shutdown(pair.client); }
    void given_up() {
      check_quiet();
      // The end may have been queued.
      CHECK(world.block(shutdown(pair.client)));
      std::byte got[1];
      CHECK(world.block(read(pair.server, got)) == 0u);
    }
    void finished(Result<>& result) { CHECK(result); }
    Pair pair = world.connect();
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Ending>) >= 1);
}

TEST_CASE("A gathering write and a copy given up at any poll leave the stream in order", "[cancel][tcp]") {
  struct Gathering : CancelledOnStream {
    auto begin() { return write_gather(pair.client, pieces); }
    void finished(Result<>& result) { CHECK(result); }
    std::array<std::span<const std::byte>, 3> pieces{bytes("a"), bytes("bc"), bytes("def")};
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Gathering>) >= 1);
  struct Copying : Cancelled {
    auto begin() { return nal::copy(pair.server, other.client, std::span(buffer)); }
    void given_up() {
      check_quiet();
      REQUIRE(world.block(write_all(other.client, bytes("more"))));
      std::byte got[1];
      CHECK(world.block(read_exact(other.server, got)));
    }
    void finished(Result<std::uint64_t>& copied) {
      REQUIRE(copied);
      CHECK(*copied == 100);
    }
    std::array<std::byte, 16> buffer;
    Pair pair = world.connect();
    Pair other = world.connect();
    bool ready = world.block(write_all(pair.client, pattern_bytes(100))) && world.block(shutdown(pair.client));
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Copying>) >= 1);
}

TEST_CASE("A close given up at any poll leaves nothing behind", "[cancel][tcp]") {
  struct Trial : Cancelled {
    auto begin() {
      REQUIRE(serving.start(
          world.executor(),
          [](Stream& stream) -> Task<> {
            co_await yield();
            const auto written = co_await write_all(stream, bytes("bye"));
            if (!written) { co_return Unexpected(written.error()); }
            co_await yield();
            const auto ended = co_await shutdown(stream);
            co_return ended;
          },
          pair->server));
      return close(std::move(pair->client));
    }
    void given_up() {
      REQUIRE(world.run_until([this] { return !serving.running(); }));
      check_quiet();
      pair.reset();
      CHECK(world.back_to_start());
    }
    void finished(Result<>& result) {
      CHECK(result);
      given_up();
    }
    TaskSlot<2048> serving;
    std::optional<Pair> pair = world.connect();
  };
  CHECK(test::cancel_at_every_poll(std::make_unique<Trial>) >= 1);
}

}  // namespace nal::conformance
