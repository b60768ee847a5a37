#pragma once
#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <optional>
#include <queue>
#include <random>

#include "tests/backends/embedded/tcp/network.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::embedded::test {

/// What a channel does to segments.
struct Faults {
  unsigned loss = 0;       ///< percent
  unsigned duplicate = 0;  ///< percent
  unsigned reorder = 0;    ///< percent: as late again as the delay
  unsigned corrupt = 0;    ///< percent: one bit
  Duration delay = Duration::milliseconds(10);
  Duration jitter{};
};

/// One end: a TCP on a test network.
template <TcpConfig kConfig>
struct End {
  End(Address address4, Address address6, unsigned seed, const TcpTuning& tuning)
      : network(address4), random(entropy(seed)), tcp(resources->memory(), network, random, tuning) {
    network.addresses.push_back(address6);
  }
  TestNetwork network;
  std::unique_ptr<TcpResources<kConfig>> resources = std::make_unique<TcpResources<kConfig>>();
  Random random;
  Tcp tcp;
};

/// Two ends and a bad channel between them, under a clock of their own.
template <TcpConfig kConfig>
class Channel {
 public:
  explicit Channel(unsigned seed = 1, const Faults& given = {}, const TcpTuning& here_tuning = {},
                   const TcpTuning& there_tuning = {})
      : faults(given),
        here(kHere4, kHere6, seed, here_tuning),
        there(kThere4, kThere6, seed + 1000, there_tuning),
        random_(seed) {}

  Executor& executor() { return executor_; }
  Context probe() { return Context::probe(executor_); }
  Instant now() const { return now_; }

  /// Hands over what has arrived, lets both ends do what is due, and takes what they send; until nothing is left to do
  /// at this time.
  void settle() {
    for (int rounds = 0;; ++rounds) {
      REQUIRE(rounds < 10'000);  // else the two spin
      bool more = here.tcp.poll(now_, 100);
      more = there.tcp.poll(now_, 100) || more;
      more = take(here.network, false) || more;
      more = take(there.network, true) || more;
      while (!under_way_.empty() && under_way_.top().at <= now_) {
        hand_over(under_way_.top());
        under_way_.pop();
        more = true;
      }
      if (!more) { return; }
    }
  }
  /// The next time at which something happens.
  Instant next() const {
    Instant at = std::min(here.tcp.poll_at(), there.tcp.poll_at());
    if (!under_way_.empty()) { at = std::min(at, under_way_.top().at); }
    return at;
  }
  /// Lets time pass until `done()` or for at most `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit = Duration::seconds(600)) {
    const Instant end = now_ + limit;
    int idle = 0;
    for (;;) {
      settle();
      if (done()) { return true; }
      const Instant at = next();
      if (at > end) {
        now_ = end;
        return false;
      }
      // What `done` has done is to be sent first; other than that, time goes on.
      if (at > now_) {
        now_ = at;
        ++steps;
        idle = 0;
      } else {
        REQUIRE(++idle < 1000);
      }
    }
  }
  void pass(Duration duration) {
    run_until([] { return false; }, duration);
  }

  bool connected(TcpStream& stream) {
    Context context = probe();
    Waiter waiter;
    auto result = stream.poll_connected(context, waiter);
    return result.ready() && *result;
  }
  std::optional<TcpStream> accept(TcpListener& listener) {
    Context context = probe();
    Waiter waiter;
    auto result = listener.poll_accept(context, waiter);
    if (!result.ready() || !*result) { return {}; }
    return std::move(**result);
  }
  /// How much was written; nothing also when it must wait.
  std::size_t write(TcpStream& stream, std::span<const std::byte> data) {
    Context context = probe();
    Waiter waiter;
    auto result = stream.poll_write(context, waiter, data);
    return result.ready() && *result ? **result : 0;
  }
  /// How a read ends now: pending is nothing.
  std::optional<Result<std::size_t>> read(TcpStream& stream, std::span<std::byte> buffer) {
    Context context = probe();
    Waiter waiter;
    auto result = stream.poll_read(context, waiter, buffer);
    if (!result.ready()) { return {}; }
    return *result;
  }
  void shutdown(TcpStream& stream) {
    Context context = probe();
    Waiter waiter;
    auto result = stream.poll_shutdown(context, waiter);
    CHECK(result.ready());
  }

  struct Streams {
    std::optional<TcpListener> listener;
    std::optional<TcpStream> client;  ///< of here
    std::optional<TcpStream> server;  ///< of there
  };
  Streams connect(Family family = Family::v4, const TcpOptions& options = {}) {
    Streams streams;
    const IpAddress remote = (family == Family::v4 ? kThere4 : kThere6).to_ip();
    auto listener = there.tcp.listen({IpAddress::unspecified(family), 80}, {.accepted = options});
    REQUIRE(listener);
    streams.listener.emplace(*std::move(listener));
    auto started = here.tcp.start_tcp({remote, 80}, options);
    REQUIRE(started);
    streams.client.emplace(*std::move(started));
    REQUIRE(run_until([&] {
      if (!streams.server) { streams.server = accept(*streams.listener); }
      return streams.server && connected(*streams.client);
    }));
    return streams;
  }

  Faults faults;
  End<kConfig> here;
  End<kConfig> there;
  unsigned steps = 0;
  std::size_t delivered = 0;
  std::size_t dropped = 0;
  /// Sees every segment before the channel does; says whether it may go on.
  std::function<bool(const Sent&, bool from_there)> filter;

 private:
  struct UnderWay {
    Instant at;
    std::uint64_t order;
    bool to_here;
    Sent segment;
    bool operator<(const UnderWay& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  bool chance(unsigned percent) { return percent != 0 && random_() % 100 < percent; }

  bool take(TestNetwork& network, bool from_there) {
    const bool any = !network.sent.empty();
    while (!network.sent.empty()) {
      Sent segment = std::move(network.sent.front());
      network.sent.pop_front();
      if ((filter && !filter(segment, from_there)) || chance(faults.loss)) {
        ++dropped;
        continue;
      }
      // A device that cuts up what is too large does it here.
      for (Sent& piece : cut(std::move(segment))) {
        if (chance(faults.corrupt)) {
          piece.bytes[random_() % piece.bytes.size()] ^= static_cast<std::byte>(1 << random_() % 8);
        }
        if (chance(faults.duplicate)) { launch(piece, from_there); }
        launch(std::move(piece), from_there);
      }
    }
    return any;
  }
  static std::vector<Sent> cut(Sent segment) {
    std::vector<Sent> out;
    if (segment.segment_size == 0) {
      out.push_back(std::move(segment));
      return out;
    }
    const auto view = segment.view();
    const std::size_t header = view.header().size();
    for (std::size_t at = 0; at < view.payload().size(); at += segment.segment_size) {
      const auto piece =
          view.payload().subspan(at, std::min<std::size_t>(segment.segment_size, view.payload().size() - at));
      Sent one{{view.header().begin(), view.header().end()}, segment.egress, 0};
      one.bytes.insert(one.bytes.end(), piece.begin(), piece.end());
      wire::store_be32(&one.bytes[wire::kTcpSequence], view.sequence() + static_cast<std::uint32_t>(at));
      if (at + piece.size() < view.payload().size()) {
        wire::store_u8(&one.bytes[wire::kTcpFlags], view.flags() & ~(wire::tcp_flag::fin | wire::tcp_flag::psh));
      }
      wire::store_be16(&one.bytes[wire::kTcpChecksum], 0);
      const std::uint16_t sum = (wire::pseudo_header_sum(segment.egress.source.wire(),
                                                         segment.egress.destination.wire(), 6, one.bytes.size()) +
                                 wire::sum(one.bytes))
                                    .checksum();
      wire::store_be16(&one.bytes[wire::kTcpChecksum], sum);
      static_cast<void>(header);
      out.push_back(std::move(one));
    }
    return out;
  }
  void launch(Sent segment, bool from_there) {
    Instant at = now_ + faults.delay;
    if (faults.jitter > Duration::zero()) {
      at += Duration::microseconds(
          static_cast<std::int64_t>(random_() % static_cast<unsigned>(faults.jitter.microseconds())));
    }
    if (chance(faults.reorder)) { at += faults.delay; }
    under_way_.push({at, ++order_, from_there, std::move(segment)});
  }
  void hand_over(const UnderWay& arriving) {
    End<kConfig>& end = arriving.to_here ? here : there;
    Ingress ingress{};
    ingress.source = arriving.segment.egress.source;
    ingress.destination = arriving.segment.egress.destination;
    ingress.interface = 1;
    ingress.protocol = Protocol::tcp;
    ingress.hop_limit = 64;
    ingress.traffic_class = arriving.segment.egress.traffic_class;
    Packet packet = end.network.packet(arriving.segment.bytes);
    if (!packet) { return; }
    ++delivered;
    end.tcp.input(ingress, std::move(packet), now_);
  }

  nal::test::VirtualClock clock_;
  Executor executor_{clock_};
  std::mt19937 random_;
  Instant now_ = Instant::from_microseconds(1'000'000);
  std::priority_queue<UnderWay> under_way_;
  std::uint64_t order_ = 0;
};

}  // namespace nal::embedded::test
