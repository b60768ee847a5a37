#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "examples/common/backend.hpp"
#include "nal/time.hpp"

namespace examples {

/// `--backend NAME`, one of `kBackends`, and what the embedded stack wants to know: its device, its addresses by hand,
/// DHCP or SLAAC, captures and a bad network. `options` lives until the command line is parsed.
void add_backend_options(CLI::App& app, BackendOptions& options);

/// `--timeout SECONDS` (fractions allowed, more than none); what `timeout` holds is shown as the default.
void add_timeout_option(CLI::App& app, nal::Duration& timeout, const std::string& what);

/// Parses the command line. Gives the exit status if the program is over: `kDone` after --help or --version, and
/// `kWrongUsage` after an error, which was told on standard error.
std::optional<int> parse(CLI::App& app, int argc, const char* const* argv);

}  // namespace examples
