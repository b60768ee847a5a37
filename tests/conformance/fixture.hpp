#pragma once
#include <span>
#include <string_view>

namespace nal::conformance {

/// A case that a stack cannot have, by the test's name, and why: reported as skipped with this reason.
struct SkippedCase {
  std::string_view test;
  const char* reason;
};

}  // namespace nal::conformance
