#include "examples/common/record_text.hpp"

#include <array>
#include <cstdio>

#include "nal/hosted/format.hpp"

namespace examples {
namespace {

using nal::dns::Name;
using nal::dns::Type;

std::string text_of(const Name& name) {
  std::array<char, 4 * Name::kMaxSize> text;
  const auto formatted = name.format_to(text);
  return formatted ? std::string(*formatted) : "?";
}

/// The name at `position`, which is moved behind it.
std::string take_name(std::span<const std::byte> data, std::size_t& position) {
  Name name;
  const auto end = name.set_wire(data, position);
  if (!end) { return "?"; }
  position = *end;
  return text_of(name);
}

std::string text_of_strings(std::span<const std::byte> data) {
  std::string text;
  nal::dns::Strings strings(data);
  while (const auto string = strings.next()) {
    text += text.empty() ? "\"" : " \"";
    for (const char c : *string) {
      if (c == '"' || c == '\\') { text += '\\'; }
      if (c >= ' ' && c <= '~') {
        text += c;
      } else {
        char escaped[5];
        std::snprintf(escaped, sizeof escaped, "\\%03u", static_cast<unsigned>(static_cast<unsigned char>(c)));
        text += escaped;
      }
    }
    text += '"';
  }
  return text;
}

std::string text_of_service(std::span<const std::byte> data) {
  nal::dns::Service service;
  if (!nal::dns::read_service(data, service)) { return "?"; }
  return std::to_string(service.priority) + " " + std::to_string(service.weight) + " " + std::to_string(service.port) +
         " " + text_of(service.target);
}

std::string text_of_authority(std::span<const std::byte> data) {
  std::size_t position = 0;
  std::string text = take_name(data, position);
  text += ' ';
  text += take_name(data, position);
  nal::dns::WireReader numbers(data, position);
  for (int i = 0; i < 5; ++i) {
    text += ' ';
    text += std::to_string(numbers.u32());
  }
  return text;
}

/// As of any type (RFC 3597 §5).
std::string text_of_bytes(std::span<const std::byte> data) {
  std::string text = "\\# ";
  text += std::to_string(data.size());
  if (!data.empty()) { text += ' '; }
  for (const std::byte byte : data) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

/// As presentation format has them: NSEC's types behind its name.
std::string text_of_types(std::span<const std::byte> data) {
  std::size_t position = 0;
  std::string text = take_name(data, position);
  nal::dns::WireReader reader(data, position);
  while (!reader.at_end()) {
    const unsigned window = reader.u8();
    const auto bits = reader.take(reader.u8());
    for (unsigned i = 0; i < bits.size() * 8; ++i) {
      if ((bits[i / 8] & std::byte(0x80 >> (i & 7U))) == std::byte{0}) { continue; }
      text += ' ';
      text += text_of_type(static_cast<Type>(window * 256 + i));
    }
  }
  return text;
}

/// How many bytes at the front are one good character of UTF-8, and no control character; 0: none.
std::size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) { return first < ' ' || first == 0x7f ? 0 : 1; }
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) { return 0; }
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) { return 0; }
  }
  const auto second = static_cast<unsigned char>(text[1]);
  // Too long, surrogates, beyond the last; and C1 controls.
  const bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                   (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ||
                   (first == 0xc2 && second < 0xa0);
  return bad ? 0 : size;
}

}  // namespace

std::string text_of_type(Type type) {
  switch (type) {
    case Type::a: return "A";
    case Type::ns: return "NS";
    case Type::cname: return "CNAME";
    case Type::soa: return "SOA";
    case Type::ptr: return "PTR";
    case Type::mx: return "MX";
    case Type::txt: return "TXT";
    case Type::aaaa: return "AAAA";
    case Type::srv: return "SRV";
    case Type::opt: return "OPT";
    case Type::nsec: return "NSEC";
    case Type::any: return "ANY";
  }
  return "TYPE" + std::to_string(static_cast<unsigned>(type));
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\%03u", static_cast<unsigned>(static_cast<unsigned char>(text.front())));
      out += escaped;
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string readable(const Name& name) {
  std::string text;
  auto rest = name.wire();
  while (rest[0] != std::byte{0}) {
    const auto size = std::to_integer<std::size_t>(rest[0]);
    std::string label;
    for (const char c : std::string_view(reinterpret_cast<const char*>(&rest[1]), size)) {
      if (c == '.' || c == '\\') { label += '\\'; }
      label += c;
    }
    text += text.empty() ? "" : ".";
    text += printable(label);
    rest = rest.subspan(1 + size);
  }
  return text.empty() ? "." : text;
}

std::string text_of_record(Type type, std::span<const std::byte> data) {
  std::size_t position = 0;
  switch (type) {
    case Type::a:
    case Type::aaaa: {
      const auto address = nal::dns::read_address(data);
      return address ? nal::to_string(*address) : "?";
    }
    case Type::ns:
    case Type::cname:
    case Type::ptr: return take_name(data, position);
    case Type::mx:
      position = 2;
      return std::to_string(nal::dns::WireReader(data).u16()) + " " + take_name(data, position);
    case Type::soa: return text_of_authority(data);
    case Type::srv: return text_of_service(data);
    case Type::txt: return text_of_strings(data);
    case Type::nsec: return text_of_types(data);
    default: return text_of_bytes(data);
  }
}

}  // namespace examples
