#include "nal/sntp/unix_time.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <string>

namespace nal::sntp::test {
namespace {

std::string text(UnixTime time) {
  std::array<char, 40> out;
  const auto written = time.format_to(out);
  REQUIRE(written);
  return std::string(*written);
}

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

}  // namespace

TEST_CASE("A point of time is written as ISO 8601 has it", "[sntp]") {
  // As `date --utc --iso-8601=ns --date=@SECONDS` says.
  CHECK(text(UnixTime()) == "1970-01-01T00:00:00.000000Z");
  CHECK(text(UnixTime::from_seconds(951'782'400)) == "2000-02-29T00:00:00.000000Z");
  CHECK(text(UnixTime::from_seconds(2'147'483'648)) == "2038-01-19T03:14:08.000000Z");
  CHECK(text(UnixTime::from_seconds(4'107'542'400)) == "2100-03-01T00:00:00.000000Z");
  CHECK(text(UnixTime::from_microseconds(1'000'000'000'000'001)) == "2001-09-09T01:46:40.000001Z");
  CHECK(text(UnixTime::from_microseconds(-1)) == "1969-12-31T23:59:59.999999Z");
  CHECK(text(UnixTime::from_seconds(-62'135'596'801)) == "0000-12-31T23:59:59.000000Z");
  CHECK(text(UnixTime::from_seconds(-62'198'755'200)) == "-0001-01-01T00:00:00.000000Z");
}

TEST_CASE("Every day from 1900 to 2200 follows the one before", "[sntp]") {
  const std::array<int, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::int64_t day = -25'567;  // 1900-01-01, a Monday
  unsigned weekday = 1;
  for (int year = 1900; year <= 2200; ++year) {
    for (int month = 1; month <= 12; ++month) {
      const int length = lengths[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
      for (int date = 1; date <= length; ++date, ++day, weekday = (weekday + 1) % 7) {
        const DateTime told = UnixTime::from_seconds(day * 86'400 + 86'399).date_time();
        const bool right = told.year == year && told.month == month && told.day == date && told.weekday == weekday &&
                           told.hour == 23 && told.minute == 59 && told.second == 59;
        if (!right) { FAIL("day " << day << " of " << year << '-' << month << '-' << date); }
      }
    }
  }
  CHECK(day == 84'371);  // 2201-01-01
}

TEST_CASE("Text that does not fit is an error", "[sntp]") {
  std::array<char, 27> out;
  CHECK(UnixTime().format_to(out));
  for (std::size_t size = 0; size < out.size(); ++size) {
    CHECK(UnixTime().format_to(std::span(out).first(size)).error_or(Error{}) == Error::buffer_too_small);
  }
}

TEST_CASE("Points of time differ by durations", "[sntp]") {
  const UnixTime time = UnixTime::from_seconds(100);
  CHECK(time + Duration::seconds(5) - time == Duration::seconds(5));
  CHECK((time - Duration::milliseconds(100'500)).seconds() == -1);
  CHECK(time < time + Duration::microseconds(1));
}

}  // namespace nal::sntp::test
