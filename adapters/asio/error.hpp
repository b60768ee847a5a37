#pragma once
#include <exception>

#include "adapters/asio/asio.hpp"
#include "nal/error.hpp"
#include "nal/hosted/system_error.hpp"

namespace nal::with_asio {

using ErrorCode = ::asio::error_code;

/// What Asio calls it, so that `error == asio::error::eof` and its like are true; what Asio has no name for is a code
/// of nal's own category.
inline ErrorCode to_error_code(Error error) noexcept {
  if (error == Error{}) { return {}; }
  using namespace ::asio::error;
  switch (error) {
    case Error::end_of_stream: return eof;
    case Error::connection_reset: return connection_reset;
    case Error::connection_refused: return connection_refused;
    case Error::connection_aborted: return connection_aborted;
    case Error::broken_pipe: return broken_pipe;
    case Error::not_connected: return not_connected;
    case Error::closed: return bad_descriptor;
    case Error::timed_out: return timed_out;
    case Error::would_block: return would_block;
    case Error::cancelled: return operation_aborted;
    case Error::host_unreachable: return host_unreachable;
    case Error::network_unreachable: return network_unreachable;
    case Error::network_down: return network_down;
    case Error::address_in_use: return address_in_use;
    case Error::no_memory: return no_memory;
    case Error::table_full: return no_descriptors;
    case Error::message_size: return message_size;
    case Error::invalid_argument: return invalid_argument;
    case Error::not_supported: return operation_not_supported;
    case Error::permission_denied: return access_denied;
    case Error::name_not_found: return host_not_found;
    case Error::name_service_failed: return host_not_found_try_again;
    case Error::address_not_available: return std::make_error_code(std::errc::address_not_available);
    default: return make_error_code(error);  // Asio has no name for it
  }
}

namespace detail {
inline constexpr Error kNamedErrors[] = {Error::end_of_stream,
                                         Error::connection_reset,
                                         Error::connection_refused,
                                         Error::connection_aborted,
                                         Error::broken_pipe,
                                         Error::not_connected,
                                         Error::closed,
                                         Error::timed_out,
                                         Error::would_block,
                                         Error::cancelled,
                                         Error::host_unreachable,
                                         Error::network_unreachable,
                                         Error::network_down,
                                         Error::address_in_use,
                                         Error::no_memory,
                                         Error::table_full,
                                         Error::message_size,
                                         Error::invalid_argument,
                                         Error::not_supported,
                                         Error::permission_denied,
                                         Error::name_not_found,
                                         Error::name_service_failed,
                                         Error::address_not_available};
}  // namespace detail

/// The other way; what nal has no name for is io_error. Zero is no error.
inline Error to_error(const ErrorCode& code) noexcept {
  if (!code) { return {}; }
  if (code.category() == error_category()) { return static_cast<Error>(code.value()); }
  for (const Error error : detail::kNamedErrors) {
    if (to_error_code(error) == code) { return error; }
  }
  return Error::io_error;
}

inline Error to_error(const std::exception_ptr& failure) noexcept {
  if (!failure) { return {}; }
  try {
    std::rethrow_exception(failure);
  } catch (const ::asio::system_error& error) {
    return error.code() ? to_error(error.code()) : Error::io_error;
  } catch (...) { return Error::io_error; }
}

}  // namespace nal::with_asio
