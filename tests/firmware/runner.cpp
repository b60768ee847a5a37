#include "tests/firmware/runner.hpp"

#include <csetjmp>
#include <cstring>
#include <string_view>

#include "examples/firmware/board.hpp"
#include "nal/assert.hpp"
#include "nal/platform.hpp"

namespace nal::test {
namespace {

constinit Case* first = nullptr;
constinit Case** last = &first;
long checks = 0;
long failed_checks = 0;
/// Where an expected assertion goes on; null while none is expected.
std::jmp_buf* expected = nullptr;

void print_place(const char* what, const char* file, int line) noexcept {
  board::print("  ");
  board::print(file);
  board::print(":");
  board::print(long{line});
  board::print(": ");
  board::print(what);
  board::print("\n");
}

}  // namespace

Case::Case(const char* name, Body body) noexcept : name_(name), body_(body) {
  *last = this;
  last = &next_;
}

bool check(bool passed, const char* what, const char* file, int line) noexcept {
  ++checks;
  if (!passed) {
    ++failed_checks;
    print_place(what, file, line);
  }
  return passed;
}

bool asserts(void (*body)(void*), void* argument) noexcept {
  // Gives interrupts back at the end, whatever an assertion inside a critical section left behind.
  const platform::CriticalSection section;
  std::jmp_buf here;
  std::jmp_buf* const outer = expected;
  FrameArena* const arena = platform::current_arena();
  // What follows a second return of `setjmp` only reads what was set before the first.
  if (setjmp(here) != 0) {
    expected = outer;
    platform::current_arena() = arena;
    return true;
  }
  expected = &here;
  body(argument);
  expected = outer;
  return false;
}

int run(const char* filter) noexcept {
  long passed = 0;
  long failed = 0;
  for (const Case* test = first; test != nullptr; test = test->next_) {
    if (filter != nullptr && std::strstr(test->name_, filter) == nullptr) { continue; }
    checks = failed_checks = 0;
    test->body_();
    if (checks == 0) { board::print("  checked nothing\n"); }
    const bool ok = checks > 0 && failed_checks == 0;
    ++(ok ? passed : failed);
    board::print(test->name_);
    board::print(ok ? ": ok\n" : ": FAILED\n");
  }
  board::print(passed);
  board::print(" passed, ");
  board::print(failed);
  board::print(" failed\n");
  return passed + failed == 0 ? 1 : static_cast<int>(failed);
}

}  // namespace nal::test

namespace nal {

// Instead of the library's own, which stops the machine without a word.
void assertion_failed(const char* condition, const char* file, int line) noexcept {
  if (test::expected != nullptr) { std::longjmp(*test::expected, 1); }
  test::print_place(condition, file, line);
  board::print("assertion failed\n");
  board::exit(124);
}

}  // namespace nal

int main() {
  const std::string_view argument = board::argument();
  char filter[256] = {};
  argument.copy(filter, sizeof filter - 1);
  return nal::test::run(filter) == 0 ? 0 : 1;
}
