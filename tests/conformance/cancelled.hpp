#pragma once
#include "tests/conformance/world.hpp"
#include "tests/support/cancel.hpp"

namespace nal::conformance {

/// What the helper wants of a world, over the backend's.
struct Cancelled {
  explicit Cancelled(Family family = Family::v4) : world(family) {}
  Executor& executor() { return world.executor(); }
  static Duration patience() { return Fixture::kPatience; }
  /// No timer is left armed, and no task is left but those of the test.
  void check_quiet() {
    CHECK(world.executor().next_timer().is_never());
    unsigned tasks = 0;
    world.executor().for_each_task([&tasks](const RootTask&) { ++tasks; });
    CHECK(tasks == 0);
  }

  World world;
};

}  // namespace nal::conformance
