#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "examples/common/backend.hpp"
#include "nal/time.hpp"

enum class Mode { announce, browse, resolve, types };

/// A service to announce.
struct Offer {
  std::string instance;
  std::string type;
  std::uint16_t port = 0;
  std::vector<std::string> text;  ///< "key" or "key=value"
  std::vector<std::string> subtypes;
};

/// What the command line says.
struct Options {
  examples::BackendOptions backend;
  Mode mode = Mode::browse;
  std::vector<std::string> interfaces;
  std::string host;
  std::vector<Offer> offers;
  std::string type;  ///< to browse for
  std::string subtype;
  std::vector<std::string> instances;    ///< to resolve
  bool resolve = false;                  ///< what is found
  bool terminate = false;                ///< after a while without anything new
  std::optional<nal::Duration> timeout;  ///< else until Ctrl-C, or as long as it takes
};

/// "Kitchen light._http._tcp.local" in two: the instance as it is, dots and all, and the type. Without one: "".
std::pair<std::string, std::string> split_instance(const std::string& text);

/// The exit status, when the program is over: after an error, which was told, or after --help.
std::optional<int> parse_options(Options& options, int argc, const char* const* argv);
