#include "examples/tools/speed/protocol.hpp"

#include <charconv>

#include "nal/read.hpp"
#include "nal/write.hpp"

namespace nal_speed {

namespace {

constexpr std::size_t kLongestLine = 256;
constexpr std::uint32_t kMostBlock = 16 * 1024 * 1024;
constexpr std::uint32_t kMostStreams = 16;

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

/// The value of ` name=` in a line.
std::optional<std::uint64_t> field(std::string_view line, std::string_view name) {
  std::string wanted(" ");
  wanted.append(name).append("=");
  const std::size_t at = line.find(wanted);
  if (at == std::string_view::npos) { return std::nullopt; }
  const std::string_view rest = line.substr(at + wanted.size());
  return number(rest.substr(0, rest.find(' ')), 10);
}

std::string with(std::string_view name, std::uint64_t value) {
  std::string text(" ");
  return text.append(name).append("=").append(std::to_string(value));
}

void store(std::byte* to, std::uint64_t value) {
  for (int i = 7; i >= 0; --i) { *to++ = static_cast<std::byte>(value >> (8 * i)); }
}
std::uint64_t load(const std::byte* from) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) { value = value << 8 | std::to_integer<std::uint64_t>(*from++); }
  return value;
}

}  // namespace

void DatagramHeader::write(std::span<std::byte, kSize> to) const noexcept {
  store(&to[0], token);
  store(&to[8], number);
  store(&to[16], microseconds);
}

DatagramHeader DatagramHeader::read(std::span<const std::byte, kSize> from) noexcept {
  return {load(&from[0]), load(&from[8]), load(&from[16])};
}

std::string to_line(const Plan& plan) {
  std::string line(kVersion);
  line += plan.udp ? "udp" : "tcp";
  line += plan.sends && plan.receives ? " both" : plan.sends ? " send" : " receive";
  return line + with("bytes", plan.bytes) + with("us", static_cast<std::uint64_t>(plan.time.microseconds())) +
         with("block", plan.block) + with("rate", plan.rate) + with("streams", plan.streams) +
         with("check", plan.check ? 1 : 0) + "\n";
}

std::optional<Plan> parse_plan(std::string_view line) {
  if (!line.starts_with(kVersion)) { return std::nullopt; }
  line.remove_prefix(kVersion.size());
  const bool udp = line.starts_with("udp ");
  if (!udp && !line.starts_with("tcp ")) { return std::nullopt; }
  line.remove_prefix(4);
  const std::string_view way = line.substr(0, line.find(' '));
  const auto bytes = field(line, "bytes");
  const auto us = field(line, "us");
  const auto block = field(line, "block");
  const auto rate = field(line, "rate");
  const auto streams = field(line, "streams");
  const auto check = field(line, "check");
  if ((way != "send" && way != "receive" && way != "both") || !bytes || !us || !block || !rate || !streams || !check) {
    return std::nullopt;
  }
  // A day is longer than anybody measures.
  constexpr std::uint64_t kLongest = 86'400'000'000;
  if (*us > kLongest || *block == 0 || *block > kMostBlock || *streams == 0 || *streams > kMostStreams) {
    return std::nullopt;
  }
  if (udp && (*block < DatagramHeader::kSize || *block > 65'507 || *streams != 1)) { return std::nullopt; }
  Plan plan;
  plan.udp = udp;
  plan.sends = way != "receive";
  plan.receives = way != "send";
  plan.bytes = *bytes;
  plan.time = nal::Duration::microseconds(static_cast<std::int64_t>(*us));
  plan.block = static_cast<std::uint32_t>(*block);
  plan.rate = *rate;
  plan.streams = static_cast<std::uint32_t>(*streams);
  plan.check = *check != 0;
  return plan;
}

std::string to_line(std::string_view verb, const Totals& totals) {
  return std::string(verb) + with("bytes", totals.bytes) + with("us", totals.microseconds) +
         with("blocks", totals.blocks) + with("crc", totals.crc) + with("late", totals.late) +
         with("jitter", totals.jitter) + "\n";
}

std::optional<Totals> parse_totals(std::string_view verb, std::string_view line) {
  const auto bytes = field(line, "bytes");
  const auto us = field(line, "us");
  if (!line.starts_with(verb) || !bytes || !us) { return std::nullopt; }
  Totals totals;
  totals.bytes = *bytes;
  totals.microseconds = *us;
  totals.blocks = field(line, "blocks").value_or(0);
  totals.crc = static_cast<std::uint32_t>(field(line, "crc").value_or(0));
  totals.late = field(line, "late").value_or(0);
  totals.jitter = field(line, "jitter").value_or(0);
  return totals;
}

std::string to_line(std::string_view verb, std::uint64_t token) {
  std::string digits(kTokenDigits, '0');
  for (std::size_t i = 0; i < kTokenDigits; ++i) { digits[i] = "0123456789abcdef"[token >> (60 - 4 * i) & 15]; }
  return std::string(verb) + " " + digits + "\n";
}

std::optional<std::uint64_t> parse_token(std::string_view verb, std::string_view line) {
  if (line.size() != verb.size() + 1 + kTokenDigits || !line.starts_with(verb)) { return std::nullopt; }
  return number(line.substr(verb.size() + 1), 16);
}

nal::Task<> read_line(nal::AnyTcpStream& stream, std::string& line) {
  line.clear();
  std::byte next[1];
  // One at a time: what is behind the line may be data.
  for (;;) {
    NAL_CO_TRY(nal::read_exact(stream, next));
    if (next[0] == std::byte{'\n'}) { co_return nal::Unit{}; }
    if (line.size() == kLongestLine) { co_return nal::Unexpected(nal::Error::protocol_error); }
    line.push_back(static_cast<char>(next[0]));
  }
}

nal::Task<> write_line(nal::AnyTcpStream& stream, std::string line) {
  co_return co_await nal::write_all(stream, std::as_bytes(std::span(line)));
}

}  // namespace nal_speed
