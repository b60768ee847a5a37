// Data both ways in an established connection: RFC 9293 §3.8, §3.10.7.4; what is acknowledged when, windows, Nagle.
#include "tests/backends/embedded/tcp/script.hpp"

namespace nal::embedded::test {

TEST_CASE("Data in order are read in order", "[tcp][data]") {
  Script s;
  s.be_connected_to();
  s.in("P. 1+100 ack 1");
  s.in("P. 101+200 ack 1");
  CHECK(s.read_all() == "300");
  s.all();
  s.in(". 301+3700 ack 1");
  CHECK(s.read_all() == "3700");
}

TEST_CASE("A small segment is acknowledged with the answer, or after a while", "[tcp][data]") {
  Script s;
  s.be_connected_to();
  s.in("P. 1+10 ack 1");
  s.nothing();
  CHECK(s.until_sent() == Duration::milliseconds(40));
  s.out(". 1 ack 11");
  s.in("P. 11+10 ack 1");
  s.nothing();
  s.write(5);
  s.out("P. 1+5 ack 21");
  s.pass(Duration::milliseconds(100));
  s.nothing();
}

TEST_CASE("Every second full segment is acknowledged at once", "[tcp][data]") {
  Script s;
  s.be_connected_to("S 0 win 4000 mss 536");
  // The first eight each, for the peer's slow start.
  std::uint32_t next = 1;
  for (int i = 0; i < 8; ++i, next += 536) {
    s.in(". " + std::to_string(next) + "+536 ack 1");
    s.out(". 1 ack " + std::to_string(next + 536));
    s.read();
  }
  s.all();
  s.in(". " + std::to_string(next) + "+536 ack 1");
  s.nothing();
  s.in(". " + std::to_string(next + 536) + "+536 ack 1");
  s.out(". 1 ack " + std::to_string(next + 1072));
}

TEST_CASE("A segment out of order is kept, and answered at once each time", "[tcp][data]") {
  Script s;
  s.be_connected_to();
  s.in(". 101+100 ack 1");
  s.out(". 1 ack 1");
  s.in(". 301+100 ack 1");
  s.out(". 1 ack 1");
  CHECK(s.read_all() == "0");
  s.in(". 1+100 ack 1");
  s.out(". 1 ack 201");
  CHECK(s.read_all() == "200");
  s.in(". 201+100 ack 1");
  s.out(". 1 ack 401");
  CHECK(s.read_all() == "200");
}

TEST_CASE("What comes twice is acknowledged and not read twice", "[tcp][data]") {
  Script s;
  s.be_connected_to();
  s.in(". 1+100 ack 1");
  CHECK(s.read_all() == "100");
  s.all();
  s.in(". 1+100 ack 1");
  s.out(". 1 ack 101");
  s.in(". 51+100 ack 1");
  CHECK(s.read_all() == "50");
  s.out(". 1 ack 151");
}

TEST_CASE("What does not fit into the window is cut off, and an end behind it does not count", "[tcp][data]") {
  Script s;
  s.be_connected_to();
  s.in("F. 1+5000 ack 1");
  s.out(". 1 ack 4001 win 0");
  CHECK(s.read_all() == "4000");
  s.all();
  s.in("F. 4001+1000 ack 1");
  CHECK(s.read_all() == "1000 end");
}

TEST_CASE("What is beyond the window is answered and dropped", "[tcp][data]") {
  Script s;
  s.be_connected_to();
  s.in(". 4001+10 ack 1");
  s.out(". 1 ack 1 win 4000");
  s.in(". 100000+10 ack 1");
  s.out(". 1 ack 1");
  CHECK(s.read_all() == "0");
}

TEST_CASE("Data are sent in segments of the peer's size, as far as its window goes", "[tcp][data]") {
  Script s;
  s.connect("S. 0 ack 1 win 2500 mss 1000");
  CHECK(s.write(10'000) == 4000);
  s.out(". 1+1000 ack 1");
  s.out(". 1001+1000 ack 1");
  s.nothing();
  s.in(". 1 ack 2001 win 2500");
  s.out(". 2001+1000 ack 1");
  s.out("P. 3001+1000 ack 1");
  s.nothing();
}

TEST_CASE("With Nagle's algorithm a small segment waits for what is under way, without it does not", "[tcp][data]") {
  Script s;
  s.connect("S. 0 ack 1 win 4000 mss 1000", {.no_delay = false});
  s.write(10);
  s.out("P. 1+10 ack 1");
  s.write(10);
  s.write(10);
  s.nothing();
  s.in(". 1 ack 11");
  s.out("P. 11+20 ack 1");
  s.write(5);
  s.nothing();
  REQUIRE(s.stream->configure({.no_delay = true}));
  s.all();
  s.write(5);
  CHECK(s.all() == "P. 36+5 ack 1\n");
}

TEST_CASE("The end goes behind the data, with the last of them, Nagle or not", "[tcp][data]") {
  Script s;
  s.connect("S. 0 ack 1 win 4000 mss 1000", {.no_delay = false});
  s.write(1500);
  s.shutdown();
  s.out(". 1+1000 ack 1");
  s.out("FP. 1001+500 ack 1");
  s.in(". 1 ack 1502");
  s.in("F. 1 ack 1502");
  s.out(". 1502 ack 2");
}

TEST_CASE("Urgent data are data like others", "[tcp][data]") {
  Script s;
  s.be_connected_to();
  Bytes segment = s.parse("PU. 1+100 ack 1");
  for (const std::uint32_t pointer : {0u, 1u, 50u, 100u, 101u, 0xffffu}) {
    wire::store_be16(&segment[wire::kTcpUrgentPointer], pointer);
    s.seal(segment);
    s.in(segment);
  }
  CHECK(s.read_all() == "100");
}

TEST_CASE("Who writes in place and reads in place moves the same bytes", "[tcp][data]") {
  Script s;
  s.connect();
  nal::test::VirtualClock clock;
  Executor executor(clock);
  Context context = Context::probe(executor);
  Waiter waiter;
  auto room = s.stream->poll_reserve(context, waiter);
  REQUIRE(room.ready());
  REQUIRE((*room)->size() == 4000);
  const Bytes data = pattern(300);
  std::copy(data.begin(), data.end(), (*room)->begin());
  s.stream->commit(300);
  s.poll();
  s.out("P. 1+300 ack 1");
  s.in("P. 1+50 ack 301");
  auto there = s.stream->poll_fill(context, waiter);
  REQUIRE(there.ready());
  CHECK((*there)->size() == 50);
  s.stream->consume(20);
  auto rest = s.stream->poll_fill(context, waiter);
  REQUIRE(rest.ready());
  CHECK((*rest)->size() == 30);
  CHECK((**rest)[0] == pattern_at(20));
}

// Windows.

TEST_CASE("A window that is closed is told open when reading has made room worth it", "[tcp][window]") {
  Script s;
  s.be_connected_to();
  for (int i = 0; i < 4; ++i) { s.in(". " + std::to_string(1 + i * 1000) + "+1000 ack 1"); }
  s.all();
  CHECK(s.read(100));
  s.nothing();
  CHECK(s.read(800));
  s.nothing();
  CHECK(s.read(1200));
  s.out(". 1 ack 4001 win 2100");
}

TEST_CASE("Fault: the window does not open a byte at a time", "[tcp][fault]") {
  Script s;
  s.be_connected_to();
  for (int i = 0; i < 4; ++i) { s.in(". " + std::to_string(1 + i * 1000) + "+1000 ack 1"); }
  s.all();
  for (int i = 0; i < 900; ++i) { s.read(1); }
  s.nothing();
  // Nor does a probe learn of so little.
  s.in(". 4001+1 ack 1");
  s.out(". 1 ack 4001 win 0");
}

TEST_CASE("Fault: the right edge of the window does not move back by rounding", "[tcp][fault]") {
  TcpTuning tuning;
  tuning.sack = tuning.timestamps = tuning.ecn = false;
  Script s(tuning);
  s.listen({.accepted = {.ring_class = 1}});
  s.in("S 0 win 4000 mss 1000 ws 0");
  s.out("S. 0 ack 1 win 65535 ws 2");
  s.in(". 1 ack 1");
  REQUIRE(s.accept());
  std::uint32_t edge = 0;
  std::uint32_t next = 1;
  for (int i = 0; i < 190; ++i) {
    const std::uint32_t size = 1000 + static_cast<std::uint32_t>(i % 7);
    s.in(". " + std::to_string(next) + "+" + std::to_string(size) + " ack 1");
    next += size;
    s.pass(Duration::milliseconds(50));
    while (!s.network.sent.empty()) {
      const auto view = s.network.sent.front().view();
      const std::uint32_t now = view.acknowledgment() - Script::kPeerIss + (std::uint32_t{view.window()} << 2);
      CHECK(now >= edge);
      CHECK(now <= 1 + 200'000);
      edge = std::max(edge, now);
      s.network.sent.pop_front();
    }
  }
}

TEST_CASE("Fault: a SYN's window is not scaled", "[tcp][fault]") {
  TcpTuning tuning;
  tuning.sack = tuning.timestamps = tuning.ecn = false;
  Script s(tuning);
  s.connect("S. 0 ack 1 win 1500 mss 1000 ws 7");
  s.write(4000);
  s.out(". 1+1000 ack 1");
  s.nothing();
  // 30 << 7 = 3840
  s.in(". 1 ack 1 win 30");
  s.out(". 1001+1000 ack 1");
  s.out(". 2001+1000 ack 1");
}

TEST_CASE("Fault: a window that is closed is probed for ever, while the peer answers", "[tcp][fault]") {
  Script s;
  s.connect("S. 0 ack 1 win 1000 mss 1000");
  s.write(2000);
  s.out(". 1+1000 ack 1");
  s.in(". 1 ack 1001 win 0");
  s.nothing();
  Duration last{};
  for (int i = 0; i < 30; ++i) {
    const Duration waited = s.until_sent();
    CHECK(waited <= Duration::seconds(60));
    CHECK(waited >= last);
    last = waited;
    s.out(". 1001+1 ack 1");
    s.in(". 1 ack 1001 win 0");
  }
  s.in(". 1 ack 1001 win 1000");
  // The probe's byte, again, and the rest.
  CHECK(s.all() == ". 1001+1 ack 1\nP. 1002+999 ack 1\n");
}

TEST_CASE("Fault: the byte of a probe counts as sent, so that a peer that takes it is understood", "[tcp][fault]") {
  Script s;
  s.connect("S. 0 ack 1 win 1000 mss 1000");
  s.write(2000);
  s.out(". 1+1000 ack 1");
  s.in(". 1 ack 1001 win 0");
  s.until_sent();
  s.out(". 1001+1 ack 1");
  s.in(". 1 ack 1002 win 2000");
  s.out("P. 1002+999 ack 1");
}

TEST_CASE("Fault: two ends that probe each other's closed windows go on when one reads", "[tcp][fault]") {
  Script s;
  s.connect("S. 0 ack 1 win 1000 mss 1000");
  s.write(2000);
  s.out(". 1+1000 ack 1");
  for (int i = 0; i < 4; ++i) { s.in(". " + std::to_string(1 + i * 1000) + "+1000 ack 1001 win 0"); }
  s.all();
  s.until_sent();
  s.out(". 1001+1 ack 4001 win 0");
  // The peer's probe stands outside of our window, and acknowledges nothing.
  s.in(". 4001+1 ack 1001 win 0");
  s.out(". 1001 ack 4001 win 0");
  // It opens its window by an acknowledgement that has the number behind its probe.
  s.in(". 4002 ack 1001 win 2000");
  CHECK(s.all() == ". 1001+1 ack 4001\nP. 1002+999 ack 4001\n");
  CHECK(s.read_all() == "4000");
  CHECK(s.all("win ") == ". 2001 ack 4001 win 4000\n");
  s.in(". 4001+1 ack 2001 win 2000");
  CHECK(s.read_all() == "1");
}

TEST_CASE("A window that opens by less than a segment is used after a while", "[tcp][window]") {
  Script s;
  s.connect("S. 0 ack 1 win 1000 mss 1000");
  s.write(2000);
  s.out(". 1+1000 ack 1");
  s.in(". 1 ack 1001 win 100");
  s.nothing();
  CHECK(s.until_sent() <= Duration::seconds(1));
  s.out(". 1001+100 ack 1");
}

TEST_CASE("A window that an old segment tells is not believed", "[tcp][window]") {
  Script s;
  s.connect("S. 0 ack 1 win 1000 mss 1000");
  s.write(2000);
  s.out(". 1+1000 ack 1");
  s.in(". 11 ack 1001 win 400");
  s.in(". 1 ack 1001 win 4000");
  s.nothing();
}

TEST_CASE("Fault: an acknowledgement of what was never sent is answered, and believed in nothing", "[tcp][fault]") {
  Script s;
  s.connect();
  s.write(100);
  s.out("P. 1+100 ack 1");
  s.in("P. 1+10 ack 102");
  s.out(". 101 ack 1");
  CHECK(s.read_all() == "0");
  s.in(". 1 ack 101");
  s.nothing();
}

TEST_CASE("Fault: an end out of order is kept, and comes when what is missing has come", "[tcp][fault]") {
  Script s;
  s.be_connected_to();
  s.in("F. 101+100 ack 1");
  s.out(". 1 ack 1");
  CHECK(s.read_all() == "0");
  s.in(". 1+100 ack 1");
  s.out(". 1 ack 202");
  CHECK(s.read_all() == "200 end");
}

TEST_CASE("Fault: text after the peer's end is not taken", "[tcp][fault]") {
  Script s;
  s.be_connected_to();
  s.in("F. 101 ack 1");
  s.in(". 51+100 ack 1");
  s.in(". 101+100 ack 1");
  s.in(". 1+60 ack 1");
  s.in(". 101+100 ack 1");
  CHECK(s.read_all() == "100 end");
  s.in(". 102+100 ack 1");
  CHECK(s.read_all() == "0 end");
}

TEST_CASE("Fault: an end behind text that the window cut off does not end the stream early", "[tcp][fault]") {
  Script s;
  s.be_connected_to();
  s.in(". 1+3000 ack 1");
  s.in("F. 3001+2000 ack 1");
  CHECK(s.read_all() == "4000");
  s.in("F. 4001+1000 ack 1");
  CHECK(s.read_all() == "1000 end");
}

TEST_CASE("Segments whose checksum is wrong change nothing", "[tcp][data]") {
  Script s;
  s.be_connected_to();
  const Bytes good = s.parse("P. 1+100 ack 1");
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= std::byte{0x10};
    s.in(bad);
  }
  CHECK(s.tcp.counters().bad_checksum + s.tcp.counters().malformed == good.size());
  s.nothing();
  CHECK(s.read_all() == "0");
  s.in(good);
  CHECK(s.read_all() == "100");
}

TEST_CASE("Segments cut off anywhere change nothing, and what follows is taken", "[tcp][hostile]") {
  Script s(TcpTuning{});
  s.listen();
  s.in("S 0 win 4000 mss 1000 sackok ts 1 0 ws 2");
  s.out("S. 0 ack 1");
  s.timestamps = true;
  s.in(". 1 ack 1");
  REQUIRE(s.accept());
  const Bytes good = s.parse("P. 1+30 ack 1 sack 5-9");
  for (std::size_t size = 0; size < good.size(); ++size) {
    Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    s.in(cut);
  }
  CHECK(s.read_all() == "0");
  for (unsigned offset = 0; offset < 16; ++offset) {
    Bytes bad = good;
    bad[wire::kTcpDataOffset] = static_cast<std::byte>(offset << 4);
    s.in(bad);
  }
  s.in(good);
  CHECK(s.read_all() == "30");
}

}  // namespace nal::embedded::test
