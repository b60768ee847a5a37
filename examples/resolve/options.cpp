#include "examples/resolve/options.hpp"

#include <array>
#include <cctype>
#include <utility>

#include "examples/common/command_line.hpp"
#include "nal/resolver/settings.hpp"

namespace {

using nal::dns::Type;

constexpr std::array<std::pair<const char*, Type>, 11> kTypes{{{"A", Type::a},
                                                               {"ANY", Type::any},
                                                               {"NSEC", Type::nsec},
                                                               {"AAAA", Type::aaaa},
                                                               {"CNAME", Type::cname},
                                                               {"MX", Type::mx},
                                                               {"NS", Type::ns},
                                                               {"PTR", Type::ptr},
                                                               {"SOA", Type::soa},
                                                               {"SRV", Type::srv},
                                                               {"TXT", Type::txt}}};

/// By name, or any by number. What is wrong with it; empty if nothing.
std::string read_type(const std::string& text, std::optional<Type>& type) {
  std::string upper;
  for (const char c : text) { upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }
  for (const auto& [name, number] : kTypes) {
    if (upper == name) { type = number; }
  }
  if (upper.starts_with("TYPE")) {
    if (const auto number = nal::detail::parse_decimal(std::string_view(upper).substr(4), 65535)) {
      type = static_cast<Type>(*number);
    }
  }
  return type ? ""
              : "'" + text +
                    "' is no type of records: A, AAAA, ANY, CNAME, MX, NS, NSEC, PTR, SOA, SRV, TXT or TYPEnumber";
}

std::string read_server(const std::string& text, std::vector<nal::Endpoint>& servers) {
  if (const auto address = nal::IpAddress::parse(text)) {
    servers.push_back({*address, nal::dns::kPort});
  } else if (const auto endpoint = nal::Endpoint::parse(text); endpoint && endpoint->port != 0) {
    servers.push_back(*endpoint);
  } else {
    return "'" + text + "' is no address of a server: 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53";
  }
  return "";
}

}  // namespace

std::optional<int> parse_options(Options& options, int argc, const char* const* argv) {
  bool v4 = false;
  bool v6 = false;
  std::string resolver = "system";
  std::vector<std::string> servers;
  std::string type;
  CLI::App app("Finds the addresses of names, and the names of addresses, through any network stack of nal.",
               "nal-resolve");
  app.footer("Exit status: 0 everything was found, 1 something was not, 2 wrong usage.");
  app.add_option("NAME|ADDRESS", options.names, "a name, or an address to find the name of")->required()->type_name("");
  auto* only_v4 = app.add_flag("-4", v4, "IPv4 addresses only");
  auto* only_v6 = app.add_flag("-6", v6, "IPv6 addresses only")->excludes(only_v4);
  app.add_option("--resolver", resolver,
                 "who asks: the system's resolver, or nal's (which it is with --server, --type and --tcp)")
      ->check(CLI::IsMember({"system", "nal"}))
      ->capture_default_str();
  app.add_option("--server", servers, "a name server to ask, the next if it fails; else those in /etc/resolv.conf")
      ->type_name("ADDRESS[:PORT]")
      ->allow_extra_args(false)
      ->check([&options](const std::string& text) { return read_server(text, options.servers); });
  app.add_option("-t,--type", type, "the type of the records, and nothing is looked for but them")
      ->type_name("TYPE")
      ->check([&options](const std::string& text) { return read_type(text, options.type); })
      ->excludes(only_v4)
      ->excludes(only_v6);
  app.add_flag(
      "-m,--mdns", options.neighbours,
      "ask the neighbours by multicast DNS, which they are for names under .local and link-local addresses without "
      "--resolver nal, --server and --tcp");
  app.add_option("-i,--interface", options.interfaces, "there alone, by multicast DNS; else everywhere")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_flag("--tcp", options.tcp, "ask by TCP alone");
  app.add_flag("-s,--short", options.brief, "print the answers without what was asked");
  app.add_flag("-v,--verbose", options.verbose, "tell on standard error how nal's resolver found it");
  examples::add_timeout_option(app, options.timeout, "how long to wait for each answer");
  examples::add_backend_options(app, options.backend);
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  options.family = v4 ? nal::Family::v4 : v6 ? nal::Family::v6 : nal::Family::any;
  options.own_resolver = resolver == "nal" || !options.servers.empty() || options.type || options.tcp;
  options.servers_only = resolver == "nal" || !options.servers.empty() || options.tcp;
  return std::nullopt;
}
