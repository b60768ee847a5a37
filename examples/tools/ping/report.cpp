#include "examples/tools/ping/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

void Report::sent(std::uint16_t sequence, nal::Instant now) {
  sent_at_[sequence] = now;
  asked_[sequence] = true;
  answered_[sequence] = false;
  ++transmitted_;
}

void Report::not_sent(std::uint16_t sequence) {
  asked_[sequence] = false;
  ++errors_;
}

Report::Reply Report::reply(std::uint16_t sequence, nal::Instant now) {
  if (!asked_[sequence]) { return {}; }
  const nal::Duration time = now - sent_at_[sequence];
  const bool duplicate = answered_[sequence];
  answered_[sequence] = true;
  ++(duplicate ? duplicates_ : received_);
  ++timed_;
  const double ms = static_cast<double>(time.microseconds()) / 1000;
  sum_ += ms;
  sum_squared_ += ms * ms;
  shortest_ = std::min(shortest_, time);
  longest_ = std::max(longest_, time);
  return {time, true, duplicate};
}

std::string Report::summary(nal::Duration elapsed) const {
  std::array<char, 256> line;
  std::snprintf(line.data(), line.size(), "%u packets transmitted, %u received", transmitted_, received_);
  std::string text = line.data();
  if (duplicates_ != 0) { text += ", +" + std::to_string(duplicates_) + " duplicates"; }
  if (errors_ != 0) { text += ", +" + std::to_string(errors_) + " errors"; }
  if (transmitted_ != 0) {
    const double lost = 100.0 * (transmitted_ - std::min(received_, transmitted_)) / transmitted_;
    std::snprintf(line.data(), line.size(), ", %g%% packet loss", lost);
    text += line.data();
  }
  text += ", time " + std::to_string(elapsed.milliseconds()) + "ms\n";
  if (timed_ != 0) {
    const double mean = sum_ / timed_;
    const double deviation = std::sqrt(std::max(0.0, sum_squared_ / timed_ - mean * mean));
    std::snprintf(line.data(), line.size(), "rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n",
                  static_cast<double>(shortest_.microseconds()) / 1000, mean,
                  static_cast<double>(longest_.microseconds()) / 1000, deviation);
    text += line.data();
  }
  return text;
}

namespace {

using Kind = nal::ProbeAnswer::Kind;

std::string unreachable_v4(std::uint8_t code) {
  static constexpr const char* kCodes[] = {"Destination Net Unreachable",
                                           "Destination Host Unreachable",
                                           "Destination Protocol Unreachable",
                                           "Destination Port Unreachable",
                                           "Frag needed and DF set",
                                           "Source Route Failed",
                                           "Destination Net Unknown",
                                           "Destination Host Unknown",
                                           "Source Host Isolated",
                                           "Destination Net Prohibited",
                                           "Destination Host Prohibited",
                                           "Destination Net Unreachable for Type of Service",
                                           "Destination Host Unreachable for Type of Service",
                                           "Packet filtered",
                                           "Precedence Violation",
                                           "Precedence Cutoff"};
  return code < std::size(kCodes) ? kCodes[code] : "Dest Unreachable, Bad Code: " + std::to_string(code);
}

std::string unreachable_v6(std::uint8_t code) {
  static constexpr const char* kCodes[] = {"No route",
                                           "Administratively prohibited",
                                           "Beyond scope of source address",
                                           "Address unreachable",
                                           "Port unreachable",
                                           "Source address failed ingress/egress policy",
                                           "Reject route to destination"};
  return "Destination unreachable: " +
         (code < std::size(kCodes) ? std::string(kCodes[code]) : "Unknown code " + std::to_string(code));
}

}  // namespace

std::string describe(const nal::ProbeAnswer& answer) {
  const bool v4 = answer.from.is_v4();
  switch (answer.kind) {
    case Kind::unreachable: return v4 ? unreachable_v4(answer.code) : unreachable_v6(answer.code);
    case Kind::time_exceeded:
      if (v4) { return answer.code == 0 ? "Time to live exceeded" : "Frag reassembly time exceeded"; }
      return answer.code == 0 ? "Time exceeded: Hop limit" : "Time exceeded: Defragmentation failure";
    case Kind::too_big:
      if (v4) { return "Frag needed and DF set (mtu = " + std::to_string(answer.mtu) + ")"; }
      return "Packet too big: mtu=" + std::to_string(answer.mtu);
    case Kind::parameter_problem: return "Parameter problem";
    case Kind::reply: break;
  }
  return "Echo reply";
}
