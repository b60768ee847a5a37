// Multicast DNS against neighbours that say anything, on a clock that jumps: what a host sends is a message and no more
// than it may, it spins on nothing, keeps within its memory, tells of nothing that goes without having come, and
// withdraws its names in the end.
//
// An input is a list of steps, each a byte that says what happens, and for some others that say how.
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nal/mdns/querier.hpp"
#include "nal/mdns/responder.hpp"
#include "nal/mdns/service.hpp"
#include "nal/resolver/message.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal;
using namespace nal::literals;
using nal::fuzz::require;
using Bytes = std::vector<std::byte>;

/// A message that this host sends is read as one, and has nothing behind it.
void check_message(std::span<const std::byte> bytes, bool response) {
  auto message = dns::Message::parse(bytes);
  require(message.has_value() && message->header().is(dns::Header::kResponse) == response);
  dns::Question question;
  for (auto more = message->next(question);; more = message->next(question)) {
    require(more.has_value());
    if (!*more) { break; }
  }
  dns::Record record;
  std::size_t end = 0;
  for (auto more = message->next(record);; more = message->next(record)) {
    require(more.has_value());
    if (!*more) { break; }
    end = record.data + record.bytes.size();
    mdns::RecordData data;
    require(data.read(*message, record).has_value());
  }
  require(end == 0 || end == bytes.size());
}

class Host {
 public:
  Host()
      : random_(Entropy(std::array<std::byte, 32>{})),
        network_(links_, addresses_),
        querier_(network_, {questions_, records_, bytes_}, random_),
        responder_(network_, {services_, own_, link_states_, last_}, random_) {
    require(network_.add_link({InterfaceId(1), Family::v4}).has_value());
    require(network_.add_link({InterfaceId(1), Family::v6}).has_value());
    const std::array addresses{Cidr(Ipv4Address(10, 0, 0, 1), 24)};
    require(network_.set_addresses(InterfaceId(1), addresses).has_value());
    require(responder_.set_host("a", now_).has_value());
    static constexpr std::string_view kSubtypes[] = {"_s"};
    static_cast<void>(
        responder_.add_service({.instance = "i", .type = "_a._tcp", .port = 1, .subtypes = kSubtypes}, now_));
    pass(5_s);
  }

  void run(std::span<const std::uint8_t> input) {
    while (!input.empty()) { step(input); }
    for (std::size_t i = 0; i < asked_.size(); ++i) { drop(i); }
    require(querier_.in_use() == 0);
    responder_.stop(now_);
    pass(2_s);
    require(responder_.stopped());
  }

 private:
  static std::uint8_t take(std::span<const std::uint8_t>& input) {
    if (input.empty()) { return 0; }
    const std::uint8_t byte = input.front();
    input = input.subspan(1);
    return byte;
  }

  void step(std::span<const std::uint8_t>& input) {
    const std::uint8_t what = take(input);
    switch (what & 7) {
      case 0: return pass(Duration::milliseconds(take(input)));
      case 1: return pass(Duration::seconds(take(input)));
      case 2: return ask(take(input), input);
      case 3: return drop(take(input) % asked_.size());
      case 4: return set_addresses(take(input));
      default: return hear(what, take(input), input);
    }
  }

  void ask(std::uint8_t how, std::span<const std::uint8_t>& input) {
    static constexpr const char* kNames[] = {"a.local", "_a._tcp.local", "i._a._tcp.local", "b.local"};
    static constexpr dns::Type kTypes[] = {dns::Type::a, dns::Type::ptr, dns::Type::any, dns::Type::srv};
    const std::size_t slot = how % asked_.size();
    drop(slot);
    dns::Name name;
    require(name.set_text(kNames[how >> 2 & 3]).has_value());
    const auto patience = Duration::seconds(1 + take(input));
    const auto question = querier_.ask(name, kTypes[how >> 4 & 3],
                                       (how & 0x40) != 0 ? mdns::Asking::watch : mdns::Asking::once, patience, now_);
    require(question.has_value());
    asked_[slot] = *question;
    known_[slot] = 0;
  }
  void drop(std::size_t slot) {
    if (asked_[slot] != kNone) { querier_.drop(asked_[slot]); }
    asked_[slot] = kNone;
  }

  void set_addresses(std::uint8_t which) {
    std::vector<Cidr> addresses;
    for (std::uint8_t i = 0; i < (which & 3); ++i) { addresses.emplace_back(Ipv4Address(10, 0, 0, which), 24); }
    if ((which & 3) > 1) { addresses.resize(1); }
    static_cast<void>(network_.set_addresses(InterfaceId(1), addresses));
    static_cast<void>(responder_.addresses_changed(now_));
  }

  void hear(std::uint8_t what, std::uint8_t size, std::span<const std::uint8_t>& input) {
    const std::size_t length = size < input.size() ? size : input.size();
    // Of just the right size, so that AddressSanitizer sees a byte too many.
    const Bytes bytes(reinterpret_cast<const std::byte*>(input.data()),
                      reinterpret_cast<const std::byte*>(input.data()) + length);
    input = input.subspan(length);
    const auto message = dns::Message::parse(bytes);
    if (!message) { return; }
    const mdns::Incoming from{.bytes = bytes,
                              .link = static_cast<std::uint8_t>(what >> 3 & 1),
                              .interface = InterfaceId(1),
                              .remote = {Ipv4Address(10, 0, 0, what >> 6),
                                         static_cast<std::uint16_t>((what & 0x20) != 0 ? 1234 : mdns::kPort)}};
    querier_.input(*message, from, now_);
    Bytes reply(600);
    const std::size_t answered = responder_.input(*message, from, now_, reply);
    require(answered <= reply.size());
    if (answered != 0) { check_message(std::span(reply).first(answered), true); }
    poll();
  }

  void poll() {
    for (unsigned count = 0;; ++count) {
      require(count < 200);
      Bytes out(600);
      std::uint8_t link = 0xff;
      const std::size_t size = responder_.poll(now_, out, link);
      if (size != 0) {
        require(size <= out.size() && link < 2);
        const bool response = (std::to_integer<unsigned>(out[2]) & 0x80) != 0;
        check_message(std::span(out).first(size), response);
        continue;
      }
      const std::size_t asked = querier_.poll(now_, out, link);
      if (asked == 0) { break; }
      require(asked <= out.size() && link < 2);
      check_message(std::span(out).first(asked), false);
    }
    require(responder_.poll_at() > now_ && querier_.poll_at() > now_);
    news();
  }

  void news() {
    for (std::size_t slot = 0; slot < asked_.size(); ++slot) {
      for (unsigned count = 0; asked_[slot] != kNone; ++count) {
        require(count < 100);
        const auto event = querier_.take(asked_[slot], now_);
        if (!event) {
          known_[slot] = -1000;  // what was lost may be anything
          continue;
        }
        if (!*event) { break; }
        known_[slot] += (*event)->added ? 1 : -1;
        require(known_[slot] >= 0 || known_[slot] < -500);
        dns::Name name;
        require(name.set_wire((*event)->name, 0).has_value());
      }
    }
  }

  void pass(Duration time) {
    const Instant end = now_ + time;
    for (unsigned turns = 0;; ++turns) {
      require(turns < 20'000);
      poll();
      const Instant at = responder_.poll_at() < querier_.poll_at() ? responder_.poll_at() : querier_.poll_at();
      if (at > end) { break; }
      now_ = at;
    }
    now_ = end;
  }

  static constexpr std::uint8_t kNone = 0xff;
  Instant now_ = Instant::from_microseconds(1'000'000);
  Random random_;
  std::array<mdns::Link, 2> links_;
  std::array<mdns::LocalAddress, 3> addresses_;
  std::array<mdns::QuestionSlot, 4> questions_;
  std::array<mdns::CachedRecord, 5> records_;
  std::array<std::byte, 300> bytes_;
  std::array<mdns::ServiceSlot, 1> services_;
  std::array<mdns::OwnRecord, 12> own_;
  std::array<mdns::Responder::LinkState, 2> link_states_;
  std::array<std::uint32_t, 24> last_{};
  std::array<std::uint8_t, 4> asked_{kNone, kNone, kNone, kNone};
  std::array<int, 4> known_{};
  mdns::Network network_;
  mdns::Querier querier_;
  mdns::Responder responder_;
};

void texts(std::span<const std::byte> bytes) {
  mdns::TextReader reader(bytes);
  Bytes again(bytes.size() + 1);
  mdns::TextBuilder builder(again);
  std::size_t size = 0;
  while (const auto pair = reader.next()) {
    size += 1 + pair->key.size() + (pair->value ? 1 + pair->value->size() : 0);
    static_cast<void>(builder.add(pair->key, pair->value));
  }
  require(size <= bytes.size() && builder.data().size() <= size);
  dns::Name name;
  if (name.set_wire(bytes, 0)) { static_cast<void>(mdns::split_service_name(name)); }
  static_cast<void>(mdns::has_type(bytes.first(0), dns::Type::a));
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Host().run({data, size});
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  texts(bytes);
  return 0;
}
