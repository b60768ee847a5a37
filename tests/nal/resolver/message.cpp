#include "nal/resolver/message.hpp"

#include "tests/nal/resolver/bytes.hpp"

namespace nal::dns::test {
namespace {

/// How many questions and records there are before the message ends, well or not.
struct Walk {
  unsigned questions = 0;
  unsigned records = 0;
  bool good = false;
};
Walk walk(std::span<const std::byte> bytes) {
  Walk did;
  auto message = Message::parse(bytes);
  if (!message) { return did; }
  Question question;
  for (;;) {
    const auto more = message->next(question);
    if (!more) { return did; }
    if (!*more) { break; }
    ++did.questions;
  }
  Record record;
  for (;;) {
    const auto more = message->next(record);
    if (!more) { return did; }
    if (!*more) { break; }
    ++did.records;
  }
  did.good = true;
  return did;
}

Bytes example() {
  Bytes message;
  message.header(0x1234, 0x8580, 1, 2, 1, 1);
  message.name("www.example.org").u16(1).u16(1);
  message.pointer(12).u16(1).u16(1).u32(300).u16(4).put(address_data("192.0.2.1"));
  message.pointer(12).u16(1).u16(1).u32(300).u16(4).put(address_data("192.0.2.2"));
  message.pointer(16).u16(2).u16(1).u32(600).u16(5).u8(2).text("ns").pointer(16);
  message.u8(0).u16(41).u16(1232).u32(0).u16(0);
  return message;
}

}  // namespace

TEST_CASE("A message gives its header, questions and records in order", "[dns][message]") {
  const Bytes bytes = example();
  auto message = Message::parse(bytes);
  REQUIRE(message);
  CHECK(message->header().id == 0x1234);
  CHECK(message->header().is(Header::kResponse));
  CHECK(message->header().is(Header::kAuthoritative));
  CHECK_FALSE(message->header().is(Header::kTruncated));
  CHECK(message->header().opcode() == 0);
  CHECK(message->header().code() == ResponseCode::no_error);
  Question question;
  REQUIRE(message->next(question) == true);
  CHECK(name_of("www.example.org").is_at(bytes, question.name));
  CHECK(question.type == Type::a);
  CHECK(question.record_class == kInternet);
  CHECK(message->next(question) == false);
  Record record;
  REQUIRE(message->next(record) == true);
  CHECK(record.section == Section::answer);
  CHECK(record.type == Type::a);
  CHECK(record.ttl == 300);
  CHECK(Bytes(record.bytes) == address_data("192.0.2.1"));
  REQUIRE(message->next(record) == true);
  CHECK(record.section == Section::answer);
  REQUIRE(message->next(record) == true);
  CHECK(record.section == Section::authority);
  CHECK(name_of("example.org").is_at(bytes, record.name));
  REQUIRE(message->next(record) == true);
  CHECK(record.section == Section::additional);
  CHECK(record.type == Type::opt);
  CHECK(record.record_class == 1232);
  CHECK(message->next(record) == false);
  CHECK(message->next(record) == false);
}

TEST_CASE("Records may be asked for without the questions", "[dns][message]") {
  const Bytes bytes = example();
  auto message = Message::parse(bytes);
  Record record;
  REQUIRE(message->next(record) == true);
  CHECK(Bytes(record.bytes) == address_data("192.0.2.1"));
}

TEST_CASE("A message that is cut at any byte does not add up", "[dns][message]") {
  const Bytes bytes = example();
  CHECK(walk(bytes).good);
  CHECK(walk(bytes).records == 4);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // Of just that size, so that a sanitizer sees a byte too many.
    const Bytes part(std::span<const std::byte>(bytes).first(size));
    CHECK_FALSE(walk(part).good);
  }
}

TEST_CASE("Counts that promise more than there is are malformed; bytes behind the last record are nobody's",
          "[dns][message]") {
  for (std::size_t field = 4; field < 12; field += 2) {
    for (const unsigned count : {0xffu, 0xffffu}) {
      Bytes bytes = example();
      bytes[field] = static_cast<std::byte>(count >> 8);
      bytes[field + 1] = static_cast<std::byte>(count & 0xff);
      INFO("count at " << field << ": " << count);
      CHECK_FALSE(walk(bytes).good);
    }
  }
  Bytes longer = example();
  longer.u32(0xffff'ffff);
  CHECK(walk(longer).good);
  CHECK(walk(Bytes().header(1, 0x8000, 0, 0)).good);
  CHECK_FALSE(walk(Bytes().header(1, 0x8000, 1, 0)).good);
  CHECK_FALSE(walk(Bytes().header(1, 0x8000, 0, 1)).good);
}

TEST_CASE("A record's data is as long as its length says, and within the message", "[dns][message]") {
  for (const unsigned size : {0u, 1u, 3u, 4u, 5u, 255u, 256u, 65535u}) {
    Bytes bytes;
    bytes.header(1, 0x8000, 0, 1).u8(0).u16(99).u16(1).u32(0).u16(size);
    bytes.put(Bytes(4));
    INFO("length " << size);
    auto message = Message::parse(bytes);
    Record record;
    const auto more = message->next(record);
    if (size <= 4) {
      REQUIRE(more == true);
      CHECK(record.bytes.size() == size);
    } else {
      CHECK(more == Unexpected(Error::protocol_error));
    }
  }
}

TEST_CASE("A time to live of 2^31 and more is none", "[dns][message]") {
  for (const std::uint32_t ttl : {0u, 1u, 0x7fff'fffeu, 0x7fff'ffffu, 0x8000'0000u, 0xffff'ffffu}) {
    Bytes bytes;
    bytes.header(1, 0x8000, 0, 1).u8(0).u16(1).u16(1).u32(ttl).u16(0);
    auto message = Message::parse(bytes);
    Record record;
    REQUIRE(message->next(record) == true);
    CHECK(record.ttl == (ttl > 0x7fff'ffff ? 0 : ttl));
  }
}

TEST_CASE("What is written is read back the same", "[dns][message]") {
  std::byte memory[512];
  MessageWriter writer(memory, 0xabcd, Header::kRecursionDesired);
  writer.question(name_of("example.org"), Type::srv);
  writer.record(Section::answer, name_of("a.example.org"), Type::a, 7, address_data("192.0.2.9"));
  writer.record(Section::authority, name_of("."), Type::ns, 8, Bytes().name("b"), 3);
  writer.edns(1232);
  const auto written = writer.finish();
  REQUIRE(written);
  auto message = Message::parse(*written);
  CHECK(message->header().id == 0xabcd);
  CHECK(message->header().flags == Header::kRecursionDesired);
  Question question;
  REQUIRE(message->next(question) == true);
  CHECK(question.type == Type::srv);
  Record record;
  REQUIRE(message->next(record) == true);
  CHECK(name_of("a.example.org").is_at(*written, record.name));
  CHECK(record.ttl == 7);
  REQUIRE(message->next(record) == true);
  CHECK(record.section == Section::authority);
  CHECK(record.record_class == 3);
  REQUIRE(message->next(record) == true);
  CHECK(record.type == Type::opt);
  CHECK(record.record_class == 1232);
  CHECK(message->next(record) == false);

  for (std::size_t size = 0; size < written->size(); ++size) {
    Bytes small(size);
    MessageWriter cut(small, 1, 0);
    cut.question(name_of("example.org"), Type::srv);
    cut.record(Section::answer, name_of("a.example.org"), Type::a, 7, address_data("192.0.2.9"));
    cut.record(Section::authority, name_of("."), Type::ns, 8, Bytes().name("b"), 3);
    cut.edns(1232);
    CHECK(cut.finish().error_or(Error{}) == Error::buffer_too_small);
  }
}

}  // namespace nal::dns::test
