#include "examples/tools/traceroute/options.hpp"

#include "examples/common/command_line.hpp"

std::optional<int> parse_options(Options& options, int argc, const char* const* argv) {
  bool v4 = false;
  bool v6 = false;
  bool icmp = false;
  std::uint16_t size = 0;
  CLI::App app("Tells which routers packets to a host pass, through any network stack of nal.", "nal-traceroute");
  app.footer(
      "Behind a time: !H, !N, !P host, network or protocol unreachable; !X prohibited; !F-MTU too large; !<code> any "
      "other reason. Exit status: 0 the way was looked at, 1 something failed, 2 wrong usage.");
  app.add_option("DESTINATION", options.destination, "a name or an address")->required()->type_name("");
  auto* size_option = app.add_option("SIZE", size, "bytes of each packet, headers included [60; by IPv6 80]")
                          ->type_name("")
                          ->check(CLI::Range(0, 65000).description(""));
  auto* only_v4 = app.add_flag("-4", v4, "by IPv4");
  app.add_flag("-6", v6, "by IPv6")->excludes(only_v4);
  app.add_flag("-I,--icmp", icmp, "by echo requests, in place of UDP datagrams");
  app.add_option("-p,--port", options.port, "the first port that datagrams go to")
      ->type_name("PORT")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("-f,--first", options.first_hop, "the first hop to look at")
      ->type_name("HOP")
      ->check(CLI::Range(1, 255))
      ->capture_default_str();
  app.add_option("-m,--max-hops", options.last_hop, "the last hop to look at")
      ->type_name("HOP")
      ->check(CLI::Range(1, 255))
      ->capture_default_str();
  app.add_option("-q,--queries", options.queries, "probes of each hop")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 10))
      ->capture_default_str();
  app.add_option("-N,--at-once", options.at_once, "probes that are under way at a time")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option_function<double>(
         "-w,--wait",
         [&options](double seconds) {
           options.timeout = nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
         },
         "for each answer [5]")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 86400.0).description(""));
  app.add_option("-s,--source", options.from, "an address of ours to probe from, or an interface to probe over")
      ->type_name("ADDRESS|INTERFACE");
  app.add_option("-t,--tos", options.traffic_class, "DSCP and ECN octet")
      ->type_name("OCTET")
      ->check(CLI::Range(0, 255));
  app.add_flag("-n,--numeric", options.numeric, "do not look for names");
  app.add_flag("-F,--dont-fragment", options.dont_fragment, "probes are not cut on their way");
  app.add_flag("--mtu", options.discover_mtu,
               "find what the way takes in one piece, hop by hop: F=MTU where it changes");
  examples::add_backend_options(app, options.backend);
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  const auto refuse = [&app](const std::string& option, const std::string& why) {
    app.exit(CLI::ValidationError(option, why));
    return examples::kWrongUsage;
  };
  if (options.first_hop > options.last_hop) { return refuse("--first", "there is no hop between it and --max-hops"); }
  const unsigned probes = (options.last_hop - options.first_hop + 1) * options.queries;
  if (!icmp && options.port + probes - 1 > 65535) {
    return refuse("--port",
                  "each of " + std::to_string(probes) + " probes goes to a port of its own, and the last is 65535");
  }
  if (v4) { options.family = nal::Family::v4; }
  if (v6) { options.family = nal::Family::v6; }
  if (icmp) { options.kind = nal::ProbeKind::echo; }
  if (size_option->count() != 0) { options.size = size; }
  if (options.discover_mtu) {
    // A probe must have been cut to size before the next is sent.
    options.dont_fragment = true;
    options.at_once = 1;
  }
  return std::nullopt;
}
