#pragma once
#include <lwip/err.h>

#include "nal/error.hpp"

namespace nal::lwip {

/// What a function of lwIP returned, which is not ERR_OK. ERR_MEM and ERR_WOULDBLOCK are `no_memory` and `would_block`:
/// whether to wait for better times is the caller's to know.
Error from_lwip(err_t error) noexcept;
/// What lwIP's `err` callback tells of a connection; `Error{}` for one that has ended in order.
Error connection_error(err_t error, bool connecting) noexcept;

}  // namespace nal::lwip
