#pragma once
/// What is compiled into each of the embedded stack's images: NAL_SIZES_SET is the number of its column.
/// Sets 1 to 4 are measured on Cortex-M3, 5 to 8 on Cortex-M4: README.md says what each is.
namespace nal::embedded::features {

namespace sizes {
/// Whether the image's set is among those named by their digits.
constexpr bool in(unsigned sets) noexcept {
  while (sets != 0 && sets % 10 != NAL_SIZES_SET) { sets /= 10; }
  return sets != 0;
}
}  // namespace sizes

inline constexpr bool kIpv4 = true;
inline constexpr bool kIpv6 = sizes::in(128);
inline constexpr bool kEthernet = true;
inline constexpr bool kFragments = sizes::in(178);
inline constexpr bool kMulticast = sizes::in(8);
inline constexpr bool kDhcpv4 = sizes::in(12378);
inline constexpr bool kDhcpv4Extras = sizes::in(8);
inline constexpr bool kSlaac = sizes::in(128);
inline constexpr bool kTemporaryAddresses = false;
inline constexpr bool kSpecificRoutes = sizes::in(8);
inline constexpr bool kSearchDomains = sizes::in(8);
inline constexpr bool kStableAddresses = sizes::in(8);
inline constexpr bool kDadNonce = sizes::in(8);
inline constexpr bool kIpv4LinkLocal = sizes::in(8);
inline constexpr bool kTcp = !sizes::in(5);
inline constexpr bool kUdp = true;
inline constexpr bool kRaw = sizes::in(8);
inline constexpr bool kLoopback = sizes::in(8);
inline constexpr bool kOffload = false;
inline constexpr bool kIpv4Conflicts = sizes::in(8);
inline constexpr bool kCounters = false;
inline constexpr bool kFewSockets = true;
inline constexpr bool kIcmpErrors = sizes::in(128);
inline constexpr bool kFastPaths = false;

inline constexpr bool kTcpSack = false;
inline constexpr bool kTcpWindowScale = false;
inline constexpr bool kTcpTimestamps = false;
inline constexpr bool kTcpRackTlp = false;
inline constexpr bool kTcpCubic = false;
inline constexpr bool kTcpEcn = false;
inline constexpr bool kTcpKeepAlive = false;
inline constexpr bool kTcpTuning = false;
inline constexpr bool kTcpListener = sizes::in(678);
inline constexpr bool kTcpSynCookies = false;

}  // namespace nal::embedded::features
