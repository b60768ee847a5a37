#include "examples/common/command_line.hpp"

#include <string_view>

#include "examples/common/backend.hpp"

namespace examples {

void add_backend_option(CLI::App& app, std::string& name) {
  name = kBackends.front();
  std::string about = "the network stack to use:";
  for (const std::string_view backend : kBackends) { about.append(" ").append(backend); }
  if (!backend_settings().empty()) { about.append("; ").append(backend_settings()); }
  app.add_option("--backend", name, about)
      ->type_name("NAME")
      ->check(CLI::Validator([](const std::string& given) { return check_backend(given); }, ""))
      ->capture_default_str();
}

void add_timeout_option(CLI::App& app, nal::Duration& timeout, const std::string& what) {
  // A day is longer than anybody waits, and far from what a Duration can hold.
  constexpr double kMost = 86400;
  app.add_option_function<double>(
         "--timeout",
         [&timeout](double seconds) {
           timeout = nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
         },
         what)
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, kMost).description(""))
      ->default_str(CLI::detail::to_string(static_cast<double>(timeout.microseconds()) / 1e6));
}

std::optional<int> parse(CLI::App& app, int argc, const char* const* argv) {
  app.failure_message(CLI::FailureMessage::simple);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return app.exit(error) == 0 ? kDone : kWrongUsage; }
  return std::nullopt;
}

}  // namespace examples
