#pragma once
#include <optional>
#include <string>

#include "examples/common/backend.hpp"
#include "nal/probe.hpp"
#include "nal/time.hpp"

/// What the command line says.
struct Options {
  examples::BackendOptions backend;
  std::string destination;
  nal::Family family = nal::Family::any;
  std::string from;  ///< an address or an interface; empty: whatever the way has
  nal::ProbeKind kind = nal::ProbeKind::udp;
  std::uint16_t port = 33434;
  unsigned first_hop = 1;
  unsigned last_hop = 30;
  unsigned queries = 3;  ///< probes of each hop
  unsigned at_once = 16;
  nal::Duration timeout = nal::Duration::seconds(5);
  std::optional<std::uint16_t> size;  ///< of the whole packet
  std::uint8_t traffic_class = 0;
  bool numeric = false;
  bool dont_fragment = false;
  bool discover_mtu = false;
};

/// The exit status, when the program is over: after an error, which was told, or after --help.
std::optional<int> parse_options(Options& options, int argc, const char* const* argv);
