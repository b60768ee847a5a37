// What keeps a link going (neighbours, addresses, routers, groups) against any frames, between calls of the layer
// above, a lack of packets, and a clock that jumps: it stays within its tables, never is due at once for ever, and
// gives every packet back.
//
// An input is a list of steps, each a byte that says what happens, and others that say how.
#include <algorithm>
#include <array>
#include <vector>

#include "backends/embedded/address.hpp"
#include "backends/embedded/ip/arp.hpp"
#include "backends/embedded/ip/chained_table.hpp"
#include "backends/embedded/ip/dad.hpp"
#include "backends/embedded/ip/groups.hpp"
#include "backends/embedded/ip/groups_report.hpp"
#include "backends/embedded/ip/interface.hpp"
#include "backends/embedded/ip/nd.hpp"
#include "backends/embedded/ip/neighbors.hpp"
#include "backends/embedded/ip/slaac.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal::embedded;
using nal::Duration;
using nal::Entropy;
using nal::Instant;
using nal::Ipv4Address;
using nal::Ipv6Address;
using nal::MacAddress;
using nal::Random;
using nal::fuzz::require;
using nal::fuzz::take;

class Device final : public nal::driver::Driver {
 public:
  nal::driver::Capabilities capabilities() const noexcept override { return {}; }
  MacAddress hardware_address() const noexcept override { return {2, 0, 0, 0, 0, 1}; }
  bool link_up() noexcept override { return true; }
  Packet receive(nal::driver::PacketPool& /*pool*/, Instant /*now*/) noexcept override { return {}; }
  bool can_transmit() noexcept override { return true; }
  nal::Result<> transmit(Packet& /*packet*/, Instant /*now*/) noexcept override { return {}; }
  void wait(nal::Context& /*context*/, nal::Waiter& /*waiter*/, bool /*for_transmit*/) noexcept override {}
};

class World final : public Link {
 public:
  explicit World(std::span<const std::byte> input) : input_(input) {
    interface_.driver = &device_;
    interface_.hardware_address = device_.hardware_address();
    interface_.index = 1;
    interface_.up = true;
    interface_.mtu = 1500;
    interface_.addresses = addresses_;
  }

  void run() {
    while (!input_.empty()) {
      step();
      check();
    }
    taken_.clear();
    neighbors_.flush(1);
    require(pool_.available() == pool_.count());
  }

  Packet allocate() noexcept override { return pool_.allocate(64); }
  void send_frame(Interface& /*interface*/, const MacAddress& /*station*/, EtherType /*type*/, Packet&& packet,
                  Instant /*now*/) noexcept override {
    const Packet sent = std::move(packet);
    require(sent.size() > 0 && sent.size() <= 1500);
  }
  void send_control(Interface& interface, const Address& source, const Address& destination, Protocol /*protocol*/,
                    Packet&& message, Instant now) noexcept override {
    require(source.is_v4() == destination.is_v4() || source.is_unspecified());
    std::uint16_t hint = 0xffff;
    neighbors_.send(interface, destination, hint, std::move(message), now);
  }
  void unreachable(Interface& /*interface*/, Packet&& packet, Instant /*now*/) noexcept override {
    const Packet dropped = std::move(packet);
  }
  void changed() noexcept override {}
  Random& random() noexcept override { return random_; }

 private:
  Address address() {
    const std::size_t which = take(input_);
    const auto last = static_cast<std::uint8_t>(which & 7);
    switch (which >> 3) {
      case 0: return Ipv4Address(10, 0, 0, last);
      case 1: return Ipv4Address(239, 0, 0, last);
      case 2: return Ipv4Address(224, 0, 0, last);
      case 3: return Ipv4Address();
      case 4: return Ipv6Address(0xff02, 0, 0, 0, 0, 1, 0xff00, last);
      case 5: return Ipv6Address(0xff05, 0, 0, 0, 0, 0, 0, last);
      case 6: return Ipv6Address(0xff02, 0, 0, 0, 0, 0, 0, last);
      case 7: return Ipv6Address(0x2001, 0xdb8, 0, last, 0, 0, 0, 1);
      case 8: return Address();
      case 9: return addresses_[last % addresses_.size()].address;
      default: return Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, last);
    }
  }
  /// In memory of its own, so that a sanitizer sees whoever reads behind it.
  std::vector<std::byte> bytes() {
    const std::size_t size = std::min(take(input_), input_.size());
    const std::vector<std::byte> taken(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
    input_ = input_.subspan(size);
    return taken;
  }
  Ingress ingress(Protocol protocol, std::uint8_t hop_limit) {
    return {address(), address(), 1, protocol, hop_limit, 0, false, true};
  }

  void step() {
    const std::size_t what = take(input_);
    switch (what % 14) {
      case 0: neighbors_.input_arp(interface_, bytes(), now_); break;
      case 1: {
        const Ingress from = ingress(Protocol::icmpv6, 255);
        neighbors_.input_nd(interface_, from, bytes(), now_);
        break;
      }
      case 2: {
        const Ingress from = ingress(Protocol::icmpv6, 255);
        slaac_.input(interface_, from, bytes(), now_);
        break;
      }
      case 3: {
        const Ingress from = ingress(Protocol::icmpv6, 1);
        groups_.input_mld(interface_, from, bytes(), now_);
        break;
      }
      case 4: {
        const Ingress from = ingress(Protocol::igmp, 1);
        auto message = bytes();
        if (message.size() >= 8) {
          wire::store_be16(&message[2], 0);
          wire::store_be16(&message[2], wire::sum(message).checksum());
        }
        groups_.input_igmp(interface_, from, message, now_);
        break;
      }
      case 5: {
        const Address to = address();
        Packet packet = allocate();
        if (!packet) { break; }
        const auto payload = packet.append(40);
        std::fill(payload.begin(), payload.end(), std::byte{0});
        payload[0] = to.is_v4() ? std::byte{0x45} : std::byte{0x60};
        neighbors_.send(interface_, to, hint_, std::move(packet), now_);
        break;
      }
      case 6: neighbors_.confirm(interface_, address(), hint_, now_); break;
      case 7: {
        const Address group = address();
        static_cast<void>(groups_.join(interface_, group, address(), now_));
        break;
      }
      case 8: {
        const Address group = address();
        static_cast<void>(groups_.leave(interface_, group, address(), now_));
        break;
      }
      case 9: {
        InterfaceAddress* const entry = Dad::free_entry(interface_);
        const Address own = address();
        if (!entry || own.is_multicast() || own.is_unspecified() || interface_.find(own)) { break; }
        *entry = InterfaceAddress();
        entry->address = own;
        entry->prefix_length = own.is_v4() ? 24 : 64;
        entry->origin = (what & 128) != 0 ? InterfaceAddress::Origin::dhcp : InterfaceAddress::Origin::manual;
        dad_.start(interface_, *entry, now_);
        break;
      }
      case 10: dad_.remove(interface_, addresses_[what / 14 % addresses_.size()], now_); break;
      case 11: toggle(what / 14); break;
      case 12:
        if ((what & 128) != 0) {
          taken_.clear();
        } else if (Packet packet = pool_.allocate(0)) {
          taken_.push_back(std::move(packet));
        }
        break;
      default: advance(Duration::milliseconds(std::int64_t{1} << (take(input_) % 24))); break;
    }
  }

  void toggle(std::size_t what) {
    switch (what % 5) {
      case 0:
        interface_.up = false;
        neighbors_.flush(1);
        break;
      case 1:
        interface_.up = true;
        groups_.link_up(interface_, now_);
        dad_.link_up(interface_, now_);
        slaac_.link_up(interface_, now_);
        break;
      case 2: static_cast<void>(slaac_.start(interface_, now_)); break;
      case 3: slaac_.stop(interface_, now_); break;
      default: static_cast<void>(dad_.start_link_local(interface_, nal::Family::v4, now_)); break;
    }
  }

  Instant poll_at() const {
    return std::min({neighbors_.poll_at(), dad_.poll_at(), slaac_.poll_at(), groups_.poll_at()});
  }
  void advance(Duration by) {
    const Instant end = now_ + by;
    int in_place = 0;
    for (int i = 0; i < 1000 && poll_at() <= end; ++i) {
      in_place = poll_at() > now_ ? 0 : in_place + 1;
      require(in_place < 10);
      now_ = std::max(now_, poll_at());
      neighbors_.poll(now_);
      dad_.poll(now_);
      slaac_.poll(now_);
      groups_.poll(now_);
    }
    now_ = std::max(now_, std::min(end, poll_at()));
  }

  void check() {
    std::size_t waiting = 0;
    for (const Neighbor& entry : neighbor_table_) {
      waiting += entry.waiting.count();
      require(entry.waiting.count() <= Neighbors::kMaxWaiting);
      if (entry.state == Neighbor::State::none) { continue; }
      require(neighbors_.lookup(entry.interface, entry.address) == &entry);
      require(!entry.hardware_address.is_multicast());
    }
    require(waiting <= 6 && pool_.available() + waiting + taken_.size() == pool_.count());
    for (const GroupSource& source : source_table_) {
      require(source.group == kNoEntry || !group_table_[source.group].free());
    }
    for (const Group& group : group_table_) {
      require(group.free() || !group.member() || groups_.is_member(group.interface, group.address));
    }
  }

  std::span<const std::byte> input_;
  Instant now_ = Instant::from_microseconds(1'000'000);
  Device device_;
  nal::driver::PacketMemory<10, 1600> memory_;
  nal::driver::PacketPool pool_{memory_, 0};
  std::vector<Packet> taken_;
  Random random_{Entropy(std::array<std::byte, Entropy::kSize>{})};
  std::array<InterfaceAddress, 5> addresses_;
  std::array<Interface, 1> interfaces_;
  Interface& interface_ = interfaces_[0];
  std::array<Neighbor, 4> neighbor_table_;
  std::array<Group, 5> group_table_;
  std::array<GroupSource, 4> source_table_;
  std::array<Groups::State, 1> group_states_;
  std::array<LearnedRoute, 8> routes_;
  std::array<LearnedDnsServer, 2> dns_servers_;
  std::array<LearnedSearchDomain, 2> search_domains_;
  std::array<Slaac::State, 1> slaac_states_;
  std::uint16_t hint_ = 0xffff;
  Groups groups_{*this, interfaces_, {group_table_, source_table_, group_states_}};
  Dad dad_{*this, groups_, interfaces_, {}};
  Neighbors neighbors_{*this, dad_, interfaces_, neighbor_table_, 6};
  Slaac slaac_{*this, dad_, neighbors_, interfaces_, {routes_, dns_servers_, search_domains_, slaac_states_}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  World world(std::as_bytes(std::span(data, size)));
  world.run();
  return 0;
}
