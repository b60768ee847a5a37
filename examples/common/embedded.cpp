#include "backends/embedded/stack.hpp"

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "backends/drivers/file_sink.hpp"
#include "backends/drivers/linux/tap.hpp"
#include "backends/drivers/pcap_writer.hpp"
#include "backends/embedded/config/dhcpv4_service.hpp"
#include "backends/posix/reactor.hpp"
#include "examples/common/backends.hpp"
#include "nal/block_on.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/resolver/resolver.hpp"
#include "nal/resolver/stack_with_dns.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"

namespace examples::detail {

namespace {
using namespace nal::literals;
namespace embedded = nal::embedded;

/// What stands behind "embedded:".
struct Settings {
  std::string interface = "nal0";
  std::vector<nal::Cidr> addresses;
  std::vector<nal::IpAddress> routers;
  std::vector<nal::Endpoint> dns;
  std::string pcap;
  bool dhcp = false;
  bool slaac = false;
};

/// Empty, or what is wrong.
std::string parse(std::string_view text, Settings& settings) {
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto value = [item](std::string_view name) {
      return item.starts_with(name) ? std::optional(item.substr(name.size())) : std::nullopt;
    };
    if (first && item.find_first_of("=/:.") == std::string_view::npos && item != "dhcp" && item != "slaac") {
      settings.interface = item;
    } else if (item == "dhcp") {
      settings.dhcp = true;
    } else if (item == "slaac") {
      settings.slaac = true;
    } else if (const auto file = value("pcap=")) {
      settings.pcap = *file;
    } else if (const auto via = value("via=")) {
      const auto router = nal::IpAddress::parse(*via);
      if (!router) { return "'" + std::string(*via) + "' is no address of a router"; }
      settings.routers.push_back(*router);
    } else if (const auto server = value("dns=")) {
      const auto address = nal::IpAddress::parse(*server);
      if (!address) { return "'" + std::string(*server) + "' is no address of a name server"; }
      settings.dns.push_back({*address, nal::dns::kPort});
    } else if (const auto address = nal::Cidr::parse(item)) {
      settings.addresses.push_back(*address);
    } else {
      return "'" + std::string(item) +
             "' is no setting of the embedded stack; there are: " + std::string(backend_settings());
    }
  }
  if (settings.addresses.empty() && !settings.slaac) { settings.dhcp = true; }
  return {};
}

int fail(const std::string& what, nal::Error why, const std::string& hint) {
  std::fprintf(stderr, "error: %s: %s%s%s\n", what.c_str(), nal::to_string(why), hint.empty() ? "" : "; ",
               hint.c_str());
  return kFailed;
}

constexpr embedded::Config kConfig{
    .packets = 256,
    .packet_size = 2048,
    .large_packets = 4,
    .large_packet_size = 66'000,
    .addresses = 8,
    .neighbors = 32,
    .routes = 8,
    .path_mtus = 16,
    .partial_packets = 4,
    .groups = 32,
    .group_sources = 16,
    .learned_routes = 16,
    .udp_sockets = 64,
    .udp_memberships = 32,
    .udp_queue = 32,
    .tcp = {.connections = 64, .listeners = 8, .handshakes = 64, .time_waits = 64, .rings = {{{65536, 65536, 64}}}},
};
constexpr nal::dns::Config kDnsConfig{.message_bytes = 4096};
/// For an address, before it is given up.
constexpr nal::Duration kPatience = 20_s;
/// For what was written last to arrive, once the program has ended.
constexpr nal::Duration kFarewell = 5_s;

nal::Task<> run_stack(embedded::Stack& stack) { co_return co_await stack.run(); }

/// What the stack stands on. All of it outlives the stack.
struct Ground {
  nal::posix::Reactor reactor;
  nal::Executor executor{reactor};
};

class Machine {
 public:
  Machine(Ground& ground, nal::driver::Driver& driver, const Settings& settings)
      : executor_(ground.executor),
        settings_(settings),
        // Addresses given by hand are believed; others are looked for first, as RFC 5227 and RFC 4862 have it.
        stack_(executor_, memory_, nal::system_entropy(),
               {.addresses = {.ipv6_transmits = settings.slaac ? std::uint8_t{1} : std::uint8_t{0},
                              .ipv4_probes = settings.dhcp ? std::uint8_t{1} : std::uint8_t{0}}}),
        random_(nal::system_entropy()),
        resolver_(executor_, stack_, dns_memory_, nal::system_entropy()),
        with_dns_(stack_, resolver_) {
    interface_ = stack_.add_interface(driver).value();
  }

  nal::Result<> configure() {
    for (const nal::Cidr& address : settings_.addresses) { NAL_TRY(stack_.add_address(interface_, address)); }
    for (const nal::IpAddress& router : settings_.routers) { NAL_TRY(stack_.add_default_route(interface_, router)); }
    if (settings_.slaac) { NAL_TRY(stack_.start_slaac(interface_)); }
    if (settings_.dhcp) {
      dhcp_.emplace(stack_.ip(), stack_.udp(), static_cast<embedded::InterfaceIndex>(interface_.index()),
                    embedded::Dhcpv4Client::Settings{.host_name = "nal"}, dhcp_options_, random_);
      dhcp_->start(executor_.now());
    }
    NAL_TRY(run_.start(executor_, run_stack, stack_));
    const bool v4 = settings_.dhcp || has(nal::Family::v4);
    const bool v6 = settings_.slaac || has(nal::Family::v6);
    if (v4) { NAL_TRY(wait_for(nal::Family::v4)); }
    if (v6) { NAL_TRY(wait_for(nal::Family::v6)); }
    return ask_name_servers();
  }

  int run(Run start, void* program) {
    nal::AnyStack any(with_dns_);
    const int status = start(program, executor_, any);
    executor_.run_until([this] { return stack_.in_use() == resolver_.in_use(); }, executor_.now() + kFarewell);
    return status;
  }

 private:
  bool has(nal::Family family) const {
    return std::any_of(settings_.addresses.begin(), settings_.addresses.end(),
                       [family](const nal::Cidr& address) { return address.address().family() == family; });
  }
  nal::Result<> wait_for(nal::Family family) {
    return nal::block_on(executor_, nal::with_timeout(kPatience, stack_.wait_config_up(interface_, family)));
  }
  nal::Result<> ask_name_servers() {
    std::vector<nal::Endpoint> servers = settings_.dns;
    if (servers.empty() && dhcp_) {
      const nal::embedded::wire::Ipv4List told = dhcp_->client().dns_servers();
      for (std::size_t i = 0; i < told.size(); ++i) { servers.push_back({told[i], nal::dns::kPort}); }
    }
    for (const embedded::LearnedDnsServer& told : stack_.ip().slaac().dns_servers()) {
      if (settings_.dns.empty() && told.interface != 0) {
        servers.push_back({told.address.to_ip(told.interface), nal::dns::kPort});
      }
    }
    return resolver_.configure({.servers = servers});
  }

  nal::Executor& executor_;
  const Settings& settings_;
  static inline embedded::Resources<kConfig> memory_;
  embedded::Stack stack_;
  nal::Random random_;
  static inline nal::dns::Resources<embedded::Stack, kDnsConfig> dns_memory_;
  nal::dns::Resolver<embedded::Stack> resolver_;
  nal::dns::StackWithDns<embedded::Stack, nal::dns::Resolver<embedded::Stack>> with_dns_;
  nal::InterfaceId interface_;
  std::array<std::byte, 512> dhcp_options_;
  std::optional<embedded::Dhcpv4Service> dhcp_;
  nal::TaskSlot<1024> run_;
};

}  // namespace

std::string check_embedded(std::string_view settings) {
  Settings parsed;
  return parse(settings, parsed);
}

int run_on_embedded(std::string_view text, Run run, void* program) {
  Settings settings;
  parse(text, settings);
  Ground ground;
  if (const auto status = ground.reactor.status(); !status) {
    return fail("cannot wait for the system", status.error(), {});
  }
  nal::drivers::Tap tap(ground.reactor, {.name = settings.interface.c_str()});
  if (const auto status = tap.status(); !status) {
    return fail("cannot open the TAP interface " + settings.interface, status.error(),
                "make it with: ip tuntap add " + settings.interface + " mode tap user $USER, and set it up");
  }
  nal::driver::Driver* driver = &tap;
  std::optional<nal::drivers::FileSink> file;
  std::optional<nal::drivers::PcapFile> capture;
  std::optional<nal::drivers::PcapWriter> writer;
  if (!settings.pcap.empty()) {
    file.emplace(settings.pcap.c_str());
    if (const auto status = file->status(); !status) {
      return fail("cannot write " + settings.pcap, status.error(), {});
    }
    capture.emplace(*file, nal::drivers::PcapFile::Config{.epoch = file->epoch_of(ground.executor.now())});
    writer.emplace(*driver, *capture, settings.interface);
    driver = &*writer;
  }
  Machine machine(ground, *driver, settings);
  if (const auto configured = machine.configure(); !configured) {
    return fail("no address on " + settings.interface, configured.error(),
                settings.dhcp ? "is there a DHCP server, and is the interface up?" : "is the interface up?");
  }
  return machine.run(run, program);
}

}  // namespace examples::detail
