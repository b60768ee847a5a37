#include "examples/tools/coap/names.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace nal_coap {

namespace {

struct Name {
  std::uint16_t number;
  std::string_view text;
};

constexpr std::uint16_t code(unsigned klass, unsigned detail) {
  return static_cast<std::uint16_t>(klass << 5 | detail);
}

// As IANA's registries "CoAP Codes", "CoAP Content-Formats" and "CoAP Option Numbers" have them.
constexpr auto kCodes = std::to_array<Name>({
    {code(0, 0), "Empty"},
    {code(0, 1), "GET"},
    {code(0, 2), "POST"},
    {code(0, 3), "PUT"},
    {code(0, 4), "DELETE"},
    {code(0, 5), "FETCH"},
    {code(0, 6), "PATCH"},
    {code(0, 7), "iPATCH"},
    {code(2, 1), "Created"},
    {code(2, 2), "Deleted"},
    {code(2, 3), "Valid"},
    {code(2, 4), "Changed"},
    {code(2, 5), "Content"},
    {code(2, 31), "Continue"},
    {code(4, 0), "Bad Request"},
    {code(4, 1), "Unauthorized"},
    {code(4, 2), "Bad Option"},
    {code(4, 3), "Forbidden"},
    {code(4, 4), "Not Found"},
    {code(4, 5), "Method Not Allowed"},
    {code(4, 6), "Not Acceptable"},
    {code(4, 8), "Request Entity Incomplete"},
    {code(4, 9), "Conflict"},
    {code(4, 12), "Precondition Failed"},
    {code(4, 13), "Request Entity Too Large"},
    {code(4, 15), "Unsupported Content-Format"},
    {code(4, 22), "Unprocessable Entity"},
    {code(4, 29), "Too Many Requests"},
    {code(5, 0), "Internal Server Error"},
    {code(5, 1), "Not Implemented"},
    {code(5, 2), "Bad Gateway"},
    {code(5, 3), "Service Unavailable"},
    {code(5, 4), "Gateway Timeout"},
    {code(5, 5), "Proxying Not Supported"},
    {code(5, 8), "Hop Limit Reached"},
});

constexpr auto kContentFormats = std::to_array<Name>({
    {0, "text/plain"},
    {21, "image/gif"},
    {22, "image/jpeg"},
    {23, "image/png"},
    {40, "application/link-format"},
    {41, "application/xml"},
    {42, "application/octet-stream"},
    {47, "application/exi"},
    {50, "application/json"},
    {51, "application/json-patch+json"},
    {52, "application/merge-patch+json"},
    {60, "application/cbor"},
    {61, "application/cwt"},
    {62, "application/multipart-core"},
    {63, "application/cbor-seq"},
    {101, "application/cose-key"},
    {102, "application/cose-key-set"},
    {110, "application/senml+json"},
    {111, "application/sensml+json"},
    {112, "application/senml+cbor"},
    {113, "application/sensml+cbor"},
    {114, "application/senml-exi"},
    {115, "application/sensml-exi"},
    {257, "application/concise-problem-details+cbor"},
    {310, "application/senml+xml"},
    {311, "application/sensml+xml"},
    {320, "application/senml-etch+json"},
    {322, "application/senml-etch+cbor"},
    {11542, "application/vnd.oma.lwm2m+tlv"},
    {11543, "application/vnd.oma.lwm2m+json"},
    {11544, "application/vnd.oma.lwm2m+cbor"},
    {20000, "text/css"},
    {30000, "image/svg+xml"},
    // Behind the names that are told: what libcoap's client calls them.
    {42, "binary"},
});

constexpr auto kEndings = std::to_array<Name>({
    {0, ".txt"},
    {0, ".md"},
    {0, ".log"},
    {21, ".gif"},
    {22, ".jpg"},
    {22, ".jpeg"},
    {23, ".png"},
    {40, ".wlnk"},
    {41, ".xml"},
    {50, ".json"},
    {60, ".cbor"},
    {20000, ".css"},
    {30000, ".svg"},
});

constexpr auto kOptions = std::to_array<Name>({
    {1, "If-Match"},        {3, "Uri-Host"},      {4, "ETag"},          {5, "If-None-Match"}, {6, "Observe"},
    {7, "Uri-Port"},        {8, "Location-Path"}, {9, "OSCORE"},        {11, "Uri-Path"},     {12, "Content-Format"},
    {14, "Max-Age"},        {15, "Uri-Query"},    {16, "Hop-Limit"},    {17, "Accept"},       {19, "Q-Block1"},
    {20, "Location-Query"}, {21, "EDHOC"},        {23, "Block2"},       {27, "Block1"},       {28, "Size2"},
    {31, "Q-Block2"},       {35, "Proxy-Uri"},    {39, "Proxy-Scheme"}, {60, "Size1"},        {252, "Echo"},
    {258, "No-Response"},   {292, "Request-Tag"},
});

template <class Table>
std::string_view name_of(const Table& table, std::uint32_t number) {
  const auto found =
      std::find_if(table.begin(), table.end(), [number](const Name& name) { return name.number == number; });
  return found == table.end() ? std::string_view{} : found->text;
}

std::optional<std::uint16_t> parse_number(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) { return std::nullopt; }
  return number;
}

bool same(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string code_text(std::uint8_t code) {
  const unsigned detail = code & 31;
  std::string text = std::to_string(code >> 5) + (detail < 10 ? ".0" : ".") + std::to_string(detail);
  const std::string_view name = name_of(kCodes, code);
  if (!name.empty()) { text.append(" ").append(name); }
  return text;
}

std::optional<std::uint16_t> content_format(std::string_view name) {
  if (const auto number = parse_number(name)) { return number; }
  for (const Name& format : kContentFormats) {
    const auto slash = format.text.find('/');
    if (same(format.text, name) || (slash != std::string_view::npos && same(format.text.substr(slash + 1), name))) {
      return format.number;
    }
  }
  return std::nullopt;
}

std::string content_format_text(std::uint32_t number) {
  const std::string_view name = name_of(kContentFormats, number);
  return name.empty() ? "content format " + std::to_string(number) : std::string(name);
}

std::uint16_t content_format_of_file(std::string_view name) {
  constexpr std::uint16_t kBytes = 42;
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) { return kBytes; }
  const auto found = std::find_if(kEndings.begin(), kEndings.end(),
                                  [&](const Name& ending) { return same(ending.text, name.substr(dot)); });
  return found == kEndings.end() ? kBytes : found->number;
}

std::string option_text(std::uint32_t number) {
  const std::string_view name = name_of(kOptions, number);
  return name.empty() ? "option " + std::to_string(number) : std::string(name);
}

std::optional<std::uint16_t> option_number(std::string_view name) {
  if (const auto number = parse_number(name)) { return number; }
  for (const Name& option : kOptions) {
    if (same(option.text, name)) { return option.number; }
  }
  return std::nullopt;
}

}  // namespace nal_coap
