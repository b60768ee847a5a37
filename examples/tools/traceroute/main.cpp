// nal-traceroute: which routers packets to a host pass, over any stack of nal.
#include <cstdio>

#include "examples/tools/traceroute/trace.hpp"

namespace {

int trace(examples::Machine& machine, const Options& options) {
  Origin from;
  if (!options.from.empty()) {
    const auto parsed = Origin::parse(options.from);
    if (!parsed) {
      std::fprintf(stderr, "error: '%s' is no address, and no interface\n", options.from.c_str());
      return examples::kFailed;
    }
    from = *parsed;
  }
  nal::Family family = options.family;
  if (family == nal::Family::any && from.address) { family = from.address->family(); }
  auto target = find_target(machine, options.destination, family);
  if (!target) { return examples::kFailed; }
  const nal::IpAddress any = nal::IpAddress::unspecified(target->address.family());
  auto socket =
      open_socket(machine, {.local = from.address.value_or(any), .kind = options.kind, .first_port = options.port});
  if (!socket) { return examples::kFailed; }
  return Trace(machine, options, std::move(*target), std::move(*socket), from.interface).run();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse_options(options, argc, argv)) { return *status; }
  return examples::run_on(options.backend, [&options](examples::Machine& machine) { return trace(machine, options); });
}
