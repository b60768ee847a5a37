// Runs each shape to its end, and destroyed after every number of rounds; one line a shape: its name, and "ok" or what
// went wrong. `known-bad` lists the shapes that are forbidden, `known-bad N` runs one of them.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/quirks/judge.hpp"

namespace nal::quirks {
namespace {

bool run(const Shape& shape) {
  const auto [wrong, rounds] = judge(shape);
  if (wrong) {
    std::printf("%s: %s, in round %u\n", shape.name, wrong, rounds);
  } else {
    std::printf("%s: ok\n", shape.name);
  }
  std::fflush(stdout);
  return !wrong;
}

}  // namespace
}  // namespace nal::quirks

int main(int count, char** arguments) {
  using namespace nal::quirks;
  if (count > 1 && std::strcmp(arguments[1], "known-bad") == 0) {
    const auto shapes = known_bad();
    if (count > 2) { return run(shapes[static_cast<std::size_t>(std::atoi(arguments[2]))]) ? 0 : 1; }
    for (const Shape& shape : shapes) { std::puts(shape.name); }
    return 0;
  }
  bool good = true;
  for (const auto shapes : {statements(), functions(), combinations()}) {
    for (const Shape& shape : shapes) { good = run(shape) && good; }
  }
  return good ? 0 : 1;
}
