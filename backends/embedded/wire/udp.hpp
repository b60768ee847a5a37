#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {

inline constexpr std::size_t kUdpHeaderSize = 8;
inline constexpr std::uint8_t kUdpProtocol = 17;

/// A datagram (RFC 768). Lives as long as its bytes.
class UdpView {
 public:
  /// None of what is shorter than it says, or says less than its header; what stands behind it is cut off.
  static std::optional<UdpView> parse(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kUdpHeaderSize) { return std::nullopt; }
    const std::size_t length = load_be16(bytes.data() + 4);
    if (length < kUdpHeaderSize || length > bytes.size()) { return std::nullopt; }
    return UdpView(bytes.first(length));
  }

  std::uint16_t source_port() const noexcept { return load_be16(bytes_.data()); }
  std::uint16_t destination_port() const noexcept { return load_be16(bytes_.data() + 2); }
  /// Of header and payload.
  std::size_t length() const noexcept { return bytes_.size(); }
  bool has_checksum() const noexcept { return load_be16(bytes_.data() + 6) != 0; }
  /// `pseudo` is `pseudo_header_sum(…, kUdpProtocol, length())`. Without a checksum nothing can be wrong over IPv4;
  /// over IPv6 there must be one (RFC 8200 §8.1): see `has_checksum`.
  bool checksum_valid(Sum pseudo) const noexcept { return !has_checksum() || (pseudo + sum(bytes_)).valid(); }
  std::span<const std::byte> payload() const noexcept { return bytes_.subspan(kUdpHeaderSize); }

 private:
  explicit UdpView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

/// The header to send.
struct UdpHeader {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::size_t payload_size = 0;  ///< at most 65527

  /// To the start of `out`, which has `kUdpHeaderSize` bytes at least (asserted), with the checksum for a payload that
  /// sums up to `payload`; `pseudo` is `pseudo_header_sum(…, kUdpProtocol, kUdpHeaderSize + payload_size)`.
  void emit(std::span<std::byte> out, Sum pseudo, Sum payload) const noexcept {
    emit_with(out, (pseudo + header_sum() + payload).udp_checksum());
  }
  /// The same, with the checksum field as given: 0 for none over IPv4, or `pseudo.value()` where the device does it.
  void emit_with(std::span<std::byte> out, std::uint16_t checksum) const noexcept {
    NAL_ASSERT(out.size() >= kUdpHeaderSize && payload_size <= 0xffff - kUdpHeaderSize);
    std::byte* const at = out.data();
    store_be16(at, source_port);
    store_be16(at + 2, destination_port);
    store_be16(at + 4, length());
    store_be16(at + 6, checksum);
  }

 private:
  std::uint16_t length() const noexcept { return static_cast<std::uint16_t>(kUdpHeaderSize + payload_size); }
  Sum header_sum() const noexcept { return Sum::of(source_port) + Sum::of(destination_port) + Sum::of(length()); }
};

}  // namespace nal::embedded::wire
