#include "nal/mac_address.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <unordered_set>

#include "tests/nal/text_properties.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

static_assert("02-00-5E-10-00-01"_mac == MacAddress(0x02, 0x00, 0x5e, 0x10, 0x00, 0x01));
static_assert("02:00:5e:10:00:01"_mac == "02-00-5e-10-00-01"_mac);
static_assert("00:00:00:00:00:01"_mac < "00:00:00:00:01:00"_mac);
static_assert(MacAddress::from_bytes("aa:bb:cc:dd:ee:ff"_mac.bytes()) == "aa:bb:cc:dd:ee:ff"_mac);
static_assert(std::is_trivially_copyable_v<MacAddress> && sizeof(MacAddress) == 6);

TEST_CASE("a hardware address is written in lower case with colons and read back") {
  check_round_trip("00:00:00:00:00:00"_mac, "00:00:00:00:00:00");
  check_round_trip("0A-1B-2C-3D-4E-5F"_mac, "0a:1b:2c:3d:4e:5f");
  check_round_trip(MacAddress::broadcast(), "ff:ff:ff:ff:ff:ff");
}

TEST_CASE("a hardware address in any other form is refused") {
  for (const char* text :
       {"", "aa", "aabbccddeeff", "aa:bb:cc:dd:ee", "aa:bb:cc:dd:ee:ff:00", "aa:bb-cc:dd:ee:ff", "aa-bb-cc-dd-ee:ff",
        "aa:bb:cc:dd:ee:fg", "aa.bb.cc.dd.ee.ff", "a:bb:cc:dd:ee:fff", "aabb.ccdd.eeff", " aa:bb:cc:dd:ee:f",
        "aa:bb:cc:dd:ee:f ", "aa:bb:cc:dd:ee:+f", "aaabb:cc:dd:ee:ff"}) {
    check_refused<MacAddress>(text);
  }
}

TEST_CASE("a hardware address cut short at any byte is refused") {
  constexpr std::string_view kText = "aa:bb:cc:dd:ee:ff";
  for (std::size_t size = 0; size < kText.size(); ++size) { check_refused<MacAddress>(kText.substr(0, size)); }
}

TEST_CASE("every value of every byte of a hardware address reads back") {
  for (unsigned value = 0; value <= 255; ++value) {
    MacAddress::Bytes bytes{1, 2, 3, 4, 5, 6};
    for (std::uint8_t& byte : bytes) {
      byte = static_cast<std::uint8_t>(value);
      const MacAddress address = MacAddress::from_bytes(bytes);
      CHECK(MacAddress::parse(to_text(address)) == address);
    }
  }
}

TEST_CASE("hardware addresses tell groups from stations, and whose they are") {
  CHECK(MacAddress().is_unspecified());
  CHECK_FALSE(MacAddress().is_unicast());
  CHECK(MacAddress::broadcast().is_broadcast());
  CHECK(MacAddress::broadcast().is_multicast());
  CHECK("01:00:5e:00:00:fb"_mac.is_multicast());
  CHECK_FALSE("01:00:5e:00:00:fb"_mac.is_broadcast());
  CHECK_FALSE("01:00:5e:00:00:fb"_mac.is_unicast());
  CHECK("00:00:5e:00:53:01"_mac.is_unicast());
  CHECK_FALSE("00:00:5e:00:53:01"_mac.is_locally_administered());
  CHECK("02:00:00:00:00:01"_mac.is_locally_administered());
  CHECK_FALSE("00:00:5e:00:53:01"_mac.is_unspecified());
}

TEST_CASE("hardware addresses go into hashed containers") {
  const std::unordered_set<MacAddress> set = {"02:00:00:00:00:01"_mac, "02:00:00:00:00:02"_mac, "00:02:00:00:00:01"_mac,
                                              "02:00:00:00:00:01"_mac};
  CHECK(set.size() == 3);

  std::unordered_set<std::uint32_t> hashes = {hash_value(MacAddress())};
  for (unsigned bit = 0; bit < 48; ++bit) {
    MacAddress::Bytes bytes{};
    bytes[bit / 8] = static_cast<std::uint8_t>(1u << bit % 8);
    hashes.insert(hash_value(MacAddress::from_bytes(bytes)));
  }
  CHECK(hashes.size() == 49);
}
