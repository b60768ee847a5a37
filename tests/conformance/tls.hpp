#pragma once
#include <catch2/catch_test_case_info.hpp>
#include <catch2/interfaces/catch_interfaces_registry_hub.hpp>
#include <catch2/interfaces/catch_interfaces_testcase.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "adapters/mbedtls/tcp.hpp"
#include "nal/hosted/entropy.hpp"
#include "tests/conformance/fixture.hpp"
#include NAL_CONFORMANCE_BASE_HEADER

namespace nal::conformance {

/// A stack whose TCP connections are TLS in both directions, with a shared key, over that of another fixture.
template <class Base>
class TlsStack {
 public:
  using Below = typename Base::Stack;
  using TcpStream = tls::TlsStream;
  using TcpListener = tls::TlsListener;

  TlsStack(Below& below, tls::Engine& engine, const tls::Config& client, const tls::Config& server) noexcept
      : connect_(below, engine, client, tls::ServerName::unchecked()), accept_(below, engine, server) {}

  auto start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    return connect_.start_tcp(remote, options);
  }
  auto listen(const Endpoint& local, const ListenOptions& options) noexcept { return accept_.listen(local, options); }

 private:
  tls::TlsConnect<Below> connect_;
  tls::TlsAccept<Below> accept_;
};

template <class Base>
class TlsFixture : public Base {
 public:
  using Stack = TlsStack<Base>;

  TlsFixture() {
    static constexpr std::array<std::byte, 16> kKey{std::byte{1}, std::byte{2}, std::byte{3}};
    // A ticket that is on its way when a client is dropped, as TLS 1.3 has it, resets the connection below.
    const tls::Options options{.psk = kKey, .psk_identity = "conformance", .allow_tls13 = kTls13, .tickets = false};
    [[maybe_unused]] const bool set = client_config_.setup(tls::Role::client, options).has_value() &&
                                      server_config_.setup(tls::Role::server, options).has_value();
    NAL_ASSERT(set);
  }
  /// Those that are among the streams' cases.
  static std::span<const SkippedCase> skipped() {
    static const auto kSkipped = [] {
      std::array<SkippedCase, 16> kept{};
      std::size_t count = 0;
      for (const SkippedCase& skipped : Base::skipped()) {
        const auto& tests = Catch::getRegistryHub().getTestCaseRegistry().getAllInfos();
        const auto is_it = [&skipped](const auto* test) { return test->name == skipped.test; };
        if (std::any_of(tests.begin(), tests.end(), is_it)) { kept.at(count++) = skipped; }
      }
      return std::pair(kept, count);
    }();
    return std::span(kSkipped.first).first(kSkipped.second);
  }

  Stack& client() { return client_; }
  Stack& server() { return server_; }
  std::size_t in_use() { return Base::in_use() + engine_.in_use(); }
  std::size_t own_tasks() const { return engine_.tasks(); }
  /// A dropped stream sends no close_notify, and the reader is told so.
  static constexpr bool kEndOfDroppedIsTold = true;

 private:
#if defined(NAL_CONFORMANCE_TLS12)
  static constexpr bool kTls13 = false;
#else
  static constexpr bool kTls13 = true;
#endif
  tls::Config client_config_{system_entropy()};
  tls::Config server_config_{system_entropy()};
  // More than the fixtures below have connections: their tables are the ones that are full.
  using Memory = tls::Resources<tls::EngineConfig{.sessions = 48, .listeners = 24}>;
  std::unique_ptr<Memory> memory_ = std::make_unique<Memory>();
  tls::Engine engine_{Base::executor(), *memory_};
  Stack client_{Base::client(), engine_, client_config_, server_config_};
  Stack server_{Base::server(), engine_, client_config_, server_config_};
};

using TestedFixture = TlsFixture<NAL_CONFORMANCE_BASE>;

}  // namespace nal::conformance
