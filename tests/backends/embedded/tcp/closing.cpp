// Ends: RFC 9293 §3.6, nal's closing contract, resets, TIME-WAIT.
#include "tests/backends/embedded/tcp/script.hpp"

namespace nal::embedded::test {

TEST_CASE("This end closes first: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT", "[tcp][close]") {
  Script s;
  s.connect();
  s.shutdown();
  s.out("F. 1 ack 1");
  CHECK(s.connection().state == TcpState::fin_wait_1);
  s.in(". 1 ack 2");
  CHECK(s.connection().state == TcpState::fin_wait_2);
  s.in("P. 1+10 ack 2");
  CHECK(s.read_all() == "10");
  s.in("F. 11 ack 2");
  CHECK(s.all() == ". 2 ack 12\n");
  CHECK(s.read_all() == "0 end");
  CHECK(s.tcp.time_waits_in_use() == 1);
  s.drop();
  CHECK(s.tcp.connections_in_use() == 0);
  s.nothing();
  // The peer's end once more starts the wait anew.
  s.pass(Duration::seconds(50));
  s.in("F. 11 ack 2");
  s.out(". 2 ack 12");
  s.pass(Duration::seconds(50));
  CHECK(s.tcp.time_waits_in_use() == 1);
  s.pass(Duration::seconds(11));
  CHECK(s.tcp.time_waits_in_use() == 0);
  CHECK(s.tcp.poll_at().is_never());
}

TEST_CASE("The peer closes first: CLOSE-WAIT, LAST-ACK", "[tcp][close]") {
  Script s;
  s.connect();
  s.in("F. 1 ack 1");
  s.out(". 1 ack 2");
  CHECK(s.connection().state == TcpState::close_wait);
  CHECK(s.read_all() == "0 end");
  s.write(10);
  s.out("P. 1+10 ack 2");
  s.shutdown();
  s.out("F. 11 ack 2");
  CHECK(s.connection().state == TcpState::last_ack);
  s.in(". 2 ack 12");
  CHECK(s.connection().state == TcpState::closed);
  CHECK(s.tcp.time_waits_in_use() == 0);
  s.drop();
  CHECK(s.tcp.connections_in_use() == 0);
  s.nothing();
}

TEST_CASE("Both close at the same time: CLOSING, TIME-WAIT", "[tcp][close]") {
  Script s;
  s.connect();
  s.shutdown();
  s.out("F. 1 ack 1");
  s.in("F. 1 ack 1");
  s.out(". 2 ack 2");
  CHECK(s.connection().state == TcpState::closing);
  s.in(". 2 ack 2");
  CHECK(s.tcp.time_waits_in_use() == 1);
}

TEST_CASE("An end that acknowledges ours as well goes straight to TIME-WAIT", "[tcp][close]") {
  Script s;
  s.connect();
  s.shutdown();
  s.out("F. 1 ack 1");
  s.in("F. 1 ack 2");
  s.out(". 2 ack 2");
  CHECK(s.tcp.time_waits_in_use() == 1);
}

TEST_CASE("A lost end comes again", "[tcp][close]") {
  Script s;
  s.connect();
  s.shutdown();
  s.out("F. 1 ack 1");
  CHECK(s.until_sent() <= Duration::seconds(1));
  s.out("F. 1 ack 1");
  s.in(". 1 ack 2");
  s.pass(Duration::seconds(100));
  s.nothing();
}

TEST_CASE("Dropping a stream with nothing unread ends it behind its data", "[tcp][close]") {
  Script s;
  s.connect("S. 0 ack 1 win 500 mss 1000");
  s.write(1000);
  s.drop();
  s.out(". 1+500 ack 1");
  s.in(". 1 ack 501 win 1000");
  s.out("FP. 501+500 ack 1");
  s.in("F. 1 ack 1002");
  s.out(". 1002 ack 2");
  CHECK(s.tcp.connections_in_use() == 0);
}

TEST_CASE("Dropping a stream with something unread resets it", "[tcp][close]") {
  Script s;
  s.connect();
  s.in("P. 1+1 ack 1");
  s.drop();
  s.out("R. 1 ack 2");
  CHECK(s.tcp.connections_in_use() == 0);
  CHECK(s.tcp.rings_free() == Script::kConfig.ring_count());
}

TEST_CASE("Data for a stream that was dropped reset it", "[tcp][close]") {
  Script s;
  s.connect();
  s.drop();
  s.out("F. 1 ack 1");
  s.in(". 1 ack 2");
  s.nothing();
  s.in("P. 1+1 ack 2");
  s.out("R. 2 ack 1");
  CHECK(s.tcp.connections_in_use() == 0);
}

TEST_CASE("Fault: a dropped stream does not stay in FIN-WAIT-2 for ever", "[tcp][fault]") {
  Script s;
  s.connect();
  s.drop();
  s.out("F. 1 ack 1");
  s.in(". 1 ack 2");
  s.pass(Duration::seconds(9));
  CHECK(s.tcp.connections_in_use() == 1);
  s.pass(Duration::seconds(2));
  CHECK(s.tcp.connections_in_use() == 0);
  s.nothing();
}

TEST_CASE("A dropped stream that cannot say its last is reset in the end", "[tcp][close]") {
  Script s;
  s.connect("S. 0 ack 1 win 10 mss 1000");
  s.write(1000);
  s.drop();
  s.pass(Duration::seconds(11));
  CHECK(s.tcp.connections_in_use() == 0);
  const std::string lines = s.all();
  CHECK(lines.substr(lines.rfind('R'), 10) == "R. 11 ack ");
}

TEST_CASE("Fault: TIME-WAIT's end wipes no data that were not read", "[tcp][fault]") {
  Script s;
  s.connect();
  s.shutdown();
  s.out("F. 1 ack 1");
  s.in("FP. 1+100 ack 2");
  s.pass(Duration::minutes(5));
  CHECK(s.tcp.time_waits_in_use() == 0);
  CHECK(s.read_all() == "100 end");
}

TEST_CASE("Fault: an abort sends a reset, also when the network has no room at first", "[tcp][fault]") {
  Script s;
  s.connect();
  s.network.room = 0;
  s.abort();
  CHECK(s.tcp.connections_in_use() == 0);
  CHECK(s.tcp.rings_free() == Script::kConfig.ring_count());
  // It waits for the network without asking again and again.
  CHECK(s.tcp.poll_at() > s.clock);
  s.network.room = 10;
  s.poll();
  s.out("R. 1 ack 1");
  // The slot of one that only waits to send its reset is there for others.
  std::vector<TcpStream> others;
  for (int i = 0; i < 3; ++i) {
    auto started = s.tcp.start_tcp({kThere4.to_ip(), 9}, {});
    REQUIRE(started);
    others.push_back(*std::move(started));
  }
}

TEST_CASE("Fault: a close before the handshake is done loses no SYN: the slot is free, and the answer is reset",
          "[tcp][fault]") {
  Script s;
  s.start();
  s.drop();
  CHECK(s.tcp.connections_in_use() == 0);
  s.nothing();
  s.in("S. 0 ack 1");
  s.out("R 1");
}

TEST_CASE("A reset ends a connection, and what came before it is read first", "[tcp][close]") {
  Script s;
  s.connect();
  s.in("P. 1+10 ack 1");
  s.in("R 11");
  CHECK(s.read_all() == "10 connection reset by peer");
  CHECK(s.read_all() == "0 connection reset by peer");
  s.drop();
  s.nothing();
  CHECK(s.tcp.connections_in_use() == 0);
}

TEST_CASE("Fault: a reset in the window, but not of the exact number, is challenged", "[tcp][fault]") {
  Script s;
  s.connect();
  for (const int seq : {2, 100, 3999}) {
    s.in("R " + std::to_string(seq));
    s.out(". 1 ack 1");
  }
  s.in("R 4001");
  s.in("R 5000");
  s.in("R 0");
  s.nothing();
  CHECK(s.connection().state == TcpState::established);
}

TEST_CASE("Fault: a SYN in a connection is challenged, not dropped, and ends nothing", "[tcp][fault]") {
  Script s;
  s.connect();
  for (const char* syn : {"S 0", "S 1", "S 500", "S 999999", "S. 0 ack 1"}) {
    s.in(syn);
    s.out(". 1 ack 1");
  }
  CHECK(s.connection().state == TcpState::established);
}

TEST_CASE("Challenges are limited, whatever comes", "[tcp][hostile]") {
  Script s;
  s.connect();
  for (int i = 0; i < 10'000; ++i) { s.in("S 5"); }
  CHECK(s.network.sent.size() <= 150);
}

TEST_CASE("Old acknowledgements far behind are challenged", "[tcp][hostile]") {
  Script s;
  s.connect();
  s.in(". 1 ack -100000");
  s.out(". 1 ack 1");
}

TEST_CASE("A listener that is dropped resets who waits and forgets who comes", "[tcp][close]") {
  Script s;
  s.listen();
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
  s.in(". 1 ack 1");
  const std::uint32_t iss = s.iss;
  s.peer_port = 1000;
  s.in("S 0 win 4000");
  s.out("S. 0 ack 1");
  s.listener.reset();
  s.poll();
  s.peer_port = Script::kPeerPort;
  s.iss = iss;
  s.out("R. 1 ack 1");
  CHECK(s.tcp.connections_in_use() == 0);
  CHECK(s.tcp.handshakes_in_use() == 0);
  s.in(". 1 ack 1");
  s.out("R 1");
}

TEST_CASE("A reset does not end TIME-WAIT, and a newer SYN begins anew", "[tcp][close]") {
  Script s;
  s.be_connected_to();
  s.shutdown();
  s.out("F. 1 ack 1");
  s.in("F. 1 ack 2");
  s.out(". 2 ack 2");
  s.drop();
  REQUIRE(s.tcp.time_waits_in_use() == 1);
  s.in("R 2");
  CHECK(s.tcp.time_waits_in_use() == 1);
  s.in("S 1");  // an old one
  s.out(". 2 ack 2");
  const std::uint32_t before = s.iss;
  s.in("S 1000 win 4000");
  s.out("S. 0 ack 1001");
  CHECK(static_cast<std::int32_t>(s.iss - before) > 2);
  CHECK(s.tcp.time_waits_in_use() == 0);
}

TEST_CASE("The oldest of those that have ended gives way to the newest", "[tcp][close]") {
  Script s;
  s.listen();
  for (std::uint16_t port = 1000; port < 1003; ++port) {
    s.peer_port = port;
    s.in("S 0 win 4000");
    s.out("S. 0 ack 1");
    s.in(". 1 ack 1");
    REQUIRE(s.accept());
    s.shutdown();
    s.out("F. 1 ack 1");
    s.in("F. 1 ack 2");
    s.out(". 2 ack 2");
    s.drop();
  }
  CHECK(s.tcp.time_waits_in_use() == 2);
  CHECK(s.tcp.connections_in_use() == 0);
}

TEST_CASE("A lingering slot gives way when one is wanted, an owned one never", "[tcp][close]") {
  Script s;
  std::vector<TcpStream> owned;
  s.connect("S. 0 ack 1 win 0 mss 1000");
  s.write(10);
  for (int i = 0; i < 2; ++i) {
    auto started = s.tcp.start_tcp({kThere4.to_ip(), 9}, {});
    REQUIRE(started);
    owned.push_back(*std::move(started));
  }
  CHECK(s.tcp.start_tcp({kThere4.to_ip(), 9}, {}).error_or(Error{}) == Error::table_full);
  s.all();
  s.drop();
  auto next = s.tcp.start_tcp({kThere4.to_ip(), 9}, {});
  CHECK(next);
  CHECK(s.tcp.start_tcp({kThere4.to_ip(), 9}, {}).error_or(Error{}) == Error::table_full);
}

TEST_CASE("A handle that outlives its connection's slot is closed", "[tcp][close]") {
  Script s;
  s.connect();
  TcpStream moved = std::move(*s.stream);
  CHECK(s.connect_error() == Error::closed);
  moved.abort();
  CHECK(moved.configure({}) == Unexpected(Error::closed));
  CHECK(moved.local_endpoint() == Endpoint{});
}

TEST_CASE("Waiting for the network costs no turns, and nothing is lost by it", "[tcp][close]") {
  Script s;
  s.connect();
  s.network.room = 0;
  s.write(3000);
  CHECK(s.tcp.poll_at() > s.clock);
  s.network.room = 1;
  s.poll();
  s.out(". 1+1000 ack 1");
  s.poll();
  s.out(". 1001+1000 ack 1");
  s.network.fail_allocations = 1;
  s.poll();
  CHECK(s.network.sent.empty());
  s.poll();
  s.out("P. 2001+1000 ack 1");
}

TEST_CASE("A network that never has room is given up like a peer that never answers", "[tcp][close]") {
  Script s;
  s.network.room = 0;
  auto started = s.tcp.start_tcp({kThere4.to_ip(), 9}, {.user_timeout = Duration::seconds(20)});
  REQUIRE(started);
  s.stream.emplace(*std::move(started));
  s.pass(Duration::seconds(19));
  CHECK(s.connect_error() == Error::would_block);
  s.pass(Duration::seconds(2));
  CHECK(s.connect_error() == Error::timed_out);
}

TEST_CASE("Many that wait for the network make no turns, however few are visited at a time", "[tcp][close]") {
  Script s;
  s.network.room = 0;
  std::vector<TcpStream> streams;
  for (int i = 0; i < 3; ++i) {
    auto started = s.tcp.start_tcp({kThere4.to_ip(), 9}, {});
    REQUIRE(started);
    streams.push_back(*std::move(started));
  }
  int turns = 0;
  while (s.tcp.poll(s.clock, 1)) { REQUIRE(++turns < 10); }
  CHECK(s.tcp.poll_at() > s.clock);
  s.network.room = 10;
  while (s.tcp.poll(s.clock, 1)) { REQUIRE(++turns < 20); }
  CHECK(s.network.sent.size() == 3);
}

}  // namespace nal::embedded::test
