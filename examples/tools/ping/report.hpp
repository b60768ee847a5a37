#pragma once
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "nal/probe.hpp"
#include "nal/time.hpp"

/// How long answers took, and how many there were.
class Report {
 public:
  Report() : sent_at_(kNumbers) {}

  void sent(std::uint16_t sequence, nal::Instant now);
  /// It was not, after all.
  void not_sent(std::uint16_t sequence);

  struct Reply {
    nal::Duration time;
    bool expected = false;   ///< there was such a request
    bool duplicate = false;  ///< it has been answered before
  };
  Reply reply(std::uint16_t sequence, nal::Instant now);
  void error() { ++errors_; }
  bool answered(std::uint16_t sequence) const { return answered_[sequence]; }

  std::uint32_t transmitted() const { return transmitted_; }
  std::uint32_t received() const { return received_; }
  std::uint32_t errors() const { return errors_; }
  nal::Duration longest() const { return longest_; }

  /// The lines at the end, without the first.
  std::string summary(nal::Duration elapsed) const;

 private:
  static constexpr std::size_t kNumbers = 65536;

  std::vector<nal::Instant> sent_at_;
  std::bitset<kNumbers> asked_;
  std::bitset<kNumbers> answered_;
  std::uint32_t transmitted_ = 0;
  std::uint32_t received_ = 0;
  std::uint32_t duplicates_ = 0;
  std::uint32_t errors_ = 0;
  std::uint32_t timed_ = 0;
  nal::Duration shortest_ = nal::Duration::max();
  nal::Duration longest_{};
  double sum_ = 0;          ///< milliseconds
  double sum_squared_ = 0;  ///< square milliseconds
};

/// What an ICMP error says, in the words of iputils.
std::string describe(const nal::ProbeAnswer& answer);
