// What a product in C has in C++: the network.
#include "adapters/c/loop.hpp"
#include "backends/posix/stack.hpp"

extern "C" nal_loop* network_start(void) {
  static nal::posix::Resources<> memory;
  static nal::posix::Reactor reactor;
  static nal::Executor executor(reactor);
  static nal::posix::Stack stack(reactor, executor, memory);
  static nal_loop loop(executor, stack);
  return &loop;
}
