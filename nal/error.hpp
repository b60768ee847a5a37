#pragma once
#include <cstdint>

namespace nal {

/// Why an operation did not do what was asked. One list for the whole library: members read like `std::errc`, and the
/// ends of a connection's life that a caller must tell apart have each a member of their own. Zero is never an error.
enum class Error : std::uint8_t {
  end_of_stream = 1,      ///< the peer finished sending before what was asked for had arrived
  connection_reset,       ///< the peer (or its host) ended the connection abruptly; data may be lost
  connection_refused,     ///< nobody listens at the remote endpoint
  connection_aborted,     ///< this side ended the connection before the operation was done
  broken_pipe,            ///< written after this side's shutdown, or to a peer that reads no more
  not_connected,          ///< the stream is not connected (yet, or any more)
  closed,                 ///< the handle, channel or table entry is closed: nothing can come of it any more
  timed_out,              ///< a deadline passed, or the transport gave the peer up
  would_block,            ///< a `try_` call would have to wait
  cancelled,              ///< given up because its owner asked so
  host_unreachable,       ///< no way to the remote host
  network_unreachable,    ///< no route to the remote network
  network_down,           ///< the interface is down or gone
  address_in_use,         ///< the local endpoint is taken
  address_not_available,  ///< the local address is not of this host, or no ephemeral port is left
  no_memory,              ///< an arena, a pool or the system has no memory left for this
  table_full,             ///< every entry of a fixed table (sockets, descriptors, tasks) is taken
  buffer_too_small,       ///< the caller's buffer cannot hold the answer
  message_size,           ///< the datagram or message is larger than the transport or the peer takes
  invalid_argument,       ///< the arguments contradict each other or the state; asking again will not help
  not_supported,          ///< this backend or build cannot do it
  permission_denied,      ///< the system forbids it
  name_not_found,         ///< the name, or the name with addresses of that family, does not exist
  name_service_failed,    ///< the name servers did not answer or failed; asking again later may help
  protocol_error,         ///< the peer broke the protocol
  untrusted_peer,         ///< the peer did not prove to be who it should be
  io_error,               ///< the system reported an error that has no other name here
};

/// The last member, for tables over all of them.
inline constexpr Error kLastError = Error::io_error;

/// What happened, in words for a person, without a full stop: "connection refused". Static storage.
constexpr const char* to_string(Error error) noexcept {
  switch (error) {
    case Error::end_of_stream: return "end of stream";
    case Error::connection_reset: return "connection reset by peer";
    case Error::connection_refused: return "connection refused";
    case Error::connection_aborted: return "connection aborted";
    case Error::broken_pipe: return "broken pipe";
    case Error::not_connected: return "not connected";
    case Error::closed: return "already closed";
    case Error::timed_out: return "timed out";
    case Error::would_block: return "operation would block";
    case Error::cancelled: return "cancelled";
    case Error::host_unreachable: return "host unreachable";
    case Error::network_unreachable: return "network unreachable";
    case Error::network_down: return "network down";
    case Error::address_in_use: return "address in use";
    case Error::address_not_available: return "address not available";
    case Error::no_memory: return "out of memory";
    case Error::table_full: return "table full";
    case Error::buffer_too_small: return "buffer too small";
    case Error::message_size: return "message too large";
    case Error::invalid_argument: return "invalid argument";
    case Error::not_supported: return "not supported";
    case Error::permission_denied: return "permission denied";
    case Error::name_not_found: return "name not found";
    case Error::name_service_failed: return "name service failed";
    case Error::protocol_error: return "protocol error";
    case Error::untrusted_peer: return "peer not trusted";
    case Error::io_error: return "input/output error";
  }
  return "unknown error";
}

}  // namespace nal
