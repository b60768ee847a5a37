// CoAP's URIs, links and stream headers on arbitrary bytes: they stay within them, and what they take is written and
// read back the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "examples/coap/link_format.hpp"
#include "examples/coap/tcp_frame.hpp"
#include "examples/coap/uri.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace coap;

using nal::fuzz::require;

using Parts = std::vector<std::string>;

Parts all(UriParts parts) {
  Parts made;
  std::array<char, kMaxUriPart> memory;
  while (const auto part = parts.next(memory)) { made.emplace_back(*part); }
  return made;
}

void uri(std::string_view text) {
  std::vector<char> memory(kMaxUriPart);
  const auto parsed = Uri::parse(text, memory);
  if (!parsed) {
    require(parsed.error() == nal::Error::invalid_argument);
    return;
  }
  require(!parsed->host.empty() && parsed->port != 0);
  const Parts segments = all(parsed->segments());
  const Parts arguments = all(parsed->arguments());

  // Each byte becomes three at the most, and a port may come to stand there.
  std::vector<char> out(3 * text.size() + 32);
  UriWriter writer(out);
  writer.authority(parsed->scheme, parsed->host, parsed->port);
  for (const std::string& segment : segments) { writer.segment(segment); }
  for (const std::string& argument : arguments) { writer.argument(argument); }
  const auto written = writer.text();
  require(written.has_value());

  std::vector<char> again_memory(kMaxUriPart);
  const auto again = Uri::parse(*written, again_memory);
  require(again.has_value());
  require(again->scheme == parsed->scheme && again->host == parsed->host && again->port == parsed->port);
  require(again->host_is_address == parsed->host_is_address);
  // One empty segment is written as no segment is (RFC 7252 §6.5).
  require(all(again->segments()) == segments || (segments == Parts{""} && all(again->segments()).empty()));
  require(all(again->arguments()) == arguments && again->query.has_value() == parsed->query.has_value());
}

std::string unescaped(const LinkValue& value) {
  std::string out(value.raw().size(), '\0');
  const auto text = value.unescape(out);
  require(text.has_value());
  return std::string(*text);
}

void links(std::string_view text) {
  // What a query is in real life: some text that the peer has chosen as well.
  const std::size_t half = text.size() / 2;
  const std::string_view query = text.substr(half);
  LinkParser parser(text);
  std::string written(2 * text.size() + 16, '\0');
  LinkWriter writer(written);
  std::vector<std::pair<std::string_view, std::vector<std::string>>> seen;
  for (;;) {
    const auto link = parser.next();
    if (!link || !*link) {
      const auto last = parser.next();
      require(last.has_value() == link.has_value());
      break;
    }
    static_cast<void>((*link)->matches(query));
    require((*link)->matches(""));
    require((*link)->matches("href=*"));
    require((*link)->matches("href=" + std::string((*link)->target)) || (*link)->target.ends_with('*'));
    writer.link((*link)->target);
    seen.emplace_back((*link)->target, std::vector<std::string>{});
    auto attributes = (*link)->attributes;
    while (const auto attribute = attributes.next()) {
      require(!attribute->name.empty());
      require((*link)->matches(attribute->name) || attribute->name.find('=') != std::string_view::npos);
      seen.back().second.emplace_back(attribute->name);
      if (attribute->value) {
        const std::string value = unescaped(*attribute->value);
        seen.back().second.back() += "=" + value;
        writer.attribute(attribute->name, value);
      } else {
        writer.attribute(attribute->name);
      }
    }
  }
  // Quotes come to stand where there were none.
  if (writer.size() > written.size()) { return; }
  LinkParser again(*writer.text());
  for (const auto& [target, attributes] : seen) {
    const auto link = again.next();
    require(link.has_value() && link->has_value() && (*link)->target == target);
    auto rest = (*link)->attributes;
    for (const std::string& wanted : attributes) {
      const auto attribute = rest.next();
      require(attribute.has_value());
      const std::string name(attribute->name);
      require(wanted == (attribute->value ? name + "=" + unescaped(*attribute->value) : name));
    }
    require(!rest.next());
  }
}

void stream_header(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  const auto header = TcpHeader::parse(bytes);
  if (!header) {
    require(header.error() == nal::Error::protocol_error || header.error() == nal::Error::message_size);
    return;
  }
  require(header->token_length <= 8);
  if (!header->complete()) {
    require(bytes.size() < TcpHeader::kMaxSize);
    return;
  }
  // There is one form for each length.
  std::vector<std::byte> out(header->size);
  const auto written = header->write(out);
  require(written == header->size && std::equal(out.begin(), out.end(), bytes.begin()));
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Without a zero behind it, so that AddressSanitizer sees a byte too many.
  const std::vector<char> bytes(data, data + size);
  const std::string_view text(bytes.data(), bytes.size());
  uri(text);
  links(text);
  stream_header(text);
  return 0;
}
