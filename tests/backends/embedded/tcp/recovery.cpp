// Losses and how they are made good: RFC 5681, 6298, 6582, 6675, 6937, 8985, 2018, 2883, 3042, 9438, 3168.
#include "tests/backends/embedded/tcp/script.hpp"

namespace nal::embedded::test {

namespace {

TcpTuning sacking(bool rack) {
  TcpTuning tuning = Script::plain();
  tuning.sack = true;
  tuning.rack_tlp = rack;
  return tuning;
}

/// A connection with a window of 20,000 and a known round trip of 100 ms, `segments` of 1000 bytes under way.
void send(Script& s, int segments, const std::string& extra = "") {
  s.start({.ring_class = 1});
  s.clock += Duration::milliseconds(100);
  s.in("S. 0 ack 1 win 65000 mss 1000" + extra);
  s.out(". 1 ack 1");
  s.write(static_cast<std::size_t>(segments) * 1000);
  for (int i = 0; i < segments; ++i) {
    s.out(std::string(i + 1 == segments ? "P. " : ". ") + std::to_string(1 + i * 1000) + "+1000 ack 1");
  }
  s.nothing();
  s.clock += Duration::milliseconds(100);
}

}  // namespace

TEST_CASE("The first window is ten segments", "[tcp][congestion]") {
  Script s;
  s.start({.ring_class = 1});
  s.in("S. 0 ack 1 win 65000 mss 1000");
  s.out(". 1 ack 1");
  s.write(50'000);
  CHECK(s.network.sent.size() == 10);
}

TEST_CASE("Fault: the first window is not one segment, unless the SYN was lost", "[tcp][fault]") {
  Script s;
  s.start({.ring_class = 1});
  s.until_sent();
  s.out("S 0");
  s.in("S. 0 ack 1 win 65000 mss 1000");
  s.out(". 1 ack 1");
  s.write(50'000);
  CHECK(s.network.sent.size() == 1);
}

TEST_CASE("In slow start each acknowledgement of two segments lets four out", "[tcp][congestion]") {
  Script s;
  send(s, 10);
  s.write(50'000);
  s.in(". 1 ack 2001 win 65000");
  CHECK(s.network.sent.size() == 4);
}

TEST_CASE("Without SACK, the third duplicate acknowledgement has the first segment sent again", "[tcp][recovery]") {
  Script s;
  send(s, 10);
  s.in(". 1 ack 1 win 65000");
  s.in(". 1 ack 1 win 65000");
  s.nothing();
  s.in(". 1 ack 1 win 65000");
  s.out(". 1+1000 ack 1");
  s.nothing();
  for (int i = 0; i < 6; ++i) { s.in(". 1 ack 1 win 65000"); }
  s.nothing();
  s.in(". 1 ack 10001 win 65000");
  s.nothing();
  CHECK(s.connection().recovery == TcpRecovery::open);
  CHECK(s.connection().congestion.window() == 5000);
}

TEST_CASE("Limited transmit: each of the first two duplicates lets a new segment out", "[tcp][recovery]") {
  Script s;
  send(s, 10);
  s.write(5000);
  s.nothing();
  s.in(". 1 ack 1 win 65000");
  s.out(". 10001+1000 ack 1");
  s.in(". 1 ack 1 win 65000");
  s.out(". 11001+1000 ack 1");
}

TEST_CASE("Fault: a partial acknowledgement has the next lost one sent, without waiting for the timer",
          "[tcp][fault]") {
  Script s;
  send(s, 10);
  for (int i = 0; i < 3; ++i) { s.in(". 1 ack 1 win 65000"); }
  s.out(". 1+1000 ack 1");
  s.in(". 1 ack 4001 win 65000");
  s.out(". 4001+1000 ack 1");
  s.in(". 1 ack 7001 win 65000");
  s.out(". 7001+1000 ack 1");
  s.in(". 1 ack 10001 win 65000");
  s.nothing();
  CHECK(s.tcp.counters().timeouts == 0);
}

TEST_CASE("What is no duplicate acknowledgement is not counted as one", "[tcp][recovery]") {
  Script s;
  send(s, 10);
  for (int i = 0; i < 5; ++i) {
    s.in("P. " + std::to_string(1 + i * 10) + "+10 ack 1 win 65000");                       // has data
    s.in(". " + std::to_string(11 + i * 10) + " ack 1 win " + std::to_string(60'000 + i));  // tells the window
  }
  CHECK(s.tcp.counters().retransmitted == 0);
}

TEST_CASE("Fault: SACK blocks that come are used: all that was lost goes out in one round trip", "[tcp][fault]") {
  const bool rack = true;
  Script s(sacking(rack));
  send(s, 10, " sackok");
  // The second, fourth and sixth were lost.
  s.in(". 1 ack 1001 win 65000");
  s.in(". 1 ack 1001 win 65000 sack 2001-3001");
  s.in(". 1 ack 1001 win 65000 sack 4001-5001 2001-3001");
  s.in(". 1 ack 1001 win 65000 sack 6001-7001 4001-5001 2001-3001");
  s.in(". 1 ack 1001 win 65000 sack 6001-8001 4001-5001 2001-3001");
  s.in(". 1 ack 1001 win 65000 sack 6001-9001 4001-5001 2001-3001");
  s.in(". 1 ack 1001 win 65000 sack 6001-10001 4001-5001 2001-3001");
  CHECK(s.all() == ". 1001+1000 ack 1\n. 3001+1000 ack 1\n. 5001+1000 ack 1\n");
  s.in(". 1 ack 10001 win 65000");
  s.nothing();
  CHECK(s.tcp.counters().timeouts == 0);
  CHECK(s.tcp.counters().retransmitted == 3);
}

TEST_CASE("The same by RFC 6675, without RACK", "[tcp][recovery]") {
  Script s(sacking(false));
  send(s, 10, " sackok");
  s.in(". 1 ack 1001 win 65000");
  s.in(". 1 ack 1001 win 65000 sack 2001-3001");
  s.in(". 1 ack 1001 win 65000 sack 2001-4001");
  s.nothing();
  s.in(". 1 ack 1001 win 65000 sack 2001-5001");
  s.out(". 1001+1000 ack 1");
  s.in(". 1 ack 10001 win 65000");
  CHECK(s.tcp.counters().retransmitted == 1);
}

TEST_CASE("RACK: a retransmission that is lost is found without the timer", "[tcp][recovery]") {
  Script s(sacking(true));
  send(s, 10, " sackok");
  s.write(20'000);
  s.in(". 1 ack 1 win 65000 sack 1001-5001");
  const std::string first = s.all();
  CHECK(first.find(". 1+1000 ack 1\n") != std::string::npos);
  s.clock += Duration::milliseconds(60);
  s.in(". 1 ack 1 win 65000 sack 1001-10001");
  s.all();
  s.clock += Duration::milliseconds(50);
  // Something that was sent behind the retransmission has come, the retransmission has not.
  s.in(". 1 ack 1 win 65000 sack 1001-11001");
  s.pass(Duration::milliseconds(60));
  s.in(". 1 ack 1 win 65000 sack 1001-12001");
  s.pass(Duration::milliseconds(60));
  CHECK(s.all().find(". 1+1000 ack 1\n") != std::string::npos);
  CHECK(s.tcp.counters().timeouts == 0);
}

TEST_CASE("RACK: what is only overtaken for a moment is not sent again", "[tcp][recovery]") {
  Script s(sacking(true));
  send(s, 10, " sackok");
  s.in(". 1 ack 1 win 65000 sack 1001-2001");
  s.nothing();
  s.clock += Duration::milliseconds(5);
  s.in(". 1 ack 2001 win 65000");
  s.pass(Duration::milliseconds(50));
  CHECK(s.tcp.counters().retransmitted == 0);
  CHECK(s.connection().reordering);
}

TEST_CASE("RACK: what is overtaken and does not come within a quarter of the round trip is lost", "[tcp][recovery]") {
  Script s(sacking(true));
  send(s, 10, " sackok");
  s.in(". 1 ack 1 win 65000 sack 1001-2001");
  s.nothing();
  CHECK(s.until_sent() <= Duration::milliseconds(27));
  s.out(". 1+1000 ack 1");
}

TEST_CASE("TLP: a lost tail is probed after two round trips, before the timer", "[tcp][recovery]") {
  Script s(sacking(true));
  send(s, 5, " sackok");
  s.in(". 1 ack 3001 win 65000");
  const Duration waited = s.until_sent();
  CHECK(waited >= Duration::milliseconds(190));
  CHECK(waited <= Duration::milliseconds(210));
  s.out("P. 4001+1000 ack 1");
  s.clock += Duration::milliseconds(100);
  // The probe shows what is missing before it.
  s.in(". 1 ack 3001 win 65000 sack 4001-5001");
  s.pass(Duration::milliseconds(30));
  s.out(". 3001+1000 ack 1");
  s.in(". 1 ack 5001 win 65000");
  CHECK(s.tcp.counters().timeouts == 0);
}

TEST_CASE("TLP: a whole flight that is lost is probed, though its first segment alone was left to the timer",
          "[tcp][recovery]") {
  Script s(sacking(true));
  send(s, 5, " sackok");
  s.in(". 1 ack 5001 win 65000");
  s.nothing();
  s.write(1000);
  s.write(1000);
  s.out("P. 5001+1000 ack 1");
  s.out("P. 6001+1000 ack 1");
  const Duration waited = s.until_sent();
  CHECK(waited >= Duration::milliseconds(190));
  CHECK(waited <= Duration::milliseconds(210));
  s.out("P. 6001+1000 ack 1");
  CHECK(s.tcp.counters().timeouts == 0);
}

TEST_CASE("TLP: a peer a few microseconds away has ten milliseconds to answer", "[tcp][recovery]") {
  Script s(sacking(true));
  s.connect("S. 0 ack 1 win 65000 mss 1000 sackok");
  s.write(2000);
  s.out(". 1+1000 ack 1");
  s.out("P. 1001+1000 ack 1");
  const Duration waited = s.until_sent();
  CHECK(waited >= Duration::milliseconds(10));
  CHECK(waited <= Duration::milliseconds(12));
  s.out("P. 1001+1000 ack 1");
}

TEST_CASE("A receiver that threw away what it had told is sent everything again", "[tcp][recovery]") {
  Script s(sacking(true));
  send(s, 5, " sackok");
  s.in(". 1 ack 1 win 65000 sack 1001-5001");
  s.out(". 1+1000 ack 1");
  s.in(". 1 ack 1001 win 65000");
  std::string all;
  for (int i = 0; i < 20; ++i) {
    s.until_sent();
    all += s.all();
    s.in(". 1 ack " + std::to_string(1001 + i * 1000) + " win 65000");
    if (i == 4) { break; }
  }
  CHECK(all.find(". 1001+1000") != std::string::npos);
}

TEST_CASE("Made-up SACK blocks change nothing", "[tcp][hostile]") {
  Script s(sacking(true));
  send(s, 5, " sackok");
  for (const char* blocks : {"1-1", "5-4", "6001-7001", "4001-99999", "4294960000-5", "0-1", "1-4294967295"}) {
    s.in(std::string(". 1 ack 1 win 65000 sack ") + blocks);
  }
  CHECK(s.connection().sent.sacked() == 0);
  s.in(". 1 ack 5001 win 65000");
  CHECK(s.connection().flight() == 0);
}

TEST_CASE("SACK panic: a storm of tiny blocks costs bounded work and loses nothing", "[tcp][hostile]") {
  Script s(sacking(true));
  send(s, 10, " sackok");
  for (unsigned i = 1; i + 8 < 10'000; i += 7) {
    std::string line = ". 1 ack 1 win 65000 sack";
    for (unsigned j = 0; j < 4; ++j) {
      const unsigned at = 2 + (i * 31 + j * 1777) % 9'990;
      line += " " + std::to_string(at) + "-" + std::to_string(at + 1 + j);
    }
    s.in(line);
    s.network.sent.clear();
    const Connection& c = s.connection();
    CHECK(c.sent.count() <= TcpConfig::records(Script::kConfig.rings[1]));
    CHECK(c.sent.sacked() + c.sent.lost() <= c.flight());
  }
  s.in(". 1 ack 10001 win 65000");
  CHECK(s.connection().flight() == 0);
  CHECK(s.connection().sent.sacked() == 0);
  CHECK(s.connection().sent.lost() == 0);
}

TEST_CASE("The timer has one segment sent again, and all that follows as acknowledgements come", "[tcp][recovery]") {
  Script s;
  send(s, 5);
  s.until_sent();
  s.out(". 1+1000 ack 1");
  s.nothing();
  s.in(". 1 ack 1001 win 65000");
  CHECK(s.all() == ". 1001+1000 ack 1\n. 2001+1000 ack 1\n");
  s.in(". 1 ack 3001 win 65000");
  CHECK(s.all() == ". 3001+1000 ack 1\nP. 4001+1000 ack 1\n");
}

TEST_CASE("Fault: after a time-out acknowledgements have the number behind everything sent", "[tcp][fault]") {
  Script s;
  send(s, 5);
  s.until_sent();
  s.out(". 1+1000 ack 1");
  s.in(". 101+10 ack 1 win 65000");
  s.out(". 5001 ack 1");
}

TEST_CASE("The time-out follows the round trip, and doubles", "[tcp][recovery]") {
  Script s;
  s.start();
  s.clock += Duration::milliseconds(100);
  s.in("S. 0 ack 1 win 4000 mss 1000");
  s.out(". 1 ack 1");
  s.write(500);
  s.out("P. 1+500 ack 1");
  // 100 ms and four times 50 ms from the SYN.
  Duration waited = s.until_sent();
  CHECK(waited >= Duration::milliseconds(295));
  CHECK(waited <= Duration::milliseconds(305));
  s.out("P. 1+500 ack 1");
  for (int i = 0; i < 4; ++i) {
    const Duration next = s.until_sent();
    CHECK(next >= waited * 2 - Duration::milliseconds(4));
    CHECK(next <= waited * 2 + Duration::milliseconds(4));
    waited = next;
    s.out("P. 1+500 ack 1");
  }
}

TEST_CASE("Karn: what was sent twice tells no round trip", "[tcp][recovery]") {
  Script s;
  send(s, 1);
  const std::uint32_t before = s.connection().rtt.srtt();
  s.until_sent();
  s.out("P. 1+1000 ack 1");
  s.clock += Duration::milliseconds(1);
  s.in(". 1 ack 1001 win 65000");
  CHECK(s.connection().rtt.srtt() == before);
}

TEST_CASE("What waited behind a loss tells no round trip", "[tcp][recovery]") {
  Script s;
  send(s, 5);
  const std::uint32_t before = s.connection().rtt.srtt();
  s.until_sent();
  s.out(". 1+1000 ack 1");
  s.clock += Duration::milliseconds(500);
  s.in(". 1 ack 5001 win 65000");
  CHECK(s.connection().rtt.srtt() == before);
}

TEST_CASE("Fault: every acknowledgement tells a round trip, not one a window", "[tcp][fault]") {
  Script s;
  send(s, 10);
  for (int i = 1; i <= 10; ++i) {
    const std::uint32_t before = s.connection().rtt.srtt();
    s.clock += Duration::milliseconds(20);
    s.in(". 1 ack " + std::to_string(1 + i * 1000) + " win 65000");
    CHECK(s.connection().rtt.srtt() > before);
  }
}

TEST_CASE("Fault: data that nobody acknowledges are given up", "[tcp][fault]") {
  Script s;
  s.connect("S. 0 ack 1 win 4000 mss 1000", {.user_timeout = Duration::seconds(30)});
  s.write(10);
  s.pass(Duration::seconds(29));
  CHECK(s.connection().state == TcpState::established);
  s.pass(Duration::seconds(2));
  CHECK(s.read_all() == "0 timed out");
  CHECK(s.tcp.poll_at().is_never());
}

TEST_CASE("Without a user time-out, data that nobody acknowledges are given up after two minutes", "[tcp][recovery]") {
  Script s;
  s.connect();
  s.write(10);
  s.pass(Duration::seconds(100));
  CHECK(s.connection().state == TcpState::established);
  s.pass(Duration::seconds(30));
  CHECK(s.read_all() == "0 timed out");
}

TEST_CASE("A silent peer is probed, and given up when it does not answer", "[tcp][keepalive]") {
  Script s;
  s.connect("S. 0 ack 1",
            {.keep_alive = KeepAlive{.idle = Duration::seconds(60), .interval = Duration::seconds(10), .probes = 3}});
  CHECK(s.until_sent() == Duration::seconds(60));
  s.out(". 0 ack 1");
  CHECK(s.until_sent() == Duration::seconds(10));
  s.out(". 0 ack 1");
  s.in(". 1 ack 1");
  CHECK(s.until_sent() == Duration::seconds(60));
  s.out(". 0 ack 1");
  s.pass(Duration::seconds(31));
  CHECK(s.read_all() == "0 timed out");
}

TEST_CASE("A peer that probes us is answered", "[tcp][keepalive]") {
  Script s;
  s.connect();
  s.in(". 0 ack 1");
  s.out(". 1 ack 1");
  s.in(". 0+1 ack 1");
  s.out(". 1 ack 1");
  CHECK(s.read_all() == "0");
}

TEST_CASE("SACK: what is here out of order is told, the newest first", "[tcp][sack]") {
  TcpTuning tuning = sacking(true);
  Script s(tuning);
  s.be_connected_to("S 0 win 4000 mss 1000 sackok");
  s.in(". 101+100 ack 1");
  s.out(". 1 ack 1 sack 101-201");
  s.in(". 301+100 ack 1");
  s.out(". 1 ack 1 sack 301-401 101-201");
  s.in(". 501+100 ack 1");
  s.out(". 1 ack 1 sack 501-601 301-401 101-201");
  s.in(". 201+100 ack 1");
  s.out(". 1 ack 1 sack 101-401 501-601");
  s.in(". 1+100 ack 1");
  s.out(". 1 ack 401 sack 501-601");
}

TEST_CASE("DSACK: what came twice is told first", "[tcp][sack]") {
  Script s(sacking(true));
  s.be_connected_to("S 0 win 4000 mss 1000 sackok");
  s.in(". 1+100 ack 1");
  CHECK(s.read_all() == "100");
  s.all();
  s.in(". 1+100 ack 1");
  s.out(". 1 ack 101 sack 1-101");
  s.in(". 301+100 ack 1");
  s.out(". 1 ack 101 sack 301-401");
  s.in(". 301+100 ack 1");
  s.out(". 1 ack 101 sack 301-401 301-401");
}

TEST_CASE("More gaps than there is room for lose nothing", "[tcp][sack]") {
  Script s(sacking(true));
  s.be_connected_to("S 0 win 4000 mss 1000 sackok");
  for (int i = 10; i > 0; --i) { s.in(". " + std::to_string(1 + i * 200) + "+100 ack 1"); }
  s.all();
  // The peer sends everything again.
  for (int i = 0; i < 21; ++i) { s.in(". " + std::to_string(1 + i * 100) + "+100 ack 1"); }
  CHECK(s.read_all() == "2100");
}

TEST_CASE("ECN: a mark is told until the peer says that it knows", "[tcp][ecn]") {
  TcpTuning tuning = Script::plain();
  tuning.ecn = true;
  Script s(tuning);
  s.listen();
  s.in("SEW 0 win 4000 mss 1000");
  s.out("SE. 0 ack 1");
  s.in(". 1 ack 1");
  REQUIRE(s.accept());
  s.traffic_class = 3;
  s.in("P. 1+10 ack 1");
  s.out("E. 1 ack 11");
  s.traffic_class = 2;
  s.in("P. 11+10 ack 1");
  s.write(10);
  s.out("PE. 1+10 ack 21");
  CHECK((s.last_traffic_class & 3) == 2);
  s.in("PW. 21+10 ack 11");
  s.write(10);
  s.out("P. 11+10 ack 31");
}

TEST_CASE("ECN: what the peer tells brings the window down once, and is confirmed", "[tcp][ecn]") {
  TcpTuning tuning = Script::plain();
  tuning.ecn = true;
  Script s(tuning);
  s.start({.ring_class = 1});
  CHECK(s.last == "SEW 0");
  s.in("SE. 0 ack 1 win 65000 mss 1000");
  s.out(". 1 ack 1");
  s.write(10'000);
  s.all();
  s.in("E. 1 ack 1001 win 65000");
  CHECK(s.connection().congestion.window() == 4500);
  s.in("E. 1 ack 2001 win 65000");
  CHECK(s.connection().congestion.window() == 4500);
  s.in("E. 1 ack 7001 win 65000");
  s.write(1000);
  CHECK(s.all() == "PW. 10001+1000 ack 1\n");
}

TEST_CASE("CUBIC grows back to where it was, and beyond", "[tcp][congestion]") {
  Congestion cc;
  cc.start(1000, false);
  while (cc.window() < 100'000) { cc.on_ack(2000, 1000, 0, 100, true); }
  cc.reduce(100'000, 1000, true);
  cc.to_threshold();
  CHECK(cc.window() == 70'000);
  // K = cbrt(30 / 0.4) = 4.2 s
  std::uint32_t now = 0;
  const auto run = [&](std::uint32_t until) {
    for (; now < until; now += 100) {
      for (std::uint32_t i = 0; i < cc.window() / 2000; ++i) { cc.on_ack(2000, 1000, now, 100, true); }
    }
  };
  run(2000);
  CHECK(cc.window() > 90'000);
  run(4200);
  CHECK(cc.window() > 97'000);
  CHECK(cc.window() < 106'000);
  run(10'000);
  CHECK(cc.window() > 150'000);
}

TEST_CASE("NewReno grows by a segment a round trip", "[tcp][congestion]") {
  Congestion cc;
  cc.start(1000, false);
  cc.reduce(20'000, 1000, false);
  cc.to_threshold();
  CHECK(cc.window() == 10'000);
  for (int i = 0; i < 5; ++i) { cc.on_ack(2000, 1000, 0, 100, false); }
  CHECK(cc.window() == 11'000);
}

TEST_CASE("PRR: recovery sends in proportion to what arrives, and ends at the threshold", "[tcp][recovery]") {
  Congestion cc;
  cc.start(1000, false);
  cc.reduce(10'000, 1000, false);
  cc.enter_recovery(10'000);
  std::uint32_t pipe = 9000;
  std::uint32_t sent = 0;
  for (int i = 0; i < 8; ++i) {
    cc.in_recovery(1000, pipe, 1000, true);
    pipe -= 1000;
    while (cc.window() >= pipe + 1000 + 1000) {
      pipe += 1000;
      sent += 1000;
      cc.sent_in_recovery(1000);
    }
  }
  CHECK(sent >= 3000);
  CHECK(sent <= 6000);
  cc.leave_recovery();
  CHECK(cc.window() == 5000);
}

}  // namespace nal::embedded::test
