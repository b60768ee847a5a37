#include "backends/embedded/stack.hpp"

#include <algorithm>

namespace nal::embedded {

namespace {

/// RFC 7217 §5 wants a secret key; without one of the product's own it follows from the entropy.
template <class Config>
Config with_secret(Config config, Random& random) noexcept {
  if constexpr (!std::is_empty_v<Config>) {
    if (std::ranges::all_of(config.secret, [](std::uint32_t word) { return word == 0; })) {
      for (std::uint32_t& word : config.secret) { word = random.u32(); }
    }
  }
  return config;
}

}  // namespace

Stack::Stack(Executor& executor, const Entropy& entropy, const Settings& settings, const Memory& memory) noexcept
    : executor_(executor),
      pool_(memory.packets, memory.stride, memory.packet_count, memory.packet_count / 4),
      large_pool_(memory.large_packets, memory.large_stride, memory.large_count, 0),
      random_(entropy),
      ip_(pool_, memory.large_count > 0 ? &large_pool_ : nullptr, random_, memory.ip,
          with_secret(settings.addresses, random_)),
      udp_(ip_, random_, table_key(random_), memory.udp_slots, memory.udp_buckets, memory.udp_memberships,
           memory.udp_queue),
      tcp_(memory.tcp, ip_, random_, settings.tcp),
      driver_waiters_(memory.waiters) {
  ip_.attach(&udp_, &tcp_, &executor);
}

Stack::~Stack() {
  unlink_waiters();
  for (const Interface& entry : ip_.interfaces()) {
    if (!entry.driver) { continue; }
    entry.driver->give_back(pool_);
    entry.driver->give_back(large_pool_);
  }
}

Result<InterfaceId> Stack::add_interface(driver::Driver& driver) noexcept {
  NAL_TRY_SET(const InterfaceIndex added, ip_.add_interface(driver, executor_.now()));
  return InterfaceId(added);
}

Result<> Stack::add_address(InterfaceId interface, const Cidr& address) noexcept {
  return ip_.add_address(index(interface), Address(address.address()), address.prefix_length(), executor_.now());
}

Result<> Stack::remove_address(InterfaceId interface, const IpAddress& address) noexcept {
  return ip_.remove_address(index(interface), Address(address));
}

Result<> Stack::add_route(InterfaceId interface, const Cidr& prefix, const IpAddress& gateway) noexcept {
  return ip_.add_route(Address(prefix.address()), prefix.prefix_length(), Address(gateway), index(interface));
}

Result<> Stack::remove_route(InterfaceId interface, const Cidr& prefix) noexcept {
  return ip_.remove_route(Address(prefix.address()), prefix.prefix_length(), index(interface));
}

Result<> Stack::start_link_local(InterfaceId interface, Family family) noexcept {
  return ip_.start_link_local(index(interface), family, executor_.now());
}

Result<> Stack::start_slaac(InterfaceId interface, const SlaacOptions& options) noexcept {
  return ip_.start_slaac(index(interface), executor_.now(), options.temporary);
}

Result<> Stack::stop_slaac(InterfaceId interface) noexcept { return ip_.stop_slaac(index(interface), executor_.now()); }

Stack::Statistics Stack::statistics() const noexcept {
  return {.ip = ip_.statistics(),
          .fragments = ip_.reassembly(),
          .udp = udp_.statistics(),
          .tcp = tcp_.counters(),
          .packets_free = pool_.available(),
          .large_packets_free = large_pool_.available(),
          .rings_free = tcp_.rings_free(),
          .connections = tcp_.connections_in_use(),
          .handshakes = tcp_.handshakes_in_use(),
          .time_waits = tcp_.time_waits_in_use()};
}

bool Stack::link_up(InterfaceId interface) noexcept {
  const Interface* const entry = ip_.interface(index(interface));
  return entry && entry->up;
}

bool Stack::config_up(InterfaceId interface, Family family) noexcept {
  const Interface* const entry = ip_.interface(index(interface));
  if (!entry || !entry->up) { return false; }
  return std::ranges::any_of(entry->addresses, [&](const InterfaceAddress& own) {
    return own.in_use() && !own.address.is_link_local() && (family == Family::any || own.address.family() == family);
  });
}

bool Stack::poll(Instant now, unsigned budget) noexcept {
  ip_.begin_poll(now);
  bool more = ip_.poll(now, budget);
  more |= tcp_.poll(now, budget);
  udp_.poll(now);
  ip_.end_poll();
  return more;
}

Instant Stack::poll_at() const noexcept { return std::min({ip_.poll_at(), tcp_.poll_at(), udp_.poll_at()}); }

Poll<Result<>> Stack::poll_run(Context& context, Timer& timer) noexcept {
  const Instant now = context.now();
  const bool more = poll(now);
  const Instant at = poll_at();
  if (more || at <= now) {
    context.wake_soon();
    return pending;
  }
  for (std::size_t i = 0; i < ip_.interfaces().size(); ++i) {
    if (driver::Driver* const driver = ip_.interfaces()[i].driver) {
      driver->wait(context, driver_waiters_[i], !driver->can_transmit());
    }
  }
  ip_.work().add(context, ip_waiter_, Wait::device);
  tcp_.work().add(context, tcp_waiter_, Wait::device);
  // What is short of packets goes on when one comes back.
  if (!pool_.can_send() || udp_.short_of_room()) {
    pool_.returned().add(context, pool_waiter_, Wait::device);
    large_pool_.returned().add(context, large_pool_waiter_, Wait::device);
  }
  if (at.is_never()) {
    timer.disarm();
  } else {
    context.arm(timer, at);
  }
  return pending;
}

void Stack::unlink_waiters() noexcept {
  for (Waiter& waiter : driver_waiters_) { waiter.unlink(); }
  ip_waiter_.unlink();
  tcp_waiter_.unlink();
  pool_waiter_.unlink();
  large_pool_waiter_.unlink();
}

}  // namespace nal::embedded
