// TLS 1.2 in bulk over loopback, by nal and by Mbed TLS's own blocking sockets, with one cipher and one configuration.
//
//   bench-tls peer WAY CHUNK             prints its port; takes what `send` sends, or gives `receive` bytes until it
//   has enough bench-tls HOW WAY PORT CHUNK BYTES   HOW: nal, plain; WAY: send, receive; CHUNK: bytes a write or read,
//   up to 16384
#include <mbedtls/net_sockets.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "adapters/mbedtls/tcp.hpp"
#include "backends/posix/stack.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/tcp.hpp"
#include "nal/write.hpp"

namespace {

constexpr std::size_t kRecord = 16384;
constexpr std::array<int, 2> kCipher{MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0};

bool set_up(nal::tls::Config& config, nal::tls::Role role) {
  nal::tls::Options options;
  options.psk = std::as_bytes(std::span("0123456789abcdef", 16));
  options.psk_identity = "bench";
  options.allow_tls13 = false;
  options.cipher_suites = kCipher;
  return config.setup(role, options).has_value();
}

/// A connection of Mbed TLS's, as its own example programs have it.
class Plain {
 public:
  Plain(nal::tls::Role role, std::size_t chunk) : chunk_(chunk), config_(nal::system_entropy()) {
    mbedtls_net_init(&socket_);
    mbedtls_ssl_init(&ssl_);
    good_ = set_up(config_, role);
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;
  ~Plain() {
    mbedtls_ssl_free(&ssl_);
    mbedtls_net_free(&socket_);
  }
  bool connect(const char* port) {
    return mbedtls_net_connect(&socket_, "127.0.0.1", port, MBEDTLS_NET_PROTO_TCP) == 0 && shake_hands();
  }
  bool accept() {
    mbedtls_net_context listener;
    mbedtls_net_init(&listener);
    // Mbed TLS tells no port that the system chose.
    for (int port = 20000; port < 30000; ++port) {
      std::array<char, 8> text;
      std::snprintf(text.data(), text.size(), "%d", port);
      if (mbedtls_net_bind(&listener, "127.0.0.1", text.data(), MBEDTLS_NET_PROTO_TCP) != 0) { continue; }
      std::printf("%d\n", port);
      std::fflush(stdout);
      break;
    }
    const bool accepted = mbedtls_net_accept(&listener, &socket_, nullptr, 0, nullptr) == 0;
    mbedtls_net_free(&listener);
    return accepted && shake_hands();
  }
  bool send(std::size_t bytes) {
    while (bytes > 0) {
      const int sent = mbedtls_ssl_write(&ssl_, buffer_.data(), std::min(bytes, chunk_));
      if (sent <= 0) { return false; }
      bytes -= static_cast<std::size_t>(sent);
    }
    return mbedtls_ssl_close_notify(&ssl_) == 0;
  }
  bool receive(std::size_t bytes) {
    while (bytes > 0) {
      const int got = mbedtls_ssl_read(&ssl_, buffer_.data(), std::min(bytes, chunk_));
      if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) { return mbedtls_ssl_close_notify(&ssl_) == 0; }
      if (got <= 0) { return false; }
      bytes -= static_cast<std::size_t>(got);
    }
    return true;
  }

 private:
  bool shake_hands() {
    if (!good_ || mbedtls_ssl_setup(&ssl_, &config_.native()) != 0) { return false; }
    mbedtls_ssl_set_bio(&ssl_, &socket_, mbedtls_net_send, mbedtls_net_recv, nullptr);
    return mbedtls_ssl_handshake(&ssl_) == 0;
  }
  std::size_t chunk_;
  nal::tls::Config config_;
  mbedtls_net_context socket_;
  mbedtls_ssl_context ssl_;
  std::array<unsigned char, kRecord> buffer_{};
  bool good_ = false;
};

template <class S>
nal::Task<> exchange(S& stack, nal::Endpoint server, bool sends, std::size_t chunk, std::size_t bytes) {
  static std::array<std::byte, kRecord> buffer{};
  NAL_CO_TRY_SET(auto stream, nal::connect(stack, server));
  while (bytes > 0) {
    const auto part = std::span(buffer).first(std::min(bytes, chunk));
    if (sends) {
      NAL_CO_TRY(nal::write_all(stream, part));
      bytes -= part.size();
    } else {
      NAL_CO_TRY_SET(const std::size_t got, nal::read(stream, part));
      if (got == 0) { co_return nal::Unexpected(nal::Error::end_of_stream); }
      bytes -= got;
    }
  }
  if (!sends) { co_return nal::Unit{}; }
  co_return co_await nal::close(std::move(stream));
}

bool by_nal(bool sends, std::uint16_t port, std::size_t chunk, std::size_t bytes) {
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  static nal::posix::Resources<> memory;
  nal::posix::Stack stack(reactor, executor, memory);
  static nal::tls::Resources<nal::tls::EngineConfig{}> sessions;
  nal::tls::Engine engine(executor, sessions);
  nal::tls::Config config(nal::system_entropy());
  if (!set_up(config, nal::tls::Role::client)) { return false; }
  nal::tls::TlsConnect secure(stack, engine, config, nal::tls::ServerName::unchecked());
  static nal::TaskSlot<8192> slot;
  const nal::Endpoint server(nal::Ipv4Address(127, 0, 0, 1), port);
  const auto done = nal::block_on(executor, slot, exchange<decltype(secure)>, secure, server, sends, chunk, bytes);
  if (!done) { std::fprintf(stderr, "%s\n", nal::to_string(done.error())); }
  return done.has_value();
}

}  // namespace

int main(int argc, char** argv) {
  // The end of a measured receiver finds its peer still sending.
  std::signal(SIGPIPE, SIG_IGN);
  const bool sends = argc > 2 && std::strcmp(argv[2], "send") == 0;
  const bool is_peer = argc == 4 && std::strcmp(argv[1], "peer") == 0;
  const std::size_t chunk = is_peer || argc == 6 ? std::strtoul(argv[is_peer ? 3 : 4], nullptr, 10) : 0;
  if ((!is_peer && argc != 6) || chunk == 0 || chunk > kRecord) {
    std::fprintf(stderr, "usage: %s peer WAY CHUNK | nal|plain WAY PORT CHUNK BYTES\n", argv[0]);
    return 2;
  }
  constexpr auto kEndless = static_cast<std::size_t>(-1);
  if (is_peer) {
    Plain peer(nal::tls::Role::server, chunk);
    if (!peer.accept()) { return 1; }
    if (sends) { return peer.receive(kEndless) ? 0 : 1; }
    static_cast<void>(peer.send(kEndless));  // until the other has enough
    return 0;
  }
  const std::size_t bytes = std::strtoul(argv[5], nullptr, 10);
  if (std::strcmp(argv[1], "nal") == 0) {
    return by_nal(sends, static_cast<std::uint16_t>(std::strtoul(argv[3], nullptr, 10)), chunk, bytes) ? 0 : 1;
  }
  Plain plain(nal::tls::Role::client, chunk);
  return plain.connect(argv[3]) && (sends ? plain.send(bytes) : plain.receive(bytes)) ? 0 : 1;
}
