// What each kind of handshake takes of memory, printed as the table in adapters/mbedtls/README.md. Hidden:
// `test-mbedtls-dtls "[peaks]"` runs it. Both ends are in one process, so the figures are of both together.
#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "adapters/mbedtls/memory.hpp"
#include "tests/adapters/mbedtls/dtls_world.hpp"

namespace nal::tls::test {

namespace {

/// Runs on a thread of its own, since an executor stays on the one that it was made on.
class Stack {
 public:
  void run(std::function<void()> body) {
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstack(&attributes, bytes_.data(), bytes_.size()) == 0);
    pthread_t thread{};
    const auto call = [](void* argument) -> void* {
      (*static_cast<std::function<void()>*>(argument))();
      return nullptr;
    };
    REQUIRE(pthread_create(&thread, &attributes, call, &body) == 0);
    REQUIRE(pthread_join(thread, nullptr) == 0);
    static_cast<void>(pthread_attr_destroy(&attributes));
  }
  /// On that thread: how much a function takes of what is free.
  [[gnu::noinline]] std::size_t taken_by(const std::function<void()>& body) {
    std::byte here{};
    const auto free = static_cast<std::size_t>(&here - bytes_.data()) - kOurs;
    std::fill_n(bytes_.begin(), free, kUntouched);
    body();
    const auto touched = std::find_if(bytes_.begin(), bytes_.end(), [](std::byte b) { return b != kUntouched; });
    return free + kOurs - static_cast<std::size_t>(touched - bytes_.begin());
  }

 private:
  static constexpr std::byte kUntouched{0xa5};
  static constexpr std::size_t kOurs = 1024;  ///< of `taken_by` itself
  alignas(4096) static inline std::array<std::byte, 1U << 20> bytes_;
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<World>()> streams;
  std::function<std::unique_ptr<DtlsWorld>()> datagrams;
  bool again = false;  ///< a session is taken up again
};

/// A row of the table.
template <class Make, class Shake>
void measure(const Kind& kind, Memory& memory, const Make& make, Shake shake) {
  Stack stack;
  stack.run([&] {
    auto world = make();
    const std::size_t before = memory.in_use();
    if (kind.again) { shake(*world); }
    const std::size_t saved = memory.in_use() - before;
    memory.reset_peak();
    std::size_t afterwards = 0;
    const std::size_t taken = stack.taken_by([&] { afterwards = shake(*world); });
    std::printf("| %s | %zu | %zu | %zu | %zu |\n", kind.name, before, memory.peak() - before - saved,
                afterwards - before - saved, taken);
  });
}

Options only_12(Options options) {
  options.allow_tls13 = false;
  return options;
}

std::unique_ptr<World> streams(Options client, Options server) { return std::make_unique<World>(client, server); }
std::unique_ptr<DtlsWorld> datagrams(const Options& client, const Options& server) {
  return std::make_unique<DtlsWorld>(client, server);
}

}  // namespace

TEST_CASE("Each kind of handshake takes what it takes", "[.][peaks]") {
  static std::array<std::byte, 600'000> bytes_of_it;
  const auto authority = trusting("authority");
  const auto server = showing("server");
  const auto shared = sharing("0123456789abcdef");
  auto known = showing("client");
  known.trusted = authority.trusted;
  auto asking = server;
  asking.trusted = authority.trusted;
  const Kind kinds[] = {
      {"TLS 1.2, certificate", [&] { return streams(only_12(authority.options()), server.options()); }, nullptr},
      {"TLS 1.2, both's certificates", [&] { return streams(only_12(known.options()), asking.options()); }, nullptr},
      {"TLS 1.2, taken up again", [&] { return streams(only_12(authority.options()), server.options()); }, nullptr,
       true},
      {"TLS 1.2, shared key", [&] { return streams(only_12(shared.options()), shared.options()); }, nullptr},
      {"TLS 1.3, certificate", [&] { return streams(authority.options(), server.options()); }, nullptr},
      {"TLS 1.3, both's certificates", [&] { return streams(known.options(), asking.options()); }, nullptr},
      {"TLS 1.3, taken up again", [&] { return streams(authority.options(), server.options()); }, nullptr, true},
      {"TLS 1.3, shared key", [&] { return streams(shared.options(), shared.options()); }, nullptr},
      {"DTLS 1.2, certificate", nullptr, [&] { return datagrams(authority.options(), server.options()); }},
      {"DTLS 1.2, both's certificates", nullptr, [&] { return datagrams(known.options(), asking.options()); }},
      {"DTLS 1.2, taken up again", nullptr, [&] { return datagrams(authority.options(), server.options()); }, true},
      {"DTLS 1.2, shared key", nullptr, [&] { return datagrams(shared.options(), shared.options()); }},
  };
  std::puts("| handshake | both configs | the most on top | of it afterwards | stack |\n|---|---|---|---|---|");
  for (const Kind& kind : kinds) {
    Memory memory(bytes_of_it);
    if (!memory.install()) { SKIP("this Mbed TLS takes its memory from the C library"); }
    SavedSession saved;
    if (kind.streams) {
      measure(kind, memory, kind.streams, [&](World& world) {
        auto pair = world.connect(ServerName("server.test"), kind.again ? &saved : nullptr);
        REQUIRE(pair);
        // The ticket of TLS 1.3 comes behind the handshake.
        World::check_echo(world, *pair);
        CHECK((!kind.again || !saved.empty()));
        return memory.in_use();
      });
    } else {
      measure(kind, memory, kind.datagrams, [&](DtlsWorld& world) {
        auto client = world.connect();
        REQUIRE(client);
        const std::size_t in_use = memory.in_use();
        world.check_echo(*client);
        return in_use;
      });
    }
    saved.forget();
  }
}

}  // namespace nal::tls::test
