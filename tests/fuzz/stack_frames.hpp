#pragma once
// Frames as an input of the whole stack's fuzz target writes them down: aimed at what the stack has under way, their
// checksums made good, so that what lies behind the checks is reached.
#include <algorithm>

#include "backends/embedded/stack.hpp"
#include "backends/embedded/wire/dhcpv4.hpp"
#include "backends/embedded/wire/ndp.hpp"
#include "tests/backends/embedded/support/packets.hpp"
#include "tests/fuzz/stack_device.hpp"

namespace nal::fuzz {

using embedded::Address;
using embedded::Interface;
using embedded::test::operator+;

class Frames {
 public:
  Frames(std::span<const std::byte>& input, embedded::Stack& stack) : input_(input), stack_(stack) {}

  /// Of what the stack has sent, so that it can be answered.
  void note(std::span<const std::byte> packet) {
    sent_.emplace_back(packet.begin(), packet.end());
    if (sent_.size() > 8) { sent_.pop_front(); }
  }

  /// Which interface the next address is about.
  void aim(Interface& interface) { interface_ = &interface; }

  /// The frame that the next bytes of the input describe.
  Bytes next(Interface& interface) {
    interface_ = &interface;
    const std::size_t what = take(input_);
    odd_ = (what & 0x80) != 0 ? take(input_) : 0;
    switch (what & 0x1f) {
      case 0: return raw();
      case 1: return framed(wire::EtherType(take(input_) << 8 | take(input_)), raw());
      case 2: return arp();
      case 3: return answer();
      case 4: return packet(static_cast<std::uint8_t>(take(input_)), raw());
      case 5:
      case 6: return udp();
      case 7:
      case 8:
      case 9:
      case 10:
      case 11: return segment();
      case 12: return acknowledgment();
      case 13:
      case 14: return icmp_error();
      case 15: return echo();
      case 16:
      case 17: return neighbor();
      case 18: return router_advertisement();
      case 19: return redirect();
      case 20: return mld();
      case 21: return igmp();
      case 22: return dhcpv4();
      case 23: return dhcpv6();
      case 24: return fragment();
      case 25: return extension_headers();
      case 26: return ipv4_options();
      case 27: return again();
      default: return segment();
    }
  }

  Address address(bool v4) {
    const std::size_t which = take(input_);
    const auto last = static_cast<std::uint8_t>(which & 7);
    const auto net = static_cast<std::uint8_t>(interface_->index - 1);
    switch (which >> 3) {
      case 0: return own(v4, last);
      case 1: return peer(v4, last);
      case 2:
        return v4 ? Address(Ipv4Address(192, 0, 2, last)) : Address(Ipv6Address(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
      case 3:
        return v4 ? Address(Ipv4Address(169, 254, 0, last)) : Address(Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, last));
      case 4: return v4 ? Address(Ipv4Address(239, 0, 0, last)) : Address(Ipv6Address(0xff05, 0, 0, 0, 0, 0, 0, last));
      case 5: return v4 ? Address(Ipv4Address(224, 0, 0, last)) : Address(Ipv6Address(0xff02, 0, 0, 0, 0, 0, 0, last));
      case 6: return v4 ? Address(Ipv4Address(10, net, 0, 255)) : solicited_node(own(false, last));
      case 7: return v4 ? Address(Ipv4Address()) : Address(Ipv6Address());
      case 8: return v4 ? Address(Ipv4Address(127, 0, 0, last)) : Address(Ipv6Address(0, 0, 0, 0, 0, 0, 0, 1));
      case 9: return v4 ? Address(Ipv4Address(255, 255, 255, 255)) : Address(Ipv6Address::all_nodes());
      default: return own(v4, last);
    }
  }
  /// The `which`th of the interface's addresses, in whatever state.
  Address own(bool v4, std::size_t which) const {
    Address found = v4 ? Address(Ipv4Address(10, static_cast<std::uint8_t>(interface_->index - 1), 0, 1))
                       : Address(Ipv6Address(0xfd00, interface_->index - 1u, 0, 0, 0, 0, 0, 1));
    for (const auto& entry : interface_->addresses) {
      if (entry.state == embedded::InterfaceAddress::State::none || entry.address.is_v4() != v4) { continue; }
      found = entry.address;
      if (which-- == 0) { break; }
    }
    return found;
  }
  Address peer(bool v4, std::uint8_t last) const {
    const auto net = static_cast<std::uint8_t>(interface_->index - 1);
    const auto host = static_cast<std::uint8_t>(last + 2);
    return v4 ? Address(Ipv4Address(10, net, 0, host)) : Address(Ipv6Address(0xfd00, net, 0, 0, 0, 0, 0, host));
  }
  static Address solicited_node(const Address& of) {
    const auto bytes = of.wire();
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
    return Ipv6Address(0xff02, 0, 0, 0, 0, 1, static_cast<std::uint16_t>(0xff00 | at(13)),
                       static_cast<std::uint16_t>(at(14) << 8 | at(15)));
  }

 private:
  using Fields = embedded::test::IpFields;

  Bytes raw() {
    const std::size_t size = std::min(take(input_), input_.size());
    const Bytes taken(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
    input_ = input_.subspan(size);
    return taken;
  }
  std::int32_t delta() {
    const auto value = static_cast<std::int8_t>(take(input_));
    return (odd_ & 1) != 0 ? value * 300 : value;
  }
  MacAddress station(std::size_t which) const { return {2, 0, 0, 0, 1, static_cast<std::uint8_t>(which & 3)}; }

  /// Who speaks with whom: one byte where nothing is odd.
  Fields ends(std::uint8_t protocol, std::uint8_t hop_limit = 64) {
    const std::size_t bits = take(input_);
    const bool v4 = protocol == 1 || protocol == 2 || ((bits & 1) != 0 && protocol != 58);
    Fields fields{peer(v4, static_cast<std::uint8_t>(bits >> 1 & 3)), own(v4, bits >> 3 & 3), protocol, hop_limit,
                  static_cast<std::uint8_t>(odd_ & 2 ? take(input_) : 0)};
    if ((bits & 0x40) != 0) { fields.source = address(v4); }
    if ((bits & 0x80) != 0) { fields.destination = address(v4); }
    return fields;
  }
  Bytes framed(wire::EtherType type, const Bytes& payload, const Address& destination = {}) {
    if (interface_->medium != driver::Medium::ethernet) { return payload; }
    MacAddress to = interface_->hardware_address;
    if (destination.is_multicast()) {
      to = destination.is_v4() ? wire::ethernet_group(destination.v4())
                               : wire::ethernet_group(wire::Ipv6Bytes(destination.wire()));
    } else if (destination.is_v4() && destination.wire()[3] == std::byte{255}) {
      to = MacAddress::broadcast();
    }
    if ((odd_ & 4) != 0) { to = MacAddress::broadcast(); }
    Bytes frame = embedded::test::ethernet(to, station(odd_ >> 6), type, payload);
    if ((odd_ & 8) != 0) { frame.resize(frame.size() + 10); }
    return frame;
  }
  Bytes framed_ip(const Address& destination, const Bytes& packet) {
    return framed(destination.is_v4() ? wire::EtherType::ipv4 : wire::EtherType::ipv6, packet, destination);
  }
  /// With the checksum of what it carries made good, unless the input says otherwise.
  Bytes sealed(const Fields& fields, Bytes message) {
    const std::size_t at = fields.protocol == 6 ? 16 : fields.protocol == 17 ? 6 : 2;
    if ((odd_ & 16) == 0 && message.size() >= at + 2) {
      wire::store_be16(&message[at], 0);
      const bool plain = fields.protocol == 1 || fields.protocol == 2;
      const auto pseudo = plain ? wire::Sum()
                                : wire::pseudo_header_sum(fields.source.wire(), fields.destination.wire(),
                                                          fields.protocol, message.size());
      wire::store_be16(&message[at], (pseudo + wire::sum(message)).udp_checksum());
    }
    if ((odd_ & 32) != 0 && !message.empty()) { message.resize(message.size() - take(input_) % message.size()); }
    return message;
  }
  Bytes send(const Fields& fields, const Bytes& message) {
    return framed_ip(fields.destination, embedded::test::ip(fields, sealed(fields, message)));
  }
  Bytes packet(std::uint8_t protocol, Bytes message) {
    const Fields fields = ends(protocol, protocol == 58 ? 255 : 64);
    return send(fields, std::move(message));
  }

  Bytes arp() {
    const std::size_t bits = take(input_);
    const Address sender = (bits & 8) != 0 ? address(true) : peer(true, bits & 3);
    const Address target = (bits & 16) != 0 ? address(true) : own(true, bits >> 5 & 3);
    Bytes message(wire::kArpSize);
    wire::ArpPacket{(bits & 4) != 0 ? wire::ArpOperation::reply : wire::ArpOperation::request,
                    station(bits),
                    sender.v4(),
                    {},
                    target.v4()}
        .emit(message);
    return framed(wire::EtherType::arp, message, Ipv4Address(10, 0, 0, (bits & 128) != 0 ? 255 : 1));
  }
  /// What answers a packet that the stack cannot send yet: the station of a peer, or of a router.
  Bytes answer() {
    const std::size_t bits = take(input_);
    Bytes message(wire::kArpSize);
    const auto last = static_cast<std::uint8_t>((bits & 0x40) != 0 ? 254 : 2 + (bits & 7));
    const auto net = static_cast<std::uint8_t>(interface_->index - 1);
    wire::ArpPacket{wire::ArpOperation::reply, station(bits >> 3), Ipv4Address(10, net, 0, last),
                    interface_->hardware_address, own(true, 0).v4()}
        .emit(message);
    return framed(wire::EtherType::arp, message);
  }

  Bytes udp() {
    const Fields fields = ends(17);
    const std::size_t ports = take(input_);
    Bytes header(8);
    const Bytes payload = raw();
    wire::UdpHeader{static_cast<std::uint16_t>(7000 + (ports >> 4)), port(ports & 15), payload.size()}.emit_with(header,
                                                                                                                 0);
    return send(fields, header + payload);
  }
  /// Ports that the input's sockets have.
  static std::uint16_t port(std::size_t which) {
    return which == 14 ? 68 : which == 15 ? 546 : static_cast<std::uint16_t>(7000 + which);
  }

  /// One aimed at a connection of the stack.
  Bytes segment() {
    const std::size_t flags = take(input_);
    const std::size_t shape = take(input_);
    const auto all = stack_.tcp().connections();
    const embedded::Connection& c = all[shape % all.size()];
    Fields fields;
    wire::TcpHeader header{7001, 7000, 0, 0, static_cast<std::uint8_t>(flags), 0};
    const bool live = c.state != embedded::TcpState::free && (shape & 4) == 0;
    if (live) {
      fields = {c.key.remote, c.key.local, 6};
      header.source_port = c.key.remote_port;
      header.destination_port = c.key.local_port;
      header.sequence = c.rcv_nxt.value() + static_cast<std::uint32_t>(delta());
      header.acknowledgment = ((shape & 8) != 0 ? c.snd_nxt : c.snd_una).value() + static_cast<std::uint32_t>(delta());
    } else {
      fields = ends(6);
      header.source_port = static_cast<std::uint16_t>(7001 + take(input_) % 4);
      header.destination_port = static_cast<std::uint16_t>(7000 + (shape >> 5));
      header.sequence = static_cast<std::uint32_t>(take(input_)) << 24;
    }
    header.window = static_cast<std::uint16_t>(take(input_) * 200);
    const auto options = segment_options(live ? &c : nullptr, (shape & 16) != 0);
    Bytes bytes(wire::kTcpHeaderSize + options.size());
    wire::emit_tcp(bytes, header, options);
    if ((flags & wire::tcp_flag::urg) != 0) {
      wire::store_be16(&bytes[wire::kTcpUrgentPointer], static_cast<std::uint32_t>(take(input_)));
    }
    bytes.resize(bytes.size() + ((shape & 0x60) == 0 ? 0 : take(input_) * (shape >> 5)));
    return send(fields, bytes);
  }
  wire::TcpSegmentOptions segment_options(const embedded::Connection* c, bool chosen) {
    wire::TcpSegmentOptions options;
    if (!chosen) {
      options.timestamps = c && c->timestamps;
      options.tsval = c ? c->ts_recent + 1 : 0;
      return options;
    }
    const std::size_t bits = take(input_);
    if ((bits & 1) != 0) { options.mss = static_cast<std::uint16_t>(take(input_) * 8); }
    if ((bits & 2) != 0) { options.window_scale = static_cast<std::uint8_t>(take(input_)); }
    options.sack_permitted = (bits & 4) != 0;
    if ((bits & 8) != 0) {
      options.timestamps = true;
      options.tsval = (c ? c->ts_recent : 5) + static_cast<std::uint32_t>(delta());
      options.tsecr = static_cast<std::uint32_t>(take(input_));
    }
    for (std::size_t i = 0; i < (bits >> 5) && options.block_count < 4 && options.size() + 12 <= 40; ++i) {
      const std::uint32_t begin = (c ? c->snd_una.value() : 0) + static_cast<std::uint32_t>(take(input_) * 7);
      options.sack[options.block_count++] = {begin, begin + static_cast<std::uint32_t>(take(input_) * 7)};
    }
    return options;
  }
  /// What follows the last segment that the stack has sent: the end of a handshake, say.
  Bytes acknowledgment() {
    const std::size_t bits = take(input_);
    for (auto it = sent_.rbegin(); it != sent_.rend(); ++it) {
      const Quoted last = look(*it);
      const auto tcp = last.protocol == 6 ? wire::TcpView::parse(last.payload) : std::nullopt;
      if (!tcp) { continue; }
      const bool begins = tcp->has(wire::tcp_flag::syn);
      const auto options = tcp->parse_options();
      wire::TcpSegmentOptions ours;
      ours.timestamps = options.timestamps && (bits & 1) == 0;
      ours.tsecr = options.tsval;
      ours.tsval = 1000;
      std::uint8_t flags = wire::tcp_flag::ack;
      if (begins && !tcp->has(wire::tcp_flag::ack)) {
        flags |= wire::tcp_flag::syn;
        ours.mss = (bits & 2) != 0 ? static_cast<std::uint16_t>(take(input_) * 8) : 1460;
        ours.sack_permitted = options.sack_permitted && (bits & 4) == 0;
        if (options.window_scale < 15) { ours.window_scale = static_cast<std::uint8_t>(bits >> 3 & 15); }
      }
      if ((bits & 0x80) != 0) { flags ^= static_cast<std::uint8_t>(take(input_)); }
      const std::size_t length = tcp->payload().size() + (begins ? 1 : 0) + (tcp->has(wire::tcp_flag::fin) ? 1 : 0);
      const wire::TcpHeader header{tcp->destination_port(),
                                   tcp->source_port(),
                                   tcp->acknowledgment(),
                                   tcp->sequence() + static_cast<std::uint32_t>(length),
                                   flags,
                                   8000};
      Bytes bytes(wire::kTcpHeaderSize + ours.size());
      wire::emit_tcp(bytes, header, ours);
      if ((flags & wire::tcp_flag::syn) == 0) { bytes.resize(bytes.size() + (bits >> 3 & 15) * 20); }
      return send({last.destination, last.source, 6}, bytes);
    }
    return segment();
  }

  struct Quoted {
    Address source;
    Address destination;
    std::uint8_t protocol = 0;
    std::span<const std::byte> payload;
  };
  static Quoted look(const Bytes& packet) {
    if (const auto v4 = wire::Ipv4View::parse(packet)) {
      return {Address::from_wire(v4->source_bytes()), Address::from_wire(v4->destination_bytes()), v4->protocol(),
              v4->payload()};
    }
    const auto v6 = wire::Ipv6View::parse(packet);
    if (!v6) { return {}; }
    return {Address::from_wire(v6->source()), Address::from_wire(v6->destination()), v6->next_header(), v6->payload()};
  }
  const Bytes& sent(std::size_t which) const {
    static const Bytes kNothing;
    return sent_.empty() ? kNothing : sent_[which % sent_.size()];
  }

  Bytes icmp_error() {
    const std::size_t bits = take(input_);
    Bytes about = sent(bits >> 5);
    const Quoted quoted = look(about);
    const bool v4 = quoted.source.is_v4();
    about.resize(std::min<std::size_t>(about.size(), (bits & 1) != 0 ? take(input_) * 4 : 64));
    if ((bits & 2) != 0 && !about.empty()) { about[take(input_) % about.size()] ^= std::byte{1}; }
    static constexpr std::uint8_t kV4[] = {3, 3, 11, 12, 4, 5, 3, 3};
    static constexpr std::uint8_t kV6[] = {2, 2, 1, 3, 4, 2, 1, 1};
    Bytes message(8);
    message[0] = std::byte{(v4 ? kV4 : kV6)[bits >> 2 & 7]};
    const std::size_t code = take(input_);
    message[1] = static_cast<std::byte>(code >> 4);
    wire::store_be32(&message[4], static_cast<std::uint32_t>(take(input_) * (code & 15)));
    message.insert(message.end(), about.begin(), about.end());
    const auto protocol = static_cast<std::uint8_t>(v4 ? 1 : 58);
    const Address destination = quoted.protocol == 0 ? own(v4, 0) : quoted.source;
    return send({peer(v4, 0), destination, protocol}, message);
  }
  Bytes echo() {
    const std::size_t v4 = take(input_);
    const Fields fields = ends((v4 & 1) != 0 ? 1 : 58);
    Bytes message(8);
    message[0] = std::byte{static_cast<unsigned char>(fields.protocol == 1 ? 8 : 128)};
    message.resize(8 + take(input_) * (1 + v4 % 8));
    return send(fields, message);
  }

  template <class Message>
  Bytes discovery(const Message& message, Fields fields) {
    Bytes out(400);
    wire::NdpWriter writer(out, message);
    options(writer);
    const auto done = writer.finish(wire::Ipv6Bytes(fields.source.wire()), wire::Ipv6Bytes(fields.destination.wire()));
    fields.hop_limit = 255;
    fields.protocol = 58;
    return send(fields, Bytes(done.begin(), done.end()));
  }
  void options(wire::NdpWriter& writer) {
    const std::size_t bits = take(input_);
    if ((bits & 1) != 0) { writer.link_layer(wire::NdpOptionType::source_link_layer, station(bits)); }
    if ((bits & 2) != 0) { writer.link_layer(wire::NdpOptionType::target_link_layer, station(bits)); }
    if ((bits & 4) != 0) { writer.mtu(static_cast<std::uint32_t>(take(input_) * 10)); }
    for (std::size_t i = 0; i < (bits >> 3 & 3); ++i) {
      const std::size_t kind = take(input_);
      const Ipv6Address prefix(0x2001, 0xdb8, 0, static_cast<std::uint16_t>(kind & 7), 0, 0, 0, 0);
      const auto valid = static_cast<std::uint32_t>(take(input_)) << (kind >> 3 & 15);
      const wire::PrefixInformation information{
          .prefix_length = (kind & 0x80) != 0 ? static_cast<std::uint8_t>(take(input_) % 129) : std::uint8_t{64},
          .on_link = true,
          .autonomous = true,
          .valid_lifetime = valid,
          .preferred_lifetime = valid / 2,
          .prefix = wire::bytes_of(prefix)};
      writer.prefix_information(information);
    }
    if ((bits & 0x20) != 0) {
      const Bytes servers(16 * (1 + bits % 3), std::byte{0x20});
      writer.recursive_dns(static_cast<std::uint32_t>(take(input_)) << 4, servers);
    }
    if ((bits & 0x40) != 0) {
      const Bytes names = raw();
      writer.dns_search_list(static_cast<std::uint32_t>(take(input_)) << 4, names);
    }
    if ((bits & 0x80) != 0) {
      const Ipv6Address prefix(0x2001, 0xdb9, 0, 0, 0, 0, 0, 0);
      const wire::RouteInformation route{.prefix_length = static_cast<std::uint8_t>(take(input_) % 129),
                                         .preference = wire::RouterPreference::high,
                                         .lifetime = static_cast<std::uint32_t>(take(input_)) << 4,
                                         .prefix = wire::bytes_of(prefix)};
      writer.route_information(route);
    }
  }
  Bytes neighbor() {
    const std::size_t bits = take(input_);
    const Fields fields = ends(58);
    const Address target = (bits & 8) != 0   ? address(false)
                           : (bits & 1) != 0 ? own(false, bits >> 4 & 3)
                                             : fields.source;
    if ((bits & 2) != 0) {
      return discovery(wire::NdpWriter::NeighborSolicitation{wire::Ipv6Bytes(target.wire())}, fields);
    }
    return discovery(wire::NdpWriter::NeighborAdvertisement{(bits & 4) != 0, (bits & 32) != 0, (bits & 64) != 0,
                                                            wire::Ipv6Bytes(target.wire())},
                     fields);
  }
  Bytes router_advertisement() {
    const std::size_t bits = take(input_);
    Fields fields = ends(58);
    if ((bits & 1) == 0) { fields.source = Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, bits >> 4 & 3); }
    return discovery(
        wire::NdpWriter::RouterAdvertisement{static_cast<std::uint8_t>(take(input_)), (bits & 2) != 0, (bits & 4) != 0,
                                             wire::RouterPreference{}, static_cast<std::uint16_t>(take(input_) << 3),
                                             static_cast<std::uint32_t>(take(input_) << (bits >> 5)),
                                             static_cast<std::uint32_t>(take(input_) << (bits >> 5))},
        fields);
  }
  Bytes redirect() {
    Fields fields = ends(58);
    fields.source = Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, take(input_) & 3);
    const Address target = address(false);
    const Address destination = address(false);
    return discovery(wire::NdpWriter::Redirect{wire::Ipv6Bytes(target.wire()), wire::Ipv6Bytes(destination.wire())},
                     fields);
  }
  Bytes group_message(std::uint8_t protocol, const Bytes& message) {
    Fields fields = ends(protocol, 1);
    if (protocol == 58) { fields.source = Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, 9); }
    return send(fields, message);
  }
  Bytes mld() {
    const std::size_t bits = take(input_);
    static constexpr std::uint8_t kTypes[] = {130, 130, 131, 132};
    Bytes message(24);
    message[0] = std::byte{kTypes[bits & 3]};
    wire::store_be16(&message[4], static_cast<std::uint32_t>(take(input_) << (bits >> 5)));
    const Address group = (bits & 4) != 0 ? address(false) : Address(Ipv6Address());
    std::copy(group.wire().begin(), group.wire().end(), message.begin() + 8);
    return group_message(58, message + ((bits & 8) != 0 ? raw() : Bytes()));
  }
  Bytes igmp() {
    const std::size_t bits = take(input_);
    static constexpr std::uint8_t kTypes[] = {0x11, 0x11, 0x16, 0x17};
    Bytes message(8);
    message[0] = std::byte{kTypes[bits & 3]};
    message[1] = static_cast<std::byte>(take(input_));
    const Address group = (bits & 4) != 0 ? address(true) : Address(Ipv4Address());
    std::copy(group.wire().begin(), group.wire().end(), message.begin() + 4);
    return group_message(2, message + ((bits & 8) != 0 ? raw() : Bytes()));
  }

  /// The payload of the last datagram that the stack has sent to a port, or nothing.
  std::span<const std::byte> asked(std::uint16_t port) const {
    for (auto it = sent_.rbegin(); it != sent_.rend(); ++it) {
      const Quoted last = look(*it);
      const auto udp = last.protocol == 17 ? wire::UdpView::parse(last.payload) : std::nullopt;
      if (udp && udp->destination_port() == port) { return udp->payload(); }
    }
    return {};
  }
  Bytes dhcpv4() {
    const std::size_t bits = take(input_);
    const auto request = asked(67);
    const auto view = wire::Dhcpv4View::parse(request);
    static constexpr wire::Dhcpv4MessageType kTypes[] = {wire::Dhcpv4MessageType::offer, wire::Dhcpv4MessageType::ack,
                                                         wire::Dhcpv4MessageType::ack, wire::Dhcpv4MessageType::nak};
    Bytes out(1000);
    wire::Dhcpv4Writer writer(out,
                              {.reply = true,
                               .transaction = view ? view->transaction() : 0,
                               .your_address = Ipv4Address(10, 0, 0, static_cast<std::uint8_t>(100 + (bits >> 6))),
                               .hardware_address = interface_->hardware_address},
                              kTypes[bits & 3]);
    writer.option_address(wire::Dhcpv4Option::server_identifier, peer(true, 0).v4());
    if ((bits & 4) == 0) {
      writer.option_u32(wire::Dhcpv4Option::lease_time, static_cast<std::uint32_t>(take(input_)) << (bits >> 3 & 7));
    }
    if ((bits & 8) == 0) { writer.option_address(wire::Dhcpv4Option::subnet_mask, {255, 255, 255, 0}); }
    if ((bits & 16) == 0) { writer.option_address(wire::Dhcpv4Option::router, peer(true, 1).v4()); }
    if ((bits & 32) != 0) {
      const auto code = static_cast<wire::Dhcpv4Option>(take(input_));
      writer.option(code, raw());
    }
    const auto message = writer.finish();
    return to_client(Ipv4Address(255, 255, 255, 255), peer(true, 0), 67, 68,
                     message ? Bytes(message->begin(), message->end()) : Bytes());
  }
  Bytes dhcpv6() {
    const std::size_t bits = take(input_);
    const auto request = asked(547);
    Bytes message(4);
    std::copy_n(request.begin(), std::min<std::size_t>(4, request.size()), message.begin());
    message[0] = (bits & 1) != 0 ? std::byte{7} : std::byte{2};
    Bytes identity{std::byte{0}, std::byte{3}, std::byte{0}, std::byte{12}};
    for (std::size_t at = 4; at + 4 <= request.size();) {
      const std::size_t code = wire::load_be16(&request[at]);
      const std::size_t size = wire::load_be16(&request[at + 2]);
      if (at + 4 + size > request.size()) { break; }
      if (code == 1) { message.insert(message.end(), &request[at], &request[at] + 4 + size); }
      if (code == 3 && size >= 4) { identity.insert(identity.end(), &request[at + 4], &request[at + 4] + 4); }
      at += 4 + size;
    }
    for (const unsigned byte : {0U, 2U, 0U, 4U, 0U, 1U, 2U, 3U}) { message.push_back(static_cast<std::byte>(byte)); }
    identity.resize(4 + 12 + 28);
    wire::store_be16(&identity[2], 12 + 28);
    wire::store_be32(&identity[8], static_cast<std::uint32_t>(take(input_)));   // T1
    wire::store_be32(&identity[12], static_cast<std::uint32_t>(take(input_)));  // T2
    wire::store_be16(&identity[16], 5);
    wire::store_be16(&identity[18], 24);
    const Address given = Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 1, static_cast<std::uint16_t>(1 + (bits >> 6)));
    std::copy(given.wire().begin(), given.wire().end(), identity.begin() + 20);
    wire::store_be32(&identity[36], static_cast<std::uint32_t>(take(input_)) << (bits >> 3 & 7));
    wire::store_be32(&identity[40], static_cast<std::uint32_t>(take(input_)) << (bits >> 3 & 7));
    if ((bits & 2) == 0) { message = message + identity; }
    if ((bits & 4) != 0) { message = message + raw(); }
    return to_client(own(false, bits >> 3 & 1), Ipv6Address(0xfe80, 0, 0, 0, 0, 0, 0, 2), 547, 546, message);
  }
  Bytes to_client(const Address& destination, const Address& source, std::uint16_t from, std::uint16_t to,
                  const Bytes& payload) {
    Bytes header(8);
    wire::UdpHeader{from, to, payload.size()}.emit_with(header, 0);
    return send({source, destination, 17}, header + payload);
  }

  Bytes fragment() {
    const std::size_t bits = take(input_);
    const Fields fields = ends((bits & 1) != 0 ? 17 : 6);
    const std::size_t offset = take(input_) % 64 * 8 * ((bits & 2) != 0 ? 16 : 1);
    const bool more = (bits & 4) != 0;
    Bytes payload(more ? take(input_) * 8 : take(input_));
    if (offset == 0 && payload.size() >= 8) { wire::store_be16(&payload[2], port(bits >> 5)); }
    const auto id = static_cast<std::uint16_t>(bits >> 3 & 3);
    return framed_ip(fields.destination, fields.source.is_v4()
                                             ? embedded::test::ipv4(fields, payload, id, offset, more)
                                             : embedded::test::ipv6_fragment(fields, payload, id, offset, more));
  }
  /// A datagram behind extension headers that the input writes down: each its type, and one word or two.
  Bytes extension_headers() {
    Fields fields = ends(17);
    if (fields.source.is_v4()) { return udp(); }
    static constexpr std::uint8_t kTypes[] = {0, 60, 43, 44, 50, 135, 59, 60};
    const std::size_t count = take(input_) % 5;
    const std::size_t ports = take(input_);
    const Bytes body =
        sealed(fields, embedded::test::udp(fields.source, fields.destination, 7001, port(ports & 15), {}));
    Bytes headers;
    std::uint8_t first = 17;
    std::size_t next_field = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t bits = take(input_);
      const std::uint8_t type = kTypes[bits & 7];
      (i == 0 ? first : *reinterpret_cast<std::uint8_t*>(&headers[next_field])) = type;
      next_field = headers.size();
      const std::size_t words = type == 44 ? 1 : 1 + (bits >> 3 & 1);
      Bytes header(words * 8);
      header[0] = std::byte{17};
      if (type != 44) { header[1] = static_cast<std::byte>(words - 1); }
      for (std::size_t at = 2; at < header.size() && (bits & 16) != 0; ++at) {
        header[at] = static_cast<std::byte>(take(input_));
      }
      headers = headers + header;
    }
    fields.protocol = first;
    return framed_ip(fields.destination, embedded::test::ipv6(fields, headers + body));
  }
  Bytes ipv4_options() {
    Fields fields = ends(1);
    Bytes options = raw();
    options.resize(std::min<std::size_t>(40, (options.size() + 3) / 4 * 4));
    Bytes message(8 + 4);
    message[0] = std::byte{8};
    message = sealed(fields, message);
    Bytes whole = embedded::test::ipv4(fields, options + message);
    whole[0] = static_cast<std::byte>(0x40 | (5 + options.size() / 4));
    wire::store_be16(&whole[10], 0);
    wire::store_be16(&whole[10], wire::sum(std::span(whole).first(20 + options.size())).checksum());
    return framed_ip(fields.destination, whole);
  }
  /// What the stack has sent itself comes back, perhaps with a bit changed.
  Bytes again() {
    const std::size_t bits = take(input_);
    Bytes packet = sent(bits >> 5);
    if ((bits & 1) != 0 && !packet.empty()) { packet[take(input_) % packet.size()] ^= std::byte{4}; }
    const Quoted quoted = look(packet);
    return framed_ip(quoted.protocol != 0 ? quoted.destination : Address(), packet);
  }

  std::span<const std::byte>& input_;
  embedded::Stack& stack_;
  Interface* interface_ = nullptr;
  std::size_t odd_ = 0;
  std::deque<Bytes> sent_;
};

}  // namespace nal::fuzz
