#include "backends/embedded/tcp/simple_scoreboard.hpp"

#include <catch2/catch_test_macros.hpp>

namespace nal::embedded {
namespace {

/// Four segments of 100 bytes, sent at 10, 20, 30 and 40 from `begin` on.
SimpleScoreboard four(SeqNumber begin) {
  SimpleScoreboard sent;
  for (std::uint32_t i = 0; i < 4; ++i) { sent.on_sent(begin + 100 * i, begin + 100 * (i + 1), 10 * (i + 1)); }
  return sent;
}

}  // namespace

TEST_CASE("Without SACK one segment at a time tells the round-trip time", "[tcp][simple-scoreboard]") {
  for (const std::uint32_t start : {0U, 1000U, 0x7fffffe0U, 0xffffff80U}) {
    const SeqNumber begin(start);
    SimpleScoreboard sent = four(begin);
    Scoreboard::Delivered part;
    sent.on_ack(begin, begin + 50, part);
    CHECK(part.any);
    CHECK_FALSE(part.rtt_known);
    Scoreboard::Delivered whole;
    sent.on_ack(begin + 50, begin + 200, whole);
    CHECK(whole.rtt_known);
    CHECK(whole.rtt_sent == 10);
    Scoreboard::Delivered next;
    sent.on_ack(begin + 200, begin + 400, next);
    CHECK_FALSE(next.rtt_known);
    sent.on_sent(begin + 400, begin + 500, 90);
    Scoreboard::Delivered last;
    sent.on_ack(begin + 400, begin + 500, last);
    CHECK(last.rtt_known);
    CHECK(last.rtt_sent == 90);
  }
}

TEST_CASE("Without SACK nothing that was sent twice tells the round-trip time (Karn)", "[tcp][simple-scoreboard]") {
  const SeqNumber begin(0xfffffff0);
  SimpleScoreboard sent = four(begin);
  sent.mark_first_lost(begin, 100);
  CHECK(sent.lost() == 100);
  sent.on_retransmitted(begin, {begin, begin + 100}, 60);
  CHECK(sent.lost() == 0);
  // Sent behind what waits for the retransmission: it waits with it.
  sent.on_sent(begin + 400, begin + 500, 70);
  Scoreboard::Delivered delivered;
  sent.on_ack(begin, begin + 400, delivered);
  CHECK_FALSE(delivered.rtt_known);
  sent.on_sent(begin + 500, begin + 600, 80);
  Scoreboard::Delivered after;
  sent.on_ack(begin + 400, begin + 600, after);
  CHECK(after.rtt_known);
  CHECK(after.rtt_sent == 80);
}

TEST_CASE("Without SACK all is lost at a time-out, and sent again from the front", "[tcp][simple-scoreboard]") {
  const SeqNumber begin(0xffffff00);
  SimpleScoreboard sent = four(begin);
  sent.mark_all_lost(begin);
  CHECK(sent.lost() == 400);
  CHECK(sent.next_lost(begin).begin == begin);
  sent.on_retransmitted(begin, {begin, begin + 100}, 60);
  CHECK(sent.next_lost(begin).begin == begin + 100);
  CHECK(sent.lost() == 300);
  Scoreboard::Delivered delivered;
  sent.on_ack(begin, begin + 300, delivered);
  CHECK(sent.lost() == 100);
  CHECK(sent.next_lost(begin + 300).begin == begin + 300);
  sent.mark_first_lost(begin + 300, 50);
  CHECK(sent.lost() == 100);
  sent.on_ack(begin + 300, begin + 400, delivered);
  CHECK(sent.lost() == 0);
  CHECK(sent.next_lost(begin + 400).empty());
  // Never more than was sent.
  sent.mark_first_lost(begin + 400, 100);
  CHECK(sent.lost() == 0);
}

}  // namespace nal::embedded
