#pragma once
#include "nal/error.hpp"

namespace nal::posix {

/// What an `errno` means to nal.
Error error_from_errno(int number) noexcept;

}  // namespace nal::posix
