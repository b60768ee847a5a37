#pragma once
#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace nal::test {

/// Runs `body` in a child process and tells whether an assertion (`abort`) ended it.
template <class Body>
bool asserts(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    // What the failed assertion says is expected, and a test runner's signal handlers would report it as a crash.
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) { ::dup2(nowhere, STDERR_FILENO); }
    std::signal(SIGABRT, SIG_DFL);
    body();
    ::_exit(0);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace nal::test

#define CHECK_ASSERTS(...) CHECK(::nal::test::asserts([&] { __VA_ARGS__; }))
