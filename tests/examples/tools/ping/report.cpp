#include "examples/tools/ping/report.hpp"

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace nal::literals;

const nal::Instant kStart = nal::Instant::from_microseconds(1'000'000);

}  // namespace

TEST_CASE("a report tells how long answers took, and what was lost", "[ping]") {
  Report report;
  for (std::uint16_t i = 1; i <= 4; ++i) { report.sent(i, kStart + i * 1_s); }
  CHECK(report.reply(1, kStart + 1_s + 1_ms).time == 1_ms);
  report.reply(2, kStart + 2_s + 3_ms);
  report.reply(3, kStart + 3_s + 2_ms);
  CHECK(report.answered(3));
  CHECK_FALSE(report.answered(4));
  CHECK(report.summary(3_s) ==
        "4 packets transmitted, 3 received, 25% packet loss, time 3000ms\n"
        "rtt min/avg/max/mdev = 1.000/2.000/3.000/0.816 ms\n");
}

TEST_CASE("a second answer is a duplicate, and one to nothing is none", "[ping]") {
  Report report;
  report.sent(1, kStart);
  CHECK_FALSE(report.reply(2, kStart).expected);
  CHECK_FALSE(report.reply(1, kStart + 1_ms).duplicate);
  CHECK(report.reply(1, kStart + 2_ms).duplicate);
  CHECK(report.received() == 1);
  CHECK(
      report.summary(0_s).starts_with("1 packets transmitted, 1 received, +1 duplicates, 0% packet loss, time 0ms\n"));
  // The numbers begin anew after 65536 requests.
  report.sent(1, kStart + 9_s);
  CHECK_FALSE(report.reply(1, kStart + 9_s + 1_ms).duplicate);
}

TEST_CASE("what was not sent and what routers complain of are errors", "[ping]") {
  Report report;
  report.sent(1, kStart);
  report.not_sent(1);
  report.sent(2, kStart);
  report.error();
  CHECK_FALSE(report.reply(1, kStart).expected);
  CHECK(report.summary(1_s) == "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1000ms\n");
}

TEST_CASE("a report of nothing divides by nothing", "[ping]") {
  CHECK(Report().summary(0_s) == "0 packets transmitted, 0 received, time 0ms\n");
}

TEST_CASE("every ICMP error has its words, whatever its code", "[ping]") {
  for (const nal::Family family : {nal::Family::v4, nal::Family::v6}) {
    for (unsigned code = 0; code < 256; ++code) {
      nal::ProbeAnswer answer;
      answer.kind = nal::ProbeAnswer::Kind::unreachable;
      answer.from = nal::IpAddress::loopback(family);
      answer.code = static_cast<std::uint8_t>(code);
      CHECK_FALSE(describe(answer).empty());
    }
  }
  nal::ProbeAnswer answer;
  answer.from = nal::IpAddress::loopback(nal::Family::v4);
  answer.kind = nal::ProbeAnswer::Kind::unreachable;
  answer.code = 13;
  CHECK(describe(answer) == "Packet filtered");
  answer.code = 200;
  CHECK(describe(answer) == "Dest Unreachable, Bad Code: 200");
  answer.kind = nal::ProbeAnswer::Kind::too_big;
  answer.mtu = 1400;
  CHECK(describe(answer) == "Frag needed and DF set (mtu = 1400)");
  answer.from = nal::IpAddress::loopback(nal::Family::v6);
  CHECK(describe(answer) == "Packet too big: mtu=1400");
  answer.kind = nal::ProbeAnswer::Kind::unreachable;
  answer.code = 3;
  CHECK(describe(answer) == "Destination unreachable: Address unreachable");
  answer.code = 9;
  CHECK(describe(answer) == "Destination unreachable: Unknown code 9");
}
