// Timestamps and PAWS, SYN cookies, path MTU, errors of the network, floods.
#include "tests/backends/embedded/tcp/script.hpp"

namespace nal::embedded::test {

namespace {

TcpTuning stamping() {
  TcpTuning tuning = Script::plain();
  tuning.timestamps = true;
  return tuning;
}

DeliveryError about(const Script& s, Error error, bool hard, std::uint32_t seq, std::uint16_t mtu,
                    std::array<std::byte, 8>& header) {
  wire::store_be16(&header[0], s.local_port);
  wire::store_be16(&header[2], Script::kPeerPort);
  wire::store_be32(&header[4], s.iss + seq);
  DeliveryError told{};
  told.error = error;
  told.hard = hard;
  told.mtu = mtu;
  told.local = kHere4;
  told.remote = kThere4;
  told.interface = 1;
  told.transport = header;
  return told;
}

}  // namespace

TEST_CASE("Fault: PAWS: a segment with an older timestamp is answered and dropped", "[tcp][fault]") {
  Script s(stamping());
  s.start();
  s.in("S. 0 ack 1 win 4000 mss 1000 ts 1000 0");
  s.out(". 1 ack 1");
  s.in("P. 1+10 ack 1 ts 999 0");
  s.out(". 1 ack 1");
  CHECK(s.read_all() == "0");
  s.in("P. 1+10 ack 1 ts 1000 0");
  CHECK(s.read_all() == "10");
  // Also a reset has to be of the exact number; an old timestamp is no reason to drop it.
  s.in("R 11 ts 1 0");
  CHECK(s.read_all() == "0 connection reset by peer");
}

TEST_CASE("Fault: the timestamp that is echoed is that of the segment which the acknowledgement waited for",
          "[tcp][fault]") {
  Script s(stamping());
  s.start();
  s.in("S. 0 ack 1 win 4000 mss 1000 ts 1000 0");
  s.all();
  s.in("P. 1+10 ack 1 ts 1001 0");
  s.in("P. 11+10 ack 1 ts 1002 0");
  s.pass(Duration::milliseconds(50));
  CHECK(s.connection().ts_recent == 1001);
  s.all();
  // Out of order: not of it either.
  s.in("P. 31+10 ack 1 ts 1005 0");
  CHECK(s.connection().ts_recent == 1001);
  s.in("P. 21+10 ack 1 ts 1003 0");
  CHECK(s.connection().ts_recent == 1003);
}

TEST_CASE("Segments without the timestamps that were agreed on are dropped, a reset is not", "[tcp][timestamps]") {
  Script s(stamping());
  s.start();
  s.in("S. 0 ack 1 win 4000 mss 1000 ts 1000 0");
  s.all();
  s.in("P. 1+10 ack 1");
  CHECK(s.read_all() == "0");
  s.in("R 1");
  CHECK(s.read_all() == "0 connection reset by peer");
}

TEST_CASE("SYN cookies: when the table is full, handshakes go on without it", "[tcp][cookies]") {
  TcpTuning tuning;
  Script s(tuning);
  s.listen({.backlog = 100});
  for (std::uint16_t port = 1; port <= 3; ++port) {
    s.peer_port = port;
    s.in("S 0 win 4000 mss 1000");
    s.out("S. 0 ack 1");
  }
  CHECK(s.tcp.handshakes_in_use() == 3);
  s.peer_port = 4000;
  s.in("S 0 win 4000 mss 1400 sackok ts 1 0 ws 5");
  s.out("S. 0 ack 1");
  CHECK(s.tcp.counters().cookies_out == 1);
  CHECK(s.tcp.handshakes_in_use() == 3);
  // A made-up one is reset.
  s.in(". 1 ack 77");
  s.out("R 77");
  s.timestamps = true;
  s.in("P. 1+10 ack 1 win 100");
  REQUIRE(s.accept());
  CHECK(s.read_all() == "10");
  CHECK(s.tcp.counters().cookies_in == 1);
  const Connection& c = s.connection();
  CHECK(c.sack);
  CHECK(c.timestamps);
  CHECK(c.snd_scale == 5);
  CHECK(c.peer_mss == 1400);
  s.write(10);
  CHECK(s.all().find("P. 1+10 ack 11") != std::string::npos);
}

TEST_CASE("A SYN cookie is good for two minutes only", "[tcp][cookies]") {
  Script s{TcpTuning{}};
  s.listen({.backlog = 100});
  for (std::uint16_t port = 1; port <= 4; ++port) {
    s.peer_port = port;
    s.in("S 0 win 4000 mss 1000");
    s.all();
  }
  REQUIRE(s.tcp.counters().cookies_out == 1);
  s.clock += Duration::minutes(4);
  s.in(". 1 ack 1");
  CHECK(s.tcp.counters().cookies_in == 0);
}

TEST_CASE("A SYN flood neither fills the table for good nor touches what is connected", "[tcp][hostile]") {
  Script s{TcpTuning{}};
  s.be_connected_to();
  const std::uint32_t iss = s.iss;
  for (unsigned i = 0; i < 20'000; ++i) {
    s.peer_port = static_cast<std::uint16_t>(1024 + i % 60'000);
    s.in("S 0 win 4000 mss 1000");
    s.network.sent.clear();
  }
  CHECK(s.tcp.handshakes_in_use() == 3);
  s.peer_port = Script::kPeerPort;
  s.iss = iss;
  s.in("P. 1+10 ack 1");
  CHECK(s.read_all() == "10");
  s.pass(Duration::minutes(3));
  CHECK(s.tcp.handshakes_in_use() == 0);
}

TEST_CASE("A path that takes less has what was too large sent again in smaller segments at once", "[tcp][mtu]") {
  Script s;
  s.start({.ring_class = 1});
  s.in("S. 0 ack 1 win 65000 mss 1460");
  s.out(". 1 ack 1");
  s.write(2920);
  s.out(". 1+1460 ack 1");
  s.out("P. 1461+1460 ack 1");
  std::array<std::byte, 8> header{};
  s.tcp.delivery_error(about(s, Error::message_size, false, 1, 1000, header), s.clock);
  CHECK(s.all() == ". 1+960 ack 1\n. 961+960 ack 1\n. 1921+960 ack 1\nP. 2881+40 ack 1\n");
  CHECK(s.connection().congestion.window() == 14600);
}

TEST_CASE("Errors about what is not under way are not believed", "[tcp][hostile]") {
  Script s;
  s.start({.ring_class = 1});
  s.in("S. 0 ack 1 win 65000 mss 1460");
  s.all();
  s.write(1460);
  s.all();
  std::array<std::byte, 8> header{};
  for (const std::uint32_t seq : {0u, 5000u, 0x80000000u}) {
    s.tcp.delivery_error(about(s, Error::message_size, false, seq, 600, header), s.clock);
    s.tcp.delivery_error(about(s, Error::host_unreachable, true, seq, 0, header), s.clock);
  }
  s.nothing();
  CHECK(s.connection().mss == 1460);
  for (std::size_t size = 0; size < 8; ++size) {
    DeliveryError told = about(s, Error::message_size, false, 1, 600, header);
    told.transport = told.transport.first(size);
    s.tcp.delivery_error(told, s.clock);
  }
  CHECK(s.connection().mss == 1460);
}

TEST_CASE("An MTU of nothing leaves room for data", "[tcp][hostile]") {
  Script s;
  s.start({.ring_class = 1});
  s.in("S. 0 ack 1 win 65000 mss 1460");
  s.all();
  s.write(200);
  s.all();
  std::array<std::byte, 8> header{};
  s.tcp.delivery_error(about(s, Error::message_size, false, 1, 0, header), s.clock);
  CHECK(s.connection().mss == 88);
  CHECK(s.all() == ". 1+88 ack 1\n. 89+88 ack 1\nP. 177+24 ack 1\n");
}

TEST_CASE("SACK panic's MSS of 8 is taken for more", "[tcp][hostile]") {
  Script s;
  s.connect("S. 0 ack 1 win 4000 mss 8");
  CHECK(s.connection().mss == 88);
}

TEST_CASE("A connect to where nobody is fails with why; a connection that is made outlives it", "[tcp][errors]") {
  Script s;
  s.start();
  std::array<std::byte, 8> header{};
  s.tcp.delivery_error(about(s, Error::host_unreachable, true, 0, 0, header), s.clock);
  CHECK(s.connect_error() == Error::host_unreachable);
  s.drop();
  s.connect();
  s.write(10);
  s.all();
  s.tcp.delivery_error(about(s, Error::host_unreachable, true, 1, 0, header), s.clock);
  CHECK(s.connection().state == TcpState::established);
  s.pass(Duration::minutes(5));
  CHECK(s.read_all() == "0 host unreachable");
}

TEST_CASE("A connect that is told nothing for good fails with it when the SYN is due again", "[tcp][errors]") {
  Script s;
  s.start();
  std::array<std::byte, 8> header{};
  s.tcp.delivery_error(about(s, Error::network_unreachable, false, 0, 0, header), s.clock);
  CHECK(s.connect_error() == Error::would_block);
  s.pass(Duration::seconds(2));
  CHECK(s.connect_error() == Error::network_unreachable);
}

TEST_CASE("A black hole for large segments is found", "[tcp][mtu]") {
  Script s;
  s.connect("S. 0 ack 1 win 4000 mss 1460");
  s.write(1460);
  s.out("P. 1+1460 ack 1");
  for (int i = 0; i < 3; ++i) {
    s.until_sent();
    if (i < 2) { s.out("P. 1+1460 ack 1"); }
  }
  s.out(". 1+536 ack 1");
}

TEST_CASE("A route that is gone for a while costs time, not data", "[tcp][errors]") {
  Script s;
  s.connect();
  s.network.route_error = Error::network_unreachable;
  ++s.network.version;
  s.write(100);
  s.pass(Duration::seconds(5));
  s.nothing();
  s.network.route_error = Error{};
  CHECK(s.until_sent() < Duration::seconds(10));
  s.out("P. 1+100 ack 1");
}

TEST_CASE("An address that says nothing cannot be connected to", "[tcp][errors]") {
  Script s;
  const auto error = [&](const Endpoint& remote, const TcpOptions& options = {}) {
    return s.tcp.start_tcp(remote, options).error_or(Error{});
  };
  CHECK(error({kThere4.to_ip(), 0}) == Error::invalid_argument);
  CHECK(error({Ipv4Address(0, 0, 0, 0), 80}) == Error::invalid_argument);
  CHECK(error({Ipv4Address(224, 0, 0, 1), 80}) == Error::invalid_argument);
  CHECK(error({kThere4.to_ip(), 80}, {.hop_limit = std::uint8_t{0}}) == Error::invalid_argument);
  CHECK(error({kThere4.to_ip(), 80}, {.ring_class = 9}) == Error::invalid_argument);
  CHECK(error({kThere4.to_ip(), 80}, {.ring_class = 2}) == Error::no_memory);
  s.network.route_error = Error::network_unreachable;
  CHECK(error({kThere4.to_ip(), 80}) == Error::network_unreachable);
  CHECK(s.tcp.connections_in_use() == 0);
}

}  // namespace nal::embedded::test
