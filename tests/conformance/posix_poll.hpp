#pragma once
#define NAL_CONFORMANCE_POSIX_POLL
#include "tests/conformance/posix.hpp"

namespace nal::conformance {

/// The same over `poll()`, as systems without epoll have it.
class Fixture : public PosixFixture {
 public:
  Fixture() : PosixFixture(posix::Poller::poll) {}
};

}  // namespace nal::conformance
