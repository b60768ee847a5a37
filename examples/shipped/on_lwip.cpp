#include "backends/posix/reactor.hpp"
#include "examples/shipped/application.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/task_slot.hpp"
// Last: lwIP has macros.
#include "backends/lwip/stack.hpp"
using namespace nal::literals;

namespace {

nal::Task<> run_stack(nal::lwip::Stack& stack) { co_return co_await stack.run(); }

}  // namespace

// lwIP is one in a process: it speaks with itself, by its loop (LWIP_HAVE_LOOPIF).
int main() {
  static nal::lwip::Resources<> memory;
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  nal::lwip::Stack stack(executor, memory, nal::system_entropy());
  nal::TaskSlot<1024> running;
  running.start(executor, run_stack, stack).value();
  nal::AnyStack any(stack);
  return shipped::run("lwip", executor, any, any, "127.0.0.1"_ip);
}
