#pragma once
#include <optional>
#include <string>

#include "backends/posix/reactor.hpp"
#include "tests/backends/drivers/frames.hpp"
#include "tests/backends/posix/own_network.hpp"

namespace nal::test {

/// A packet socket on an interface, by which a test is the outside of a device.
class Outside {
 public:
  explicit Outside(std::uint32_t interface);
  ~Outside();
  Outside(const Outside&) = delete;

  /// False when the system refuses to send it.
  bool send(const Frame& frame) const;
  /// The oldest that came from the device, or nothing yet.
  std::optional<Frame> receive() const;

 private:
  int fd_;
};

/// Fixtures for the conformance tests whose outside is Linux, in a network of their own where the system has nothing to
/// say by itself.
struct LinuxWorld {
  LinuxWorld();
  Executor& executor() { return executor_; }
  template <class F>
  bool until(F&& done) {
    for (int i = 0; i < 10'000; ++i) {
      if (done()) { return true; }
      if (!executor_.poll_once()) { pause(); }
    }
    return done();
  }
  static constexpr bool kLoops = false;
  static constexpr bool kMoves = false;

  OwnNetwork network;
  posix::Reactor reactor{poller()};
  Executor executor_{reactor};
  Pool<> pool;

 private:
  static void pause();
  static posix::Poller poller();
};

}  // namespace nal::test
