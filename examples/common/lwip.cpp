#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <vector>

#include "backends/posix/reactor.hpp"
#include "examples/common/backends.hpp"
#include "examples/common/embedded_device.hpp"
#include "nal/block_on.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/resolver/resolver.hpp"
#include "nal/resolver/stack_with_dns.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
// Last: lwIP has macros.
#include "backends/lwip/address.hpp"
#include "backends/lwip/stack.hpp"

namespace examples::detail {

namespace {
using namespace nal::literals;
namespace lwip = nal::lwip;

constexpr lwip::Config kConfig{
    .udp_queue = 32, .udp_datagrams = 128, .udp_memberships = 32, .packets = 256, .packet_size = 2048};
constexpr nal::dns::Config kDnsConfig{.message_bytes = 4096};
/// For an address, before it is given up.
constexpr nal::Duration kPatience = 20_s;
/// For what was written last to arrive, once the program has ended.
constexpr nal::Duration kFarewell = 5_s;

bool wants_dhcp(const BackendOptions& options) { return options.dhcp || (options.addresses.empty() && !options.slaac); }

nal::Task<> run_stack(lwip::Stack& stack) { co_return co_await stack.run(); }

/// The stack with all that keeps it configured.
class OnLwip {
 public:
  OnLwip(nal::Executor& executor, nal::driver::Driver& driver, const BackendOptions& options)
      : executor_(executor),
        options_(options),
        // Addresses given by hand are believed.
        stack_(executor, memory_, nal::system_entropy(), {.detect_duplicates = options.slaac}),
        resolver_(executor, stack_, dns_memory_, nal::system_entropy()),
        with_dns_(stack_, resolver_) {
    interface_ = stack_.add_interface(driver).value();
  }

  nal::Result<> configure() {
    for (const nal::Cidr& address : options_.addresses) { NAL_TRY(stack_.add_address(interface_, address)); }
    for (const nal::IpAddress& router : options_.gateways) { NAL_TRY(stack_.add_default_route(interface_, router)); }
    if (options_.temporary) { return nal::Unexpected(nal::Error::not_supported); }
    if (options_.slaac) { NAL_TRY(stack_.start_slaac(interface_)); }
    if (wants_dhcp(options_)) { NAL_TRY(stack_.start_dhcp(interface_)); }
    NAL_TRY(run_.start(executor_, run_stack, stack_));
    if (wants_dhcp(options_) || has(nal::Family::v4)) { NAL_TRY(wait_for(nal::Family::v4)); }
    if (options_.slaac || has(nal::Family::v6)) { NAL_TRY(wait_for(nal::Family::v6)); }
    return resolver_.configure({.servers = name_servers()});
  }

  int run(Run start, void* program) {
    nal::AnyStack any(with_dns_);
    Machine machine{executor_, any, nullptr, interface_, addresses()};
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
    return "lwIP has one IPv4 address an interface, and IPv6 prefixes of 64 bits";
  }

 private:
  bool has(nal::Family family) const {
    return std::any_of(options_.addresses.begin(), options_.addresses.end(),
                       [family](const nal::Cidr& address) { return address.address().family() == family; });
  }
  nal::Result<> wait_for(nal::Family family) {
    return nal::block_on(executor_, nal::with_timeout(kPatience, stack_.wait_config_up(interface_, family)));
  }
  std::vector<nal::Cidr> addresses() {
    std::vector<nal::Cidr> found;
    ::netif& device = stack_.interface(interface_)->netif();
    ip_addr_t one;
#if LWIP_IPV4
    const auto prefix = static_cast<unsigned>(std::popcount(netif_ip4_netmask(&device)->addr));
    ip_addr_copy_from_ip4(one, *netif_ip4_addr(&device));
    if (!ip_addr_isany(&one)) { found.emplace_back(lwip::from_lwip(one), prefix); }
#endif
#if LWIP_IPV6
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
      if (!ip6_addr_isvalid(netif_ip6_addr_state(&device, i))) { continue; }
      ip_addr_copy_from_ip6(one, *netif_ip6_addr(&device, i));
      found.emplace_back(lwip::from_lwip(one), 64);
    }
#endif
    return found;
  }
  std::vector<nal::Endpoint> name_servers() {
    if (!options_.dns.empty()) { return options_.dns; }
    std::array<nal::IpAddress, 4> told;
    const std::size_t count = stack_.dns_servers(told);
    std::vector<nal::Endpoint> servers;
    for (std::size_t i = 0; i < count; ++i) { servers.push_back({told[i], nal::dns::kPort}); }
    return servers;
  }

  nal::Executor& executor_;
  const BackendOptions& options_;
  static inline lwip::Resources<kConfig> memory_;
  lwip::Stack stack_;
  static inline nal::dns::Resources<lwip::Stack, kDnsConfig> dns_memory_;
  nal::dns::Resolver<lwip::Stack> resolver_;
  nal::dns::StackWithDns<lwip::Stack, nal::dns::Resolver<lwip::Stack>> with_dns_;
  nal::InterfaceId interface_;
  nal::TaskSlot<1024> run_;
};

}  // namespace

int run_on_lwip(const BackendOptions& options, Run run, void* program) {
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  if (const auto status = reactor.status(); !status) {
    tell("cannot wait for the system", status.error(), {});
    return kFailed;
  }
  EmbeddedDevice device(reactor, options);
  if (!device.open()) { return kFailed; }
  OnLwip on(executor, device.driver(), options);
  if (const auto configured = on.configure(); !configured) {
    tell(std::string("no address on ") + device.name(), configured.error(), on.advice());
    return kFailed;
  }
  return on.run(run, program);
}

}  // namespace examples::detail
