#pragma once
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "nal/hosted/format.hpp"
#include "nal/mdns/querier.hpp"
#include "nal/mdns/responder.hpp"
#include "nal/mdns/service.hpp"
#include "tests/nal/resolver/bytes.hpp"

namespace nal::mdns::test {

using namespace nal::literals;
using dns::Section;
using dns::Type;
using dns::test::Bytes;
using dns::test::name_of;
using dns::test::text_of;
using Lines = std::vector<std::string>;

inline Entropy entropy(unsigned seed = 1) {
  std::array<std::byte, Entropy::kSize> bytes{};
  bytes[0] = static_cast<std::byte>(seed);
  return Entropy(bytes);
}

inline std::string type_text(Type type) {
  switch (type) {
    case Type::a: return "A";
    case Type::aaaa: return "AAAA";
    case Type::ptr: return "PTR";
    case Type::srv: return "SRV";
    case Type::txt: return "TXT";
    case Type::nsec: return "NSEC";
    case Type::any: return "ANY";
    default: return std::to_string(static_cast<unsigned>(type));
  }
}

inline std::string data_text(Type type, std::span<const std::byte> data) {
  dns::Name name;
  switch (type) {
    case Type::a:
    case Type::aaaa: return to_string(*dns::read_address(data));
    case Type::ptr: return dns::read_name(data, name) ? text_of(name) : "?";
    case Type::srv: {
      dns::Service service;
      return dns::read_service(data, service) ? std::to_string(service.port) + " " + text_of(service.target) : "?";
    }
    case Type::txt: {
      std::string text;
      dns::Strings strings(data);
      while (const auto string = strings.next()) { text += (text.empty() ? "" : ",") + std::string(*string); }
      return text;
    }
    case Type::nsec: {
      std::string text = "only";
      for (const Type one : {Type::a, Type::ptr, Type::txt, Type::aaaa, Type::srv}) {
        if (has_type(data, one)) { text += " " + type_text(one); }
      }
      return text;
    }
    default: return std::to_string(data.size()) + " bytes";
  }
}

/// A message as lines: "? NAME TYPE [QU]", then "! NAME TYPE TTL [flush] DATA" for answers, "^" for authorities and "+"
/// for additional records; "TC" if it is truncated.
inline Lines lines_of(std::span<const std::byte> bytes) {
  Lines lines;
  auto message = dns::Message::parse(bytes);
  REQUIRE(message);
  if (message->header().is(dns::Header::kTruncated)) { lines.push_back("TC"); }
  dns::Question question;
  for (;;) {
    const auto more = message->next(question);
    REQUIRE(more);
    if (!*more) { break; }
    dns::Name name;
    REQUIRE(name.set_wire(bytes, question.name));
    lines.push_back("? " + text_of(name) + " " + type_text(question.type) +
                    ((question.record_class & kTopBit) != 0 ? " QU" : ""));
  }
  dns::Record record;
  for (;;) {
    const auto more = message->next(record);
    REQUIRE(more);
    if (!*more) { break; }
    dns::Name name;
    REQUIRE(name.set_wire(bytes, record.name));
    RecordData read;
    REQUIRE(read.read(*message, record));
    Bytes data;
    data.put(read.data().front).put(read.data().name).put(read.data().back);
    lines.push_back(std::string(1, "!^+"[static_cast<int>(record.section)]) + " " + text_of(name) + " " +
                    type_text(record.type) + " " + std::to_string(record.ttl) +
                    ((record.record_class & kTopBit) != 0 ? " flush " : " ") + data_text(record.type, data));
  }
  return lines;
}

struct Item {
  Section section = Section::answer;
  std::string name;
  Type type = Type::a;
  std::uint32_t ttl = 120;
  Bytes data{};
  bool flush = false;
};
inline Item address_item(std::string name, std::string_view address, std::uint32_t ttl = 120, bool flush = true) {
  const Bytes data = dns::test::address_data(address);
  return {.name = std::move(name),
          .type = data.size() == 4 ? Type::a : Type::aaaa,
          .ttl = ttl,
          .data = data,
          .flush = flush};
}
inline Item pointer_item(std::string name, std::string_view target, std::uint32_t ttl = 4500) {
  return {.name = std::move(name), .type = Type::ptr, .ttl = ttl, .data = Bytes().name(target)};
}
inline Item service_item(std::string name, unsigned port, std::string_view target, bool flush = true) {
  return {.name = std::move(name),
          .type = Type::srv,
          .ttl = 120,
          .data = Bytes().u16(0).u16(0).u16(port).name(target),
          .flush = flush};
}
inline Item text_item(std::string name, std::string_view text) {
  return {.name = std::move(name),
          .type = Type::txt,
          .ttl = 4500,
          .data = Bytes().u8(static_cast<unsigned>(text.size())).text(text),
          .flush = true};
}

struct Asked {
  std::string name;
  Type type = Type::any;
  bool unicast = false;
};

inline Bytes message_of(std::uint16_t flags, const std::vector<Asked>& questions, const std::vector<Item>& records,
                        std::uint16_t id = 0) {
  Bytes out(9000);
  dns::MessageWriter writer(out, id, flags);
  for (const Asked& asked : questions) {
    writer.question(name_of(asked.name), asked.type,
                    static_cast<std::uint16_t>(dns::kInternet | (asked.unicast ? kTopBit : 0)));
  }
  for (const Item& item : records) {
    writer.record(item.section, name_of(item.name), item.type, item.ttl, item.data,
                  static_cast<std::uint16_t>(dns::kInternet | (item.flush ? kTopBit : 0)));
  }
  const auto written = writer.finish();
  REQUIRE(written);
  out.resize(written->size());
  return out;
}
inline Bytes response(const std::vector<Item>& records) {
  return message_of(dns::Header::kResponse | dns::Header::kAuthoritative, {}, records);
}
inline Bytes query(const std::vector<Asked>& questions, const std::vector<Item>& records = {},
                   std::uint16_t flags = 0) {
  return message_of(flags, questions, records);
}

struct Sent {
  std::int64_t at = 0;  ///< milliseconds since the bench began
  unsigned link = 0;
  Lines lines;
  Bytes bytes;
};

/// One host: a network of two interfaces, a responder or a querier, and a clock.
class Bench {
 public:
  static constexpr InterfaceId kFirst{1};
  static constexpr InterfaceId kSecond{2};

  explicit Bench(unsigned seed = 1, std::size_t links = 1, std::size_t records = 24, std::size_t questions = 4)
      : random(entropy(seed)),
        network(links_, addresses_),
        own_(24),
        cached_(records),
        questions_(questions),
        querier(network, {questions_, cached_, bytes_}, random),
        responder(network, {services_, own_, std::span(link_states_).first(links), last_}, random) {
    REQUIRE(network.add_link({kFirst, Family::v4}));
    if (links > 1) { REQUIRE(network.add_link({kSecond, Family::v4})); }
  }

  void set_addresses(std::initializer_list<const char*> texts, InterfaceId interface = kFirst) {
    std::vector<Cidr> cidrs;
    for (const char* text : texts) { cidrs.push_back(*Cidr::parse(text)); }
    REQUIRE(network.set_addresses(interface, cidrs));
    REQUIRE(responder.addresses_changed(now));
  }

  std::int64_t elapsed() const { return (now - kStart).milliseconds(); }

  /// Passes a message to both; what the responder replies by unicast.
  Lines hear(const Bytes& bytes, std::string_view from = "10.0.0.99:5353", unsigned link = 0) {
    const auto message = dns::Message::parse(bytes);
    REQUIRE(message);
    const Incoming incoming{.bytes = bytes,
                            .link = static_cast<std::uint8_t>(link),
                            .interface = network.links()[link].interface,
                            .remote = *Endpoint::parse(from)};
    querier.input(*message, incoming, now);
    std::array<std::byte, 1452> reply;
    const std::size_t size = responder.input(*message, incoming, now, reply);
    reply_.assign(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(size));
    return size == 0 ? Lines() : lines_of(reply_);
  }
  const Bytes& last_reply() const { return reply_; }

  /// Lets time pass, and gives what was sent meanwhile, by either.
  std::vector<Sent> pass(Duration time, std::size_t room = 1452) {
    const Instant end = now + time;
    std::vector<Sent> sent;
    for (unsigned idle = 0;;) {
      std::uint8_t link = 0;
      std::vector<std::byte> out(room);
      std::size_t size = responder.poll(now, out, link);
      if (size == 0) { size = querier.poll(now, out, link); }
      if (size != 0) {
        const Bytes bytes(std::span<const std::byte>(out).first(size));
        sent.push_back({elapsed(), link, lines_of(bytes), bytes});
        REQUIRE(sent.size() < 10'000);
        idle = 0;
        continue;
      }
      const Instant at = std::min(responder.poll_at(), querier.poll_at());
      if (at > end) { break; }
      REQUIRE((at > now || ++idle < 3));  // it does not spin
      now = std::max(now, at);
    }
    now = end;
    return sent;
  }

  /// The host's name is settled.
  void settle(const char* host = "kitchen") {
    REQUIRE(responder.set_host(host, now));
    pass(5_s);
    REQUIRE(responder.claim(0).state == ClaimState::settled);
    while (responder.take_change()) {}
  }
  std::string name(std::size_t claim) const {
    dns::Name name;
    responder.name_of(claim, name);
    return text_of(name);
  }

  static constexpr Instant kStart = Instant::from_microseconds(10'000'000);
  Instant now = kStart;
  Random random;

 private:
  std::array<Link, 2> links_;
  std::array<LocalAddress, 6> addresses_;

 public:
  Network network;

 private:
  std::array<ServiceSlot, 3> services_;
  std::vector<OwnRecord> own_;
  std::array<Responder::LinkState, 2> link_states_;
  std::array<std::uint32_t, 24 * 2> last_{};
  std::vector<CachedRecord> cached_;
  std::array<std::byte, 4096> bytes_;
  std::vector<QuestionSlot> questions_;
  Bytes reply_;

 public:
  Querier querier;
  Responder responder;
};

}  // namespace nal::mdns::test
