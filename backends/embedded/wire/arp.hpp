#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {

/// Of a packet between Ethernet and IPv4 (RFC 826).
inline constexpr std::size_t kArpSize = 28;

enum class ArpOperation : std::uint16_t { request = 1, reply = 2 };

/// A packet about Ethernet and IPv4. Lives as long as its bytes.
class ArpView {
 public:
  /// None of what is too short, or about another medium or protocol. Frames have padding behind it.
  static std::optional<ArpView> parse(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kArpSize) { return std::nullopt; }
    const std::byte* const at = bytes.data();
    // Ethernet, IPv4, and the sizes of their addresses
    if (load_be32(at) != 0x0001'0800 || load_be16(at + 4) != 0x0604) { return std::nullopt; }
    return ArpView(at);
  }

  /// May be neither of those that have a name.
  ArpOperation operation() const noexcept { return static_cast<ArpOperation>(load_be16(at_ + 6)); }
  MacAddress sender_mac() const noexcept { return load_mac(at_ + 8); }
  Ipv4Address sender() const noexcept { return load_ipv4(at_ + 14); }
  MacAddress target_mac() const noexcept { return load_mac(at_ + 18); }
  Ipv4Address target() const noexcept { return load_ipv4(at_ + 24); }

  /// Asks whether anybody has the address, without saying that the sender has it (RFC 5227 §1.1).
  bool is_probe() const noexcept { return operation() == ArpOperation::request && sender().is_unspecified(); }
  /// Tells everybody of the sender's own address: a request or a reply (RFC 5227 §1.1, RFC 5944 §4.6).
  bool is_announcement() const noexcept { return sender() == target(); }

 private:
  explicit ArpView(const std::byte* at) noexcept : at_(at) {}

  const std::byte* at_;
};

/// The packet to send.
struct ArpPacket {
  ArpOperation operation = ArpOperation::request;
  MacAddress sender_mac{};
  Ipv4Address sender{};
  MacAddress target_mac{};  ///< unspecified in a request
  Ipv4Address target{};

  /// To the start of `out`, which has `kArpSize` bytes at least (asserted).
  void emit(std::span<std::byte> out) const noexcept {
    NAL_ASSERT(out.size() >= kArpSize);
    std::byte* const at = out.data();
    store_be32(at, 0x0001'0800);
    store_be16(at + 4, 0x0604);
    store_be16(at + 6, static_cast<std::uint16_t>(operation));
    store_mac(at + 8, sender_mac);
    store_ipv4(at + 14, sender);
    store_mac(at + 18, target_mac);
    store_ipv4(at + 24, target);
  }
};

}  // namespace nal::embedded::wire
