#pragma once
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "adapters/c/loop.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#ifdef NAL_TEST_C_FIXTURE
#include NAL_TEST_C_FIXTURE
#else
#include "tests/conformance/embedded.hpp"
#include "tests/conformance/posix.hpp"
#endif

namespace nal::test {

// What the stacks are: two for all tests, others for what C libraries are given.
#ifdef NAL_TEST_C_FIXTURE
#define NAL_TEST_C_OVER conformance::NAL_TEST_C_FIXTURE_TYPE
#else
using OnPosix = conformance::PosixFixture;
using OnEmbedded = conformance::EmbeddedOwnResolverFixture;
#define NAL_TEST_C_OVER OnPosix, OnEmbedded
#endif

/// Two hosts of a conformance fixture, and a C loop for each on the one executor: what blocks on one drives the other.
template <class Fixture>
struct Desk {
  Desk() {
    nal_endpoint any = at(Fixture::server_address(Family::v4), 0);
    REQUIRE(nal_tcp_listen(&server, &listener, &any, 4, nullptr) == NAL_OK);
    REQUIRE(nal_tcp_listener_local(&listener, &here) == NAL_OK);
  }
  ~Desk() {
    nal_tcp_listener_close(&listener);
    if (near.open_ != 0) { nal_tcp_abort(&near); }
    if (far.open_ != 0) { nal_tcp_abort(&far); }
  }

  static nal_endpoint at(const IpAddress& address, std::uint16_t port) {
    std::array<char, Endpoint::kMaxTextSize> text{};
    const auto written = Endpoint{address, port}.format_to(text);
    nal_endpoint result{};
    REQUIRE(nal_endpoint_parse(&result, std::string(*written).c_str()) == NAL_OK);
    return result;
  }
  /// Has `near` (the client's) and `far` connected.
  void connect() {
    REQUIRE(nal_tcp_connect(&client, &near, &here, nullptr, patience()) == NAL_OK);
    REQUIRE(nal_tcp_accept(&listener, &far, patience()) == NAL_OK);
  }
  static nal_deadline patience() { return -Fixture::kPatience.microseconds(); }
  /// Lets what is under way arrive.
  void settle() { REQUIRE(nal_sleep(&client, nullptr, -Fixture::kALittle.microseconds() * 3) == NAL_OK); }

  /// Runs `act()` in a task of the executor, once the caller has blocked.
  void meanwhile(std::function<void()> act) {
    task = std::move(act);
    REQUIRE(slot.start(fixture.executor(), later, task));
  }
  static Task<> later(std::function<void()>& act) {
    co_await sleep(Duration::milliseconds(20));
    act();
    co_return Unit{};
  }

  Fixture fixture;
  std::function<void()> task;
  TaskSlot<2048> slot;
  nal_loop client{fixture.executor(), fixture.client()};
  nal_loop server{fixture.executor(), fixture.server()};
  nal_tcp_listener listener{};
  nal_endpoint here{};
  nal_tcp near{};
  nal_tcp far{};
};

}  // namespace nal::test
