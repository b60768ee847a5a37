#include <lwip/sys.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "backends/lwip/address.hpp"
#include "tests/backends/lwip/support/hosts.hpp"
#include "tests/support/asserts.hpp"
#include "tests/support/print.hpp"

// Where users of lwIP's raw API go wrong, one test each.

namespace nal::test {

namespace {

template <class S>
std::size_t fill(LwipHosts& hosts, S& stream) {
  std::size_t written = 0;
  for (unsigned full = 0; full < 3;) {
    const auto taken = try_write(hosts.executor, stream, placed_bytes(2000, written));
    if (taken) {
      written += *taken;
      full = 0;
    } else {
      REQUIRE(taken == Unexpected(Error::would_block));
      ++full;
      hosts.pass(Duration::milliseconds(1));
    }
  }
  return written;
}

template <class S>
void read_placed(LwipHosts& hosts, S& stream, std::size_t size, std::size_t first = 0) {
  std::vector<std::byte> got(size);
  REQUIRE(hosts.block(read_exact(stream, got)));
  REQUIRE(got == placed_bytes(size, first));
}

}  // namespace

TEST_CASE("What was received stays in lwIP's pbufs until it is read, and the window opens by what was read alone") {
  LwipHosts hosts;
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  const unsigned before = lwip_pool_in_use(MEMP_PBUF_POOL);
  const std::size_t all = fill(hosts, pair->peer);
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) > before);
  // The peer has what fits its own buffer on top of the window.
  CHECK(all >= TCP_WND);
  CHECK(all <= TCP_WND + 16384 + TCP_MSS);
  // Looking takes nothing.
  std::size_t seen = 0;
  {
    Context context = Context::probe(hosts.executor);
    Waiter waiter;
    for (int i = 0; i < 2; ++i) {
      auto shown = pair->lwip.poll_fill(context, waiter);
      REQUIRE(shown.ready());
      REQUIRE(*shown);
      seen = (*shown)->size();
      CHECK(std::memcmp((*shown)->data(), placed_bytes(seen).data(), seen) == 0);
    }
    pair->lwip.consume(1);
  }
  const std::size_t room = fill(hosts, pair->peer);
  CHECK(room <= TCP_MSS);
  read_placed(hosts, pair->lwip, all - 1, 1);
  read_placed(hosts, pair->lwip, room, 0);
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) == before);
  CHECK(fill(hosts, pair->peer) >= TCP_WND);
}

TEST_CASE("Consuming byte by byte across pbufs loses none") {
  LwipHosts hosts;
  auto pair = connect_to_lwip(hosts);
  REQUIRE(pair);
  constexpr std::size_t kSize = 5000;
  REQUIRE(hosts.block(write_all(pair->peer, placed_bytes(kSize))));
  hosts.pass(Duration::milliseconds(100));
  const auto expected = placed_bytes(kSize);
  Context context = Context::probe(hosts.executor);
  Waiter waiter;
  for (std::size_t i = 0; i < kSize; ++i) {
    auto shown = pair->lwip.poll_fill(context, waiter);
    REQUIRE(shown.ready());
    REQUIRE(*shown);
    REQUIRE((*shown)->front() == expected[i]);
    pair->lwip.consume(1);
  }
  CHECK_FALSE(pair->lwip.poll_fill(context, waiter).ready());
}

TEST_CASE("Data for a connection that was dropped resets it inside lwIP's callback, and nothing of it is left") {
  LwipHosts hosts;
  auto pair = connect_to_lwip(hosts);
  REQUIRE(pair);
  const unsigned pbufs = lwip_pool_in_use(MEMP_PBUF_POOL);
  { const lwip::TcpStream dropped(std::move(pair->lwip)); }
  CHECK(hosts.lwip.in_use() == 1);
  REQUIRE(hosts.block(write_all(pair->peer, bytes("late"))));
  hosts.pass(Duration::milliseconds(100));
  CHECK(hosts.lwip.in_use() == 0);
  CHECK(lwip_pool_in_use(MEMP_TCP_PCB) == 0);
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) == pbufs);
  std::byte got[1];
  REQUIRE(hosts.block(read(pair->peer, got)) == 0u);
  CHECK_FALSE(hosts.block(write(pair->peer, bytes("x"))));
}

TEST_CASE("A handle of a connection that lwIP has freed tells why, and never meets the slot's next life") {
  LwipHosts hosts;
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  pair->peer.abort();
  hosts.pass(Duration::milliseconds(100));
  CHECK(lwip_pool_in_use(MEMP_TCP_PCB) == 0);
  std::byte got[1];
  CHECK(hosts.block(read(pair->lwip, got)) == Unexpected(Error::connection_reset));
  CHECK(hosts.block(write(pair->lwip, bytes("x"))) == Unexpected(Error::connection_reset));
  lwip::TcpStream stale(std::move(pair->lwip));
  stale.abort();
  // Takes the slot that became free last.
  auto next = connect_from_lwip(hosts);
  REQUIRE(next);
  CHECK(hosts.block(read(stale, got)) == Unexpected(Error::closed));
  stale.abort();
  REQUIRE(hosts.block(write_all(next->peer, bytes("y"))));
  CHECK(hosts.block(read(next->lwip, got)) == 1u);
}

TEST_CASE("A connection refused, and one that nobody answers, are told apart") {
  LwipHosts hosts;
  CHECK(hosts.block(connect(hosts.lwip, {hosts.peer_address(LwipHosts::kFamily), 9})).error_or(Error{}) ==
        Error::connection_refused);
  hosts.wire.b().plug(false);
  hosts.wire.b().plug(true);
  hosts.network.configure_transmit({.loss = drivers::Chance::percent(100)});
  // lwIP gives up by itself.
  CHECK(hosts.block(connect(hosts.lwip, {hosts.peer_address(LwipHosts::kFamily), 9})).error_or(Error{}) ==
        Error::timed_out);
  CHECK(hosts.lwip.in_use() == 0);
}

TEST_CASE("A user time-out ends a connection whose peer has gone") {
  LwipHosts hosts;
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  REQUIRE(pair->lwip.configure({.user_timeout = Duration::seconds(7)}));
  hosts.network.configure_transmit({.loss = drivers::Chance::percent(100)});
  REQUIRE(hosts.block(write_all(pair->lwip, bytes("anybody?"))));
  std::byte got[1];
  const Instant before = hosts.executor.now();
  CHECK(hosts.block(read(pair->lwip, got)) == Unexpected(Error::timed_out));
  CHECK(hosts.executor.now() - before <= Duration::seconds(9));
  CHECK(lwip_pool_in_use(MEMP_TCP_PCB) == 0);
}

TEST_CASE("A keep-alive finds out that the peer has gone") {
  LwipHosts hosts;
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  REQUIRE(pair->lwip.configure(
      {.keep_alive = KeepAlive{.idle = Duration::seconds(5), .interval = Duration::seconds(2), .probes = 3}}));
  hosts.network.configure_transmit({.loss = drivers::Chance::percent(100)});
  std::byte got[1];
  const Instant before = hosts.executor.now();
  CHECK(hosts.block(read(pair->lwip, got)) == Unexpected(Error::timed_out));
  CHECK(hosts.executor.now() - before <= Duration::seconds(20));
}

TEST_CASE("Connections that are over and wait out their time make room for new ones, never those in use") {
  LwipHosts hosts;
  auto listener = hosts.peer.listen({hosts.peer_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(listener);
  auto kept = connect_from_lwip(hosts);
  REQUIRE(kept);
  // lwIP ends first, so it is the one that waits.
  for (unsigned i = 0; i < 2 * MEMP_NUM_TCP_PCB; ++i) {
    auto both = hosts.block(join(connect(hosts.lwip, listener->local_endpoint()), accept(*listener)));
    REQUIRE(both);
    auto& [ours, theirs] = *both;
    REQUIRE(ours);
    REQUIRE(theirs);
    REQUIRE(hosts.block(shutdown(*ours)));
    std::byte got[1];
    REQUIRE(hosts.block(read(*theirs, got)) == 0u);
    REQUIRE(hosts.block(shutdown(*theirs)));
    REQUIRE(hosts.block(read(*ours, got)) == 0u);
    CHECK(hosts.block(read(*ours, got)) == 0u);
    CHECK(hosts.block(write(*ours, bytes("x"))) == Unexpected(Error::broken_pipe));
  }
  CHECK(hosts.lwip.in_use() == 1);
  REQUIRE(hosts.block(write_all(kept->lwip, bytes("here"))));
  std::byte got[4];
  CHECK(hosts.block(read_exact(kept->peer, got)));
}

TEST_CASE("Both ends that end at the same time leave no slot") {
  LwipHosts hosts({.delay = Duration::milliseconds(20)});
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  auto both = hosts.block(join(shutdown(pair->lwip), shutdown(pair->peer)));
  REQUIRE(both);
  std::byte got[1];
  CHECK(hosts.block(read(pair->lwip, got)) == 0u);
  { const lwip::TcpStream dropped(std::move(pair->lwip)); }
  // Sooner than a lingering one would be given up.
  CHECK(hosts.run_until([&] { return hosts.lwip.in_use() == 0; }, Duration::seconds(2)));
}

TEST_CASE("A lingering connection whose peer never ends is given up") {
  LwipHosts hosts;
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  { const lwip::TcpStream dropped(std::move(pair->lwip)); }
  hosts.pass(Duration::seconds(5));
  CHECK(hosts.lwip.in_use() == 1);
  hosts.pass(Duration::seconds(6));
  CHECK(hosts.lwip.in_use() == 0);
  CHECK(lwip_pool_in_use(MEMP_TCP_PCB) == 0);
}

TEST_CASE("A backlog holds as many as it was told, and the others try again") {
  LwipHosts hosts;
  auto listener = hosts.lwip.listen({hosts.lwip_address(LwipHosts::kFamily), 0}, {.backlog = 2});
  REQUIRE(listener);
  std::vector<embedded::TcpStream> clients;
  for (int i = 0; i < 5; ++i) {
    auto client = hosts.peer.start_tcp(listener->local_endpoint(), {});
    REQUIRE(client);
    clients.push_back(*std::move(client));
  }
  hosts.pass(Duration::milliseconds(500));
  CHECK(hosts.lwip.in_use() == 3);  // the listener and two
  for (int i = 0; i < 5; ++i) { CHECK(hosts.block(accept(*listener))); }
}

TEST_CASE("A listener that goes takes those in the middle of their handshake along") {
  LwipHosts hosts;
  // So that the hosts know each other's hardware addresses.
  auto pair = connect_to_lwip(hosts);
  REQUIRE(pair);
  std::optional listener(hosts.lwip.listen({hosts.lwip_address(LwipHosts::kFamily), 0}, {}));
  REQUIRE(*listener);
  auto client = hosts.peer.start_tcp((*listener)->local_endpoint(), {});
  REQUIRE(client);
  // The SYN arrives; the last step of the handshake never does.
  hosts.network.configure_transmit({.loss = drivers::Chance::percent(100)});
  hosts.pass(Duration::milliseconds(100));
  CHECK(lwip_pool_in_use(MEMP_TCP_PCB) == 2);
  listener.reset();
  CHECK(lwip_pool_in_use(MEMP_TCP_PCB) == 1);
  CHECK(lwip_pool_in_use(MEMP_TCP_PCB_LISTEN) == 0);
}

TEST_CASE("The same bytes can be sent again and again: headers are put into a copy") {
  LwipHosts hosts;
  auto server = hosts.peer.udp_bind_single({hosts.peer_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(server);
  auto client = udp_connect(hosts.lwip, server->local_endpoint());
  REQUIRE(client);
  const auto data = placed_bytes(600);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(hosts.block(send(*client, data)));
    std::byte buffer[700];
    const auto got = hosts.block(receive(*server, buffer));
    REQUIRE(got);
    REQUIRE(got->size == data.size());
    REQUIRE(std::memcmp(buffer, data.data(), data.size()) == 0);
  }
}

TEST_CASE("Datagrams that nobody reads hold no more pbufs than the queue is long, and the rest is counted") {
  LwipHosts hosts;
  auto server = hosts.lwip.udp_bind_single({hosts.lwip_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(server);
  const unsigned before = lwip_pool_in_use(MEMP_PBUF_POOL);
  auto client = udp_connect(hosts.peer, server->local_endpoint());
  REQUIRE(client);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(hosts.block(send(*client, bytes("flood"))));
    hosts.pass(Duration::milliseconds(1));
  }
  // Of lwIP's own, or lent.
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) <= before + LwipHosts::kConfig.udp_queue);
  CHECK(hosts.lwip.udp().statistics().queue_full == 20u - LwipHosts::kConfig.udp_queue);
  server = Unexpected(Error::closed);
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) == before);
}

TEST_CASE("An idle stack sleeps from one of lwIP's timers to the next") {
  LwipHosts hosts;
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  hosts.pass(Duration::seconds(2));
  const unsigned before = hosts.clock.sleeps();
  hosts.pass(Duration::seconds(10));
  // TCP every 250 ms, groups every 100 ms, ARP, ND and fragments every second.
  CHECK(hosts.clock.sleeps() - before <= 250);
}

TEST_CASE("A link that goes and comes again is followed, and what was sent meanwhile is sent again") {
  LwipHosts hosts;
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  CHECK(hosts.lwip.link_up(hosts.interface));
  hosts.wire.b().plug(false);
  hosts.pass(Duration::milliseconds(10));
  CHECK_FALSE(hosts.lwip.link_up(hosts.interface));
  REQUIRE(hosts.block(write_all(pair->lwip, bytes("patience"))));
  hosts.pass(Duration::seconds(3));
  hosts.wire.b().plug(true);
  std::byte got[8];
  CHECK(hosts.block(read_exact(pair->peer, got)));
  CHECK(hosts.lwip.link_up(hosts.interface));
}

TEST_CASE("One lwIP serves one stack after the other, and its time goes on") {
  const auto use = [] {
    LwipHosts hosts;
    auto pair = connect_from_lwip(hosts);
    REQUIRE(pair);
    hosts.pass(Duration::seconds(20));
    REQUIRE(hosts.block(write_all(pair->lwip, bytes("x"))));
    return sys_now();
  };
  const u32_t first = use();
  const auto memory = lwip_memory_in_use();
  const u32_t second = use();
  CHECK(second - first < 0x80000000u);
  CHECK(second - first >= 20'000);
  CHECK(lwip_memory_in_use() == memory);
}

TEST_CASE("Initial sequence numbers and ports differ from one connection to the next") {
  LwipHosts hosts;
  auto listener = hosts.peer.listen({hosts.peer_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(listener);
  auto one = hosts.lwip.start_tcp(listener->local_endpoint(), {});
  auto other = hosts.lwip.start_tcp(listener->local_endpoint(), {});
  REQUIRE(one);
  REQUIRE(other);
  CHECK(one->local_endpoint().port != other->local_endpoint().port);
}

TEST_CASE("A connection to this host itself goes through lwIP's loop") {
  LwipHosts hosts;
  const Family family = GENERATE(Family::v4, Family::v6);
  if (!LwipHosts::has(family)) { SKIP("this lwIP is built without " << to_string(family)); }
  const IpAddress address = GENERATE(true, false) ? hosts.lwip_address(family) : IpAddress::loopback(family);
  auto listener = hosts.lwip.listen({address, 0}, {});
  REQUIRE(listener);
  auto both = hosts.block(join(connect(hosts.lwip, listener->local_endpoint()), accept(*listener)));
  REQUIRE(both);
  auto& [client, server] = *both;
  REQUIRE(client);
  REQUIRE(server);
  const auto data = placed_bytes(100'000);
  std::vector<std::byte> got(data.size());
  auto moved = hosts.block(join(write_all(*client, data), read_exact(*server, got)));
  REQUIRE(moved);
  CHECK(std::get<0>(*moved));
  CHECK(std::get<1>(*moved));
  CHECK(got == data);
}

TEST_CASE("Windows that are closed at both ends of a connection through the loop end in no storm, and open again") {
  LwipHosts hosts;
  const IpAddress address = IpAddress::loopback(LwipHosts::kFamily);
  auto listener = hosts.lwip.listen({address, 0}, {});
  REQUIRE(listener);
  auto both = hosts.block(join(connect(hosts.lwip, listener->local_endpoint()), accept(*listener)));
  REQUIRE(both);
  auto& [client, server] = *both;
  REQUIRE(client);
  REQUIRE(server);
  const std::size_t up = fill(hosts, *client);
  const std::size_t down = fill(hosts, *server);
  CHECK(up >= TCP_WND);
  CHECK(down >= TCP_WND);
  hosts.pass(Duration::seconds(20));
  read_placed(hosts, *server, up);
  read_placed(hosts, *client, down);
}

TEST_CASE("lwIP called from a thread whose it is not stops the program") {
  LwipHosts hosts;
#if NO_SYS
  CHECK_ASSERTS(std::thread([] { tcp_new(); }).join());
#else
  CHECK_ASSERTS(tcp_new());
#endif
}

TEST_CASE("What arrives before somebody accepts is kept for whoever does") {
  LwipHosts hosts;
  auto listener = hosts.lwip.listen({hosts.lwip_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(listener);
  auto client = hosts.block(connect(hosts.peer, listener->local_endpoint()));
  REQUIRE(client);
  REQUIRE(hosts.block(write_all(*client, placed_bytes(3000))));
  hosts.pass(Duration::milliseconds(500));
  auto server = hosts.block(accept(*listener));
  REQUIRE(server);
  read_placed(hosts, *server, 3000);
}

TEST_CASE("A connection that is dropped with data unread is reset, so that the peer knows") {
  LwipHosts hosts;
  auto pair = connect_to_lwip(hosts);
  REQUIRE(pair);
  REQUIRE(hosts.block(write_all(pair->peer, bytes("unread"))));
  hosts.pass(Duration::milliseconds(100));
  { const lwip::TcpStream dropped(std::move(pair->lwip)); }
  std::byte got[1];
  CHECK(hosts.block(read(pair->peer, got)) == Unexpected(Error::connection_reset));
  CHECK(hosts.lwip.in_use() == 0);
}

TEST_CASE("There are as many connections as were asked for, whatever lwIP would have") {
  LwipHosts hosts;
  std::vector<lwip::TcpStream> streams;
  for (unsigned i = 0; i < LwipHosts::kConfig.connections; ++i) {
    auto stream = hosts.lwip.start_tcp({hosts.peer_address(LwipHosts::kFamily), 9}, {});
    REQUIRE(stream);
    streams.push_back(*std::move(stream));
  }
  const auto more = hosts.lwip.start_tcp({hosts.peer_address(LwipHosts::kFamily), 9}, {});
  CHECK(more.error_or(Error{}) == Error::table_full);
  CHECK(lwip_pool_in_use(MEMP_TCP_PCB) == LwipHosts::kConfig.connections);
}

TEST_CASE("A frame that lwIP will not have is freed and counted") {
  LwipHosts hosts;
  auto pair = connect_to_lwip(hosts);
  REQUIRE(pair);
  const unsigned before = lwip_pool_in_use(MEMP_PBUF_POOL);
  netif& interface = hosts.lwip.interface(hosts.interface)->netif();
  const netif_input_fn input = interface.input;
  interface.input = [](pbuf*, netif*) -> err_t { return ERR_MEM; };
  REQUIRE(hosts.block(write_all(pair->peer, bytes("again"))));
  hosts.pass(Duration::milliseconds(100));
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) == before);
  CHECK(hosts.lwip.interface(hosts.interface)->statistics().refused >= 1);
  interface.input = input;
  std::byte got[5];
  CHECK(hosts.block(read_exact(pair->lwip, got)));
}

#if !NO_SYS
TEST_CASE("Other threads may be at work in lwIP at the same time, each with the core locked") {
  LwipHosts hosts;
  auto pair = connect_to_lwip(hosts);
  REQUIRE(pair);
  auto socket = hosts.peer.udp_bind_single({hosts.peer_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(socket);
  const Endpoint to = socket->local_endpoint();
  constexpr unsigned kDatagrams = 200;
  std::thread other([to] {
    ip_addr_t address;
    lwip::to_lwip(to.address, address);
    LOCK_TCPIP_CORE();
    udp_pcb* const pcb = udp_new_ip_type(lwip::type_of(to.address));
    UNLOCK_TCPIP_CORE();
    for (unsigned i = 0; i < kDatagrams; ++i) {
      LOCK_TCPIP_CORE();
      pbuf* const packet = pbuf_alloc(PBUF_TRANSPORT, 100, PBUF_RAM);
      std::memset(packet->payload, 7, 100);
      udp_sendto(pcb, packet, &address, to.port);
      pbuf_free(packet);
      UNLOCK_TCPIP_CORE();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    LOCK_TCPIP_CORE();
    udp_remove(pcb);
    UNLOCK_TCPIP_CORE();
  });
  constexpr std::size_t kSize = 200'000;
  std::vector<std::byte> up;
  std::vector<std::byte> down;
  TaskSlot<4096> tasks[4];
  REQUIRE(tasks[0].start(hosts.executor, write_and_end<lwip::TcpStream>, pair->lwip, kSize));
  REQUIRE(tasks[1].start(hosts.executor, read_everything<embedded::TcpStream>, pair->peer, up));
  REQUIRE(tasks[2].start(hosts.executor, write_and_end<embedded::TcpStream>, pair->peer, kSize));
  REQUIRE(tasks[3].start(hosts.executor, read_everything<lwip::TcpStream>, pair->lwip, down));
  unsigned heard = 0;
  const auto listen_too = [&] {
    std::byte buffer[200];
    while (try_receive(hosts.executor, *socket, buffer)) { ++heard; }
  };
  for (auto& task : tasks) {
    REQUIRE(hosts.run_until([&] {
      listen_too();
      return !task.running();
    }));
    CHECK(*task.result());
  }
  other.join();
  hosts.run_until([&] { return listen_too(), false; }, Duration::seconds(1));
  CHECK(up == placed_bytes(kSize));
  CHECK(down == placed_bytes(kSize));
  // UDP may lose some: what lwIP's thread sends waits in a queue that has an end.
  CHECK(heard > 0);
  CHECK(heard <= kDatagrams);
}
#endif

}  // namespace nal::test
