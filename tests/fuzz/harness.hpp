#pragma once
// What the fuzz targets share.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <span>

namespace nal::fuzz {

/// What does not hold is a finding.
inline void require(bool holds, std::source_location at = std::source_location::current()) {
  if (holds) { return; }
  std::fprintf(stderr, "%s:%u: does not hold\n", at.file_name(), static_cast<unsigned>(at.line()));
  std::abort();
}

/// The next byte of the input as a number; 0 behind its end.
inline std::size_t take(std::span<const std::byte>& input) {
  if (input.empty()) { return 0; }
  const auto value = std::to_integer<std::size_t>(input[0]);
  input = input.subspan(1);
  return value;
}

}  // namespace nal::fuzz
