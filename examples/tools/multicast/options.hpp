#pragma once
#include <optional>
#include <string>
#include <vector>

#include "examples/common/backend.hpp"
#include "nal/time.hpp"

/// What the command line says.
struct Options {
  examples::BackendOptions backend;
  std::vector<nal::IpAddress> groups;
  std::vector<nal::IpAddress> sources;  ///< of which alone datagrams are wanted
  std::string interface;                ///< else the stack's choice
  std::uint16_t port = 5000;
  std::optional<std::string> text;  ///< to send to each group
  unsigned count = 1;               ///< so often
  nal::Duration interval = nal::Duration::seconds(1);
  unsigned hops = 1;
  bool loopback = true;  ///< others on this host hear it, too
  bool hex = false;      ///< print bytes
  bool listen = true;
  unsigned wanted = 0;                   ///< datagrams to receive and then end; 0: any number
  std::optional<nal::Duration> timeout;  ///< else until Ctrl-C
};

/// The exit status, when the program is over: after an error, which was told, or after --help.
std::optional<int> parse_options(Options& options, int argc, const char* const* argv);
