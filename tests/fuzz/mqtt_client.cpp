// An MQTT session against a peer that says anything, with an application that does anything, on a clock that jumps: it
// stays within its memory, sends nothing but whole, valid packets in a valid order, acknowledges only what it received,
// and keeps every message of QoS 1 until a PUBACK for it has come.
//
// An input is a list of steps, each a byte that says what happens, and for some another that says how much.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "examples/mqtt/operations.hpp"
#include "nal/block_on.hpp"
#include "tests/fuzz/harness.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

using namespace mqtt;
using nal::Result;

using Clock = nal::test::VirtualClock;
using nal::fuzz::require;

constexpr Features kTested{.callbacks = true, .oversized = true};

class Run {
 public:
  Run(std::span<const std::byte> input, bool handler) : input_(input), session_(config(handler), buffers_.memory()) {}

  void go() {
    require(session_.start().has_value());
    while (!input_.empty()) { step(); }
    message_.reset();
    session_.run_ended();
  }

 private:
  static constexpr BufferSizes kSizes{
      .receive = 64, .send = 64, .in_flight = 3, .store = 64, .subscriptions = 2, .filters = 16};

  Config config(bool handler) {
    Config made{.client_id = "c", .clean_session = false, .keep_alive = 10};
    made.answer_timeout = nal::Duration::seconds(3);
    if (handler) {
      made.handler = {[](void* self, const Result<Publish>& taken) noexcept { static_cast<Run*>(self)->took(taken); },
                      this};
    }
    return made;
  }

  std::size_t next() { return nal::fuzz::take(input_); }

  void step() {
    const std::size_t what = next();
    switch (what % 16) {
      case 0:
      case 1:
      case 2:
      case 3: feed(next()); break;
      case 4: send(next()); break;
      case 5: send(SIZE_MAX); break;
      case 6: publish(QoS::at_least_once, next()); break;
      case 7: publish(QoS::at_most_once, next()); break;
      case 8: ask(session_.subscribe(filter(what), QoS::at_least_once)); break;
      case 9: ask(session_.unsubscribe(filter(what))); break;
      case 10: receive(); break;
      case 11: message_.reset(); break;
      case 12: wait(next()); break;
      case 13: reconnect(); break;
      case 14: answer(next()); break;
      default: session_.stop(); break;
    }
    check_store();
  }

  static std::string_view filter(std::size_t what) { return what >= 128 ? "a/#" : what >= 64 ? "b" : "+"; }

  template <class Operation>
  void ask(Operation operation) {
    static_cast<void>(nal::try_once(executor_, std::move(operation)));
  }

  bool up() const {
    const auto state = session_.state();
    return state != SessionState::connecting && state != SessionState::idle && state != SessionState::stopped;
  }

  void advanced(const Result<>& result) {
    if (result) { return; }
    require(result.error() == session_.fatal().error);
    drop(session_.fatal());
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
    }
  }

  /// What a server would answer, so that fuzzing gets behind the handshake.
  void answer(std::size_t which) {
    if (!up()) { link_up(); }
    const auto low = std::byte(which);
    const std::byte connack[] = {std::byte{0x20}, std::byte{2}, std::byte(which & 1), std::byte{0}};
    const std::byte puback[] = {std::byte{0x40}, std::byte{2}, std::byte{0}, low};
    const std::byte suback[] = {std::byte{0x90}, std::byte{3}, std::byte{0}, low, std::byte{1}};
    const std::byte unsuback[] = {std::byte{0xB0}, std::byte{2}, std::byte{0}, low};
    const std::byte pingresp[] = {std::byte{0xD0}, std::byte{0}};
    if (session_.state() == SessionState::handshake) { return deliver(connack); }
    switch (which % 4) {
      case 0: deliver(suback); break;
      case 1: deliver(unsuback); break;
      case 2: deliver(pingresp); break;
      default: deliver(puback); break;
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

  void wait(std::size_t seconds) {
    clock_.advance(nal::Duration::seconds(static_cast<std::int64_t>(seconds)));
    if (up()) { advanced(session_.advance(clock_.now())); }
    if (up()) { require(session_.deadline() > clock_.now()); }
  }

  void publish(QoS qos, std::size_t size) {
    const std::vector<std::byte> payload(size % 80);
    const auto accepted = session_.try_publish("t", payload, qos, Retain::no);
    if (accepted && qos == QoS::at_least_once) { in_flight_.insert(*accepted); }
  }

  void receive() {
    auto received = nal::try_once(executor_, session_.receive());
    if (!received) { return; }
    require(!message_.has_value());
    message_.emplace(*std::move(received));
    check(message_->topic(), message_->payload());
    if (up()) { advanced(session_.advance(clock_.now())); }
  }
  void took(const Result<Publish>& taken) {
    if (taken) { check(taken->topic, taken->payload); }
  }
  /// Touches all of it, for AddressSanitizer.
  void check(std::string_view topic, std::span<const std::byte> payload) {
    require(!topic.empty() && std::count(topic.begin(), topic.end(), '\0') == 0);
    sum_ += static_cast<unsigned>(std::count(payload.begin(), payload.end(), std::byte{1}));
  }

  void send(std::size_t limit) {
    while (limit != 0 && up()) {
      const auto output = session_.output();
      if (output.empty()) { break; }
      require(!disconnected_);
      const std::size_t n = std::min(output.size(), limit);
      sent_.insert(sent_.end(), output.begin(), output.begin() + static_cast<std::ptrdiff_t>(n));
      session_.sent(n, clock_.now());
      limit -= n;
    }
    std::size_t done = 0;
    for (;;) {
      const auto rest = std::span<const std::byte>(sent_).subspan(done);
      const auto header = Header::parse(rest);
      require(static_cast<bool>(header));
      if (!header->complete() || rest.size() < header->total()) { break; }
      check_sent(*header, rest.subspan(header->size, header->remaining));
      done += header->total();
    }
    sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(done));
    if (session_.finished()) { disconnected_ = true; }
  }

  void check_sent(const Header& header, std::span<const std::byte> body) {
    require(first_ == (header.type == PacketType::connect));
    first_ = false;
    switch (header.type) {
      case PacketType::connect: require(static_cast<bool>(Connect::parse(header, body))); break;
      case PacketType::publish: require(static_cast<bool>(Publish::parse(header, body))); break;
      case PacketType::puback: require(static_cast<bool>(Acknowledge::parse(header, body))); break;
      case PacketType::subscribe:
      case PacketType::unsubscribe: require(static_cast<bool>(FilterList::parse(header, body))); break;
      case PacketType::pingreq:
      case PacketType::disconnect: break;
      default: std::abort();
    }
  }

  /// Nothing leaves the store but by a PUBACK, and nothing stands there that was not accepted.
  void check_store() {
    std::erase_if(in_flight_, [&](std::uint32_t serial) { return !session_.in_flight(serial); });
    require(in_flight_.size() == session_.in_flight_count());
  }

  std::span<const std::byte> input_;
  Clock clock_;
  nal::Executor executor_{clock_};
  Buffers<kSizes> buffers_;
  BasicSession<kTested> session_;
  std::optional<BasicMessage<kTested>> message_;
  std::vector<std::byte> sent_;
  std::set<std::uint32_t> in_flight_;
  unsigned sum_ = 0;
  bool first_ = true;
  bool disconnected_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                                     reinterpret_cast<const std::byte*>(data) + size);
  Run(bytes, false).go();
  Run(bytes, true).go();
  return 0;
}
