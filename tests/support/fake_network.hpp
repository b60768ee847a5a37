#pragma once
#include <map>
#include <optional>
#include <vector>

#include "nal/endpoint.hpp"
#include "nal/executor.hpp"
#include "nal/platform.hpp"

namespace nal::test {

class FakeStack;

/// What becomes of connection attempts to an endpoint (port 0: to any port of its address).
struct ConnectRule {
  enum class Outcome : std::uint8_t {
    arrive,               ///< whatever stands there answers
    refuse,               ///< connection_refused
    host_unreachable,     ///< an ICMP error
    network_unreachable,  ///< an ICMP error
    vanish,               ///< no answer ever: timed_out in the end
  };
  Duration delay{};
  Outcome outcome = Outcome::arrive;
};

/// Hosts in one process, joined by a wire, under a clock that jumps: nothing is waited for, everything can be repeated.
///
/// It is the `Platform` of the executor that runs them. Each `poll` moves what is under way by one hop; when nobody has
/// anything to do the clock jumps to the next thing that will happen. When nothing ever will and nobody gave a
/// deadline, a test hangs: it stops the program and says so.
class FakeNetwork final : public Platform {
 public:
  Instant now() noexcept override { return now_; }
  void poll(Executor& executor, Instant deadline) noexcept override;
  void wake() noexcept override {}

  /// Lets time pass, as if the executor had been busy for so long.
  void advance(Duration duration) noexcept { now_ += duration; }

  ConnectRule& connect_rule(const Endpoint& remote) { return rules_[remote]; }
  ConnectRule find_connect_rule(const Endpoint& remote) const noexcept;
  /// The host that has the address, seen from `asking`, whose own loopback addresses are; null: none has.
  FakeStack* find(const IpAddress& address, FakeStack& asking) const noexcept;
  const std::vector<FakeStack*>& stacks() const noexcept { return stacks_; }

 private:
  friend class FakeStack;
  bool step() noexcept;
  Instant next_event() const noexcept;

  Instant now_ = Instant::from_microseconds(1'000'000);
  std::vector<FakeStack*> stacks_;
  std::map<Endpoint, ConnectRule> rules_;
  unsigned stuck_ = 0;
};

}  // namespace nal::test
