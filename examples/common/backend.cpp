#include "examples/common/backend.hpp"

#include <algorithm>
#include <cstdio>

#include "examples/common/backends.hpp"

namespace examples {

std::optional<Device> Device::parse(std::string_view text) {
  Device device;
  device.name = text;
  const auto take = [&device](std::string_view prefix, Kind told) {
    if (!device.name.starts_with(prefix)) { return; }
    device.name.erase(0, prefix.size());
    device.kind = told;
  };
  // One of them at most.
  if (text.starts_with("tap:")) {
    take("tap:", Kind::tap);
  } else if (text.starts_with("tun:")) {
    take("tun:", Kind::tun);
  } else {
    take("packet:", Kind::packet);
  }
  if (const std::size_t comma = device.name.find(','); comma != std::string::npos) {
    const std::string offload = device.name.substr(comma + 1);
    device.name.erase(comma);
    // A packet socket takes what its interface has, without being asked.
    if (device.kind == Kind::packet || (offload != "vnet" && offload != "checksum")) { return std::nullopt; }
    device.offload = offload == "vnet" ? Offload::segmentation : Offload::checksum;
  }
  constexpr std::size_t kLongestName = 15;  // of Linux
  if (device.name.empty() || device.name.size() > kLongestName ||
      device.name.find_first_of("/: \t") != std::string::npos) {
    return std::nullopt;
  }
  return device;
}

std::string check_backend(const BackendOptions& options) {
  if (std::find(kBackends.begin(), kBackends.end(), options.name) == kBackends.end()) {
    std::string why = "no backend '" + options.name + "' in this build; there is:";
    for (const std::string_view name : kBackends) { why.append(" ").append(name); }
    return why;
  }
  if (options.name == "posix" && !options.first_embedded_option.empty()) {
    return options.first_embedded_option + " is for a stack of our own: add --backend embedded";
  }
  return {};
}

int detail::run_on(const BackendOptions& options, Run run, void* program) {
  if (const std::string wrong = check_backend(options); !wrong.empty()) {
    std::fprintf(stderr, "error: %s\n", wrong.c_str());
    return kWrongUsage;
  }
#ifdef NAL_EXAMPLES_EMBEDDED
  if (options.name == "embedded") { return run_on_embedded(options, run, program); }
#endif
#ifdef NAL_EXAMPLES_LWIP
  if (options.name == "lwip") { return run_on_lwip(options, run, program); }
#endif
#ifdef NAL_EXAMPLES_POSIX
  return run_on_posix(run, program);
#endif
}

}  // namespace examples
