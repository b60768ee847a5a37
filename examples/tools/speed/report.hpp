#pragma once
#include <functional>
#include <optional>
#include <string>

#include "examples/tools/speed/exchange.hpp"

namespace nal_speed {

/// Tells what a test came to: in lines as it goes, or as JSON in the end.
class Report {
 public:
  /// How many segments the stack has sent again so far, where it tells.
  using Retransmissions = std::function<std::optional<std::uint64_t>()>;

  Report(const Plan& plan, bool sends, bool receives, bool json, Retransmissions retransmissions);

  void begin(const nal::Endpoint& local, const nal::Endpoint& remote);
  void interval(nal::Duration since_start, const Totals& sent, const Totals& received);
  /// Whether what arrived is what was sent, as far as that is known.
  bool end(const Outcome& outcome);
  void failed(const char* why);

 private:
  std::optional<std::uint64_t> retransmitted() const;
  void tell_direction(const char* who, const Totals& sent, const Totals& received) const;
  bool matches(const Totals& sent, const Totals& received) const;
  std::string json_totals(const Totals& totals) const;

  Plan plan_;
  bool sends_;
  bool receives_;
  bool json_;
  Retransmissions retransmissions_;
  std::optional<std::uint64_t> retransmitted_before_;
  nal::Duration last_{};
  Totals last_sent_;
  Totals last_received_;
  std::string head_;
  std::string intervals_;
};

}  // namespace nal_speed
