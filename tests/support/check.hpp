#pragma once
/// The test macros of every source that runs on hosts and on bare metal alike: Catch2's own where there is a host,
/// those of a minimal runner (tests/firmware/runner.hpp) where `NAL_TEST_BARE_METAL` is defined.
///
/// In both places: `TEST_CASE(name)` or `TEST_CASE(name, tags)`, `CHECK`, `CHECK_FALSE`, `REQUIRE`, `REQUIRE_FALSE`,
/// `FAIL`, `INFO`, and `CHECK_ASSERTS(statements)`. `REQUIRE`, `REQUIRE_FALSE` and `FAIL` stand in functions that
/// return nothing (without exceptions they can only return), and there are no sections: write another test.
///
/// `CHECK_ASSERTS(statements)` passes when the statements run into an assertion of nal's (`NAL_ASSERT`). They own
/// whatever they touch: on a host they run in a child process, on bare metal their destructors are skipped.
#ifdef NAL_TEST_BARE_METAL
#include "tests/firmware/runner.hpp"
#else
#include <catch2/catch_test_macros.hpp>

#include "tests/support/asserts.hpp"
#endif
