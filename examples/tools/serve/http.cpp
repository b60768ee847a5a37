#include "examples/tools/serve/http.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace nal_serve::http {

namespace {

// RFC 9110 §5.6.2.
bool is_token_char(char c) noexcept {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) { return true; }
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}
/// Of a field's value (RFC 9110 §5.5): anything visible, and bytes above ASCII.
bool is_field_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}
char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}
std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) { return {}; }
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

/// Whether a list of tokens (RFC 9110 §5.6.1) has one.
bool lists(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (same_name(trim(list.substr(0, comma)), token)) { return true; }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// A line without its end, which goes too; nothing when the end is not there yet.
std::optional<std::string_view> take_line(std::string_view& rest) noexcept {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) { return std::nullopt; }
  std::string_view line = rest.substr(0, end);
  if (line.ends_with('\r')) { line.remove_suffix(1); }
  rest.remove_prefix(end + 1);
  return line;
}

/// What the fields have told so far.
class Reader {
 public:
  explicit Reader(const Limits& limits) noexcept : limits_(limits) {}

  Parsed& parsed() noexcept { return parsed_; }
  Parsed refuse(std::uint16_t status) noexcept {
    parsed_.kind = Parsed::Kind::refused;
    parsed_.status = status;
    return parsed_;
  }

  /// 0, or why not.
  std::uint16_t request_line(std::string_view line) noexcept {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) { return 400; }
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    if (!is_token(method)) { return 400; }
    if (const std::uint16_t status = version(line.substr(last + 1))) { return status; }
    if (target.size() > limits_.target) { return 414; }
    request().method = method == "GET"    ? Method::get
                       : method == "HEAD" ? Method::head
                       : is_known(method) ? Method::known
                                          : Method::unknown;
    return take_target(target);
  }

  std::uint16_t field(std::string_view line) noexcept {
    const std::size_t colon = line.find(':');
    // Also a folded line, and white space before the colon: neither is a token.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) { return 400; }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (!std::all_of(value.begin(), value.end(), is_field_char)) { return 400; }
    if (++fields_ > limits_.fields) { return 431; }
    if (same_name(name, "host")) { return ++hosts_ > 1 ? 400 : 0; }
    if (same_name(name, "content-length")) { return length(value); }
    if (same_name(name, "transfer-encoding")) { return coding(value); }
    if (same_name(name, "expect")) { request().expects_continue = same_name(value, "100-continue"); }
    if (same_name(name, "connection")) {
      closes_ = closes_ || lists(value, "close");
      keeps_ = keeps_ || lists(value, "keep-alive");
    }
    return 0;
  }

  std::uint16_t end() noexcept {
    Request& it = request();
    if (it.chunks && hosts_ == 0) { return 400; }             // RFC 9112 §3.2
    if (it.has_chunked_body && lengths_ > 0) { return 400; }  // §6.3: an attempt at smuggling
    it.keep_alive = !closes_ && (it.chunks || keeps_);
    return 0;
  }

 private:
  Request& request() noexcept { return parsed_.request; }

  static bool is_known(std::string_view method) noexcept {
    for (const std::string_view known : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"}) {
      if (method == known) { return true; }
    }
    return false;
  }

  std::uint16_t version(std::string_view text) noexcept {
    if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.') { return 400; }
    const char major = text[5];
    const char minor = text[7];
    if (major < '0' || major > '9' || minor < '0' || minor > '9') { return 400; }
    if (major != '1') { return 505; }
    request().chunks = minor != '0';
    return 0;
  }

  std::uint16_t take_target(std::string_view target) noexcept {
    for (const char c : target) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte <= 0x20 || byte >= 0x7f) { return 400; }
    }
    // The absolute form is for proxies, but servers take it too (RFC 9112 §3.2.2).
    for (const std::string_view scheme : {"http://", "https://"}) {
      const std::size_t size = scheme.size();
      if (target.size() <= size || !same_name(target.substr(0, size), scheme)) { continue; }
      const std::size_t path = target.find_first_of("/?", size);
      if (path == size) { return 400; }
      target = path == std::string_view::npos ? "/" : target.substr(path);
    }
    const bool other_method = request().method == Method::known || request().method == Method::unknown;
    // `*` and an authority are of methods that are refused anyway.
    if (!target.starts_with('/') && !target.starts_with('?') && !other_method) { return 400; }
    const std::size_t question = std::min(target.find('?'), target.size());
    request().path = question == 0 ? "/" : target.substr(0, question);
    request().query = target.substr(std::min(question + 1, target.size()));
    return 0;
  }

  std::uint16_t length(std::string_view value) noexcept {
    std::uint64_t size = 0;
    if (!parse_number(value, size)) { return 400; }
    if (++lengths_ > 1 && size != request().content_length) { return 400; }
    request().content_length = size;
    return 0;
  }

  std::uint16_t coding(std::string_view value) noexcept {
    // HTTP/1.0 has none: RFC 9112 §6.1 has such a message be faulty.
    if (!request().chunks || request().has_chunked_body) { return 400; }
    if (!same_name(value, "chunked")) { return 501; }
    request().has_chunked_body = true;
    return 0;
  }

  const Limits& limits_;
  Parsed parsed_;
  std::size_t fields_ = 0;
  unsigned hosts_ = 0;
  unsigned lengths_ = 0;
  bool closes_ = false;
  bool keeps_ = false;
};

/// What there is of a head is the first of its limits that it passes: the target's, else the head's.
std::uint16_t too_large(std::string_view unfinished, bool in_request_line, const Limits& limits) noexcept {
  if (!in_request_line) { return 431; }
  const std::size_t space = unfinished.find(' ');
  return space != std::string_view::npos && unfinished.size() - space > limits.target ? 414 : 431;
}

}  // namespace

Parsed parse(std::string_view bytes, const Limits& limits) noexcept {
  Reader reader(limits);
  std::string_view rest = bytes.substr(0, std::min(bytes.size(), limits.head));
  const bool full = bytes.size() >= limits.head;
  // RFC 9112 §2.2: an empty line in front, as some clients have behind a body.
  while (rest.starts_with("\r\n") || rest.starts_with('\n')) { rest.remove_prefix(rest[0] == '\r' ? 2 : 1); }

  std::string_view unfinished = rest;
  auto line = take_line(rest);
  if (!line) { return full ? reader.refuse(too_large(unfinished, true, limits)) : reader.parsed(); }
  if (const std::uint16_t status = reader.request_line(*line)) { return reader.refuse(status); }
  for (;;) {
    line = take_line(rest);
    if (!line) { return full ? reader.refuse(431) : reader.parsed(); }
    if (line->empty()) { break; }
    if (const std::uint16_t status = reader.field(*line)) { return reader.refuse(status); }
  }
  if (const std::uint16_t status = reader.end()) { return reader.refuse(status); }
  reader.parsed().kind = Parsed::Kind::request;
  reader.parsed().size = static_cast<std::size_t>(rest.data() - bytes.data());
  return reader.parsed();
}

std::string_view reason(unsigned status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 505: return "HTTP Version Not Supported";
    default: return "Error";
  }
}

bool parse_number(std::string_view text, std::uint64_t& number) noexcept {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') { return false; }
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (number > (kMost - digit) / 10) { return false; }
    number = number * 10 + digit;
  }
  return !text.empty();
}

}  // namespace nal_serve::http
