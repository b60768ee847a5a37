// The same on the target, as tests of its runner.
#include "tests/quirks/judge.hpp"
#include "tests/support/check.hpp"

namespace {

void check_all(std::span<const nal::quirks::Shape> shapes) {
  for (const auto& shape : shapes) {
    const auto verdict = nal::quirks::judge(shape);
    // The runner tells what failed and where: here which shape, and what of it in which round.
    nal::test::check(!verdict.wrong, shape.name, verdict.wrong, static_cast<int>(verdict.rounds));
  }
}

}  // namespace

TEST_CASE("what is awaited in every allowed statement lives as long as it should") {
  check_all(nal::quirks::statements());
}
TEST_CASE("what coroutines pass to each other lives as long as it should") { check_all(nal::quirks::functions()); }
TEST_CASE("what race, join and with_timeout hold lives as long as it should") {
  check_all(nal::quirks::combinations());
}
