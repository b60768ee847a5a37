#include "nal/hash.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <initializer_list>

#include "nal/endpoint.hpp"

using namespace nal;

namespace {

constexpr HashKey kKey{0x03020100, 0x07060504};

constexpr std::uint32_t hash(HashKey key, std::initializer_list<std::uint32_t> words) {
  Hasher hasher(key);
  for (const std::uint32_t word : words) { hasher.add(word); }
  return hasher.finish();
}

// The published HalfSipHash-1-3 vectors for key 00..07 and messages 00, 01, 02…, of 0, 4, 8, 12 and 16 bytes.
static_assert(hash(kKey, {}) == 0x5814c896);
static_assert(hash(kKey, {0x03020100}) == 0x7e059ea6);
static_assert(hash(kKey, {0x03020100, 0x07060504}) == 0x577999b1);
static_assert(hash(kKey, {0x03020100, 0x07060504, 0x0b0a0908}) == 0x6b28096c);
static_assert(hash(kKey, {0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c}) == 0x8b31d501);

}  // namespace

TEST_CASE("hashing is HalfSipHash-1-3 over whole words") {
  CHECK(hash(kKey, {0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110}) == 0x911bb605);
}

TEST_CASE("another key gives another hash of the same value") {
  const Endpoint endpoint{Ipv4Address(192, 0, 2, 1), 1883};
  CHECK(hash_value(endpoint) == hash_value(endpoint, {}));
  CHECK(hash_value(endpoint, {1, 0}) != hash_value(endpoint));
  CHECK(hash_value(endpoint, {0, 1}) != hash_value(endpoint));
  CHECK(hash_value(endpoint, {0, 1}) != hash_value(endpoint, {1, 0}));
}

TEST_CASE("every bit of an endpoint changes about half of the hash") {
  const Ipv6Address::Bytes base{};
  const std::uint32_t before = hash_value(Endpoint{Ipv6Address::from_bytes(base), 0});
  for (unsigned bit = 0; bit < 128; ++bit) {
    Ipv6Address::Bytes bytes = base;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
    const int changed = std::popcount(before ^ hash_value(Endpoint{Ipv6Address::from_bytes(bytes), 0}));
    CHECK(changed >= 4);
    CHECK(changed <= 28);
  }
  for (unsigned bit = 0; bit < 16; ++bit) {
    const auto port = static_cast<std::uint16_t>(1u << bit);
    CHECK(std::popcount(before ^ hash_value(Endpoint{Ipv6Address(), port})) >= 4);
  }
}

TEST_CASE("neighbouring endpoints spread evenly over a small table") {
  std::array<int, 64> buckets{};
  for (std::uint32_t host = 0; host < 64; ++host) {
    for (std::uint16_t port = 1024; port < 1088; ++port) {
      const Endpoint endpoint{Ipv4Address::from_uint32(0x0a000000 + host), port};
      ++buckets[hash_value(endpoint) % buckets.size()];
    }
  }
  // 4096 over 64 buckets: 64 each, give or take four standard deviations.
  for (const int n : buckets) {
    CHECK(n > 32);
    CHECK(n < 96);
  }
}

TEST_CASE("values that differ in family, port or zone alone hash apart") {
  const IpAddress v4 = Ipv4Address::loopback();
  const IpAddress mapped = Ipv6Address::from_v4(Ipv4Address::loopback());
  CHECK(hash_value(v4) != hash_value(mapped));
  CHECK(hash_value(Endpoint{v4, 1}) != hash_value(Endpoint{v4, 2}));
  CHECK(hash_value(Ipv6Address::all_nodes(1)) != hash_value(Ipv6Address::all_nodes(2)));
}
