#include "adapters/mbedtls/memory.hpp"

#include <array>
#include <vector>

#include "tests/adapters/mbedtls/world.hpp"

namespace nal::tls::test {

TEST_CASE("Memory gives what fits, joins what comes back, and tells its peak", "[tls][memory]") {
  alignas(16) static std::array<std::byte, 4096> bytes_of_it;
  Memory memory(bytes_of_it);
  CHECK(memory.allocate(1, 5000) == nullptr);
  CHECK(memory.allocate(static_cast<std::size_t>(-1), 16) == nullptr);
  CHECK(memory.refusals() == 2);
  std::vector<void*> pieces;
  while (void* piece = memory.allocate(3, 33)) {
    for (std::size_t i = 0; i < 99; ++i) { CHECK(static_cast<std::byte*>(piece)[i] == std::byte{0}); }
    std::memset(piece, 0xff, 99);
    pieces.push_back(piece);
  }
  CHECK(pieces.size() >= 30);
  CHECK(memory.peak() == memory.in_use());
  CHECK(memory.peak() <= bytes_of_it.size());
  // Every second one first: none of the holes is large enough.
  for (std::size_t i = 0; i < pieces.size(); i += 2) { memory.release(pieces[i]); }
  CHECK(memory.allocate(1, 200) == nullptr);
  for (std::size_t i = 1; i < pieces.size(); i += 2) { memory.release(pieces[i]); }
  CHECK(memory.in_use() == 0);
  void* all = memory.allocate(1, 4000);
  CHECK(all != nullptr);
  memory.release(all);
  memory.release(nullptr);
  CHECK(memory.in_use() == 0);
}

TEST_CASE("Memory of odd places and sizes is used as far as it goes", "[tls][memory]") {
  std::array<std::byte, 200> bytes_of_it;
  for (std::size_t size = 0; size < 100; ++size) {
    for (std::size_t from = 0; from < 17; ++from) {
      Memory memory{std::span<std::byte>(bytes_of_it).subspan(from, size)};
      void* piece = memory.allocate(1, 16);
      CHECK(reinterpret_cast<std::uintptr_t>(piece) % alignof(std::max_align_t) == 0);
      memory.release(piece);
    }
  }
}

TEST_CASE("A handshake lives in the caller's memory, and fails in order where that is too little", "[tls][memory]") {
  static std::array<std::byte, 400'000> bytes_of_it;
  const auto shared = sharing("0123456789abcdef");
  std::size_t peak = 0;
  {
    Memory memory(bytes_of_it);
    if (const auto installed = memory.install(); !installed) {
      CHECK(installed == Unexpected(Error::not_supported));
      SKIP("this Mbed TLS takes its memory from the C library");
    }
    Memory second{std::span<std::byte>(bytes_of_it).first(0)};
    CHECK(second.install() == Unexpected(Error::address_in_use));
    World world(shared.options(), shared.options());
    auto pair = world.connect();
    REQUIRE(pair);
    World::check_echo(world, *pair);
    peak = memory.peak();
    CHECK(memory.allocations() > 0);
  }
  unsigned failed = 0;
  for (std::size_t size = 40'000; size < peak + 2000; size += peak / 24) {
    INFO(size << " bytes of " << peak);
    Memory memory{std::span<std::byte>(bytes_of_it).first(size)};
    REQUIRE(memory.install());
    Config client{system_entropy()};
    Config server{system_entropy()};
    if (!client.setup(Role::client, shared.options()) || !server.setup(Role::server, shared.options())) {
      ++failed;
      continue;
    }
    nal::test::FakeWorld hosts;
    auto resources = std::make_unique<World::Memory>();
    Engine engine(hosts.executor, *resources);
    TlsAccept<nal::test::FakeStack> accepting(hosts.server, engine, server);
    TlsConnect<nal::test::FakeStack> connecting(hosts.client, engine, client, ServerName::unchecked());
    auto listener = accepting.listen({nal::test::FakeWorld::server_address(), 4433}, {});
    REQUIRE(listener);
    const auto connected = block_on(
        hosts.executor, with_timeout(Duration::seconds(100),
                                     nal::connect(connecting, Endpoint{nal::test::FakeWorld::server_address(), 4433})));
    if (!connected) {
      ++failed;
      CHECK(connected.error() != Error::timed_out);
    }
  }
  CHECK(failed > 0);
}

}  // namespace nal::tls::test
