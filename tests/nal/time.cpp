#include "nal/time.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <limits>
#include <type_traits>

#include "nal/hosted/format.hpp"
#include "tests/support/asserts.hpp"

using namespace nal;
using namespace nal::literals;

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

static_assert(std::is_trivially_copyable_v<Duration> && sizeof(Duration) == 8);
static_assert(std::is_trivially_copyable_v<Instant> && sizeof(Instant) == 8);
static_assert(!std::is_convertible_v<std::int64_t, Duration> && !std::is_convertible_v<std::int64_t, Instant>);
static_assert(Duration::hours(1) == 60_min && 1_min == 60_s && 1_s == 1000_ms && 1_ms == 1000_us && 2_h == 120_min);
static_assert(Instant::max() - 5_s == Instant::max() && Instant::max() + -5_s == Instant::max());
static_assert(18446744073709551615_us == Duration::max() && 9223372036854775806_us < Duration::max());
static_assert(Duration::hours(kMost) == Duration::max() && Duration::hours(kLeast) == Duration::min());

}  // namespace

TEST_CASE("a duration tells itself in every unit, cut off towards zero") {
  const Duration d = Duration::microseconds(-1'999'999);
  CHECK(d.microseconds() == -1'999'999);
  CHECK(d.milliseconds() == -1'999);
  CHECK(d.seconds() == -1);
  CHECK(Duration::minutes(2).seconds() == 120);
  CHECK(Duration().microseconds() == 0);
}

TEST_CASE("milliseconds rounded up never ask for less than the duration") {
  CHECK((0_us).milliseconds_rounded_up() == 0);
  CHECK((1_us).milliseconds_rounded_up() == 1);
  CHECK((1000_us).milliseconds_rounded_up() == 1);
  CHECK((1001_us).milliseconds_rounded_up() == 2);
  CHECK((-1_us).milliseconds_rounded_up() == 0);
  CHECK((-1001_us).milliseconds_rounded_up() == -1);
  CHECK(Duration::max().milliseconds_rounded_up() == kMost / 1000 + 1);
}

TEST_CASE("durations add, subtract, scale, divide and compare as numbers do") {
  CHECK(5_s + 500_ms == 5500_ms);
  CHECK(5_s - 6_s == -1_s);
  CHECK(+(3_us) == 3_us);
  CHECK(3 * 2_ms == 6_ms);
  CHECK(2_ms * -3 == -6_ms);
  CHECK(7_us / 2 == 3_us);
  CHECK(-(7_us) / 2 == -3_us);
  CHECK(7_s / 2_s == 3);
  CHECK(7_s % 2_s == 1_s);
  CHECK(1_ms < 1_s);
  CHECK(-1_ms < Duration::zero());
  Duration d = 1_s;
  d += 1_s;
  d *= 6;
  d -= 2_s;
  d /= 5;
  CHECK(d == 2_s);
}

TEST_CASE("dividing a duration by zero is a caller's bug") {
  Duration zero;
  std::int64_t nought = zero.microseconds();
  CHECK_ASSERTS(static_cast<void>((1_s / nought).microseconds()));
  CHECK_ASSERTS(static_cast<void>(1_s / zero));
  CHECK_ASSERTS(static_cast<void>((1_s % zero).microseconds()));
}

TEST_CASE("every factory saturates at its own limits and nowhere before") {
  CHECK(Duration::microseconds(kMost) == Duration::max());
  CHECK(Duration::microseconds(kMost - 1).microseconds() == kMost - 1);
  CHECK(Duration::microseconds(kLeast) == Duration::min());
  CHECK(Duration::milliseconds(kMost / 1000).microseconds() == kMost / 1000 * 1000);
  CHECK(Duration::milliseconds(kMost / 1000 + 1) == Duration::max());
  CHECK(Duration::milliseconds(-kMost / 1000).microseconds() == -kMost / 1000 * 1000);
  CHECK(Duration::milliseconds(-kMost / 1000 - 1) == Duration::min());
  CHECK(Duration::seconds(kMost) == Duration::max());
  CHECK(Duration::minutes(kLeast) == Duration::min());
}

TEST_CASE("never stays never whatever is added, taken away or divided") {
  const Duration never = Duration::max();
  CHECK(never.is_never());
  CHECK_FALSE((never - 1_us).microseconds() == kMost - 1);
  CHECK(never + -5_s == never);
  CHECK(-5_s + never == never);
  CHECK(never - 5_s == never);
  CHECK(never - never == never);
  CHECK(5_s - never == Duration::min());
  CHECK(never / 2 == never);
  CHECK(never / -2 == Duration::min());
  CHECK(never * 2 == never);
  CHECK(never * -1 == Duration::min());
  CHECK(never * 0 == Duration::zero());
  CHECK(-never == Duration::min());
  CHECK(-Duration::min() == never);
  CHECK(never > Duration::hours(1'000'000));
}

TEST_CASE("sums and products saturate instead of wrapping") {
  const Duration nearly = Duration::microseconds(kMost - 1);
  CHECK(nearly + nearly == Duration::max());
  CHECK(-nearly + -nearly == Duration::min());
  CHECK(-nearly - 2_us == Duration::min());
  CHECK(Duration::min() + -1_us == Duration::min());
  CHECK(nearly * 1 == nearly);
  CHECK(nearly * -1 == -nearly);
  CHECK(1_us * (kMost - 1) == nearly);
  CHECK(Duration::microseconds(1'844'674'407) * 5'000'000'000 == Duration::microseconds(9'223'372'035'000'000'000));
  CHECK(nearly * 2 == Duration::max());
  CHECK(nearly * -2 == Duration::min());
  CHECK(-nearly * -2 == Duration::max());
  CHECK(nearly * kLeast == Duration::min());
  CHECK(1_us * kLeast == Duration::min());
  CHECK(1_us * kMost == Duration::max());
  CHECK(-1_us * kLeast == Duration::max());
  CHECK(0_us * kLeast == Duration::zero());
  CHECK(Duration::microseconds(3'037'000'499) * 3'037'000'499 == Duration::microseconds(9'223'372'030'926'249'001));
  CHECK(Duration::microseconds(-3'037'000'499) * 3'037'000'499 == Duration::microseconds(-9'223'372'030'926'249'001));
  CHECK(Duration::microseconds(4'294'967'296) * 2'147'483'648 == Duration::max());
}

TEST_CASE("instants move by durations and are durations apart") {
  const Instant start;
  const Instant later = start + 5_s;
  CHECK(start.microseconds() == 0);
  CHECK(later == Instant::from_microseconds(5'000'000));
  CHECK(5_s + start == later);
  CHECK(later - 2_s == start + 3_s);
  CHECK(later - start == 5_s);
  CHECK(start - later == -5_s);
  CHECK(start < later);
  Instant moving = start;
  moving += 2_s;
  moving -= 1_s;
  CHECK(moving == start + 1_s);
}

TEST_CASE("an instant that is never stays so, and is never away from any other") {
  const Instant never = Instant::max();
  const Instant now = Instant::from_microseconds(123);
  CHECK(never.is_never());
  CHECK_FALSE(now.is_never());
  CHECK(never + 1_s == never);
  CHECK(never - 1_s == never);
  CHECK(never - now == Duration::max());
  CHECK(now - never == Duration::min());
  CHECK(now + Duration::max() == never);
  CHECK(Instant::min() - 1_s == Instant::min());
  CHECK(Instant::from_microseconds(kMost - 1) + 5_s == never);
}

TEST_CASE("durations and instants print in the largest unit that needs no fraction") {
  CHECK(to_string(0_us) == "0s");
  CHECK(to_string(1_us) == "1us");
  CHECK(to_string(1500_us) == "1500us");
  CHECK(to_string(-1500_ms) == "-1500ms");
  CHECK(to_string(90_s) == "90s");
  CHECK(to_string(120_s) == "2min");
  CHECK(to_string(120_min) == "2h");
  CHECK(to_string(Duration::max()) == "never");
  CHECK(to_string(Instant::from_microseconds(7'000'000)) == "7s");
  CHECK(to_string(Instant::max()) == "never");
}
