// The Internet checksum as the target computes it: its loops are not the host's.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/embedded/wire/checksum.hpp"
#include "tests/firmware/runner.hpp"

namespace {

using nal::embedded::wire::copy_and_sum;
using nal::embedded::wire::Sum;
using nal::embedded::wire::sum;

std::uint16_t plain_checksum(std::span<const std::byte> bytes) {
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    total += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    total = (total & 0xffff) + (total >> 16);
  }
  return static_cast<std::uint16_t>(~total);
}

alignas(8) std::array<std::byte, 200> from;
alignas(8) std::array<std::byte, 200> to;

void fill(bool ones) {
  std::uint32_t state = 1;
  for (std::byte& byte : from) {
    state = state * 1664525 + 1013904223;
    byte = ones ? std::byte{0xff} : static_cast<std::byte>(state >> 24);
  }
}

}  // namespace

TEST_CASE("the checksum of every length at every alignment is that of the plain one") {
  for (const bool ones : {false, true}) {
    fill(ones);
    for (std::size_t offset = 0; offset < 8; ++offset) {
      for (std::size_t size = 0; size <= 180; ++size) {
        const auto part = std::span<const std::byte>(from).subspan(offset, size);
        REQUIRE(sum(part).checksum() == plain_checksum(part));
      }
    }
  }
}

TEST_CASE("copying and summing copies every byte and no other, at every length and alignment") {
  fill(false);
  for (std::size_t offset = 0; offset < 4; ++offset) {
    for (std::size_t to_offset = 0; to_offset < 4; ++to_offset) {
      for (std::size_t size = 0; size <= 100; ++size) {
        to.fill(std::byte{0xa5});
        const auto part = std::span<const std::byte>(from).subspan(offset, size);
        REQUIRE(copy_and_sum(std::span(to).subspan(to_offset), part).checksum() == plain_checksum(part));
        for (std::size_t i = 0; i < to.size(); ++i) {
          const bool inside = i >= to_offset && i < to_offset + size;
          REQUIRE(to[i] == (inside ? part[i - to_offset] : std::byte{0xa5}));
        }
      }
    }
  }
}
