#include "examples/coap/message.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <random>

#include "tests/examples/coap/data.hpp"

using namespace coap;
using namespace coap::test;
using nal::Error;
using nal::Unexpected;

namespace {

nal::Result<> parse(const Bytes& datagram) {
  Message message;
  return Message::parse(datagram, message);
}

Bytes written(MessageWriter& writer) {
  const auto datagram = writer.datagram();
  REQUIRE(datagram);
  return copy(*datagram);
}

/// The header of a CON GET without a token.
const Bytes kHeader = bytes({0x40, 0x01, 0x12, 0x34});

/// The one option of a message.
Option only_option(const Message& message) {
  REQUIRE(message.options.begin() != message.options.end());
  const Option option = *message.options.begin();
  REQUIRE(++message.options.begin() == message.options.end());
  return option;
}

}  // namespace

// RFC 7252 appendix A, figure 16.
TEST_CASE("The examples of RFC 7252 are read and written", "[coap]") {
  const Bytes request = bytes({0x40, 0x01, 0x7d, 0x34, 0xbb}) + text("temperature");
  Message message;
  REQUIRE(Message::parse(request, message));
  CHECK(message.type == Type::confirmable);
  CHECK(message.code == Code::get);
  CHECK(message.id == 0x7d34);
  CHECK(message.token.empty());
  const Option path = only_option(message);
  CHECK(path.number == OptionNumber::uri_path);
  CHECK(path.text() == "temperature");
  CHECK(message.payload.empty());

  std::array<std::byte, 64> buffer;
  MessageWriter writer(buffer);
  writer.begin(Type::confirmable, Code::get, 0x7d34, {});
  writer.add(OptionNumber::uri_path, "temperature");
  CHECK(written(writer) == request);

  const Bytes answer = bytes({0x60, 0x45, 0x7d, 0x34, 0xff}) + text("22.3 C");
  REQUIRE(Message::parse(answer, message));
  CHECK(message.type == Type::acknowledgement);
  CHECK(message.code == Code::content);
  CHECK(text_of(message.payload) == "22.3 C");
  writer.begin(Type::acknowledgement, Code::content, 0x7d34, {});
  writer.add_payload(bytes_of("22.3 C"));
  CHECK(written(writer) == answer);

  // Figure 17: the same with a token.
  REQUIRE(Message::parse(bytes({0x41, 0x01, 0x7d, 0x35, 0x20, 0xbb}) + text("temperature"), message));
  CHECK(message.token == Token(bytes({0x20})));
}

TEST_CASE("Other versions are passed over, short datagrams are malformed", "[coap]") {
  for (const int version : {0, 2, 3}) {
    CHECK(parse(bytes({version << 6, 1, 0, 0})) == Unexpected(Error::not_supported));
  }
  for (std::size_t size = 0; size < 4; ++size) {
    CHECK(parse({kHeader.begin(), kHeader.begin() + static_cast<std::ptrdiff_t>(size)}) ==
          Unexpected(Error::protocol_error));
  }
  CHECK(parse(kHeader));
}

TEST_CASE("Tokens have up to eight bytes, and all of them are there", "[coap]") {
  for (int size = 0; size <= 15; ++size) {
    for (int there = 0; there <= 15; ++there) {
      const Bytes datagram = bytes({0x40 | size, 1, 0, 0}) + Bytes(static_cast<std::size_t>(there), std::byte{0});
      INFO(size << " said, " << there << " there");
      // What is there beyond the token are options: empty ones of number 0.
      CHECK(parse(datagram).has_value() == (size <= 8 && there >= size));
    }
  }
}

TEST_CASE("An empty message is its header and nothing else", "[coap]") {
  CHECK(parse(bytes({0x40, 0, 0, 1})));
  CHECK(parse(bytes({0x70, 0, 0, 1})));
  CHECK(parse(bytes({0x41, 0, 0, 1, 7})) == Unexpected(Error::protocol_error));
  CHECK(parse(bytes({0x40, 0, 0, 1, 0x10})) == Unexpected(Error::protocol_error));
  CHECK(parse(bytes({0x40, 0, 0, 1, 0xff, 1})) == Unexpected(Error::protocol_error));
}

TEST_CASE("A payload marker has a payload behind it", "[coap]") {
  CHECK(parse(kHeader + bytes({0xff})) == Unexpected(Error::protocol_error));
  CHECK(parse(kHeader + bytes({0xb1, 'a', 0xff})) == Unexpected(Error::protocol_error));
  Message message;
  REQUIRE(Message::parse(kHeader + bytes({0xb1, 'a', 0xff, 0xff}), message));
  CHECK(message.payload.size() == 1);
}

TEST_CASE("Nibble 15 is nothing but the marker's", "[coap]") {
  for (int other = 0; other < 15; ++other) {
    CHECK(parse(kHeader + bytes({0xf0 | other}) + Bytes(300, std::byte{0})) == Unexpected(Error::protocol_error));
    CHECK(parse(kHeader + bytes({other << 4 | 0xf}) + Bytes(300, std::byte{0})) == Unexpected(Error::protocol_error));
  }
}

TEST_CASE("Option numbers and lengths stand in the form that they need", "[coap]") {
  for (const int number : {0, 1, 12, 13, 14, 268, 269, 270, 65534, 65535}) {
    for (const std::size_t length : {0u, 1u, 12u, 13u, 14u, 268u, 269u, 270u, 1034u}) {
      INFO(number << " of " << length);
      std::vector<std::byte> buffer(2000);
      MessageWriter writer(buffer);
      writer.begin(Type::confirmable, Code::get, 1, {});
      const Bytes value(length, std::byte{0x5a});
      writer.add(static_cast<OptionNumber>(number), value);
      const Bytes datagram = written(writer);
      const std::size_t header = 1 +
                                 (number < 13    ? 0u
                                  : number < 269 ? 1u
                                                 : 2u) +
                                 (length < 13    ? 0u
                                  : length < 269 ? 1u
                                                 : 2u);
      CHECK(datagram.size() == 4 + header + length);
      Message message;
      REQUIRE(Message::parse(datagram, message));
      const Option option = only_option(message);
      CHECK(option.number == static_cast<OptionNumber>(number));
      CHECK(copy(option.value) == value);
      // Cut off anywhere it is malformed, but for where it begins.
      for (std::size_t size = 5; size < datagram.size(); ++size) {
        CHECK(parse({datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(size)}) ==
              Unexpected(Error::protocol_error));
      }
    }
  }
}

TEST_CASE("Option numbers above 65535 are malformed", "[coap]") {
  CHECK(parse(kHeader + bytes({0xe0, 0xfe, 0xf2})));  // 65535
  CHECK(parse(kHeader + bytes({0xe0, 0xfe, 0xf3})) == Unexpected(Error::protocol_error));
  CHECK(parse(kHeader + bytes({0xe0, 0xff, 0xff})) == Unexpected(Error::protocol_error));
  CHECK(parse(kHeader + bytes({0xe0, 0xfe, 0xf2, 0x10})) == Unexpected(Error::protocol_error));
}

TEST_CASE("Options written in any order stand in ascending order", "[coap]") {
  std::minstd_rand random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::pair<std::uint16_t, Bytes>> options;
    const auto count = static_cast<unsigned>(random() % 12);
    for (unsigned i = 0; i < count; ++i) {
      const unsigned kinds[] = {4, 20, 300, 70'000};
      const auto number = static_cast<std::uint16_t>(random() % kinds[random() % 4] % 65536);
      options.emplace_back(number, Bytes(random() % 3 == 0 ? random() % 300 : random() % 5, static_cast<std::byte>(i)));
    }
    std::vector<std::byte> buffer(4000);
    MessageWriter writer(buffer);
    writer.begin(Type::non_confirmable, Code::post, 9, bytes({1, 2, 3}));
    for (const auto& [number, value] : options) { writer.add(static_cast<OptionNumber>(number), value); }
    writer.add_payload(bytes_of("payload"));
    const Bytes datagram = written(writer);
    Message message;
    REQUIRE(Message::parse(datagram, message));
    CHECK(text_of(message.payload) == "payload");
    // Those of one number keep their order.
    std::stable_sort(options.begin(), options.end(), [](auto& a, auto& b) { return a.first < b.first; });
    std::size_t i = 0;
    for (const Option& option : message.options) {
      REQUIRE(i < options.size());
      CHECK(static_cast<std::uint16_t>(option.number) == options[i].first);
      CHECK(copy(option.value) == options[i].second);
      ++i;
    }
    CHECK(i == options.size());
  }
}

TEST_CASE("What does not fit is told at the end", "[coap]") {
  // Header's room, token, an option of four bytes in all, marker and three bytes.
  constexpr std::size_t kNeeded = 6 + 2 + 4 + 4;
  for (std::size_t size = 0; size <= kNeeded; ++size) {
    INFO(size);
    std::vector<std::byte> buffer(size);
    MessageWriter writer(buffer);
    writer.begin(Type::confirmable, Code::put, 1, bytes({1, 2}));
    writer.add(OptionNumber::uri_path, "abc");
    writer.add_payload(bytes_of("xyz"));
    CHECK(writer.datagram().has_value() == (size == kNeeded));
    if (size < kNeeded) { CHECK(writer.datagram().error_or(Error{}) == Error::message_size); }
    // Taken back, what is short fits again.
    writer.clear();
    CHECK(writer.datagram().has_value() == (size >= 8));
  }
}

TEST_CASE("Numbers take as few bytes as they need and are read at any length", "[coap]") {
  const auto size = [](std::uint32_t number) { return std::span<const std::byte>(UintValue(number)).size(); };
  CHECK(size(0) == 0);
  CHECK(size(1) == 1);
  CHECK(size(255) == 1);
  CHECK(size(256) == 2);
  CHECK(size(65535) == 2);
  CHECK(size(65536) == 3);
  CHECK(size(0xff'ffff) == 3);
  CHECK(size(0x100'0000) == 4);
  for (const std::uint32_t number : {0u, 1u, 255u, 256u, 65536u, 0x1234567u, 0xffff'ffffu}) {
    const UintValue value(number);
    CHECK(parse_uint(value) == number);
  }
  CHECK(parse_uint(bytes({0, 0, 0, 5})) == 5u);
  CHECK(parse_uint(bytes({0, 0, 0, 0, 5})) == Unexpected(Error::protocol_error));
}

TEST_CASE("Critical options that nobody knows must not be passed over, elective ones may be", "[coap]") {
  const auto first_bad = [](std::initializer_list<std::pair<int, int>> options) {
    std::vector<std::byte> buffer(4000);
    MessageWriter writer(buffer);
    writer.begin(Type::confirmable, Code::get, 1, {});
    for (const auto& [number, length] : options) {
      writer.add(static_cast<OptionNumber>(number), Bytes(static_cast<std::size_t>(length)));
    }
    Message message;
    REQUIRE(Message::parse(*writer.datagram(), message));
    const auto bad = message.options.first_bad();
    return bad ? static_cast<int>(*bad) : -1;
  };
  CHECK(first_bad({}) == -1);
  CHECK(first_bad({{2, 1}, {10, 3}, {65534, 0}}) == -1);
  CHECK(first_bad({{65535, 0}}) == 65535);
  CHECK(first_bad({{9, 0}}) == 9);  // OSCORE is not spoken here
  // Once too often, too short, too long: as if unknown (RFC 7252 §5.4.3, §5.4.5).
  CHECK(first_bad({{17, 1}, {17, 1}}) == 17);
  CHECK(first_bad({{12, 1}, {12, 1}}) == -1);
  CHECK(first_bad({{11, 1}, {11, 255}, {11, 0}}) == -1);
  CHECK(first_bad({{11, 256}}) == 11);
  CHECK(first_bad({{3, 0}}) == 3);
  CHECK(first_bad({{3, 255}}) == -1);
  CHECK(first_bad({{5, 1}}) == 5);
  CHECK(first_bad({{7, 3}}) == 7);
  CHECK(first_bad({{23, 3}, {27, 3}}) == -1);
  CHECK(first_bad({{23, 4}}) == 23);
  CHECK(first_bad({{27, 4}}) == 27);
  CHECK(first_bad({{35, 1034}}) == -1);
  CHECK(first_bad({{35, 1035}}) == 35);
  CHECK(first_bad({{39, 256}}) == 39);
  CHECK(first_bad({{1, 8}, {1, 0}}) == -1);
  CHECK(first_bad({{1, 9}}) == 1);
}

TEST_CASE("An option's number tells how those treat it who do not know it", "[coap]") {
  using enum OptionNumber;
  for (const OptionNumber number : {if_match, uri_host, if_none_match, uri_port, uri_path, uri_query, accept, block2,
                                    block1, proxy_uri, proxy_scheme}) {
    CHECK(is_critical(number));
  }
  for (const OptionNumber number : {etag, observe, location_path, content_format, max_age, hop_limit, location_query,
                                    size2, size1, echo, no_response, request_tag}) {
    CHECK_FALSE(is_critical(number));
  }
  CHECK(is_unsafe(uri_path));
  CHECK(is_unsafe(observe));
  CHECK(is_unsafe(proxy_uri));
  CHECK_FALSE(is_unsafe(accept));
  CHECK(is_no_cache_key(size2));
  CHECK(is_no_cache_key(size1));
  CHECK(is_no_cache_key(echo));
  CHECK_FALSE(is_no_cache_key(request_tag));
  CHECK_FALSE(is_no_cache_key(etag));
}

TEST_CASE("Blocks are numbered in their own size", "[coap]") {
  CHECK(*Block::parse({}) == Block{0, false, 0});
  CHECK(*Block::parse(bytes({0x0e})) == Block{0, true, 6});
  CHECK(*Block::parse(bytes({0xff, 0xff, 0xff})) == Block{Block::kMaxNumber, true, Block::kBert});
  CHECK(Block::parse(bytes({0, 0, 0, 1})) == Unexpected(Error::protocol_error));
  for (const std::uint32_t number : {0u, 1u, 15u, 16u, 4095u, 4096u, Block::kMaxNumber}) {
    for (std::uint8_t szx = 0; szx <= 7; ++szx) {
      const Block block{number, (number & 1) != 0, szx};
      const UintValue value(block.value());
      CHECK(*Block::parse(value) == block);
      CHECK(block.offset() == std::uint64_t{number} * (szx == 7 ? 1024u : 16u << szx));
    }
  }
  CHECK_FALSE(Block::szx_for(15));
  CHECK(Block::szx_for(16) == 0);
  CHECK(Block::szx_for(31) == 0);
  CHECK(Block::szx_for(1023) == 5);
  CHECK(Block::szx_for(1024) == 6);
  CHECK(Block::szx_for(100'000) == 6);
}

TEST_CASE("Messages on a stream have their length in front", "[coap]") {
  std::vector<std::byte> buffer(2000);
  MessageWriter writer(buffer);
  writer.begin(Type::confirmable, Code::get, 0x1234, bytes({0x7f}));
  CHECK(copy(*writer.frame()) == bytes({0x01, 0x01, 0x7f}));
  writer.begin(Type::confirmable, Code::put, 0, bytes({0x7f}));
  writer.add_payload(Bytes(20, std::byte{'x'}));
  CHECK(copy(*writer.frame()) == bytes({0xd1, 21 - 13, 0x03, 0x7f, 0xff}) + Bytes(20, std::byte{'x'}));
}
