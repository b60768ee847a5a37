#include "tests/conformance/world.hpp"

#include <catch2/catch_test_case_info.hpp>
#include <catch2/interfaces/catch_interfaces_capture.hpp>
#include <catch2/interfaces/catch_interfaces_registry_hub.hpp>
#include <catch2/interfaces/catch_interfaces_testcase.hpp>

#include <algorithm>
#include <string>

namespace nal::conformance {

World::World(Family tested) : family_(tested), in_use_at_start_(fixture_.in_use()) {
  const std::string test = Catch::getResultCapture().getCurrentTestName();
  for (const SkippedCase& skipped : Fixture::skipped()) {
    if (test == skipped.test) { SKIP(skipped.reason); }
  }
  if (!fixture_.has(tested)) { SKIP("this machine has no " << to_string(tested)); }
}

TEST_CASE("Every case that this backend skips is a case") {
  const auto& tests = Catch::getRegistryHub().getTestCaseRegistry().getAllInfos();
  for (const SkippedCase& skipped : Fixture::skipped()) {
    INFO(skipped.test);
    CHECK(std::any_of(tests.begin(), tests.end(), [&](const auto* test) { return test->name == skipped.test; }));
    CHECK(std::string_view(skipped.reason).size() > 20);
  }
}

Listener World::listen(const ListenOptions& options) {
  auto listener = server().listen(at_server(), options);
  REQUIRE(listener);
  return *std::move(listener);
}

Pair World::connect() {
  auto listener = listen();
  return connect(listener);
}

Pair World::connect(Listener& listener) {
  auto ends = block(join(nal::connect(client(), listener.local_endpoint()), accept(listener)));
  REQUIRE(ends);
  auto& [connected, accepted] = *ends;
  REQUIRE(connected);
  REQUIRE(accepted);
  return {*std::move(connected), *std::move(accepted)};
}

std::size_t fill(World& world, Stream& stream, std::size_t first) {
  std::size_t written = 0;
  // What is on the way makes room once more: full is what stays full.
  for (unsigned full = 0; full < 3;) {
    const auto data = pattern_bytes(4096, first + written);
    const auto taken = try_write(world.executor(), stream, data);
    if (taken) {
      written += *taken;
      full = 0;
    } else {
      REQUIRE(taken == Unexpected(Error::would_block));
      ++full;
      world.run_a_little();
    }
    REQUIRE(written < 100'000'000);
  }
  return written;
}

}  // namespace nal::conformance
