#include "backends/embedded/stack.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "backends/embedded/config/dhcpv4_service.hpp"
#include "backends/embedded/config/dhcpv6_service.hpp"
#include "backends/embedded/ping/ping.hpp"
#include "backends/posix/reactor.hpp"
#include "examples/common/backends.hpp"
#include "examples/common/embedded_device.hpp"
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

constexpr embedded::Config kConfig{
    .packets = 256,
    .packet_size = 2048,
    .large_packets = 16,
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
    // A server's, with room for those that wait to be accepted. Rings that nobody uses cost no memory of the machine.
    .tcp =
        {.connections = 256, .listeners = 16, .handshakes = 256, .time_waits = 256, .rings = {{{262144, 262144, 256}}}},
};
constexpr nal::dns::Config kDnsConfig{.message_bytes = 4096};
/// For an address, before it is given up.
constexpr nal::Duration kPatience = 20_s;
/// For name servers, once there is an address.
constexpr nal::Duration kPatienceForNames = 5_s;
/// For what was written last to arrive, once the program has ended.
constexpr nal::Duration kFarewell = 5_s;

bool wants_dhcp(const BackendOptions& options) { return options.dhcp || (options.addresses.empty() && !options.slaac); }

nal::Task<> run_stack(embedded::Stack& stack) { co_return co_await stack.run(); }

/// All that a stack of ours can do, for `nal::AnyStack`.
class WholeStack : public nal::dns::StackWithDns<embedded::Stack, nal::dns::Resolver<embedded::Stack>> {
 public:
  using ProbeSocket = embedded::ProbeSocket;

  WholeStack(embedded::Stack& stack, nal::dns::Resolver<embedded::Stack>& resolver, embedded::Ping& ping) noexcept
      : StackWithDns(stack, resolver), ping_(&ping) {}
  nal::Result<ProbeSocket> open_probe(const nal::ProbeOptions& options) noexcept { return ping_->open_probe(options); }

 private:
  embedded::Ping* ping_;
};

/// What the stack stands on. All of it outlives the stack.
struct Ground {
  nal::posix::Reactor reactor;
  nal::Executor executor{reactor};
};

/// The stack with all that keeps it configured.
class OnEmbedded {
 public:
  OnEmbedded(Ground& ground, nal::driver::Driver& driver, const BackendOptions& options)
      : executor_(ground.executor),
        options_(options),
        // Addresses given by hand are believed; others are looked for first, as RFC 5227 and RFC 4862 have it.
        stack_(executor_, memory_, nal::system_entropy(),
               {.addresses = {.ipv6_transmits = options.slaac ? std::uint8_t{1} : std::uint8_t{0},
                              .ipv4_probes = wants_dhcp(options) ? std::uint8_t{1} : std::uint8_t{0}}}),
        random_(nal::system_entropy()),
        resolver_(executor_, stack_, dns_memory_, nal::system_entropy()),
        ping_(stack_, ping_memory_, 64),
        whole_(stack_, resolver_, ping_) {
    interface_ = stack_.add_interface(driver).value();
  }

  nal::Result<> configure() {
    for (const nal::Cidr& address : options_.addresses) { NAL_TRY(stack_.add_address(interface_, address)); }
    for (const nal::IpAddress& router : options_.gateways) { NAL_TRY(stack_.add_default_route(interface_, router)); }
    if (options_.slaac) { NAL_TRY(follow_routers()); }
    if (wants_dhcp(options_)) { ask_dhcp_server(); }
    NAL_TRY(run_.start(executor_, run_stack, stack_));
    if (wants_dhcp(options_) || has(nal::Family::v4)) { NAL_TRY(wait_for(nal::Family::v4)); }
    if (options_.slaac || has(nal::Family::v6)) { NAL_TRY(wait_for(nal::Family::v6)); }
    return find_name_servers();
  }

  int run(Run start, void* program) {
    nal::AnyStack any(whole_);
    Machine machine{executor_, any, &stack_, interface_};
    const int status = start(program, machine);
    executor_.run_until([this] { return stack_.in_use() == resolver_.in_use(); }, executor_.now() + kFarewell);
    return status;
  }

  /// What to do when `configure` failed.
  std::string advice() {
    const std::string& name = options_.device.name;
    if (!stack_.link_up(interface_)) { return name + " is down: sudo ip link set " + name + " up"; }
    if (wants_dhcp(options_) && !stack_.config_up(interface_, nal::Family::v4)) {
      return "no DHCP server answers on " + name + "; --ip ADDRESS/PREFIX gives an address by hand";
    }
    if (options_.slaac && !stack_.config_up(interface_, nal::Family::v6)) {
      return "no router tells of IPv6 addresses on " + name + "; --ip ADDRESS/PREFIX gives one by hand";
    }
    return "there is room for " + std::to_string(kConfig.addresses) + " addresses and " +
           std::to_string(kConfig.routes) + " routes";
  }

 private:
  embedded::InterfaceIndex index() const noexcept { return embedded::interface_index(interface_.index()); }
  bool has(nal::Family family) const {
    return std::any_of(options_.addresses.begin(), options_.addresses.end(),
                       [family](const nal::Cidr& address) { return address.address().family() == family; });
  }
  void ask_dhcp_server() {
    dhcp_.emplace(stack_.ip(), stack_.udp(), index(), embedded::Dhcpv4Client::Settings{.host_name = options_.host_name},
                  dhcp_options_, random_);
    dhcp_->start(executor_.now());
  }
  /// SLAAC, and DHCPv6 once a router wants it.
  nal::Result<> follow_routers() {
    NAL_TRY(stack_.start_slaac(interface_, {.temporary = options_.temporary}));
    dhcpv6_.emplace(stack_.ip(), stack_.udp(), index(), embedded::Dhcpv6Client::Settings{}, dhcpv6_options_, random_);
    dhcpv6_->start();
    return {};
  }
  nal::Result<> wait_for(nal::Family family) {
    return nal::block_on(executor_, nal::with_timeout(kPatience, stack_.wait_config_up(interface_, family)));
  }
  /// Whether DHCPv6 is about to tell.
  bool asking_for_names() const {
    return dhcpv6_ && dhcpv6_->client().state() == embedded::Dhcpv6Client::State::informing;
  }
  nal::Result<> find_name_servers() {
    const auto found = [this] { return !name_servers().empty() || !asking_for_names(); };
    if (!found()) { executor_.run_until(found, executor_.now() + kPatienceForNames); }
    NAL_TRY(use_name_servers());
    return follow_.start(executor_, follow_changes, *this);
  }
  /// Leases and routers come and go, and what they told with them.
  static nal::Task<> follow_changes(OnEmbedded& self) {
    std::uint32_t seen = self.stack_.configuration_version();
    for (;;) {
      NAL_CO_TRY_SET(seen, self.stack_.wait_change(seen));
      static_cast<void>(self.use_name_servers());
    }
  }
  nal::Result<> use_name_servers() {
    std::vector<nal::Endpoint> servers = name_servers();
    if (servers == servers_) { return {}; }
    servers_ = std::move(servers);
    return resolver_.configure({.servers = servers_});
  }
  std::vector<nal::Endpoint> name_servers() {
    if (!options_.dns.empty()) { return options_.dns; }
    std::vector<nal::Endpoint> servers;
    const auto add = [&servers](const nal::IpAddress& server) { servers.push_back({server, nal::dns::kPort}); };
    if (dhcp_) {
      const embedded::wire::Ipv4List told = dhcp_->client().dns_servers();
      for (std::size_t i = 0; i < told.size(); ++i) { add(told[i]); }
    }
    for (const embedded::LearnedDnsServer& told : stack_.ip().slaac().dns_servers()) {
      if (told.interface != 0) { add(told.address.to_ip(told.interface)); }
    }
    if (dhcpv6_) {
      for (std::size_t i = 0; i < dhcpv6_->client().dns_server_count(); ++i) { add(dhcpv6_->client().dns_server(i)); }
    }
    return servers;
  }

  nal::Executor& executor_;
  const BackendOptions& options_;
  static inline embedded::Resources<kConfig> memory_;
  embedded::Stack stack_;
  nal::Random random_;
  static inline nal::dns::Resources<embedded::Stack, kDnsConfig> dns_memory_;
  nal::dns::Resolver<embedded::Stack> resolver_;
  static inline embedded::PingMemory<4> ping_memory_;
  embedded::Ping ping_;
  WholeStack whole_;
  nal::InterfaceId interface_;
  std::array<std::byte, 512> dhcp_options_;
  std::optional<embedded::Dhcpv4Service> dhcp_;
  std::array<std::byte, 512> dhcpv6_options_;
  std::optional<embedded::Dhcpv6Service> dhcpv6_;
  std::vector<nal::Endpoint> servers_;
  nal::TaskSlot<1024> run_;
  nal::TaskSlot<1024> follow_;
};

}  // namespace

int run_on_embedded(const BackendOptions& options, Run run, void* program) {
  Ground ground;
  if (const auto status = ground.reactor.status(); !status) {
    tell("cannot wait for the system", status.error(), {});
    return kFailed;
  }
  EmbeddedDevice device(ground.reactor, options);
  if (!device.open()) { return kFailed; }
  OnEmbedded on(ground, device.driver(), options);
  if (const auto configured = on.configure(); !configured) {
    tell(std::string("no address on ") + device.name(), configured.error(), on.advice());
    return kFailed;
  }
  return on.run(run, program);
}

}  // namespace examples::detail
