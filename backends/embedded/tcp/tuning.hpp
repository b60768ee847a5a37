#pragma once
#include <type_traits>

#include "backends/embedded/features.hpp"
#include "nal/time.hpp"

namespace nal::embedded {

/// What may be set of TCP as a whole. The switches turn off what is compiled in (features.hpp).
struct TcpTuning {
  bool sack = features::kTcpSack;
  bool timestamps = features::kTcpTimestamps;
  bool window_scale = features::kTcpWindowScale;
  bool rack_tlp = features::kTcpRackTlp;
  bool cubic = features::kTcpCubic;
  bool ecn = features::kTcpEcn;
  bool syn_cookies = features::kTcpSynCookies;

  /// An answer is waited for with an acknowledgement this long (RFC 9293 §3.8.6.3: below 500 ms).
  Duration delayed_ack = Duration::milliseconds(40);
  /// RFC 6298 allows more than the second that it asks for as the least time-out; like others this has less.
  Duration min_rto = Duration::milliseconds(200);
  /// Unacknowledged this long: timed_out, unless `TcpOptions::user_timeout` says otherwise (RFC 1122 §4.2.3.5: at
  /// least 100 s).
  Duration user_timeout = Duration::seconds(120);
  /// The same for a handshake.
  Duration connect_timeout = Duration::seconds(75);
  /// What a dropped stream has to say its last in.
  Duration linger = Duration::seconds(10);
  /// RFC 9293 §3.4.2: twice the longest life of a segment.
  Duration time_wait = Duration::seconds(60);
};

/// At most three weeks, which the low bits of the clock tell apart.
constexpr std::uint32_t tcp_milliseconds(Duration duration) noexcept {
  constexpr std::int64_t kMax = 1'800'000'000;
  const std::int64_t ms = duration.milliseconds_rounded_up();
  return static_cast<std::uint32_t>(ms < 1 ? 1 : ms > kMax ? kMax : ms);
}

/// The times of `TcpTuning`, milliseconds.
struct TcpLimits {
  constexpr explicit TcpLimits(const TcpTuning& tuning) noexcept
      : delayed_ack(tcp_milliseconds(tuning.delayed_ack)),
        min_rto(tcp_milliseconds(tuning.min_rto)),
        user_timeout(tcp_milliseconds(tuning.user_timeout)),
        connect_timeout(tcp_milliseconds(tuning.connect_timeout)),
        linger(tcp_milliseconds(tuning.linger)),
        time_wait(tcp_milliseconds(tuning.time_wait)) {}

  std::uint32_t delayed_ack;
  std::uint32_t min_rto;
  std::uint32_t user_timeout;
  std::uint32_t connect_timeout;
  std::uint32_t linger;
  std::uint32_t time_wait;
};

/// What a `Tcp` is tuned by: as it is told, or as it was compiled.
struct TcpTuned {
  explicit TcpTuned(const TcpTuning& tuning) noexcept : tuning_(tuning), limits_(tuning) {}
  TcpTuning tuning_;
  TcpLimits limits_;
};
struct TcpUntuned {
  constexpr TcpUntuned() noexcept = default;
  constexpr TcpUntuned(const TcpTuning& /*tuning*/) noexcept {}
  static constexpr TcpTuning tuning_{};
  static constexpr TcpLimits limits_{tuning_};
};
/// What a `Tcp` is given of it.
using TcpTuningGiven = std::conditional_t<features::kTcpTuning, const TcpTuning&, TcpUntuned>;

}  // namespace nal::embedded
