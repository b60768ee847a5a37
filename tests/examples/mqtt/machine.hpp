#pragma once
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <string>

#include "examples/mqtt/operations.hpp"
#include "nal/block_on.hpp"
#include "tests/examples/mqtt/bytes.hpp"
#include "tests/support/virtual_clock.hpp"

namespace mqtt::test {

inline constexpr BufferSizes kTestSizes{.receive = 128,
                                        .send = 128,
                                        .in_flight = 4,
                                        .store = 128,
                                        .subscriptions = 3,
                                        .filters = 60,
                                        .received = 3,
                                        .aliases_in = 2,
                                        .aliases_in_topics = 32,
                                        .aliases_out = 2,
                                        .aliases_out_topics = 32,
                                        .client_id = 16};

/// A session with memory, an executor for its operations, and a wire that a test holds the other end of.
template <BufferSizes Sizes = kTestSizes, Features F = kFull>
class Machine {
 public:
  explicit Machine(const Config& config = {.client_id = "c"}) : session(config, buffers.memory()) {}

  /// Bytes from the server, in pieces of at most `piece`; stops at the first that the session cannot take.
  nal::Result<> feed(const Bytes& data, std::size_t piece = 1'000'000) {
    std::size_t fed = 0;
    while (fed < data.size()) {
      const auto room = session.input_room();
      const std::size_t n = std::min({room.size(), data.size() - fed, piece});
      if (n == 0) { break; }
      std::memcpy(room.data(), data.data() + fed, n);
      fed += n;
      session.received(n, now());
      if (auto advanced = session.advance(now()); !advanced) { return advanced; }
    }
    unfed = data.size() - fed;
    return {};
  }
  /// What the session sends now, as packets; pieces of packets stay for the next call.
  std::vector<Bytes> take(std::size_t limit = 1'000'000) {
    while (limit != 0) {
      const auto output = session.output();
      if (output.empty()) { break; }
      const std::size_t n = std::min(output.size(), limit);
      wire.insert(wire.end(), output.begin(), output.begin() + static_cast<std::ptrdiff_t>(n));
      session.sent(n, now());
      limit -= n;
    }
    return split_packets(wire);
  }
  /// Through CONNECT and the CONNACK of 5.0; gives the CONNECT.
  Bytes connect5(const Connack& answer = {}) {
    if (session.state() != Session::State::connecting) { REQUIRE(session.start()); }
    session.link_up(now());
    wire.clear();
    const auto sent = take();
    REQUIRE(sent.size() == 1);
    REQUIRE(type_of(sent[0]) == PacketType::connect);
    REQUIRE(feed(encoded5(answer)));
    REQUIRE(session.state() == Session::State::online);
    return sent[0];
  }
  /// The packets that are sent because a fault was found; the connection is closed behind them.
  std::vector<Bytes> farewell() { return session.say_why() ? take() : std::vector<Bytes>(); }
  /// Through CONNECT and CONNACK.
  void connect(bool session_present = false) {
    if (session.state() != Session::State::connecting) { REQUIRE(session.start()); }
    session.link_up(now());
    wire.clear();
    const auto sent = take();
    REQUIRE(sent.size() == 1);
    REQUIRE(type_of(sent[0]) == PacketType::connect);
    REQUIRE(feed(connack(session_present)));
    REQUIRE(session.state() == Session::State::online);
  }
  void disconnect() { session.link_down(Failure::transport(nal::Error::connection_reset), {}); }
  /// Passes time and looks at the clock.
  nal::Result<> wait(nal::Duration duration) {
    clock.advance(duration);
    return session.advance(now());
  }
  nal::Instant now() { return clock.now(); }

  template <class Operation>
  auto try_once(Operation&& operation) {
    return nal::try_once(executor, std::forward<Operation>(operation));
  }
  nal::Result<std::uint32_t> publish(std::string_view topic, std::string_view text, QoS qos) {
    return session.try_publish(topic, bytes_of(text), qos, Retain::no);
  }

  nal::test::VirtualClock clock;
  nal::Executor executor{clock};
  Buffers<Sizes> buffers;
  BasicSession<F> session;
  Bytes wire;
  std::size_t unfed = 0;  ///< of the last `feed`
};

using SmallMachine = Machine<kTestSizes, kSmall>;

}  // namespace mqtt::test
