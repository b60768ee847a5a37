#pragma once
#include <cstdint>

namespace coap {

/// What a message is about (RFC 7252 §12.1, RFC 7959, RFC 8132, RFC 8323): class in the upper three bits, detail in the
/// lower five. Any byte may come from a peer; those without a name are told apart by their class.
enum class Code : std::uint8_t {
  empty = 0x00,
  get = 0x01,
  post = 0x02,
  put = 0x03,
  delete_ = 0x04,
  fetch = 0x05,
  patch = 0x06,
  ipatch = 0x07,

  created = 0x41,
  deleted = 0x42,
  valid = 0x43,
  changed = 0x44,
  content = 0x45,
  continue_ = 0x5F,

  bad_request = 0x80,
  unauthorized = 0x81,
  bad_option = 0x82,
  forbidden = 0x83,
  not_found = 0x84,
  method_not_allowed = 0x85,
  not_acceptable = 0x86,
  request_entity_incomplete = 0x88,
  conflict = 0x89,
  precondition_failed = 0x8C,
  request_entity_too_large = 0x8D,
  unsupported_content_format = 0x8F,
  unprocessable_entity = 0x96,
  too_many_requests = 0x9D,

  internal_server_error = 0xA0,
  not_implemented = 0xA1,
  bad_gateway = 0xA2,
  service_unavailable = 0xA3,
  gateway_timeout = 0xA4,
  proxying_not_supported = 0xA5,
  hop_limit_reached = 0xA8,

  csm = 0xE1,
  ping = 0xE2,
  pong = 0xE3,
  release = 0xE4,
  abort = 0xE5,
};

/// 0 to 7: requests, successes (2), client errors (4), server errors (5), signalling (7).
constexpr unsigned class_of(Code code) noexcept { return static_cast<unsigned>(code) >> 5; }
constexpr unsigned detail_of(Code code) noexcept { return static_cast<unsigned>(code) & 31; }

constexpr bool is_request(Code code) noexcept { return class_of(code) == 0 && code != Code::empty; }
constexpr bool is_response(Code code) noexcept { return class_of(code) >= 2 && class_of(code) <= 5; }
constexpr bool is_success(Code code) noexcept { return class_of(code) == 2; }
constexpr bool is_signal(Code code) noexcept { return class_of(code) == 7; }

/// Changes nothing at the server (RFC 7252 §5.1, RFC 8132 §2): may be executed any number of times.
constexpr bool is_safe(Code code) noexcept { return code == Code::get || code == Code::fetch; }
/// Executed twice it does what it does once.
constexpr bool is_idempotent(Code code) noexcept {
  return is_safe(code) || code == Code::put || code == Code::delete_ || code == Code::ipatch;
}

}  // namespace coap
