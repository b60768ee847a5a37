#include "tests/support/fake_network.hpp"

#include "tests/support/fake_stack.hpp"

namespace nal::test {

void FakeNetwork::poll(Executor& executor, Instant deadline) noexcept {
  const bool moved = step();
  if (moved || !executor.idle() || deadline <= now_) {
    stuck_ = 0;
    return;
  }
  const Instant event = next_event();
  const Instant until = event < deadline ? event : deadline;
  if (until.is_never()) {
    // A few turns of grace: an executor may ask again before it looks whether it is done.
    if (++stuck_ > 100) {
      assertion_failed("every task waits for what will never happen, without a deadline", __FILE__, __LINE__);
    }
    return;
  }
  stuck_ = 0;
  if (until > now_) { now_ = until; }
  step();
}

ConnectRule FakeNetwork::find_connect_rule(const Endpoint& remote) const noexcept {
  if (const auto exact = rules_.find(remote); exact != rules_.end()) { return exact->second; }
  const auto host = rules_.find(Endpoint{remote.address, 0});
  return host != rules_.end() ? host->second : ConnectRule{};
}

FakeStack* FakeNetwork::find(const IpAddress& address, FakeStack& asking) const noexcept {
  if (asking.host().has(address)) { return &asking; }
  if (address.is_loopback()) { return nullptr; }
  for (FakeStack* stack : stacks_) {
    if (stack->host().has(address)) { return stack; }
  }
  return nullptr;
}

bool FakeNetwork::step() noexcept {
  bool moved = false;
  for (FakeStack* stack : stacks_) { moved |= stack->step(); }
  return moved;
}

Instant FakeNetwork::next_event() const noexcept {
  Instant next = Instant::max();
  for (const FakeStack* stack : stacks_) {
    const Instant event = stack->next_event();
    if (event < next) { next = event; }
  }
  return next;
}

}  // namespace nal::test
