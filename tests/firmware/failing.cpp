// What the runner says of tests that fail is tested by `run`.
#include "nal/assert.hpp"
#include "tests/support/check.hpp"

TEST_CASE("a failed check fails the test") { CHECK(1 + 1 == 3); }

TEST_CASE("a failed requirement leaves the test") {
  REQUIRE_FALSE(true);
  NAL_ASSERT(false);
}

TEST_CASE("a test that checks nothing fails") {}

TEST_CASE("a missing assertion fails the test") { CHECK_ASSERTS(NAL_ASSERT(true)); }

TEST_CASE("an expected assertion passes", "[tags are for hosts]") { CHECK_ASSERTS(NAL_ASSERT(1 + 1 == 3)); }
