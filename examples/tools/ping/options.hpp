#pragma once
#include <optional>
#include <string>

#include "examples/common/backend.hpp"
#include "nal/ip_address.hpp"
#include "nal/time.hpp"

/// What the command line says.
struct Options {
  examples::BackendOptions backend;
  std::string destination;
  nal::Family family = nal::Family::any;
  std::string from;         ///< an address or an interface; empty: whatever the way has
  std::uint32_t count = 0;  ///< 0: until interrupted
  nal::Duration interval = nal::Duration::seconds(1);
  nal::Duration timeout = nal::Duration::seconds(10);  ///< for the last answers
  std::optional<nal::Duration> deadline;               ///< for all of it
  std::uint16_t size = 56;                             ///< of the data
  std::uint8_t hop_limit = 0;
  std::uint8_t traffic_class = 0;
  std::uint16_t identifier = 0;
  bool dont_fragment = false;
  bool broadcast = false;
  bool numeric = false;
  bool quiet = false;
  bool print_time = false;
  bool outstanding = false;  ///< tell of each request that has no answer when the next one is sent
};

/// The exit status, when the program is over: after an error, which was told, or after --help.
std::optional<int> parse_options(Options& options, int argc, const char* const* argv);
