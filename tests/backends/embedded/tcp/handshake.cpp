// Opening: RFC 9293 §3.5, §3.10.7.1 to §3.10.7.3.
#include "tests/backends/embedded/tcp/script.hpp"

namespace nal::embedded::test {

TEST_CASE("An active open sends a SYN, and acknowledges the answer", "[tcp][handshake]") {
  Script s;
  s.start();
  CHECK(s.last == "S 0");
  CHECK(s.connect_error() == Error::would_block);
  s.in("S. 0 ack 1 win 4000 mss 1000");
  s.out(". 1 ack 1 win 4000");
  s.nothing();
  CHECK(s.connected());
}

TEST_CASE("A SYN that is not answered comes again, more and more seldom, and is given up", "[tcp][handshake]") {
  Script s;
  s.start();
  CHECK(s.until_sent() == Duration::seconds(1));
  s.out("S 0");
  for (const int seconds : {6, 12, 24}) {
    CHECK(s.until_sent() == Duration::seconds(seconds));
    s.out("S 0");
  }
  s.pass(Duration::seconds(100));
  s.all();
  CHECK(s.connect_error() == Error::timed_out);
  s.drop();
  CHECK(s.tcp.connections_in_use() == 0);
}

TEST_CASE("A SYN has the options that are turned on", "[tcp][handshake]") {
  TcpTuning tuning;
  Script s(tuning);
  s.start({.ring_class = 1});
  const Connection& c = s.connection();
  CHECK(c.rcv_scale == 2);
  s.in("S. 0 ack 1 win 4000 mss 1000 ws 3 sackok ts 77 0");
  CHECK(c.sack);
  CHECK(c.timestamps);
  CHECK(c.snd_scale == 3);
  CHECK_FALSE(c.ecn);
  // The window of a SYN is not scaled, whatever the SYN says.
  CHECK(c.snd_wnd == 4000);
}

TEST_CASE("Options that the peer does not have are not used", "[tcp][handshake]") {
  TcpTuning tuning;
  Script s(tuning);
  s.start({.ring_class = 1});
  s.in("S. 0 ack 1 win 4000");
  const Connection& c = s.connection();
  CHECK_FALSE(c.sack);
  CHECK_FALSE(c.timestamps);
  CHECK(c.snd_scale == 0);
  CHECK(c.rcv_scale == 0);
  CHECK(c.mss == 536);
  s.out(". 1 ack 1 win 65535");
}

TEST_CASE("A connection is refused by a reset that acknowledges the SYN, and by no other", "[tcp][handshake]") {
  Script s;
  s.start();
  s.in("R 0");
  s.in("R. 0 ack 0");
  s.in("R. 0 ack 2");
  CHECK(s.connect_error() == Error::would_block);
  s.nothing();
  s.in("R. 0 ack 1");
  CHECK(s.connect_error() == Error::connection_refused);
  s.drop();
  CHECK(s.tcp.connections_in_use() == 0);
}

TEST_CASE("An acknowledgement of something else than the SYN is reset, and the SYN comes again", "[tcp][handshake]") {
  Script s;
  s.start();
  s.in("S. 0 ack 55");
  s.out("R 55");
  s.in(". 0 ack 0");
  s.out("R 0");
  CHECK(s.connect_error() == Error::would_block);
  s.in("S. 0 ack 1");
  s.out(". 1 ack 1");
  CHECK(s.connected());
}

TEST_CASE("Both ends may open at the same time", "[tcp][handshake]") {
  Script s;
  s.start();
  s.in("S 0 win 4000 mss 1000");
  s.out("S. 0 ack 1");
  CHECK_FALSE(s.connected());
  s.in("S. 0 ack 1 win 4000");
  s.out(". 1 ack 1");
  CHECK(s.connected());
  CHECK(s.write(10) == 10);
  s.out("P. 1+10 ack 1");
}

TEST_CASE("Both ends may open at the same time, with an acknowledgement alone for an answer", "[tcp][handshake]") {
  Script s;
  s.start();
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
  s.in(". 1 ack 1 win 4000");
  CHECK(s.connected());
  s.nothing();
}

TEST_CASE("A passive open answers a SYN, and gives a connection with the last acknowledgement", "[tcp][handshake]") {
  Script s;
  s.listen();
  s.in("S 0 win 4000 mss 1000");
  s.out("S. 0 ack 1 win 4000 mss 1460");
  CHECK(s.tcp.connections_in_use() == 0);
  CHECK(s.tcp.rings_free() == Script::kConfig.ring_count());
  CHECK_FALSE(s.accept());
  s.in(". 1 ack 1 win 4000");
  CHECK(s.accept());
  CHECK(s.stream->remote_endpoint() == Endpoint{kThere4.to_ip(), Script::kPeerPort});
  CHECK(s.stream->local_endpoint() == Endpoint{kHere4.to_ip(), 80});
  s.nothing();
}

TEST_CASE("Data that come with the last acknowledgement, and an end with them, are taken", "[tcp][handshake]") {
  Script s;
  s.listen();
  s.in("S 0 win 4000 mss 1000");
  s.out("S. 0 ack 1");
  s.in("FP. 1+10 ack 1 win 4000");
  s.out(". 1 ack 12");
  REQUIRE(s.accept());
  CHECK(s.read_all() == "10 end");
}

TEST_CASE("An answer to a SYN comes again when the SYN does, and by itself", "[tcp][handshake]") {
  Script s;
  s.listen();
  s.in("S 0 win 4000 mss 1000");
  s.out("S. 0 ack 1");
  s.in("S 0 win 4000 mss 1000");
  s.out("S. 0 ack 1");
  CHECK(s.tcp.handshakes_in_use() == 1);
  CHECK(s.until_sent() == Duration::seconds(1));
  s.out("S. 0 ack 1");
  CHECK(s.until_sent() == Duration::seconds(2));
  s.out("S. 0 ack 1");
  s.pass(Duration::minutes(2));
  CHECK(s.tcp.handshakes_in_use() == 0);
  CHECK(s.tcp.poll_at().is_never());
}

TEST_CASE("A reset of exactly the right number ends a handshake", "[tcp][handshake]") {
  Script s;
  s.listen();
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
  s.in("R 2");
  CHECK(s.tcp.handshakes_in_use() == 1);
  s.in("R 1");
  CHECK(s.tcp.handshakes_in_use() == 0);
  s.nothing();
}

TEST_CASE("What belongs to no connection is answered with a reset, but a reset with nothing", "[tcp][handshake]") {
  Script s;
  s.in(". 5 ack 42");
  s.out("R 42");
  s.in("S 9 win 4000");
  CHECK(s.all() == "R. 0 ack 10\n");
  s.in("F 9+3");
  CHECK(s.all() == "R. 0 ack 13\n");
  s.in("R 5");
  s.in("R. 5 ack 1");
  s.nothing();
}

TEST_CASE("A listener answers an acknowledgement with a reset, and drops what is no SYN", "[tcp][handshake]") {
  Script s;
  s.listen();
  s.in(". 5 ack 42");
  s.out("R 42");
  s.in("F 5");
  s.in("R 5");
  s.in("SF 5");
  s.nothing();
  CHECK(s.tcp.handshakes_in_use() == 0);
}

// Faults of others.

TEST_CASE("Fault: a retransmitted SYN makes no second half-open connection of one tuple", "[tcp][fault]") {
  Script s;
  auto other = s.tcp.listen({kHere4.to_ip(), 80}, {.share_port = true});
  REQUIRE(other);
  s.listen({.share_port = true});
  for (int i = 0; i < 10; ++i) {
    s.in("S 0 win 4000");
    s.out("S. 0 ack 1");
  }
  CHECK(s.tcp.handshakes_in_use() == 1);
  s.in(". 1 ack 1");
  s.in("S 0 win 4000");
  CHECK(s.tcp.handshakes_in_use() == 0);
  CHECK(s.tcp.connections_in_use() == 1);
}

TEST_CASE("Fault: segments to a group or a broadcast address, or from one, are not accepted or answered",
          "[tcp][fault]") {
  Script s;
  s.listen();
  s.to_many = true;
  s.in("S 0 win 4000");
  s.in(". 0 ack 5");
  s.nothing();
  CHECK(s.tcp.handshakes_in_use() == 0);
  Script from_group(Script::plain(), kHere4, Address(Ipv4Address(224, 0, 0, 1)));
  from_group.listen();
  from_group.in("S 0 win 4000");
  from_group.nothing();
  CHECK(from_group.tcp.counters().malformed == 1);
}

TEST_CASE("Fault: SYNs between two accepts are kept, not refused", "[tcp][fault]") {
  Script s;
  s.listen({.backlog = 3});
  for (std::uint16_t port = 1000; port < 1003; ++port) {
    s.peer_port = port;
    s.in("S 0 win 4000");
    s.out("S. 0 ack 1");
    s.in(". 1 ack 1 win 4000");
  }
  for (std::uint16_t port = 1000; port < 1003; ++port) {
    REQUIRE(s.accept());
    CHECK(s.stream->remote_endpoint().port == port);
  }
}

TEST_CASE("A SYN that finds the backlog full is not answered, and is when there is room", "[tcp][handshake]") {
  Script s;
  s.listen({.backlog = 1});
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
  s.in(". 1 ack 1 win 4000");
  s.peer_port = 1000;
  s.in("S 0 win 4000");
  s.nothing();
  CHECK(s.accept());
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
}

TEST_CASE("A last acknowledgement that finds no rings is answered once there are some", "[tcp][handshake]") {
  Script s;
  s.listen({.accepted = {.ring_class = 1}});
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
  const std::uint32_t first_iss = s.iss;
  s.peer_port = 1000;
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
  s.in(". 1 ack 1 win 4000");
  REQUIRE(s.accept());
  s.peer_port = Script::kPeerPort;
  const std::uint32_t second_iss = std::exchange(s.iss, first_iss);
  s.in("P. 1+10 ack 1 win 4000");
  CHECK_FALSE([&] {
    auto kept = std::move(s.stream);
    const bool more = s.accept();
    s.stream = std::move(kept);
    return more;
  }());
  CHECK(s.tcp.handshakes_in_use() == 1);
  s.abort();
  s.network.sent.clear();
  CHECK(second_iss != first_iss);
  s.in("P. 1+10 ack 1 win 4000");
  REQUIRE(s.accept());
  CHECK(s.read_all() == "10");
}

TEST_CASE("Each of several listeners is found by its port, and not once it is gone", "[tcp][handshake]") {
  Script s;
  std::vector<TcpListener> listeners;
  // In one bucket of the hash.
  constexpr std::uint16_t kPorts[] = {80, 80 + 64, 80 + 128};
  for (const std::uint16_t port : kPorts) {
    auto made = s.tcp.listen({kHere4.to_ip(), port}, {});
    REQUIRE(made);
    listeners.push_back(*std::move(made));
    CHECK(s.tcp.listen({IpAddress::unspecified(Family::v4), port}, {}).error() == Error::address_in_use);
  }
  const auto answers = [&](std::uint16_t port) {
    s.local_port = port;
    s.in("S 0 win 4000");
    const std::string answer = s.all();
    s.in("R 1");
    return answer.starts_with("S.");
  };
  for (const std::uint16_t port : kPorts) { CHECK(answers(port)); }
  CHECK_FALSE(answers(80 + 192));
  listeners.erase(listeners.begin() + 1);
  CHECK(answers(kPorts[0]));
  CHECK_FALSE(answers(kPorts[1]));
  CHECK(answers(kPorts[2]));
  auto again = s.tcp.listen({kHere4.to_ip(), kPorts[1]}, {});
  REQUIRE(again);
  CHECK(answers(kPorts[1]));
  listeners.clear();
  CHECK_FALSE(answers(kPorts[0]));
  CHECK(answers(kPorts[1]));
  CHECK_FALSE(answers(kPorts[2]));
}

TEST_CASE("LAND: a SYN from the listener's own endpoint is dropped", "[tcp][hostile]") {
  Script s(Script::plain(), kHere4, kHere4);
  s.listen();
  s.peer_port = 80;
  s.in("S 0 win 4000");
  s.nothing();
  CHECK(s.tcp.handshakes_in_use() == 0);
}

TEST_CASE("Fault: initial numbers differ by tuple and key, and grow with time", "[tcp][fault]") {
  std::vector<std::uint32_t> numbers;
  Script s;
  s.listen();
  for (std::uint16_t port = 1000; port < 1003; ++port) {
    s.peer_port = port;
    s.in("S 0 win 4000");
    s.out("S. 0 ack 1");
    numbers.push_back(s.iss);
    s.in("R 1");
  }
  CHECK(numbers[1] - numbers[0] != numbers[2] - numbers[1]);
  s.clock += Duration::seconds(4);
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
  // RFC 6528: 250 a millisecond.
  CHECK(s.iss - numbers[2] == 1'000'000);
}

TEST_CASE("Fault: ephemeral ports do not follow each other, and none is given twice", "[tcp][fault]") {
  Script s;
  std::vector<std::uint16_t> ports;
  std::vector<TcpStream> streams;
  for (int i = 0; i < 3; ++i) {
    auto started = s.tcp.start_tcp({kThere4.to_ip(), 7777}, {});
    REQUIRE(started);
    ports.push_back(started->local_endpoint().port);
    streams.push_back(*std::move(started));
  }
  CHECK(ports[0] != ports[1]);
  CHECK(ports[1] != ports[2]);
  CHECK((ports[1] != ports[0] + 1 || ports[2] != ports[1] + 1));
  for (const std::uint16_t port : ports) { CHECK(port >= 49152); }
}

}  // namespace nal::embedded::test
