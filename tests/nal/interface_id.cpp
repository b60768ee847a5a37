#include "nal/interface_id.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <type_traits>
#include <unordered_set>

#include "tests/nal/text_properties.hpp"

using namespace nal;
using namespace nal::test;

static_assert(!std::is_convertible_v<std::uint32_t, InterfaceId>);
static_assert(std::is_trivially_copyable_v<InterfaceId> && sizeof(InterfaceId) == 4);

TEST_CASE("an interface is known by its number, and 0 is any") {
  CHECK(InterfaceId().is_any());
  CHECK(InterfaceId::any() == InterfaceId(0));
  CHECK_FALSE(InterfaceId(3).is_any());
  CHECK(InterfaceId(3).index() == 3);
  CHECK(InterfaceId(3) < InterfaceId(4));
}

TEST_CASE("an interface is written as its number") {
  check_text(InterfaceId(0), "0");
  check_text(InterfaceId(4294967295), "4294967295");
}

TEST_CASE("interfaces go into hashed containers") {
  const std::unordered_set<InterfaceId> set = {InterfaceId(1), InterfaceId(2), InterfaceId(1)};
  CHECK(set.size() == 2);
}
