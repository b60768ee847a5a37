#pragma once
#include <cstdint>

#include "examples/mqtt/fault.hpp"

namespace mqtt {

enum class PacketType : std::uint8_t;

/// The reason codes of MQTT 5.0 (§2.4): what became of a request, or why a connection ends. From `unspecified_error` on
/// they tell of a failure.
enum class Reason : std::uint8_t {
  success = 0x00,  ///< of DISCONNECT: normal disconnection; of SUBACK: QoS 0 granted
  granted_qos_1 = 0x01,
  granted_qos_2 = 0x02,
  disconnect_with_will = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  continue_authentication = 0x18,
  re_authenticate = 0x19,
  unspecified_error = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific_error = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  banned = 0x8A,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_filter_invalid = 0x8F,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
  quota_exceeded = 0x97,
  administrative_action = 0x98,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
  shared_subscriptions_not_supported = 0x9E,
  connection_rate_exceeded = 0x9F,
  maximum_connect_time = 0xA0,
  subscription_identifiers_not_supported = 0xA1,
  wildcard_subscriptions_not_supported = 0xA2,
};
inline constexpr Reason kLastReason = Reason::wildcard_subscriptions_not_supported;

constexpr bool is_failure(Reason reason) noexcept { return reason >= Reason::unspecified_error; }

/// Whether the standard lets a packet of this type carry it (§2.4, table 2-6). False for codes that it does not have.
bool is_allowed(Reason reason, PacketType type) noexcept;

/// What DISCONNECT tells a server that broke the protocol so (§4.13).
constexpr Reason reason_of(Fault fault) noexcept {
  switch (fault) {
    case Fault::none: return Reason::success;
    case Fault::remaining_length:
    case Fault::packet_type:
    case Fault::flags:
    case Fault::qos:
    case Fault::size:
    case Fault::truncated:
    case Fault::trailing_bytes:
    case Fault::text:
    case Fault::connect_flags:
    case Fault::subscription_options:
    case Fault::property: return Reason::malformed_packet;
    case Fault::topic: return Reason::topic_name_invalid;
    case Fault::filter: return Reason::topic_filter_invalid;
    case Fault::protocol_name: return Reason::unsupported_protocol_version;
    case Fault::topic_alias: return Reason::topic_alias_invalid;
    case Fault::receive_maximum: return Reason::receive_maximum_exceeded;
    case Fault::packet_too_large: return Reason::packet_too_large;
    default: return Reason::protocol_error;
  }
}

/// The code of MQTT 5.0 that means the same.
constexpr Reason reason_of(ConnectCode code) noexcept {
  switch (code) {
    case ConnectCode::accepted: return Reason::success;
    case ConnectCode::protocol_version: return Reason::unsupported_protocol_version;
    case ConnectCode::client_id: return Reason::client_identifier_not_valid;
    case ConnectCode::server_unavailable: return Reason::server_unavailable;
    case ConnectCode::user_or_password: return Reason::bad_user_name_or_password;
    case ConnectCode::not_authorized: return Reason::not_authorized;
  }
  return Reason::unspecified_error;
}

/// In words for a person, without a full stop. Static storage.
constexpr const char* to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::success: return "success";
    case Reason::granted_qos_1: return "QoS 1 granted";
    case Reason::granted_qos_2: return "QoS 2 granted";
    case Reason::disconnect_with_will: return "disconnect with will message";
    case Reason::no_matching_subscribers: return "no matching subscribers";
    case Reason::no_subscription_existed: return "no subscription existed";
    case Reason::continue_authentication: return "continue authentication";
    case Reason::re_authenticate: return "authenticate again";
    case Reason::unspecified_error: return "unspecified error";
    case Reason::malformed_packet: return "malformed packet";
    case Reason::protocol_error: return "protocol error";
    case Reason::implementation_specific_error: return "error specific to the implementation";
    case Reason::unsupported_protocol_version: return "protocol version not supported";
    case Reason::client_identifier_not_valid: return "client identifier rejected";
    case Reason::bad_user_name_or_password: return "bad user name or password";
    case Reason::not_authorized: return "not authorized";
    case Reason::server_unavailable: return "server unavailable";
    case Reason::server_busy: return "server busy";
    case Reason::banned: return "banned";
    case Reason::server_shutting_down: return "server shutting down";
    case Reason::bad_authentication_method: return "bad authentication method";
    case Reason::keep_alive_timeout: return "nothing heard in the keep-alive time";
    case Reason::session_taken_over: return "session taken over by another connection";
    case Reason::topic_filter_invalid: return "topic filter not accepted";
    case Reason::topic_name_invalid: return "topic name not accepted";
    case Reason::packet_identifier_in_use: return "packet identifier in use";
    case Reason::packet_identifier_not_found: return "packet identifier not found";
    case Reason::receive_maximum_exceeded: return "more messages in flight than allowed";
    case Reason::topic_alias_invalid: return "topic alias not valid";
    case Reason::packet_too_large: return "packet too large";
    case Reason::message_rate_too_high: return "message rate too high";
    case Reason::quota_exceeded: return "quota exceeded";
    case Reason::administrative_action: return "administrative action";
    case Reason::payload_format_invalid: return "payload is not of the format told";
    case Reason::retain_not_supported: return "retained messages not supported";
    case Reason::qos_not_supported: return "QoS not supported";
    case Reason::use_another_server: return "another server is to be used for now";
    case Reason::server_moved: return "server moved";
    case Reason::shared_subscriptions_not_supported: return "shared subscriptions not supported";
    case Reason::connection_rate_exceeded: return "too many connections in a short time";
    case Reason::maximum_connect_time: return "longest time for a connection exceeded";
    case Reason::subscription_identifiers_not_supported: return "subscription identifiers not supported";
    case Reason::wildcard_subscriptions_not_supported: return "wildcard subscriptions not supported";
  }
  return "unknown reason code";
}

}  // namespace mqtt
