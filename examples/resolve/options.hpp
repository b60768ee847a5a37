#pragma once
#include <optional>
#include <string>
#include <vector>

#include "examples/common/backend.hpp"
#include "nal/endpoint.hpp"
#include "nal/resolver/message.hpp"
#include "nal/time.hpp"

/// What the command line says.
struct Options {
  examples::BackendOptions backend;
  std::vector<std::string> names;
  nal::Family family = nal::Family::any;
  std::optional<nal::dns::Type> type;  ///< else addresses of names, and names of addresses
  bool own_resolver = false;           ///< nal's, not the stack's
  std::vector<nal::Endpoint> servers;  ///< else those of the system
  nal::Duration timeout = nal::Duration::seconds(10);
  bool tcp = false;
  bool servers_only = false;            ///< names under .local, too
  bool neighbours = false;              ///< ask by multicast DNS, whatever the name
  std::vector<std::string> interfaces;  ///< for that; else all
  bool brief = false;
  bool verbose = false;
};

/// The exit status, when the program is over: after an error, which was told, or after --help.
std::optional<int> parse_options(Options& options, int argc, const char* const* argv);
