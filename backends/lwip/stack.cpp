#include "backends/lwip/stack.hpp"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/memp.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/sys.h>

#include <algorithm>

#include "backends/lwip/address.hpp"
#include "backends/lwip/error.hpp"
#include "backends/lwip/port/port.hpp"

namespace nal::lwip {

namespace {

/// Memory that somebody waits for is asked for again so often; lwIP does not tell when there is some.
constexpr Duration kRetry = Duration::milliseconds(10);

/// lwIP with our clock and random numbers, once in a process.
void initialize(bool wanted, Executor& executor, Random& random) noexcept {
  static bool done = false;
  if (done || !wanted) {
    const CoreLock lock;
    port::begin(executor, random);
  } else {
    // There is neither lock nor thread yet.
    port::begin(executor, random);
#if NO_SYS
    lwip_init();
#else
    tcpip_init(nullptr, nullptr);
#endif
    done = true;
  }
#if !MEMP_MEM_MALLOC
  // Another TCP_MSS in the library than in these headers makes frames overflow its buffers.
  NAL_ASSERT(memp_pools[MEMP_PBUF_POOL]->size >= sizeof(pbuf) + PBUF_POOL_BUFSIZE);
#endif
}

#if !NO_SYS && LWIP_NETIF_LOOPBACK_MULTITHREADING
/// Until lwIP's thread has done what it was asked for before: to look after an interface that is no more, it may be.
void await_thread() noexcept {
  sys_sem_t done;
  [[maybe_unused]] const err_t made = sys_sem_new(&done, 0);
  NAL_ASSERT(made == ERR_OK);
  const auto signal = [](void* semaphore) noexcept { sys_sem_signal(static_cast<sys_sem_t*>(semaphore)); };
  // There is no memory while the thread has as many messages as there can be, for a moment that is.
  while (tcpip_callback(signal, &done) != ERR_OK) { const CoreLock lock; }
  sys_sem_wait(&done);
  sys_sem_free(&done);
  { const CoreLock lock; }  // the message, too, is freed by then
}
#endif

}  // namespace

Stack::Stack(Executor& executor, const Entropy& entropy, const Settings& settings, const Memory& memory) noexcept
    : settings_(settings),
      core_(executor),
      random_(entropy),
      pool_(memory.packets, memory.stride, memory.packet_count, memory.packet_count / 4),
      interfaces_(memory.interfaces),
      tcp_(core_, memory.connections, memory.listeners, settings.linger),
      udp_(core_, memory.udp_sockets, memory.udp_datagrams, memory.udp_memberships, memory.udp_queue) {
  initialize(settings.initialize, executor, random_);
}

Stack::~Stack() {
  {
    const CoreLock lock;
    tcp_.end_all();
    udp_.end_all();
    for (Interface& one : interfaces_.first(interface_count_)) { one.remove(); }
    port::end();
  }
#if !NO_SYS && LWIP_NETIF_LOOPBACK_MULTITHREADING
  await_thread();
#endif
}

Interface* Stack::interface(InterfaceId id) noexcept {
  for (Interface& one : interfaces_.first(interface_count_)) {
    if (netif_get_index(&one.netif()) == id.index()) { return &one; }
  }
  return nullptr;
}

Result<InterfaceId> Stack::add_interface(driver::Driver& driver) noexcept {
  const CoreLock lock;
  if (interface_count_ == interfaces_.size()) { return Unexpected(Error::table_full); }
  Interface& one = interfaces_[interface_count_];
  if (!one.add(core_, driver, pool_)) { return Unexpected(Error::table_full); }
  ++interface_count_;
  if (!netif_default) { netif_set_default(&one.netif()); }
  core_.kick();
  return InterfaceId(netif_get_index(&one.netif()));
}

Result<> Stack::add_address(InterfaceId interface, const Cidr& address) noexcept {
  const CoreLock lock;
  netif* const at = interface_by(interface);
  ip_addr_t own;
  ip_addr_t mask;
  if (!at) { return Unexpected(Error::invalid_argument); }
  if (!to_lwip(address.address(), own) || !to_lwip(address.netmask(), mask)) {
    return Unexpected(Error::not_supported);
  }
#if LWIP_IPV4
  if (address.is_v4()) {
    if (netif_ip4_addr(at)->addr != 0) { return Unexpected(Error::table_full); }
    netif_set_addr(at, ip_2_ip4(&own), ip_2_ip4(&mask), netif_ip4_gw(at));
  }
#endif
#if LWIP_IPV6
  if (address.is_v6()) {
    if (address.prefix_length() != 64 && address.prefix_length() != 128) { return Unexpected(Error::not_supported); }
    s8_t place = -1;
    if (netif_add_ip6_address(at, ip_2_ip6(&own), &place) != ERR_OK) { return Unexpected(Error::table_full); }
    if (!settings_.detect_duplicates) {
      netif_ip6_addr_set_state(at, place, IP6_ADDR_PREFERRED);
#if LWIP_IPV6_MLD
      // Without its group nobody would find the address, and lwIP says nothing when there was no memory for that.
      ip6_addr_t group;
      ip6_addr_set_solicitednode(&group, ip_2_ip6(&own)->addr[3]);
      ip6_addr_assign_zone(&group, IP6_MULTICAST, at);
      if ((at->flags & NETIF_FLAG_MLD6) != 0 && !mld6_lookfor_group(at, &group)) {
        netif_ip6_addr_set_state(at, place, IP6_ADDR_INVALID);
        return Unexpected(Error::no_memory);
      }
#endif
    }
  }
#endif
  core_.kick();
  return {};
}

Result<> Stack::add_default_route(InterfaceId interface, const IpAddress& gateway) noexcept {
  const CoreLock lock;
  netif* const at = interface_by(interface);
  ip_addr_t to;
  if (!at) { return Unexpected(Error::invalid_argument); }
#if LWIP_IPV4
  if (gateway.is_v4() && to_lwip(gateway, to)) {
    netif_set_gw(at, ip_2_ip4(&to));
    netif_set_default(at);
    return {};
  }
#endif
#if LWIP_IPV6 && defined(LWIP_HOOK_ND6_GET_GW)
  Interface* const ours = this->interface(interface);
  if (gateway.is_v6() && ours && to_lwip(gateway, to)) {
    ip6_addr_t& router = *ip_2_ip6(&to);
    if (ip6_addr_lacks_zone(&router, IP6_UNICAST)) { ip6_addr_assign_zone(&router, IP6_UNICAST, at); }
    ours->set_ip6_gateway(router);
    netif_set_default(at);
    return {};
  }
#endif
  static_cast<void>(gateway), static_cast<void>(to);
  return Unexpected(Error::not_supported);
}

std::size_t Stack::dns_servers(std::span<IpAddress> out) noexcept {
  std::size_t count = 0;
#if LWIP_DNS
  const CoreLock lock;
  for (u8_t i = 0; i < DNS_MAX_SERVERS && count < out.size(); ++i) {
    const IpAddress server = from_lwip(*dns_getserver(i));
    if (!server.is_unspecified()) { out[count++] = server; }
  }
#else
  static_cast<void>(out);
#endif
  return count;
}

Result<> Stack::start_dhcp(InterfaceId interface) noexcept {
#if LWIP_IPV4 && LWIP_DHCP
  const CoreLock lock;
  netif* const at = interface_by(interface);
  if (!at) { return Unexpected(Error::invalid_argument); }
  const err_t error = dhcp_start(at);
  if (error != ERR_OK) { return Unexpected(from_lwip(error)); }
  core_.kick();
  return {};
#else
  static_cast<void>(interface);
  return Unexpected(Error::not_supported);
#endif
}

Result<> Stack::start_slaac(InterfaceId interface) noexcept {
#if LWIP_IPV6 && LWIP_IPV6_AUTOCONFIG
  const CoreLock lock;
  netif* const at = interface_by(interface);
  if (!at) { return Unexpected(Error::invalid_argument); }
  netif_create_ip6_linklocal_address(at, 1);
  netif_set_ip6_autoconfig_enabled(at, 1);
  core_.kick();
  return {};
#else
  static_cast<void>(interface);
  return Unexpected(Error::not_supported);
#endif
}

bool Stack::link_up(InterfaceId interface) noexcept {
  const CoreLock lock;
  netif* const at = interface_by(interface);
  return at && netif_is_link_up(at);
}

bool Stack::config_up(InterfaceId interface, Family family) noexcept {
  const CoreLock lock;
  netif* const at = interface_by(interface);
  if (!at || !netif_is_link_up(at)) { return false; }
  const auto has = [at](Family one) {
    ip_addr_t scratch;
    return address_of(*at, one, scratch) && !from_lwip(scratch).is_link_local();
  };
  return (family != Family::v6 && has(Family::v4)) || (family != Family::v4 && has(Family::v6));
}

/// What is due, and when the next thing is.
void Stack::poll_timers(Instant now) noexcept {
  if (udp_.senders_wait() && retry_at_ <= now) {
    retry_at_ = Instant::max();
    udp_.wake_senders();
  }
  Instant next = tcp_.poll(now);
#if NO_SYS
  u32_t sleep = sys_timeouts_sleeptime();
  if (sleep == 0) {
    sys_check_timeouts();
    sleep = sys_timeouts_sleeptime();
  }
  if (sleep != SYS_TIMEOUTS_SLEEPTIME_INFINITE) {
    next = std::min(next, Instant::from_microseconds(now.microseconds() + std::int64_t{sleep} * 1000));
  }
#endif
  if (udp_.senders_wait()) {
    if (retry_at_.is_never()) { retry_at_ = now + kRetry; }
    next = std::min(next, retry_at_);
  }
  const std::int64_t later = next.microseconds() - due_.microseconds();
  // lwIP tells whole milliseconds from now, whatever part of the first has passed: what is known already is as good,
  // and need not be armed again.
  if (due_ <= now || later < 0 || later >= 1000) { due_ = next; }
}

Poll<Result<>> Stack::poll_run(Context& context, Timer& timer) noexcept {
  const CoreLock lock;
  const Instant now = context.now();
  Interface* const interfaces = interfaces_.data();
  unsigned work = 0;
  for (std::size_t i = 0; i < interface_count_; ++i) {
    const unsigned frames = interfaces[i].poll(now, kBudget);
    work += frames;
    if (frames == kBudget) { context.wake_soon(); }
    if (interfaces[i].take_unblocked()) { tcp_.push(); }
  }
#if LWIP_NETIF_LOOPBACK && !LWIP_NETIF_LOOPBACK_MULTITHREADING
  netif* any;
  NETIF_FOREACH(any) {
    if (!any->loop_first) { continue; }
    netif_poll(any);
    ++work;
  }
#endif
  // Nothing else starts a timer of lwIP's.
  if (core_.take_changed() || work != 0 || due_ <= now) { poll_timers(now); }
  Instant next = due_;
  // The timers may have sent to this host itself, or what a device had no room for.
  core_.wait(context);
  for (std::size_t i = 0; i < interface_count_; ++i) {
    Interface& one = interfaces[i];
    one.wait(context);
    if (one.blocked()) { pool_.returned().add(context, pool_waiter_, Wait::device); }
    next = std::min(next, one.poll_at());
  }
  configuration_.wake_all();
  if (next.is_never()) {
    timer.disarm();
  } else {
    context.arm(timer, next);
  }
  return pending;
}

void Stack::unlink_waiters() noexcept {
  core_.unlink();
  pool_waiter_.unlink();
  for (Interface& one : interfaces_.first(interface_count_)) { one.unlink(); }
}

}  // namespace nal::lwip
