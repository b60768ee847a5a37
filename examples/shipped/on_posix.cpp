#include "backends/posix/stack.hpp"
#include "examples/shipped/application.hpp"
using namespace nal::literals;

int main() {
  static nal::posix::Resources<> memory;
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  nal::posix::Stack stack(reactor, executor, memory);
  nal::AnyStack any(stack);
  return shipped::run("posix", executor, any, any, "127.0.0.1"_ip);
}
