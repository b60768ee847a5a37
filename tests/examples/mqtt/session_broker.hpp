#pragma once
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "examples/mqtt/client.hpp"
#include "nal/signal.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/examples/mqtt/bytes.hpp"
#include "tests/support/fake_stack.hpp"

namespace mqtt::test {

/// A server that keeps the session of its one client through every kill, as one with a disk would: what it has
/// acknowledged it never forgets, and what is not acknowledged it sends again.
class SessionBroker {
 public:
  SessionBroker(nal::test::FakeWorld& world, Version version) : world_(&world), version_(version) {}
  ~SessionBroker() { stop(); }

  void start() { REQUIRE(slot_.start(world_->executor, &SessionBroker::serve, *this)); }
  /// Kills it, in the middle of whatever it does.
  void stop() { slot_.cancel(); }
  static nal::Endpoint endpoint() { return {nal::test::FakeWorld::server_address(), 1883}; }

  /// Has a message for the client, connected or not.
  void publish(std::string payload, QoS qos) {
    outgoing_.push_back({std::move(payload), qos, 0, false, false});
    work_.set();
  }
  bool idle() const { return outgoing_.empty(); }
  /// Has it die after so many steps, a step being a piece that was read or sent, or a packet that was taken: what it
  /// would have sent is lost, what it has taken is not.
  void light_fuse(unsigned steps) { fuse_ = steps; }

  std::vector<std::string> published;  ///< by the client, as it would be passed on
  unsigned connections = 0;
  unsigned resumed = 0;
  unsigned duplicates = 0;
  unsigned deaths = 0;  ///< by its fuse, in the middle of something
  std::string broken;   ///< what the client did wrong, first

 private:
  using Stream = nal::test::FakeTcpStream;
  static constexpr std::size_t kWindow = 3;
  struct Outgoing {
    std::string payload;
    QoS qos;
    std::uint16_t id;
    bool sent;      ///< on some connection
    bool released;  ///< PUBREC has come
    bool on_this_connection = false;
  };

  static nal::Task<nal::Result<>> serve(SessionBroker& broker) {
    auto listener = broker.world_->server.listen(endpoint(), {});
    if (!listener) { co_return nal::Unexpected(listener.error()); }
    for (;;) {
      auto accepted = co_await nal::accept(*listener);
      if (!accepted) { co_return nal::Unexpected(accepted.error()); }
      Stream stream = *std::move(accepted);
      const auto ended = co_await broker.talk(stream);
      static_cast<void>(ended);
      stream.abort();
    }
  }

  nal::Task<nal::Result<>> talk(Stream& stream) {
    ++connections;
    out_.clear();
    up_ = false;
    for (Outgoing& message : outgoing_) { message.on_this_connection = false; }
    Bytes in;
    std::array<std::byte, 64> buffer;
    for (;;) {
      work_.reset();
      fill();
      while (!out_.empty()) {
        auto written = co_await nal::write(stream, out_);
        if (!written) { co_return nal::Unexpected(written.error()); }
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(*written));
        if (burnt()) { co_return nal::Result<>(); }
      }
      auto read = nal::read(stream, buffer);
      auto first = co_await nal::race(read, nal::wait(work_));
      if (first.index() == 1) { continue; }
      const auto got = std::get<0>(first);
      if (!got) { co_return nal::Unexpected(got.error()); }
      if (*got == 0) { co_return nal::Result<>(); }
      in.insert(in.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
      if (burnt()) { co_return nal::Result<>(); }
      for (const Bytes& packet : split_packets(in)) {
        if (!take(packet) || burnt()) { co_return nal::Result<>(); }
      }
    }
  }

  bool burnt() {
    if (fuse_ == 0) { return false; }
    --fuse_;
    deaths += fuse_ == 0;
    return fuse_ == 0;
  }

  /// Puts what may be sent into the buffer: what the last connection left first.
  void fill() {
    if (!up_) { return; }
    std::size_t open = 0;
    for (Outgoing& message : outgoing_) {
      if (++open > kWindow) { break; }
      if (message.on_this_connection) { continue; }
      message.on_this_connection = true;
      if (message.released) {
        send(Acknowledge{PacketType::pubrel, message.id, {}, {}});
        continue;
      }
      if (message.id == 0) { message.id = next_id(); }
      Publish packet{"down", bytes_of(message.payload), message.qos, false, message.sent, message.id, 0, {}};
      message.sent = true;
      send(packet);
    }
  }

  bool take(const Bytes& packet) {
    switch (type_of(packet)) {
      case PacketType::connect: {
        const auto connect = parse<Connect>(packet);
        Connack answer;
        answer.session_present = has_session_ && !connect.clean_session;
        resumed += answer.session_present;
        if (!answer.session_present) { received_.clear(); }
        has_session_ = true;
        send(answer);
        up_ = true;
        return true;
      }
      case PacketType::publish: {
        const auto publish = parse<Publish>(packet);
        duplicates += publish.duplicate;
        const bool again = publish.qos == QoS::exactly_once && !received_.insert(publish.packet_id).second;
        if (!again) { published.emplace_back(text_of(publish.payload)); }
        if (again && !publish.duplicate) { complain("an identifier was used again before its PUBREL"); }
        if (publish.qos == QoS::at_least_once) { send(Acknowledge{PacketType::puback, publish.packet_id, {}, {}}); }
        if (publish.qos == QoS::exactly_once) { send(Acknowledge{PacketType::pubrec, publish.packet_id, {}, {}}); }
        return true;
      }
      case PacketType::pubrel:
        received_.erase(parse<Acknowledge>(packet).packet_id);
        send(Acknowledge{PacketType::pubcomp, parse<Acknowledge>(packet).packet_id, {}, {}});
        return true;
      case PacketType::puback: return acknowledged(parse<Acknowledge>(packet).packet_id, QoS::at_least_once, true);
      case PacketType::pubrec: return acknowledged(parse<Acknowledge>(packet).packet_id, QoS::exactly_once, false);
      case PacketType::pubcomp: return acknowledged(parse<Acknowledge>(packet).packet_id, QoS::exactly_once, true);
      case PacketType::pingreq: out_ += empty_packet(PacketType::pingresp); return true;
      default: return false;
    }
  }

  bool acknowledged(std::uint16_t id, QoS qos, bool last) {
    for (auto message = outgoing_.begin(); message != outgoing_.end(); ++message) {
      if (message->id != id || !message->sent) { continue; }
      if (message->qos != qos) { complain("another QoS was acknowledged"); }
      if (qos == QoS::exactly_once && last != message->released) {
        if (last) { complain("PUBCOMP before PUBREL"); }
      }
      if (last) {
        outgoing_.erase(message);
      } else {
        message->released = true;
        send(Acknowledge{PacketType::pubrel, id, {}, {}});
      }
      return true;
    }
    complain("what was not sent was acknowledged");
    return false;
  }
  void complain(const char* what) {
    if (broken.empty()) { broken = what; }
  }

  template <class Packet>
  Packet parse(const Bytes& packet) {
    return version_ == Version::mqtt_5 ? parsed5<Packet>(packet) : parsed<Packet>(packet);
  }
  template <class Packet>
  void send(const Packet& packet) {
    out_ += version_ == Version::mqtt_5 ? encoded5(packet) : encoded(packet);
  }
  std::uint16_t next_id() {
    for (;;) {
      if (++last_id_ == 0) { ++last_id_; }
      const bool used =
          std::any_of(outgoing_.begin(), outgoing_.end(), [&](const auto& message) { return message.id == last_id_; });
      if (!used) { return last_id_; }
    }
  }

  nal::test::FakeWorld* world_;
  Version version_;
  nal::TaskSlot<16384> slot_;
  nal::Signal work_;
  Bytes out_;
  unsigned fuse_ = 0;
  bool up_ = false;
  bool has_session_ = false;
  std::set<std::uint16_t> received_;
  std::deque<Outgoing> outgoing_;
  std::uint16_t last_id_ = 0;
};

}  // namespace mqtt::test
