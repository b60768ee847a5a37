// The stack with little compiled in, as the images of tests/sizes have it: that what is left still does all of its
// work. Two hosts on a wire. Where there is no listener both ends connect at the same time (RFC 9293 §3.5).
#include <catch2/catch_test_macros.hpp>

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "backends/embedded/stack.hpp"
#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::embedded::test {

namespace {

using Frame = std::vector<std::byte>;

constexpr Config kConfig{
    .packets = 8,
    .large_packets = features::kFragments ? 2 : 0,
    .addresses = 2,
    .neighbors = 4,
    .routes = 2,
    .path_mtus = 0,
    .partial_packets = features::kFragments ? 1 : 0,
    .groups = 0,
    .group_sources = 0,
    .learned_routes = 0,
    .learned_dns_servers = 0,
    .learned_search_domains = 0,
    .udp_memberships = 0,
    .tcp = {.connections = 2,
            .listeners = features::kTcpListener ? 1 : 0,
            .handshakes = features::kTcpListener ? 2 : 0,
            .time_waits = 2,
            .rings = {{{1024, 704, 2}}}},
};
constexpr std::uint16_t kPortA = 5001;
constexpr std::uint16_t kPortB = 5002;

class Port final : public driver::Driver {
 public:
  explicit Port(MacAddress mac) noexcept : mac_(mac) {}
  driver::Capabilities capabilities() const noexcept override { return {}; }
  MacAddress hardware_address() const noexcept override { return mac_; }
  bool link_up() noexcept override { return true; }
  driver::Packet receive(driver::PacketPool& pool, Instant /*now*/) noexcept override {
    if (arriving.empty()) { return {}; }
    driver::Packet packet = pool.allocate(0);
    if (!packet) { return {}; }
    std::ranges::copy(arriving.front(), packet.append(arriving.front().size()).begin());
    arriving.pop_front();
    return packet;
  }
  bool can_transmit() noexcept override { return true; }
  Result<> transmit(driver::Packet& packet, Instant /*now*/) noexcept override {
    sent.emplace_back(packet.data().begin(), packet.data().end());
    packet = {};
    return {};
  }
  void wait(Context& context, Waiter& /*waiter*/, bool /*for_transmit*/) noexcept override { context.wake_soon(); }

  std::deque<Frame> arriving;
  std::vector<Frame> sent;

 private:
  MacAddress mac_;
};

struct Node {
  Node(Executor& executor, std::uint8_t number)
      : address(10, 0, 0, number),
        port(MacAddress({2, 0, 0, 0, 0, number})),
        stack(executor, memory, Entropy(std::array<std::byte, Entropy::kSize>{std::byte{number}})) {
    const InterfaceId interface = stack.add_interface(port).value();
    REQUIRE(stack.add_address(interface, Cidr(address, 24)));
    REQUIRE(stack.add_default_route(interface, Ipv4Address(10, 0, 0, 254)));
  }

  Ipv4Address address;
  Port port;
  Resources<kConfig> memory;
  Stack stack;
};

/// Two hosts and what is between them.
struct Wire {
  /// Carries frames and lets time pass until `done`, for a while at most. Whether it is.
  bool until(const std::function<bool()>& done, Duration most = Duration::minutes(3)) {
    for (const Instant end = clock.now() + most; clock.now() < end;) {
      if (done()) { return true; }
      bool more = a.stack.poll(clock.now());
      more |= b.stack.poll(clock.now());
      more |= carry(a, b);
      more |= carry(b, a);
      if (more) { continue; }
      const Instant next = std::min({a.stack.poll_at(), b.stack.poll_at(), end});
      if (next > clock.now()) { clock.advance(next - clock.now()); }
    }
    return done();
  }
  void pass(Duration duration) {
    static_cast<void>(until([] { return false; }, duration));
  }
  bool carry(Node& from, Node& to) {
    const std::vector<Frame> sent = std::exchange(from.port.sent, {});
    for (const Frame& frame : sent) {
      if (lose_each != 0 && ++carried % lose_each == 0) { continue; }
      to.port.arriving.push_back(frame);
    }
    return !sent.empty();
  }

  ::nal::test::VirtualClock clock;
  Executor executor{clock};
  Node a{executor, 1};
  Node b{executor, 2};
  unsigned lose_each = 0;
  unsigned carried = 0;
};

#define NAL_SMALL_CONTEXT(wire)                      \
  Context context = Context::probe((wire).executor); \
  Waiter waiter

struct Ends {
  Stack::TcpStream a;
  Stack::TcpStream b;
};

Ends connect(Wire& wire) {
  NAL_SMALL_CONTEXT(wire);
  auto a = wire.a.stack.start_tcp_from({wire.a.address, kPortA}, {wire.b.address, kPortB}, {});
  REQUIRE(a);
  const auto connected = [&](Stack::TcpStream& stream) {
    const auto polled = stream.poll_connected(context, waiter);
    if (polled.ready()) { REQUIRE(*polled); }
    return polled.ready();
  };
  if constexpr (features::kTcpListener) {
    auto listener = wire.b.stack.listen({Ipv4Address(), kPortB}, {});
    REQUIRE(listener);
    std::optional<Stack::TcpStream> b;
    REQUIRE(wire.until([&] {
      if (auto accepted = listener->poll_accept(context, waiter); accepted.ready()) {
        REQUIRE(*accepted);
        b.emplace(**std::move(accepted));
      }
      return b.has_value() && connected(*a);
    }));
    return {*std::move(a), *std::move(b)};
  }
  auto b = wire.b.stack.start_tcp_from({wire.b.address, kPortB}, {wire.a.address, kPortA}, {});
  REQUIRE(b);
  REQUIRE(wire.until([&] { return connected(*a) && connected(*b); }));
  return {*std::move(a), *std::move(b)};
}

std::byte byte_at(std::size_t place) { return static_cast<std::byte>(place * 7 + place / 251); }

/// Sends so many bytes from one to the other while it reads them. Whether they came as they were.
bool transfer(Wire& wire, Stack::TcpStream& from, Stack::TcpStream& to, std::size_t size) {
  NAL_SMALL_CONTEXT(wire);
  std::size_t written = 0;
  std::size_t read = 0;
  bool right = true;
  const bool done = wire.until(
      [&] {
        std::array<std::byte, 300> buffer;
        const std::size_t count = std::min(buffer.size(), size - written);
        for (std::size_t i = 0; i < count; ++i) { buffer[i] = byte_at(written + i); }
        if (count != 0) {
          auto wrote = from.poll_write(context, waiter, std::span<const std::byte>(buffer).first(count));
          if (wrote.ready()) { written += wrote->value(); }
        }
        for (;;) {
          auto got = to.poll_read(context, waiter, buffer);
          if (!got.ready()) { break; }
          REQUIRE(*got);
          if (**got == 0) { break; }
          for (std::size_t i = 0; i < **got; ++i) { right = right && buffer[i] == byte_at(read + i); }
          read += **got;
        }
        return read == size;
      },
      Duration::minutes(30));
  return done && right && read == size;
}

/// Until the stream ends: how.
Result<std::size_t> last_read(Wire& wire, Stack::TcpStream& stream) {
  NAL_SMALL_CONTEXT(wire);
  std::optional<Result<std::size_t>> got;
  REQUIRE(wire.until([&] {
    std::array<std::byte, 64> buffer;
    auto polled = stream.poll_read(context, waiter, buffer);
    if (polled.ready()) { got.emplace(*polled); }
    return polled.ready();
  }));
  return *got;
}

void shut_down(Wire& wire, Stack::TcpStream& stream) {
  NAL_SMALL_CONTEXT(wire);
  REQUIRE(wire.until([&] { return stream.poll_shutdown(context, waiter).ready(); }));
}

}  // namespace

TEST_CASE("Small: data go both ways, whatever is lost, and all slots come back", "[embedded][small]") {
  for (const unsigned lose_each : {0U, 3U, 7U, 10U}) {
    Wire wire;
    {
      Ends ends = connect(wire);
      wire.lose_each = lose_each;
      CHECK(transfer(wire, ends.a, ends.b, 20'000));
      CHECK(transfer(wire, ends.b, ends.a, 20'000));
      shut_down(wire, ends.a);
      CHECK(last_read(wire, ends.b) == Result<std::size_t>(0));
      // The other direction is still open.
      CHECK(transfer(wire, ends.b, ends.a, 3'000));
      shut_down(wire, ends.b);
      CHECK(last_read(wire, ends.a) == Result<std::size_t>(0));
    }
    wire.lose_each = 0;
    wire.pass(Duration::minutes(5));
    for (Node* const node : {&wire.a, &wire.b}) {
      CHECK(node->stack.tcp().connections_in_use() == 0);
      CHECK(node->stack.tcp().time_waits_in_use() == 0);
      CHECK(node->stack.packets().available() == node->stack.packets().count());
      CHECK(node->stack.poll_at().is_never());
    }
  }
}

TEST_CASE("Small: a reader that is slow holds its peer up, and lets it go on", "[embedded][small]") {
  Wire wire;
  Ends ends = connect(wire);
  NAL_SMALL_CONTEXT(wire);
  std::size_t written = 0;
  const auto write = [&] {
    std::array<std::byte, 100> next;
    for (std::size_t i = 0; i < next.size(); ++i) { next[i] = byte_at(written + i); }
    auto wrote = ends.a.poll_write(context, waiter, next);
    if (wrote.ready()) { written += wrote->value(); }
    return false;
  };
  wire.until(write, Duration::minutes(2));
  // What both rings take, and no more.
  CHECK(written == 1024 + 704);
  std::size_t read = 0;
  bool right = true;
  CHECK(wire.until([&] {
    std::array<std::byte, 100> buffer;
    auto got = ends.b.poll_read(context, waiter, buffer);
    if (!got.ready()) { return false; }
    for (std::size_t i = 0; i < got->value(); ++i) { right = right && buffer[i] == byte_at(read + i); }
    read += got->value();
    return read == written;
  }));
  CHECK(right);
}

TEST_CASE("Small: a reset ends the other end, and nobody there refuses", "[embedded][small]") {
  Wire wire;
  NAL_SMALL_CONTEXT(wire);
  {
    Ends ends = connect(wire);
    ends.a.abort();
    CHECK(last_read(wire, ends.b) == Result<std::size_t>(Unexpected(Error::connection_reset)));
  }
  auto refused = wire.a.stack.start_tcp({wire.b.address, 9}, {});
  REQUIRE(refused);
  std::optional<Result<>> how;
  REQUIRE(wire.until([&] {
    auto polled = refused->poll_connected(context, waiter);
    if (polled.ready()) { how.emplace(*polled); }
    return polled.ready();
  }));
  CHECK(*how == Result<>(Unexpected(Error::connection_refused)));
}

TEST_CASE("Small: who does not answer is given up in time", "[embedded][small]") {
  Wire wire;
  NAL_SMALL_CONTEXT(wire);
  auto stream = wire.a.stack.start_tcp({Ipv4Address(10, 0, 0, 77), 9}, {});
  REQUIRE(stream);
  REQUIRE(wire.until([&] { return stream->poll_connected(context, waiter).ready(); }));
  CHECK_FALSE(*stream->poll_connected(context, waiter));
}

TEST_CASE("Small: a peer that falls silent is given up in time", "[embedded][small]") {
  Wire wire;
  NAL_SMALL_CONTEXT(wire);
  Ends ends = connect(wire);
  wire.lose_each = 1;
  const std::byte some{};
  REQUIRE(ends.a.poll_write(context, waiter, std::span(&some, 1)).ready());
  CHECK(last_read(wire, ends.a) == Result<std::size_t>(Unexpected(Error::timed_out)));
}

TEST_CASE("Small: datagrams are echoed, and those for nobody are not", "[embedded][small]") {
  Wire wire;
  NAL_SMALL_CONTEXT(wire);
  auto server = wire.b.stack.udp_bind_multiple({Ipv4Address(), 7}, {});
  REQUIRE(server);
  auto client = udp_connect(wire.a.stack, Endpoint(wire.b.address, 7));
  REQUIRE(client);
  std::array<std::byte, 1472> sent;
  for (std::size_t i = 0; i < sent.size(); ++i) { sent[i] = byte_at(i); }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{64}, sent.size()}) {
    const auto data = std::span<const std::byte>(sent).first(size);
    REQUIRE(client->poll_send(context, waiter, data).ready());
    std::array<std::byte, 2000> buffer;
    REQUIRE(wire.until([&] {
      auto got = server->poll_receive(context, waiter, buffer);
      if (!got.ready()) { return false; }
      REQUIRE(*got);
      REQUIRE((*got)->size == size);
      return server
          ->poll_send(context, waiter, (*got)->local, (*got)->remote, std::span<const std::byte>(buffer).first(size))
          .ready();
    }));
    REQUIRE(wire.until([&] {
      auto got = client->poll_receive(context, waiter, buffer);
      if (!got.ready()) { return false; }
      REQUIRE(*got);
      CHECK((*got)->remote == Endpoint(wire.b.address, 7));
      CHECK(std::ranges::equal(std::span(buffer).first((*got)->size), data));
      return true;
    }));
  }
  auto elsewhere = udp_connect(wire.a.stack, Endpoint(wire.b.address, 8));
  REQUIRE(elsewhere);
  REQUIRE(elsewhere->poll_send(context, waiter, sent).ready());
  wire.pass(Duration::seconds(1));
  CHECK(wire.b.stack.packets().available() == wire.b.stack.packets().count());
}

TEST_CASE("Small: datagrams to all hosts reach who hears them", "[embedded][small]") {
  Wire wire;
  NAL_SMALL_CONTEXT(wire);
  auto server = wire.b.stack.udp_bind_multiple({Ipv4Address(), 7}, {});
  auto sender = wire.a.stack.udp_bind_multiple({Ipv4Address(), 7}, {.broadcast = true});
  REQUIRE(server);
  REQUIRE(sender);
  const std::byte some{0x5a};
  for (const Ipv4Address to : {Ipv4Address(10, 0, 0, 255), Ipv4Address::broadcast()}) {
    const auto sent = sender->poll_send(context, waiter, {Ipv4Address(), 0}, {to, 7}, std::span(&some, 1));
    REQUIRE(sent.ready());
    CHECK(*sent);
    std::array<std::byte, 8> buffer;
    CHECK(wire.until([&] { return server->poll_receive(context, waiter, buffer).ready(); }));
  }
}

TEST_CASE("Small: pings are answered, and what is cut short is not", "[embedded][small]") {
  Wire wire;
  // b learns who a is.
  auto client = udp_connect(wire.a.stack, Endpoint(wire.b.address, 8));
  REQUIRE(client);
  NAL_SMALL_CONTEXT(wire);
  const std::byte some{};
  REQUIRE(client->poll_send(context, waiter, std::span(&some, 1)).ready());
  wire.pass(Duration::seconds(1));

  Frame ping(14 + 20 + 8 + 32);
  const std::array<std::uint8_t, 14> ethernet{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
  std::ranges::copy(std::as_bytes(std::span(ethernet)), ping.begin());
  std::byte* const ip = ping.data() + 14;
  ip[0] = std::byte{0x45};
  wire::store_be16(ip + 2, static_cast<std::uint32_t>(ping.size() - 14));
  ip[8] = std::byte{64};
  ip[9] = std::byte{1};
  ip[12] = ip[16] = std::byte{10};
  ip[15] = std::byte{1};
  ip[19] = std::byte{2};
  wire::store_be16(ip + 10, wire::sum(std::span<const std::byte>(ip, 20)).checksum());
  std::byte* const icmp = ip + 20;
  icmp[0] = std::byte{8};
  wire::store_be16(icmp + 4, 0x1234);
  wire::store_be16(icmp + 2, wire::sum(std::span<const std::byte>(icmp, 40)).checksum());

  const auto answers = [&](const Frame& frame) {
    wire.b.port.sent.clear();
    wire.b.port.arriving.push_back(frame);
    for (int i = 0; i < 4; ++i) { wire.b.stack.poll(wire.clock.now()); }
    return std::exchange(wire.b.port.sent, {});
  };
  for (std::size_t size = 0; size < ping.size(); ++size) {
    CHECK(answers(Frame(ping.begin(), ping.begin() + static_cast<std::ptrdiff_t>(size))).empty());
  }
  const auto answer = answers(ping);
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].size() == ping.size());
  CHECK(answer[0][34] == std::byte{0});
  CHECK(wire::load_be16(answer[0].data() + 38) == 0x1234);
}

TEST_CASE("Small: segments that are cut short or bent do no harm", "[embedded][small]") {
  Wire wire;
  Ends ends = connect(wire);
  NAL_SMALL_CONTEXT(wire);
  const std::array<std::byte, 16> some{};
  REQUIRE(ends.a.poll_write(context, waiter, some).ready());
  static_cast<void>(wire.a.stack.poll(wire.clock.now()));
  REQUIRE_FALSE(wire.a.port.sent.empty());
  const Frame segment = wire.a.port.sent.back();
  for (std::size_t size = 0; size < segment.size(); ++size) {
    wire.b.port.arriving.emplace_back(segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(size));
    static_cast<void>(wire.b.stack.poll(wire.clock.now()));
  }
  for (std::size_t at = 0; at < segment.size(); ++at) {
    if (at >= 6 && at < 12) { continue; }  // what station it comes from is protected by nothing that is left
    Frame bent = segment;
    bent[at] ^= std::byte{0xff};
    wire.b.port.arriving.push_back(bent);
    static_cast<void>(wire.b.stack.poll(wire.clock.now()));
  }
  std::array<std::byte, 16> buffer;
  CHECK_FALSE(ends.b.poll_read(context, waiter, buffer).ready());
  // And the right one is taken all the same.
  CHECK(wire.until([&] { return ends.b.poll_read(context, waiter, buffer).ready(); }));
  CHECK(transfer(wire, ends.a, ends.b, 5'000));
}

}  // namespace nal::embedded::test
