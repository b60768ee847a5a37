#include "backends/embedded/tcp/congestion.hpp"

#include <algorithm>

namespace nal::embedded {

namespace {

/// Cube root, rounded down (by digits of three bits: no floating point, no division).
[[maybe_unused]] std::uint32_t cube_root(std::uint64_t x) noexcept {
  std::uint32_t root = 0;
  for (int shift = 63; shift >= 0; shift -= 3) {
    root <<= 1;
    const std::uint64_t step = 3 * std::uint64_t{root} * (root + std::uint64_t{1}) + 1;
    if ((x >> shift) >= step) {
      x -= step << shift;
      ++root;
    }
  }
  return root;
}

constexpr std::uint32_t kMaxWindow = 0x3fffffff;

}  // namespace

void Congestion::start(std::uint32_t mss, bool lost_syn) noexcept {
  // RFC 6928 §2
  window_ = lost_syn ? mss : std::min(10 * mss, std::max<std::uint32_t>(2 * mss, 14600));
  threshold_ = 0x7fffffff;
  acked_ = 0;
}

void Congestion::on_ack(std::uint32_t acked, std::uint32_t mss, std::uint32_t now, std::uint32_t srtt_ms,
                        bool cubic) noexcept {
  if (slow_start()) {
    // RFC 3465 §2.3: what acknowledgements that were lost or saved would have told counts, two segments' worth.
    window_ += std::min(acked, 2 * mss);
    return;
  }
  if constexpr (features::kTcpCubic) {
    if (cubic) {
      grow_as_cubic(acked, mss, now, srtt_ms);
      return;
    }
  }
  // RFC 5681 §3.1, counting bytes: a segment a window.
  acked_ += acked;
  if (acked_ >= window_) {
    acked_ -= window_;
    window_ = std::min(window_ + mss, kMaxWindow);
  }
  static_cast<void>(now), static_cast<void>(srtt_ms), static_cast<void>(cubic);
}

void Congestion::grow_as_cubic(std::uint32_t acked, std::uint32_t mss, std::uint32_t now,
                               std::uint32_t srtt_ms) noexcept {
  if constexpr (features::kTcpCubic) {
    // Windows in bytes, times in milliseconds, C = 0.4 segments/s^3 (RFC 9438 §4.1, §5.1).
    if (cubic_.w_est == 0) {
      cubic_ = {0, now, window_};
      acked_ = 0;
      if (window_ < max_.window) {
        // K = cbrt((W_max - cwnd) / C) in seconds, of segments: in ms, cbrt(10^9 * 2.5 * segments).
        cubic_.k = cube_root(std::uint64_t{max_.window - window_} * 2'500'000'000u / mss);
      } else {
        cubic_.k = 0;
        max_.window = window_;
      }
    }
    // §4.2: what the window should be a round trip from now.
    const std::uint32_t elapsed = std::min<std::uint32_t>(now - cubic_.epoch + srtt_ms, 1'000'000);
    const bool before = elapsed < cubic_.k;
    const std::uint64_t distance = std::min<std::uint64_t>(before ? cubic_.k - elapsed : elapsed - cubic_.k, 400'000);
    // 0.4 * mss * d^3 / 10^9, in an order that stays within 64 bits.
    const std::uint64_t growth = distance * distance * distance / 1'000'000 * mss / 2500;
    std::uint64_t target = before ? (growth < max_.window ? max_.window - growth : 0) : max_.window + growth;
    target = std::clamp<std::uint64_t>(target, window_, window_ + window_ / 2);
    // §4.3: not less than Reno with the same back-off, 3 * (1 - 0.7) / (1 + 0.7) = 9/17 segments a window, and once the
    // last maximum is reached as much as Reno. That window is taken at once.
    const std::uint64_t rise = std::uint64_t{acked} * mss / window_;
    cubic_.w_est += static_cast<std::uint32_t>(cubic_.w_est < max_.window ? rise * 9 / 17 : rise);
    if (target < cubic_.w_est) {
      window_ = std::min(std::max(window_, cubic_.w_est), kMaxWindow);
      return;
    }
    // §4.4: the difference comes over a window's worth of acknowledgements.
    const std::uint64_t step = (target - window_) * std::min(acked, window_) / window_;
    window_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(window_ + step, kMaxWindow));
  }
}

void Congestion::on_idle(std::uint32_t mss) noexcept {
  window_ = std::min(window_, std::min(10 * mss, std::max<std::uint32_t>(2 * mss, 14600)));
  cubic_ = {};
}

void Congestion::reduce(std::uint32_t flight, std::uint32_t mss, bool cubic) noexcept {
  std::uint32_t threshold = flight / 2;  // RFC 5681 equation (4)
  if constexpr (features::kTcpCubic) {
    if (cubic) {
      // §4.6, §4.7: three tenths less, and room for newcomers when even the last maximum was not reached.
      const std::uint32_t window = std::max(window_, flight);
      max_.window = window < max_.window ? window / 20 * 17 : window;
      cubic_ = {};
      threshold = flight / 10 * 7;
    }
  }
  static_cast<void>(cubic);
  threshold_ = std::max(threshold, 2 * mss);
}

void Congestion::enter_recovery(std::uint32_t flight) noexcept { prr_ = {0, 0, std::max<std::uint32_t>(flight, 1)}; }

void Congestion::in_recovery(std::uint32_t delivered, std::uint32_t pipe, std::uint32_t mss, bool progress) noexcept {
  prr_.delivered += delivered;
  // Windows have at most 30 bits (RFC 7323 §2.3).
  const auto behind = static_cast<std::int32_t>(prr_.delivered - prr_.out);
  std::int32_t allowed = 0;
  if (pipe <= threshold_) {
    // The slow start reduction bound, the conservative one unless things go forward.
    const std::int32_t bound =
        progress ? std::max(behind, static_cast<std::int32_t>(delivered)) + static_cast<std::int32_t>(mss) : behind;
    allowed = std::min(static_cast<std::int32_t>(threshold_ - pipe), bound);
  } else if constexpr (features::kTcpSack) {
    // Proportional: ceil(prr_delivered * ssthresh / RecoverFS) - prr_out
    allowed = static_cast<std::int32_t>(
        (std::uint64_t{prr_.delivered} * threshold_ + prr_.recovery_flight - 1) / prr_.recovery_flight - prr_.out);
  } else {
    // Without CUBIC, ssthresh is half of what was under way.
    allowed = static_cast<std::int32_t>(prr_.delivered / 2 - prr_.out);
  }
  // The first retransmission always goes out (§3.1: "fast retransmit").
  if (prr_.out == 0) { allowed = std::max(allowed, static_cast<std::int32_t>(mss)); }
  window_ = pipe + static_cast<std::uint32_t>(std::max(allowed, std::int32_t{0}));
}

}  // namespace nal::embedded
