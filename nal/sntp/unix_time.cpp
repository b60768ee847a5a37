#include "nal/sntp/unix_time.hpp"

#include "nal/text.hpp"

namespace nal::sntp {

namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kDaysOf400Years = 146'097;

void put_padded(TextWriter& text, std::uint32_t value, std::uint32_t least_power) noexcept {
  for (; least_power > 1 && value < least_power; least_power /= 10) { text.put('0'); }
  text.put_decimal(value);
}

}  // namespace

DateTime UnixTime::date_time() const noexcept {
  const std::int64_t seconds = this->seconds();
  const std::int64_t days = seconds / kDay - (seconds % kDay < 0 ? 1 : 0);
  const auto of_day = static_cast<std::uint32_t>(seconds - days * kDay);
  DateTime out;
  out.hour = static_cast<std::uint8_t>(of_day / 3600);
  out.minute = static_cast<std::uint8_t>(of_day / 60 % 60);
  out.second = static_cast<std::uint8_t>(of_day % 60);
  out.microsecond = static_cast<std::uint32_t>(microseconds() - seconds * 1'000'000);
  const std::int64_t weekday = (days + 4) % 7;
  out.weekday = static_cast<std::uint8_t>(weekday < 0 ? weekday + 7 : weekday);

  // Years that begin in March, so that the leap day is a year's last, in periods of 400 years from 0000-03-01.
  const std::int64_t from_zero = days + 719'468;
  const std::int64_t period = from_zero / kDaysOf400Years - (from_zero % kDaysOf400Years < 0 ? 1 : 0);
  const auto day = static_cast<std::uint32_t>(from_zero - period * kDaysOf400Years);
  const std::uint32_t year = (day - day / 1460 + day / 36'524 - day / 146'096) / 365;
  const std::uint32_t of_year = day - (365 * year + year / 4 - year / 100);
  const std::uint32_t month = (5 * of_year + 2) / 153;  // March is 0
  out.day = static_cast<std::uint8_t>(of_year - (153 * month + 2) / 5 + 1);
  out.month = static_cast<std::uint8_t>(month < 10 ? month + 3 : month - 9);
  out.year = static_cast<std::int32_t>(period * 400 + year + (month < 10 ? 0 : 1));
  return out;
}

Result<std::string_view> UnixTime::format_to(std::span<char> out) const noexcept {
  const DateTime date = date_time();
  TextWriter text(out);
  if (date.year < 0) { text.put('-'); }
  put_padded(text, static_cast<std::uint32_t>(date.year < 0 ? -date.year : date.year), 1000);
  text.put('-');
  put_padded(text, date.month, 10);
  text.put('-');
  put_padded(text, date.day, 10);
  text.put('T');
  put_padded(text, date.hour, 10);
  text.put(':');
  put_padded(text, date.minute, 10);
  text.put(':');
  put_padded(text, date.second, 10);
  text.put('.');
  put_padded(text, date.microsecond, 100'000);
  text.put('Z');
  return text.text();
}

}  // namespace nal::sntp
