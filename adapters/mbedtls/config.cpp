#include "adapters/mbedtls/config.hpp"

#include <cstring>

#include "adapters/mbedtls/memory.hpp"

namespace nal::tls {

namespace {

const unsigned char* chars(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// Mbed TLS wants PEM closed by a zero, which what comes from a file does not have.
class Text {
 public:
  explicit Text(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {
    constexpr std::string_view kPem = "-----BEGIN ";
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.find(kPem) == text.npos || text.back() == '\0') { return; }
    copy_ = static_cast<std::byte*>(mbedtls_calloc(bytes.size() + 1, 1));
    if (!copy_) {
      bytes_ = {};
      return;
    }
    std::memcpy(copy_, bytes.data(), bytes.size());
    bytes_ = {copy_, bytes.size() + 1};
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() {
    if (!copy_) { return; }
    mbedtls_platform_zeroize(copy_, bytes_.size());
    mbedtls_free(copy_);
  }
  bool empty() const noexcept { return bytes_.empty(); }
  const unsigned char* data() const noexcept { return chars(bytes_); }
  std::size_t size() const noexcept { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::byte* copy_ = nullptr;
};

/// What a client offers over datagrams, the best first: all that the library knows makes a hello that is cut in pieces
/// where datagrams must be small, and servers that keep no state before the cookie cannot put those together. With what
/// CoAP asks for (RFC 7252 §9.1.3).
constexpr int kSuitesOfDatagrams[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
    MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
    MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_PSK_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_PSK_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_PSK_WITH_AES_128_CCM,
    MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8,
    0,
};
constexpr std::size_t kFirstSuiteOfPsk = 8;
static_assert(kSuitesOfDatagrams[kFirstSuiteOfPsk] == MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256);

bool same(const mbedtls_x509_buf& a, const mbedtls_x509_buf& b) noexcept {
  return a.len == b.len && std::memcmp(a.p, b.p, a.len) == 0;
}

/// Tells a certificate that vouches for itself from one whose authority is not known: to Mbed TLS both are untrusted.
int mark_self_signed(void*, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) noexcept {
  if (depth == 0 && (*flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0 &&
      same(library::subject(*certificate), library::issuer(*certificate))) {
    *flags |= MBEDTLS_X509_BADCERT_OTHER;
  }
  return 0;
}

#if defined(MBEDTLS_SSL_SRV_C)
int find_psk(void* table, mbedtls_ssl_context* ssl, const unsigned char* identity, std::size_t size) noexcept {
  const auto key = static_cast<PskTable*>(table)->find({reinterpret_cast<const std::byte*>(identity), size});
  if (key.empty()) { return MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY; }
  return mbedtls_ssl_set_hs_psk(ssl, chars(key), key.size());
}
#endif

}  // namespace

int Config::random(void* source, unsigned char* out, std::size_t size) noexcept {
  auto& numbers = *static_cast<Random*>(source);
  while (size > 0) {
    const std::uint32_t word = numbers.u32();
    const std::size_t part = size < sizeof word ? size : sizeof word;
    std::memcpy(out, &word, part);
    out += part;
    size -= part;
  }
  return 0;
}

Config::Config(const Entropy& entropy) noexcept : random_(entropy) {
  mbedtls_ssl_config_init(&config_);
  mbedtls_x509_crt_init(&trusted_);
  mbedtls_x509_crt_init(&certificate_);
  mbedtls_pk_init(&key_);
#if defined(MBEDTLS_SSL_TICKET_C) && defined(MBEDTLS_SSL_SESSION_TICKETS)
  mbedtls_ssl_ticket_init(&tickets_);
#endif
#if defined(MBEDTLS_SSL_COOKIE_C)
  mbedtls_ssl_cookie_init(&cookies_);
#endif
}

Config::~Config() {
#if defined(MBEDTLS_SSL_COOKIE_C)
  mbedtls_ssl_cookie_free(&cookies_);
#endif
#if defined(MBEDTLS_SSL_TICKET_C) && defined(MBEDTLS_SSL_SESSION_TICKETS)
  mbedtls_ssl_ticket_free(&tickets_);
#endif
  mbedtls_ssl_config_free(&config_);
  mbedtls_pk_free(&key_);
  mbedtls_x509_crt_free(&certificate_);
  mbedtls_x509_crt_free(&trusted_);
}

Result<> Config::check(int code) noexcept {
  if (code == 0) { return {}; }
  code_ = code;
  switch (code) {
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
    case MBEDTLS_ERR_PK_ALLOC_FAILED: return Unexpected(Error::no_memory);
    case MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE:
    case MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE: return Unexpected(Error::not_supported);
    default: return Unexpected(Error::invalid_argument);
  }
}

Result<> Config::setup(Role role, const Options& options) noexcept {
  role_ = role;
  transport_ = options.transport;
  handshake_timeout_ = options.handshake_timeout;
  NAL_TRY(check(library::start()));
  NAL_TRY(check(mbedtls_ssl_config_defaults(
      &config_, role == Role::client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
      options.transport == Transport::stream ? MBEDTLS_SSL_TRANSPORT_STREAM : MBEDTLS_SSL_TRANSPORT_DATAGRAM,
      MBEDTLS_SSL_PRESET_DEFAULT)));
  mbedtls_ssl_conf_rng(&config_, &Config::random, &random_);
  NAL_TRY(own_certificate(options));
  NAL_TRY(peer_certificate(options));
  NAL_TRY(shared_key(options));
  NAL_TRY(choices(options));
  return cookies_and_tickets(options);
}

Result<> Config::own_certificate(const Options& options) noexcept {
  if (options.certificate.empty() != options.key.empty()) { return Unexpected(Error::invalid_argument); }
  if (options.certificate.empty()) { return {}; }
  const Text certificate(options.certificate);
  const Text key(options.key);
  if (certificate.empty() || key.empty()) { return Unexpected(Error::no_memory); }
  NAL_TRY(check(mbedtls_x509_crt_parse(&certificate_, certificate.data(), certificate.size())));
  const char* password = options.key_password.empty() ? nullptr : options.key_password.data();
  NAL_TRY(check(library::parse_key(key_, key.data(), key.size(), password, options.key_password.size(), &Config::random,
                                   &random_)));
  return check(mbedtls_ssl_conf_own_cert(&config_, &certificate_, &key_));
}

Result<> Config::peer_certificate(const Options& options) noexcept {
  if (!options.trusted.empty()) {
    const Text trusted(options.trusted);
    if (trusted.empty()) { return Unexpected(Error::no_memory); }
    // More than 0: as many of several that could not be read. None of them is to be missing unnoticed.
    NAL_TRY(check(mbedtls_x509_crt_parse(&trusted_, trusted.data(), trusted.size())));
    mbedtls_ssl_conf_ca_chain(&config_, &trusted_, nullptr);
  }
  const bool automatic = role_ == Role::client ? true : !options.trusted.empty();
  verifies_ = options.verify == Verify::required || (options.verify == Verify::automatic && automatic);
  mbedtls_ssl_conf_authmode(&config_, verifies_ ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
  mbedtls_ssl_conf_verify(&config_, &mark_self_signed, nullptr);
  return {};
}

Result<> Config::shared_key(const Options& options) noexcept {
  if (options.psks) {
    if (role_ != Role::server) { return Unexpected(Error::invalid_argument); }
#if defined(MBEDTLS_SSL_SRV_C)
    mbedtls_ssl_conf_psk_cb(&config_, &find_psk, options.psks);
#endif
  }
  if (options.psk.empty()) { return {}; }
  return check(mbedtls_ssl_conf_psk(&config_, chars(options.psk), options.psk.size(),
                                    reinterpret_cast<const unsigned char*>(options.psk_identity.data()),
                                    options.psk_identity.size()));
}

Result<> Config::choices(const Options& options) noexcept {
  if (options.only_tls13 && (!library::kHasTls13 || !options.allow_tls13 || transport_ == Transport::datagram)) {
    return Unexpected(Error::not_supported);
  }
  library::limit_versions(config_, options.only_tls13, options.allow_tls13 && transport_ == Transport::stream);
  if (!options.cipher_suites.empty()) {
    mbedtls_ssl_conf_ciphersuites(&config_, options.cipher_suites.data());
  } else if (role_ == Role::client && transport_ == Transport::datagram) {
    // Without anybody to trust no certificate would do.
    const bool only_psk = !options.psk.empty() && options.trusted.empty() && options.verify != Verify::none;
    mbedtls_ssl_conf_ciphersuites(&config_, kSuitesOfDatagrams + (only_psk ? kFirstSuiteOfPsk : 0));
  }
  connection_id_ = options.connection_id && library::kHasConnectionId && transport_ == Transport::datagram;
  if (connection_id_ && role_ == Role::server) {
    NAL_TRY(check(library::expect_connection_ids(config_, library::kConnectionIdSize)));
  }
#if defined(MBEDTLS_SSL_RENEGOTIATION)
  mbedtls_ssl_conf_renegotiation(&config_, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
  mbedtls_ssl_conf_legacy_renegotiation(&config_, MBEDTLS_SSL_LEGACY_NO_RENEGOTIATION);
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
  NAL_TRY(check(mbedtls_ssl_conf_max_frag_len(&config_, static_cast<unsigned char>(options.max_fragment))));
#else
  if (options.max_fragment != MaxFragment::library) { return Unexpected(Error::not_supported); }
#endif
  if (options.alpn.empty()) { return {}; }
  if (options.alpn.size() > kProtocols) { return Unexpected(Error::invalid_argument); }
#if defined(MBEDTLS_SSL_ALPN)
  std::size_t count = 0;
  for (const char* protocol : options.alpn) { protocols_[count++] = protocol; }
  return check(mbedtls_ssl_conf_alpn_protocols(&config_, protocols_.data()));
#else
  return Unexpected(Error::not_supported);
#endif
}

Result<> Config::cookies_and_tickets(const Options& options) noexcept {
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_CLI_C)
  if (role_ == Role::client) {
    mbedtls_ssl_conf_session_tickets(
        &config_, options.tickets ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    if (options.tickets) { library::signal_tickets(config_); }
  }
#endif
#if defined(MBEDTLS_SSL_TICKET_C) && defined(MBEDTLS_SSL_SESSION_TICKETS)
  if (role_ == Role::server && options.tickets) {
    constexpr std::uint32_t kLifetime = 86'400;  // seconds
    NAL_TRY(
        check(mbedtls_ssl_ticket_setup(&tickets_, &Config::random, &random_, MBEDTLS_CIPHER_AES_256_GCM, kLifetime)));
    mbedtls_ssl_conf_session_tickets_cb(&config_, &mbedtls_ssl_ticket_write, &mbedtls_ssl_ticket_parse, &tickets_);
  }
#endif
#if defined(MBEDTLS_SSL_PROTO_DTLS) && defined(MBEDTLS_SSL_COOKIE_C)
  if (role_ == Role::server && transport_ == Transport::datagram) {
    NAL_TRY(check(mbedtls_ssl_cookie_setup(&cookies_, &Config::random, &random_)));
    mbedtls_ssl_conf_dtls_cookies(&config_, &mbedtls_ssl_cookie_write, &mbedtls_ssl_cookie_check, &cookies_);
  }
#endif
  static_cast<void>(options);
  return {};
}

}  // namespace nal::tls
