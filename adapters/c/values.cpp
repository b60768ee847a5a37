#include "adapters/c/call.hpp"

namespace nal::c {

// The numbers of nal_c.h never change, whatever comes to `Error`; a compiler warns of a member without one.
nal_count to_count(Error error) noexcept {
  switch (error) {
    case Error::end_of_stream: return NAL_END_OF_STREAM;
    case Error::connection_reset: return NAL_CONNECTION_RESET;
    case Error::connection_refused: return NAL_CONNECTION_REFUSED;
    case Error::connection_aborted: return NAL_CONNECTION_ABORTED;
    case Error::broken_pipe: return NAL_BROKEN_PIPE;
    case Error::not_connected: return NAL_NOT_CONNECTED;
    case Error::closed: return NAL_CLOSED;
    case Error::timed_out: return NAL_TIMED_OUT;
    case Error::would_block: return NAL_WOULD_BLOCK;
    case Error::cancelled: return NAL_CANCELLED;
    case Error::host_unreachable: return NAL_HOST_UNREACHABLE;
    case Error::network_unreachable: return NAL_NETWORK_UNREACHABLE;
    case Error::network_down: return NAL_NETWORK_DOWN;
    case Error::address_in_use: return NAL_ADDRESS_IN_USE;
    case Error::address_not_available: return NAL_ADDRESS_NOT_AVAILABLE;
    case Error::no_memory: return NAL_NO_MEMORY;
    case Error::table_full: return NAL_TABLE_FULL;
    case Error::buffer_too_small: return NAL_BUFFER_TOO_SMALL;
    case Error::message_size: return NAL_MESSAGE_SIZE;
    case Error::invalid_argument: return NAL_INVALID_ARGUMENT;
    case Error::not_supported: return NAL_NOT_SUPPORTED;
    case Error::permission_denied: return NAL_PERMISSION_DENIED;
    case Error::name_not_found: return NAL_NAME_NOT_FOUND;
    case Error::name_service_failed: return NAL_NAME_SERVICE_FAILED;
    case Error::protocol_error: return NAL_PROTOCOL_ERROR;
    case Error::io_error: return NAL_IO_ERROR;
    case Error::untrusted_peer: return NAL_UNTRUSTED_PEER;
  }
  return NAL_IO_ERROR;
}

namespace {

static_assert(NAL_ADDRESS_TEXT_SIZE > IpAddress::kMaxTextSize && NAL_ENDPOINT_TEXT_SIZE > Endpoint::kMaxTextSize);

/// Text into a C buffer, with the zero that ends it.
template <class T>
nal_count print(const Result<T>& value, char* out, std::size_t size) noexcept {
  if (!value) { return to_count(value.error()); }
  if (!out || size == 0) { return to_count(Error::buffer_too_small); }
  const auto text = value->format_to(std::span(out, size - 1));
  if (!text) { return to_count(text.error()); }
  out[text->size()] = '\0';
  return static_cast<nal_count>(text->size());
}

template <class T, class C>
int parse(C* out, const char* text) noexcept {
  if (!out || !text) { return NAL_INVALID_ARGUMENT; }
  const auto value = T::parse(view(text));
  if (!value) { return NAL_INVALID_ARGUMENT; }
  *out = to_c(*value);
  return NAL_OK;
}

// What a number of the C side says of an option: 0 leaves it as it is.
template <class T, class U>
void set(std::optional<T>& option, U number) noexcept {
  if (number != 0) { option = static_cast<T>(number); }
}
void set(std::optional<bool>& option, std::int8_t number) noexcept {
  if (number != 0) { option = number > 0; }
}

}  // namespace

Result<IpAddress> from_c(const nal_address& address) noexcept {
  if (address.family == NAL_V4) {
    return IpAddress(Ipv4Address(address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3]));
  }
  if (address.family != NAL_V6) { return Unexpected(Error::invalid_argument); }
  return IpAddress(Ipv6Address::from_bytes(address.bytes, address.zone));
}

Result<Endpoint> from_c(const nal_endpoint& endpoint) noexcept {
  NAL_TRY_SET(const IpAddress address, from_c(endpoint.address));
  return Endpoint{address, endpoint.port};
}

nal_address to_c(const IpAddress& address) noexcept {
  nal_address result{};
  result.family = address.is_v4() ? NAL_V4 : NAL_V6;
  const auto bytes = address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) { result.bytes[i] = bytes[i]; }
  result.zone = address.is_v6() ? address.zone() : 0;
  return result;
}

nal_endpoint to_c(const Endpoint& endpoint) noexcept { return {to_c(endpoint.address), endpoint.port}; }

TcpOptions from_c(const nal_tcp_options* options) noexcept {
  TcpOptions result;
  if (!options) { return result; }
  set(result.no_delay, options->no_delay);
  if (options->keep_alive != 0) {
    KeepAlive& keep_alive = result.keep_alive.emplace();
    keep_alive.enabled = options->keep_alive > 0;
    if (options->keep_alive_idle_s != 0) { keep_alive.idle = Duration::seconds(options->keep_alive_idle_s); }
    if (options->keep_alive_interval_s != 0) {
      keep_alive.interval = Duration::seconds(options->keep_alive_interval_s);
    }
    if (options->keep_alive_probes != 0) { keep_alive.probes = options->keep_alive_probes; }
  }
  if (options->user_timeout_ms != 0) { result.user_timeout = Duration::milliseconds(options->user_timeout_ms); }
  set(result.hop_limit, options->hop_limit);
  if (options->set_traffic_class != 0) { result.traffic_class = options->traffic_class; }
  result.ring_class = options->ring_class;
  return result;
}

UdpOptions from_c(const nal_udp_options* options) noexcept {
  UdpOptions result;
  if (!options) { return result; }
  set(result.broadcast, options->broadcast);
  set(result.multicast_loopback, options->multicast_loopback);
  set(result.hop_limit, options->hop_limit);
  set(result.multicast_hop_limit, options->multicast_hop_limit);
  if (options->set_traffic_class != 0) { result.traffic_class = options->traffic_class; }
  if (options->multicast_interface != 0) { result.multicast_interface = InterfaceId(options->multicast_interface); }
  result.share_port = options->share_port != 0;
  return result;
}

}  // namespace nal::c

using namespace nal::c;

extern "C" {

const char* nal_error_name(nal_count error) {
  if (error >= 0) { return "NAL_OK"; }
  switch (error) {
    case NAL_END_OF_STREAM: return "NAL_END_OF_STREAM";
    case NAL_CONNECTION_RESET: return "NAL_CONNECTION_RESET";
    case NAL_CONNECTION_REFUSED: return "NAL_CONNECTION_REFUSED";
    case NAL_CONNECTION_ABORTED: return "NAL_CONNECTION_ABORTED";
    case NAL_BROKEN_PIPE: return "NAL_BROKEN_PIPE";
    case NAL_NOT_CONNECTED: return "NAL_NOT_CONNECTED";
    case NAL_CLOSED: return "NAL_CLOSED";
    case NAL_TIMED_OUT: return "NAL_TIMED_OUT";
    case NAL_WOULD_BLOCK: return "NAL_WOULD_BLOCK";
    case NAL_CANCELLED: return "NAL_CANCELLED";
    case NAL_HOST_UNREACHABLE: return "NAL_HOST_UNREACHABLE";
    case NAL_NETWORK_UNREACHABLE: return "NAL_NETWORK_UNREACHABLE";
    case NAL_NETWORK_DOWN: return "NAL_NETWORK_DOWN";
    case NAL_ADDRESS_IN_USE: return "NAL_ADDRESS_IN_USE";
    case NAL_ADDRESS_NOT_AVAILABLE: return "NAL_ADDRESS_NOT_AVAILABLE";
    case NAL_NO_MEMORY: return "NAL_NO_MEMORY";
    case NAL_TABLE_FULL: return "NAL_TABLE_FULL";
    case NAL_BUFFER_TOO_SMALL: return "NAL_BUFFER_TOO_SMALL";
    case NAL_MESSAGE_SIZE: return "NAL_MESSAGE_SIZE";
    case NAL_INVALID_ARGUMENT: return "NAL_INVALID_ARGUMENT";
    case NAL_NOT_SUPPORTED: return "NAL_NOT_SUPPORTED";
    case NAL_PERMISSION_DENIED: return "NAL_PERMISSION_DENIED";
    case NAL_NAME_NOT_FOUND: return "NAL_NAME_NOT_FOUND";
    case NAL_NAME_SERVICE_FAILED: return "NAL_NAME_SERVICE_FAILED";
    case NAL_PROTOCOL_ERROR: return "NAL_PROTOCOL_ERROR";
    case NAL_IO_ERROR: return "NAL_IO_ERROR";
    case NAL_UNTRUSTED_PEER: return "NAL_UNTRUSTED_PEER";
    default: return "unknown";
  }
}

const char* nal_error_text(nal_count error) {
  if (error >= 0) { return "no error"; }
  for (int member = 1; member <= static_cast<int>(nal::kLastError); ++member) {
    const auto candidate = static_cast<nal::Error>(member);
    if (to_count(candidate) == error) { return nal::to_string(candidate); }
  }
  return "unknown error";
}

int nal_address_parse(nal_address* out, const char* text) { return parse<nal::IpAddress>(out, text); }
nal_count nal_address_print(const nal_address* address, char* out, size_t size) {
  return address ? print(from_c(*address), out, size) : to_count(nal::Error::invalid_argument);
}
int nal_endpoint_parse(nal_endpoint* out, const char* text) { return parse<nal::Endpoint>(out, text); }
nal_count nal_endpoint_print(const nal_endpoint* endpoint, char* out, size_t size) {
  return endpoint ? print(from_c(*endpoint), out, size) : to_count(nal::Error::invalid_argument);
}

int nal_address_equal(const nal_address* a, const nal_address* b) {
  if (!a || !b) { return a == b; }
  const auto left = from_c(*a);
  const auto right = from_c(*b);
  return left && right && *left == *right;
}
int nal_endpoint_equal(const nal_endpoint* a, const nal_endpoint* b) {
  if (!a || !b) { return a == b; }
  return a->port == b->port && nal_address_equal(&a->address, &b->address);
}

}  // extern "C"
