#include "adapters/c/call.hpp"

namespace nal::c {

// The numbers of nal_c.h never change; `to_count` relies on the order of `Error` to be theirs.
static_assert(to_count(Error::end_of_stream) == NAL_END_OF_STREAM);
static_assert(to_count(Error::connection_reset) == NAL_CONNECTION_RESET);
static_assert(to_count(Error::connection_refused) == NAL_CONNECTION_REFUSED);
static_assert(to_count(Error::connection_aborted) == NAL_CONNECTION_ABORTED);
static_assert(to_count(Error::broken_pipe) == NAL_BROKEN_PIPE);
static_assert(to_count(Error::not_connected) == NAL_NOT_CONNECTED);
static_assert(to_count(Error::closed) == NAL_CLOSED);
static_assert(to_count(Error::timed_out) == NAL_TIMED_OUT);
static_assert(to_count(Error::would_block) == NAL_WOULD_BLOCK);
static_assert(to_count(Error::cancelled) == NAL_CANCELLED);
static_assert(to_count(Error::host_unreachable) == NAL_HOST_UNREACHABLE);
static_assert(to_count(Error::network_unreachable) == NAL_NETWORK_UNREACHABLE);
static_assert(to_count(Error::network_down) == NAL_NETWORK_DOWN);
static_assert(to_count(Error::address_in_use) == NAL_ADDRESS_IN_USE);
static_assert(to_count(Error::address_not_available) == NAL_ADDRESS_NOT_AVAILABLE);
static_assert(to_count(Error::no_memory) == NAL_NO_MEMORY);
static_assert(to_count(Error::table_full) == NAL_TABLE_FULL);
static_assert(to_count(Error::buffer_too_small) == NAL_BUFFER_TOO_SMALL);
static_assert(to_count(Error::message_size) == NAL_MESSAGE_SIZE);
static_assert(to_count(Error::invalid_argument) == NAL_INVALID_ARGUMENT);
static_assert(to_count(Error::not_supported) == NAL_NOT_SUPPORTED);
static_assert(to_count(Error::permission_denied) == NAL_PERMISSION_DENIED);
static_assert(to_count(Error::name_not_found) == NAL_NAME_NOT_FOUND);
static_assert(to_count(Error::name_service_failed) == NAL_NAME_SERVICE_FAILED);
static_assert(to_count(Error::protocol_error) == NAL_PROTOCOL_ERROR);
static_assert(to_count(Error::io_error) == NAL_IO_ERROR);

namespace {

constexpr const char* kErrorNames[] = {
    "NAL_OK",
    "NAL_END_OF_STREAM",
    "NAL_CONNECTION_RESET",
    "NAL_CONNECTION_REFUSED",
    "NAL_CONNECTION_ABORTED",
    "NAL_BROKEN_PIPE",
    "NAL_NOT_CONNECTED",
    "NAL_CLOSED",
    "NAL_TIMED_OUT",
    "NAL_WOULD_BLOCK",
    "NAL_CANCELLED",
    "NAL_HOST_UNREACHABLE",
    "NAL_NETWORK_UNREACHABLE",
    "NAL_NETWORK_DOWN",
    "NAL_ADDRESS_IN_USE",
    "NAL_ADDRESS_NOT_AVAILABLE",
    "NAL_NO_MEMORY",
    "NAL_TABLE_FULL",
    "NAL_BUFFER_TOO_SMALL",
    "NAL_MESSAGE_SIZE",
    "NAL_INVALID_ARGUMENT",
    "NAL_NOT_SUPPORTED",
    "NAL_PERMISSION_DENIED",
    "NAL_NAME_NOT_FOUND",
    "NAL_NAME_SERVICE_FAILED",
    "NAL_PROTOCOL_ERROR",
    "NAL_IO_ERROR",
};

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
  if (error >= 0) { return kErrorNames[0]; }
  const auto number = static_cast<std::size_t>(-(error + 1)) + 1;
  return number < std::size(kErrorNames) ? kErrorNames[number] : "unknown";
}

const char* nal_error_text(nal_count error) {
  if (error >= 0) { return "no error"; }
  if (error < to_count(nal::kLastError)) { return "unknown error"; }
  return nal::to_string(static_cast<nal::Error>(-error));
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
