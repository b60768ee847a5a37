#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace nal::test {

/// What a story is about.
struct Plot {
  unsigned seed = 1;
  bool v6 = false;
  unsigned faults = 0;  ///< percent of frames that are lost, doubled, late or damaged
  bool offload = false;
  bool options = true;  ///< TCP options and ECN
  unsigned steps = 2000;
};

/// All that can be seen of two stacks: each frame, what each call gave, when each wants to be called again, and what
/// they have counted in the end.
struct Told {
  std::vector<std::uint64_t> lines;
  std::size_t frames = 0;
  std::size_t bytes = 0;  ///< that applications have read
};

}  // namespace nal::test

// `embedded` is another name where the stack is compiled without its short ways.
namespace nal::embedded {
nal::test::Told tell(const nal::test::Plot& plot);
}
