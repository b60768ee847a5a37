#include "nal/random.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>
#include <type_traits>

namespace nal::test {

// RFC 8439 §2.3.2.
TEST_CASE("A block of ChaCha20 is the standard's", "[random]") {
  std::array<std::uint32_t, 8> key{};
  for (std::uint32_t i = 0; i < 8; ++i) { key[i] = 0x03020100 + i * 0x04040404; }
  const std::array<std::uint32_t, 3> nonce{0x09000000, 0x4a000000, 0x00000000};
  std::array<std::uint32_t, 16> out{};
  chacha20_block(key, 1, nonce, out);
  const std::array<std::uint32_t, 16> expected{0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033,
                                               0x9aaa2204, 0x4e6cd4c3, 0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
                                               0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
  CHECK(out == expected);
}

TEST_CASE("Random numbers follow from the entropy, and from nothing else", "[random]") {
  static_assert(!std::is_default_constructible_v<Entropy> && !std::is_default_constructible_v<Random>);
  std::array<std::byte, Entropy::kSize> seed{};
  Random a{Entropy(seed)};
  Random b{Entropy(seed)};
  seed[31] = std::byte{1};
  Random c{Entropy(seed)};
  unsigned same = 0;
  std::set<std::uint16_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::uint16_t number = a.u16();
    CHECK(number == b.u16());
    same += number == c.u16() ? 1 : 0;
    seen.insert(number);
  }
  CHECK(same < 5);
  CHECK(seen.size() > 980);
}

TEST_CASE("Numbers below a bound are below it, and all of them come", "[random]") {
  Random random{Entropy(std::array<std::byte, Entropy::kSize>{})};
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 200; ++i) { seen.insert(random.below(6)); }
  CHECK(seen == std::set<std::uint32_t>{0, 1, 2, 3, 4, 5});
  CHECK(random.below(1) == 0);
}

}  // namespace nal::test
