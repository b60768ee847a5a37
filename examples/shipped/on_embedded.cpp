#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "backends/posix/reactor.hpp"
#include "examples/shipped/application.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/task_slot.hpp"
using namespace nal::literals;

namespace {

nal::Task<> run_stack(nal::embedded::Stack& stack) { co_return co_await stack.run(); }

/// A host on its end of the wire.
struct Host {
  Host(nal::Executor& executor, nal::driver::Driver& driver, const nal::Cidr& address)
      : stack(executor, memory, nal::system_entropy(), {.addresses = {.ipv4_probes = 0}}) {
    stack.add_address(stack.add_interface(driver).value(), address).value();
    running.start(executor, run_stack, stack).value();
  }

  nal::embedded::Resources<nal::embedded::Config{}> memory;
  nal::embedded::Stack stack;
  nal::AnyStack any{stack};
  nal::TaskSlot<1024> running;
};

}  // namespace

int main() {
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  nal::drivers::WirePair wire;
  Host meter(executor, wire.a(), "10.0.0.1/24"_cidr);
  Host collector(executor, wire.b(), "10.0.0.2/24"_cidr);
  return shipped::run("embedded", executor, meter.any, collector.any, "10.0.0.2"_ip);
}
