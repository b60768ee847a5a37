#pragma once
#include <cstdint>

namespace mqtt {

/// How a packet breaks MQTT (§ of 3.1.1, or of 5.0 where it says so). Every one of them ends the connection (§4.8).
enum class Fault : std::uint8_t {
  none,
  remaining_length,      ///< the length field goes on behind its fourth byte (§2.2.3)
  packet_type,           ///< type 0, or 15 in 3.1.1 (§2.2.1)
  flags,                 ///< reserved flags of the fixed header, or DUP with QoS 0 (§2.2.2, §3.3.1.1)
  qos,                   ///< QoS 3 (§3.3.1.2)
  size,                  ///< the length does not fit a packet of this type
  truncated,             ///< a field reaches beyond its packet
  trailing_bytes,        ///< something stands behind the last field
  text,                  ///< a string that is no UTF-8, or has a U+0000 in it (§1.5.3)
  topic,                 ///< a topic name that is empty or has wildcards (§3.3.2.1)
  filter,                ///< no valid topic filter (§4.7.1)
  packet_id,             ///< packet identifier 0 (§2.3.1)
  protocol_name,         ///< not "MQTT" (§3.1.2.1)
  connect_flags,         ///< flags of CONNECT that contradict each other (§3.1.2.3)
  acknowledge_flags,     ///< reserved flags of CONNACK, or a session present with a refusal (§3.2.2)
  return_code,           ///< a return code that the standard reserves (§3.2.2.3, §3.9.3)
  empty_list,            ///< SUBSCRIBE or UNSUBSCRIBE without a filter, SUBACK without a code
  unexpected_packet,     ///< a packet that the peer must not send, or not now
  second_connack,        ///< CONNACK on a connection that has had one
  unknown_packet_id,     ///< an acknowledgement of something that was not sent
  qos_not_granted,       ///< a message of a QoS that was not asked for
  subscription_options,  ///< options of a subscription that the standard reserves (5.0 §3.8.3.1)
  property,              ///< a property that 5.0 does not have, or not in this packet (5.0 §2.2.2.2)
  property_repeated,     ///< a property that may stand there once only (5.0 §2.2.2.2)
  property_value,        ///< a value that the property must not have (5.0 §2.2.2.2)
  no_topic,              ///< neither a topic name nor a topic alias (5.0 §3.3.2.1)
  topic_alias,           ///< topic alias 0, too high, or of no topic yet (5.0 §3.3.2.3.4)
  receive_maximum,       ///< more messages in flight than this side has allowed (5.0 §3.3.4)
  packet_too_large,      ///< larger than this side has allowed (5.0 §3.1.2.11.4)
  authentication,        ///< authentication data without its method, or with another (5.0 §4.12)
};
inline constexpr Fault kLastFault = Fault::authentication;

/// In words for a person, without a full stop. Static storage.
constexpr const char* to_string(Fault fault) noexcept {
  switch (fault) {
    case Fault::none: return "no fault";
    case Fault::remaining_length: return "length field of more than four bytes";
    case Fault::packet_type: return "reserved packet type";
    case Fault::flags: return "reserved flags set in the fixed header";
    case Fault::qos: return "QoS 3";
    case Fault::size: return "packet length impossible for its type";
    case Fault::truncated: return "field reaches beyond its packet";
    case Fault::trailing_bytes: return "bytes behind the last field";
    case Fault::text: return "string is not valid UTF-8 without U+0000";
    case Fault::topic: return "topic name is empty or has wildcards";
    case Fault::filter: return "topic filter is malformed";
    case Fault::packet_id: return "packet identifier 0";
    case Fault::protocol_name: return "unknown protocol name";
    case Fault::connect_flags: return "flags of CONNECT contradict each other";
    case Fault::acknowledge_flags: return "flags of CONNACK contradict the standard";
    case Fault::return_code: return "reserved return code";
    case Fault::empty_list: return "list without entries";
    case Fault::unexpected_packet: return "packet not allowed here";
    case Fault::second_connack: return "second CONNACK";
    case Fault::unknown_packet_id: return "acknowledgement of something that was not sent";
    case Fault::qos_not_granted: return "message of a QoS that was not asked for";
    case Fault::subscription_options: return "reserved options of a subscription";
    case Fault::property: return "property unknown or not allowed in its packet";
    case Fault::property_repeated: return "property there twice";
    case Fault::property_value: return "property of an impossible value";
    case Fault::no_topic: return "neither topic nor topic alias";
    case Fault::topic_alias: return "topic alias is 0, too high or unknown";
    case Fault::receive_maximum: return "more messages in flight than allowed";
    case Fault::packet_too_large: return "packet larger than allowed";
    case Fault::authentication: return "authentication data without its method";
  }
  return "unknown fault";
}

/// The server's answer to CONNECT (§3.2.2.3).
enum class ConnectCode : std::uint8_t {
  accepted = 0,
  protocol_version = 1,
  client_id = 2,
  server_unavailable = 3,
  user_or_password = 4,
  not_authorized = 5,
};
inline constexpr ConnectCode kLastConnectCode = ConnectCode::not_authorized;

constexpr const char* to_string(ConnectCode code) noexcept {
  switch (code) {
    case ConnectCode::accepted: return "accepted";
    case ConnectCode::protocol_version: return "protocol version not supported";
    case ConnectCode::client_id: return "client identifier rejected";
    case ConnectCode::server_unavailable: return "server unavailable";
    case ConnectCode::user_or_password: return "bad user name or password";
    case ConnectCode::not_authorized: return "not authorized";
  }
  return "unknown return code";
}

}  // namespace mqtt
