#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "examples/tools/dump/facts.hpp"
#include "nal/cidr.hpp"

namespace dump {

/// Which frames to show, said as tcpdump's users say it (pcap-filter(7)), of which this knows:
///
///     [ip|ip6|arp] [src|dst|src or dst|src and dst] host ADDRESS      also without "host"
///     [src|dst|...] net PREFIX/LENGTH
///     [tcp|udp] [src|dst|...] port NUMBER, portrange FROM-TO
///     ether [src|dst|...] host MAC, ether proto NUMBER, [ip|ip6] proto NUMBER or NAME, vlan [NUMBER]
///     ip, ip6, arp, tcp, udp, sctp, icmp, icmp6, igmp, [ether|ip|ip6] broadcast, multicast, less SIZE, greater SIZE
///     and (&&), or (||), not (!), parentheses
///
/// `not` binds closest; `and` and `or` bind equally, from left to right. What has no keyword takes those of what stood
/// before it: "port 80 or 443".
class Filter {
 public:
  /// Matches everything.
  Filter() = default;
  /// Or what is wrong with the text, and where.
  static std::variant<Filter, std::string> parse(std::string_view text);

  bool matches(const Facts& facts) const;

 private:
  friend class Parser;
  enum class What : std::uint8_t {
    all_of,
    any_of,
    none_of,
    net,
    port,
    mac,
    ether_type,
    protocol,
    version,
    arp,
    vlan,
    broadcast,
    multicast,
    size,
  };
  enum class Way : std::uint8_t { either, both, source, destination };
  /// One step of a program in reverse Polish notation: without recursion, so that its length alone bounds it.
  struct Step {
    What what;
    Way way = Way::either;
    bool ethernet = false;      ///< of `broadcast` and `multicast`: of the link
    unsigned version = 0;       ///< of IP; 0: either
    std::uint8_t protocol = 0;  ///< of `port`: 0 for any
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    nal::Cidr net{};
    nal::MacAddress mac{};
  };
  static bool holds(const Step& step, const Facts& facts);

  std::vector<Step> steps_;
};

}  // namespace dump
