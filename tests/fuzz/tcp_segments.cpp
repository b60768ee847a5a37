// A TCP against a peer that sends any segment, a network that loses, has no room or tells of errors, an application
// that opens, writes, reads and gives up anything, on a clock that jumps: it stays within its tables, never sends
// beyond what was written or what the peer's window and its numbers allow, never is due at once for ever, and gives
// everything back.
//
// An input is a list of steps, each a byte that says what happens, and others that say how.
#include <algorithm>
#include <cstddef>
#include <optional>

#include "backends/embedded/tcp/tcp.hpp"
#include "backends/embedded/wire/tcp.hpp"
#include "tests/backends/embedded/tcp/network.hpp"
#include "tests/fuzz/harness.hpp"
#include "tests/fuzz/tcp_invariants.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

using namespace nal::embedded;
using nal::Context;
using nal::Duration;
using nal::Error;
using nal::Instant;
using nal::Waiter;
using nal::fuzz::require;
using nal::fuzz::take;
using test::Bytes;
using test::Sent;
using test::TestNetwork;

constexpr TcpConfig kConfig{.connections = 3,
                            .listeners = 2,
                            .handshakes = 2,
                            .time_waits = 2,
                            .rings = {{{600, 500, 2}, {100'000, 90'000, 1}}}};

class World {
 public:
  explicit World(std::span<const std::byte>& input) : input_(input) {
    const std::size_t bits = take(input_);
    TcpTuning tuning;
    tuning.sack = (bits & 1) == 0;
    tuning.timestamps = (bits & 2) == 0;
    tuning.window_scale = (bits & 4) == 0;
    tuning.rack_tlp = (bits & 8) == 0;
    tuning.cubic = (bits & 16) == 0;
    tuning.ecn = (bits & 32) == 0;
    tuning.syn_cookies = (bits & 64) == 0;
    tcp_.emplace(resources_->memory(), network_, random_, tuning);
  }

  void run() {
    for (int steps = 0; !input_.empty() && steps < 400; ++steps) { step(); }
    finish();
  }

 private:
  void step() {
    const std::size_t what = take(input_);
    const std::size_t which = what >> 5;
    auto& stream = streams_[which % kStreams];
    Context context = Context::probe(executor_);
    Waiter waiter;
    switch (what & 31) {
      case 0: {
        auto started = tcp_->start_tcp({test::kThere4.to_ip(), static_cast<std::uint16_t>(1 + which)}, options());
        if (started) { stream.emplace(*std::move(started)); }
        break;
      }
      case 1: {
        auto made =
            tcp_->listen({nal::IpAddress::unspecified(nal::Family::v4), 80},
                         {.backlog = static_cast<std::uint16_t>(1 + which), .share_port = true, .accepted = options()});
        if (made) { listener_.emplace(*std::move(made)); }
        break;
      }
      case 2: listener_.reset(); break;
      case 3:
        if (listener_) {
          auto accepted = listener_->poll_accept(context, waiter);
          if (accepted.ready() && *accepted) { stream.emplace(std::move(**accepted)); }
        }
        break;
      case 4:
      case 5:
        if (stream) {
          const Bytes data(take(input_) * (which + 1) * 3);
          static_cast<void>(stream->poll_write(context, waiter, data));
        }
        break;
      case 6:
      case 7:
        if (stream) {
          Bytes buffer(take(input_) * 40);
          static_cast<void>(stream->poll_read(context, waiter, buffer));
        }
        break;
      case 8:
        if (stream) { static_cast<void>(stream->poll_shutdown(context, waiter)); }
        break;
      case 9: stream.reset(); break;
      case 10:
        if (stream) { stream->abort(); }
        break;
      case 11:
        if (stream) { static_cast<void>(stream->configure(options())); }
        break;
      case 12: network_.room = take(input_) % 4; break;
      case 13: network_.room = 1000; break;
      case 14: network_.fail_allocations = static_cast<unsigned>(which); break;
      case 15: network_.mtu = static_cast<std::uint16_t>(100 + take(input_) * 8), ++network_.version; break;
      case 16:
        network_.route_error = which < 2 ? Error::network_unreachable : Error{};
        ++network_.version;
        break;
      case 17:
        network_.send_error = which == 0 ? Error::network_down : which == 1 ? Error::message_size : Error{};
        break;
      case 18: tell_error(which); break;
      case 19: pass(Duration::milliseconds(static_cast<std::int64_t>(take(input_)) << which)); break;
      case 20: pass(Duration::seconds(static_cast<std::int64_t>(take(input_)) << which)); break;
      case 21: network_.support.max_segmentation_size = static_cast<std::uint16_t>(which * 9000); break;
      case 22: network_.support.checksum = which % 2 == 0; break;
      case 23: raw(); break;
      default: segment(which);
    }
    poll();
  }

  nal::TcpOptions options() {
    const std::size_t bits = take(input_);
    nal::TcpOptions out;
    out.no_delay = (bits & 1) != 0;
    if ((bits & 2) != 0) {
      out.keep_alive = nal::KeepAlive{
          .enabled = (bits & 4) != 0, .idle = Duration::seconds(5), .interval = Duration::seconds(1), .probes = 2};
    }
    if ((bits & 8) != 0) { out.user_timeout = Duration::seconds(20); }
    out.ring_class = (bits & 16) != 0 ? 1 : 0;
    return out;
  }

  /// A connection, to aim at.
  const Connection* target(std::size_t which) const {
    const auto all = tcp_->connections();
    const Connection& c = all[which % all.size()];
    return c.state == TcpState::free ? nullptr : &c;
  }

  void segment(std::size_t which) {
    const Connection* const c = target(which);
    const std::size_t flags = take(input_);
    const std::size_t shape = take(input_);
    wire::TcpHeader header{static_cast<std::uint16_t>(1 + shape % 8), 80, 0, 0, static_cast<std::uint8_t>(flags), 0};
    if (c) {
      header.source_port = c->key.remote_port;
      header.destination_port = c->key.local_port;
      header.sequence = c->rcv_nxt.value();
      header.acknowledgment = c->snd_una.value();
    } else {
      header.acknowledgment = last_seq_ + 1;
    }
    header.sequence += static_cast<std::uint32_t>(static_cast<std::int8_t>(take(input_))) * (shape & 64 ? 100u : 1u);
    header.acknowledgment +=
        static_cast<std::uint32_t>(static_cast<std::int8_t>(take(input_))) * (shape & 32 ? 50u : 1u);
    if (c && (shape & 16) != 0) { header.acknowledgment = c->snd_nxt.value(); }
    header.window = static_cast<std::uint16_t>(take(input_) * 200);
    wire::TcpSegmentOptions options;
    if ((shape & 128) != 0) {
      const std::size_t bits = take(input_);
      if ((bits & 1) != 0) { options.mss = static_cast<std::uint16_t>(take(input_) * 8); }
      if ((bits & 2) != 0) { options.window_scale = static_cast<std::uint8_t>(take(input_)); }
      options.sack_permitted = (bits & 4) != 0;
      if ((bits & 8) != 0) {
        options.timestamps = true;
        options.tsval = c ? c->ts_recent + static_cast<std::uint32_t>(static_cast<std::int8_t>(take(input_))) : 5;
        options.tsecr = static_cast<std::uint32_t>(take(input_));
      }
      for (std::size_t i = 0; i < bits >> 4 && options.block_count < 4 && options.size() + 12 <= 40; ++i) {
        const std::uint32_t base = c ? c->snd_una.value() : 0;
        const std::uint32_t begin = base + static_cast<std::uint32_t>(take(input_) * 7);
        options.sack[options.block_count++] = {begin, begin + static_cast<std::uint32_t>(take(input_) * 7)};
      }
    } else if (c && c->timestamps) {
      options.timestamps = true;
      options.tsval = c->ts_recent + 1;
    }
    Bytes bytes(wire::kTcpHeaderSize + options.size());
    wire::emit_tcp(bytes, header, options);
    bytes.resize(bytes.size() + (shape % 4 == 0 ? 0 : take(input_) * (shape % 4)));
    deliver(bytes, true);
  }
  void raw() {
    const std::size_t size = std::min<std::size_t>(take(input_), input_.size());
    const Bytes bytes(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
    input_ = input_.subspan(size);
    deliver(bytes, false);
  }
  void deliver(Bytes bytes, bool seal) {
    if (seal) {
      const auto pseudo = wire::pseudo_header_sum(test::kThere4.wire(), test::kHere4.wire(), 6, bytes.size());
      wire::store_be16(&bytes[wire::kTcpChecksum], (pseudo + wire::sum(bytes)).checksum());
    }
    Ingress ingress{};
    ingress.source = test::kThere4;
    ingress.destination = test::kHere4;
    ingress.interface = 1;
    ingress.protocol = Protocol::tcp;
    ingress.hop_limit = 1;
    ingress.traffic_class = static_cast<std::uint8_t>(bytes.size() % 4);
    ingress.checksum_verified = !seal && bytes.size() % 2 == 0;
    Packet packet = network_.packet(bytes);
    if (packet) { tcp_->input(ingress, std::move(packet), now_); }
  }
  void tell_error(std::size_t which) {
    const Connection* const c = target(which);
    if (!c) { return; }
    std::byte header[8] = {};
    wire::store_be16(&header[0], c->key.local_port);
    wire::store_be16(&header[2], c->key.remote_port);
    wire::store_be32(&header[4], c->snd_una.value() + static_cast<std::uint32_t>(take(input_)));
    DeliveryError told{};
    told.error = which % 2 == 0 ? Error::message_size : Error::host_unreachable;
    told.hard = which > 4;
    told.mtu = static_cast<std::uint16_t>(take(input_) * 8);
    told.local = test::kHere4;
    told.remote = test::kThere4;
    told.interface = 1;
    told.transport = header;
    tcp_->delivery_error(told, now_);
  }

  void poll() {
    for (int i = 0; tcp_->poll(now_, 4); ++i) { require(i < 1000); }
    require(tcp_->poll_at() > now_);
    for (const Sent& sent : network_.sent) { look_at(sent); }
    network_.sent.clear();
    check();
  }
  void look_at(const Sent& sent) {
    const auto view = wire::TcpView::parse(sent.bytes);
    require(view.has_value());
    require((wire::pseudo_header_sum(test::kHere4.wire(), test::kThere4.wire(), 6, sent.bytes.size()) +
             wire::sum(sent.bytes))
                .valid());
    last_seq_ = view->sequence();
    static_cast<void>(view->parse_options());
  }
  void check() const { nal::fuzz::check_connections(*tcp_); }
  void pass(Duration duration) {
    const Instant end = now_ + duration;
    for (int turns = 0; turns < 2000; ++turns) {
      const Instant at = tcp_->poll_at();
      if (at > end) { break; }
      require(at > now_);
      now_ = at;
      poll();
    }
    now_ = std::max(now_, end);
    poll();
  }
  void finish() {
    network_.room = 1000;
    network_.fail_allocations = 0;
    network_.route_error = network_.send_error = Error{};
    for (auto& stream : streams_) { stream.reset(); }
    listener_.reset();
    poll();
    pass(Duration::hours(1));
    require(tcp_->connections_in_use() == 0);
    require(tcp_->handshakes_in_use() == 0);
    require(tcp_->time_waits_in_use() == 0);
    require(tcp_->listeners_in_use() == 0);
    require(tcp_->rings_free() == kConfig.ring_count());
    require(tcp_->poll_at().is_never());
    require(network_.pool.available() == network_.pool.count());
  }

  static constexpr std::size_t kStreams = 4;
  std::span<const std::byte>& input_;
  nal::test::VirtualClock clock_;
  nal::Executor executor_{clock_};
  TestNetwork network_{test::kHere4, 2100};
  nal::Random random_{test::entropy(1)};
  std::unique_ptr<TcpResources<kConfig>> resources_ = std::make_unique<TcpResources<kConfig>>();
  std::optional<Tcp> tcp_;
  std::optional<TcpListener> listener_;
  std::optional<TcpStream> streams_[kStreams];
  Instant now_ = Instant::from_microseconds(1'000'000);
  std::uint32_t last_seq_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::byte> input(reinterpret_cast<const std::byte*>(data), size);
  World world(input);
  world.run();
  return 0;
}
