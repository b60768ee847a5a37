#include "adapters/mbedtls/failure.hpp"

#include "adapters/mbedtls/library.hpp"

namespace nal::tls {

namespace {

Reason why_not_verified(std::uint32_t flags) noexcept {
  struct Row {
    std::uint32_t flag;
    Reason reason;
  };
  // The first that applies: a certificate that nobody signed proves no name and no date either. OTHER is set by
  // ourselves on one that signed itself.
  static constexpr Row kRows[] = {
      {MBEDTLS_X509_BADCERT_MISSING, Reason::no_certificate},
      {MBEDTLS_X509_BADCERT_REVOKED, Reason::revoked},
      {MBEDTLS_X509_BADCERT_OTHER, Reason::self_signed},
      {MBEDTLS_X509_BADCERT_NOT_TRUSTED, Reason::unknown_authority},
      {MBEDTLS_X509_BADCERT_EXPIRED, Reason::expired},
      {MBEDTLS_X509_BADCERT_FUTURE, Reason::not_yet_valid},
      {MBEDTLS_X509_BADCERT_CN_MISMATCH, Reason::wrong_name},
      {MBEDTLS_X509_BADCERT_BAD_MD, Reason::weak_certificate},
      {MBEDTLS_X509_BADCERT_BAD_PK, Reason::weak_certificate},
      {MBEDTLS_X509_BADCERT_BAD_KEY, Reason::weak_certificate},
  };
  for (const Row& row : kRows) {
    if ((flags & row.flag) != 0) { return row.reason; }
  }
  return Reason::bad_certificate;
}

/// The nearest member of the one list of errors.
Error error_of(Reason reason) noexcept {
  switch (reason) {
    case Reason::wrong_name:
    case Reason::expired:
    case Reason::not_yet_valid:
    case Reason::self_signed:
    case Reason::unknown_authority:
    case Reason::revoked:
    case Reason::weak_certificate:
    case Reason::no_certificate:
    case Reason::bad_certificate:
    case Reason::unknown_identity:
    case Reason::wrong_key: return Error::untrusted_peer;
    case Reason::nothing_in_common: return Error::not_supported;
    case Reason::truncated: return Error::end_of_stream;
    case Reason::handshake_timed_out: return Error::timed_out;
    case Reason::no_memory: return Error::no_memory;
    case Reason::none: return Error{};
    case Reason::transport:
    case Reason::internal: return Error::io_error;
    case Reason::alert:
    case Reason::damaged_record:
    case Reason::malformed:
    case Reason::renegotiation: return Error::protocol_error;
  }
  return Error::io_error;
}

/// A peer's alert says that it does not trust us, that we have nothing in common, or that we broke the protocol.
Error error_of_alert(std::uint8_t alert) noexcept {
  switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
    case MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY:
    case MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME:
    case MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL: return Error::not_supported;
    case MBEDTLS_SSL_ALERT_MSG_NO_CERT:
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
    case MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED:
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
    case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
    case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
    case MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR:
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY:
    case 116: return Error::permission_denied;  // certificate_required
    default: return Error::protocol_error;
  }
}

/// Codes of the two releases that name the same thing, some only in one of them.
Reason reason_of(int code) noexcept {
  switch (code) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED: return Reason::bad_certificate;
    case MBEDTLS_ERR_SSL_CONN_EOF: return Reason::truncated;
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
    case MBEDTLS_ERR_PK_ALLOC_FAILED: return Reason::no_memory;
    case MBEDTLS_ERR_SSL_INVALID_MAC: return Reason::damaged_record;
    case MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY: return Reason::unknown_identity;
    case MBEDTLS_ERR_SSL_TIMEOUT: return Reason::handshake_timed_out;
#if defined(MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE: return Reason::no_certificate;
#endif
#if defined(MBEDTLS_ERR_SSL_BAD_CERTIFICATE)
    case MBEDTLS_ERR_SSL_BAD_CERTIFICATE: return Reason::bad_certificate;
#endif
#if defined(MBEDTLS_ERR_SSL_BAD_HS_FINISHED)
    case MBEDTLS_ERR_SSL_BAD_HS_FINISHED: return Reason::wrong_key;
#endif
#if MBEDTLS_VERSION_MAJOR >= 3
    case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL:
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE: return Reason::nothing_in_common;
    case MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION:
    case MBEDTLS_ERR_SSL_DECODE_ERROR:
    case MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER:
#else
    case MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN:
    case MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE:
    case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION: return Reason::nothing_in_common;
#endif
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
    case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD: return Reason::malformed;
    default: return Reason::internal;
  }
}

/// What is left: 2.28 has a code for each message that can be malformed, from BAD_HS_CLIENT_HELLO on.
bool is_malformed_message(int code) noexcept { return code <= -0x7900 && code >= -0x7E80; }

}  // namespace

const char* to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::none: return "nothing";
    case Reason::wrong_name: return "the certificate is another host's";
    case Reason::expired: return "the certificate has expired";
    case Reason::not_yet_valid: return "the certificate is not valid yet (is this clock right?)";
    case Reason::self_signed: return "the certificate is self-signed and not among the trusted ones";
    case Reason::unknown_authority: return "the certificate is signed by none of the trusted authorities";
    case Reason::revoked: return "the certificate has been revoked";
    case Reason::weak_certificate: return "the certificate's key or digest is too weak";
    case Reason::no_certificate: return "the peer showed no certificate";
    case Reason::bad_certificate: return "the certificate cannot be used";
    case Reason::unknown_identity: return "the peer names an unknown shared key";
    case Reason::wrong_key: return "the peer's key is not the right one";
    case Reason::alert: return "the peer gave up";
    case Reason::nothing_in_common: return "no version, cipher suite or protocol in common";
    case Reason::damaged_record: return "a record was damaged or forged";
    case Reason::malformed: return "the peer does not speak TLS as it should";
    case Reason::truncated: return "the connection ended without the peer's close";
    case Reason::handshake_timed_out: return "the handshake took too long";
    case Reason::renegotiation: return "the peer insists on renegotiating";
    case Reason::no_memory: return "no memory left for TLS";
    case Reason::transport: return "the transport failed";
    case Reason::internal: return "an error inside Mbed TLS";
  }
  return "unknown";
}

const char* alert_name(std::uint8_t alert) noexcept {
  switch (alert) {
    case 0: return "close_notify";
    case 10: return "unexpected_message";
    case 20: return "bad_record_mac";
    case 22: return "record_overflow";
    case 40: return "handshake_failure";
    case 42: return "bad_certificate";
    case 43: return "unsupported_certificate";
    case 44: return "certificate_revoked";
    case 45: return "certificate_expired";
    case 46: return "certificate_unknown";
    case 47: return "illegal_parameter";
    case 48: return "unknown_ca";
    case 49: return "access_denied";
    case 50: return "decode_error";
    case 51: return "decrypt_error";
    case 70: return "protocol_version";
    case 71: return "insufficient_security";
    case 80: return "internal_error";
    case 86: return "inappropriate_fallback";
    case 90: return "user_canceled";
    case 100: return "no_renegotiation";
    case 109: return "missing_extension";
    case 110: return "unsupported_extension";
    case 112: return "unrecognized_name";
    case 113: return "bad_certificate_status_response";
    case 115: return "unknown_psk_identity";
    case 116: return "certificate_required";
    case 120: return "no_application_protocol";
    default: return "unknown alert";
  }
}

const char* describe(const Failure& failure) noexcept {
  if (failure.reason == Reason::alert) { return alert_name(failure.alert); }
  if (failure.reason == Reason::transport) { return to_string(failure.error); }
  return to_string(failure.reason);
}

Failure explain(int code, bool handshaking, std::uint8_t alert, std::uint32_t verify) noexcept {
  Failure failure;
  failure.code = code;
  if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    failure.reason = Reason::alert;
    failure.alert = alert;
    failure.error = error_of_alert(alert);
    return failure;
  }
  if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
    // In a handshake it is a peer that gives up; afterwards it is no failure.
    failure.reason = Reason::truncated;
    failure.error = handshaking ? Error::end_of_stream : Error{};
    return failure;
  }
  failure.reason = reason_of(code);
  if (failure.reason == Reason::internal && is_malformed_message(code)) { failure.reason = Reason::malformed; }
  // A certificate that was asked for and found wanting, whatever the code that release gives it.
  const bool verified =
      verify != 0 && verify != static_cast<std::uint32_t>(-1) && verify != MBEDTLS_X509_BADCERT_SKIP_VERIFY;
  if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && verified) {
    failure.verify = verify;
    failure.reason = why_not_verified(verify);
  }
  failure.error = error_of(failure.reason);
  return failure;
}

}  // namespace nal::tls
