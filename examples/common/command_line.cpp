#include "examples/common/command_line.hpp"

#include <string_view>
#include <vector>

#include "nal/resolver/settings.hpp"

namespace examples {

namespace {

constexpr const char* kNetwork = "Network";

#if defined(NAL_EXAMPLES_EMBEDDED) || defined(NAL_EXAMPLES_LWIP)

/// Has `take` read each value of an option; it gives false for what `wrong` is then said of.
template <class Take>
CLI::Option* add_values(CLI::App& app, const std::string& name, const std::string& about, const std::string& type,
                        const std::string& wrong, Take take) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [name, wrong, take](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              if (!take(text)) { throw CLI::ValidationError(name + ": '" + text + "' is " + wrong); }
            }
          },
          about)
      ->type_name(type)
      ->allow_extra_args(false)
      ->group(kNetwork);
}

bool take_server(const std::string& text, std::vector<nal::Endpoint>& servers) {
  if (const auto address = nal::IpAddress::parse(text)) {
    servers.push_back({*address, nal::dns::kPort});
    return true;
  }
  const auto endpoint = nal::Endpoint::parse(text);
  if (endpoint) { servers.push_back(*endpoint); }
  return endpoint.has_value();
}

void add_address_options(CLI::App& app, BackendOptions& options, std::vector<CLI::Option*>& all) {
  all.push_back(app.add_flag("--dhcp", options.dhcp, "get an IPv4 address by DHCP; so it is if nothing is given")
                    ->group(kNetwork));
  all.push_back(
      app.add_flag("--slaac", options.slaac, "get IPv6 addresses as routers tell, by DHCPv6 too if they say so")
          ->group(kNetwork));
  all.push_back(app.add_flag("--temporary", options.temporary,
                             "with --slaac: connections from addresses that are replaced each day (RFC 8981)")
                    ->group(kNetwork));
  all.push_back(add_values(app, "--ip", "an address of ours; may be repeated", "ADDRESS/PREFIX",
                           "no address with a prefix, such as 192.0.2.7/24 or fd00::7/64",
                           [&options](const std::string& text) {
                             const auto address = nal::Cidr::parse(text);
                             if (address) { options.addresses.push_back(*address); }
                             return address.has_value();
                           }));
  all.push_back(add_values(app, "--gateway", "a default router; may be repeated, for each family", "ADDRESS",
                           "no address", [&options](const std::string& text) {
                             const auto address = nal::IpAddress::parse(text);
                             if (address) { options.gateways.push_back(*address); }
                             return address.has_value();
                           }));
  all.push_back(add_values(app, "--dns", "a name server, in place of those of DHCP and routers; may be repeated",
                           "ADDRESS", "no address of a name server",
                           [&options](const std::string& text) { return take_server(text, options.dns); }));
}

void add_device_options(CLI::App& app, BackendOptions& options, std::vector<CLI::Option*>& all) {
  all.push_back(add_values(app, "--device",
                           "a TAP interface; tun:NAME is a TUN interface, packet:NAME any interface, shared with "
                           "Linux; ,vnet behind TAP or TUN leaves checksums and segmentation to the kernel, ,checksum "
                           "the former alone",
                           "NAME", "no device, such as tap0, tap0,vnet, tun:tun0 or packet:eth0",
                           [&options](const std::string& text) {
                             auto device = Device::parse(text);
                             if (device) { options.device = std::move(*device); }
                             return device.has_value();
                           })
                    ->expected(1)
                    ->default_str(options.device.name));
  all.push_back(add_values(app, "--mac", "the hardware address of our end", "ADDRESS",
                           "no hardware address of one station, such as 02:00:00:00:00:0a",
                           [&options](const std::string& text) {
                             const auto address = nal::MacAddress::parse(text);
                             if (!address || !address->is_unicast()) { return false; }
                             options.mac = *address;
                             return true;
                           })
                    ->expected(1));
  all.push_back(app.add_option("--hostname", options.host_name, "the name to tell DHCP servers")
                    ->type_name("NAME")
                    ->group(kNetwork)
                    ->capture_default_str());
  all.push_back(app.add_option("--pcap", options.pcap, "write every frame to this file (pcapng), for Wireshark")
                    ->type_name("FILE")
                    ->group(kNetwork));
  all.push_back(
      app.add_flag("--trace", options.trace, "say every frame in a line, on standard error")->group(kNetwork));
}

void add_fault_options(CLI::App& app, BackendOptions::Faults& faults, std::vector<CLI::Option*>& all) {
  const auto add = [&](const char* name, double& percent, const char* about) {
    all.push_back(app.add_option(name, percent, about)
                      ->type_name("PERCENT")
                      ->check(CLI::Range(0.0, 100.0).description(""))
                      ->group(kNetwork));
  };
  add("--drop", faults.drop, "lose so many of the frames, each way");
  add("--corrupt", faults.corrupt, "turn a bit of so many");
  add("--reorder", faults.reorder, "have so many arrive late, behind others");
  add("--duplicate", faults.duplicate, "have so many arrive twice");
  all.push_back(app.add_option("--seed", faults.seed, "what those four follow from")
                    ->type_name("NUMBER")
                    ->group(kNetwork)
                    ->capture_default_str());
}

#endif

}  // namespace

void add_backend_options(CLI::App& app, BackendOptions& options) {
  std::string about = "the network stack to use:";
  for (const std::string_view backend : kBackends) { about.append(" ").append(backend); }
  app.add_option("--backend", options.name, about)
      ->type_name("NAME")
      ->group(kNetwork)
      ->check(CLI::Validator(
          [](const std::string& given) {
            BackendOptions chosen;
            chosen.name = given;
            return check_backend(chosen);
          },
          ""))
      ->capture_default_str();
#if defined(NAL_EXAMPLES_EMBEDDED) || defined(NAL_EXAMPLES_LWIP)
  std::vector<CLI::Option*> all;
  add_device_options(app, options, all);
  add_address_options(app, options, all);
  add_fault_options(app, options.faults, all);
  for (CLI::Option* option : all) {
    option->each([&options, name = option->get_name()](const std::string&) {
      if (options.first_embedded_option.empty()) { options.first_embedded_option = name; }
    });
  }
#endif
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
