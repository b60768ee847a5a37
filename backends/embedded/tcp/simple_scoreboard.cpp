#include "backends/embedded/tcp/simple_scoreboard.hpp"

namespace nal::embedded {

void SimpleScoreboard::on_sent(SeqNumber /*begin*/, SeqNumber end, std::uint32_t now) noexcept {
  if (timed_ == Timed::nothing) {
    timed_ = Timed::segment;
    timed_end_ = end;
    sent_ = now;
  }
  end_ = end;
}

void SimpleScoreboard::on_retransmitted(SeqNumber /*una*/, Range range, std::uint32_t now) noexcept {
  lost_begin_ = max(lost_begin_, min(range.end, lost_end_));
  block();
  sent_ = now;
}

void SimpleScoreboard::on_ack(SeqNumber /*una*/, SeqNumber ack, Delivered& delivered) noexcept {
  if (lost() != 0) {
    lost_begin_ = max(lost_begin_, ack);
    lost_end_ = max(lost_end_, lost_begin_);
  }
  delivered.any = true;
  delivered.newest_end = ack;
  delivered.newest_sent = delivered.rtt_sent = sent_;
  if (timed_ != Timed::nothing && ack >= timed_end_) {
    delivered.rtt_known = timed_ == Timed::segment;
    timed_ = Timed::nothing;
  }
}

void SimpleScoreboard::mark_first_lost(SeqNumber una, std::uint32_t bytes) noexcept {
  if (lost() != 0) { return; }
  lost_begin_ = una;
  lost_end_ = max(min(end_, una + bytes), una);
}

}  // namespace nal::embedded
