#pragma once
#include "examples/mqtt/fault.hpp"
#include "examples/mqtt/reason.hpp"
#include "nal/error.hpp"

namespace mqtt {

/// Why a connection, or the attempt to make one, ended.
struct Failure {
  enum class Cause : std::uint8_t {
    none,
    transport,      ///< the network: `error` tells
    refused,        ///< the server said no: `code` (3.1.1) or `reason` (5.0) tells
    protocol,       ///< the server broke the protocol: `fault` tells
    no_answer,      ///< no CONNACK in time
    keep_alive,     ///< no PINGRESP in time
    disconnected,   ///< the server said DISCONNECT (5.0): `reason` tells
    abandoned,      ///< an operation was given up in the middle of the packet that it was sending
    authenticator,  ///< the authenticator would not go on: `error` is its
    store,          ///< what is in flight cannot be kept any more: `error` is the store's
  };
  Cause cause = Cause::none;
  nal::Error error{};  ///< what operations and `run` give for it
  Fault fault = Fault::none;
  ConnectCode code = ConnectCode::accepted;
  Reason reason = Reason::success;

  static constexpr Failure of(Cause cause, nal::Error error) noexcept { return {cause, error, {}, {}, {}}; }
  static constexpr Failure transport(nal::Error error) noexcept { return of(Cause::transport, error); }
  static constexpr Failure timed_out(Cause cause) noexcept { return of(cause, nal::Error::timed_out); }
  static constexpr Failure protocol(Fault fault) noexcept {
    return {Cause::protocol, nal::Error::protocol_error, fault, {}, {}};
  }
  static constexpr Failure refused(ConnectCode code) noexcept {
    nal::Error error = nal::Error::permission_denied;
    if (code == ConnectCode::protocol_version) { error = nal::Error::not_supported; }
    if (code == ConnectCode::client_id) { error = nal::Error::invalid_argument; }
    if (code == ConnectCode::server_unavailable) { error = nal::Error::connection_refused; }
    return {Cause::refused, error, {}, code, {}};
  }
  /// Of 5.0: CONNACK (`refused`) or DISCONNECT (`disconnected`).
  static constexpr Failure told(Cause cause, Reason reason) noexcept {
    return {cause, error_of(reason), {}, {}, reason};
  }

  /// Of 3.1.1: a refusal for any reason but "server unavailable".
  constexpr bool is_final_refusal() const noexcept {
    return code != ConnectCode::accepted && code != ConnectCode::server_unavailable;
  }
  /// Asking again would give the same answer, or would throw out whoever has taken the session over.
  constexpr bool is_final() const noexcept {
    if (cause == Cause::authenticator || cause == Cause::store) { return true; }
    if (is_final_refusal()) { return true; }
    switch (reason) {
      case Reason::unsupported_protocol_version:
      case Reason::client_identifier_not_valid:
      case Reason::bad_user_name_or_password:
      case Reason::not_authorized:
      case Reason::banned:
      case Reason::bad_authentication_method:
      case Reason::session_taken_over:
      case Reason::topic_name_invalid:
      case Reason::retain_not_supported:
      case Reason::qos_not_supported:
      case Reason::packet_too_large:
      case Reason::payload_format_invalid:
      case Reason::use_another_server:
      case Reason::server_moved:
        return cause == Cause::refused || reason == Reason::session_taken_over ||
               reason == Reason::use_another_server || reason == Reason::server_moved;
      default: return false;
    }
  }
  /// The most precise words there are. Static storage.
  constexpr const char* text() const noexcept {
    switch (cause) {
      case Cause::none: return "no failure";
      case Cause::transport:
      case Cause::store:
      case Cause::authenticator: return to_string(error);
      case Cause::refused:
      case Cause::disconnected: return reason == Reason::success ? to_string(code) : to_string(reason);
      case Cause::protocol: return to_string(fault);
      case Cause::no_answer: return "the server did not answer CONNECT in time";
      case Cause::keep_alive: return "the server did not answer PINGREQ in time";
      case Cause::abandoned: return "given up in the middle of a packet";
    }
    return "unknown failure";
  }

  /// The error of an operation that the server answered so (5.0).
  static constexpr nal::Error error_of(Reason reason) noexcept {
    switch (reason) {
      case Reason::unsupported_protocol_version:
      case Reason::retain_not_supported:
      case Reason::qos_not_supported:
      case Reason::shared_subscriptions_not_supported:
      case Reason::subscription_identifiers_not_supported:
      case Reason::wildcard_subscriptions_not_supported: return nal::Error::not_supported;
      case Reason::client_identifier_not_valid:
      case Reason::topic_filter_invalid:
      case Reason::topic_name_invalid:
      case Reason::payload_format_invalid: return nal::Error::invalid_argument;
      case Reason::server_unavailable:
      case Reason::server_busy:
      case Reason::use_another_server:
      case Reason::server_moved:
      case Reason::connection_rate_exceeded: return nal::Error::connection_refused;
      case Reason::packet_too_large: return nal::Error::message_size;
      case Reason::malformed_packet:
      case Reason::protocol_error:
      case Reason::receive_maximum_exceeded:
      case Reason::topic_alias_invalid: return nal::Error::protocol_error;
      case Reason::server_shutting_down:
      case Reason::session_taken_over:
      case Reason::administrative_action:
      case Reason::maximum_connect_time: return nal::Error::connection_aborted;
      case Reason::keep_alive_timeout: return nal::Error::timed_out;
      case Reason::quota_exceeded:
      case Reason::message_rate_too_high: return nal::Error::table_full;
      default: return nal::Error::permission_denied;
    }
  }
};

}  // namespace mqtt
