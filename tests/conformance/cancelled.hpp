#pragma once
#include "tests/conformance/world.hpp"
#include "tests/support/cancel.hpp"

namespace nal::conformance {

/// What the helper wants of a world, over the backend's.
struct Cancelled {
  explicit Cancelled(Family family = usual_family()) : world(family) {}
  Executor& executor() { return world.executor(); }
  static Duration patience() { return Fixture::kPatience; }
  /// No task is left but those that drive the backend, and no timer is left armed but theirs.
  void check_quiet() {
    unsigned tasks = 0;
    world.executor().for_each_task([&tasks](const RootTask&) { ++tasks; });
    CHECK(tasks == Fixture::kTasks + own_tasks(world.fixture()));
    if (tasks == 0) { CHECK(world.executor().next_timer().is_never()); }
  }

  /// Of what the fixture puts on top of a backend: as many as it says that it needs now.
  template <class F>
  static unsigned own_tasks(F& fixture) {
    if constexpr (requires { fixture.own_tasks(); }) { return static_cast<unsigned>(fixture.own_tasks()); }
    return 0;
  }

  World world;
};

}  // namespace nal::conformance
