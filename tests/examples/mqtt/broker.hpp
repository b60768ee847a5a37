#pragma once
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "examples/mqtt/client.hpp"
#include "examples/mqtt/topic.hpp"
#include "nal/signal.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/examples/mqtt/bytes.hpp"
#include "tests/support/fake_stack.hpp"

namespace mqtt::test {

/// A small server for one client at a time, with a knob for each thing that real ones do wrong.
class Broker {
 public:
  explicit Broker(nal::test::FakeWorld& world) : world_(&world) {}
  ~Broker() { stop(); }

  void start() { REQUIRE(slot_.start(world_->executor, &Broker::serve, *this)); }
  /// As if it were killed: the connection breaks, and until `start` nobody listens. What it keeps stays.
  void stop() { slot_.cancel(); }

  static nal::Endpoint endpoint() { return {nal::test::FakeWorld::server_address(), 1883}; }

  // What it does.
  ConnectCode answer = ConnectCode::accepted;
  bool silent = false;  ///< never answers CONNECT
  bool answers_pings = true;
  bool keeps_sessions = true;  ///< of clients that do not start cleanly
  unsigned grants = 2;         ///< at most this QoS; 0x80: refuses
  bool acknowledges = true;    ///< PUBLISH of QoS 1
  bool echoes = true;          ///< sends what it gets to the client if a subscription takes it
  std::size_t dies_after = 0;  ///< breaks each connection after so many packets; 0: never

  // What it saw.
  unsigned connections = 0;
  std::vector<Connect> connects;       ///< without the views
  std::vector<std::string> published;  ///< payloads, in order of arrival
  unsigned duplicates = 0;
  unsigned pings = 0;
  unsigned clean_ends = 0;  ///< DISCONNECT
  std::map<std::string, unsigned> subscriptions;
  std::vector<std::uint16_t> acknowledged;  ///< what the client acknowledged

  /// What to send to the client as soon as it is connected.
  std::vector<Bytes> to_send;
  /// Sends bytes to the client now, if it is connected.
  void send(const Bytes& data) {
    out_ += data;
    work_.set();
  }

 private:
  using Listener = nal::test::FakeTcpListener;
  using Stream = nal::test::FakeTcpStream;

  static nal::Task<nal::Result<>> serve(Broker& broker) {
    auto listener = broker.world_->server.listen(endpoint(), {});
    if (!listener) { co_return nal::Unexpected(listener.error()); }
    for (;;) {
      auto accepted = co_await nal::accept(*listener);
      if (!accepted) { co_return nal::Unexpected(accepted.error()); }
      Stream stream = *std::move(accepted);
      const auto ended = co_await broker.talk(stream);
      // Every other end is such that the client still gets what was sent; else it is a reset.
      if (ended && broker.connections % 2 == 1) {
        const auto closed = co_await nal::with_timeout(nal::Duration::seconds(1), nal::close(std::move(stream)));
        static_cast<void>(closed);
      } else {
        stream.abort();
      }
    }
  }

  nal::Task<nal::Result<>> talk(Stream& stream) {
    ++connections;
    out_.clear();
    std::size_t packets = 0;
    bool dying = false;
    Bytes in;
    std::array<std::byte, 64> buffer;
    for (;;) {
      work_.reset();
      while (!out_.empty()) {
        auto written = co_await nal::write(stream, out_);
        if (!written) { co_return nal::Unexpected(written.error()); }
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(*written));
      }
      if (dying) { co_return nal::Result<>(); }
      auto read = nal::read(stream, buffer);
      auto first = co_await nal::race(read, nal::wait(work_));
      if (first.index() == 1) { continue; }
      const auto got = std::get<0>(first);
      if (!got) { co_return nal::Unexpected(got.error()); }
      if (*got == 0) { co_return nal::Result<>(); }
      in.insert(in.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
      for (const Bytes& packet : split_packets(in)) {
        if (!take(packet)) { co_return nal::Result<>(); }
        if (++packets == dies_after) { dying = true; }
        if (dying) { break; }
      }
    }
  }

  /// False when the connection ends.
  bool take(const Bytes& packet) {
    switch (type_of(packet)) {
      case PacketType::connect: take_connect(parsed<Connect>(packet)); return true;
      case PacketType::publish: take_publish(parsed<Publish>(packet)); return true;
      case PacketType::puback: acknowledged.push_back(parsed<Acknowledge>(packet).packet_id); return true;
      case PacketType::subscribe: {
        auto list = parsed<FilterList>(packet);
        const unsigned id = list.packet_id;
        const auto entry = list.next();
        const unsigned code = grants == 0x80 ? grants : std::min(grants, static_cast<unsigned>(entry->qos));
        if (code != 0x80) { subscriptions[std::string(entry->filter)] = code; }
        out_ += suback(id, code);
        return true;
      }
      case PacketType::unsubscribe: {
        auto list = parsed<FilterList>(packet);
        const unsigned id = list.packet_id;
        subscriptions.erase(std::string(list.next()->filter));
        out_ += unsuback(id);
        return true;
      }
      case PacketType::pingreq:
        ++pings;
        if (answers_pings) { out_ += empty_packet(PacketType::pingresp); }
        return true;
      case PacketType::disconnect: ++clean_ends; return false;
      default: return false;
    }
  }

  void take_connect(const Connect& connect) {
    connects.push_back(connect);
    connects.back() = Connect{{}, connect.clean_session, connect.keep_alive, {}, {}, {}};
    if (silent) { return; }
    const bool present = has_session_ && keeps_sessions && !connect.clean_session;
    if (!present) { subscriptions.clear(); }
    has_session_ = !connect.clean_session;
    out_ += connack(present && answer == ConnectCode::accepted, answer);
    for (const Bytes& data : std::exchange(to_send, {})) { out_ += data; }
  }

  void take_publish(const Publish& publish) {
    published.emplace_back(text_of(publish.payload));
    if (publish.duplicate) { ++duplicates; }
    if (publish.qos == QoS::at_least_once && acknowledges) { out_ += puback(publish.packet_id); }
    if (!echoes) { return; }
    for (const auto& [filter, qos] : subscriptions) {
      if (!matches(filter, publish.topic)) { continue; }
      const QoS granted = qos == 0 || publish.qos == QoS::at_most_once ? QoS::at_most_once : QoS::at_least_once;
      out_ += encoded(Publish{publish.topic, publish.payload, granted, false, false, ++last_id_});
      return;
    }
  }

  nal::test::FakeWorld* world_;
  nal::TaskSlot<16384> slot_;
  nal::Signal work_;
  Bytes out_;
  bool has_session_ = false;  ///< of the client that was here last
  std::uint16_t last_id_ = 0;
};

}  // namespace mqtt::test
