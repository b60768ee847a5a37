#pragma once
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

}  // namespace nal::embedded
