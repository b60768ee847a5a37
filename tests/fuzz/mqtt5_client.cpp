// An MQTT session with everything on, of version 5.0 or 3.1.1, against a server that says anything, with an application
// that does anything, on a clock that jumps: it stays within its memory, sends nothing but whole, valid packets in a
// valid order, says nothing behind its DISCONNECT, loses no message that it has accepted, and gives none of QoS 2 to
// the application that its store knows to have been received.
//
// An input is a byte of settings and a list of steps, each a byte that says what happens, and for some another that
// says how much.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "examples/mqtt/operations.hpp"
#include "nal/block_on.hpp"
#include "nal/task_slot.hpp"
#include "tests/fuzz/harness.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

using namespace mqtt;
using nal::Result;
using Bytes = std::vector<std::byte>;

using Clock = nal::test::VirtualClock;
using nal::fuzz::require;

/// What would stand on a disk.
class Kept {
 public:
  Result<> put(StoreKey key, nal::ConstBuffers pieces) noexcept {
    if (full) { return nal::Unexpected(nal::Error::table_full); }
    Bytes& bytes = entries[key];
    bytes.clear();
    for (const auto& piece : pieces) { bytes.insert(bytes.end(), piece.begin(), piece.end()); }
    return {};
  }
  void remove(StoreKey key) noexcept { entries.erase(key); }
  void clear() noexcept {
    std::erase_if(entries, [](const auto& entry) { return entry.first.kind == StoreKey::Kind::received; });
  }
  Result<> load(const StoreVisitor& visitor) noexcept {
    for (const auto& [key, bytes] : entries) { NAL_TRY(visitor.take(visitor.context, key, bytes)); }
    return {};
  }

  /// A message that the application is given: one of QoS 2 is not here yet.
  void require_new(const Publish& message) const {
    require(message.qos != QoS::exactly_once || !entries.contains({StoreKey::Kind::received, message.packet_id}));
  }

  bool full = false;
  std::map<StoreKey, Bytes> entries;
};

constexpr std::size_t kStreamed = 150;

nal::Task<> send_pieces(Streaming<kFull>& message) {
  static constexpr std::array<std::byte, 70> kPiece{};
  NAL_CO_TRY(message.begin());
  for (std::size_t left = kStreamed; left != 0;) {
    const std::size_t size = std::min(left, kPiece.size());
    NAL_CO_TRY(message.write(std::span(kPiece).first(size)));
    left -= size;
  }
  NAL_CO_TRY(message.finish());
  co_return nal::Unit{};
}

nal::Task<> stream(Session& session, QoS qos) {
  auto message = session.stream("big", kStreamed, qos);
  for (;;) {
    const auto sent = co_await send_pieces(message);
    if (sent || sent.error() != nal::Error::connection_reset) { co_return sent; }
  }
}

nal::Task<> read_on(Session& session, const Kept& kept) {
  for (;;) {
    auto received = co_await session.receive();
    if (!received) { co_return nal::Unexpected(received.error()); }
    auto message = *std::move(received);
    kept.require_new(message.packet());
    const std::size_t size = message.size();
    std::size_t read = 0;
    for (;;) {
      const auto piece = co_await message.read();
      if (!piece || piece->empty()) {
        require(!piece || read == size);
        break;
      }
      read += piece->size();
    }
  }
}

class Run {
 public:
  explicit Run(std::span<const std::byte> input)
      : input_(input), settings_(next()), session_(config(), buffers_.memory()) {}

  void go() {
    require(session_.start().has_value());
    if (setting(2)) { require(reader_.start(executor_, read_on, session_, kept_).has_value()); }
    while (!input_.empty()) {
      step();
      work();
    }
    streamer_.cancel();
    reader_.cancel();
    message_.reset();
    session_.run_ended();
  }

 private:
  static constexpr BufferSizes kSizes{.receive = 64,
                                      .send = 96,
                                      .in_flight = 4,
                                      .store = 96,
                                      .subscriptions = 2,
                                      .filters = 24,
                                      .received = 3,
                                      .aliases_in = 2,
                                      .aliases_in_topics = 16,
                                      .aliases_out = 2,
                                      .aliases_out_topics = 16,
                                      .client_id = 8};

  bool setting(unsigned bit) const { return (settings_ >> bit & 1) != 0; }

  Config config() {
    Config made{.client_id = setting(3) ? "" : "c", .clean_session = setting(3), .keep_alive = 10};
    made.version = setting(0) ? Version::mqtt_3_1_1 : Version::mqtt_5;
    made.answer_timeout = nal::Duration::seconds(3);
    made.session_expiry = 60;
    if (setting(1)) { made.persistence = Persistence(kept_); }
    if (setting(4)) { made.maximum_packet_size = 200; }
    if (setting(5)) { made.receive_maximum = 2; }
    if (setting(6)) {
      made.authenticator = {"M",
                            [](void*, Authenticator::Step step,
                               std::span<const std::byte> data) noexcept -> Result<std::span<const std::byte>> {
                              static constexpr std::byte kData[2]{};
                              if (step == Authenticator::Step::finish && data.size() > 3) {
                                return nal::Unexpected(nal::Error::permission_denied);
                              }
                              return std::span<const std::byte>(kData);
                            },
                            nullptr};
    }
    if (setting(7)) {
      made.handler = {[](void* self, const Result<Publish>& taken) noexcept { static_cast<Run*>(self)->took(taken); },
                      this};
    }
    return made;
  }

  std::size_t next() { return nal::fuzz::take(input_); }

  void step() {
    const std::size_t what = next();
    switch (what % 24) {
      case 0:
      case 1:
      case 2:
      case 3: feed(next()); break;
      case 4: send(next()); break;
      case 5:
      case 6: send(SIZE_MAX); break;
      case 7: publish(QoS::at_most_once, next()); break;
      case 8: publish(QoS::at_least_once, next()); break;
      case 9: publish(QoS::exactly_once, next()); break;
      case 10: subscribe(filter(what), next()); break;
      case 11: ask(session_.unsubscribe(filter(what))); break;
      case 12: receive(); break;
      case 13: message_.reset(); break;
      case 14: wait(next()); break;
      case 15: reconnect(); break;
      case 16:
      case 17:
      case 18: answer(next(), next()); break;
      case 19: session_.stop(Reason::disconnect_with_will); break;
      case 20: start_stream(); break;
      case 21: streamer_.cancel(); break;
      case 22: ask(session_.authenticate()); break;
      default: kept_.full = !kept_.full; break;
    }
  }

  void subscribe(std::string_view filter, std::size_t number) {
    const Property list[] = {Property::user("a", std::string_view("bbbbbbb").substr(number % 8)),
                             Property::of(PropertyId::subscription_id, static_cast<std::uint32_t>(number))};
    const auto some = session_.version_5() ? std::span<const Property>(list).subspan(number % 3) : std::span(list, 0);
    ask(session_.subscribe(FilterEntry{filter, QoS::exactly_once}, some));
  }

  static std::string_view filter(std::size_t what) { return what >= 160 ? "a/#" : what >= 80 ? "b" : "+"; }

  template <class Operation>
  void ask(Operation operation) {
    static_cast<void>(nal::try_once(executor_, std::move(operation)));
  }

  /// What tasks and the connection have to do now.
  void work() {
    for (int i = 0; i < 100 && executor_.poll_once(); ++i) {}
    if (up()) { advanced(session_.advance(clock_.now())); }
    std::erase_if(in_flight_, [&](std::uint32_t serial) { return !session_.in_flight(serial); });
    const std::size_t streamed = streamer_.running() ? 1 : 0;
    require(session_.in_flight_count() >= in_flight_.size());
    require(session_.in_flight_count() <= in_flight_.size() + forgotten_ + streamed);
    if (up() && session_.state() != SessionState::failing) { require(session_.deadline() > clock_.now()); }
  }

  bool up() const {
    const auto state = session_.state();
    return state != SessionState::connecting && state != SessionState::idle && state != SessionState::stopped;
  }

  void advanced(const Result<>& result) {
    if (result || !up()) { return; }
    require(result.error() == session_.fatal().error);
    const Failure failure = session_.fatal();
    if (session_.say_why()) { send(SIZE_MAX); }
    if (up()) { drop(failure); }
  }

  /// Raw bytes from the input.
  void feed(std::size_t size) {
    if (!up()) { link_up(); }
    size = std::min(size, input_.size());
    const auto bytes = input_.first(size);
    input_ = input_.subspan(size);
    deliver(bytes);
  }

  void deliver(std::span<const std::byte> bytes) {
    while (!bytes.empty() && up()) {
      const auto room = session_.input_room();
      const std::size_t n = std::min(room.size(), bytes.size());
      if (n == 0) { return; }
      std::memcpy(room.data(), bytes.data(), n);
      bytes = bytes.subspan(n);
      session_.received(n, clock_.now());
      advanced(session_.advance(clock_.now()));
      for (int i = 0; i < 10 && executor_.poll_once(); ++i) {}
    }
  }

  void deliver_packet(std::initializer_list<unsigned> values) {
    Bytes bytes;
    for (const unsigned value : values) { bytes.push_back(static_cast<std::byte>(value)); }
    deliver(bytes);
  }

  /// What a server would say, so that fuzzing gets behind the handshake.
  void answer(std::size_t which, std::size_t more) {
    if (!up()) { link_up(); }
    const auto id = static_cast<unsigned>(more & 7);
    const bool five = session_.version_5();
    if (session_.state() == SessionState::handshake) {
      if (!five) { return deliver_packet({0x20, 2, static_cast<unsigned>(which & 1), 0}); }
      if ((which & 2) != 0) { return deliver_packet({0x20, 3, static_cast<unsigned>(which & 1), 0, 0}); }
      return deliver_packet({0x20, 9, static_cast<unsigned>(which & 1), 0, 6, 0x22, 0, 1, 0x21, 0, id + 1});
    }
    switch (which % 10) {
      case 0: return deliver_packet({0x40, 2, 0, id});
      case 1: return deliver_packet({0x50, 2, 0, id});
      case 2: return deliver_packet({0x62, 2, 0, id});
      case 3: return deliver_packet({0x70, 2, 0, id});
      case 4: return five ? deliver_packet({0x90, 4, 0, id, 0, 1}) : deliver_packet({0x90, 3, 0, id, 1});
      case 5: return five ? deliver_packet({0xB0, 4, 0, id, 0, 0}) : deliver_packet({0xB0, 2, 0, id});
      case 6: return deliver_packet({0xD0, 0});
      case 7:
        return five ? deliver_packet({0x34, 8, 0, 1, 'q', 0, id, 0, 'h', 'i'})
                    : deliver_packet({0x34, 7, 0, 1, 'q', 0, id, 'h', 'i'});
      case 8: return deliver_packet({0x30, 150, 1, 0, 1, 'q', 0, 'h', 'i'});  // more than fits, the rest to come
      default: return deliver_packet({0x32, 10, 0, 1, 'q', 0, id, 3, 0x23, 0, 1, 'x'});
    }
  }

  void link_up() {
    if (session_.finished() || session_.state() == SessionState::stopped) {
      if (session_.state() != SessionState::stopped) { session_.run_ended(); }
      require(session_.start().has_value());
    }
    session_.link_up(clock_.now());
    sent_.clear();
    first_ = true;
    disconnected_ = false;
  }
  void drop(const Failure& failure) { session_.link_down(failure, {}); }
  void reconnect() {
    if (up()) { drop(Failure::transport(nal::Error::connection_reset)); }
    link_up();
  }

  void wait(std::size_t seconds) { clock_.advance(nal::Duration::seconds(static_cast<std::int64_t>(seconds))); }

  void publish(QoS qos, std::size_t size) {
    const Bytes payload(size % 80);
    const Property list[] = {Property::user("a", "b")};
    const bool with_properties = session_.version_5() && size >= 128;
    const auto accepted = session_.try_publish(size % 3 == 0 ? "t" : "topic", payload, qos, Retain::no,
                                               with_properties ? Properties(list) : Properties());
    if (accepted && qos != QoS::at_most_once) { in_flight_.insert(*accepted); }
  }

  void start_stream() {
    if (streamer_.running()) { return; }
    const QoS qos = static_cast<QoS>(next() % 3);
    // One that was sent as a whole is acknowledged even if nobody waits for that.
    ++forgotten_;
    require(streamer_.start(executor_, stream, session_, qos).has_value());
  }

  void receive() {
    if (setting(2) || message_) { return; }
    auto received = nal::try_once(executor_, session_.receive());
    if (!received) { return; }
    message_.emplace(*std::move(received));
    check(message_->packet());
    const auto piece = nal::try_once(executor_, message_->read());
    if (piece) { sum_ += static_cast<unsigned>(std::count(piece->begin(), piece->end(), std::byte{1})); }
  }
  void took(const Result<Publish>& taken) {
    if (taken) { check(*taken); }
  }
  /// Touches all of it, for AddressSanitizer.
  void check(const Publish& message) {
    kept_.require_new(message);
    require(!message.topic.empty() && std::count(message.topic.begin(), message.topic.end(), '\0') == 0);
    sum_ += static_cast<unsigned>(std::count(message.payload.begin(), message.payload.end(), std::byte{1}));
  }

  void send(std::size_t limit) {
    while (limit != 0 && up()) {
      const auto output = session_.output();
      if (output.empty()) {
        // What is streamed comes from its task.
        if (!executor_.poll_once()) { break; }
        continue;
      }
      require(!disconnected_);
      const std::size_t n = std::min(output.size(), limit);
      sent_.insert(sent_.end(), output.begin(), output.begin() + static_cast<std::ptrdiff_t>(n));
      session_.sent(n, clock_.now());
      limit -= n;
    }
    std::size_t done = 0;
    for (;;) {
      const auto rest = std::span<const std::byte>(sent_).subspan(done);
      const auto header = session_.version_5() ? Header::parse5(rest) : Header::parse(rest);
      require(static_cast<bool>(header));
      if (!header->complete() || rest.size() < header->total()) { break; }
      const auto body = rest.subspan(header->size, header->remaining);
      session_.version_5() ? check_sent5(*header, body) : check_sent(*header, body);
      done += header->total();
    }
    sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(done));
    if (session_.finished()) { disconnected_ = true; }
  }

  void check_order(PacketType type) {
    require(first_ == (type == PacketType::connect));
    first_ = false;
    require(!disconnected_);
    if (type == PacketType::disconnect) { disconnected_ = true; }
  }

  void check_sent(const Header& header, std::span<const std::byte> body) {
    check_order(header.type);
    switch (header.type) {
      case PacketType::connect: require(static_cast<bool>(Connect::parse(header, body))); break;
      case PacketType::publish: require(static_cast<bool>(Publish::parse(header, body))); break;
      case PacketType::puback:
      case PacketType::pubrec:
      case PacketType::pubrel:
      case PacketType::pubcomp: require(static_cast<bool>(Acknowledge::parse(header, body))); break;
      case PacketType::subscribe:
      case PacketType::unsubscribe: require(static_cast<bool>(FilterList::parse(header, body))); break;
      case PacketType::pingreq:
      case PacketType::disconnect: break;
      default: std::abort();
    }
  }

  void check_sent5(const Header& header, std::span<const std::byte> body) {
    check_order(header.type);
    switch (header.type) {
      case PacketType::connect: require(static_cast<bool>(Connect::parse5(header, body))); break;
      case PacketType::publish: {
        const auto packet = Publish::parse5(header, body);
        require(static_cast<bool>(packet) && packet->topic_alias <= session_.server().topic_alias_maximum);
        break;
      }
      case PacketType::puback:
      case PacketType::pubrec:
      case PacketType::pubrel:
      case PacketType::pubcomp: require(static_cast<bool>(Acknowledge::parse5(header, body))); break;
      case PacketType::subscribe:
      case PacketType::unsubscribe: require(static_cast<bool>(FilterList::parse5(header, body))); break;
      case PacketType::auth: require(static_cast<bool>(Auth::parse5(header, body)) && setting(6)); break;
      case PacketType::disconnect: require(static_cast<bool>(Disconnect::parse5(header, body))); break;
      case PacketType::pingreq: break;
      default: std::abort();
    }
  }

  std::span<const std::byte> input_;
  std::size_t settings_;
  Clock clock_;
  nal::Executor executor_{clock_};
  Buffers<kSizes> buffers_;
  Kept kept_;
  Session session_;
  nal::TaskSlot<4096> streamer_;
  nal::TaskSlot<4096> reader_;
  std::optional<Message> message_;
  Bytes sent_;
  std::set<std::uint32_t> in_flight_;
  std::size_t forgotten_ = 0;
  unsigned sum_ = 0;
  bool first_ = true;
  bool disconnected_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  Run(bytes).go();
  return 0;
}
