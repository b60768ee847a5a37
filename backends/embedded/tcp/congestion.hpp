#pragma once
#include <algorithm>

#include "backends/embedded/absent.hpp"
#include "backends/embedded/features.hpp"
#include "backends/embedded/tcp/seq_number.hpp"

namespace nal::embedded {

/// How much may be under way: slow start and congestion avoidance of RFC 5681, with the growth of CUBIC (RFC 9438)
/// where that is chosen; the window during recovery is PRR's (RFC 6937). Bytes; times in milliseconds, low 32 bits.
class Congestion {
 public:
  std::uint32_t window() const noexcept { return window_; }
  std::uint32_t threshold() const noexcept { return threshold_; }
  bool slow_start() const noexcept { return window_ < threshold_; }

  /// A new connection. `lost_syn`: RFC 6928 §2 then allows one segment only.
  void start(std::uint32_t mss, bool lost_syn) noexcept;
  /// `acked` bytes were acknowledged outside recovery, and the window was all used.
  void on_ack(std::uint32_t acked, std::uint32_t mss, std::uint32_t now, std::uint32_t srtt_ms, bool cubic) noexcept;
  /// RFC 5681 §4.1: nothing was sent for longer than a time-out.
  void on_idle(std::uint32_t mss) noexcept;
  /// A loss, or a mark of ECN, with `flight` bytes under way: the new threshold. The window is for others to bring
  /// down.
  void reduce(std::uint32_t flight, std::uint32_t mss, bool cubic) noexcept;
  /// The retransmission timer expired: back to one segment.
  void on_timeout(std::uint32_t mss) noexcept {
    window_ = mss;
    cubic_ = {};
  }

  /// RFC 6937: recovery begins with `flight` under way.
  void enter_recovery(std::uint32_t flight) noexcept;
  /// An acknowledgement in recovery tells of `delivered` bytes more; `pipe` are now thought to be under way.
  void in_recovery(std::uint32_t delivered, std::uint32_t pipe, std::uint32_t mss, bool progress) noexcept;
  void sent_in_recovery(std::uint32_t bytes) noexcept { prr_.out += bytes; }
  /// Recovery is over.
  void leave_recovery() noexcept {
    window_ = threshold_;
    cubic_ = {};
  }
  /// Brings the window to the threshold at once (ECN).
  void to_threshold() noexcept { window_ = threshold_; }
  void at_least(std::uint32_t window) noexcept { window_ = window_ < window ? window : window_; }

 private:
  std::uint32_t window_ = 0;
  std::uint32_t threshold_ = 0x7fffffff;
  std::uint32_t acked_ = 0;  ///< towards the window's next segment
  struct Before {
    std::uint32_t window = 0;
  };
  struct NoBefore {
    static constexpr Absent<std::uint32_t> window{};
  };
  /// CUBIC: the window before the last reduction.
  [[no_unique_address]] std::conditional_t<features::kTcpCubic, Before, NoBefore> max_;
  /// RFC 6937: of meaning in recovery only.
  struct Prr {
    std::uint32_t delivered;
    std::uint32_t out;
    std::uint32_t recovery_flight;
  };
  /// RFC 9438: of meaning outside of recovery only; while nothing is known of its growth, zero.
  struct Cubic {
    std::uint32_t k;      ///< milliseconds from the epoch until `w_max_` is reached again
    std::uint32_t epoch;  ///< when growth began
    std::uint32_t w_est;  ///< what Reno would have; not 0 once growth has begun
  };
  union {
    Cubic cubic_{};
    Prr prr_;
  };

  void grow_as_cubic(std::uint32_t acked, std::uint32_t mss, std::uint32_t now, std::uint32_t srtt_ms) noexcept;
};

/// What a `Congestion` is without SACK and CUBIC: RFC 5681 and RFC 6582, with the same functions. In recovery the
/// window is the threshold: what duplicate acknowledgements tell to have left the network does not count as under way,
/// so that the window needs no inflating.
class NewReno {
 public:
  std::uint32_t window() const noexcept { return window_; }
  bool slow_start() const noexcept { return window_ < threshold_; }

  void start(std::uint32_t mss, bool lost_syn) noexcept {
    window_ = lost_syn ? mss : initial(mss);
    threshold_ = 0x7fffffff;
    acked_ = 0;
  }
  void on_ack(std::uint32_t acked, std::uint32_t mss, std::uint32_t /*now*/, std::uint32_t /*srtt_ms*/,
              bool /*cubic*/) noexcept {
    if (slow_start()) {
      window_ += std::min(acked, 2 * mss);
      return;
    }
    acked_ += acked;
    if (acked_ >= window_) {
      acked_ -= window_;
      // More than twice what can be told of without window scaling is of no use.
      if (window_ < 0x20000) { window_ += mss; }
    }
  }
  void on_idle(std::uint32_t mss) noexcept { window_ = std::min(window_, initial(mss)); }
  void reduce(std::uint32_t flight, std::uint32_t mss, bool /*cubic*/) noexcept {
    threshold_ = std::max(flight / 2, 2 * mss);
  }
  void on_timeout(std::uint32_t mss) noexcept { window_ = mss; }
  static void enter_recovery(std::uint32_t /*flight*/) noexcept {}
  void in_recovery(std::uint32_t /*delivered*/, std::uint32_t /*pipe*/, std::uint32_t /*mss*/,
                   bool /*progress*/) noexcept {
    window_ = threshold_;
  }
  static void sent_in_recovery(std::uint32_t /*bytes*/) noexcept {}
  void leave_recovery() noexcept { window_ = threshold_; }
  void to_threshold() noexcept { window_ = threshold_; }
  void at_least(std::uint32_t window) noexcept { window_ = window_ < window ? window : window_; }

 private:
  /// RFC 6928 §2
  static std::uint32_t initial(std::uint32_t mss) noexcept {
    return std::min(10 * mss, std::max<std::uint32_t>(2 * mss, 14600));
  }

  std::uint32_t window_ = 0;
  std::uint32_t threshold_ = 0x7fffffff;
  std::uint32_t acked_ = 0;
};

using CongestionControl = std::conditional_t<features::kTcpSack || features::kTcpCubic, Congestion, NewReno>;

}  // namespace nal::embedded
