#include "nal/result.hpp"

#include <cstdint>
#include <string_view>

#include "nal/poll.hpp"
#include "tests/support/check.hpp"
#include "tests/support/futures.hpp"

using namespace nal;
using test::Alive;

namespace {

struct Moved {
  explicit Moved(int n) noexcept : value(n) {}
  Moved(Moved&& other) noexcept : value(std::exchange(other.value, -1)) {}
  Moved& operator=(Moved&& other) noexcept {
    value = std::exchange(other.value, -1);
    return *this;
  }
  int value;
  Alive alive;
};

Result<int> half(int n) {
  if (n % 2 != 0) { return Unexpected(Error::invalid_argument); }
  return n / 2;
}
Result<int> quarter(int n) {
  NAL_TRY_SET(const int once, half(n));
  NAL_TRY_SET(const int twice, half(once));
  return twice;
}
Result<> is_even(int n) {
  NAL_TRY(half(n));
  return {};
}

static_assert(sizeof(Result<>) <= 2);
static_assert(sizeof(Result<std::size_t>) == 2 * sizeof(std::size_t));
static_assert(sizeof(Poll<Result<std::size_t>>) == sizeof(Result<std::size_t>), "pending is free");
static_assert(std::is_trivially_copyable_v<Result<std::size_t>>);
static_assert(!std::is_copy_constructible_v<Result<Moved>>);
static_assert(Result<int>(3).transform([](int n) { return n + 1; }) == 4);

}  // namespace

TEST_CASE("a result holds a value or an error", "[result]") {
  const Result<int> good = 3;
  const Result<int> bad = Unexpected(Error::timed_out);
  CHECK(good.has_value());
  CHECK(static_cast<bool>(good));
  CHECK(*good == 3);
  CHECK(good == 3);
  CHECK_FALSE(bad.has_value());
  CHECK(bad.error() == Error::timed_out);
  CHECK(bad == Unexpected(Error::timed_out));
  CHECK_FALSE(bad == Unexpected(Error::closed));
  CHECK_FALSE(bad == good);
}

TEST_CASE("a result without a value is made of nothing", "[result]") {
  const Result<> done;
  CHECK(done.has_value());
  CHECK(done == Unit{});
}

TEST_CASE("a result's alternatives are given by value_or and error_or", "[result]") {
  CHECK(half(4).value_or(9) == 2);
  CHECK(half(3).value_or(9) == 9);
  CHECK(half(4).error_or(Error::closed) == Error::closed);
  CHECK(half(3).error_or(Error::closed) == Error::invalid_argument);
  CHECK(Result<Moved>(Moved(1)).value_or(Moved(2)).value == 1);
  CHECK(Result<Moved>(Unexpected(Error::closed)).value_or(Moved(2)).value == 2);
}

TEST_CASE("results chain, and an error passes through the chain", "[result]") {
  CHECK(half(8).and_then(half) == 4 / 2);
  CHECK(half(6).and_then(half) == Unexpected(Error::invalid_argument));
  CHECK(half(3).and_then(half) == Unexpected(Error::invalid_argument));
  CHECK(half(8).transform([](int n) { return n * 10; }) == 40);
  CHECK(half(3).transform([](int n) { return n * 10; }) == Unexpected(Error::invalid_argument));
  CHECK(half(3).or_else([](Error) { return Result<int>(7); }) == 7);
  CHECK(half(8).or_else([](Error) { return Result<int>(7); }) == 4);
}

TEST_CASE("NAL_TRY returns early with the error and goes on with the value", "[result]") {
  CHECK(quarter(12) == 3);
  CHECK(quarter(6) == Unexpected(Error::invalid_argument));
  CHECK(quarter(3) == Unexpected(Error::invalid_argument));
  CHECK(is_even(2).has_value());
  CHECK(is_even(3) == Unexpected(Error::invalid_argument));
}

TEST_CASE("a result destroys exactly the values it made", "[result]") {
  const int before = Alive::count();
  {
    Result<Moved> a = Moved(1);
    Result<Moved> b = std::move(a);
    CHECK(b->value == 1);
    CHECK(a->value == -1);
    Result<Moved> c = Unexpected(Error::closed);
    c = std::move(b);
    CHECK(c->value == 1);
    c = Unexpected(Error::closed);
    CHECK(c.error() == Error::closed);
    CHECK(Alive::count() == before + 2);
    Result<Moved>& same = c;
    c = std::move(same);
    CHECK(c.error() == Error::closed);
    Result<Alive> d = Alive();
    const Result<Alive> e = d;
    d = e;
    CHECK(e.has_value());
  }
  CHECK(Alive::count() == before);
}

TEST_CASE("reading what a result does not hold asserts", "[result]") {
  CHECK_ASSERTS(Result<int> bad = Unexpected(Error::closed); static_cast<void>(*bad));
  CHECK_ASSERTS(Result<int> good = 1; static_cast<void>(good.error()));
}

TEST_CASE("every error has words of its own", "[result]") {
  const auto last = static_cast<unsigned>(kLastError);
  for (unsigned i = 1; i <= last; ++i) {
    const std::string_view text = to_string(static_cast<Error>(i));
    CHECK_FALSE(text.empty());
    CHECK(text != "unknown error");
    for (unsigned j = 1; j < i; ++j) { CHECK(text != std::string_view(to_string(static_cast<Error>(j)))); }
  }
  CHECK(std::string_view(to_string(static_cast<Error>(last + 1))) == "unknown error");
}
