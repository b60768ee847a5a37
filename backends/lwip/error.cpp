#include "backends/lwip/error.hpp"

namespace nal::lwip {

Error from_lwip(err_t error) noexcept {
  switch (error) {
    case ERR_MEM: return Error::no_memory;
    case ERR_BUF: return Error::address_not_available;  // no ephemeral port is left
    case ERR_TIMEOUT: return Error::timed_out;
    case ERR_RTE: return Error::network_unreachable;
    case ERR_VAL:
    case ERR_ARG:
    case ERR_ISCONN:
    case ERR_ALREADY: return Error::invalid_argument;
    case ERR_WOULDBLOCK:
    case ERR_INPROGRESS: return Error::would_block;
    case ERR_USE: return Error::address_in_use;
    case ERR_CONN: return Error::not_connected;
    case ERR_IF: return Error::network_down;
    case ERR_ABRT: return Error::connection_aborted;
    case ERR_RST: return Error::connection_reset;
    case ERR_CLSD: return Error::closed;
    default: return Error::io_error;
  }
}

Error connection_error(err_t error, bool connecting) noexcept {
  switch (error) {
    case ERR_RST: return connecting ? Error::connection_refused : Error::connection_reset;
    // lwIP gives a peer up that answers no retransmission, no probe of its window and no keep-alive.
    case ERR_ABRT: return Error::timed_out;
    case ERR_CLSD: return Error{};
    default: return from_lwip(error);
  }
}

}  // namespace nal::lwip
