// The short ways of the stack (`features::kFastPaths`) do nothing that the longer ones would not: two builds of it live
// through the same, and nobody can tell them apart.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/backends/embedded/same/story.hpp"

namespace nal::embedded_plain {
nal::test::Told tell(const nal::test::Plot& plot);
}

namespace {

void check_same(const nal::test::Plot& plot) {
  INFO("seed " << plot.seed << ", v6 " << plot.v6 << ", faults " << plot.faults << ", offload " << plot.offload
               << ", options " << plot.options);
  const nal::test::Told fast = nal::embedded::tell(plot);
  const nal::test::Told plain = nal::embedded_plain::tell(plot);
  CHECK(fast.frames == plain.frames);
  CHECK(fast.bytes == plain.bytes);
  std::size_t same = 0;
  while (same < fast.lines.size() && same < plain.lines.size() && fast.lines[same] == plain.lines[same]) { ++same; }
  INFO("the same up to line " << same);
  for (std::size_t i = same < 6 ? 0 : same - 6; i < same + 6 && i < fast.lines.size() && i < plain.lines.size(); ++i) {
    UNSCOPED_INFO(i << ": " << fast.lines[i] << " " << plain.lines[i]);
  }
  CHECK((same == fast.lines.size() && same == plain.lines.size()));
  // Something has happened at all.
  CHECK(fast.frames > plot.steps / 8);
  CHECK(fast.bytes > plot.steps);
}

}  // namespace

TEST_CASE("Nobody can tell the short ways of the stack from the longer ones where nothing is lost") {
  check_same({.seed = GENERATE(range(1U, 20U)), .v6 = GENERATE(false, true), .options = GENERATE(false, true)});
}

TEST_CASE("Nobody can tell the short ways of the stack from the longer ones where frames are lost, late and damaged") {
  check_same({.seed = GENERATE(range(100U, 140U)), .v6 = GENERATE(false, true), .faults = GENERATE(3U, 20U)});
}

TEST_CASE("Nobody can tell the short ways of the stack from the longer ones where the device makes checksums") {
  check_same({.seed = GENERATE(range(200U, 210U)), .faults = GENERATE(0U, 5U), .offload = true});
}
