#pragma once
/// Where the sizes are printed: standard output, or a board's console.
#ifdef NAL_SIZES_BARE_METAL
#include "examples/firmware/board.hpp"
#else
#include <cstdio>
#endif
#include <cstddef>

namespace nal::sizes {

/// `NAME VALUE`, a line.
inline void print(const char* name, std::size_t value) {
#ifdef NAL_SIZES_BARE_METAL
  board::print(name);
  board::print(" ");
  board::print(static_cast<long>(value));
  board::print("\n");
#else
  std::printf("%s %zu\n", name, value);
#endif
}

#define NAL_SIZES_TEXT2(x) #x
#define NAL_SIZES_TEXT(x) NAL_SIZES_TEXT2(x)
#ifdef __clang__
#define NAL_SIZES_COMPILER "clang-" NAL_SIZES_TEXT(__clang_major__)
#else
#define NAL_SIZES_COMPILER "gcc-" NAL_SIZES_TEXT(__GNUC__) "." NAL_SIZES_TEXT(__GNUC_MINOR__)
#endif
#if defined(__ARM_ARCH_6M__)
#define NAL_SIZES_MACHINE "cortex-m0"
#elif defined(__ARM_ARCH_7M__)
#define NAL_SIZES_MACHINE "cortex-m3"
#elif defined(__x86_64__)
#define NAL_SIZES_MACHINE "x86-64"
#elif defined(__aarch64__)
#define NAL_SIZES_MACHINE "aarch64"
#else
#define NAL_SIZES_MACHINE "unknown"
#endif

/// Says by which compiler for which machine: budgets are kept for each.
inline constexpr const char* kBuild = NAL_SIZES_COMPILER " " NAL_SIZES_MACHINE;

}  // namespace nal::sizes
