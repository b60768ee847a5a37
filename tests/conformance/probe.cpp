#include "nal/probe.hpp"

#include "tests/conformance/cancelled.hpp"

namespace nal::conformance {

namespace {

/// The client's: its stack's own, or one that the fixture has made beside it; else void.
template <class W>
auto probes_of(W& world) {
  if constexpr (ProbeStack<Stack>) {
    return &world.client();
  } else if constexpr (requires { world.fixture().probes(); }) {
    return &world.fixture().probes();
  } else {
    SKIP("this backend sends no probes");
    return static_cast<Stack*>(nullptr);
  }
}

template <class W>
constexpr bool kHasProbes = ProbeStack<std::remove_pointer_t<decltype(probes_of(std::declval<W&>()))>>;

/// Skips the test where the system forbids it.
template <class P>
auto open(P* probes, const World& world, ProbeKind kind = ProbeKind::echo) {
  auto socket = probes->open_probe({.local = IpAddress::unspecified(world.family()), .kind = kind});
  if (!socket && socket.error() == Error::permission_denied) { SKIP("the system forbids it: see ping_group_range"); }
  if (!socket && socket.error() == Error::not_supported) { SKIP("this backend sends no probes"); }
  REQUIRE(socket);
  return *std::move(socket);
}

template <class W>
void replies(W& world) {
  if constexpr (kHasProbes<W>) {
    auto socket = open(probes_of(world), world);
    std::array<std::byte, 2000> buffer;
    for (const std::size_t size : {0U, 1U, 56U, 1400U}) {
      const auto data = pattern_bytes(size);
      const Probe probe{.destination = world.server_address(), .sequence = static_cast<std::uint16_t>(size)};
      REQUIRE(world.block(send_probe(socket, probe, data)));
      const auto answer = world.block(receive_answer(socket, buffer));
      REQUIRE(answer);
      CHECK(answer->kind == ProbeAnswer::Kind::reply);
      CHECK(answer->from == world.server_address());
      CHECK(answer->destination == world.server_address());
      CHECK(answer->sequence == size);
      CHECK(answer->size == size);
      CHECK(std::equal(data.begin(), data.end(), buffer.begin()));
    }
    CHECK(try_once(world.executor(), receive_answer(socket, buffer)).error() == Error::would_block);
  } else {
    probes_of(world);
  }
}

template <class W>
void several(W& world) {
  if constexpr (kHasProbes<W>) {
    auto first = open(probes_of(world), world);
    auto second = open(probes_of(world), world);
    CHECK(first.identifier() != second.identifier());
    std::byte buffer[8];
    REQUIRE(world.block(send_probe(first, {.destination = world.server_address(), .sequence = 1}, {})));
    REQUIRE(world.block(send_probe(second, {.destination = world.server_address(), .sequence = 2}, {})));
    const auto of_second = world.block(receive_answer(second, buffer));
    const auto of_first = world.block(receive_answer(first, buffer));
    REQUIRE(of_first);
    REQUIRE(of_second);
    CHECK(of_first->sequence == 1);
    CHECK(of_second->sequence == 2);
    CHECK(try_once(world.executor(), receive_answer(first, buffer)).error() == Error::would_block);
  } else {
    probes_of(world);
  }
}

template <class W>
void closed_port(W& world) {
  if constexpr (kHasProbes<W>) {
    auto socket = open(probes_of(world), world, ProbeKind::udp);
    std::byte buffer[8];
    const auto data = pattern_bytes(32);
    for (const std::uint16_t sequence : {std::uint16_t{0}, std::uint16_t{7}}) {
      REQUIRE(world.block(send_probe(socket, {.destination = world.server_address(), .sequence = sequence}, data)));
      const auto answer = world.block(receive_answer(socket, buffer));
      REQUIRE(answer);
      CHECK(answer->kind == ProbeAnswer::Kind::unreachable);
      CHECK(answer->reason == ProbeAnswer::Reason::port);
      CHECK(answer->from == world.server_address());
      CHECK(answer->destination == world.server_address());
      CHECK(answer->sequence == sequence);
      CHECK(answer->size == 0);
    }
  } else {
    probes_of(world);
  }
}

template <class W>
void refusals(W& world) {
  if constexpr (kHasProbes<W>) {
    auto socket = open(probes_of(world), world);
    std::byte buffer[4];
    const auto send = [&](auto& from, const Probe& probe) { return world.block(send_probe(from, probe, {})); };
    const Family other = world.family() == Family::v4 ? Family::v6 : Family::v4;
    CHECK(send(socket, {.destination = IpAddress::loopback(other)}).error() == Error::invalid_argument);
    CHECK(send(socket, {.destination = IpAddress::unspecified(world.family())}).error() == Error::invalid_argument);
    {
      auto udp = open(probes_of(world), world, ProbeKind::udp);
      CHECK(send(udp, {.destination = world.server_address(), .sequence = 65535}).error() == Error::invalid_argument);
    }
    // It is of use as before, also in another place; what it was moved from is not.
    auto moved = std::move(socket);
    const auto data = pattern_bytes(40);
    REQUIRE(world.block(send_probe(moved, {.destination = world.server_address(), .sequence = 5}, data)));
    const auto answer = world.block(receive_answer(moved, buffer));
    REQUIRE(answer);
    CHECK(answer->size == 4);
    CHECK(answer->data_size >= answer->size);
    CHECK(world.block(receive_answer(socket, buffer)).error() == Error::closed);
    CHECK(send(socket, {.destination = world.server_address()}).error() == Error::closed);
  } else {
    probes_of(world);
  }
}

template <class W>
struct Base : Cancelled {
  using Probes = std::remove_pointer_t<decltype(probes_of(std::declval<W&>()))>;
  typename Probes::ProbeSocket socket = open(probes_of(static_cast<W&>(world)), world);
  std::byte buffer[16];
  Probe probe{.destination = world.server_address(), .sequence = 1};
};

template <class W>
struct SendingProbe : Base<W> {
  auto begin() { return send_probe(this->socket, this->probe, {}); }
  void given_up() {
    this->check_quiet();
    this->world.run_a_little();
    CHECK(try_once(this->world.executor(), receive_answer(this->socket, this->buffer)).error() == Error::would_block);
    REQUIRE(this->world.block(send_probe(this->socket, this->probe, {})));
    CHECK(this->world.block(receive_answer(this->socket, this->buffer)));
  }
  void finished(Result<>& sent) { CHECK(sent); }
};

template <class W>
struct ReceivingAnswer : Base<W> {
  auto begin() {
    REQUIRE(this->world.block(send_probe(this->socket, this->probe, {})));
    return receive_answer(this->socket, this->buffer);
  }
  void given_up() {
    this->check_quiet();
    CHECK(this->world.block(receive_answer(this->socket, this->buffer)));
  }
  void finished(Result<ProbeAnswer>& answer) { CHECK(answer); }
};

template <class W>
void cancelled(W& world) {
  if constexpr (kHasProbes<W>) {
    open(probes_of(world), world);
    CHECK(test::cancel_at_every_poll(std::make_unique<SendingProbe<W>>) >= 1);
    CHECK(test::cancel_at_every_poll(std::make_unique<ReceivingAnswer<W>>) >= 1);
  } else {
    probes_of(world);
  }
}

}  // namespace

TEST_CASE("An echo request is answered with its own data", "[probe]") {
  World world(GENERATE(Family::v4, Family::v6));
  replies(world);
}

TEST_CASE("Each probe socket hears of its own probes alone", "[probe]") {
  World world(GENERATE(Family::v4, Family::v6));
  several(world);
}

TEST_CASE("A probe to a port that nobody has is told as such, by who says so", "[probe]") {
  World world(GENERATE(Family::v4, Family::v6));
  closed_port(world);
}

TEST_CASE("A probe that cannot be sent says why, and the socket goes on", "[probe]") {
  World world(GENERATE(Family::v4, Family::v6));
  refusals(world);
}

TEST_CASE("Probes given up at any poll were not sent, and lose no answer", "[cancel][probe]") {
  World world;
  cancelled(world);
}

}  // namespace nal::conformance
