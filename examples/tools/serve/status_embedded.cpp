// What a stack of our own tells of itself.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "backends/embedded/stack.hpp"
#include "examples/tools/serve/status.hpp"
#include "nal/hosted/format.hpp"

namespace nal_serve {

namespace {

namespace embedded = nal::embedded;
using embedded::Address;
using embedded::InterfaceIndex;

std::string text(const Address& address, InterfaceIndex interface = 0) {
  return nal::to_string(address.to_ip(address.is_link_local() ? interface : 0));
}
std::string endpoint(const Address& address, std::uint16_t port) {
  return nal::to_string(nal::Endpoint{address.to_ip(0), port});
}
std::string until(nal::Instant when, nal::Instant now) {
  return when.is_never() ? "for ever" : std::to_string((when - now).milliseconds() / 1000) + " s";
}

// By their numbers.
constexpr std::array<const char*, 5> kAddressStates{"none", "tentative", "preferred", "deprecated", "duplicate"};
constexpr std::array<const char*, 4> kOrigins{"by hand", "link-local", "SLAAC", "DHCP"};
constexpr std::array<const char*, 7> kNeighborStates{"none",  "incomplete", "reachable", "stale",
                                                     "delay", "probe",      "failed"};
constexpr std::array<const char*, 5> kRouteKinds{"none", "on-link", "router", "specific", "redirect"};
constexpr std::array<const char*, 11> kTcpStates{"FREE",       "SYN-SENT",   "SYN-RECEIVED", "ESTABLISHED",
                                                 "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",   "CLOSING",
                                                 "LAST-ACK",   "CLOSED",     "ABORTING"};

template <std::size_t N, class E>
std::string named(const std::array<const char*, N>& names, E value) {
  const auto number = static_cast<std::size_t>(value);
  return number < N ? names[number] : "?";
}

Section interfaces(embedded::Stack& stack) {
  Section section{"interfaces", {"interface", "hardware_address", "mtu", "up"}, {}};
  for (const embedded::Interface& it : stack.interfaces()) {
    if (!it.driver) { continue; }
    section.rows.push_back({std::uint64_t{it.index},
                            it.is_ethernet() ? nal::to_string(it.hardware_address) : std::string("tunnel"),
                            std::uint64_t{it.mtu}, it.up});
  }
  return section;
}

Section addresses(embedded::Stack& stack, nal::Instant now) {
  Section section{"addresses", {"interface", "address", "state", "origin", "valid"}, {}};
  for (const embedded::Interface& it : stack.interfaces()) {
    for (const embedded::InterfaceAddress& own : it.addresses) {
      if (!it.driver || own.state == embedded::InterfaceAddress::State::none) { continue; }
      section.rows.push_back({std::uint64_t{it.index}, text(own.address) + "/" + std::to_string(own.prefix_length),
                              named(kAddressStates, own.state), named(kOrigins, own.origin),
                              until(own.valid_until, now)});
    }
  }
  return section;
}

Section neighbors(embedded::Stack& stack) {
  Section section{"neighbours", {"interface", "address", "hardware_address", "state", "router"}, {}};
  for (const embedded::Neighbor& it : stack.neighbors()) {
    if (it.state == embedded::Neighbor::State::none) { continue; }
    section.rows.push_back({std::uint64_t{it.interface}, text(it.address), nal::to_string(it.hardware_address),
                            named(kNeighborStates, it.state), it.role == embedded::Neighbor::Role::router});
  }
  return section;
}

Section routes(embedded::Stack& stack, nal::Instant now) {
  Section section{"routes", {"interface", "prefix", "next_hop", "origin", "valid"}, {}};
  const auto next_hop = [](const Address& address) {
    return address.is_unspecified() ? std::string("the link") : text(address);
  };
  for (const embedded::StaticRoute& it : stack.routes()) {
    if (it.interface == 0) { continue; }
    section.rows.push_back({std::uint64_t{it.interface}, text(it.prefix) + "/" + std::to_string(it.length),
                            next_hop(it.gateway), std::string("static"), std::string("for ever")});
  }
  for (const embedded::LearnedRoute& it : stack.learned_routes()) {
    if (it.kind == embedded::LearnedRoute::Kind::none) { continue; }
    section.rows.push_back({std::uint64_t{it.interface}, text(it.prefix) + "/" + std::to_string(it.length),
                            next_hop(it.next_hop), named(kRouteKinds, it.kind), until(it.until, now)});
  }
  return section;
}

Section sockets(embedded::Stack& stack) {
  Section section{"sockets", {"protocol", "local", "remote", "state", "unread", "unsent", "rtt_us", "window"}, {}};
  const auto add = [&section](const char* protocol, std::string local, std::string remote, std::string state,
                              std::uint64_t unread, std::uint64_t unsent, std::uint64_t rtt, std::uint64_t window) {
    section.rows.push_back(
        {std::string(protocol), std::move(local), std::move(remote), std::move(state), unread, unsent, rtt, window});
  };
  for (const embedded::ListenerEntry& it : stack.listeners()) {
    if (it.port != 0) { add("tcp", endpoint(it.local, it.port), "*", "LISTEN", it.waiting, 0, 0, 0); }
  }
  for (const embedded::Connection& it : stack.connections()) {
    if (it.state == embedded::TcpState::free) { continue; }
    add("tcp", endpoint(it.key.local, it.key.local_port), endpoint(it.key.remote, it.key.remote_port),
        named(kTcpStates, it.state), it.rx_unread, it.tx_size, it.rtt.srtt(), it.snd_wnd);
  }
  for (const embedded::UdpSlot& it : stack.udp_sockets()) {
    if (!it.used) { continue; }
    add("udp", endpoint(it.local, it.local_port), it.connected ? endpoint(it.remote, it.remote_port) : "*", "",
        it.queue.count(), 0, 0, 0);
  }
  return section;
}

Section list(const char* name, std::initializer_list<std::pair<const char*, std::size_t>> values) {
  Section section{name, {}, {}};
  for (const auto& [key, value] : values) { section.rows.push_back({std::string(key), std::uint64_t{value}}); }
  return section;
}

Section tables(embedded::Stack& stack) {
  const auto neighbors = stack.neighbors();
  const auto in_use = std::count_if(neighbors.begin(), neighbors.end(), [](const embedded::Neighbor& it) {
    return it.state != embedded::Neighbor::State::none;
  });
  return list("tables", {{"packets", stack.packets().count()},
                         {"packets_free", stack.packets().available()},
                         {"large_packets", stack.large_packets().count()},
                         {"large_packets_free", stack.large_packets().available()},
                         {"tcp_connections", stack.tcp().connections_in_use()},
                         {"tcp_listeners", stack.tcp().listeners_in_use()},
                         {"tcp_handshakes", stack.tcp().handshakes_in_use()},
                         {"tcp_time_waits", stack.tcp().time_waits_in_use()},
                         {"tcp_rings_free", stack.tcp().rings_free()},
                         {"udp_sockets", stack.udp().in_use()},
                         {"neighbours", static_cast<std::size_t>(in_use)}});
}

}  // namespace

void report_embedded(embedded::Stack& stack, nal::Instant now, Report& report) {
  report.push_back(interfaces(stack));
  report.push_back(addresses(stack, now));
  report.push_back(routes(stack, now));
  report.push_back(neighbors(stack));
  report.push_back(sockets(stack));
  report.push_back(tables(stack));
  const embedded::Stack::Statistics all = stack.statistics();
  const auto& ip = all.ip;
  report.push_back(list("ip", {{"received", ip.received},
                               {"sent", ip.sent},
                               {"malformed", ip.malformed},
                               {"not_for_us", ip.not_for_us},
                               {"bad_source", ip.bad_source},
                               {"unknown_protocol", ip.unknown_protocol},
                               {"no_packet", ip.no_packet},
                               {"device_full", ip.device_full},
                               {"icmp_errors_sent", ip.icmp_errors_sent},
                               {"icmp_errors_limited", ip.icmp_errors_limited},
                               {"icmp_errors_refused", ip.icmp_errors_refused}}));
  const auto& fragments = all.fragments;
  report.push_back(list("fragments", {{"completed", fragments.completed},
                                      {"timed_out", fragments.timed_out},
                                      {"overlapping", fragments.overlapping},
                                      {"malformed", fragments.malformed},
                                      {"no_room", fragments.no_room}}));
  const auto& udp = all.udp;
  report.push_back(list("udp", {{"received", udp.received},
                                {"sent", udp.sent},
                                {"malformed", udp.malformed},
                                {"no_socket", udp.no_socket},
                                {"queue_full", udp.queue_full}}));
  const auto& tcp = all.tcp;
  report.push_back(list("tcp", {{"segments_in", tcp.segments_in},
                                {"segments_out", tcp.segments_out},
                                {"malformed", tcp.malformed},
                                {"bad_checksum", tcp.bad_checksum},
                                {"resets_in", tcp.resets_in},
                                {"resets_out", tcp.resets_out},
                                {"retransmitted", tcp.retransmitted},
                                {"timeouts", tcp.timeouts},
                                {"probes", tcp.probes},
                                {"out_of_order", tcp.out_of_order},
                                {"unacceptable", tcp.unacceptable},
                                {"challenges", tcp.challenges},
                                {"syns_dropped", tcp.syns_dropped},
                                {"cookies_out", tcp.cookies_out},
                                {"cookies_in", tcp.cookies_in}}));
}

}  // namespace nal_serve
