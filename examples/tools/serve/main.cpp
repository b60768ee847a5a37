// nal-serve: the small services of the Internet and a page that tells of the stack they run on.
#include "examples/common/interrupt.hpp"
#include "examples/tools/serve/service.hpp"
#include "nal/block_on.hpp"

int main(int argc, char** argv) {
  nal_serve::Options options;
  if (const auto status = nal_serve::parse(argc, argv, options)) { return *status; }
  return examples::run_on(options.backend, [&options](examples::Machine& machine) {
    nal_serve::Server server(machine, options);
    if (!server.start()) { return examples::kFailed; }
    examples::Interrupt interrupt(machine.executor);
    nal::block_on(machine.executor, nal::wait(interrupt.event()));
    return examples::kDone;
  });
}
