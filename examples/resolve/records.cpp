#include "examples/resolve/records.hpp"

#include <array>
#include <cstdio>

#include "nal/hosted/format.hpp"

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

}  // namespace

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
    default: return text_of_bytes(data);
  }
}
