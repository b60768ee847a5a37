#include "backends/embedded/ip/nd.hpp"

#include "backends/embedded/wire/ndp.hpp"

namespace nal::embedded {
namespace {

using Type = wire::Icmpv6Type;
using Option = wire::NdpOptionType;

/// All that a host sends: the type, `flags`, the target if there is one, and as options its own hardware address,
/// unless it has no address yet (RFC 4861 §4.1, §4.3), and a nonce if there is one. `send_control` puts the checksum
/// in.
bool send(Link& link, Interface& interface, const Address& source, const Address& destination, Type type,
          std::uint32_t flags, const Address* target, std::span<const std::byte> nonce, Instant now) noexcept {
  constexpr std::size_t kOption = 8;
  NAL_ASSERT(nonce.size() <= kOption - 2);
  const bool own = !source.is_unspecified();
  const std::size_t fixed = target ? 24 : 8;
  const std::size_t size = fixed + (own ? kOption : 0) + (nonce.empty() ? 0 : kOption);
  Packet packet = link.allocate();
  if (!packet || packet.tailroom() < size) { return false; }
  std::byte* at = packet.append(size).data();
  std::memset(at, 0, size);
  wire::store_u8(at, static_cast<std::uint8_t>(type));
  wire::store_be32(at + 4, flags);
  if (target) { wire::store_ipv6(at + 8, wire::Ipv6Bytes(target->wire().data(), 16)); }
  at += fixed;
  const auto option = [&](Option kind, std::span<const std::byte> data) {
    wire::store_be16(at, static_cast<std::uint32_t>(kind) << 8 | kOption / 8);
    std::memcpy(at + 2, data.data(), data.size());
    at += kOption;
  };
  const Option kind = type == Type::neighbor_advertisement ? Option::target_link_layer : Option::source_link_layer;
  if (own) { option(kind, std::as_bytes(std::span(interface.hardware_address.bytes()))); }
  if (!nonce.empty()) { option(Option::nonce, nonce); }
  link.send_control(interface, source, destination, Protocol::icmpv6, std::move(packet), now);
  return true;
}

}  // namespace

bool send_neighbor_solicitation(Link& link, Interface& interface, const Address& source, const Address& destination,
                                const Address& target, std::span<const std::byte> nonce, Instant now) noexcept {
  return send(link, interface, source, destination, Type::neighbor_solicitation, 0, &target, nonce, now);
}

bool send_neighbor_advertisement(Link& link, Interface& interface, const Address& destination, const Address& target,
                                 bool solicited, Instant now) noexcept {
  constexpr std::uint32_t kSolicited = 0x4000'0000;
  constexpr std::uint32_t kOverride = 0x2000'0000;
  return send(link, interface, target, destination, Type::neighbor_advertisement,
              solicited ? kSolicited | kOverride : kOverride, &target, {}, now);
}

bool send_router_solicitation(Link& link, Interface& interface, const Address& source, Instant now) noexcept {
  return send(link, interface, source, Ipv6Address::all_routers(), Type::router_solicitation, 0, nullptr, {}, now);
}

}  // namespace nal::embedded
