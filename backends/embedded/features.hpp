#pragma once
/// What of the stack is compiled in. A product that wants less names a header of its own by
/// `NAL_EMBEDDED_FEATURES_HEADER`, which defines the same constants; what is false costs neither flash nor RAM. The
/// same for every file that includes the stack.
#include <cstddef>
#include <cstdint>

#if defined(NAL_EMBEDDED_FEATURES_HEADER)
#include NAL_EMBEDDED_FEATURES_HEADER
#else

#if !defined(NAL_EMBEDDED_FAST_PATHS)
#define NAL_EMBEDDED_FAST_PATHS true
#endif

namespace nal::embedded::features {

inline constexpr bool kIpv4 = true;
inline constexpr bool kIpv6 = true;
/// Ethernet, with ARP and Neighbor Discovery by it; without, bare IP alone.
inline constexpr bool kEthernet = true;
/// Fragments received and sent.
inline constexpr bool kFragments = true;
/// Groups other than those that IPv6 itself needs: IGMP, and MLD for them.
inline constexpr bool kMulticast = true;
inline constexpr bool kDhcpv4 = true;
/// What not every DHCPv4 client needs: host and domain names, vendor classes, client identifiers of the product's own
/// and their repetition (RFC 6842), classless routes (RFC 3442), MTU, options in several pieces (RFC 3396). Without,
/// these settings count for nothing.
inline constexpr bool kDhcpv4Extras = true;
/// Router and prefix discovery, stateless addresses.
inline constexpr bool kSlaac = true;
/// RFC 8981, on interfaces that are started with them.
inline constexpr bool kTemporaryAddresses = true;
/// RFC 4191: routers for single prefixes; without, default routers alone.
inline constexpr bool kSpecificRoutes = true;
/// RFC 8106 §5.2
inline constexpr bool kSearchDomains = true;
/// RFC 7217; without, stateless addresses are made of the hardware address (RFC 4291, appendix A), and one that
/// somebody else has is not made anew.
inline constexpr bool kStableAddresses = true;
/// RFC 7527: duplicates are looked for also on links that bring back what is sent.
inline constexpr bool kDadNonce = true;
/// RFC 3927
inline constexpr bool kIpv4LinkLocal = true;
inline constexpr bool kTcp = true;
inline constexpr bool kUdp = true;
inline constexpr bool kRaw = true;
/// Packets from this host to itself.
inline constexpr bool kLoopback = true;
/// Devices that make checksums or cut segments are asked to.
inline constexpr bool kOffload = true;
/// IPv4 addresses are used once nobody else turns out to have them, and are defended (RFC 5227); without, at once.
inline constexpr bool kIpv4Conflicts = true;
/// What has been dropped and why; without, all counters are zero.
inline constexpr bool kCounters = true;
/// Connections, sockets and neighbours are looked for one after the other: less of everything for up to a dozen.
inline constexpr bool kFewSockets = false;
/// Answers to echo requests go without this; errors to others and from others need it.
inline constexpr bool kIcmpErrors = true;

/// Shorter ways for what most packets are: half the instructions a packet, for a few kilobytes of flash. To leave them
/// out alone: NAL_EMBEDDED_FAST_PATHS=false.
inline constexpr bool kFastPaths = NAL_EMBEDDED_FAST_PATHS;

/// RFC 2018, RFC 6675, RFC 2883
inline constexpr bool kTcpSack = true;
/// RFC 7323
inline constexpr bool kTcpWindowScale = true;
inline constexpr bool kTcpTimestamps = true;
/// RFC 8985
inline constexpr bool kTcpRackTlp = true;
/// RFC 9438; without, RFC 5681
inline constexpr bool kTcpCubic = true;
/// RFC 3168
inline constexpr bool kTcpEcn = true;
inline constexpr bool kTcpKeepAlive = true;
/// `TcpTuning`; without, everything is as it says by itself.
inline constexpr bool kTcpTuning = true;
inline constexpr bool kTcpListener = true;
/// RFC 4987
inline constexpr bool kTcpSynCookies = true;

}  // namespace nal::embedded::features

#endif
