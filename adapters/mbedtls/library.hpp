#pragma once
/// What differs between the releases of Mbed TLS, and nowhere else: 2.28, 3.6, and where 4.x will want its own.
#include <mbedtls/version.h>

#include <mbedtls/debug.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#if MBEDTLS_VERSION_MAJOR >= 3
#include <mbedtls/build_info.h>
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
#include <psa/crypto.h>
#endif
#endif

#if MBEDTLS_VERSION_NUMBER < 0x021c0000
#error "nal: the Mbed TLS adapter wants release 2.28 or later"
#endif
#if MBEDTLS_VERSION_MAJOR >= 4
#error "nal: Mbed TLS 4 is not supported yet; adapters/mbedtls/library.hpp is where it goes"
#endif
#if !defined(MBEDTLS_PRIVATE)
#define MBEDTLS_PRIVATE(member) member
#endif

namespace nal::tls::library {

using RandomFunction = int (*)(void* source, unsigned char* out, std::size_t size);

#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
inline constexpr bool kHasTls13 = true;
#else
inline constexpr bool kHasTls13 = false;
#endif
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
inline constexpr bool kHasConnectionId = true;
#else
inline constexpr bool kHasConnectionId = false;
#endif

/// What the library wants done once before anything else. 0 or the library's error.
inline int start() noexcept {
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
  return static_cast<int>(psa_crypto_init());
#else
  return 0;
#endif
}

/// Gives back what the library keeps for itself; it starts again when it is wanted again.
inline void stop() noexcept {
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_PSA_CRYPTO_C)
  mbedtls_psa_crypto_free();
#endif
}

inline int parse_key(mbedtls_pk_context& key, const unsigned char* data, std::size_t size, const char* password,
                     std::size_t password_size, RandomFunction random, void* source) noexcept {
  const auto* secret = reinterpret_cast<const unsigned char*>(password);
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_pk_parse_key(&key, data, size, secret, password_size, random, source);
#else
  static_cast<void>(random);
  static_cast<void>(source);
  return mbedtls_pk_parse_key(&key, data, size, secret, password_size);
#endif
}

/// From TLS 1.2 on at least, whatever the library's default; `tls13` as the lowest asks for no other.
inline void limit_versions(mbedtls_ssl_config& config, bool only_tls13, bool allow_tls13) noexcept {
#if MBEDTLS_VERSION_MAJOR >= 3
  mbedtls_ssl_conf_min_tls_version(&config, only_tls13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(&config,
                                   allow_tls13 && kHasTls13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
#else
  static_cast<void>(only_tls13);
  static_cast<void>(allow_tls13);
  mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_max_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

/// The client learns of TLS 1.3's tickets; without this the library ignores them since 3.6.1.
inline void signal_tickets(mbedtls_ssl_config& config) noexcept {
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SESSION_TICKETS) && MBEDTLS_VERSION_NUMBER >= 0x03060100
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(&config, 1);
#else
  static_cast<void>(config);
#endif
}

inline bool handshake_over(mbedtls_ssl_context& ssl) noexcept {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_ssl_is_handshake_over(&ssl) != 0;
#else
  return ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER;
#endif
}

/// DTLS: the largest datagram to send, without the headers below.
inline void set_mtu(mbedtls_ssl_context& ssl, std::uint16_t mtu) noexcept {
#if defined(MBEDTLS_SSL_PROTO_DTLS)
  mbedtls_ssl_set_mtu(&ssl, mtu);
#else
  static_cast<void>(ssl);
  static_cast<void>(mtu);
#endif
}

/// DTLS: how long the connection ids of a server's peers are (RFC 9146). Clients need none of their own.
inline constexpr std::size_t kConnectionIdSize = 4;
/// The type of records that bear one (RFC 9146 §4), and where it stands in them.
inline constexpr unsigned char kConnectionIdRecord = 25;
inline constexpr std::size_t kConnectionIdAt = 11;

/// DTLS: records that bear a connection id which is nobody's are passed over. 0 or the library's error.
inline int expect_connection_ids(mbedtls_ssl_config& config, std::size_t size) noexcept {
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
  return mbedtls_ssl_conf_cid(&config, size, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE);
#else
  static_cast<void>(config);
  static_cast<void>(size);
  return 0;
#endif
}

/// DTLS: the peer is asked to name us so in its records, or, without an id, offered that it need not. 0 or the
/// library's error.
inline int set_connection_id(mbedtls_ssl_context& ssl, const unsigned char* id, std::size_t size) noexcept {
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
  return mbedtls_ssl_set_cid(&ssl, MBEDTLS_SSL_CID_ENABLED, id, size);
#else
  static_cast<void>(ssl);
  static_cast<void>(id);
  static_cast<void>(size);
  return 0;
#endif
}

/// DTLS: to whom a server's cookie belongs. 0 or the library's error.
inline int set_client_id(mbedtls_ssl_context& ssl, std::string_view id) noexcept {
#if defined(MBEDTLS_SSL_DTLS_HELLO_VERIFY) && defined(MBEDTLS_SSL_SRV_C)
  return mbedtls_ssl_set_client_transport_id(&ssl, reinterpret_cast<const unsigned char*>(id.data()), id.size());
#else
  static_cast<void>(ssl);
  static_cast<void>(id);
  return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
#endif
}

/// DTLS: the client has shown its cookie, and what a server does from here on is for this client alone.
inline bool knows_client(const mbedtls_ssl_context& ssl) noexcept {
  const int state = ssl.MBEDTLS_PRIVATE(state);
  // It sends a cookie from where it would send its own hello.
  return state > MBEDTLS_SSL_SERVER_HELLO && state != MBEDTLS_SSL_SERVER_HELLO_VERIFY_REQUEST_SENT;
}

/// The alert that the last record brought, where that record was a fatal one.
inline std::uint8_t last_alert(const mbedtls_ssl_context& ssl) noexcept {
  const unsigned char* message = ssl.MBEDTLS_PRIVATE(in_msg);
  return message ? message[1] : std::uint8_t{0};
}

inline bool is_new_ticket(int code) noexcept {
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
  return code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
#else
  static_cast<void>(code);
  return false;
#endif
}

/// Whether the call may be made again although it did not give what was asked for.
inline bool is_temporary(int code) noexcept {
  switch (code) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
    case MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS:
    case MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS:
#if defined(MBEDTLS_ERR_SSL_RECEIVED_EARLY_DATA)
    case MBEDTLS_ERR_SSL_RECEIVED_EARLY_DATA:
#endif
      return true;
    default: return is_new_ticket(code);
  }
}

inline const mbedtls_x509_buf& subject(const mbedtls_x509_crt& certificate) noexcept { return certificate.subject_raw; }
inline const mbedtls_x509_buf& issuer(const mbedtls_x509_crt& certificate) noexcept { return certificate.issuer_raw; }

}  // namespace nal::tls::library
