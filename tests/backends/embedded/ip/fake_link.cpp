#include "tests/backends/embedded/ip/fake_link.hpp"

#include <catch2/catch_test_macros.hpp>

#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;

/// For experiments (RFC 3692): the packets of the application.
constexpr std::uint8_t kTestProtocol = 253;

Random fixed_random() {
  std::array<std::byte, Entropy::kSize> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) { bytes[i] = static_cast<std::byte>(7 * i + 1); }
  return Random(Entropy(bytes));
}

std::string text_of(wire::Ipv6Bytes bytes) { return to_string(wire::to_ipv6(bytes)); }
std::string text_of(std::span<const std::byte, 4> bytes) { return to_string(wire::load_ipv4(bytes.data())); }

std::string describe_arp(std::span<const std::byte> packet) {
  const auto arp = wire::ArpView::parse(packet);
  if (!arp) { return "bad arp"; }
  if (arp->operation() == wire::ArpOperation::reply) {
    return "arp " + to_string(arp->sender()) + " is-at " + to_string(arp->sender_mac());
  }
  if (arp->is_probe()) { return "arp probe " + to_string(arp->target()); }
  if (arp->is_announcement()) { return "arp announce " + to_string(arp->target()); }
  return "arp who-has " + to_string(arp->target()) + " tell " + to_string(arp->sender());
}

std::string describe_options(wire::NdpOptions options) {
  std::string text;
  while (const auto option = options.next()) {
    switch (option->type()) {
      case wire::NdpOptionType::source_link_layer: text += " from " + to_string(*option->link_layer()); break;
      case wire::NdpOptionType::target_link_layer: text += " is-at " + to_string(*option->link_layer()); break;
      case wire::NdpOptionType::nonce: text += " nonce"; break;
      default: text += " option?"; break;
    }
  }
  return text;
}

template <std::size_t kSize>
std::string describe_records(wire::GroupRecords<kSize> records) {
  static constexpr const char* kNames[] = {"?", "is_in", "is_ex", "to_in", "to_ex", "allow", "block"};
  std::string text;
  while (const auto record = records.next()) {
    text += " ";
    text += kNames[static_cast<unsigned>(record->type) <= 6 ? static_cast<unsigned>(record->type) : 0];
    text += " " + text_of(record->group) + "{";
    for (std::size_t i = 0; i < record->sources.size(); ++i) {
      text += (i > 0 ? "," : "") + text_of(record->sources[i]);
    }
    text += "}";
  }
  return text;
}

std::string describe_icmpv6(std::span<const std::byte> message) {
  using Type = wire::Icmpv6Type;
  switch (static_cast<Type>(wire::load_u8(message.data()))) {
    case Type::neighbor_solicitation: {
      const auto view = wire::NeighborSolicitationView::parse(message);
      return view ? "ns " + text_of(view->target()) + describe_options(view->options()) : "bad ns";
    }
    case Type::neighbor_advertisement: {
      const auto view = wire::NeighborAdvertisementView::parse(message);
      if (!view) { return "bad na"; }
      return "na " + text_of(view->target()) + describe_options(view->options()) + (view->router() ? " R" : "") +
             (view->solicited() ? " S" : "") + (view->overrides() ? " O" : "");
    }
    case Type::router_solicitation: {
      const auto view = wire::RouterSolicitationView::parse(message);
      return view ? "rs" + describe_options(view->options()) : "bad rs";
    }
    case Type::multicast_listener_report_v2: {
      const auto view = wire::MldView::parse(message);
      return view ? "mld2" + describe_records(view->records()) : "bad mld2";
    }
    case Type::multicast_listener_report:
    case Type::multicast_listener_done: {
      const auto view = wire::MldView::parse(message);
      if (!view) { return "bad mld1"; }
      return (view->type() == Type::multicast_listener_done ? "mld1 done " : "mld1 report ") + text_of(view->group());
    }
    default: return "icmpv6?";
  }
}

std::string describe_igmp(std::span<const std::byte> message) {
  using Type = wire::IgmpType;
  const auto view = wire::IgmpView::parse(message);
  if (!view) { return "bad igmp"; }
  switch (view->type()) {
    case Type::report_v1: return "igmp1 report " + to_string(view->group());
    case Type::report_v2: return "igmp2 report " + to_string(view->group());
    case Type::leave: return "igmp2 leave " + to_string(view->group());
    case Type::report_v3: return "igmp3" + describe_records(view->records());
    default: return "igmp?";
  }
}

std::string describe_payload(std::uint8_t protocol, std::span<const std::byte> payload) {
  switch (protocol) {
    case kTestProtocol: return "#" + std::to_string(wire::load_u8(payload.data()));
    case wire::kIcmpv6Protocol: return describe_icmpv6(payload);
    case wire::kIgmpProtocol: return describe_igmp(payload);
    default: return "protocol " + std::to_string(protocol);
  }
}

}  // namespace

std::string describe(EtherType type, std::span<const std::byte> packet) {
  if (type == EtherType::arp) { return describe_arp(packet); }
  if (type == EtherType::ipv4) {
    const auto ip = wire::Ipv4View::parse(packet);
    if (!ip) { return "bad ipv4"; }
    return to_string(wire::load_ipv4(packet.data() + 12)) + " > " + to_string(wire::load_ipv4(packet.data() + 16)) +
           " " + describe_payload(wire::load_u8(packet.data() + 9), packet.subspan(ip->header_size()));
  }
  const auto ip = wire::Ipv6View::parse(packet);
  if (!ip) { return "bad ipv6"; }
  return text_of(ip->source()) + " > " + text_of(ip->destination()) + " " +
         describe_payload(ip->next_header(), ip->payload());
}

FakeLink::FakeLink(const Options& options)
    : random_(fixed_random()),
      addresses_(2 * options.addresses),
      interfaces_(2),
      group_table_(options.groups),
      source_table_(options.sources),
      group_states_(2),
      neighbor_table_(options.neighbors),
      routes_(options.routes),
      dns_servers_(2),
      search_domains_(2),
      slaac_states_(2),
      groups(*this, interfaces_, {group_table_, source_table_, group_states_}),
      dad(*this, groups, interfaces_, options.dad),
      neighbors(*this, dad, interfaces_, neighbor_table_, options.max_waiting),
      slaac(*this, dad, neighbors, interfaces_, {routes_, dns_servers_, search_domains_, slaac_states_}),
      eth0(interfaces_[0]),
      eth1(interfaces_[1]) {
  for (std::size_t i = 0; i < 2; ++i) {
    Interface& interface = interfaces_[i];
    interface.driver = &devices[i];
    interface.hardware_address = MacAddress(2, 0, 0, 0, 0, static_cast<std::uint8_t>(i + 1));
    interface.index = static_cast<InterfaceIndex>(i + 1);
    interface.up = true;
    interface.mtu = 1500;
    interface.addresses = std::span(addresses_).subspan(i * options.addresses, options.addresses);
  }
}

Packet FakeLink::allocate() noexcept { return pool.allocate(64); }

void FakeLink::send_frame(Interface& interface, const MacAddress& destination, EtherType type, Packet&& packet,
                          Instant) noexcept {
  const Packet sent = std::move(packet);
  lines_.push_back(
      {now, (interface.index == 2 ? "eth1: " : "") + describe(type, sent.data()) + " -> " + to_string(destination)});
}

void FakeLink::send_control(Interface& interface, const Address& source, const Address& destination, Protocol protocol,
                            Packet&& message, Instant at) noexcept {
  const std::size_t size = message.size();
  if (const auto solicitation = wire::NeighborSolicitationView::parse(message.data())) {
    if (const auto nonce = solicitation->options().find(wire::NdpOptionType::nonce)) { last_nonce = copy(*nonce); }
  }
  if (destination.is_v4()) {
    const auto header = message.prepend(20);
    std::fill(header.begin(), header.end(), std::byte{0});
    wire::store_be16(header.data(), 0x4500);
    wire::store_be16(header.data() + 2, static_cast<std::uint32_t>(20 + size));
    wire::store_u8(header.data() + 9, static_cast<std::uint8_t>(protocol));
    std::memcpy(header.data() + 12, source.wire().data(), 4);
    std::memcpy(header.data() + 16, destination.wire().data(), 4);
  } else {
    if (wire::load_be16(message.data().data() + 2) != 0) { lines_.push_back({now, "the checksum is set already"}); }
    wire::Ipv6Header{0,
                     0,
                     size,
                     static_cast<std::uint8_t>(protocol),
                     255,
                     wire::Ipv6Bytes(source.wire().data(), 16),
                     wire::Ipv6Bytes(destination.wire().data(), 16)}
        .emit(message.prepend(40));
  }
  std::uint16_t any = 0xffff;
  neighbors.send(interface, destination, any, std::move(message), at);
}

void FakeLink::unreachable(Interface&, Packet&& packet, Instant) noexcept {
  const Packet dropped = std::move(packet);
  const bool v4 = wire::load_u8(dropped.data().data()) >> 4 == 4;
  lines_.push_back({now, "unreachable: " + describe(v4 ? EtherType::ipv4 : EtherType::ipv6, dropped.data())});
}

InterfaceAddress& FakeLink::start(Interface& interface, const IpAddress& address, std::uint8_t prefix_length,
                                  InterfaceAddress::Origin origin) {
  InterfaceAddress* const entry = Dad::free_entry(interface);
  REQUIRE(entry);
  entry->address = address;
  entry->prefix_length = prefix_length;
  entry->origin = origin;
  dad.start(interface, *entry, now);
  return *entry;
}

void FakeLink::use(Interface& interface, const IpAddress& address, std::uint8_t prefix_length) {
  start(interface, address, prefix_length);
  advance(20_s);
  take();
  REQUIRE(interface.has(address));
}

void FakeLink::send(Interface& interface, const IpAddress& source, const IpAddress& destination,
                    const IpAddress& next_hop, unsigned number) {
  Packet packet = allocate();
  REQUIRE(packet);
  wire::store_u8(packet.append(1).data(), number);
  const Address from(source);
  const Address to(destination);
  if (destination.is_v4()) {
    const auto header = packet.prepend(20);
    std::fill(header.begin(), header.end(), std::byte{0});
    wire::store_be16(header.data(), 0x4500);
    wire::store_be16(header.data() + 2, 21);
    wire::store_u8(header.data() + 9, kTestProtocol);
    std::memcpy(header.data() + 12, from.wire().data(), 4);
    std::memcpy(header.data() + 16, to.wire().data(), 4);
  } else {
    wire::Ipv6Header{
        0, 0, 1, kTestProtocol, 64, wire::Ipv6Bytes(from.wire().data(), 16), wire::Ipv6Bytes(to.wire().data(), 16)}
        .emit(packet.prepend(40));
  }
  neighbors.send(interface, next_hop, hint, std::move(packet), now);
}

Instant FakeLink::poll_at() const {
  return std::min({neighbors.poll_at(), dad.poll_at(), groups.poll_at(), slaac.poll_at()});
}

void FakeLink::poll() {
  neighbors.poll(now);
  dad.poll(now);
  slaac.poll(now);
  groups.poll(now);
}

void FakeLink::advance(Duration by) {
  const Instant end = now + by;
  unsigned without_progress = 0;
  while (poll_at() <= end) {
    const Instant at = poll_at();
    without_progress = at > now ? 0 : without_progress + 1;
    REQUIRE(without_progress < 5);
    now = std::max(now, at);
    poll();
  }
  now = end;
}

void FakeLink::link_down(Interface& interface) {
  interface.up = false;
  neighbors.flush(interface.index);
}

void FakeLink::link_up(Interface& interface) {
  interface.up = true;
  groups.link_up(interface, now);
  dad.link_up(interface, now);
  slaac.link_up(interface, now);
}

std::vector<std::string> FakeLink::take() {
  std::vector<std::string> lines;
  for (Line& line : lines_) { lines.push_back(std::move(line.text)); }
  lines_.clear();
  return lines;
}

std::vector<FakeLink::Line> FakeLink::take_timed() {
  std::vector<Line> lines(lines_.begin(), lines_.end());
  lines_.clear();
  return lines;
}

void FakeLink::arp(const MacAddress& sender_mac, wire::ArpOperation operation, const Ipv4Address& sender,
                   const Ipv4Address& target) {
  std::array<std::byte, 46> frame{};
  wire::ArpPacket{operation, sender_mac, sender, {}, target}.emit(frame);
  neighbors.input_arp(eth0, frame, now);
}

void FakeLink::icmpv6(const Ipv6Address& source, const Ipv6Address& destination, std::span<const std::byte> message,
                      std::uint8_t hop_limit) {
  const Ingress ingress{source, destination, 1, Protocol::icmpv6, hop_limit, 0, destination.is_multicast(), true};
  using Type = wire::Icmpv6Type;
  // A copy in memory of just that size, so that a sanitizer sees whoever reads behind it.
  const Bytes copied = copy(message);
  switch (copied.empty() ? Type{} : static_cast<Type>(wire::load_u8(copied.data()))) {
    case Type::neighbor_solicitation:
    case Type::neighbor_advertisement: neighbors.input_nd(eth0, ingress, copied, now); break;
    case Type::router_advertisement:
    case Type::redirect: slaac.input(eth0, ingress, copied, now); break;
    default: groups.input_mld(eth0, ingress, copied, now); break;
  }
}

void FakeLink::solicit(const Ipv6Address& source, const Ipv6Address& destination, const Ipv6Address& target,
                       const MacAddress* station, std::span<const std::byte> nonce) {
  std::array<std::byte, 64> out;
  wire::NdpWriter writer(out, wire::NdpWriter::NeighborSolicitation{wire::bytes_of(target)});
  if (station) { writer.link_layer(wire::NdpOptionType::source_link_layer, *station); }
  if (!nonce.empty()) { writer.nonce(nonce); }
  icmpv6(source, destination, writer.finish(wire::bytes_of(source), wire::bytes_of(destination)));
}

void FakeLink::advertise(const Ipv6Address& source, const Ipv6Address& destination, const Ipv6Address& target,
                         const MacAddress* station, const char* flags) {
  const std::string_view set(flags);
  std::array<std::byte, 64> out;
  wire::NdpWriter writer(out,
                         wire::NdpWriter::NeighborAdvertisement{set.find('R') != set.npos, set.find('S') != set.npos,
                                                                set.find('O') != set.npos, wire::bytes_of(target)});
  if (station) { writer.link_layer(wire::NdpOptionType::target_link_layer, *station); }
  icmpv6(source, destination, writer.finish(wire::bytes_of(source), wire::bytes_of(destination)));
}

void FakeLink::igmp(const Ipv4Address& source, const Ipv4Address& destination, std::span<const std::byte> message) {
  const Ingress ingress{source, destination, 1, Protocol::igmp, 1, 0, true, false};
  const Bytes copied = copy(message);
  groups.input_igmp(eth0, ingress, copied, now);
}

}  // namespace nal::embedded
