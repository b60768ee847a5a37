#include "tests/support/fake_host.hpp"

#include <algorithm>

#include "tests/support/fake_network.hpp"

namespace nal::test {

FakeHost::FakeHost(FakeNetwork& network, FakeStack& stack, const FakeConfig& settings)
    : config(settings), network_(network), stack_(stack), ephemeral_(settings.first_ephemeral) {}

Instant FakeHost::now() const noexcept { return network_.now(); }

bool FakeHost::has(const IpAddress& address) const noexcept {
  if (!can_reach(address.family())) { return false; }
  return address.is_loopback() ||
         std::find(config.addresses.begin(), config.addresses.end(), address) != config.addresses.end();
}

Result<IpAddress> FakeHost::source(Family family) const noexcept {
  if (!can_reach(family)) { return Unexpected(Error::address_not_available); }
  for (const IpAddress& address : config.addresses) {
    if (address.family() == family) { return address; }
  }
  return IpAddress::loopback(family);
}

Result<IpAddress> FakeHost::source_for(const IpAddress& remote) const noexcept {
  if (remote.is_loopback() && has(remote)) { return remote; }
  const Result<IpAddress> address = source(remote.family());
  if (!address || address->is_loopback()) { return Unexpected(Error::network_unreachable); }
  return has(remote) ? Result<IpAddress>(remote) : address;
}

std::uint16_t FakeHost::next_ephemeral() noexcept {
  const std::uint16_t port = ephemeral_;
  ephemeral_ = port == config.last_ephemeral ? config.first_ephemeral : static_cast<std::uint16_t>(port + 1);
  return port;
}

bool FakeHost::hiccups(Context& context) noexcept {
  if (faults.hiccup == 0 || ++calls_ % faults.hiccup != 0) { return false; }
  context.wake_soon();
  return true;
}

}  // namespace nal::test
