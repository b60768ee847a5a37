#include "tests/backends/embedded/same/story.hpp"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <random>

#include "backends/embedded/stack.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::embedded {

namespace {

using nal::test::Plot;
using nal::test::Told;

constexpr Config kStoryConfig{.packets = 48,
                              .addresses = 4,
                              .groups = 8,
                              .udp_sockets = 3,
                              .tcp = {.connections = 4, .listeners = 1, .handshakes = 4, .rings = {{{5000, 7000, 4}}}}};

class Teller {
 public:
  void line(std::uint64_t value) { told.lines.push_back(value); }
  void line(std::span<const std::byte> bytes) {
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a
    for (const std::byte byte : bytes) { hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 1099511628211U; }
    line(hash ^ bytes.size());
  }
  Told told;
};

/// An end of a bad wire.
class StoryDevice final : public driver::Driver {
 public:
  StoryDevice(Teller& teller, const Plot& plot, unsigned number)
      : teller_(teller), plot_(plot), number_(static_cast<std::uint8_t>(number)), random_(plot.seed * 2 + number) {}

  driver::Capabilities capabilities() const noexcept override {
    driver::Capabilities capabilities;
    capabilities.transmit_checksum = capabilities.receive_checksum = plot_.offload;
    return capabilities;
  }
  MacAddress hardware_address() const noexcept override { return {2, 0, 0, 0, 0, number_}; }
  bool link_up() noexcept override { return true; }
  bool can_transmit() noexcept override { return !peer || peer->arriving_.size() < kRoom; }
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override {
    if (arriving_.empty() || arriving_.front().at > now) { return {}; }
    driver::Packet packet = pool.allocate(0);
    if (!packet) { return {}; }
    const Frame frame = std::move(arriving_.front());
    arriving_.pop_front();
    std::copy(frame.bytes.begin(), frame.bytes.end(), packet.append(frame.bytes.size()).begin());
    packet.offload().checksum_verified = plot_.offload;
    return packet;
  }
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override {
    if (!can_transmit()) { return Unexpected(Error::would_block); }
    const driver::Packet taken = std::move(packet);
    teller_.line(static_cast<std::uint64_t>(now.microseconds()) << 8 | number_);
    teller_.line(taken.data());
    const driver::Offload& asked = taken.offload();
    teller_.line(std::uint64_t{asked.checksum_start} << 32 | std::uint64_t{asked.checksum_offset} << 16 |
                 asked.segment_size);
    ++teller_.told.frames;
    if (!peer) { return {}; }  // the other end is not made yet
    Frame frame{{taken.data().begin(), taken.data().end()}, now + Duration::microseconds(100)};
    const auto dice = static_cast<unsigned>(random_() % 100);
    if (dice < plot_.faults) {
      switch (random_() % 4) {
        case 0: return {};
        case 1: peer->arriving_.push_back(frame); break;
        case 2: frame.at = frame.at + Duration::milliseconds(random_() % 30); break;
        default: frame.bytes[random_() % frame.bytes.size()] ^= std::byte{1}; break;
      }
    }
    auto place = peer->arriving_.end();
    while (place != peer->arriving_.begin() && (place - 1)->at > frame.at) { --place; }
    peer->arriving_.insert(place, std::move(frame));
    return {};
  }
  void wait(Context&, Waiter&, bool) noexcept override {}
  Instant poll_at() const noexcept override { return arriving_.empty() ? Instant::max() : arriving_.front().at; }

  StoryDevice* peer = nullptr;

 private:
  static constexpr std::size_t kRoom = 12;
  struct Frame {
    std::vector<std::byte> bytes;
    Instant at;
  };
  Teller& teller_;
  Plot plot_;
  std::uint8_t number_;
  std::minstd_rand random_;
  std::deque<Frame> arriving_;
};

Entropy story_entropy(unsigned seed) {
  std::array<std::byte, Entropy::kSize> bytes{};
  bytes[0] = static_cast<std::byte>(seed);
  return Entropy(bytes);
}

struct StorySide {
  StorySide(Teller& teller, const Plot& plot, Executor& executor, unsigned number)
      : device(teller, plot, number),
        address(plot.v6 ? IpAddress(Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, static_cast<std::uint16_t>(number)))
                        : IpAddress(Ipv4Address(10, 0, 0, static_cast<std::uint8_t>(number)))),
        stack(executor, *memory, story_entropy(plot.seed + number), settings(plot)) {
    const auto added = stack.add_interface(device).value();
    stack.add_address(added, Cidr(address, plot.v6 ? 64 : 24)).value();
    udp.emplace(stack.udp_bind_multiple({IpAddress::unspecified(address.family()), 9}, {}).value());
  }
  static Settings settings(const Plot& plot) {
    Settings settings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
    TcpTuning& tcp = settings.tcp;
    tcp.sack = tcp.timestamps = tcp.window_scale = tcp.rack_tlp = tcp.ecn = plot.options;
    return settings;
  }

  std::unique_ptr<Resources<kStoryConfig>> memory = std::make_unique<Resources<kStoryConfig>>();
  StoryDevice device;
  IpAddress address;
  Stack stack;
  std::optional<Stack::MultiplyBoundUdp> udp;
  std::vector<Stack::TcpStream> streams;
};

/// Two hosts whose applications do this and that.
class Story {
 public:
  explicit Story(const Plot& plot) : plot_(plot), random_(plot.seed) {
    a_.device.peer = &b_.device;
    b_.device.peer = &a_.device;
  }

  Told tell() {
    auto listener = b_.stack.listen({b_.address, 7}, {.backlog = 4}).value();
    for (unsigned i = 0; i < 2; ++i) {
      a_.streams.push_back(a_.stack.start_tcp({b_.address, 7}, {.no_delay = i == 0}).value());
    }
    for (unsigned step = 0; step < plot_.steps; ++step) {
      poll();
      auto accepted = listener.poll_accept(context_, waiter_);
      if (accepted.ready() && *accepted) { b_.streams.push_back(std::move(**accepted)); }
      StorySide& side = random_() % 2 == 0 ? a_ : b_;
      if (!side.streams.empty()) { act(side, side.streams[random_() % side.streams.size()]); }
      poll();
      if (random_() % 2 == 0) {
        pass(Duration::microseconds(random_() % 8 == 0 ? random_() % 400'000 : random_() % 300));
      }
    }
    for (StorySide* side : {&a_, &b_}) { side->streams.clear(); }
    pass(Duration::seconds(200));
    for (StorySide* side : {&a_, &b_}) { count(*side); }
    return std::move(teller_.told);
  }

 private:
  void poll() {
    for (StorySide* side : {&a_, &b_}) {
      while (side->stack.poll(clock_.now())) {}
      teller_.line(static_cast<std::uint64_t>(side->stack.poll_at().microseconds()));
    }
  }
  void pass(Duration duration) {
    const Instant end = clock_.now() + duration;
    for (;;) {
      poll();
      const Instant next = std::min({end, a_.stack.poll_at(), b_.stack.poll_at()});
      if (next >= end) { break; }
      clock_.advance(std::max(next - clock_.now(), Duration::microseconds(1)));
    }
    if (end > clock_.now()) { clock_.advance(end - clock_.now()); }
  }
  void act(StorySide& side, Stack::TcpStream& stream) {
    static constexpr std::size_t kSizes[] = {1, 2, 3, 7, 8, 31, 64, 500, 1460, 6000};
    std::array<std::byte, 6000> data{};
    const std::size_t size = kSizes[random_() % std::size(kSizes)];
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2: {
        for (std::size_t i = 0; i < size; ++i) { data[i] = static_cast<std::byte>(random_()); }
        auto wrote = stream.poll_write(context_, waiter_, std::span(data).first(size));
        // Either at once or by the next poll: `Tcp::written`.
        while (side.stack.poll(clock_.now())) {}
        teller_.line(wrote.ready() ? *wrote ? **wrote : 1'000'000 + static_cast<unsigned>(wrote->error()) : 2'000'000);
        break;
      }
      case 3:
      case 4:
      case 5: {
        auto got = stream.poll_read(context_, waiter_, std::span(data).first(size));
        teller_.line(got.ready() ? *got ? **got : 1'000'000 + static_cast<unsigned>(got->error()) : 2'000'000);
        if (got.ready() && *got) {
          teller_.line(std::span<const std::byte>(data).first(**got));
          teller_.told.bytes += **got;
        }
        break;
      }
      case 6: {
        const StorySide& other = &side == &a_ ? b_ : a_;
        auto sent =
            side.udp->poll_send(context_, waiter_, Endpoint(IpAddress::unspecified(side.address.family()), 0),
                                Endpoint(other.address, 9), std::span(data).first(std::min<std::size_t>(size, 1400)));
        teller_.line(sent.ready() ? *sent ? 1U : 2U : 3U);
        break;
      }
      default: {
        auto got = side.udp->poll_receive(context_, waiter_, data);
        teller_.line(got.ready() ? *got ? (*got)->size : 1'000'000U : 2'000'000U);
        if (got.ready() && *got) {
          teller_.line(std::span<const std::byte>(data).first((*got)->size));
          teller_.line((*got)->remote.port);
          teller_.line((*got)->hop_limit);
        }
        break;
      }
    }
  }
  void count(StorySide& side) {
    const Stack::Statistics all = side.stack.statistics();
    for (const std::uint64_t value : {std::uint64_t{all.tcp.segments_in},   std::uint64_t{all.tcp.segments_out},
                                      std::uint64_t{all.tcp.malformed},     std::uint64_t{all.tcp.bad_checksum},
                                      std::uint64_t{all.tcp.retransmitted}, std::uint64_t{all.tcp.timeouts},
                                      std::uint64_t{all.tcp.probes},        std::uint64_t{all.tcp.out_of_order},
                                      std::uint64_t{all.tcp.unacceptable},  std::uint64_t{all.tcp.challenges},
                                      std::uint64_t{all.ip.received},       std::uint64_t{all.ip.sent},
                                      std::uint64_t{all.ip.malformed},      std::uint64_t{all.ip.not_for_us},
                                      std::uint64_t{all.ip.bad_source},     std::uint64_t{all.ip.device_full},
                                      std::uint64_t{all.udp.received},      std::uint64_t{all.udp.sent},
                                      std::uint64_t{all.udp.malformed},     std::uint64_t{all.packets_free},
                                      std::uint64_t{all.connections}}) {
      teller_.line(value);
    }
  }

  Plot plot_;
  std::minstd_rand random_;
  nal::test::VirtualClock clock_;
  Executor executor_{clock_};
  Context context_ = Context::probe(executor_);
  Waiter waiter_;
  Teller teller_;
  StorySide a_{teller_, plot_, executor_, 1};
  StorySide b_{teller_, plot_, executor_, 2};
};

}  // namespace

Told tell(const Plot& plot) { return std::make_unique<Story>(plot)->tell(); }

}  // namespace nal::embedded
