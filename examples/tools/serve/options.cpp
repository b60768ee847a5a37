#include "examples/tools/serve/options.hpp"

#include <algorithm>

#include "examples/common/command_line.hpp"
#include "examples/tools/serve/http.hpp"

namespace nal_serve {

namespace {

constexpr const char* kFooter =
    "Services: echo 7, discard 9, daytime 13 and chargen 19 over TCP and UDP, http 80, and https 443 with --cert. The "
    "page / and\n/status.json tell of addresses, neighbours, sockets and counters; /chargen/BYTES gives so many "
    "bytes.\n"
    "Exit status: 0 ended by Ctrl-C, 1 something failed, 2 wrong usage.";

/// "echo=7007", "http=off".
bool take_port(const std::string& text, Options& options) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const auto name = std::find(kNames.begin(), kNames.end(), text.substr(0, equals));
  if (name == kNames.end() || equals == text.size()) { return false; }
  auto& port = options.ports[static_cast<std::size_t>(name - kNames.begin())];
  const std::string value = text.substr(equals + 1);
  std::uint64_t number = 0;
  if (value == "off") {
    port = std::nullopt;
  } else if (http::parse_number(value, number) && number <= 65535) {
    port = static_cast<std::uint16_t>(number);
  } else {
    return false;
  }
  return true;
}

void add_seconds(CLI::App& app, const std::string& name, nal::Duration& duration, const std::string& about) {
  app.add_option_function<double>(
         name,
         [&duration](double seconds) {
           duration = nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
         },
         about)
      ->type_name("SECONDS")
      ->check(CLI::Range(0.01, 86400.0).description(""))
      ->default_str(CLI::detail::to_string(static_cast<double>(duration.microseconds()) / 1e6));
}

}  // namespace

std::optional<int> parse(int argc, const char* const* argv, Options& options) {
  CLI::App app("Serves echo, discard, daytime, chargen and a page that tells of the network stack it runs on.",
               "nal-serve");
  app.footer(kFooter);
  std::uint16_t base = 0;
  std::vector<std::string> ports;
  std::vector<std::string> addresses;
  app.add_option("-A,--address", addresses, "an address to listen at; may be repeated; else all of ours")
      ->type_name("ADDRESS")
      ->allow_extra_args(false)
      ->check([&options](const std::string& text) {
        const auto address = nal::IpAddress::parse(text);
        if (address) { options.addresses.push_back(*address); }
        return address ? std::string() : "'" + text + "' is no address";
      });
  app.add_option("--port-base", base, "added to the services' ports, since low ones need root on most systems")
      ->type_name("PORT")
      ->check(CLI::Range(0, 65000).description(""));
  app.add_option("--port", ports, "another port for a service, or 'off' for none; 0 picks a free one; may be repeated")
      ->type_name("SERVICE=PORT")
      ->allow_extra_args(false);
  app.add_option("--connections", options.connections,
                 "connections of each service at a time; more wait to be accepted")
      ->type_name("N")
      ->check(CLI::Range(1, 1000).description(""))
      ->capture_default_str();
  add_seconds(app, "--idle", options.idle, "how long a silent client is held");
  add_seconds(app, "--head-time", options.head_time, "how long the head of a request may take to arrive");
  app.add_flag("-v,--verbose", options.verbose, "say each request and what went wrong, on standard error");
  examples::add_tls_options(app, options.tls, "Of https", true);
  examples::add_backend_options(app, options.backend);
  if (const auto status = examples::parse(app, argc, argv)) { return status; }

  for (auto& port : options.ports) { port = static_cast<std::uint16_t>(*port + base); }
  for (const std::string& port : ports) {
    if (take_port(port, options)) { continue; }
    std::fprintf(stderr,
                 "--port: '%s' is none of echo, discard, daytime, chargen, http or https with a port, such as "
                 "http=8080 or chargen=off\n",
                 port.c_str());
    return examples::kWrongUsage;
  }
  if (options.tls.certificate.empty() && options.tls.psk.empty()) {
    const bool named = std::any_of(ports.begin(), ports.end(), [](const auto& it) { return it.starts_with("https="); });
    if (named || options.tls.any()) {
      std::fputs("https needs --cert and --key\n", stderr);
      return examples::kWrongUsage;
    }
    options.ports[static_cast<std::size_t>(Kind::https)] = std::nullopt;
  }
  return std::nullopt;
}

}  // namespace nal_serve
