#pragma once
#include <catch2/catch_test_macros.hpp>

#include "tests/examples/mqtt/bytes.hpp"

/// What holds for every packet of both versions.
namespace mqtt::test {

/// Every part of a packet from its front, each on the heap and of just its size, so that AddressSanitizer sees a byte
/// too many: never taken, never worse than incomplete or truncated. `whole_at` tells lengths of the body that are whole
/// packets too: where the standard lets fields be left out.
template <class Packet, Version kVersion = Version::mqtt_3_1_1>
void check_truncations(const Bytes& whole, std::initializer_list<std::size_t> whole_at = {}) {
  CHECK(fault_of<Packet, kVersion>(whole) == Fault::none);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes front(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto header = header_of<kVersion>(front);
    REQUIRE(header);
    CHECK((!header->complete() || header->total() > size));
  }
  // The same with a length field that fits what is left.
  const auto header = header_of<kVersion>(whole);
  for (std::size_t left = 0; left < header->remaining; ++left) {
    const auto body = whole.begin() + header->size;
    const Bytes cut =
        packet(std::to_integer<unsigned>(whole[0]), Bytes(body, body + static_cast<std::ptrdiff_t>(left)));
    INFO("cut to " << left);
    const Fault fault = fault_of<Packet, kVersion>(cut);
    bool may_be_whole = false;
    for (const std::size_t size : whole_at) { may_be_whole = may_be_whole || size == left; }
    if (may_be_whole) {
      CHECK(fault == Fault::none);
    } else {
      CHECK((fault == Fault::truncated || fault == Fault::size || fault == Fault::empty_list));
    }
  }
}

/// Every value of the two bytes of a length field at `offset`: nothing breaks, and what is too long is refused.
template <class Packet, Version kVersion = Version::mqtt_3_1_1>
void check_length_field(const Bytes& whole, std::size_t offset) {
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(whole[offset + i]); };
  const unsigned right = at(0) << 8 | at(1);
  for (const unsigned length : {0U, 1U, right - 1, right, right + 1, 0xFFFEU, 0xFFFFU}) {
    if (length > 0xFFFF) { continue; }
    Bytes changed = whole;
    changed[offset] = static_cast<std::byte>(length >> 8);
    changed[offset + 1] = static_cast<std::byte>(length & 0xFF);
    const Fault fault = fault_of<Packet, kVersion>(changed);
    INFO("length " << length << " instead of " << right << ": " << to_string(fault));
    if (length == right) { CHECK(fault == Fault::none); }
    if (length > whole.size()) { CHECK(fault == Fault::truncated); }
  }
}

/// What an encoder writes fits a buffer of just its size and no smaller one, and nothing behind it is touched.
template <class Encode>
void check_room(std::size_t size, Encode encode_into) {
  for (std::size_t room = 0; room < size; ++room) {
    Bytes small(room);
    CHECK(encode_into(std::span(small)) == nal::Unexpected(nal::Error::buffer_too_small));
  }
  Bytes exact(size + 1, std::byte{0xA5});
  CHECK(encode_into(std::span(exact)) == size);
  CHECK(exact.back() == std::byte{0xA5});
}

}  // namespace mqtt::test
