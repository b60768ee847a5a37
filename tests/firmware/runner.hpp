#pragma once
/// A test runner for machines without heap, exceptions and libc's stdio. Tests see it through tests/support/check.hpp.
///
/// It prints `name: ok` or `name: FAILED` a test, each failed check before it, and `N passed, N failed` at the end. A
/// test that checks nothing fails.

namespace nal::test {

/// A registered test. Lives in static storage and links itself when the program starts.
class Case {
 public:
  using Body = void (*)();
  Case(const char* name, Body body) noexcept;
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;

 private:
  friend int run(const char* filter) noexcept;
  const char* name_;
  Body body_;
  Case* next_ = nullptr;
};

/// Counts a check of the running test; says where and what when it failed. Returns `passed`.
bool check(bool passed, const char* what, const char* file, int line) noexcept;

/// Runs `body(argument)` and tells whether an assertion of nal's ended it. Its destructors are then skipped.
bool asserts(void (*body)(void*), void* argument) noexcept;
template <class Body>
bool asserts(Body body) noexcept {
  return asserts([](void* argument) { (*static_cast<Body*>(argument))(); }, &body);
}

/// Runs the tests whose name contains `filter` (all if it is null or empty). Returns how many failed, or 1 if none ran.
int run(const char* filter) noexcept;

}  // namespace nal::test

#define NAL_TEST_JOIN2(a, b) a##b
#define NAL_TEST_JOIN(a, b) NAL_TEST_JOIN2(a, b)
#define NAL_TEST_CASE(id, name)                                                                        \
  static void NAL_TEST_JOIN(nal_test_body_, id)();                                                     \
  static ::nal::test::Case NAL_TEST_JOIN(nal_test_case_, id){name, NAL_TEST_JOIN(nal_test_body_, id)}; \
  static void NAL_TEST_JOIN(nal_test_body_, id)()
#define NAL_TEST_FIRST(first, ...) first

/// A second argument, Catch2's tags, is for hosts.
#define TEST_CASE(...) NAL_TEST_CASE(__COUNTER__, NAL_TEST_FIRST(__VA_ARGS__, ""))
#define CHECK(...) \
  static_cast<void>(::nal::test::check(static_cast<bool>(__VA_ARGS__), "CHECK(" #__VA_ARGS__ ")", __FILE__, __LINE__))
#define CHECK_FALSE(...) \
  static_cast<void>(     \
      ::nal::test::check(!static_cast<bool>(__VA_ARGS__), "CHECK_FALSE(" #__VA_ARGS__ ")", __FILE__, __LINE__))
#define NAL_TEST_REQUIRE(passed, what)                                     \
  do {                                                                     \
    if (!::nal::test::check(passed, what, __FILE__, __LINE__)) { return; } \
  } while (false)
#define REQUIRE(...) NAL_TEST_REQUIRE(static_cast<bool>(__VA_ARGS__), "REQUIRE(" #__VA_ARGS__ ")")
#define REQUIRE_FALSE(...) NAL_TEST_REQUIRE(!static_cast<bool>(__VA_ARGS__), "REQUIRE_FALSE(" #__VA_ARGS__ ")")
#define FAIL(...) NAL_TEST_REQUIRE(false, "FAIL(" #__VA_ARGS__ ")")
#define INFO(...) static_cast<void>(0)
#define CHECK_ASSERTS(...)                                                                                            \
  static_cast<void>(::nal::test::check(::nal::test::asserts([&] { __VA_ARGS__; }), "CHECK_ASSERTS(" #__VA_ARGS__ ")", \
                                       __FILE__, __LINE__))
