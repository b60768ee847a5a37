#include "examples/common/backend.hpp"

#include <cstdio>

#include "examples/common/backends.hpp"

namespace examples {

namespace {

struct Chosen {
  std::string_view name;
  std::string_view settings;
};
Chosen split(std::string_view backend) {
  const std::size_t colon = backend.find(':');
  if (colon == std::string_view::npos) { return {backend, {}}; }
  return {backend.substr(0, colon), backend.substr(colon + 1)};
}

}  // namespace

std::string_view backend_settings() {
#ifdef NAL_EXAMPLES_EMBEDDED
  return "embedded:INTERFACE[,SETTING]...: a TAP interface (nal0), and of ADDRESS/PREFIX, via=ROUTER, dns=SERVER, "
         "dhcp, "
         "slaac, pcap=FILE";
#else
  return {};
#endif
}

std::string check_backend(std::string_view backend) {
  const Chosen chosen = split(backend);
#ifdef NAL_EXAMPLES_POSIX
  if (backend == "posix") { return {}; }
#endif
#ifdef NAL_EXAMPLES_EMBEDDED
  if (chosen.name == "embedded") { return detail::check_embedded(chosen.settings); }
#endif
  std::string why = "no backend '" + std::string(chosen.name) + "' in this build; there is:";
  for (const std::string_view name : kBackends) { why.append(" ").append(name); }
  return why;
}

int detail::run_on(std::string_view backend, Run run, void* program) {
  if (const std::string wrong = check_backend(backend); !wrong.empty()) {
    std::fprintf(stderr, "error: %s\n", wrong.c_str());
    return kWrongUsage;
  }
#ifdef NAL_EXAMPLES_EMBEDDED
  if (const Chosen chosen = split(backend); chosen.name == "embedded") {
    return run_on_embedded(chosen.settings, run, program);
  }
#endif
#ifdef NAL_EXAMPLES_POSIX
  return run_on_posix(run, program);
#endif
}

}  // namespace examples
