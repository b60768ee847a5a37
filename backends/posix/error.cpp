#include "backends/posix/error.hpp"

#include <cerrno>

namespace nal::posix {

Error error_from_errno(int number) noexcept {
  switch (number) {
    case ECONNRESET: return Error::connection_reset;
    case ECONNREFUSED: return Error::connection_refused;
    case ECONNABORTED: return Error::connection_aborted;
    case EPIPE: return Error::broken_pipe;
    case ENOTCONN: return Error::not_connected;
    case EBADF: return Error::closed;
    case ETIMEDOUT: return Error::timed_out;
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
    case EINPROGRESS:
    case EALREADY: return Error::would_block;
    case ECANCELED: return Error::cancelled;
    case EHOSTUNREACH:
    case EHOSTDOWN: return Error::host_unreachable;
    case ENETUNREACH: return Error::network_unreachable;
    case ENETDOWN:
    case ENETRESET:
    case ENXIO:
    case ENODEV: return Error::network_down;
    case EADDRINUSE: return Error::address_in_use;
    case EADDRNOTAVAIL: return Error::address_not_available;
    case ENOMEM:
    case ENOBUFS: return Error::no_memory;
    case EMFILE:
    case ENFILE:
    case ENOSPC: return Error::table_full;
    case EMSGSIZE: return Error::message_size;
    case EINVAL:
    case EDESTADDRREQ:
    case EISCONN: return Error::invalid_argument;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ENOPROTOOPT:
    case ENOSYS: return Error::not_supported;
    case EACCES:
    case EPERM: return Error::permission_denied;
    case EPROTO: return Error::protocol_error;
    default: return Error::io_error;
  }
}

}  // namespace nal::posix
