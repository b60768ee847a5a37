#pragma once

namespace nal {

/// Called when a caller broke a contract; must not return. The library's own prints (hosted) or breaks into the
/// debugger (bare metal) and stops; a program that wants something else defines `NAL_ASSERT` before any header.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace nal

/// A caller's bug, never a peer's doing: those are `Result`s. `NAL_NO_ASSERT` removes the checks (and their strings).
#ifndef NAL_ASSERT
#ifdef NAL_NO_ASSERT
#define NAL_ASSERT(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))  // not evaluated
#else
#define NAL_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::nal::assertion_failed(#condition, __FILE__, __LINE__))
#endif
#endif
