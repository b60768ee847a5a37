#include "backends/embedded/wire/checksum.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <random>

#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum_kernels.hpp"
#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded::wire {
namespace {

/// RFC 1071 as it is written: words in network order, one by one.
std::uint16_t plain_sum(std::span<const std::byte> bytes) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    total += std::to_integer<std::uint64_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
  }
  while (total >> 16 != 0) { total = (total & 0xffff) + (total >> 16); }
  return static_cast<std::uint16_t>(total);
}
std::uint16_t plain_checksum(std::span<const std::byte> bytes) { return static_cast<std::uint16_t>(~plain_sum(bytes)); }

Bytes noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (std::byte& byte : bytes) { byte = static_cast<std::byte>(random()); }
  return bytes;
}

TEST_CASE("the checksum of RFC 1071's example is the one it gives", "[wire][checksum]") {
  CHECK(sum(hex("0001 f203 f4f5 f6f7")).value() == 0xddf2);
  CHECK(sum(hex("0001 f203 f4f5 f6f7")).checksum() == 0x220d);
}

TEST_CASE("the checksum of a captured IPv4 header is right, and found to be", "[wire][checksum]") {
  Bytes header = hex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7");
  CHECK(sum(header).checksum() == 0xb861);
  store_be16(&header[10], 0xb861);
  CHECK(sum(header).valid());
  header[3] ^= std::byte{1};
  CHECK_FALSE(sum(header).valid());
}

TEST_CASE("the sum of every length at every alignment is that of the plain one", "[wire][checksum]") {
  const Bytes bytes = noise(400, 1);
  for (std::size_t offset = 0; offset < 64; ++offset) {
    for (std::size_t size = 0; size <= 300; ++size) {
      const auto part = std::span(bytes).subspan(offset, size);
      if (sum(part).checksum() != plain_checksum(part)) { FAIL("offset " << offset << ", size " << size); }
    }
  }
}

TEST_CASE("copying and summing copies every byte, no other, and sums them, at every length and alignment",
          "[wire][checksum]") {
  const Bytes from = noise(400, 2);
  for (std::size_t offset = 0; offset < 33; ++offset) {
    for (std::size_t to_offset :
         {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{31}}) {
      for (std::size_t size = 0; size <= 300; ++size) {
        Bytes to(400, std::byte{0xa5});
        const auto part = std::span(from).subspan(offset, size);
        const Sum got = copy_and_sum(std::span(to).subspan(to_offset), part);
        Bytes expected(400, std::byte{0xa5});
        std::copy(part.begin(), part.end(), expected.begin() + static_cast<std::ptrdiff_t>(to_offset));
        if (to != expected || got.checksum() != plain_checksum(part)) {
          FAIL("from " << offset << ", to " << to_offset << ", size " << size);
        }
      }
    }
  }
}

TEST_CASE("the sum of packets as large as they come, of all ones and of all zeros, loses no carry",
          "[wire][checksum]") {
  for (const std::size_t size : {1460U, 8960U, 65534U, 65535U, 65536U, 1000001U}) {
    for (const std::byte fill : {std::byte{0xff}, std::byte{0x00}, std::byte{0x80}}) {
      const Bytes bytes(size, fill);
      Bytes to(size);
      CHECK(sum(bytes).checksum() == plain_checksum(bytes));
      CHECK(copy_and_sum(to, bytes).checksum() == plain_checksum(bytes));
      CHECK(to == bytes);
    }
    const Bytes bytes = noise(size, 3);
    CHECK(sum(bytes).checksum() == plain_checksum(bytes));
  }
}

#ifdef NAL_CHECKSUM_X86_64
TEST_CASE("each kernel gives the same sum as the plain one", "[wire][checksum]") {
  for (const bool ones : {false, true}) {
    const Bytes bytes = ones ? Bytes(700, std::byte{0xff}) : noise(700, 6);
    for (std::size_t offset = 0; offset < 4; ++offset) {
      for (std::size_t size = 0; size <= 600; ++size) {
        const auto part = std::span(bytes).subspan(offset, size);
        Bytes to(size);
        bool same_sum = kernel::sum_x86_64(part.data(), size).checksum() == plain_checksum(part);
        if (size >= 32 && kernel::has_avx2()) {
          same_sum = same_sum && kernel::sum_avx2(part.data(), size).checksum() == plain_checksum(part) &&
                     kernel::copy_and_sum_avx2(to.data(), part.data(), size).checksum() == plain_checksum(part) &&
                     same(to, part);
        }
        if (!same_sum) { FAIL("offset " << offset << ", size " << size); }
      }
    }
  }
  const Bytes many = Bytes(kernel::kMaxAvx2, std::byte{0x7f});
  CHECK(kernel::sum_x86_64(many.data(), many.size()).checksum() == plain_checksum(many));
  if (kernel::has_avx2()) { CHECK(kernel::sum_avx2(many.data(), many.size()).checksum() == plain_checksum(many)); }
}
#endif

TEST_CASE("sums of parts add up to the sum of the whole, wherever it is cut", "[wire][checksum]") {
  const Bytes bytes = noise(41, 4);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); ++second) {
      const auto all = std::span(bytes);
      const Sum together = sum(all.first(first)) + sum(all.subspan(first, second - first)).at(first) +
                           sum(all.subspan(second)).at(second);
      CHECK(together.checksum() == plain_checksum(bytes));
    }
  }
}

TEST_CASE("words given as numbers sum up as those in memory do", "[wire][checksum]") {
  const Bytes bytes = hex("1234 5678 9abc ffff");
  CHECK((Sum::of(0x1234) + Sum::of32(0x5678'9abc) + Sum::of(0xffff)).checksum() == plain_checksum(bytes));
  CHECK(Sum().checksum() == 0xffff);
  CHECK(Sum::of(0xffff).checksum() == 0);
}

TEST_CASE("a UDP checksum that comes out as 0 is sent as ones", "[wire][checksum]") {
  CHECK(Sum::of(0xffff).udp_checksum() == 0xffff);
  CHECK(Sum::of(0xfffe).udp_checksum() == 1);
}

TEST_CASE("the pseudo header's sum is that of its bytes", "[wire][checksum]") {
  const Bytes v4 = hex("c0000201 c6336407 00 11 0123");
  CHECK(pseudo_header_sum(hex("c0000201"), hex("c6336407"), 17, 0x123).checksum() == plain_checksum(v4));
  const Bytes from = hex("20010db8000000000000000000000001");
  const Bytes to = hex("fe8000000000000002005efffe000001");
  const Bytes v6 = join(join(from, to), hex("00012345 000000 3a"));
  CHECK(pseudo_header_sum(from, to, 58, 0x12345).checksum() == plain_checksum(v6));
}

TEST_CASE("a checksum brought up to date is the one made afresh", "[wire][checksum]") {
  Bytes header = noise(20, 5);
  for (unsigned before : {0U, 1U, 0x4006U, 0xfffeU, 0xffffU}) {
    for (unsigned after : {0U, 1U, 0x3f06U, 0xfffeU, 0xffffU}) {
      store_be16(&header[8], before);
      const std::uint16_t old = plain_checksum(header);
      store_be16(&header[8], after);
      CHECK(updated_checksum(old, static_cast<std::uint16_t>(before), static_cast<std::uint16_t>(after)) ==
            plain_checksum(header));
    }
  }
}

TEST_CASE("a checksum brought up to date is right where all that it covers has become 0", "[wire][checksum]") {
  Bytes message(12);
  store_be16(&message[2], updated_checksum(0xf7ff, 0x0800, 0));
  CHECK(sum(message).valid());
}

}  // namespace
}  // namespace nal::embedded::wire
