#include "backends/embedded/wire/ndp.hpp"

#include <algorithm>

namespace nal::embedded::wire {
namespace {

/// The size of the option at the front, or 0 when it is none (§4.6: a length of 0 makes the message invalid).
std::size_t option_size(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < 8) { return 0; }
  const std::size_t size = load_u8(bytes.data() + 1) * std::size_t{8};
  return size <= bytes.size() ? size : 0;
}

/// Of all messages: the type, code 0, `fixed` bytes, and options behind them.
bool message_ok(std::span<const std::byte> message, Icmpv6Type type, std::size_t fixed) noexcept {
  return message.size() >= fixed && load_u8(message.data()) == static_cast<std::uint8_t>(type) &&
         load_u8(message.data() + 1) == 0 && NdpOptions::check(message.subspan(fixed));
}

bool is_group(const std::byte* address) noexcept { return *address == std::byte{0xff}; }

}  // namespace

std::optional<PrefixInformation> NdpOption::prefix_information() const noexcept {
  if (type() != NdpOptionType::prefix_information || bytes_.size() != PrefixInformation::kSize) { return std::nullopt; }
  const std::byte* const at = bytes_.data();
  const std::uint8_t flags = load_u8(at + 3);
  return PrefixInformation{load_u8(at + 2),   (flags & 0x80) != 0, (flags & 0x40) != 0,
                           load_be32(at + 4), load_be32(at + 8),   load_ipv6(at + 16)};
}

std::optional<RouteInformation> NdpOption::route_information() const noexcept {
  if (type() != NdpOptionType::route_information || bytes_.size() > 24) { return std::nullopt; }
  const std::byte* const at = bytes_.data();
  const std::uint8_t length = load_u8(at + 2);
  const auto prefix = bytes_.subspan(8);
  if (length > 8 * prefix.size()) { return std::nullopt; }
  // §2.3: with the reserved preference the option is to be ignored.
  if ((load_u8(at + 3) >> 3 & 3) == 2) { return std::nullopt; }
  return RouteInformation{length, router_preference(load_u8(at + 3)), load_be32(at + 4), prefix};
}

std::optional<RecursiveDns> NdpOption::recursive_dns() const noexcept {
  if (type() != NdpOptionType::recursive_dns || bytes_.size() < 24 || bytes_.size() % 16 != 8) { return std::nullopt; }
  return RecursiveDns{load_be32(bytes_.data() + 4), bytes_.subspan(8)};
}

std::optional<DnsSearchList> NdpOption::dns_search_list() const noexcept {
  if (type() != NdpOptionType::dns_search_list || bytes_.size() < 16) { return std::nullopt; }
  return DnsSearchList{load_be32(bytes_.data() + 4), bytes_.subspan(8)};
}

bool NdpOptions::check(std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t size = option_size(bytes);
    if (size == 0) { return false; }
    bytes = bytes.subspan(size);
  }
  return true;
}

std::optional<NdpOption> NdpOptions::next() noexcept {
  const std::size_t size = option_size(rest_);
  if (size == 0) { return std::nullopt; }
  const NdpOption option(rest_.first(size));
  rest_ = rest_.subspan(size);
  return option;
}

std::optional<MacAddress> NdpOptions::link_layer(NdpOptionType type) const noexcept {
  NdpOptions options = *this;
  while (const auto option = options.next()) {
    if (option->type() != type) { continue; }
    if (const auto address = option->link_layer()) { return address; }
  }
  return std::nullopt;
}

std::optional<std::span<const std::byte>> NdpOptions::find(NdpOptionType type) const noexcept {
  NdpOptions options = *this;
  while (const auto option = options.next()) {
    if (option->type() == type) { return option->data(); }
  }
  return std::nullopt;
}

std::optional<NeighborSolicitationView> NeighborSolicitationView::parse(std::span<const std::byte> message) noexcept {
  if (!message_ok(message, Icmpv6Type::neighbor_solicitation, 24) || is_group(message.data() + 8)) {
    return std::nullopt;
  }
  return NeighborSolicitationView(message);
}

std::optional<NeighborAdvertisementView> NeighborAdvertisementView::parse(std::span<const std::byte> message) noexcept {
  if (!message_ok(message, Icmpv6Type::neighbor_advertisement, 24) || is_group(message.data() + 8)) {
    return std::nullopt;
  }
  return NeighborAdvertisementView(message);
}

std::optional<RouterSolicitationView> RouterSolicitationView::parse(std::span<const std::byte> message) noexcept {
  if (!message_ok(message, Icmpv6Type::router_solicitation, 8)) { return std::nullopt; }
  return RouterSolicitationView(message);
}

std::optional<RouterAdvertisementView> RouterAdvertisementView::parse(std::span<const std::byte> message) noexcept {
  if (!message_ok(message, Icmpv6Type::router_advertisement, 16)) { return std::nullopt; }
  return RouterAdvertisementView(message);
}

std::optional<RedirectView> RedirectView::parse(std::span<const std::byte> message) noexcept {
  if (!message_ok(message, Icmpv6Type::redirect, 40) || is_group(message.data() + 24)) { return std::nullopt; }
  return RedirectView(message);
}

NdpWriter::NdpWriter(std::span<std::byte> out, Icmpv6Type type, std::size_t size, std::uint32_t rest) noexcept
    : out_(out) {
  if (std::byte* const at = room(size)) {
    store_be32(at, static_cast<std::uint32_t>(type) << 24);
    store_be32(at + 4, rest);
  }
}

NdpWriter::NdpWriter(std::span<std::byte> out, const NeighborSolicitation& message) noexcept
    : NdpWriter(out, Icmpv6Type::neighbor_solicitation, 24, 0) {
  if (!failed_) { store_ipv6(out_.data() + 8, message.target); }
}

NdpWriter::NdpWriter(std::span<std::byte> out, const NeighborAdvertisement& message) noexcept
    : NdpWriter(out, Icmpv6Type::neighbor_advertisement, 24,
                (message.router ? 0x8000'0000U : 0U) | (message.solicited ? 0x4000'0000U : 0U) |
                    (message.overrides ? 0x2000'0000U : 0U)) {
  if (!failed_) { store_ipv6(out_.data() + 8, message.target); }
}

NdpWriter::NdpWriter(std::span<std::byte> out, const RouterSolicitation& /*message*/) noexcept
    : NdpWriter(out, Icmpv6Type::router_solicitation, 8, 0) {}

NdpWriter::NdpWriter(std::span<std::byte> out, const RouterAdvertisement& message) noexcept
    : NdpWriter(out, Icmpv6Type::router_advertisement, 16,
                std::uint32_t{message.hop_limit} << 24 | (message.managed ? 0x0080'0000U : 0U) |
                    (message.other ? 0x0040'0000U : 0U) | std::uint32_t{to_field(message.preference)} << 16 |
                    message.router_lifetime) {
  if (!failed_) {
    store_be32(out_.data() + 8, message.reachable_time);
    store_be32(out_.data() + 12, message.retransmit_timer);
  }
}

NdpWriter::NdpWriter(std::span<std::byte> out, const Redirect& message) noexcept
    : NdpWriter(out, Icmpv6Type::redirect, 40, 0) {
  if (!failed_) {
    store_ipv6(out_.data() + 8, message.target);
    store_ipv6(out_.data() + 24, message.destination);
  }
}

std::byte* NdpWriter::room(std::size_t size) noexcept {
  if (failed_ || size > out_.size() - size_) {
    failed_ = true;
    return nullptr;
  }
  std::byte* const at = out_.data() + size_;
  std::memset(at, 0, size);
  size_ += size;
  return at;
}

std::byte* NdpWriter::option(NdpOptionType type, std::size_t size) noexcept {
  if (size > 255 * 8) { failed_ = true; }
  std::byte* const at = room(size);
  if (at) { store_be16(at, static_cast<std::uint32_t>(type) << 8 | static_cast<std::uint32_t>(size / 8)); }
  return at;
}

void NdpWriter::link_layer(NdpOptionType type, const MacAddress& address) noexcept {
  if (std::byte* const at = option(type, 8)) { store_mac(at + 2, address); }
}

void NdpWriter::nonce(std::span<const std::byte> nonce) noexcept {
  NAL_ASSERT(nonce.size() <= 6);
  if (std::byte* const at = option(NdpOptionType::nonce, 8)) { std::copy(nonce.begin(), nonce.end(), at + 2); }
}

void NdpWriter::mtu(std::uint32_t mtu) noexcept {
  if (std::byte* const at = option(NdpOptionType::mtu, 8)) { store_be32(at + 4, mtu); }
}

void NdpWriter::prefix_information(const PrefixInformation& prefix) noexcept {
  if (std::byte* const at = option(NdpOptionType::prefix_information, PrefixInformation::kSize)) {
    store_u8(at + 2, prefix.prefix_length);
    store_u8(at + 3, (prefix.on_link ? 0x80U : 0U) | (prefix.autonomous ? 0x40U : 0U));
    store_be32(at + 4, prefix.valid_lifetime);
    store_be32(at + 8, prefix.preferred_lifetime);
    store_ipv6(at + 16, prefix.prefix);
  }
}

void NdpWriter::route_information(const RouteInformation& route) noexcept {
  NAL_ASSERT(route.prefix.size() % 8 == 0 && route.prefix.size() <= 16);
  if (std::byte* const at = option(NdpOptionType::route_information, 8 + route.prefix.size())) {
    store_u8(at + 2, route.prefix_length);
    store_u8(at + 3, to_field(route.preference));
    store_be32(at + 4, route.lifetime);
    std::copy(route.prefix.begin(), route.prefix.end(), at + 8);
  }
}

void NdpWriter::recursive_dns(std::uint32_t lifetime, std::span<const std::byte> servers) noexcept {
  NAL_ASSERT(servers.size() % 16 == 0);
  if (std::byte* const at = option(NdpOptionType::recursive_dns, 8 + servers.size())) {
    store_be32(at + 4, lifetime);
    std::copy(servers.begin(), servers.end(), at + 8);
  }
}

void NdpWriter::dns_search_list(std::uint32_t lifetime, std::span<const std::byte> names) noexcept {
  if (std::byte* const at = option(NdpOptionType::dns_search_list, 8 + (names.size() + 7) / 8 * 8)) {
    store_be32(at + 4, lifetime);
    std::copy(names.begin(), names.end(), at + 8);
  }
}

void NdpWriter::redirected_header(std::span<const std::byte> packet) noexcept {
  const std::size_t left = failed_ ? 0 : (out_.size() - size_) / 8 * 8;
  const std::size_t size = std::min({8 + packet.size() / 8 * 8, left, std::size_t{255 * 8}});
  if (size <= 8) { return; }
  if (std::byte* const at = option(NdpOptionType::redirected_header, size)) {
    std::copy_n(packet.begin(), size - 8, at + 8);
  }
}

std::span<const std::byte> NdpWriter::finish(Ipv6Bytes source, Ipv6Bytes destination) noexcept {
  if (failed_) { return {}; }
  const auto message = out_.first(size_);
  const Sum pseudo = pseudo_header_sum(source, destination, kIcmpv6Protocol, size_);
  store_be16(message.data() + 2, (pseudo + sum(message)).checksum());
  return message;
}

}  // namespace nal::embedded::wire
