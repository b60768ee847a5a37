#include "adapters/mbedtls/memory.hpp"
#include "tests/adapters/mbedtls/dtls_world.hpp"

namespace nal::tls::test {

TEST_CASE("A handshake over datagrams fails in order where memory is too little, on either side", "[dtls][memory]") {
  static std::array<std::byte, 400'000> bytes_of_it;
  const auto shared = sharing("0123456789abcdef");
  const auto attempt = [&shared] {
    DtlsWorld world(shared.options(), shared.options());
    auto client = world.connect();
    if (client) { world.check_echo(*client); }
    return client.has_value();
  };
  std::size_t peak = 0;
  std::size_t kept = 0;  // the library's store of keys, where it has one
  {
    Memory memory(bytes_of_it);
    if (!memory.install()) { SKIP("this Mbed TLS takes its memory from the C library"); }
    REQUIRE(attempt());
    peak = memory.peak();
    kept = memory.in_use();
    CHECK(kept <= 4096);
    REQUIRE(attempt());
    CHECK(memory.in_use() == kept);
  }
  unsigned failed = 0;
  for (std::size_t size = peak / 2; size < peak + 2000; size += peak / 64) {
    INFO(size << " bytes of " << peak);
    Memory memory{std::span<std::byte>(bytes_of_it).first(size)};
    REQUIRE(memory.install());
    failed += attempt() ? 0 : 1;
    CHECK(memory.in_use() <= kept);
  }
  CHECK(failed > 0);
}

}  // namespace nal::tls::test
