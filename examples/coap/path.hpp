#pragma once
#include <string_view>

#include "examples/coap/options.hpp"

namespace coap {

enum class PathMatch : std::uint8_t { no, exact, below };

/// Whether the Uri-Path options name `path` ("/a/b"; "/" or nothing for the root), or something below it.
PathMatch match_path(const Options& options, std::string_view path) noexcept;

}  // namespace coap
