#pragma once
#include <cstdint>

#include "nal/endpoint.hpp"
#include "nal/error.hpp"

namespace nal::tls {

/// What went wrong with a connection, in one word more than `nal::Error` has.
enum class Reason : std::uint8_t {
  none = 0,
  wrong_name,           ///< the certificate is another host's
  expired,              ///< the certificate's time is over
  not_yet_valid,        ///< the certificate's time has not come: is this machine's clock right?
  self_signed,          ///< the certificate is signed by nobody but itself, and is not among the trusted ones
  unknown_authority,    ///< none of those trusted has signed the certificate
  revoked,              ///< a revocation list names the certificate
  weak_certificate,     ///< a key or a digest that is not accepted any more
  no_certificate,       ///< the peer showed none
  bad_certificate,      ///< it cannot be read, or is for another use
  unknown_identity,     ///< the peer names a shared key that nobody has
  wrong_key,            ///< the shared key or the proof of the private key is not the right one
  alert,                ///< the peer gave up and said why: `Failure::alert`
  nothing_in_common,    ///< versions, cipher suites or application protocols
  damaged_record,       ///< a record does not pass its check: damaged or forged on its way
  malformed,            ///< the peer does not speak TLS, or wrongly
  truncated,            ///< the connection ended without the peer having said that it ends
  handshake_timed_out,  ///< the peer did not bring the handshake to its end
  renegotiation,        ///< the peer asks for what is refused, too often
  no_memory,            ///< Mbed TLS's heap has none left
  transport,            ///< the transport failed: `Failure::error`
  internal,             ///< anything else: `Failure::code`
};

/// Why a handshake or a connection failed.
struct Failure {
  Error error{};  ///< what the operations on the stream answer
  Reason reason = Reason::none;
  std::uint8_t alert = 0;    ///< that the peer sent (RFC 8446 §6), where it is why
  std::uint32_t verify = 0;  ///< MBEDTLS_X509_BADCERT_*, where the certificate is why
  int code = 0;              ///< Mbed TLS's own, where it gave one
  Endpoint remote{};         ///< whose connection it was
  explicit operator bool() const noexcept { return error != Error{}; }
};

/// For a person, without a full stop: "the certificate is another host's". Static storage.
const char* to_string(Reason reason) noexcept;
/// The name that RFC 8446 §6 gives an alert; "unknown alert" of others. Static storage.
const char* alert_name(std::uint8_t alert) noexcept;
/// Of an alert its name, else what `to_string` says. Static storage.
const char* describe(const Failure& failure) noexcept;

/// What Mbed TLS's error code means. `handshaking` tells a peer that refuses us from one that ends.
Failure explain(int code, bool handshaking, std::uint8_t alert, std::uint32_t verify) noexcept;

}  // namespace nal::tls
