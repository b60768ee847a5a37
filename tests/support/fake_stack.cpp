#include "tests/support/fake_stack.hpp"

#include <algorithm>

namespace nal::test {

static_assert(TcpConnect<FakeStack> && TcpAccept<FakeStack> && UdpStack<FakeStack> && Dns<FakeStack>);
static_assert(TcpStream<FakeInPlaceStream> && ZeroCopyReader<FakeInPlaceStream> && ZeroCopyWriter<FakeInPlaceStream> &&
              GatherWriter<FakeInPlaceStream>);
static_assert(!ZeroCopyReader<FakeTcpStream> && !ZeroCopyWriter<FakeTcpStream> && !GatherWriter<FakeTcpStream>);

namespace {
constexpr std::size_t kThreeWords = 3 * sizeof(void*);
}
static_assert(sizeof(FakeTcpStream) <= kThreeWords && sizeof(FakeTcpListener) <= kThreeWords);
static_assert(sizeof(FakeConnectedUdp) <= kThreeWords && sizeof(FakeUnconnectedUdp) <= kThreeWords);
static_assert(sizeof(FakeLookup) <= kThreeWords && sizeof(FakeReverseLookup) <= kThreeWords);

FakeStack::FakeStack(FakeNetwork& network, const FakeConfig& config)
    : host_(network, *this, config), tcp_(host_), udp_(host_), dns_(host_) {
  network.stacks_.push_back(this);
}

FakeStack::~FakeStack() { std::erase(host_.network().stacks_, this); }

bool FakeStack::step() noexcept {
  const bool moved = tcp_.step();
  return dns_.step() || moved;
}

Instant FakeStack::next_event() const noexcept { return std::min(tcp_.next_event(), dns_.next_event()); }

namespace {

FakeConfig with_addresses(FakeConfig config, const std::vector<IpAddress>& addresses) {
  if (config.addresses.empty()) { config.addresses = addresses; }
  return config;
}

}  // namespace

FakeWorld::FakeWorld(const FakeConfig& config)
    : client(network, with_addresses(config, {client_address(Family::v4), client_address(Family::v6)})),
      server(network, with_addresses(config, {server_address(Family::v4), server_address(Family::v6),
                                              other_server_address(Family::v4), other_server_address(Family::v6)})) {}

using namespace literals;

IpAddress FakeWorld::client_address(Family family) noexcept {
  return family == Family::v6 ? "2001:db8::1"_ip : "192.0.2.1"_ip;
}

IpAddress FakeWorld::server_address(Family family) noexcept {
  return family == Family::v6 ? "2001:db8::2"_ip : "192.0.2.2"_ip;
}

IpAddress FakeWorld::other_server_address(Family family) noexcept {
  return family == Family::v6 ? "2001:db8::3"_ip : "192.0.2.3"_ip;
}

}  // namespace nal::test
