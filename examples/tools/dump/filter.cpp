#include "examples/tools/dump/filter.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace dump {
namespace {

struct Name {
  std::string_view name;
  std::uint32_t number;
};
constexpr std::array<Name, 7> kProtocols{
    {{"icmp", 1}, {"igmp", 2}, {"tcp", 6}, {"udp", 17}, {"icmp6", 58}, {"sctp", 132}, {"ospf", 89}}};
constexpr std::array<Name, 4> kEtherTypes{{{"ip", 0x0800}, {"ip6", 0x86dd}, {"arp", 0x0806}, {"vlan", 0x8100}}};
constexpr std::array<Name, 14> kPorts{{{"ftp", 21},
                                       {"ssh", 22},
                                       {"telnet", 23},
                                       {"smtp", 25},
                                       {"domain", 53},
                                       {"bootps", 67},
                                       {"bootpc", 68},
                                       {"http", 80},
                                       {"ntp", 123},
                                       {"https", 443},
                                       {"mqtt", 1883},
                                       {"mdns", 5353},
                                       {"coap", 5683},
                                       {"secure-mqtt", 8883}}};

template <std::size_t kSize>
std::optional<std::uint32_t> find(const std::array<Name, kSize>& names, std::string_view name) {
  for (const Name& it : names) {
    if (it.name == name) { return it.number; }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t largest) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) { text.remove_prefix(2); }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size() || value > largest) { return std::nullopt; }
  return value;
}

}  // namespace

class Parser {
 public:
  using What = Filter::What;
  using Way = Filter::Way;
  using Step = Filter::Step;

  explicit Parser(std::string_view text) : text_(text) { advance(); }

  std::variant<Filter, std::string> run() {
    if (token_.empty()) { return Filter(); }
    if (!expression()) { return error_; }
    if (!token_.empty()) { return "\"" + std::string(token_) + "\" is not expected" + where(); }
    return std::move(filter_);
  }

 private:
  static constexpr int kDepth = 100;

  /// What qualifies an identifier; kept for identifiers that have nothing of their own.
  struct Qualifiers {
    enum class Type { none, host, net, port, port_range, proto, mac };
    Type type = Type::none;
    Way way = Way::either;
    bool arp = false;
    bool ethernet = false;
    unsigned version = 0;
    std::uint8_t protocol = 0;
  };

  std::string where() const { return " at character " + std::to_string(at_ - token_.size() + 1); }
  bool fail(const std::string& why) {
    if (error_.empty()) { error_ = why + where(); }
    return false;
  }
  void advance() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) { ++at_; }
    const std::size_t begin = at_;
    if (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '(' || c == ')' || c == '!') {
        ++at_;
      } else if (c == '&' || c == '|') {
        at_ += at_ + 1 < text_.size() && text_[at_ + 1] == c ? 2 : 1;
      } else {
        while (at_ < text_.size() && std::string_view(" \t\n()!&|").find(text_[at_]) == std::string_view::npos) {
          ++at_;
        }
      }
    }
    token_ = text_.substr(begin, at_ - begin);
  }
  bool take(std::string_view word) {
    if (token_ != word) { return false; }
    advance();
    return true;
  }
  void emit(const Step& step) { filter_.steps_.push_back(step); }

  bool expression() {
    if (!term()) { return false; }
    for (;;) {
      const bool both = token_ == "and" || token_ == "&&";
      if (!both && token_ != "or" && token_ != "||") { return true; }
      advance();
      if (!term()) { return false; }
      emit({.what = both ? What::all_of : What::any_of});
    }
  }
  bool term() {
    if (++depth_ > kDepth) { return fail("too many parentheses"); }
    bool good = false;
    if (take("not") || take("!")) {
      good = term();
      emit({.what = What::none_of});
    } else if (take("(")) {
      good = expression() && (take(")") || fail(token_.empty() ? "a parenthesis is not closed" : "\")\" is expected"));
    } else {
      good = primitive();
    }
    --depth_;
    return good;
  }

  bool primitive() {
    if (token_.empty()) { return fail("something is missing"); }
    Qualifiers it;
    bool any = false;
    // ether, ip, ip6, arp, tcp, udp …, which may stand alone.
    const std::string_view first = token_;
    if (take("ether")) {
      it.ethernet = any = true;
    } else if (take("ip")) {
      it.version = 4;
      any = true;
    } else if (take("ip6")) {
      it.version = 6;
      any = true;
    } else if (take("arp")) {
      it.arp = any = true;
    } else if (take("vlan")) {
      return vlan();
    } else if (take("less")) {
      return size(0);
    } else if (take("greater")) {
      return size(1);
    } else if (const auto protocol = find(kProtocols, token_)) {
      advance();
      it.protocol = static_cast<std::uint8_t>(*protocol);
      any = true;
    }
    const bool broadcast = token_ == "broadcast";
    if (broadcast || token_ == "multicast") {
      advance();
      return to_many(it, broadcast);
    }
    const bool directed = direction(it);
    if (type(it)) {
      known_ = it;
      return identifier(it);
    }
    if (directed) {
      it.type = it.ethernet ? Qualifiers::Type::mac : Qualifiers::Type::host;
      known_ = it;
      return identifier(it);
    }
    if (any) { return protocol(it, first); }
    // Nothing of its own: as before; and an address alone is a host's.
    it = known_;
    if (it.type == Qualifiers::Type::none) { it.type = Qualifiers::Type::host; }
    return identifier(it);
  }
  bool direction(Qualifiers& it) {
    const bool source = token_ == "src";
    if (!source && token_ != "dst") { return false; }
    advance();
    it.way = source ? Way::source : Way::destination;
    const std::string_view rest = text_.substr(at_ - token_.size());
    // "src or dst", but not "src or dst"'s "or" of two primitives.
    const bool both = token_ == "and";
    const std::string_view other = source ? "dst" : "src";
    if (both || token_ == "or") {
      const std::size_t word = rest.find_first_not_of(' ', token_.size());
      if (word != std::string_view::npos && rest.substr(word).starts_with(other)) {
        advance();
        advance();
        it.way = both ? Way::both : Way::either;
      }
    }
    return true;
  }
  bool type(Qualifiers& it) {
    using Type = Qualifiers::Type;
    if (take("host")) {
      it.type = it.ethernet ? Type::mac : Type::host;
    } else if (take("net")) {
      it.type = Type::net;
    } else if (take("port")) {
      it.type = Type::port;
    } else if (take("portrange")) {
      it.type = Type::port_range;
    } else if (take("proto")) {
      it.type = Type::proto;
    } else {
      return false;
    }
    return true;
  }
  bool protocol(const Qualifiers& it, std::string_view name) {
    if (it.ethernet) { return fail("something is missing behind \"ether\""); }
    if (it.arp) {
      emit({.what = What::arp});
    } else if (it.version != 0) {
      emit({.what = What::version, .version = it.version});
    } else {
      // ICMP and IGMP are of one version.
      const unsigned version = name == "icmp" || name == "igmp" ? 4 : name == "icmp6" ? 6 : 0;
      emit({.what = What::protocol, .version = version, .from = it.protocol});
    }
    return true;
  }
  bool vlan() {
    const auto id = number(token_, 4095);
    if (id) { advance(); }
    emit({.what = What::vlan, .from = id.value_or(0), .to = id.value_or(4095)});
    return true;
  }
  bool size(int greater) {
    const auto bytes = number(token_, 0xffff'fff0U);
    if (!bytes) { return fail("a size is expected"); }
    advance();
    emit({.what = What::size, .from = greater != 0 ? *bytes : 0, .to = greater != 0 ? 0xffff'ffffU : *bytes});
    return true;
  }
  bool to_many(const Qualifiers& it, bool broadcast) {
    emit({.what = broadcast ? What::broadcast : What::multicast, .ethernet = it.version == 0, .version = it.version});
    return true;
  }

  bool identifier(const Qualifiers& it) {
    using Type = Qualifiers::Type;
    if (token_.empty()) { return fail("something is missing"); }
    Step step{.what = What::net, .way = it.way, .version = it.version, .protocol = it.protocol};
    switch (it.type) {
      case Type::none:
      case Type::host: {
        const auto address = nal::IpAddress::parse(token_);
        if (!address) { return fail("\"" + std::string(token_) + "\" is no address"); }
        step.net = nal::Cidr(*address, address->is_v4() ? 32 : 128);
        break;
      }
      case Type::net: {
        const auto net = nal::Cidr::parse(token_);
        if (!net) { return fail("\"" + std::string(token_) + "\" is no network"); }
        step.net = *net;
        break;
      }
      case Type::port:
      case Type::port_range:
        if (!ports(it.type == Type::port_range, step)) { return false; }
        break;
      case Type::proto: return proto(it);
      case Type::mac: {
        const auto mac = nal::MacAddress::parse(token_);
        if (!mac) { return fail("\"" + std::string(token_) + "\" is no hardware address"); }
        step.what = What::mac;
        step.mac = *mac;
        break;
      }
    }
    advance();
    emit(step);
    if (it.arp) {
      emit({.what = What::arp});
      emit({.what = What::all_of});
    }
    return true;
  }
  std::optional<std::uint32_t> port(std::string_view text) const {
    if (const auto known = find(kPorts, text)) { return known; }
    return number(text, 0xffff);
  }
  bool ports(bool range, Step& step) {
    step.what = What::port;
    const std::size_t dash = range ? token_.find('-') : std::string_view::npos;
    const auto from = port(token_.substr(0, dash));
    const auto to = dash == std::string_view::npos ? from : port(token_.substr(dash + 1));
    if (!from || !to || (range && dash == std::string_view::npos)) {
      return fail("\"" + std::string(token_) + "\" is no " + (range ? "range of ports" : "port"));
    }
    step.from = std::min(*from, *to);
    step.to = std::max(*from, *to);
    return true;
  }
  bool proto(const Qualifiers& it) {
    std::string_view name = token_;
    if (name.starts_with('\\')) { name.remove_prefix(1); }  // as tcpdump wants keywords written
    const auto value = it.ethernet ? find(kEtherTypes, name) : find(kProtocols, name);
    const auto given = value ? value : number(name, it.ethernet ? 0xffff : 0xff);
    if (!given) { return fail("\"" + std::string(token_) + "\" is no protocol"); }
    advance();
    emit({.what = it.ethernet ? What::ether_type : What::protocol, .version = it.version, .from = *given});
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view token_;
  int depth_ = 0;
  Qualifiers known_;
  std::string error_;
  Filter filter_;
};

std::variant<Filter, std::string> Filter::parse(std::string_view text) { return Parser(text).run(); }

bool Filter::holds(const Step& step, const Facts& facts) {
  const auto way = [&](auto&& source, auto&& destination, auto&& test) {
    switch (step.way) {
      case Way::source: return test(source);
      case Way::destination: return test(destination);
      case Way::both: return test(source) && test(destination);
      default: return test(source) || test(destination);
    }
  };
  const bool version = step.version == 0 || step.version == facts.ip_version;
  switch (step.what) {
    case What::net:
      return version && way(facts.source, facts.destination, [&](const std::optional<nal::IpAddress>& address) {
               return address && step.net.contains(*address);
             });
    case What::port:
      return version && (step.protocol == 0 || step.protocol == facts.protocol) &&
             way(facts.source_port, facts.destination_port, [&](const std::optional<std::uint16_t>& port) {
               return port && *port >= step.from && *port <= step.to;
             });
    case What::mac:
      return facts.ethernet &&
             way(facts.mac_source, facts.mac_destination, [&](const nal::MacAddress& mac) { return mac == step.mac; });
    case What::ether_type: return facts.ether_type == step.from;
    case What::protocol: return facts.ip_version != 0 && version && facts.protocol == step.from;
    case What::version: return facts.ip_version == step.version;
    case What::arp: return facts.arp;
    case What::vlan: return facts.vlan && *facts.vlan >= step.from && *facts.vlan <= step.to;
    case What::broadcast:
      if (step.ethernet) { return facts.ethernet && facts.mac_destination.is_broadcast(); }
      return version && facts.destination && facts.destination->is_v4() && facts.destination->v4().is_broadcast();
    case What::multicast:
      if (step.ethernet) { return facts.ethernet && facts.mac_destination.is_multicast(); }
      return version && facts.ip_version != 0 && facts.destination && facts.destination->is_multicast();
    case What::size: return facts.size >= step.from && facts.size <= step.to;
    default: return false;
  }
}

bool Filter::matches(const Facts& facts) const {
  std::vector<bool> stack;
  for (const Step& step : steps_) {
    if (step.what == What::none_of) {
      stack.back() = !stack.back();
    } else if (step.what == What::all_of || step.what == What::any_of) {
      const bool last = stack.back();
      stack.pop_back();
      stack.back() = step.what == What::all_of ? stack.back() && last : stack.back() || last;
    } else {
      stack.push_back(holds(step, facts));
    }
  }
  return stack.empty() || stack.back();
}

}  // namespace dump
