#pragma once
#include <catch2/catch_test_macros.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "nal/resolver/message.hpp"
#include "nal/resolver/record.hpp"
#include "tests/support/print.hpp"

namespace nal::dns::test {

/// Bytes for messages, put together in any order, right or wrong.
class Bytes : public std::vector<std::byte> {
 public:
  using std::vector<std::byte>::vector;
  explicit Bytes(std::span<const std::byte> bytes) : vector(bytes.begin(), bytes.end()) {}

  Bytes& u8(unsigned value) {
    push_back(static_cast<std::byte>(value & 0xff));
    return *this;
  }
  Bytes& u16(unsigned value) { return u8(value >> 8).u8(value); }
  Bytes& u32(std::uint32_t value) { return u16(value >> 16).u16(value & 0xffff); }
  Bytes& text(std::string_view text) {
    for (const char c : text) { u8(static_cast<unsigned char>(c)); }
    return *this;
  }
  Bytes& put(std::span<const std::byte> bytes) {
    insert(end(), bytes.begin(), bytes.end());
    return *this;
  }
  /// A name in wire form, not compressed.
  Bytes& name(std::string_view text) {
    Name name;
    REQUIRE(name.set_text(text));
    return put(name.wire());
  }
  /// A pointer to an offset.
  Bytes& pointer(unsigned offset) { return u16(0xc000 | offset); }
  Bytes& header(unsigned id, unsigned flags, unsigned questions, unsigned answers, unsigned authorities = 0,
                unsigned additionals = 0) {
    return u16(id).u16(flags).u16(questions).u16(answers).u16(authorities).u16(additionals);
  }
};

inline Name name_of(std::string_view text) {
  Name name;
  REQUIRE(name.set_text(text));
  return name;
}
inline std::string text_of(const Name& name) {
  char text[1100];
  const auto formatted = name.format_to(text);
  REQUIRE(formatted);
  return std::string(*formatted);
}

/// One record for `reply`.
struct Rr {
  Section section = Section::answer;
  std::string name;
  Type type = Type::a;
  std::uint32_t ttl = 300;
  Bytes data{};
  std::uint16_t record_class = kInternet;
};

inline Bytes address_data(std::string_view text) {
  const auto address = IpAddress::parse(text);
  REQUIRE(address);
  return Bytes(std::as_bytes(address->bytes()));
}
inline Rr address_record(std::string_view name, std::string_view address, std::uint32_t ttl = 300) {
  const Bytes data = address_data(address);
  return {.name = std::string(name), .type = data.size() == 4 ? Type::a : Type::aaaa, .ttl = ttl, .data = data};
}
inline Rr alias_record(std::string_view name, std::string_view target, std::uint32_t ttl = 300) {
  return {.name = std::string(name), .type = Type::cname, .ttl = ttl, .data = Bytes().name(target)};
}
inline Rr authority_record(std::string_view zone, std::uint32_t ttl, std::uint32_t minimum) {
  Bytes data;
  data.name("ns.example").name("admin.example").u32(1).u32(2).u32(3).u32(4).u32(minimum);
  return {.section = Section::authority, .name = std::string(zone), .type = Type::soa, .ttl = ttl, .data = data};
}

inline constexpr std::uint16_t kAnswered = Header::kResponse | Header::kRecursionDesired | Header::kRecursionAvailable;

/// An answer with the id and the question of `query`.
inline Bytes reply(std::span<const std::byte> query, const std::vector<Rr>& records, unsigned code = 0,
                   std::uint16_t flags = kAnswered) {
  auto asked = Message::parse(query);
  REQUIRE(asked);
  Question question;
  REQUIRE(asked->next(question) == true);
  Name name;
  REQUIRE(name.set_wire(query, question.name));
  Bytes out(65535);
  MessageWriter writer(out, asked->header().id, static_cast<std::uint16_t>(flags | code));
  writer.question(name, question.type, question.record_class);
  for (const Rr& record : records) {
    writer.record(record.section, name_of(record.name), record.type, record.ttl, record.data, record.record_class);
  }
  const auto written = writer.finish();
  REQUIRE(written);
  out.resize(written->size());
  return out;
}

}  // namespace nal::dns::test
