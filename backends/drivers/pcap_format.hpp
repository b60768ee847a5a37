#pragma once
#include <cstddef>
#include <cstdint>

/// What capture files are made of: pcapng (draft-ietf-opsawg-pcapng) and the older pcap (draft-ietf-opsawg-pcap).
namespace nal::drivers::pcap {

inline constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
inline constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
inline constexpr std::uint32_t kInterfaceDescription = 1;
inline constexpr std::uint32_t kSimplePacket = 3;
inline constexpr std::uint32_t kEnhancedPacket = 6;

inline constexpr std::uint16_t kEndOfOptions = 0;
inline constexpr std::uint16_t kInterfaceName = 2;   // if_name
inline constexpr std::uint16_t kTimeResolution = 9;  // if_tsresol
inline constexpr std::uint16_t kTimeOffset = 14;     // if_tsoffset
inline constexpr std::uint16_t kPacketFlags = 2;     // epb_flags
inline constexpr std::uint32_t kInbound = 1;         // of epb_flags, the lowest two bits
inline constexpr std::uint32_t kOutbound = 2;
inline constexpr std::uint32_t kMicrosecondMagic = 0xa1b2c3d4;  // the older pcap's
inline constexpr std::uint32_t kNanosecondMagic = 0xa1b23c4d;

// LINKTYPE_ values.
inline constexpr std::uint16_t kEthernet = 1;
inline constexpr std::uint16_t kRawIp = 101;
inline constexpr std::uint16_t kIpv4 = 228;
inline constexpr std::uint16_t kIpv6 = 229;

inline constexpr std::size_t padded(std::size_t size) noexcept { return (size + 3) / 4 * 4; }

}  // namespace nal::drivers::pcap
