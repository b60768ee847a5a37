#pragma once
#include "backends/embedded/wire/checksum.hpp"

/// The loops behind `sum` and `copy_and_sum`, one for each machine; of concern to checksum.cpp alone.

namespace nal::embedded::wire::kernel {

#if defined(__x86_64__) && !defined(NAL_CHECKSUM_PORTABLE)
#define NAL_CHECKSUM_X86_64 1
/// 8 bytes an instruction, on every x86-64.
Sum sum_x86_64(const std::byte* from, std::size_t size) noexcept;
Sum copy_and_sum_x86_64(std::byte* to, const std::byte* from, std::size_t size) noexcept;
/// A lane of 32 bits has room for so many words of 16, whatever they are.
inline constexpr std::size_t kMaxAvx2 = std::size_t{1} << 18;
/// Only where the processor and the system have AVX2; of 32 to `kMaxAvx2` bytes.
Sum sum_avx2(const std::byte* from, std::size_t size) noexcept;
Sum copy_and_sum_avx2(std::byte* to, const std::byte* from, std::size_t size) noexcept;

/// Whether they do: a load and a test of what the run-time library found out when the program started.
inline bool has_avx2() noexcept { return __builtin_cpu_supports("avx2"); }
#endif

}  // namespace nal::embedded::wire::kernel
