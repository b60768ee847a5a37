#pragma once
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include "examples/tools/speed/pattern.hpp"
#include "examples/tools/speed/protocol.hpp"
#include "nal/executor.hpp"
#include "nal/signal.hpp"
#include "nal/task_slot.hpp"

namespace nal_speed {

/// What both ends of a test have in the end, or so far.
struct Outcome {
  Totals sent;       ///< by this end, as it knows it
  Totals received;   ///< by this end
  Totals peer_sent;  ///< as the other end tells
  Totals peer_received;
};

/// One end of a test: sends and receives as the plan has it, over connections or a socket that are given to it, and
/// tells the other end what that was. Both ends are the same but for who began.
class Exchange {
 public:
  /// Called each interval with what has gone since the test began.
  using Tell = std::function<void(nal::Duration since_start, const Totals& sent, const Totals& received)>;

  struct Config {
    Plan plan;
    bool sends = false;  ///< this end
    bool receives = false;
    std::uint64_t token = 0;
    nal::Duration interval;  ///< zero: nothing is told
    nal::Duration timeout;   ///< without a byte either way
    Tell tell;
  };

  Exchange(nal::Executor& executor, nal::AnyTcpStream control, Config config);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// One of the plan's connections, of which the first line is gone.
  nal::Result<> add(nal::AnyTcpStream stream);
  /// The plan's socket: connected, or bound and the other end unknown.
  nal::Result<> add(nal::AnyUdpSocket socket, bool connected);
  /// A line to the other end, before the test.
  nal::Task<> say(std::string line) { return write_line(control_, std::move(line)); }
  /// Whether it waits for a connection.
  bool incomplete() const noexcept { return !plan().udp && flows_.size() < plan().streams; }
  std::uint64_t token() const noexcept { return config_.token; }
  const Plan& plan() const noexcept { return config_.plan; }

  /// The test. *Completes* when both ends have had their say. *Errors*: the network's; timed_out when nothing moved for
  /// too long. Once.
  nal::Task<> run();
  Outcome outcome() const;
  /// Since the first connection was there.
  nal::Duration age() const { return executor_.now() - begin_; }

 private:
  using Slot = nal::TaskSlot<4096>;
  struct Flow {
    std::optional<nal::AnyTcpStream> stream;
    std::optional<nal::AnyUdpSocket> socket;
    bool connected = true;
    nal::Endpoint local{};
    nal::Endpoint remote{};
    Totals sent;
    Totals received;
    Crc32 sent_crc;
    Crc32 received_crc;
    std::optional<std::uint64_t> newest;  ///< datagram
    double jitter = 0;
    std::int64_t transit = 0;
    nal::Instant begin{};
    nal::Instant first{};
    nal::Signal found;  ///< where the other end of the socket is
    Slot sender;
    Slot receiver;
    Slot greeter;
  };

  static nal::Task<> send_stream(Exchange& self, Flow& flow);
  static nal::Task<> receive_stream(Exchange& self, Flow& flow);
  static nal::Task<> send_datagrams(Exchange& self, Flow& flow);
  static nal::Task<> receive_datagrams(Exchange& self, Flow& flow);
  static nal::Task<> send_datagram(Flow& flow, std::span<const std::byte> data);
  static nal::Task<> greet(Exchange& self, Flow& flow);
  static nal::Task<> hear(Exchange& self);
  static nal::Task<> watch(Exchange& self);
  /// Runs one of the above, and ends everything if that fails.
  static nal::Task<> guarded(Exchange& self, Slot& slot, nal::Task<> (*what)(Exchange&, Flow&), Flow& flow);

  nal::Result<> start(Flow& flow);
  void begin();
  bool over(const Flow& flow) const;
  bool all_arrived(const Flow& flow) const;
  void note_datagram(Flow& flow, std::span<const std::byte> data);
  nal::Duration pause(const Flow& flow) const;
  void fail(nal::Error why, const void* by);

  nal::Executor& executor_;
  nal::AnyTcpStream control_;
  Config config_;
  Pattern pattern_;
  std::list<Flow> flows_;
  nal::Signal complete_;
  nal::Instant begin_{};
  std::optional<nal::Error> error_;
  std::optional<Totals> peer_sent_;
  std::optional<Totals> peer_received_;
  Slot hearer_;
  Slot watcher_;
};

}  // namespace nal_speed
