#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "adapters/mbedtls/failure.hpp"
#include "adapters/mbedtls/library.hpp"
#include "nal/random.hpp"
#include "nal/result.hpp"
#include "nal/time.hpp"

namespace nal::tls {

enum class Role : std::uint8_t { client, server };
enum class Transport : std::uint8_t { stream, datagram };

/// Whether the peer must show a certificate that one of the trusted ones has signed.
enum class Verify : std::uint8_t {
  automatic,  ///< a client's peer must; a server's where `Options::trusted` is given
  required,
  none,  ///< whoever is in the middle can read and change everything
};

/// The largest record, by RFC 6066 §4: what a client asks for, so that smaller buffers do.
enum class MaxFragment : std::uint8_t {
  library = MBEDTLS_SSL_MAX_FRAG_LEN_NONE,
  b512 = MBEDTLS_SSL_MAX_FRAG_LEN_512,
  b1024 = MBEDTLS_SSL_MAX_FRAG_LEN_1024,
  b2048 = MBEDTLS_SSL_MAX_FRAG_LEN_2048,
  b4096 = MBEDTLS_SSL_MAX_FRAG_LEN_4096,
};

/// The shared keys that a server knows. Looked up once a handshake.
class PskTable {
 public:
  /// The key that goes by this identity; empty if there is none. Valid until the handshake is over.
  virtual std::span<const std::byte> find(std::span<const std::byte> identity) noexcept = 0;

 protected:
  ~PskTable() = default;
};

/// How connections of one kind are made. What is parsed here need not outlive `Config::setup`.
struct Options {
  Transport transport = Transport::stream;
  std::span<const std::byte> trusted{};      ///< certificates that vouch for the peer: PEM, any number; or one in DER
  std::span<const std::byte> certificate{};  ///< our own, with what leads to a trusted one behind it
  std::span<const std::byte> key{};          ///< its private key
  std::string_view key_password{};
  Verify verify = Verify::automatic;
  std::span<const std::byte> psk{};  ///< a key that both sides share
  std::string_view psk_identity{};   ///< its name
  PskTable* psks = nullptr;          ///< a server's, instead of one `psk`; outlives the Config
  bool allow_tls13 = true;           ///< where the library has it
  bool only_tls13 = false;           ///< else TLS 1.2 is the lowest
  /// Application protocols, the best first (RFC 7301). Static strings.
  std::span<const char* const> alpn{};
  MaxFragment max_fragment = MaxFragment::library;
  bool tickets = true;  ///< sessions can be taken up again (RFC 5077, RFC 8446 §4.6.1)
  /// DTLS: clients may be told apart by an id instead of their address, which networks change under them (RFC 9146),
  /// where the library has it.
  bool connection_id = true;
  Duration handshake_timeout = Duration::seconds(30);
  /// MBEDTLS_TLS_..., the best first, closed by 0; empty: the library's, or few enough of them for a client's first
  /// datagram to be small. Outlives the Config.
  std::span<const int> cipher_suites{};
};

/// What all connections of one kind share: certificates, keys, choices. Set up once; outlives its connections; stays
/// where it is. Its memory is Mbed TLS's heap (see memory.hpp).
class Config {
 public:
  static constexpr std::size_t kProtocols = 8;

  /// The seed of all secrets that are made here: on hosts `system_entropy()`. There is no default.
  explicit Config(const Entropy& entropy) noexcept;
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;
  ~Config();

  /// Once. *Errors*: invalid_argument (what cannot be parsed, contradictions: `failure()` has the library's code),
  /// not_supported, no_memory.
  Result<> setup(Role role, const Options& options) noexcept;
  /// Mbed TLS's code of what `setup` failed at; `MBEDTLS_ERR_...`
  int code() const noexcept { return code_; }

  Role role() const noexcept { return role_; }
  Transport transport() const noexcept { return transport_; }
  Duration handshake_timeout() const noexcept { return handshake_timeout_; }
  bool verifies() const noexcept { return verifies_; }
  bool connection_id() const noexcept { return connection_id_; }
  const mbedtls_ssl_config& native() const noexcept { return config_; }

  /// For Mbed TLS: `source` is a `Random`.
  static int random(void* source, unsigned char* out, std::size_t size) noexcept;

 private:
  Result<> check(int code) noexcept;
  Result<> own_certificate(const Options& options) noexcept;
  Result<> peer_certificate(const Options& options) noexcept;
  Result<> shared_key(const Options& options) noexcept;
  Result<> choices(const Options& options) noexcept;
  Result<> cookies_and_tickets(const Options& options) noexcept;

  Random random_;
  mbedtls_ssl_config config_;
  mbedtls_x509_crt trusted_;
  mbedtls_x509_crt certificate_;
  mbedtls_pk_context key_;
#if defined(MBEDTLS_SSL_TICKET_C) && defined(MBEDTLS_SSL_SESSION_TICKETS)
  mbedtls_ssl_ticket_context tickets_;
#endif
#if defined(MBEDTLS_SSL_COOKIE_C)
  mbedtls_ssl_cookie_ctx cookies_;
#endif
  std::array<const char*, kProtocols + 1> protocols_{};
  Duration handshake_timeout_{};
  int code_ = 0;
  Role role_ = Role::client;
  Transport transport_ = Transport::stream;
  bool verifies_ = false;
  bool connection_id_ = false;
};

}  // namespace nal::tls
