// nal-speed: how much a network carries, in the manner of iperf3, over any network stack of nal.
#include "examples/common/backend.hpp"
#include "examples/tools/speed/options.hpp"
#include "examples/tools/speed/run.hpp"
#ifdef NAL_EXAMPLES_EMBEDDED
#include "backends/embedded/stack.hpp"
#endif

namespace {

std::optional<std::uint64_t> retransmissions([[maybe_unused]] const examples::Machine& machine) {
#ifdef NAL_EXAMPLES_EMBEDDED
  if (machine.embedded) { return machine.embedded->tcp().counters().retransmitted; }
#endif
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  nal_speed::Options options;
  if (const auto status = nal_speed::parse(argc, argv, options)) { return *status; }
  return examples::run_on(options.backend, [&options](examples::Machine& machine) {
    const auto tell = [&machine] { return retransmissions(machine); };
    return (options.server ? nal_speed::run_server : nal_speed::run_client)(machine.executor, machine.stack, options,
                                                                            tell);
  });
}
