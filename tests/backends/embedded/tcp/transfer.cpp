// Two TCPs over a bad channel: every byte arrives once and in order, both ways, whatever is turned on or off, and
// nothing is left behind.
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/backends/embedded/tcp/channel.hpp"

namespace nal::embedded::test {

namespace {

constexpr TcpConfig kConfig{.connections = 4,
                            .listeners = 2,
                            .handshakes = 4,
                            .time_waits = 4,
                            .rings = {{{8192, 8192, 4}, {200'000, 200'000, 2}}}};
using Pair = Channel<kConfig>;

/// Writes from one end what the other end reads.
class Transfer {
 public:
  Transfer(Pair& pair, TcpStream& from, TcpStream& to, std::size_t size)
      : pair_(pair), from_(from), to_(to), size_(size) {}
  /// Goes on as far as it can; whether it is done.
  bool step() {
    while (written_ < size_) {
      const Bytes data = pattern(std::min<std::size_t>(size_ - written_, 3000), written_);
      const std::size_t n = pair_.write(from_, data);
      written_ += n;
      if (n == 0) { break; }
    }
    if (written_ == size_ && !ended_) {
      pair_.shutdown(from_);
      ended_ = true;
    }
    std::byte buffer[2000];
    for (;;) {
      const auto got = pair_.read(to_, buffer);
      if (!got) { break; }
      REQUIRE(*got);
      if (**got == 0) {
        CHECK(read_ == size_);
        return true;
      }
      for (std::size_t i = 0; i < **got; ++i) {
        if (buffer[i] != pattern_at(read_ + i)) { FAIL("byte " << read_ + i << " is wrong"); }
      }
      read_ += **got;
    }
    return false;
  }
  std::size_t read() const { return read_; }

 private:
  Pair& pair_;
  TcpStream& from_;
  TcpStream& to_;
  std::size_t size_;
  std::size_t written_ = 0;
  std::size_t read_ = 0;
  bool ended_ = false;
};

void check_back_to_start(Pair& pair) {
  pair.pass(Duration::minutes(5));
  for (Tcp* tcp : {&pair.here.tcp, &pair.there.tcp}) {
    CHECK(tcp->connections_in_use() == 0);
    CHECK(tcp->handshakes_in_use() == 0);
    CHECK(tcp->time_waits_in_use() == 0);
    CHECK(tcp->rings_free() == kConfig.ring_count());
    CHECK(tcp->poll_at().is_never());
  }
  CHECK(pair.here.network.pool.available() == pair.here.network.pool.count());
  CHECK(pair.there.network.pool.available() == pair.there.network.pool.count());
}

void transfer_both_ways(Pair& pair, std::size_t size, const TcpOptions& options = {}, Family family = Family::v4,
                        Duration limit = Duration::minutes(120)) {
  auto streams = pair.connect(family, options);
  Transfer up(pair, *streams.client, *streams.server, size);
  Transfer down(pair, *streams.server, *streams.client, size / 2);
  bool up_done = false;
  bool down_done = false;
  const bool done = pair.run_until(
      [&] {
        if (!up_done) { up_done = up.step(); }
        if (!down_done) { down_done = down.step(); }
        return up_done && down_done;
      },
      limit);
  INFO("up " << up.read() << " down " << down.read());
  CHECK(done);
  streams = {};
  check_back_to_start(pair);
}

TcpTuning with(unsigned bits) {
  TcpTuning tuning;
  tuning.sack = (bits & 1) != 0;
  tuning.timestamps = (bits & 2) != 0;
  tuning.window_scale = (bits & 4) != 0;
  tuning.rack_tlp = (bits & 8) != 0;
  tuning.cubic = (bits & 16) != 0;
  tuning.ecn = (bits & 32) != 0;
  return tuning;
}

}  // namespace

TEST_CASE("Bytes go both ways over a good channel", "[tcp][transfer]") {
  Pair pair(1);
  transfer_both_ways(pair, 100'000, {}, GENERATE(Family::v4, Family::v6));
  CHECK(pair.here.tcp.counters().timeouts == 0);
  CHECK(pair.here.tcp.counters().retransmitted == 0);
}

TEST_CASE("Bytes go both ways over a channel that loses, duplicates, reorders and corrupts, whatever is turned on",
          "[tcp][transfer]") {
  const unsigned bits = GENERATE(Catch::Generators::range(0u, 64u));
  const unsigned seed = GENERATE(1u, 2u);
  INFO("features " << bits << " seed " << seed);
  Pair pair(seed * 100 + bits,
            {.loss = 5, .duplicate = 5, .reorder = 10, .corrupt = 2, .jitter = Duration::milliseconds(3)}, with(bits),
            with(seed == 1 ? bits : 63));
  transfer_both_ways(pair, 60'000);
}

TEST_CASE("Bytes go both ways with large windows", "[tcp][transfer]") {
  const unsigned bits = GENERATE(0u, 5u, 7u, 15u, 63u);
  INFO("features " << bits);
  Pair pair(bits, {.loss = 1, .reorder = 1}, with(bits), with(bits));
  transfer_both_ways(pair, 2'000'000, {.ring_class = 1});
}

TEST_CASE("Bytes go both ways over a channel that loses a third", "[tcp][transfer]") {
  Pair pair(GENERATE(Catch::Generators::range(1u, 6u)), {.loss = 33});
  transfer_both_ways(pair, 20'000, {.user_timeout = Duration::hours(10)});
}

TEST_CASE("Bytes go both ways where the device cuts segments and adds checksums", "[tcp][transfer]") {
  Pair pair(3, {.loss = 2});
  pair.here.network.support = pair.there.network.support = {60'000, true};
  transfer_both_ways(pair, 2'000'000, {.ring_class = 1});
}

}  // namespace nal::embedded::test
