#include "backends/drivers/trace/describe.hpp"

#include <array>
#include <cstdint>

#include "backends/embedded/wire/arp.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "backends/embedded/wire/icmp.hpp"
#include "backends/embedded/wire/igmp.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"
#include "backends/embedded/wire/ndp.hpp"
#include "backends/embedded/wire/tcp.hpp"
#include "backends/embedded/wire/udp.hpp"
#include "nal/text.hpp"

namespace nal::drivers {

namespace {

namespace wire = embedded::wire;
using Bytes = std::span<const std::byte>;

constexpr std::uint8_t kTcpProtocol = 6;

/// What is around a transport's header.
struct Carrier {
  Bytes source;
  Bytes destination;
  bool checksums_made;  ///< and all there to be checked
};

class Describer {
 public:
  explicit Describer(std::span<char> out) noexcept : room_(out), out_(out) {}

  void ethernet(Bytes frame, bool checksums_made) noexcept;
  void ip(Bytes packet, bool checksums_made, bool quoted) noexcept;
  /// What fitted.
  std::string_view text() const noexcept {
    const auto whole = out_.text();
    return whole ? *whole : std::string_view(room_.data(), room_.size());
  }

 private:
  Describer& text(std::string_view words) noexcept {
    out_.put(words);
    return *this;
  }
  Describer& number(std::size_t value) noexcept {
    out_.put_decimal(static_cast<std::uint32_t>(value));
    return *this;
  }
  Describer& hex(std::uint32_t value, std::size_t width) noexcept {
    out_.put("0x");
    out_.put_hex(value, width);
    return *this;
  }
  template <HasText T>
  Describer& value(const T& what) noexcept {
    what.append_to(out_);
    return *this;
  }
  Describer& value(wire::Ipv6Bytes address) noexcept { return value(wire::to_ipv6(address)); }
  void bytes(std::size_t count) noexcept { text(", ").number(count).text(count == 1 ? " byte" : " bytes"); }
  void cut_off(std::string_view what, Bytes rest) noexcept {
    text(what).text(" cut off or malformed");
    bytes(rest.size());
  }

  void arp(Bytes packet) noexcept;
  void ipv4(Bytes packet, bool checksums_made, bool quoted) noexcept;
  void ipv6(Bytes packet, bool checksums_made, bool quoted) noexcept;
  void transport(std::uint8_t protocol, Bytes payload, const Carrier& carrier, bool v6, bool quoted) noexcept;
  void tcp(Bytes payload, const Carrier& carrier) noexcept;
  void tcp_options(const wire::TcpSegmentOptions& options) noexcept;
  void udp(Bytes payload, const Carrier& carrier) noexcept;
  void ports(Bytes payload) noexcept;
  void icmpv4(Bytes message, const Carrier& carrier) noexcept;
  void icmpv6(Bytes message, const Carrier& carrier) noexcept;
  void echo(const wire::IcmpView& view, bool request) noexcept;
  void quotation(Bytes quoted) noexcept;
  bool neighbors(const wire::IcmpView& view) noexcept;
  void link_layer(wire::NdpOptions options, wire::NdpOptionType type, std::string_view word) noexcept;
  void router_advertisement(const wire::RouterAdvertisementView& view) noexcept;
  void igmp(Bytes message) noexcept;
  void remark(bool checksum_right) noexcept {
    if (!checksum_right) { text(" (bad checksum)"); }
  }

  std::span<char> room_;
  TextWriter out_;
};

std::string_view service(std::uint16_t port) noexcept {
  switch (port) {
    case 53: return " DNS";
    case 67:
    case 68: return " DHCP";
    case 123: return " NTP";
    case 546:
    case 547: return " DHCPv6";
    case 5353: return " mDNS";
    case 5683: return " CoAP";
    default: return {};
  }
}

void Describer::ethernet(Bytes frame, bool checksums_made) noexcept {
  const auto view = wire::EthernetView::parse(frame);
  if (!view) { return cut_off("Ethernet", frame); }
  value(view->source()).text(" > ").value(view->destination()).text(", ");
  if (view->tagged()) {
    text("VLAN ").number(view->vlan());
    if (view->priority() != 0) { text(" priority ").number(view->priority()); }
    text(", ");
  }
  switch (view->type()) {
    case wire::EtherType::ipv4:
    case wire::EtherType::ipv6: return ip(view->payload(), checksums_made, false);
    case wire::EtherType::arp: return arp(view->payload());
    default: break;
  }
  const auto type = static_cast<std::uint16_t>(view->type());
  type < 1536 ? text("IEEE 802.3 length ").number(type) : text("type ").hex(type, 4);
  bytes(view->payload().size());
}

void Describer::arp(Bytes packet) noexcept {
  const auto view = wire::ArpView::parse(packet);
  if (!view) { return cut_off("ARP", packet); }
  text("ARP ");
  if (view->operation() == wire::ArpOperation::request) {
    text("who has ").value(view->target());
    view->is_probe() ? text("? (probe)") : text("? tell ").value(view->sender());
  } else if (view->operation() == wire::ArpOperation::reply) {
    value(view->sender()).text(" is at ").value(view->sender_mac());
  } else {
    text("operation ").number(static_cast<std::uint16_t>(view->operation()));
  }
  if (!view->is_probe() && view->is_announcement()) { text(" (announcement)"); }
}

void Describer::ip(Bytes packet, bool checksums_made, bool quoted) noexcept {
  const unsigned version = packet.empty() ? 0 : wire::load_u8(packet.data()) >> 4U;
  if (version == 4) { return ipv4(packet, checksums_made, quoted); }
  if (version == 6) { return ipv6(packet, checksums_made, quoted); }
  cut_off("IP", packet);
}

void Describer::ipv4(Bytes packet, bool checksums_made, bool quoted) noexcept {
  const auto view = quoted ? wire::Ipv4View::parse_quoted(packet) : wire::Ipv4View::parse(packet);
  if (!view) { return cut_off("IPv4", packet); }
  text("IPv4 ").value(view->source()).text(" > ").value(view->destination());
  text(" ttl ").number(view->hop_limit());
  if (view->traffic_class() != 0) { text(" tos ").hex(view->traffic_class(), 2); }
  if (!view->options().empty()) { text(" options ").number(view->options().size()); }
  if (!quoted) { remark(view->checksum_valid()); }
  if (view->is_fragment()) {
    text(" fragment ").number(view->identification()).text(" at ").number(view->fragment_offset());
    if (view->more_fragments()) { text("+"); }
    if (view->fragment_offset() != 0) { return bytes(view->payload().size()); }
  }
  text(", ");
  const Carrier carrier{view->source_bytes(), view->destination_bytes(),
                        checksums_made && !quoted && !view->is_fragment()};
  transport(view->protocol(), view->payload(), carrier, false, quoted);
}

void Describer::ipv6(Bytes packet, bool checksums_made, bool quoted) noexcept {
  const auto view = quoted ? wire::Ipv6View::parse_quoted(packet) : wire::Ipv6View::parse(packet);
  if (!view) { return cut_off("IPv6", packet); }
  text("IPv6 ").value(view->source()).text(" > ").value(view->destination());
  text(" hop limit ").number(view->hop_limit());
  if (view->traffic_class() != 0) { text(" class ").hex(view->traffic_class(), 2); }
  if (view->flow_label() != 0) { text(" flow ").hex(view->flow_label(), 5); }
  text(", ");
  Carrier carrier{view->source(), view->destination(), checksums_made && !quoted};
  if (quoted) {
    const auto payload = wire::skip_extension_headers(*view);
    if (!payload) { return bytes(view->payload().size()); }
    return transport(payload->protocol, view->bytes().subspan(payload->offset), carrier, true, true);
  }
  const wire::Ipv6Chain chain = wire::walk_extension_headers(*view);
  if (chain.verdict != wire::Ipv6Chain::Verdict::deliver && chain.verdict != wire::Ipv6Chain::Verdict::fragment) {
    return cut_off("extension headers", view->payload());
  }
  const Bytes rest = view->bytes().subspan(chain.offset);
  if (chain.verdict == wire::Ipv6Chain::Verdict::fragment) {
    text("fragment ").hex(chain.identification, 8).text(" at ").number(chain.fragment_offset);
    if (chain.more_fragments) { text("+"); }
    if (chain.fragment_offset != 0) { return bytes(rest.size()); }
    carrier.checksums_made = false;
    text(", ");
  }
  transport(chain.protocol, rest, carrier, true, false);
}

void Describer::transport(std::uint8_t protocol, Bytes payload, const Carrier& carrier, bool v6, bool quoted) noexcept {
  if (quoted && (protocol == kTcpProtocol || protocol == wire::kUdpProtocol)) {
    text(protocol == kTcpProtocol ? "TCP " : "UDP ");
    return ports(payload);
  }
  switch (protocol) {
    case kTcpProtocol: return tcp(payload, carrier);
    case wire::kUdpProtocol: return udp(payload, carrier);
    case wire::kIcmpv4Protocol: return v6 ? cut_off("protocol 1", payload) : icmpv4(payload, carrier);
    case wire::kIcmpv6Protocol: return v6 ? icmpv6(payload, carrier) : cut_off("protocol 58", payload);
    case wire::kIgmpProtocol: return igmp(payload);
    default: break;
  }
  text("protocol ").number(protocol);
  bytes(payload.size());
}

void Describer::ports(Bytes payload) noexcept {
  if (payload.size() < 4) { return cut_off("header", payload); }
  number(wire::load_be16(payload.data())).text(" > ").number(wire::load_be16(payload.data() + 2));
}

void Describer::tcp(Bytes payload, const Carrier& carrier) noexcept {
  const auto view = wire::TcpView::parse(payload);
  if (!view) { return cut_off("TCP", payload); }
  text("TCP ");
  ports(payload);
  text(" [");
  constexpr std::string_view kNames = "FSRPAUEC";  // from the lowest bit on
  for (unsigned bit = 0; bit < kNames.size(); ++bit) {
    if ((view->flags() >> bit & 1U) != 0) { out_.put(kNames[bit]); }
  }
  text("] seq ").number(view->sequence());
  if (view->has(wire::tcp_flag::ack)) { text(" ack ").number(view->acknowledgment()); }
  text(" win ").number(view->window());
  if (view->has(wire::tcp_flag::urg)) { text(" urgent ").number(view->urgent_pointer()); }
  if (!view->options().empty()) { tcp_options(view->parse_options()); }
  if (carrier.checksums_made) {
    const auto pseudo = wire::pseudo_header_sum(carrier.source, carrier.destination, kTcpProtocol, payload.size());
    remark((pseudo + wire::sum(payload)).valid());
  }
  bytes(view->payload().size());
}

void Describer::tcp_options(const wire::TcpSegmentOptions& options) noexcept {
  std::string_view separator = " <";
  const auto next = [&]() -> Describer& {
    text(separator);
    separator = ", ";
    return *this;
  };
  if (options.mss != 0) { next().text("mss ").number(options.mss); }
  if (options.window_scale != wire::TcpSegmentOptions::kNoWindowScale) {
    next().text("scale ").number(options.window_scale);
  }
  if (options.sack_permitted) { next().text("SACK permitted"); }
  if (options.timestamps) { next().text("time ").number(options.tsval).text(" echo ").number(options.tsecr); }
  for (std::size_t i = 0; i < options.block_count; ++i) {
    next().text("SACK ").number(options.sack[i].begin).text("-").number(options.sack[i].end);
  }
  text(separator == ", " ? ">" : " <other options>");
}

void Describer::udp(Bytes payload, const Carrier& carrier) noexcept {
  const auto view = wire::UdpView::parse(payload);
  if (!view) { return cut_off("UDP", payload); }
  text("UDP ");
  ports(payload);
  const std::string_view name = service(view->source_port());
  text(name.empty() ? service(view->destination_port()) : name);
  if (carrier.checksums_made) {
    remark(view->checksum_valid(
        wire::pseudo_header_sum(carrier.source, carrier.destination, wire::kUdpProtocol, view->length())));
  }
  bytes(view->payload().size());
}

void Describer::echo(const wire::IcmpView& view, bool request) noexcept {
  text(request ? "echo request " : "echo reply ").number(view.identifier()).text(" seq ").number(view.sequence());
  bytes(view.body().size());
}

void Describer::quotation(Bytes quoted) noexcept {
  text(" of (");
  // A quotation within a quotation is no error's: its transport is told by its ports alone.
  ip(quoted, false, true);
  text(")");
}

void Describer::icmpv4(Bytes message, const Carrier& carrier) noexcept {
  const auto view = wire::IcmpView::parse(message);
  if (!view) { return cut_off("ICMP", message); }
  text("ICMP");
  if (carrier.checksums_made) { remark(view->checksum_valid_v4()); }
  text(" ");
  static constexpr std::array<std::string_view, 6> kUnreachable = {"network unreachable",  "host unreachable",
                                                                   "protocol unreachable", "port unreachable",
                                                                   "fragmentation needed", "source route failed"};
  using enum wire::Icmpv4Type;
  switch (view->type_v4()) {
    case echo_request: return echo(*view, true);
    case echo_reply: return echo(*view, false);
    case destination_unreachable:
      if (view->code() < kUnreachable.size()) {
        text(kUnreachable[view->code()]);
      } else {
        text("unreachable code ").number(view->code());
      }
      if (view->code() == 4) { text(" mtu ").number(view->mtu_v4()); }
      return quotation(view->quotation_v4());
    case redirect: text("redirect to ").value(view->gateway()); return quotation(view->quotation_v4());
    case time_exceeded: text("time exceeded"); return quotation(view->quotation_v4());
    case parameter_problem:
      text("parameter problem at ").number(view->pointer_v4());
      return quotation(view->quotation_v4());
    default: break;
  }
  text("type ").number(view->type()).text(" code ").number(view->code());
  bytes(view->body().size());
}

void Describer::icmpv6(Bytes message, const Carrier& carrier) noexcept {
  const auto view = wire::IcmpView::parse(message);
  if (!view) { return cut_off("ICMPv6", message); }
  text("ICMPv6");
  if (carrier.checksums_made) {
    remark(view->checksum_valid_v6(
        wire::pseudo_header_sum(carrier.source, carrier.destination, wire::kIcmpv6Protocol, message.size())));
  }
  text(" ");
  static constexpr std::array<std::string_view, 7> kUnreachable = {"no route",         "administratively prohibited",
                                                                   "beyond scope",     "address unreachable",
                                                                   "port unreachable", "source policy",
                                                                   "route rejected"};
  using enum wire::Icmpv6Type;
  switch (view->type_v6()) {
    case echo_request: return echo(*view, true);
    case echo_reply: return echo(*view, false);
    case destination_unreachable:
      if (view->code() < kUnreachable.size()) {
        text(kUnreachable[view->code()]);
      } else {
        text("unreachable code ").number(view->code());
      }
      return quotation(view->quotation_v6());
    case packet_too_big: text("packet too big mtu ").number(view->mtu_v6()); return quotation(view->quotation_v6());
    case time_exceeded: text("time exceeded"); return quotation(view->quotation_v6());
    case parameter_problem:
      text("parameter problem at ").number(view->pointer_v6());
      return quotation(view->quotation_v6());
    case multicast_listener_query: text("multicast listener query"); return bytes(view->body().size());
    case multicast_listener_report: text("multicast listener report"); return bytes(view->body().size());
    case multicast_listener_done: text("multicast listener done"); return bytes(view->body().size());
    case multicast_listener_report_v2: text("multicast listener report v2"); return bytes(view->body().size());
    default: break;
  }
  if (neighbors(*view)) { return; }
  text("type ").number(view->type()).text(" code ").number(view->code());
  bytes(view->body().size());
}

void Describer::link_layer(wire::NdpOptions options, wire::NdpOptionType type, std::string_view word) noexcept {
  if (const auto address = options.link_layer(type)) { text(word).value(*address); }
}

// False when it is none of theirs, or malformed.
bool Describer::neighbors(const wire::IcmpView& view) noexcept {
  using enum wire::Icmpv6Type;
  using Option = wire::NdpOptionType;
  switch (view.type_v6()) {
    case neighbor_solicitation:
      if (const auto message = wire::NeighborSolicitationView::parse(view.bytes())) {
        text("neighbor solicitation who has ").value(message->target()).text("?");
        link_layer(message->options(), Option::source_link_layer, " from ");
        return true;
      }
      return false;
    case neighbor_advertisement:
      if (const auto message = wire::NeighborAdvertisementView::parse(view.bytes())) {
        text("neighbor advertisement ").value(message->target());
        link_layer(message->options(), Option::target_link_layer, " is at ");
        if (message->router()) { text(" router"); }
        if (message->solicited()) { text(" solicited"); }
        if (message->overrides()) { text(" override"); }
        return true;
      }
      return false;
    case router_solicitation:
      if (const auto message = wire::RouterSolicitationView::parse(view.bytes())) {
        text("router solicitation");
        link_layer(message->options(), Option::source_link_layer, " from ");
        return true;
      }
      return false;
    case router_advertisement:
      if (const auto message = wire::RouterAdvertisementView::parse(view.bytes())) {
        Describer::router_advertisement(*message);
        return true;
      }
      return false;
    case redirect:
      if (const auto message = wire::RedirectView::parse(view.bytes())) {
        text("redirect ").value(message->destination()).text(" to ").value(message->target());
        return true;
      }
      return false;
    default: return false;
  }
}

void Describer::router_advertisement(const wire::RouterAdvertisementView& view) noexcept {
  text("router advertisement lifetime ").number(view.router_lifetime());
  if (view.managed()) { text(" managed"); }
  if (view.other()) { text(" other"); }
  wire::NdpOptions options = view.options();
  while (const auto option = options.next()) {
    if (const auto prefix = option->prefix_information()) {
      text(" prefix ").value(prefix->prefix).text("/").number(prefix->prefix_length);
      text(" valid ").number(prefix->valid_lifetime).text(" preferred ").number(prefix->preferred_lifetime);
    } else if (const auto mtu = option->mtu()) {
      text(" mtu ").number(*mtu);
    } else if (const auto dns = option->recursive_dns()) {
      for (std::size_t i = 0; i < dns->count(); ++i) { text(" DNS ").value(dns->server(i)); }
    } else if (option->type() == wire::NdpOptionType::source_link_layer) {
      if (const auto address = option->link_layer()) { text(" from ").value(*address); }
    }
  }
}

void Describer::igmp(Bytes message) noexcept {
  const auto view = wire::IgmpView::parse(message);
  if (!view) { return cut_off("IGMP", message); }
  text("IGMP ");
  using enum wire::IgmpType;
  switch (view->type()) {
    case query: text("v").number(view->version()).text(" query "); break;
    case report_v1: text("v1 report "); break;
    case report_v2: text("v2 report "); break;
    case leave: text("leave "); break;
    case report_v3: text("v3 report"); return bytes(message.size());
    default: text("type ").number(static_cast<std::uint8_t>(view->type())); return bytes(message.size());
  }
  value(view->group());
}

}  // namespace

std::string_view describe(std::span<const std::byte> frame, driver::Medium medium, bool checksums_made,
                          std::span<char> out) noexcept {
  Describer describer(out);
  medium == driver::Medium::ethernet ? describer.ethernet(frame, checksums_made)
                                     : describer.ip(frame, checksums_made, false);
  return describer.text();
}

std::string_view describe(const driver::Packet& packet, driver::Medium medium, std::span<char> out) noexcept {
  const driver::Offload& offload = packet.offload();
  const bool left_out = offload.checksum_start != 0 || offload.unfinished_start != 0 || offload.segment_size != 0;
  return describe(packet.data(), medium, !left_out, out);
}

}  // namespace nal::drivers
