#include "nal/sntp/message.hpp"

namespace nal::sntp {

namespace {

constexpr std::uint32_t kClient = 3;
constexpr std::uint32_t kServer = 4;
constexpr std::uint32_t kVersion = 4;
/// 1900-01-01 to 1970-01-01.
constexpr std::int64_t kFrom1900To1970 = 2'208'988'800;

// Where fields stand (RFC 4330 §4).
constexpr std::size_t kRootDelay = 4;
constexpr std::size_t kRootDispersion = 8;
constexpr std::size_t kReferenceIdentifier = 12;
constexpr std::size_t kOriginate = 24;
constexpr std::size_t kReceive = 32;
constexpr std::size_t kTransmit = 40;

std::uint32_t load(std::span<const std::byte> message, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (const std::byte byte : message.subspan(at, 4)) { value = value << 8 | std::to_integer<std::uint32_t>(byte); }
  return value;
}

constexpr std::uint32_t code(const char (&letters)[5]) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) { value = value << 8 | static_cast<unsigned char>(letters[i]); }
  return value;
}

/// A time of 0 is none.
bool is_told(std::span<const std::byte> message, std::size_t at) noexcept {
  return (load(message, at) | load(message, at + 4)) != 0;
}

UnixTime load_time(std::span<const std::byte> message, std::size_t at) noexcept {
  const std::uint32_t seconds = load(message, at);
  const auto microseconds =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(load(message, at + 4)) * 1'000'000 >> 32);
  // The counter is at 0 again in 2036.
  const std::int64_t era = (seconds & 0x8000'0000) == 0 ? std::int64_t{1} << 32 : 0;
  return UnixTime::from_microseconds((era + seconds - kFrom1900To1970) * 1'000'000 + microseconds);
}

/// Seconds with 16 bits behind the point.
Duration load_short(std::span<const std::byte> message, std::size_t at) noexcept {
  const auto value = static_cast<std::int32_t>(load(message, at));
  return Duration::microseconds(static_cast<std::int64_t>(value) * 1'000'000 / 65'536);
}

Reply::Kind kiss_o_death(std::uint32_t letters) noexcept {
  if (letters == code("DENY") || letters == code("RSTR")) { return Reply::Kind::refused; }
  return letters == code("RATE") ? Reply::Kind::slow_down : Reply::Kind::unsynchronised;
}

bool credible(Duration duration) noexcept { return duration >= Duration::zero() && duration < Duration::seconds(1); }

}  // namespace

std::array<std::byte, kMessageSize> write_request(const Cookie& cookie) noexcept {
  std::array<std::byte, kMessageSize> message{};
  message[0] = static_cast<std::byte>(kVersion << 3 | kClient);
  for (std::size_t i = 0; i < 8; ++i) {
    message[kTransmit + i] = static_cast<std::byte>(cookie[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
  }
  return message;
}

Reply read_reply(std::span<const std::byte> message, const Cookie& cookie) noexcept {
  Reply reply;
  if (message.size() < kMessageSize) { return reply; }
  const auto first = std::to_integer<std::uint32_t>(message[0]);
  const std::uint32_t version = first >> 3 & 7;
  if ((first & 7) != kServer || version == 0 || version > kVersion) { return reply; }
  if (load(message, kOriginate) != cookie[0] || load(message, kOriginate + 4) != cookie[1]) { return reply; }

  reply.leap = static_cast<Leap>(first >> 6);
  reply.stratum = std::to_integer<std::uint8_t>(message[1]);
  if (reply.stratum == 0) {
    reply.kind = kiss_o_death(load(message, kReferenceIdentifier));
    return reply;
  }
  reply.root_delay = load_short(message, kRootDelay);
  reply.root_dispersion = load_short(message, kRootDispersion);
  reply.received = load_time(message, kReceive);
  reply.sent = load_time(message, kTransmit);
  const bool told = is_told(message, kReceive) && is_told(message, kTransmit) && reply.sent >= reply.received;
  const bool known = reply.leap != Leap::unknown && reply.stratum < 16 && told && credible(reply.root_delay) &&
                     credible(reply.root_dispersion);
  reply.kind = known ? Reply::Kind::time : Reply::Kind::unsynchronised;
  return reply;
}

}  // namespace nal::sntp
