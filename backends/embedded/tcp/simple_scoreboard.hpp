#pragma once
#include <type_traits>

#include "backends/embedded/features.hpp"
#include "backends/embedded/tcp/scoreboard.hpp"

namespace nal::embedded {

/// What a `Scoreboard` is without SACK: the peer tells only how far it has everything, so that what is lost is one
/// range and one segment at a time tells the round-trip time. No memory beside it.
class SimpleScoreboard {
 public:
  struct Record {};
  using Range = Scoreboard::Range;
  using Delivered = Scoreboard::Delivered;
  static constexpr std::size_t kMinRecords = 0;

  SimpleScoreboard() noexcept = default;
  explicit SimpleScoreboard(std::span<Record> /*records*/) noexcept {}

  std::uint32_t lost() const noexcept { return lost_end_ - lost_begin_; }
  /// [previous end, `end`) was sent for the first time.
  void on_sent(SeqNumber begin, SeqNumber end, std::uint32_t now) noexcept;
  /// The front of what was lost was sent again.
  void on_retransmitted(SeqNumber una, Range range, std::uint32_t now) noexcept;
  /// Everything from `una` to `ack` has arrived.
  void on_ack(SeqNumber una, SeqNumber ack, Delivered& delivered) noexcept;
  static bool on_usual_ack(SeqNumber, Delivered&) noexcept { return false; }
  Range next_lost(SeqNumber /*una*/) const noexcept { return {lost_begin_, lost_end_}; }
  /// Gives up everything.
  void mark_all_lost(SeqNumber una) noexcept {
    lost_begin_ = una;
    lost_end_ = max(end_, una);
  }
  /// Gives up `bytes` at the front, unless something is given up already.
  void mark_first_lost(SeqNumber una, std::uint32_t bytes) noexcept;
  /// A part of the first was sent again, and it tells no round-trip time.
  void touch_first() noexcept { block(); }

  // What nobody tells without SACK, so that there is never anything.
  static constexpr std::uint32_t sacked() noexcept { return 0; }
  static constexpr bool first_is_sacked() noexcept { return false; }
  static void forget_sacked() noexcept {}
  static void on_sack(SeqNumber, Range, Delivered&) noexcept {}
  static Range last(SeqNumber una, std::uint32_t) noexcept { return {una, una}; }
  static bool mark_lost_below(SeqNumber, std::uint32_t) noexcept { return false; }
  static std::uint32_t mark_lost_before(SeqNumber, SeqNumber, std::uint32_t, std::uint32_t, std::uint32_t,
                                        bool&) noexcept {
    return 0;
  }

 private:
  enum class Timed : std::uint8_t {
    nothing,
    segment,  ///< the one up to `timed_end_`, sent at `sent_`
    blocked,  ///< until all up to `timed_end_` is acknowledged: some of it was sent twice (Karn)
  };
  void block() noexcept {
    timed_ = Timed::blocked;
    timed_end_ = end_;
  }

  SeqNumber end_;         ///< of what was sent
  SeqNumber lost_begin_;  ///< what was given up and not sent again
  SeqNumber lost_end_;
  SeqNumber timed_end_;
  std::uint32_t sent_ = 0;  ///< microseconds
  Timed timed_ = Timed::nothing;
};

using SentData = std::conditional_t<features::kTcpSack, Scoreboard, SimpleScoreboard>;

}  // namespace nal::embedded
