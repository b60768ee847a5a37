#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cstring>

#include "tests/backends/lwip/support/failing_memory.hpp"
#include "tests/backends/lwip/support/hosts.hpp"
#include "tests/support/print.hpp"

namespace nal::test {

namespace {

/// Both ways over one connection, and what came.
struct Exchange {
  std::vector<std::byte> up;
  std::vector<std::byte> down;
  Error error{};
};

constexpr std::size_t kUp = 60'000;
constexpr std::size_t kDown = 40'000;

void note(Error& error, const Result<>& result) {
  if (!result && error == Error{}) { error = result.error(); }
}

Exchange exchange(LwipHosts& hosts, bool from_lwip) {
  Exchange result;
  auto pair = from_lwip ? connect_from_lwip(hosts) : connect_to_lwip(hosts);
  if (!pair) {
    result.error = pair.error();
    return result;
  }
  TaskSlot<4096> tasks[4];
  REQUIRE(tasks[0].start(hosts.executor, write_and_end<lwip::TcpStream>, pair->lwip, kUp));
  REQUIRE(tasks[1].start(hosts.executor, read_everything<embedded::TcpStream>, pair->peer, result.up));
  REQUIRE(tasks[2].start(hosts.executor, write_and_end<embedded::TcpStream>, pair->peer, kDown));
  REQUIRE(tasks[3].start(hosts.executor, read_everything<lwip::TcpStream>, pair->lwip, result.down));
  for (auto& task : tasks) {
    REQUIRE(hosts.run_until([&] { return !task.running(); }));
    note(result.error, *task.result());
  }
  return result;
}

/// Datagrams may be lost, but not torn; an error is one that is named.
void exchange_datagrams(LwipHosts& hosts) {
  auto server = hosts.lwip.udp_bind_single({hosts.lwip_address(LwipHosts::kFamily), 0}, {});
  if (!server) {
    CHECK((server.error() == Error::table_full || server.error() == Error::no_memory));
    return;
  }
  auto client = udp_connect(hosts.peer, server->local_endpoint());
  REQUIRE(client);
  std::byte buffer[100];
  for (int i = 0; i < 4; ++i) {
    REQUIRE(hosts.block(nal::send(*client, bytes("ping"))));
    const auto got = hosts.block(receive(*server, buffer), Duration::milliseconds(100));
    if (!got) {
      CHECK(got.error() == Error::timed_out);
      continue;
    }
    CHECK(got->size == 4);
    // Sending waits for memory.
    CHECK(hosts.block(send_to(*server, got->local, got->remote, bytes("pong!"))));
  }
}

bool is_prefix(const std::vector<std::byte>& got) {
  const auto sent = placed_bytes(got.size());
  return got == sent;
}

}  // namespace

TEST_CASE("Whichever one of lwIP's allocations fails, nothing is lost, and nothing leaks") {
  const bool from_lwip = GENERATE(true, false);
  const auto before = [] {
    { LwipHosts once; }
    return lwip_memory_in_use();
  }();
  unsigned failed_connections = 0;
  unsigned turn = 0;
  for (bool reached = true; reached; turn += turn < 60 ? 1 : 7) {
    FailingMemory::reset();
    FailingMemory::fail_from = turn;
    {
      LwipHosts hosts;
      exchange_datagrams(hosts);
      const Exchange done = exchange(hosts, from_lwip);
      INFO("allocation " << turn << " failed: " << to_string(done.error) << (from_lwip ? ", from" : ", to"));
      if (done.error == Error{}) {
        CHECK(done.up.size() == kUp);
        CHECK(done.down.size() == kDown);
      } else {
        // Only before there is a connection is there nothing to wait for.
        CHECK((done.error == Error::table_full || done.error == Error::no_memory));
        ++failed_connections;
      }
      CHECK(is_prefix(done.up));
      CHECK(is_prefix(done.down));
      CHECK(hosts.run_until([&] { return hosts.lwip.in_use() == 0; }));
    }
    reached = FailingMemory::made > turn;
    FailingMemory::reset();
    INFO("allocation " << turn << " failed");
    REQUIRE(lwip_memory_in_use() == before);
  }
  CHECK(turn > 100);
  CHECK(failed_connections <= 4);
}

TEST_CASE("A pool that is dry for a while holds everything up, and then everything goes on") {
  const int pool = GENERATE(static_cast<int>(MEMP_TCP_SEG), static_cast<int>(MEMP_PBUF_POOL),
                            static_cast<int>(MEMP_PBUF), static_cast<int>(MEMP_MAX));
  FailingMemory::reset();
  { LwipHosts once; }
  const auto before = lwip_memory_in_use();
  {
    LwipHosts hosts;
    auto pair = connect_from_lwip(hosts);
    REQUIRE(pair);
    FailingMemory::only_pool = pool;
    FailingMemory::fail_from = 5;
    // Frames that are dropped for want of pbufs are sent again ever more slowly.
    FailingMemory::fail_count = pool == MEMP_PBUF_POOL ? 5 : 40;
    Exchange result;
    TaskSlot<4096> tasks[2];
    REQUIRE(tasks[0].start(hosts.executor, write_and_end<lwip::TcpStream>, pair->lwip, kUp * 10));
    REQUIRE(tasks[1].start(hosts.executor, read_everything<embedded::TcpStream>, pair->peer, result.up));
    for (auto& task : tasks) {
      REQUIRE(hosts.run_until([&] { return !task.running(); }));
      CHECK(*task.result());
    }
    CHECK(result.up == placed_bytes(kUp * 10));
  }
  FailingMemory::reset();
  CHECK(lwip_memory_in_use() == before);
}

TEST_CASE("A write with room in the window but no memory waits, and goes on without any acknowledgement") {
  LwipHosts hosts;
  auto pair = connect_from_lwip(hosts);
  REQUIRE(pair);
  FailingMemory::reset();
  FailingMemory::only_pool = MEMP_TCP_SEG;
  FailingMemory::fail_from = 0;
  FailingMemory::fail_count = FailingMemory::kNever;
  CHECK(try_write(hosts.executor, pair->lwip, bytes("wait")).error_or(Error{}) == Error::would_block);
  const unsigned sleeps = hosts.clock.sleeps();
  CHECK(hosts.block(write(pair->lwip, bytes("wait")), Duration::seconds(5)) == Unexpected(Error::timed_out));
  // Looked after a few times a second, not all the time.
  CHECK(hosts.clock.sleeps() - sleeps < 100);
  FailingMemory::reset();
  CHECK(hosts.block(write_all(pair->lwip, bytes("done")), Duration::seconds(2)));
  std::byte got[4];
  REQUIRE(hosts.block(read_exact(pair->peer, got)));
  CHECK(std::memcmp(got, "done", 4) == 0);
}

TEST_CASE("A SYN for which lwIP has no memory is tried again by its sender, and the listener goes on") {
  LwipHosts hosts;
  auto listener = hosts.lwip.listen({hosts.lwip_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(listener);
  FailingMemory::reset();
  FailingMemory::only_pool = MEMP_TCP_PCB;
  FailingMemory::fail_from = 0;
  FailingMemory::fail_count = FailingMemory::kNever;
  auto client = connect(hosts.peer, listener->local_endpoint());
  CHECK_FALSE(hosts.block(join(client, accept(*listener)), Duration::seconds(2)));
  // lwIP calls back with no connection and an error.
  CHECK(hosts.lwip.tcp().statistics().no_memory >= 1);
  FailingMemory::reset();
  auto ends = hosts.block(join(client, accept(*listener)));
  REQUIRE(ends);
  CHECK(std::get<0>(*ends));
  CHECK(std::get<1>(*ends));
}

TEST_CASE("A datagram for which there is no memory waits for it without spinning, and is sent once") {
  LwipHosts hosts;
  auto server = hosts.peer.udp_bind_single({hosts.peer_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(server);
  auto client = udp_connect(hosts.lwip, server->local_endpoint());
  REQUIRE(client);
  FailingMemory::reset();
  FailingMemory::only_pool = MEMP_MAX;
  FailingMemory::fail_from = 0;
  FailingMemory::fail_count = FailingMemory::kNever;
  CHECK(try_send(hosts.executor, *client, bytes("x")).error_or(Error{}) == Error::would_block);
  const unsigned sleeps = hosts.clock.sleeps();
  CHECK(hosts.block(send(*client, bytes("x")), Duration::seconds(1)) == Unexpected(Error::timed_out));
  CHECK(hosts.clock.sleeps() - sleeps < 250);
  FailingMemory::reset();
  CHECK(hosts.block(send(*client, bytes("once"))));
  std::byte buffer[10];
  REQUIRE(hosts.block(receive(*server, buffer)));
  hosts.pass(Duration::seconds(1));
  CHECK(try_receive(hosts.executor, *server, buffer).error_or(Error{}) == Error::would_block);
}

/// So many that lwIP is lent none of the rest.
std::vector<driver::Packet> half_of_the_packets(LwipHosts& hosts) {
  driver::PacketPool& pool = hosts.lwip.packets();
  std::vector<driver::Packet> taken;
  while (pool.available() >= pool.count() / 2) { taken.push_back(pool.allocate(0)); }
  return taken;
}

TEST_CASE("Frames for which there is no pbuf are dropped and counted") {
  LwipHosts hosts;
  auto pair = connect_to_lwip(hosts);
  REQUIRE(pair);
  const auto taken = half_of_the_packets(hosts);
  FailingMemory::reset();
  FailingMemory::only_pool = MEMP_PBUF_POOL;
  FailingMemory::fail_from = 0;
  FailingMemory::fail_count = 3;
  REQUIRE(hosts.block(write_all(pair->peer, bytes("again and again"))));
  std::byte got[15];
  CHECK(hosts.block(read_exact(pair->lwip, got)));
  CHECK(hosts.lwip.interface(hosts.interface)->statistics().no_pbuf == 3);
  FailingMemory::reset();
}

#if NO_SYS && LWIP_SUPPORT_CUSTOM_PBUF
TEST_CASE("Received frames are lent to lwIP while half of the packets are free, and go back when they are read") {
  LwipHosts hosts;
  auto pair = connect_to_lwip(hosts);
  REQUIRE(pair);
  const driver::PacketPool& pool = hosts.lwip.packets();
  const auto lent = [&hosts] { return hosts.lwip.interface(hosts.interface)->statistics().lent; };
  const std::uint32_t before = lent();
  const unsigned buffers = lwip_pool_in_use(MEMP_PBUF_POOL);
  const auto data = placed_bytes(TCP_WND);
  REQUIRE(hosts.block(write_all(pair->peer, std::span(data).first(3 * TCP_MSS))));
  hosts.pass(Duration::milliseconds(300));
  CHECK(lent() - before >= 3);
  CHECK(pool.available() <= pool.count() - 3);
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) == buffers);
  // The whole window: what is beyond half of the packets is copied.
  REQUIRE(hosts.block(write_all(pair->peer, std::span(data).subspan(3 * TCP_MSS))));
  hosts.pass(Duration::milliseconds(300));
  CHECK(pool.available() >= pool.count() / 2 - 1);
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) > buffers);
  std::vector<std::byte> got(data.size());
  REQUIRE(hosts.block(read_exact(pair->lwip, got)));
  CHECK(got == data);
  hosts.pass(Duration::milliseconds(300));
  CHECK(pool.available() == pool.count());
  CHECK(lwip_pool_in_use(MEMP_PBUF_POOL) == buffers);
}

TEST_CASE("Fragments are copied, since lwIP may have them when the stack is gone") {
  LwipHosts hosts;
  auto server = hosts.lwip.udp_bind_single({hosts.lwip_address(LwipHosts::kFamily), 0}, {});
  REQUIRE(server);
  auto client = udp_connect(hosts.peer, server->local_endpoint());
  REQUIRE(client);
  const std::uint32_t before = hosts.lwip.interface(hosts.interface)->statistics().lent;
  const auto data = placed_bytes(4000);
  REQUIRE(hosts.block(send(*client, data)));
  hosts.pass(Duration::milliseconds(300));
  CHECK(hosts.lwip.interface(hosts.interface)->statistics().lent == before);
  std::vector<std::byte> got(data.size());
  REQUIRE(hosts.block(receive(*server, got)));
  CHECK(got == data);
  hosts.pass(Duration::milliseconds(300));
  CHECK(hosts.lwip.packets().available() == hosts.lwip.packets().count());
}
#endif

}  // namespace nal::test
