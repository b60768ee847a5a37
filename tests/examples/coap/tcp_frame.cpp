#include "examples/coap/tcp_frame.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <vector>

using coap::TcpHeader;
using nal::Error;
using nal::Unexpected;

namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> made;
  for (const int value : values) { made.push_back(static_cast<std::byte>(value)); }
  return made;
}

std::vector<std::byte> written(std::uint32_t length, std::uint8_t token_length, std::uint8_t code) {
  std::array<std::byte, TcpHeader::kMaxSize> out;
  TcpHeader header;
  header.length = length;
  header.token_length = token_length;
  header.code = code;
  const auto size = header.write(out);
  REQUIRE(size);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size)};
}

}  // namespace

TEST_CASE("The length of a message stands in the form that it needs", "[coap]") {
  CHECK(written(0, 0, 0xE1) == bytes({0x00, 0xE1}));
  CHECK(written(12, 1, 1) == bytes({0xC1, 1}));
  CHECK(written(13, 2, 1) == bytes({0xD2, 0, 1}));
  CHECK(written(268, 8, 1) == bytes({0xD8, 255, 1}));
  CHECK(written(269, 0, 1) == bytes({0xE0, 0, 0, 1}));
  CHECK(written(65804, 0, 1) == bytes({0xE0, 255, 255, 1}));
  CHECK(written(65805, 0, 1) == bytes({0xF0, 0, 0, 0, 0, 1}));
  CHECK(written(0xffff'ffff, 0, 1) == bytes({0xF0, 0xff, 0xfe, 0xfe, 0xf2, 1}));
}

TEST_CASE("A header is read back at the bounds of every form", "[coap]") {
  for (const std::uint32_t length : {0U, 1U, 11U, 12U, 13U, 14U, 267U, 268U, 269U, 270U, 65803U, 65804U, 65805U, 65806U,
                                     0xffff'fffeU, 0xffff'ffffU}) {
    for (std::uint8_t token = 0; token <= 8; ++token) {
      const auto text = written(length, token, 0x45);
      CHECK(text.size() == TcpHeader::size_for(length));
      const auto header = TcpHeader::parse(text);
      REQUIRE(header);
      CHECK(header->complete());
      CHECK(header->size == text.size());
      CHECK(header->length == length);
      CHECK(header->token_length == token);
      CHECK(header->code == 0x45);
      CHECK(header->total() == std::uint64_t{length} + text.size() + token);
      for (std::size_t cut = 0; cut < text.size(); ++cut) {
        const auto part = TcpHeader::parse(std::span(text).first(cut));
        REQUIRE(part);
        CHECK_FALSE(part->complete());
      }
      for (std::size_t room = 0; room < text.size(); ++room) {
        std::vector<std::byte> small(room);
        CHECK(header->write(small) == Unexpected(Error::buffer_too_small));
      }
    }
  }
}

TEST_CASE("A token of 9 to 15 bytes is refused with its first byte", "[coap]") {
  for (int token = 9; token <= 15; ++token) {
    for (int length = 0; length <= 15; ++length) {
      CHECK(TcpHeader::parse(bytes({length << 4 | token})).error() == Error::protocol_error);
      CHECK(TcpHeader::parse(bytes({length << 4 | token, 0, 0, 0, 0, 1})).error() == Error::protocol_error);
    }
    TcpHeader header;
    header.token_length = static_cast<std::uint8_t>(token);
    std::array<std::byte, TcpHeader::kMaxSize> out;
    CHECK(header.write(out) == Unexpected(Error::invalid_argument));
  }
}

TEST_CASE("A length beyond 32 bits is refused", "[coap]") {
  CHECK(TcpHeader::parse(bytes({0xF0, 0xff, 0xfe, 0xfe, 0xf2, 1}))->length == 0xffff'ffff);
  CHECK(TcpHeader::parse(bytes({0xF0, 0xff, 0xfe, 0xfe, 0xf3, 1})).error() == Error::message_size);
  CHECK(TcpHeader::parse(bytes({0xF0, 0xff, 0xff, 0xff, 0xff, 1})).error() == Error::message_size);
}
