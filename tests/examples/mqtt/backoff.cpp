#include "examples/mqtt/backoff.hpp"

#include <catch2/catch_test_macros.hpp>

using mqtt::Random;
using mqtt::Reconnect;
using namespace nal::literals;

namespace {

constexpr Reconnect kSettings{.initial = 1_s, .maximum = 10_s};

Random always(std::uint32_t& value) {
  return {[](void* context) noexcept { return *static_cast<std::uint32_t*>(context); }, &value};
}

/// With its settings.
struct Backoff {
  Reconnect settings;
  Random random;
  mqtt::Backoff backoff{};
  nal::Duration next(nal::Duration lasted) {
    REQUIRE(backoff.next(settings, random, lasted.microseconds()));
    return nal::Duration::microseconds(backoff.wait());
  }
};

}  // namespace

TEST_CASE("The wait doubles up to its maximum", "[mqtt]") {
  Backoff backoff{kSettings, Random{}};
  for (const auto expected : {1_s, 2_s, 4_s, 8_s, 10_s, 10_s}) { CHECK(backoff.next({}) == expected); }
}

TEST_CASE("A random half of the wait is left out", "[mqtt]") {
  for (std::uint32_t random = 0; random < 5000; random += 7) {
    Backoff backoff{kSettings, always(random)};
    const nal::Duration wait = backoff.next({});
    CHECK(wait >= 500_ms);
    CHECK(wait <= 1_s);
  }
  std::uint32_t least = 0;
  CHECK(Backoff{kSettings, always(least)}.next({}) == 500_ms);
  std::uint32_t most = 1023;
  CHECK(Backoff{kSettings, always(most)}.next({}) > 999_ms);
}

TEST_CASE("A connection that lasted starts the waits anew, one that was dropped at once does not", "[mqtt]") {
  Backoff backoff{kSettings, Random{}};
  CHECK(backoff.next({}) == 1_s);
  CHECK(backoff.next({}) == 2_s);
  CHECK(backoff.next(999_ms) == 4_s);
  CHECK(backoff.next(1_s) == 1_s);
  CHECK(backoff.next({}) == 2_s);
}

TEST_CASE("A wait without a bound grows to it, and nothing overflows", "[mqtt]") {
  Backoff backoff{{.initial = 1_s, .maximum = nal::Duration::max()}, Random{}};
  nal::Duration last;
  for (unsigned i = 0; i < 100; ++i) {
    const nal::Duration wait = backoff.next({});
    CHECK(wait >= last);
    last = wait;
  }
  CHECK(last == nal::Duration::max());
}

TEST_CASE("An initial wait above the maximum is the maximum", "[mqtt]") {
  Backoff backoff{{.initial = 1_min, .maximum = 1_s}, Random{}};
  CHECK(backoff.next({}) == 1_s);
}

TEST_CASE("It ends with the last of the first attempts, if none succeeded", "[mqtt]") {
  Reconnect settings = kSettings;
  settings.first_attempts = 2;
  const auto next = [&](mqtt::Backoff& backoff, mqtt::Time lasted) { return backoff.next(settings, {}, lasted); };
  mqtt::Backoff in_vain;
  CHECK(next(in_vain, mqtt::Backoff::kNeverUp));
  CHECK_FALSE(next(in_vain, mqtt::Backoff::kNeverUp));

  mqtt::Backoff up;
  CHECK(next(up, 0));
  for (int i = 0; i < 5; ++i) { CHECK(next(up, mqtt::Backoff::kNeverUp)); }

  mqtt::Backoff forgiven;
  for (int i = 0; i < 5; ++i) {
    forgiven.forgive();
    CHECK(next(forgiven, mqtt::Backoff::kNeverUp));
  }
  CHECK(next(forgiven, mqtt::Backoff::kNeverUp));
  CHECK_FALSE(next(forgiven, mqtt::Backoff::kNeverUp));

  settings.enabled = false;
  CHECK_FALSE(next(up, 0));
}
