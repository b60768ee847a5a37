#include "backends/posix/error.hpp"

#include <sys/socket.h>
#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <cstring>

#include "backends/posix/address.hpp"
#include "nal/hosted/format.hpp"

using namespace nal;
using namespace nal::literals;

TEST_CASE("each errno means what it says", "[posix][error]") {
  struct Meaning {
    int number;
    Error error;
  };
  constexpr Meaning kMeanings[] = {
      {ECONNRESET, Error::connection_reset},
      {ECONNREFUSED, Error::connection_refused},
      {ECONNABORTED, Error::connection_aborted},
      {EPIPE, Error::broken_pipe},
      {ENOTCONN, Error::not_connected},
      {EBADF, Error::closed},
      {ETIMEDOUT, Error::timed_out},
      {EAGAIN, Error::would_block},
      {EWOULDBLOCK, Error::would_block},
      {EINPROGRESS, Error::would_block},
      {EALREADY, Error::would_block},
      {ECANCELED, Error::cancelled},
      {EHOSTUNREACH, Error::host_unreachable},
      {EHOSTDOWN, Error::host_unreachable},
      {ENETUNREACH, Error::network_unreachable},
      {ENETDOWN, Error::network_down},
      {ENETRESET, Error::network_down},
      {ENODEV, Error::network_down},
      {ENXIO, Error::network_down},
      {EADDRINUSE, Error::address_in_use},
      {EADDRNOTAVAIL, Error::address_not_available},
      {ENOMEM, Error::no_memory},
      {ENOBUFS, Error::no_memory},
      {EMFILE, Error::table_full},
      {ENFILE, Error::table_full},
      {ENOSPC, Error::table_full},
      {EMSGSIZE, Error::message_size},
      {EINVAL, Error::invalid_argument},
      {EDESTADDRREQ, Error::invalid_argument},
      {EISCONN, Error::invalid_argument},
      {EOPNOTSUPP, Error::not_supported},
      {EAFNOSUPPORT, Error::not_supported},
      {EPROTONOSUPPORT, Error::not_supported},
      {ENOPROTOOPT, Error::not_supported},
      {ENOSYS, Error::not_supported},
      {EACCES, Error::permission_denied},
      {EPERM, Error::permission_denied},
      {EPROTO, Error::protocol_error},
      {EIO, Error::io_error},
      {12345, Error::io_error},
  };
  for (const auto& [number, error] : kMeanings) {
    INFO(std::strerror(number));
    CHECK(posix::error_from_errno(number) == error);
  }
}

TEST_CASE("an endpoint survives the way through a sockaddr", "[posix][error]") {
  for (const Endpoint endpoint : {"192.0.2.1:80"_endpoint, "[2001:db8::1]:65535"_endpoint, "[fe80::1%7]:1"_endpoint,
                                  "0.0.0.0:0"_endpoint, "[::ffff:192.0.2.1]:80"_endpoint}) {
    const posix::SocketAddress address(endpoint);
    CHECK(address.endpoint() == endpoint);
  }
  posix::SocketAddress other;
  other.storage.ss_family = AF_UNIX;
  CHECK(other.endpoint() == Endpoint());
}
