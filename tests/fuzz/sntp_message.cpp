// What comes from a server of time, of arbitrary bytes: what is believed is of an answer to what was asked, from a
// server that says that it knows.
#include <algorithm>
#include <array>
#include <cstdint>

#include "nal/sntp/message.hpp"
#include "tests/fuzz/harness.hpp"

using namespace nal;
using nal::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::array<std::byte, 64> copy{};
  const std::size_t count = std::min(size, copy.size());
  std::transform(data, data + count, copy.begin(), [](std::uint8_t byte) { return static_cast<std::byte>(byte); });
  const auto message = std::span(copy).first(count);
  const sntp::Cookie cookie{0x6e61'6c20, 0x6e74'7020};
  const auto request = sntp::write_request(cookie);
  // An input of odd size has the cookie, as an answer to this request has.
  if (count >= 32 && count % 2 == 1) { std::copy_n(request.begin() + 40, 8, message.begin() + 24); }
  const sntp::Reply reply = sntp::read_reply(message, cookie);
  if (reply.kind != sntp::Reply::Kind::nothing) {
    require(count >= sntp::kMessageSize && std::equal(request.begin() + 40, request.end(), message.begin() + 24));
  }
  if (reply.kind == sntp::Reply::Kind::time) {
    require(reply.stratum >= 1 && reply.stratum <= 15 && reply.leap != sntp::Leap::unknown);
    require(reply.sent >= reply.received);
    require(reply.root_delay < Duration::seconds(1) && reply.root_dispersion >= Duration::zero());
    const auto date = reply.sent.date_time();
    require(date.year >= 1968 && date.year <= 2104 && date.month >= 1 && date.month <= 12);
    require(date.day >= 1 && date.day <= 31 && date.hour < 24 && date.minute < 60 && date.second < 60);
  }
  return 0;
}
