#include "backends/embedded/wire/icmp.hpp"

#include <algorithm>

#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded::wire {
namespace {

/// Where ports and sequence numbers are (RFC 792).
constexpr std::size_t kLeastTransport = 8;

/// RFC 4884 §4: how much of the body the quotation is, in units; 0 says that there is nothing else. What contradicts
/// itself is taken as all quotation.
std::span<const std::byte> quotation(std::span<const std::byte> body, std::size_t units, std::size_t unit) noexcept {
  const std::size_t size = units * unit;
  return size == 0 ? body : body.first(std::min(size, body.size()));
}

}  // namespace

std::optional<QuotedPacket> QuotedPacket::parse_v4(std::span<const std::byte> bytes) noexcept {
  const auto view = Ipv4View::parse_quoted(bytes);
  if (!view || view->fragment_offset() != 0 || view->payload().size() < kLeastTransport) { return std::nullopt; }
  return QuotedPacket{view->source_bytes(), view->destination_bytes(), view->protocol(), view->payload()};
}

std::optional<QuotedPacket> QuotedPacket::parse_v6(std::span<const std::byte> bytes) noexcept {
  const auto view = Ipv6View::parse_quoted(bytes);
  if (!view) { return std::nullopt; }
  const auto payload = skip_extension_headers(*view);
  if (!payload || view->bytes().size() - payload->offset < kLeastTransport) { return std::nullopt; }
  return QuotedPacket{view->source(), view->destination(), payload->protocol, view->bytes().subspan(payload->offset)};
}

bool IcmpView::is_error_v4() const noexcept {
  switch (type_v4()) {
    case Icmpv4Type::destination_unreachable:
    case Icmpv4Type::source_quench:
    case Icmpv4Type::redirect:
    case Icmpv4Type::time_exceeded:
    case Icmpv4Type::parameter_problem: return true;
    default: return false;
  }
}

std::span<const std::byte> IcmpView::quotation_v4() const noexcept {
  switch (type_v4()) {
    case Icmpv4Type::destination_unreachable:
    case Icmpv4Type::time_exceeded:
    case Icmpv4Type::parameter_problem: return quotation(body(), load_u8(bytes_.data() + 5), 4);
    default: return body();
  }
}

std::span<const std::byte> IcmpView::quotation_v6() const noexcept {
  switch (type_v6()) {
    case Icmpv6Type::destination_unreachable:
    case Icmpv6Type::time_exceeded: return quotation(body(), load_u8(bytes_.data() + 4), 8);
    default: return body();
  }
}

}  // namespace nal::embedded::wire
