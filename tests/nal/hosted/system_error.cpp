#include "nal/hosted/system_error.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string_view>
#include <system_error>
#include <type_traits>

using namespace nal;

static_assert(std::is_convertible_v<Error, std::error_code>);

TEST_CASE("an error becomes a std::error_code of nal's category with nal's words") {
  for (int value = 1; value <= static_cast<int>(kLastError); ++value) {
    const auto error = static_cast<Error>(value);
    const std::error_code code = error;
    CHECK(code);
    CHECK(code.value() == value);
    CHECK(code.category() == error_category());
    CHECK(code.message() == to_string(error));
    CHECK(code == make_error_code(error));
  }
  CHECK(error_category().name() == std::string_view("nal"));
}

TEST_CASE("no error is a code that tells none") {
  const std::error_code code = Error{};
  CHECK_FALSE(code);
  CHECK(code.message() == "no error");
  CHECK(code == std::error_condition(0, error_category()));
}

TEST_CASE("an error that POSIX has too equals that std::errc and no other") {
  const struct {
    Error error;
    std::errc same;
  } kPairs[] = {
      {Error::connection_reset, std::errc::connection_reset},
      {Error::connection_refused, std::errc::connection_refused},
      {Error::connection_aborted, std::errc::connection_aborted},
      {Error::broken_pipe, std::errc::broken_pipe},
      {Error::not_connected, std::errc::not_connected},
      {Error::closed, std::errc::bad_file_descriptor},
      {Error::timed_out, std::errc::timed_out},
      {Error::would_block, std::errc::operation_would_block},
      {Error::cancelled, std::errc::operation_canceled},
      {Error::host_unreachable, std::errc::host_unreachable},
      {Error::network_unreachable, std::errc::network_unreachable},
      {Error::network_down, std::errc::network_down},
      {Error::address_in_use, std::errc::address_in_use},
      {Error::address_not_available, std::errc::address_not_available},
      {Error::no_memory, std::errc::not_enough_memory},
      {Error::table_full, std::errc::too_many_files_open},
      {Error::buffer_too_small, std::errc::value_too_large},
      {Error::message_size, std::errc::message_size},
      {Error::invalid_argument, std::errc::invalid_argument},
      {Error::not_supported, std::errc::not_supported},
      {Error::permission_denied, std::errc::permission_denied},
      {Error::protocol_error, std::errc::protocol_error},
      {Error::io_error, std::errc::io_error},
  };
  for (const auto& a : kPairs) {
    for (const auto& b : kPairs) {
      INFO(to_string(a.error) << " and " << to_string(b.error));
      CHECK((std::error_code(a.error) == b.same) == (a.error == b.error));
    }
  }
}

TEST_CASE("an error that POSIX has no name for equals no std::errc") {
  for (const Error error : {Error::end_of_stream, Error::name_not_found, Error::name_service_failed}) {
    CHECK(std::error_code(error).default_error_condition().category() == error_category());
  }
}
