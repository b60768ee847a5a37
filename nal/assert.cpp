#include "nal/assert.hpp"

#if __STDC_HOSTED__ && !defined(__ARM_ARCH_PROFILE)
#include <cstdio>
#include <cstdlib>
#endif

namespace nal {

// In an object of its own: a program that defines this function itself never links this one.
void assertion_failed(const char* condition, const char* file, int line) noexcept {
#if __STDC_HOSTED__ && !defined(__ARM_ARCH_PROFILE)
  std::fprintf(stderr, "%s:%d: nal: contract broken: %s\n", file, line, condition);
  std::abort();
#else
  static_cast<void>(condition), static_cast<void>(file), static_cast<void>(line);
  for (;;) { __builtin_trap(); }
#endif
}

}  // namespace nal
