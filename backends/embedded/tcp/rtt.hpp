#pragma once
#include <algorithm>
#include <cstdint>

#include "backends/embedded/absent.hpp"

namespace nal::embedded {

/// The round-trip time of a path and the retransmission time-out that follows from it (RFC 6298). Microseconds inside,
/// milliseconds for time-outs.
class RttEstimator {
 public:
  static constexpr std::uint32_t kInitialRto = 1000;  // §2.1
  static constexpr std::uint32_t kMaxRto = 60'000;    // §2.5

  bool known() const noexcept { return srtt_ != 0; }
  std::uint32_t srtt() const noexcept { return srtt_; }
  std::uint32_t min_rtt() const noexcept { return min_.us_; }

  /// §2.2, §2.3; with many samples a round trip, each weighs less (RFC 7323 appendix G): `per_round` of them.
  void sample(std::uint32_t rtt, std::uint32_t per_round = 1) noexcept {
    rtt = std::clamp<std::uint32_t>(rtt, 1, 120'000'000);
    min_.us_ = min_.us_ == 0 ? rtt : std::min<std::uint32_t>(min_.us_, rtt);
    if (srtt_ == 0) {
      srtt_ = rtt;
      variance_ = rtt / 2;
      return;
    }
    per_round = std::clamp<std::uint32_t>(per_round, 1, 64);
    const auto error = static_cast<std::int32_t>(rtt - srtt_);
    const std::uint32_t size = error < 0 ? static_cast<std::uint32_t>(-error) : static_cast<std::uint32_t>(error);
    const auto spread = static_cast<std::int32_t>(size - variance_);
    variance_ = static_cast<std::uint32_t>(static_cast<std::int32_t>(variance_) +
                                           spread / static_cast<std::int32_t>(4 * per_round));
    srtt_ = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(static_cast<std::int32_t>(srtt_) +
                                                                  error / static_cast<std::int32_t>(8 * per_round)));
  }

  /// In milliseconds, before any back-off. `slow`: nothing is known but that a handshake's first segment was lost
  /// (§5.7).
  std::uint32_t rto(std::uint32_t min_rto, bool slow) const noexcept {
    if (srtt_ == 0) { return slow ? 3 * kInitialRto : kInitialRto; }
    return std::clamp((srtt_ + 4 * variance_) / 1000 + 1, min_rto, kMaxRto);
  }
  /// A path that changed.
  void forget() noexcept { *this = {}; }

 private:
  std::uint32_t srtt_ = 0;  ///< 0: not known
  std::uint32_t variance_ = 0;
  struct Least {
    std::uint32_t us_ = 0;
  };
  struct NoLeast {
    static constexpr Absent<std::uint32_t> us_{};
  };
  [[no_unique_address]] std::conditional_t<features::kTcpRackTlp, Least, NoLeast> min_;
};

}  // namespace nal::embedded
