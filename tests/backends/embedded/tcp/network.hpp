#pragma once
#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded::test {

using Bytes = std::vector<std::byte>;

/// A segment on its way, with what IP says of it.
struct Sent {
  Bytes bytes;
  Egress egress{};
  std::uint16_t segment_size = 0;

  wire::TcpView view() const { return *wire::TcpView::parse(bytes); }
};

/// A network layer whose other side is the test.
class TestNetwork final : public Network {
 public:
  explicit TestNetwork(Address address, std::size_t packet_size = 66'000)
      : addresses{address}, stride_((sizeof(driver::PacketBuffer) + packet_size + 15) / 16 * 16) {}

  Result<Route> route(const Address& destination, const Address& source, InterfaceIndex interface) noexcept override {
    if (route_error != Error{}) { return Unexpected(route_error); }
    Route route;
    route.source = source.is_unspecified() ? addresses.front() : source;
    for (const Address& address : addresses) {
      if (source == Address() && address.family() == destination.family()) { route.source = address; }
    }
    route.next_hop = destination;
    route.interface = interface == 0 ? InterfaceIndex{1} : interface;
    route.mtu = mtu;
    return route;
  }
  std::uint32_t routes_version() const noexcept override { return version; }
  bool can_send(InterfaceIndex) noexcept override { return sent.size() < room && pool.can_send(); }
  Packet allocate() noexcept override {
    if (fail_allocations != 0) {
      --fail_allocations;
      return {};
    }
    return pool.allocate_to_send(60);
  }
  OffloadSupport offload(InterfaceIndex) const noexcept override { return support; }
  Result<> send(Packet&& packet, const Egress& egress, Route& route) noexcept override {
    const Packet taken = std::move(packet);
    if (send_error != Error{}) { return Unexpected(send_error); }
    const auto data = taken.data();
    if (data.size() + (egress.destination.is_v4() ? 20 : 40) > mtu && taken.offload().segment_size == 0) {
      return Unexpected(Error::message_size);
    }
    Sent out{{data.begin(), data.end()}, egress, taken.offload().segment_size};
    if (taken.offload().checksum_offset != 0) { complete_checksum(out); }
    sent.push_back(std::move(out));
    route.neighbor = 7;
    return {};
  }
  void confirm_reachable(const Route&) noexcept override { ++confirmations; }
  void port_unreachable(Packet&& packet, const Ingress&) noexcept override { const Packet taken = std::move(packet); }
  bool is_local(const Address& address, InterfaceIndex) const noexcept override {
    return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
  }

  /// A packet of the pool with these bytes, to be handed in.
  Packet packet(const Bytes& bytes) {
    Packet out = pool.allocate(0);
    if (out) { std::copy(bytes.begin(), bytes.end(), out.append(bytes.size()).begin()); }
    return out;
  }

  std::vector<Address> addresses;
  std::uint16_t mtu = 1500;
  std::uint32_t version = 1;
  std::size_t room = 100'000;
  unsigned fail_allocations = 0;
  unsigned confirmations = 0;
  Error route_error{};
  Error send_error{};
  OffloadSupport support{};
  std::deque<Sent> sent;

 private:
  static void complete_checksum(Sent& out) {
    const std::uint16_t sum = wire::sum(out.bytes).checksum();
    wire::store_be16(&out.bytes[wire::kTcpChecksum], sum);
  }

  static constexpr std::size_t kPackets = 64;
  std::size_t stride_;
  std::unique_ptr<std::byte[]> memory_{new std::byte[stride_ * kPackets]};

 public:
  driver::PacketPool pool{memory_.get(), stride_, kPackets, kPackets / 4};
};

inline Entropy entropy(unsigned seed) {
  std::array<std::byte, Entropy::kSize> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) { bytes[i] = static_cast<std::byte>(seed * 31 + i * 7 + 1); }
  return Entropy(bytes);
}

/// `size` bytes that tell their place.
inline std::byte pattern_at(std::size_t i) { return static_cast<std::byte>(i * 7 + i / 251); }
inline Bytes pattern(std::size_t size, std::size_t first = 0) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) { out[i] = pattern_at(first + i); }
  return out;
}

inline const Address kHere4{Ipv4Address(10, 0, 0, 1)};
inline const Address kThere4{Ipv4Address(10, 0, 0, 2)};
inline const Address kHere6{Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 1)};
inline const Address kThere6{Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 2)};

}  // namespace nal::embedded::test
