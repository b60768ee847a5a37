#include "nal/poll.hpp"

#include "tests/support/check.hpp"
#include "tests/support/futures.hpp"

using namespace nal;
using test::Alive;

TEST_CASE("a poll is pending or ready with a value", "[poll]") {
  Poll<int> waiting = pending;
  Poll<int> done = 3;
  CHECK_FALSE(waiting.ready());
  REQUIRE(done.ready());
  CHECK(*done == 3);
  waiting = done;
  REQUIRE(waiting.ready());
  CHECK(*waiting == 3);
}

TEST_CASE("a poll of a result is pending, ready with a value or ready with an error", "[poll]") {
  const Poll<Result<int>> waiting = pending;
  const Poll<Result<int>> done = 3;
  const Poll<Result<int>> failed = Unexpected(Error::closed);
  const Poll<Result<int>> passed_on = Result<int>(4);
  CHECK_FALSE(waiting.ready());
  REQUIRE(done.ready());
  CHECK(*done == 3);
  REQUIRE(failed.ready());
  CHECK(*failed == Unexpected(Error::closed));
  REQUIRE(passed_on.ready());
  CHECK(*passed_on == 4);
}

TEST_CASE("a poll of a result without a value is ready once it is a result", "[poll]") {
  const Poll<Result<>> waiting = pending;
  const Poll<Result<>> done = Result<>();
  const Poll<Result<>> unit = Unit{};
  CHECK_FALSE(waiting.ready());
  CHECK(done.ready());
  REQUIRE(unit.ready());
  CHECK((*unit).has_value());
}

TEST_CASE("a pending poll holds nothing and a ready one destroys what it holds", "[poll]") {
  const int before = Alive::count();
  {
    Poll<Result<Alive>> waiting = pending;
    CHECK(Alive::count() == before);
    waiting = Poll<Result<Alive>>(Alive());
    CHECK(Alive::count() == before + 1);
    Poll<Alive> other = pending;
    other = Alive();
    CHECK(Alive::count() == before + 2);
    waiting = Poll<Result<Alive>>(pending);
    CHECK_FALSE(waiting.ready());
    CHECK(Alive::count() == before + 1);
  }
  CHECK(Alive::count() == before);
}

TEST_CASE("reading a pending poll asserts", "[poll]") {
  CHECK_ASSERTS(Poll<Result<int>> waiting = pending; static_cast<void>(*waiting));
}
