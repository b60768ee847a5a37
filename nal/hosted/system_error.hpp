#pragma once
/// Hosted only: `nal::Error` as a `std::error_code`, for programs that speak `<system_error>`.
#include <string>
#include <system_error>
#include <type_traits>

#include "nal/error.hpp"

namespace nal {

/// The category of `nal::Error`, named "nal". An error that POSIX has too equals that `std::errc`:
/// `std::error_code(nal::Error::timed_out) == std::errc::timed_out`.
inline const std::error_category& error_category() noexcept {
  class Category final : public std::error_category {
   public:
    const char* name() const noexcept override { return "nal"; }
    std::string message(int value) const override {
      return value == 0 ? "no error" : to_string(static_cast<Error>(value));
    }
    std::error_condition default_error_condition(int value) const noexcept override {
      switch (static_cast<Error>(value)) {
        case Error::connection_reset: return std::errc::connection_reset;
        case Error::connection_refused: return std::errc::connection_refused;
        case Error::connection_aborted: return std::errc::connection_aborted;
        case Error::broken_pipe: return std::errc::broken_pipe;
        case Error::not_connected: return std::errc::not_connected;
        case Error::closed: return std::errc::bad_file_descriptor;
        case Error::timed_out: return std::errc::timed_out;
        case Error::would_block: return std::errc::operation_would_block;
        case Error::cancelled: return std::errc::operation_canceled;
        case Error::host_unreachable: return std::errc::host_unreachable;
        case Error::network_unreachable: return std::errc::network_unreachable;
        case Error::network_down: return std::errc::network_down;
        case Error::address_in_use: return std::errc::address_in_use;
        case Error::address_not_available: return std::errc::address_not_available;
        case Error::no_memory: return std::errc::not_enough_memory;
        case Error::table_full: return std::errc::too_many_files_open;
        case Error::buffer_too_small: return std::errc::value_too_large;
        case Error::message_size: return std::errc::message_size;
        case Error::invalid_argument: return std::errc::invalid_argument;
        case Error::not_supported: return std::errc::not_supported;
        case Error::permission_denied: return std::errc::permission_denied;
        case Error::protocol_error: return std::errc::protocol_error;
        case Error::io_error: return std::errc::io_error;
        // POSIX has no name for these.
        case Error::end_of_stream:
        case Error::name_not_found:
        case Error::name_service_failed:
        case Error::untrusted_peer: break;
      }
      return {value, *this};
    }
  };
  static const Category category;
  return category;
}

/// A zero `Error` makes a code that tells no error, as `std::error_code` has it.
inline std::error_code make_error_code(Error error) noexcept { return {static_cast<int>(error), error_category()}; }

}  // namespace nal

template <>
struct std::is_error_code_enum<nal::Error> : std::true_type {};
