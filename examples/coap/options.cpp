#include "examples/coap/options.hpp"

namespace coap {

namespace {

using enum OptionNumber;
constexpr OptionRule kRules[] = {
    {if_match, OptionFormat::opaque, true, 0, 8},      {uri_host, OptionFormat::text, false, 1, 255},
    {etag, OptionFormat::opaque, true, 1, 8},          {if_none_match, OptionFormat::empty, false, 0, 0},
    {observe, OptionFormat::uint, false, 0, 3},        {uri_port, OptionFormat::uint, false, 0, 2},
    {location_path, OptionFormat::text, true, 0, 255}, {uri_path, OptionFormat::text, true, 0, 255},
    {content_format, OptionFormat::uint, false, 0, 2}, {max_age, OptionFormat::uint, false, 0, 4},
    {uri_query, OptionFormat::text, true, 0, 255},     {hop_limit, OptionFormat::uint, false, 1, 1},
    {accept, OptionFormat::uint, false, 0, 2},         {location_query, OptionFormat::text, true, 0, 255},
    {block2, OptionFormat::uint, false, 0, 3},         {block1, OptionFormat::uint, false, 0, 3},
    {size2, OptionFormat::uint, false, 0, 4},          {proxy_uri, OptionFormat::text, false, 1, 1034},
    {proxy_scheme, OptionFormat::text, false, 1, 255}, {size1, OptionFormat::uint, false, 0, 4},
    {echo, OptionFormat::opaque, false, 1, 40},        {no_response, OptionFormat::uint, false, 0, 1},
    {request_tag, OptionFormat::opaque, true, 0, 8},
};

/// The front of an option (RFC 7252 §3.1).
struct OptionHeader {
  std::size_t size;
  std::uint32_t delta;
  std::size_t length;
};

/// `bytes` begin with an option. *Errors*: protocol_error.
nal::Result<OptionHeader> parse_header(std::span<const std::byte> bytes) noexcept {
  const auto first = std::to_integer<std::uint32_t>(bytes[0]);
  std::uint32_t fields[] = {first >> 4, first & 15};
  std::size_t size = 1;
  for (std::uint32_t& field : fields) {
    if (field < 13) { continue; }
    const std::size_t extension = field - 12;
    if (field == 15 || bytes.size() - size < extension) { return nal::Unexpected(nal::Error::protocol_error); }
    const std::uint32_t high = std::to_integer<std::uint32_t>(bytes[size]);
    field = extension == 1 ? high + 13 : (high << 8 | std::to_integer<std::uint32_t>(bytes[size + 1])) + 269;
    size += extension;
  }
  if (bytes.size() - size < fields[1]) { return nal::Unexpected(nal::Error::protocol_error); }
  return OptionHeader{size, fields[0], fields[1]};
}

constexpr std::byte kMarker{0xFF};

}  // namespace

bool equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::size_t copy_bytes(std::span<const std::byte> from, std::span<std::byte> to) noexcept {
  const std::size_t size = std::min(from.size(), to.size());
  std::copy_n(from.begin(), size, to.begin());
  return size;
}

const OptionRule* find_rule(OptionNumber number) noexcept {
  for (const OptionRule& rule : kRules) {
    if (rule.number == number) { return &rule; }
  }
  return nullptr;
}

nal::Result<std::uint32_t> parse_uint(std::span<const std::byte> value) noexcept {
  if (value.size() > 4) { return nal::Unexpected(nal::Error::protocol_error); }
  std::uint32_t number = 0;
  for (const std::byte byte : value) { number = number << 8 | std::to_integer<std::uint32_t>(byte); }
  return number;
}

UintValue::UintValue(std::uint32_t number) noexcept : size_(0) {
  for (int i = 3; i >= 0; --i) {
    bytes_[i] = static_cast<std::byte>(number);
    if (number != 0) { size_ = static_cast<std::uint8_t>(4 - i); }
    number >>= 8;
  }
}

Options::Iterator::Iterator(std::span<const std::byte> rest) noexcept : rest_(rest) { step(); }

void Options::Iterator::step() noexcept {
  if (rest_.empty()) {
    done_ = true;
    return;
  }
  // Checked when the message was parsed.
  const auto header = parse_header(rest_);
  done_ = !header;
  if (done_) { return; }
  option_.number = static_cast<OptionNumber>(static_cast<std::uint32_t>(option_.number) + header->delta);
  option_.value = rest_.subspan(header->size, header->length);
  rest_ = rest_.subspan(header->size + header->length);
}

nal::Result<Options> Options::parse(std::span<const std::byte> bytes, std::size_t& size) noexcept {
  std::uint32_t number = 0;
  size = 0;
  while (size < bytes.size() && bytes[size] != kMarker) {
    NAL_TRY_SET(const OptionHeader header, parse_header(bytes.subspan(size)));
    number += header.delta;
    if (number > 0xFFFF) { return nal::Unexpected(nal::Error::protocol_error); }
    size += header.size + header.length;
  }
  return Options(bytes.first(size));
}

std::optional<std::span<const std::byte>> Options::find(OptionNumber number) const noexcept {
  for (const Option& option : *this) {
    if (option.number == number) { return option.value; }
  }
  return std::nullopt;
}

std::span<const std::byte> Options::value_of(OptionNumber number) const noexcept {
  return find(number).value_or(std::span<const std::byte>());
}

std::optional<std::uint32_t> Options::find_uint(OptionNumber number) const noexcept {
  const auto value = find(number);
  if (!value) { return std::nullopt; }
  const auto parsed = parse_uint(*value);
  if (!parsed) { return std::nullopt; }
  return *parsed;
}

std::uint32_t Options::uint_or(OptionNumber number, std::uint32_t otherwise) const noexcept {
  return find_uint(number).value_or(otherwise);
}

std::optional<OptionNumber> Options::first_bad() const noexcept {
  std::optional<OptionNumber> previous;
  for (const Option& option : *this) {
    const bool again = previous == option.number;
    previous = option.number;
    if (!is_critical(option.number)) { continue; }
    const OptionRule* rule = find_rule(option.number);
    if (!rule || (again && !rule->repeatable) || option.value.size() < rule->min_size ||
        option.value.size() > rule->max_size) {
      return option.number;
    }
  }
  return std::nullopt;
}

nal::Result<Block> Block::parse(std::span<const std::byte> value) noexcept {
  if (value.size() > 3) { return nal::Unexpected(nal::Error::protocol_error); }
  NAL_TRY_SET(const std::uint32_t number, parse_uint(value));
  return Block{number >> 4, (number & 8) != 0, static_cast<std::uint8_t>(number & 7)};
}

std::optional<Block> Block::find(const Options& options, OptionNumber number) noexcept {
  const auto value = options.find(number);
  if (!value) { return std::nullopt; }
  const auto block = parse(*value);
  if (!block) { return std::nullopt; }
  return *block;
}

}  // namespace coap
