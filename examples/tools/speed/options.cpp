#include "examples/tools/speed/options.hpp"

#include "examples/common/command_line.hpp"

namespace nal_speed {

namespace {

constexpr const char* kFooter =
    "Numbers may end in K, M or G (thousands of thousands). It talks to itself alone, not to iperf3.\n"
    "Exit status: 0 done, 1 the network or the other end did not play along, or what arrived was not what was sent,\n"
    "2 wrong usage, 130 interrupted.";

/// "10", "1.5M"
std::uint64_t take_number(const std::string& text) {
  std::size_t end = 0;
  double value = -1;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    // Told below.
  }
  const std::string unit = text.substr(end);
  if (unit == "K" || unit == "k") {
    value *= 1e3;
  } else if (unit == "M" || unit == "m") {
    value *= 1e6;
  } else if (unit == "G" || unit == "g") {
    value *= 1e9;
  } else if (!unit.empty()) {
    value = -1;
  }
  if (!(value >= 0 && value < 1e18)) { throw CLI::ValidationError("'" + text + "' is no number"); }
  return static_cast<std::uint64_t>(value);
}

template <class T>
CLI::Option* add_number(CLI::App& app, const char* name, T& value, const char* about, std::uint64_t least,
                        std::uint64_t most) {
  return app
      .add_option_function<std::string>(
          name,
          [&value, name, least, most](const std::string& text) {
            const std::uint64_t number = take_number(text);
            if (number < least || number > most) {
              throw CLI::ValidationError(std::string(name) + ": '" + text + "' is not from " + std::to_string(least) +
                                         " to " + std::to_string(most));
            }
            value = static_cast<T>(number);
          },
          about)
      ->type_name("NUMBER");
}

CLI::Option* add_seconds(CLI::App& app, const char* name, nal::Duration& value, const char* about, double least) {
  constexpr double kMost = 86400;
  return app
      .add_option_function<double>(
          name,
          [&value](double seconds) { value = nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6)); },
          about)
      ->type_name("SECONDS")
      ->check(CLI::Range(least, kMost).description(""))
      ->default_str(CLI::detail::to_string(static_cast<double>(value.microseconds()) / 1e6));
}

}  // namespace

std::optional<int> parse(int argc, const char* const* argv, Options& options) {
  CLI::App app("Measures what a network carries, over TCP or UDP, with another of this kind at its other end.",
               "nal-speed");
  app.footer(kFooter);
  Plan& plan = options.plan;
  bool reverse = false;
  bool both = false;
  bool block_told = false;
  auto* server = app.add_flag("-s,--server", options.server, "wait for clients, one test at a time");
  auto* client = app.add_option("-c,--client", options.host, "measure against the server at this host")
                     ->type_name("HOST")
                     ->excludes(server);
  app.add_option("-p,--port", options.port, "the server's port")->capture_default_str();
  app.add_option_function<std::string>(
         "-B,--bind",
         [&options](const std::string& text) {
           const auto address = nal::IpAddress::parse(text);
           if (!address) { throw CLI::ValidationError("'" + text + "' is no address"); }
           options.local = {*address};
         },
         "server: the address to listen at; all if left out")
      ->type_name("ADDRESS")
      ->excludes(client);
  app.add_flag("-1,--one-off", options.once, "server: end behind one test")->excludes(client);
  auto* backwards = app.add_flag("-R,--reverse", reverse, "the server sends, the client receives");
  app.add_flag("--bidir", both, "both send at once")->excludes(backwards);
  app.add_flag("-u,--udp", plan.udp, "datagrams instead of streams");
  auto* time = add_seconds(app, "-t,--time", plan.time, "how long to send", 0.01);
  add_number(app, "-n,--bytes", plan.bytes, "send so many bytes, however long it takes", 1, 1'000'000'000'000'000)
      ->excludes(time);
  add_number(app, "-l,--length", plan.block, "bytes of each write (131072), or of each datagram (1200)", 1,
             16 * 1024 * 1024)
      ->each([&block_told](const std::string&) { block_told = true; });
  bool rate_told = false;
  add_number(app, "-b,--bitrate", plan.rate,
             "bits a second of each stream, 0 for as many as go (UDP: 1M unless told, TCP: 0)", 0, 1'000'000'000'000)
      ->each([&rate_told](const std::string&) { rate_told = true; });
  add_number(app, "-P,--parallel", plan.streams, "so many connections at once", 1, 16);
  app.add_flag("--check", plan.check, "compare what was received with what was sent");
  add_seconds(app, "-i,--interval", options.interval, "tell how it goes so often; 0 for never", 0);
  examples::add_timeout_option(app, options.timeout, "give up when nothing comes or goes for so long");
  app.add_flag("-J,--json", options.json, "tell the results as JSON");
  examples::add_backend_options(app, options.backend);
  if (const auto status = examples::parse(app, argc, argv)) { return status; }

  plan.sends = !reverse;
  plan.receives = reverse || both;
  if (plan.udp && !block_told) { plan.block = 1200; }
  if (plan.udp && !rate_told) { plan.rate = 1'000'000; }
  const char* wrong = nullptr;
  if (options.server == !options.host.empty()) { wrong = "one of --server and --client HOST is wanted"; }
  // What the server would refuse.
  if (!wrong && !parse_plan(to_line(plan).substr(0, to_line(plan).size() - 1))) {
    wrong = "over UDP --length is from 24 to 65507, and there is one stream";
  }
  if (wrong) {
    std::fprintf(stderr, "%s\nRun with --help for more information.\n", wrong);
    return examples::kWrongUsage;
  }
  return std::nullopt;
}

}  // namespace nal_speed
