#include "nal/sntp/message.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <vector>

#include "tests/nal/sntp/messages.hpp"

namespace nal::sntp::test {
namespace {

constexpr Cookie kCookie{0x0123'4567, 0x89ab'cdef};

Reply read(const Answer& answer) { return read_reply(answer.message(write_request(kCookie)), kCookie); }

std::uint32_t letters(const char* text) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) { value = value << 8 | static_cast<unsigned char>(text[i]); }
  return value;
}

}  // namespace

TEST_CASE("A request says its version, its mode, and nothing of this host", "[sntp]") {
  const Message request = write_request(kCookie);
  CHECK(request[0] == std::byte{0x23});
  CHECK(std::all_of(request.begin() + 1, request.begin() + 40, [](std::byte byte) { return byte == std::byte{0}; }));
  for (std::size_t i = 0; i < 8; ++i) { CHECK(request[40 + i] == static_cast<std::byte>((i * 2) << 4 | (i * 2 + 1))); }
}

TEST_CASE("An answer tells the time, and how good it is", "[sntp]") {
  const Reply reply = read({});
  CHECK(reply.kind == Reply::Kind::time);
  CHECK(reply.leap == Leap::none);
  CHECK(reply.stratum == 2);
  CHECK(reply.received == UnixTime::from_microseconds(1'700'000'000'500'000));
  CHECK(reply.sent == UnixTime::from_microseconds(1'700'000'000'750'000));
  CHECK(reply.root_delay == Duration::milliseconds(125));
  CHECK(reply.root_dispersion == Duration::microseconds(62'500));
  CHECK(read({.leap = 1}).leap == Leap::second_more);
  CHECK(read({.version = 3}).kind == Reply::Kind::time);
  CHECK(read({.version = 1}).kind == Reply::Kind::time);
}

TEST_CASE("The counter of seconds goes on behind its end in 2036", "[sntp]") {
  const Reply before = read({.received_seconds = 0xffff'ffff, .sent_seconds = 0xffff'ffff});
  CHECK(before.sent.seconds() == 2'085'978'495);  // 2036-02-07T06:28:15Z (RFC 4330 §3)
  const Reply across = read({.received_seconds = 0xffff'ffff, .sent_seconds = 0});
  CHECK(across.kind == Reply::Kind::time);
  CHECK(across.sent - across.received == Duration::milliseconds(1250));
  CHECK(read({.received_seconds = 0x8000'0000, .sent_seconds = 0x8000'0000}).sent.date_time().year == 1968);
  CHECK(read({.received_seconds = 0x7fff'ffff, .sent_seconds = 0x7fff'ffff}).sent.date_time().year == 2104);
}

TEST_CASE("What is no answer to this request is passed over", "[sntp]") {
  const Message good = Answer().message(write_request(kCookie));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(read_reply(std::span(good).first(size), kCookie).kind == Reply::Kind::nothing);
  }
  for (std::size_t bit = 0; bit < 64; ++bit) {
    Message other = good;
    other[24 + bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    CHECK(read_reply(other, kCookie).kind == Reply::Kind::nothing);
  }
  for (unsigned mode = 0; mode < 8; ++mode) {
    if (mode != 4) { CHECK(read({.mode = mode}).kind == Reply::Kind::nothing); }
  }
  for (const unsigned version : {0u, 5u, 6u, 7u}) { CHECK(read({.version = version}).kind == Reply::Kind::nothing); }
  // With a key behind it, it is one.
  std::vector<std::byte> longer(good.begin(), good.end());
  longer.resize(good.size() + 20);
  CHECK(read_reply(longer, kCookie).kind == Reply::Kind::time);
}

TEST_CASE("A server that does not know the time is not believed", "[sntp]") {
  const auto unusable = [](const Answer& answer) { return read(answer).kind == Reply::Kind::unsynchronised; };
  CHECK(unusable({.leap = 3}));
  CHECK_FALSE(unusable({.stratum = 15}));
  CHECK(unusable({.stratum = 16}));
  CHECK(unusable({.stratum = 255}));
  CHECK(unusable({.root_delay = 0x0001'0000}));
  CHECK_FALSE(unusable({.root_delay = 0x0000'ffff}));
  CHECK(unusable({.root_delay = 0xffff'ffff}));
  CHECK(unusable({.root_dispersion = 0x0001'0000}));
  CHECK(unusable({.root_dispersion = 0x8000'0000}));
  CHECK(unusable({.received_seconds = 0, .received_fraction = 0}));
  CHECK(unusable({.sent_seconds = 0, .sent_fraction = 0}));
  CHECK(unusable({.received_fraction = 0xc100'0000}));
}

TEST_CASE("A kiss of death is understood", "[sntp]") {
  const auto kind = [](const char* text) { return read({.stratum = 0, .reference = letters(text)}).kind; };
  CHECK(kind("DENY") == Reply::Kind::refused);
  CHECK(kind("RSTR") == Reply::Kind::refused);
  CHECK(kind("RATE") == Reply::Kind::slow_down);
  CHECK(kind("INIT") == Reply::Kind::unsynchronised);
  CHECK(kind("????") == Reply::Kind::unsynchronised);
  // From whoever does not know what was asked it means nothing.
  Message forged = Answer{.stratum = 0, .reference = letters("DENY")}.message(write_request({1, 2}));
  CHECK(read_reply(forged, kCookie).kind == Reply::Kind::nothing);
}

TEST_CASE("Every sequence of bytes is something", "[sntp]") {
  std::uint32_t state = 1;
  Message message = Answer().message(write_request(kCookie));
  for (int i = 0; i < 20'000; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    message[state >> 8 & 0xff ? (state >> 16) % message.size() : 0] = static_cast<std::byte>(state >> 24);
    for (std::size_t at = 0; at < 8; ++at) { message[24 + at] = write_request(kCookie)[40 + at]; }
    const Reply reply = read_reply(message, kCookie);
    if (reply.kind != Reply::Kind::time) { continue; }
    CHECK(reply.sent >= reply.received);
    CHECK(reply.stratum >= 1);
    CHECK(reply.stratum <= 15);
    CHECK(reply.root_delay >= Duration::zero());
    CHECK(reply.root_dispersion < Duration::seconds(1));
  }
}

}  // namespace nal::sntp::test
