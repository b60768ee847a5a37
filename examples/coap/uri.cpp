#include "examples/coap/uri.hpp"

#include "nal/ip_address.hpp"

namespace coap {

namespace {

using nal::Error;
using nal::Result;
using nal::Unexpected;
using namespace nal::detail;

constexpr std::array<std::string_view, 4> kSchemes{"coap", "coaps", "coap+tcp", "coaps+tcp"};

constexpr std::string_view kSubDelimiters = "!$&'()*+,;=";

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_unreserved(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || contains("-._~", c);
}

/// Bytes beyond ASCII are taken as they are, for people who write them.
constexpr bool may_stand_in_uri(char c) noexcept {
  const auto byte = static_cast<std::uint8_t>(c);
  return byte > 0x20 && byte != 0x7f && !contains("\"<>\\^`{|}#", c);
}

/// Takes one byte off the front: itself, or what three characters encode. Nothing: they do not encode one.
std::optional<char> take(std::string_view& text) noexcept {
  if (text.empty()) { return std::nullopt; }
  const char c = text[0];
  if (c != '%') {
    text.remove_prefix(1);
    return c;
  }
  if (text.size() < 3) { return std::nullopt; }
  const std::uint32_t high = digit_value(text[1]);
  const std::uint32_t low = digit_value(text[2]);
  if (high > 15 || low > 15) { return std::nullopt; }
  text.remove_prefix(3);
  return static_cast<char>(high << 4 | low);
}

/// How a part decodes: its length, and whether it is one or two dots.
struct Checked {
  std::size_t size = 0;
  bool only_dots = true;
};

Result<Checked> check_part(std::string_view part) noexcept {
  Checked checked;
  while (!part.empty()) {
    const auto c = take(part);
    if (!c) { return Unexpected(Error::invalid_argument); }
    ++checked.size;
    checked.only_dots = checked.only_dots && *c == '.';
  }
  if (checked.size > kMaxUriPart) { return Unexpected(Error::invalid_argument); }
  return checked;
}

/// The part up to the separator; `text` becomes what follows it, `more` whether there was one.
std::string_view split(std::string_view& text, char separator, bool& more) noexcept {
  const std::size_t end = find(text, separator);
  const std::string_view part = first(text, end);
  more = end != text.size();
  text.remove_prefix(more ? end + 1 : end);
  return part;
}

Result<> check_parts(std::string_view text, char separator, bool dots_allowed) noexcept {
  for (bool more = true; more;) {
    NAL_TRY_SET(const Checked checked, check_part(split(text, separator, more)));
    const bool dot_segment = checked.only_dots && (checked.size == 1 || checked.size == 2);
    if (dot_segment && !dots_allowed) { return Unexpected(Error::invalid_argument); }
  }
  return nal::Unit{};
}

Result<std::string_view> decode_host(std::string_view text, std::span<char> out) noexcept {
  std::size_t size = 0;
  while (!text.empty()) {
    const auto c = take(text);
    // A Uri-Host with a colon is an IPv6 address (RFC 7252 §6.5), so that of no name may be written as %3A.
    if (!c || *c == ':' || size == kMaxUriPart) { return Unexpected(Error::invalid_argument); }
    if (size == out.size()) { return Unexpected(Error::buffer_too_small); }
    out[size++] = lower(*c);
  }
  return std::string_view(out.data(), size);
}

bool is_zone(std::string_view zone) noexcept {
  for (const char c : zone) {
    if (!is_unreserved(c)) { return false; }
  }
  return !zone.empty();
}

/// What stands between the brackets: an IPv6 address, and perhaps a zone by number or name, whose case counts.
Result<std::string_view> take_literal(std::string_view text, std::span<char> out) noexcept {
  if (text.size() > kMaxUriPart) { return Unexpected(Error::invalid_argument); }
  const std::size_t percent = find(text, '%');
  const auto address = nal::Ipv6Address::parse(first(text, percent));
  if (!address) { return Unexpected(Error::invalid_argument); }
  nal::TextWriter writer(out);
  for (const char c : first(text, percent)) { writer.put(lower(c)); }
  if (percent != text.size()) {
    std::string_view zone = after(text, percent);
    if (zone.size() > 2 && zone[0] == '2' && zone[1] == '5') { zone.remove_prefix(2); }
    if (!is_zone(zone)) { return Unexpected(Error::invalid_argument); }
    writer.put('%');
    writer.put(zone);
  }
  return writer.text();
}

Result<> take_authority(Uri& uri, std::string_view authority, std::span<char> out) noexcept {
  if (contains(authority, '@')) { return Unexpected(Error::invalid_argument); }
  std::size_t host_end = find(authority, ':');
  if (!authority.empty() && authority[0] == '[') {
    const std::size_t bracket = find(authority, ']');
    if (bracket == authority.size()) { return Unexpected(Error::invalid_argument); }
    NAL_TRY_SET(uri.host, take_literal(first(after(authority, 0), bracket - 1), out));
    uri.host_is_address = true;
    host_end = bracket + 1;
  } else {
    const std::string_view host = first(authority, host_end);
    if (host.empty() || contains(host, '[') || contains(host, ']')) { return Unexpected(Error::invalid_argument); }
    NAL_TRY_SET(uri.host, decode_host(host, out));
    uri.host_is_address = nal::Ipv4Address::parse(uri.host).has_value();
  }
  if (host_end == authority.size()) { return nal::Unit{}; }
  if (authority[host_end] != ':') { return Unexpected(Error::invalid_argument); }
  const std::string_view digits = after(authority, host_end);
  if (digits.empty()) { return nal::Unit{}; }  // RFC 3986 §3.2.3: as good as none
  NAL_TRY_SET(const std::uint32_t port, parse_decimal(digits, 65535));
  if (port == 0) { return Unexpected(Error::invalid_argument); }
  uri.port = static_cast<std::uint16_t>(port);
  return nal::Unit{};
}

Result<Scheme> take_scheme(std::string_view& text) noexcept {
  const std::size_t colon = find(text, ':');
  for (std::size_t i = 0; i < kSchemes.size(); ++i) {
    if (kSchemes[i].size() != colon) { continue; }
    std::size_t same = 0;
    while (same < colon && lower(text[same]) == kSchemes[i][same]) { ++same; }
    if (same != colon) { continue; }
    text.remove_prefix(colon);
    if (text.size() < 3 || text[1] != '/' || text[2] != '/') { return Unexpected(Error::invalid_argument); }
    text.remove_prefix(3);
    return static_cast<Scheme>(i);
  }
  return Unexpected(Error::invalid_argument);
}

}  // namespace

std::string_view to_string(Scheme scheme) noexcept { return kSchemes[static_cast<std::size_t>(scheme)]; }

std::optional<std::string_view> UriParts::next(std::span<char, kMaxUriPart> out) noexcept {
  if (!more_) { return std::nullopt; }
  std::string_view part = split(rest_, separator_, more_);
  std::size_t size = 0;
  while (size < out.size()) {
    const auto c = take(part);
    if (!c) { break; }
    out[size++] = *c;
  }
  return std::string_view(out.data(), size);
}

Result<Uri> Uri::parse(std::string_view text, std::span<char> out) noexcept {
  for (const char c : text) {
    if (!may_stand_in_uri(c)) { return Unexpected(Error::invalid_argument); }
  }
  Uri uri;
  NAL_TRY_SET(uri.scheme, take_scheme(text));
  uri.port = default_port(uri.scheme);

  const std::size_t question = find(text, '?');
  if (question != text.size()) {
    uri.query = after(text, question);
    NAL_TRY(check_parts(*uri.query, '&', true));
  }
  text = first(text, question);

  const std::size_t slash = find(text, '/');
  if (slash != text.size()) {
    uri.path = after(text, slash);
    NAL_TRY(check_parts(uri.path, '/', false));
  }
  NAL_TRY(take_authority(uri, first(text, slash), out));
  return uri;
}

void UriWriter::put_encoded(std::string_view text, std::string_view allowed) noexcept {
  for (const char c : text) {
    if (is_unreserved(c) || contains(allowed, c)) {
      writer_.put(c);
    } else {
      writer_.put('%');
      const auto byte = static_cast<std::uint8_t>(c);
      writer_.put("0123456789ABCDEF"[byte >> 4]);
      writer_.put("0123456789ABCDEF"[byte & 15]);
    }
  }
}

void UriWriter::authority(Scheme scheme, std::string_view host, std::uint16_t port) noexcept {
  writer_.put(to_string(scheme));
  writer_.put("://");
  if (contains(host, ':')) {
    writer_.put('[');
    put_encoded(host, ":");
    writer_.put(']');
  } else {
    put_encoded(host, kSubDelimiters);
  }
  if (port == default_port(scheme)) { return; }
  writer_.put(':');
  writer_.put_decimal(port);
}

void UriWriter::segment(std::string_view value) noexcept {
  state_ = State::begun_path;
  writer_.put('/');
  put_encoded(value, "!$&'()*+,;=:@");
}

void UriWriter::argument(std::string_view value) noexcept {
  if (state_ == State::path) { writer_.put('/'); }
  writer_.put(state_ == State::query ? '&' : '?');
  state_ = State::query;
  put_encoded(value, "!$'()*+,;=:@/?");  // no '&': it stands between arguments
}

Result<std::string_view> UriWriter::text() noexcept {
  if (state_ == State::path) {
    writer_.put('/');
    state_ = State::begun_path;
  }
  return writer_.text();
}

}  // namespace coap
