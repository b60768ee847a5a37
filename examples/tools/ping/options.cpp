#include "examples/tools/ping/options.hpp"

#include "examples/common/command_line.hpp"

namespace {

constexpr double kDay = 86400;

/// An option in seconds.
template <class Set>
void add_seconds(CLI::App& app, const std::string& name, const std::string& about, double least, Set set) {
  app.add_option_function<double>(
         name, [set](double seconds) { set(nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6))); },
         about)
      ->type_name("SECONDS")
      ->check(CLI::Range(least, kDay).description(""));
}

}  // namespace

std::optional<int> parse_options(Options& options, int argc, const char* const* argv) {
  bool v4 = false;
  bool v6 = false;
  std::string discovery;
  CLI::App app("Asks a host for echoes, and tells how long they took, through any network stack of nal.", "nal-ping");
  app.footer(
      "Exit status: 0 there were answers (with --count and --deadline: to all), 1 there were none, 2 anything else "
      "went "
      "wrong.");
  app.add_option("DESTINATION", options.destination, "a name or an address")->required()->type_name("");
  auto* only_v4 = app.add_flag("-4", v4, "by IPv4");
  app.add_flag("-6", v6, "by IPv6")->excludes(only_v4);
  app.add_option("-c,--count", options.count, "so many requests, then end")
      ->type_name("COUNT")
      ->check(CLI::Range(1U, 0x7fff'ffffU).description(""));
  add_seconds(app, "-i,--interval", "between two requests [1]", 0.001,
              [&options](nal::Duration value) { options.interval = value; });
  add_seconds(app, "-W,--timeout", "how long to wait for the last answers [10, or twice the longest]", 0.001,
              [&options](nal::Duration value) { options.timeout = value; });
  add_seconds(app, "-w,--deadline", "end after so long, whatever has been sent or answered", 0.001,
              [&options](nal::Duration value) { options.deadline = value; });
  app.add_option("-s,--size", options.size, "bytes of data; 8 of ICMP and those of IP come on top")
      ->type_name("BYTES")
      ->check(CLI::Range(0, 65507).description(""))
      ->capture_default_str();
  app.add_option("-t,--ttl", options.hop_limit, "routers to pass at most")
      ->type_name("HOPS")
      ->check(CLI::Range(1, 255));
  app.add_option("-Q,--tos", options.traffic_class, "DSCP and ECN octet")
      ->type_name("OCTET")
      ->check(CLI::Range(0, 255));
  app.add_option("-I,--interface", options.from, "an address of ours to ask from, or an interface to ask over")
      ->type_name("ADDRESS|INTERFACE");
  app.add_option("-M,--path-mtu", discovery, "do: requests are not cut on their way; dont: they may be [dont]")
      ->type_name("HOW")
      ->check(CLI::IsMember({"do", "dont"}));
  app.add_option("-e,--identifier", options.identifier, "of the requests; else one is picked")
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 65535));
  app.add_flag("-b,--broadcast", options.broadcast, "allow a broadcast address");
  app.add_flag("-n,--numeric", options.numeric, "do not look for the names of who answers");
  app.add_flag("-q,--quiet", options.quiet, "nothing but what it came to");
  app.add_flag("-D,--print-time", options.print_time, "when each answer came, in seconds since 1970");
  app.add_flag("-O,--outstanding", options.outstanding, "tell of requests that have no answer yet");
  examples::add_backend_options(app, options.backend);
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  if (v4) { options.family = nal::Family::v4; }
  if (v6) { options.family = nal::Family::v6; }
  options.dont_fragment = discovery == "do";
  return std::nullopt;
}
