#pragma once
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "nal/tcp.hpp"
#include "tests/support/fake_stack.hpp"
#include "tests/support/print.hpp"

namespace nal::test {

using namespace nal::literals;

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view text(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// Two hosts and what a test does with them. Whatever waits for ever ends after an hour of virtual time.
struct NetTest : FakeWorld {
  using FakeWorld::FakeWorld;
  static constexpr Duration kForever = Duration::hours(1);

  template <class F>
  auto block(F&& future) {
    return block_on(executor, with_timeout(kForever, std::forward<F>(future)));
  }
  /// Lets time pass in which nothing need happen.
  void pass(Duration duration) {
    executor.run_until([] { return false; }, executor.now() + duration);
  }

  FakeTcpListener listen(const ListenOptions& options = {}, std::uint16_t port = 80, Family family = Family::v4) {
    auto listener = server.listen({server_address(family), port}, options);
    REQUIRE(listener);
    return *std::move(listener);
  }
  struct Pair {
    FakeTcpStream client;
    FakeTcpStream server;
  };
  Pair connected() {
    auto listener = listen();
    auto ends = block(join(connect(client, listener.local_endpoint()), accept(listener)));
    REQUIRE(ends);
    REQUIRE(std::get<0>(*ends));
    REQUIRE(std::get<1>(*ends));
    return {*std::move(std::get<0>(*ends)), *std::move(std::get<1>(*ends))};
  }
  /// Nobody waits for anything and no slot is taken, once whatever lingers has had its time.
  void check_nothing_left() {
    pass(Duration::seconds(30));
    CHECK(client.nobody_waits());
    CHECK(server.nobody_waits());
    CHECK(client.in_use() == 0);
    CHECK(server.in_use() == 0);
    CHECK(executor.next_timer().is_never());
  }
};

}  // namespace nal::test
