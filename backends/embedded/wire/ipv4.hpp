#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {

/// Without options (RFC 791 §3.1).
inline constexpr std::size_t kIpv4HeaderSize = 20;
inline constexpr std::size_t kIpv4MaxHeaderSize = 60;
/// What every link carries, and every host takes, in one piece (RFC 791 §3.2).
inline constexpr std::size_t kIpv4MinMtu = 68;
inline constexpr std::size_t kIpv4MinReassembled = 576;

/// An option of the IPv4 header, as its first byte says (copy flag, class and number together).
enum class Ipv4OptionType : std::uint8_t {
  end = 0,
  no_operation = 1,
  record_route = 7,
  timestamp = 68,
  loose_source_route = 131,
  strict_source_route = 137,
  router_alert = 148,  ///< RFC 2113
};

/// Walks over the options. Ends at the first that is not whole: what stands behind it cannot be told from it.
class Ipv4Options {
 public:
  struct Option {
    Ipv4OptionType type;
    std::span<const std::byte> data;  ///< behind type and length
  };

  explicit Ipv4Options(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

  /// The next one other than `no_operation`, or none.
  std::optional<Option> next() noexcept {
    while (!rest_.empty() && load_u8(rest_.data()) == static_cast<std::uint8_t>(Ipv4OptionType::no_operation)) {
      rest_ = rest_.subspan(1);
    }
    if (rest_.size() < 2 || load_u8(rest_.data()) == static_cast<std::uint8_t>(Ipv4OptionType::end)) {
      return std::nullopt;
    }
    const std::size_t size = load_u8(rest_.data() + 1);
    if (size < 2 || size > rest_.size()) { return std::nullopt; }
    const Option option{static_cast<Ipv4OptionType>(load_u8(rest_.data())), rest_.subspan(2, size - 2)};
    rest_ = rest_.subspan(size);
    return option;
  }
  bool contains(Ipv4OptionType type) noexcept {
    while (const auto option = next()) {
      if (option->type == type) { return true; }
    }
    return false;
  }

 private:
  std::span<const std::byte> rest_;
};

/// A packet, or a fragment of one. Lives as long as its bytes.
class Ipv4View {
 public:
  /// None of what is not IPv4 or shorter than it says; what stands behind the packet (padding of the link) is cut off.
  /// The checksum is another question: `checksum_valid`.
  static std::optional<Ipv4View> parse(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kIpv4HeaderSize || load_u8(bytes.data()) >> 4 != 4) { return std::nullopt; }
    Ipv4View view(bytes);
    const std::size_t header = view.header_size();
    const std::size_t total = view.total_length();
    if (header < kIpv4HeaderSize || header > total || total > bytes.size()) { return std::nullopt; }
    view.bytes_ = bytes.first(total);
    return view;
  }
  /// The same for the start of a packet, as an ICMP error has it: the header is all there, of the payload what there
  /// is.
  static std::optional<Ipv4View> parse_quoted(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kIpv4HeaderSize || load_u8(bytes.data()) >> 4 != 4) { return std::nullopt; }
    Ipv4View view(bytes);
    const std::size_t header = view.header_size();
    const std::size_t total = view.total_length();
    if (header < kIpv4HeaderSize || header > total || header > bytes.size()) { return std::nullopt; }
    if (total < bytes.size()) { view.bytes_ = bytes.first(total); }
    return view;
  }

  std::size_t header_size() const noexcept { return (load_u8(at()) & 0x0f) * std::size_t{4}; }
  /// Of header and payload, as the header says.
  std::size_t total_length() const noexcept { return load_be16(at() + 2); }
  /// DSCP and ECN.
  std::uint8_t traffic_class() const noexcept { return load_u8(at() + 1); }
  std::uint16_t identification() const noexcept { return load_be16(at() + 4); }
  bool dont_fragment() const noexcept { return (load_u8(at() + 6) & 0x40) != 0; }
  bool more_fragments() const noexcept { return (load_u8(at() + 6) & 0x20) != 0; }
  /// Of the payload in the packet it is a part of, in bytes.
  std::size_t fragment_offset() const noexcept { return (load_be16(at() + 6) & 0x1fff) * std::size_t{8}; }
  bool is_fragment() const noexcept { return (load_be16(at() + 6) & 0x3fff) != 0; }
  std::uint8_t hop_limit() const noexcept { return load_u8(at() + 8); }
  std::uint8_t protocol() const noexcept { return load_u8(at() + 9); }
  bool checksum_valid() const noexcept { return sum_of_header(at(), header_size()).valid(); }
  Ipv4Address source() const noexcept { return load_ipv4(at() + 12); }
  Ipv4Address destination() const noexcept { return load_ipv4(at() + 16); }
  std::span<const std::byte, 4> source_bytes() const noexcept { return std::span<const std::byte, 4>(at() + 12, 4); }
  std::span<const std::byte, 4> destination_bytes() const noexcept {
    return std::span<const std::byte, 4>(at() + 16, 4);
  }

  /// With the options.
  std::span<const std::byte> header() const noexcept { return bytes_.first(header_size()); }
  std::span<const std::byte> options() const noexcept { return header().subspan(kIpv4HeaderSize); }
  std::span<const std::byte> payload() const noexcept { return bytes_.subspan(header_size()); }

 private:
  explicit Ipv4View(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  const std::byte* at() const noexcept { return bytes_.data(); }

  std::span<const std::byte> bytes_;
};

/// The header to send.
struct Ipv4Header {
  std::size_t payload_size = 0;  ///< at most 65535 - `size()`
  std::uint8_t traffic_class = 0;
  std::uint16_t identification = 0;
  bool dont_fragment = false;
  bool more_fragments = false;
  std::size_t fragment_offset = 0;  ///< in bytes, a multiple of 8 up to 65528
  std::uint8_t hop_limit = 64;
  std::uint8_t protocol = 0;
  Ipv4Address source{};
  Ipv4Address destination{};
  bool router_alert = false;  ///< RFC 2113

  constexpr std::size_t size() const noexcept { return kIpv4HeaderSize + (router_alert ? 4 : 0); }
  /// To the start of `out`, which has `size()` bytes at least (asserted), with the checksum.
  void emit(std::span<std::byte> out) const noexcept {
    NAL_ASSERT(out.size() >= size());
    NAL_ASSERT(size() + payload_size <= 0xffff && fragment_offset % 8 == 0 && fragment_offset <= 0xffff);
    std::byte* const at = out.data();
    const std::uint32_t words[] = {
        std::uint32_t{router_alert ? 0x46U : 0x45U} << 24 | std::uint32_t{traffic_class} << 16 |
            static_cast<std::uint32_t>(size() + payload_size),
        std::uint32_t{identification} << 16 | (dont_fragment ? 0x4000U : 0U) | (more_fragments ? 0x2000U : 0U) |
            static_cast<std::uint32_t>(fragment_offset / 8),
        std::uint32_t{hop_limit} << 24 | std::uint32_t{protocol} << 16,
        source.to_uint32(),
        destination.to_uint32(),
    };
    // Of words where they find room, else of their halves.
    std::size_t total = router_alert ? (kRouterAlert >> 16) + (kRouterAlert & 0xffff) : 0;
    for (std::size_t i = 0; i < 5; ++i) {
      store_be32(at + 4 * i, words[i]);
      total += sizeof total >= 8 ? words[i] : (words[i] >> 16) + (words[i] & 0xffff);
    }
    if (router_alert) { store_be32(at + kIpv4HeaderSize, kRouterAlert); }
    total = (total & 0xffff) + (total >> 16);  // at most 2^19: the carries of six words of 32 bits
    total = (total & 0xffff) + (total >> 16);
    total = (total & 0xffff) + (total >> 16);
    store_be16(at + 10, static_cast<std::uint32_t>(~total));
  }

 private:
  static constexpr std::uint32_t kRouterAlert = 0x9404'0000;
};

/// The same for a packet without options that is whole, to where there is room for it, of addresses as they stand in a
/// packet; `source` and `destination` of the header are not looked at.
inline void emit_plain_ipv4(std::byte* at, const Ipv4Header& header, std::uint32_t source,
                            std::uint32_t destination) noexcept {
  const std::uint32_t words[] = {
      to_machine32(0x4500'0000U | std::uint32_t{header.traffic_class} << 16 |
                   static_cast<std::uint32_t>(kIpv4HeaderSize + header.payload_size)),
      to_machine32(std::uint32_t{header.identification} << 16 | (header.dont_fragment ? 0x4000U : 0U)),
      to_machine32(std::uint32_t{header.hop_limit} << 24 | std::uint32_t{header.protocol} << 16),
      source,
      destination,
  };
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    __builtin_memcpy(at + 4 * i, &words[i], 4);
    total += words[i];
  }
  store_be16(at + 10, Sum::from_machine_words(total).checksum());
}

}  // namespace nal::embedded::wire
