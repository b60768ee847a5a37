#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded::wire {
namespace {

using Verdict = Ipv6Chain::Verdict;

// RFC 4443 §3.4, RFC 7112 §5
constexpr std::uint8_t kErroneousField = 0;
constexpr std::uint8_t kUnknownNextHeader = 1;
constexpr std::uint8_t kUnknownOption = 2;

// RFC 8200 §4.2, RFC 2711
constexpr std::uint8_t kPad1 = 0;
constexpr std::uint8_t kPadN = 1;
constexpr std::uint8_t kRouterAlert = 5;

/// Of a header with the common shape: next header, its length in units of 8 beyond the first 8.
std::size_t extension_size(const std::byte* header) noexcept { return (load_u8(header + 1) + std::size_t{1}) * 8; }

/// Of what the last header of a first fragment has to be there (RFC 7112 §5).
std::size_t least_size(std::uint8_t protocol) noexcept {
  switch (static_cast<NextHeader>(protocol)) {
    case NextHeader::tcp: return 20;
    case NextHeader::udp: return 8;
    case NextHeader::icmpv6: return 4;
    default: return 0;
  }
}

class Walker {
 public:
  explicit Walker(const Ipv6View& packet) noexcept : packet_(packet), bytes_(packet.bytes()) {}

  Ipv6Chain walk() noexcept {
    chain_.next_header_field = 6;
    chain_.protocol = packet_.next_header();
    chain_.offset = kIpv6HeaderSize;
    while (step()) {}
    return chain_;
  }

 private:
  /// One header; whether there may be more.
  bool step() noexcept {
    switch (static_cast<NextHeader>(chain_.protocol)) {
      case NextHeader::hop_by_hop:
        // Only at once behind the IPv6 header (RFC 8200 §4.1).
        if (chain_.offset != kIpv6HeaderSize) { return problem(kUnknownNextHeader, chain_.next_header_field); }
        return has_extension() && options() && advance();
      case NextHeader::destination_options: return has_extension() && options() && advance();
      case NextHeader::routing: return has_extension() && routing() && advance();
      case NextHeader::fragment: return fragment();
      case NextHeader::none: return end(Verdict::discard);
      default: return end(Verdict::deliver);
    }
  }

  bool end(Verdict verdict) noexcept {
    chain_.verdict = verdict;
    return false;
  }
  bool problem(std::uint8_t code, std::size_t pointer) noexcept {
    chain_.code = code;
    chain_.pointer = static_cast<std::uint32_t>(pointer);
    return end(Verdict::parameter_problem);
  }
  const std::byte* here() const noexcept { return bytes_.data() + chain_.offset; }
  std::size_t left() const noexcept { return bytes_.size() - chain_.offset; }

  bool has_extension() noexcept {
    if (left() < 8 || left() < extension_size(here())) { return end(Verdict::discard); }
    return true;
  }
  bool advance() noexcept {
    const std::size_t size = extension_size(here());
    chain_.next_header_field = chain_.offset;
    chain_.protocol = load_u8(here());
    chain_.offset = static_cast<std::uint32_t>(chain_.offset + size);
    return true;
  }

  /// RFC 8200 §4.2
  bool options() noexcept {
    const bool hop_by_hop = chain_.protocol == static_cast<std::uint8_t>(NextHeader::hop_by_hop);
    const std::size_t size = extension_size(here());
    std::size_t at = 2;
    while (at < size) {
      const std::uint8_t type = load_u8(here() + at);
      if (type == kPad1) {
        ++at;
        continue;
      }
      if (size - at < 2) { return end(Verdict::discard); }
      const std::size_t length = load_u8(here() + at + 1);
      if (length > size - at - 2) { return end(Verdict::discard); }
      if (type == kRouterAlert && hop_by_hop && length == 2) {
        chain_.router_alert = true;
      } else if (type != kPadN && !unknown_option(type, chain_.offset + at)) {
        return false;
      }
      at += 2 + length;
    }
    return true;
  }
  bool unknown_option(std::uint8_t type, std::size_t pointer) noexcept {
    switch (type >> 6) {
      case 0: return true;
      case 1: return end(Verdict::discard);
      case 2: return problem(kUnknownOption, pointer);
      default: return to_group() ? end(Verdict::discard) : problem(kUnknownOption, pointer);
    }
  }
  bool to_group() const noexcept { return packet_.destination()[0] == std::byte{0xff}; }

  /// No routing type is known here; those that are done with are walked over (RFC 8200 §4.4, RFC 5095).
  bool routing() noexcept {
    if (load_u8(here() + 3) != 0) { return problem(kErroneousField, chain_.offset + 2U); }
    return true;
  }

  /// RFC 8200 §4.5
  bool fragment() noexcept {
    if (left() < kFragmentHeaderSize) { return end(Verdict::discard); }
    const std::byte* const header = here();
    const std::uint16_t field = load_be16(header + 2);
    chain_.fragment_offset = field & 0xfff8;
    chain_.more_fragments = (field & 1) != 0;
    chain_.identification = load_be32(header + 4);
    const std::uint32_t header_at = chain_.offset;
    const std::uint8_t inner = load_u8(header);
    if (chain_.fragment_offset == 0 && !chain_.more_fragments) {
      chain_.next_header_field = chain_.offset;
      chain_.protocol = inner;
      chain_.offset = static_cast<std::uint32_t>(header_at + kFragmentHeaderSize);
      return true;
    }
    const std::size_t part = left() - kFragmentHeaderSize;
    // Both pointers as the section has them.
    if (chain_.more_fragments && part % 8 != 0) { return problem(kErroneousField, 4); }
    if (chain_.fragment_offset + part > 0xffff) { return problem(kErroneousField, header_at + 2); }
    if (chain_.fragment_offset == 0 && !whole_chain(inner, header_at + kFragmentHeaderSize)) {
      return end(Verdict::discard);
    }
    chain_.protocol = inner;
    chain_.offset = static_cast<std::uint32_t>(header_at + kFragmentHeaderSize);
    return end(Verdict::fragment);
  }

  /// Whether a first fragment has all headers, those of the upper layer too (RFC 7112 §5): else no filter on the way
  /// can have seen what it is.
  bool whole_chain(std::uint8_t protocol, std::size_t at) const noexcept {
    for (;;) {
      switch (static_cast<NextHeader>(protocol)) {
        case NextHeader::hop_by_hop:
        case NextHeader::destination_options:
        case NextHeader::routing: break;
        // A fragment of a fragment.
        case NextHeader::fragment: return false;
        default: return bytes_.size() - at >= least_size(protocol);
      }
      const std::size_t rest = bytes_.size() - at;
      if (rest < 8 || rest < extension_size(bytes_.data() + at)) { return false; }
      protocol = load_u8(bytes_.data() + at);
      at += extension_size(bytes_.data() + at);
    }
  }

  const Ipv6View& packet_;
  std::span<const std::byte> bytes_;
  Ipv6Chain chain_;
};

}  // namespace

Ipv6Chain walk_extension_headers(const Ipv6View& packet) noexcept { return Walker(packet).walk(); }

std::optional<Ipv6Payload> skip_extension_headers(const Ipv6View& quoted) noexcept {
  const auto bytes = quoted.bytes();
  std::uint8_t protocol = quoted.next_header();
  std::size_t at = kIpv6HeaderSize;
  for (;;) {
    const std::size_t left = bytes.size() - at;
    std::size_t size = 0;
    switch (static_cast<NextHeader>(protocol)) {
      case NextHeader::hop_by_hop:
      case NextHeader::destination_options:
      case NextHeader::routing:
        if (left < 8) { return std::nullopt; }
        size = extension_size(bytes.data() + at);
        break;
      case NextHeader::fragment:
        if (left < kFragmentHeaderSize || (load_be16(bytes.data() + at + 2) & 0xfff8) != 0) { return std::nullopt; }
        size = kFragmentHeaderSize;
        break;
      case NextHeader::none: return std::nullopt;
      default: return Ipv6Payload{protocol, at};
    }
    if (left < size) { return std::nullopt; }
    protocol = load_u8(bytes.data() + at);
    at += size;
  }
}

}  // namespace nal::embedded::wire
