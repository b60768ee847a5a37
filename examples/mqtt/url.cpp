#include "examples/mqtt/url.hpp"

#include "nal/text.hpp"

namespace mqtt {

namespace {

using nal::Error;
using nal::Result;
using nal::Unexpected;
using namespace nal::detail;

constexpr std::string_view kScheme = "mqtt://";
constexpr std::string_view kTlsScheme = "mqtts://";

bool is_hex(char c) noexcept { return digit_value(c) < 16; }

/// Takes decoded texts one behind the other into a buffer.
class Decoder {
 public:
  explicit Decoder(std::span<char> out) noexcept : out_(out) {}

  Result<std::string_view> decode(std::string_view text) noexcept {
    const std::size_t first = size_;
    for (std::size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (c == '%') {
        if (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) {
          return Unexpected(Error::invalid_argument);
        }
        c = static_cast<char>(digit_value(text[i + 1]) << 4 | digit_value(text[i + 2]));
        i += 2;
      }
      if (size_ == out_.size()) { return Unexpected(Error::buffer_too_small); }
      out_[size_++] = c;
    }
    return std::string_view(out_.data() + first, size_ - first);
  }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
};

}  // namespace

Result<Url> Url::parse(std::string_view text, std::span<char> out) noexcept {
  Decoder decoder(out);
  Url url;
  if (text.starts_with(kTlsScheme)) {
    url.secure = true;
    url.port = kDefaultTlsPort;
    text.remove_prefix(kTlsScheme.size());
  } else if (text.starts_with(kScheme)) {
    text.remove_prefix(kScheme.size());
  } else {
    return Unexpected(Error::invalid_argument);
  }

  const std::size_t slash = find(text, '/');
  if (slash != text.size()) { NAL_TRY_SET(url.topic, decoder.decode(after(text, slash))); }
  std::string_view authority = first(text, slash);

  // The last one, since a password may have one in it that nobody encoded.
  std::size_t at = authority.size();
  while (at != 0 && authority[at - 1] != '@') { --at; }
  if (at != 0) {
    const std::string_view credentials = first(authority, at - 1);
    const std::size_t colon = find(credentials, ':');
    NAL_TRY_SET(url.user, decoder.decode(first(credentials, colon)));
    if (colon != credentials.size()) { NAL_TRY_SET(url.password, decoder.decode(after(credentials, colon))); }
    authority.remove_prefix(at);
  }

  std::size_t host_end = find(authority, ':');
  if (!authority.empty() && authority[0] == '[') {
    const std::size_t bracket = find(authority, ']');
    if (bracket == authority.size()) { return Unexpected(Error::invalid_argument); }
    NAL_TRY_SET(url.host, decoder.decode(first(after(authority, 0), bracket - 1)));
    host_end = bracket + 1;
  } else {
    NAL_TRY_SET(url.host, decoder.decode(first(authority, host_end)));
  }
  if (url.host.empty()) { return Unexpected(Error::invalid_argument); }
  if (host_end != authority.size()) {
    if (authority[host_end] != ':') { return Unexpected(Error::invalid_argument); }
    NAL_TRY_SET(const std::uint32_t port, parse_decimal(after(authority, host_end), 65535));
    if (port == 0) { return Unexpected(Error::invalid_argument); }
    url.port = static_cast<std::uint16_t>(port);
  }
  return url;
}

}  // namespace mqtt
