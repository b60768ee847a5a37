#include "examples/tools/dump/facts.hpp"

#include "backends/embedded/wire/arp.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "backends/embedded/wire/ipv4.hpp"
#include "backends/embedded/wire/ipv6.hpp"

namespace dump {
namespace {

namespace wire = nal::embedded::wire;
using Bytes = std::span<const std::byte>;

void look_at_ports(Bytes transport, Facts& facts) {
  const bool has_ports = facts.protocol == 6 || facts.protocol == 17 || facts.protocol == 132;
  if (!has_ports || transport.size() < 4) { return; }
  facts.source_port = wire::load_be16(transport.data());
  facts.destination_port = wire::load_be16(&transport[2]);
}

void look_at_ip(Bytes packet, Facts& facts) {
  if (const auto v4 = wire::Ipv4View::parse_quoted(packet)) {
    facts.ip_version = 4;
    facts.source = v4->source();
    facts.destination = v4->destination();
    facts.protocol = v4->protocol();
    if (v4->fragment_offset() == 0) { look_at_ports(v4->payload(), facts); }
  } else if (const auto v6 = wire::Ipv6View::parse_quoted(packet)) {
    facts.ip_version = 6;
    facts.source = wire::to_ipv6(v6->source());
    facts.destination = wire::to_ipv6(v6->destination());
    facts.protocol = v6->next_header();
    if (const auto carried = wire::skip_extension_headers(*v6)) {
      facts.protocol = carried->protocol;
      look_at_ports(v6->bytes().subspan(carried->offset), facts);
    }
  }
}

}  // namespace

Facts look_at(Bytes frame, nal::driver::Medium medium, std::size_t size) {
  Facts facts;
  facts.size = size;
  if (medium == nal::driver::Medium::ip) {
    look_at_ip(frame, facts);
    facts.ether_type = facts.ip_version == 6 ? 0x86dd : facts.ip_version == 4 ? 0x0800 : 0;
    return facts;
  }
  const auto ethernet = wire::EthernetView::parse(frame);
  if (!ethernet) { return facts; }
  facts.ethernet = true;
  facts.mac_source = ethernet->source();
  facts.mac_destination = ethernet->destination();
  if (ethernet->tagged()) { facts.vlan = ethernet->vlan(); }
  facts.ether_type = static_cast<std::uint16_t>(ethernet->type());
  switch (ethernet->type()) {
    case wire::EtherType::ipv4:
    case wire::EtherType::ipv6: look_at_ip(ethernet->payload(), facts); break;
    case wire::EtherType::arp:
      facts.arp = true;
      if (const auto arp = wire::ArpView::parse(ethernet->payload())) {
        facts.source = arp->sender();
        facts.destination = arp->target();
      }
      break;
    default: break;
  }
  return facts;
}

}  // namespace dump
