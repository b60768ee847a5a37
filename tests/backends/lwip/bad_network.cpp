#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "tests/backends/lwip/support/hosts.hpp"
#include "tests/support/print.hpp"

namespace nal::test {

namespace {

struct Case {
  const char* name;
  drivers::Faults faults;
  std::size_t size;
};

}  // namespace

TEST_CASE("lwIP and the embedded stack understand each other over a bad network, byte for byte") {
  using drivers::Chance;
  const Case about = GENERATE(Case{"nothing", {}, 400'000},  //
                              Case{"1 % lost", {.loss = Chance::percent(1)}, 300'000},
                              Case{"5 % lost", {.loss = Chance::percent(5)}, 150'000},
                              Case{"20 % lost", {.loss = Chance::percent(20)}, 30'000},
                              Case{"doubled", {.duplicate = Chance::percent(20)}, 300'000},
                              Case{"out of order", {.reorder = Chance::percent(10)}, 300'000},
                              Case{"corrupted", {.corrupt = Chance::percent(3)}, 100'000},
                              Case{"all of it",
                                   {.loss = Chance::percent(3),
                                    .corrupt = Chance::percent(1),
                                    .duplicate = Chance::percent(5),
                                    .reorder = Chance::percent(5),
                                    .delay = Duration::milliseconds(5),
                                    .jitter = Duration::milliseconds(3)},
                                   100'000});
  const Family family = GENERATE(Family::v4, Family::v6);
  if (!LwipHosts::has(family)) { SKIP("this lwIP is built without " << to_string(family)); }
  const bool from_lwip = GENERATE(true, false);
  const std::uint64_t seed = GENERATE(1u, 2u, 3u);
  INFO(about.name << ", " << to_string(family) << ", seed " << seed);
  LwipHosts hosts(about.faults, seed);
  auto pair = from_lwip ? connect_from_lwip(hosts, family) : connect_to_lwip(hosts, family);
  REQUIRE(pair);
  std::vector<std::byte> up;
  std::vector<std::byte> down;
  TaskSlot<4096> tasks[4];
  REQUIRE(tasks[0].start(hosts.executor, write_and_end<lwip::TcpStream>, pair->lwip, about.size));
  REQUIRE(tasks[1].start(hosts.executor, read_everything<embedded::TcpStream>, pair->peer, up));
  REQUIRE(tasks[2].start(hosts.executor, write_and_end<embedded::TcpStream>, pair->peer, about.size / 2));
  REQUIRE(tasks[3].start(hosts.executor, read_everything<lwip::TcpStream>, pair->lwip, down));
  for (auto& task : tasks) {
    REQUIRE(hosts.run_until([&] { return !task.running(); }, Duration::minutes(60)));
    CHECK(*task.result());
  }
  CHECK(up == placed_bytes(about.size));
  CHECK(down == placed_bytes(about.size / 2));
}

}  // namespace nal::test
