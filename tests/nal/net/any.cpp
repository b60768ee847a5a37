#include "nal/any_stack.hpp"

#include <cstring>

#include "tests/nal/net/support.hpp"

namespace nal::test {

static_assert(sizeof(AnyTcpStream) <= 4 * sizeof(void*) && sizeof(AnyTcpListener) <= 4 * sizeof(void*));
static_assert(sizeof(AnyUdpSocket) <= 4 * sizeof(void*) && sizeof(AnyLookup) <= 4 * sizeof(void*));
static_assert(sizeof(AnyStack) == 2 * sizeof(void*));

TEST_CASE("Erased streams of several types speak with each other", "[any]") {
  NetTest test;
  auto pair = test.connected();
  const Endpoint local = pair.client.local_endpoint();
  AnyTcpStream plain(std::move(pair.client));
  AnyTcpStream in_place(FakeInPlaceStream(std::move(pair.server)));
  CHECK(plain.local_endpoint() == local);
  CHECK(in_place.remote_endpoint() == local);
  std::array<std::span<const std::byte>, 3> there{bytes("gathered "), bytes(""), bytes("pieces")};
  std::array<std::span<const std::byte>, 2> back{bytes("and "), bytes("back")};
  std::byte got[15];
  REQUIRE(test.block(write_gather(plain, there)));
  REQUIRE(test.block(read_exact(in_place, got)));
  CHECK(text(got) == "gathered pieces");
  REQUIRE(test.block(write_gather(in_place, back)));
  REQUIRE(test.block(read_exact(plain, std::span(got).first(8))));
  CHECK(text(std::span(got).first(8)) == "and back");
  CHECK(plain.configure({.hop_limit = std::uint8_t{3}}));
  CHECK(plain.configure({.hop_limit = std::uint8_t{0}}) == Unexpected(Error::invalid_argument));
}

TEST_CASE("An erased handle drops what it holds exactly once, however it was moved", "[any]") {
  NetTest test;
  {
    auto pair = test.connected();
    AnyTcpStream one(std::move(pair.client));
    AnyTcpStream two(std::move(one));
    AnyTcpStream server(std::move(pair.server));
    std::byte got[1];
    // NOLINTNEXTLINE(bugprone-use-after-move): that is the question
    CHECK(test.block(read(one, got)) == Unexpected(Error::closed));
    CHECK(one.local_endpoint() == Endpoint{});
    one.abort();
    one = std::move(two);
    REQUIRE(test.block(write_all(one, bytes("x"))));
    CHECK(test.block(read(server, got)) == 1u);
    auto other = test.connected();
    one = AnyTcpStream(std::move(other.client));
    CHECK(test.block(read(server, got)) == 0u);
    CHECK(test.block(write_all(one, bytes("y"))));
    CHECK(test.block(read(other.server, got)) == 1u);
  }
  test.check_nothing_left();
}

TEST_CASE("Every factory of an erased stack passes its errors on", "[any]") {
  NetTest test({.tcp_slots = 1, .listeners = 1, .udp_slots = 1, .lookups = 1});
  AnyStack stack(test.server);
  const Endpoint local = {test.server_address(), 0};
  auto listener = stack.listen(local, {});
  REQUIRE(listener);
  CHECK(stack.listen(local, {}).error_or(Error{}) == Error::table_full);
  CHECK(stack.listen(listener->local_endpoint(), {}).error_or(Error{}) == Error::address_in_use);
  auto socket = stack.udp_bind_multiple(local, {});
  REQUIRE(socket);
  CHECK(stack.udp_bind_single(local, {}).error_or(Error{}) == Error::table_full);
  CHECK(stack.udp_connect_from(local, {test.client_address(), 0}, {}).error_or(Error{}) == Error::invalid_argument);
  auto question = stack.start_lookup("localhost", Family::any);
  REQUIRE(question);
  CHECK(stack.start_lookup("localhost", Family::any).error_or(Error{}) == Error::table_full);
  CHECK(stack.start_reverse_lookup(test.server_address()).error_or(Error{}) == Error::table_full);
  auto stream = stack.start_tcp({test.client_address(), 9}, {});
  REQUIRE(stream);
  CHECK(stack.start_tcp({test.client_address(), 9}, {}).error_or(Error{}) == Error::table_full);
}

TEST_CASE("An erased stack says what the stack behind it cannot do", "[any]") {
  NetTest test;
  /// Resolves names, and nothing else.
  struct ResolverOnly {
    using Lookup = FakeLookup;
    using ReverseLookup = FakeReverseLookup;
    Result<Lookup> start_lookup(std::string_view name, Family family) { return stack->start_lookup(name, family); }
    Result<ReverseLookup> start_reverse_lookup(const IpAddress& address) {
      return stack->start_reverse_lookup(address);
    }
    FakeStack* stack;
  } resolver{&test.client};
  AnyStack stack(resolver);
  std::array<IpAddress, 2> out;
  CHECK(test.block(lookup(stack, "localhost", Family::v4, out)) == 1u);
  const Endpoint anywhere{test.server_address(), 80};
  CHECK(stack.start_tcp(anywhere, {}).error_or(Error{}) == Error::not_supported);
  CHECK(stack.start_tcp_from(anywhere, anywhere, {}).error_or(Error{}) == Error::not_supported);
  CHECK(stack.listen(anywhere, {}).error_or(Error{}) == Error::not_supported);
  CHECK(stack.udp_connect_from(anywhere, anywhere, {}).error_or(Error{}) == Error::not_supported);
  CHECK(stack.udp_bind_single(anywhere, {}).error_or(Error{}) == Error::not_supported);
  CHECK(stack.udp_bind_multiple(anywhere, {}).error_or(Error{}) == Error::not_supported);
  CHECK(stack.open_probe({}).error_or(Error{}) == Error::not_supported);
}

TEST_CASE("An erased probe socket passes on what it is asked and what is answered", "[any][probe]") {
  NetTest test;
  /// Answers every probe with its own data, at once.
  struct Mirror {
    Poll<Result<>> poll_send(Context&, Waiter&, const Probe& probe, std::span<const std::byte> data) noexcept {
      if (data.size() > held.size()) { return Unexpected(Error::message_size); }
      std::memcpy(held.data(), data.data(), data.size());
      answer = {.destination = probe.destination, .sequence = probe.sequence, .size = data.size()};
      return Result<>();
    }
    Poll<Result<ProbeAnswer>> poll_receive(Context&, Waiter&, std::span<std::byte> buffer) noexcept {
      std::memcpy(buffer.data(), held.data(), answer.size);
      return answer;
    }
    std::uint16_t identifier() const noexcept { return 0x4e41; }

    ProbeAnswer answer{};
    std::array<std::byte, 4> held{};
  };
  /// A handle of few words, as those of all stacks are.
  struct Handle {
    Poll<Result<>> poll_send(Context& c, Waiter& w, const Probe& p, std::span<const std::byte> data) noexcept {
      return mirror->poll_send(c, w, p, data);
    }
    Poll<Result<ProbeAnswer>> poll_receive(Context& c, Waiter& w, std::span<std::byte> buffer) noexcept {
      return mirror->poll_receive(c, w, buffer);
    }
    std::uint16_t identifier() const noexcept { return mirror->identifier(); }
    Mirror* mirror;
  };
  Mirror mirror;
  AnyProbeSocket first(Handle{&mirror});
  AnyProbeSocket socket(std::move(first));
  CHECK(socket.identifier() == 0x4e41);
  REQUIRE(test.block(send_probe(socket, {.destination = test.server_address(), .sequence = 7}, bytes("ping"))));
  std::array<std::byte, 8> buffer;
  const auto answer = test.block(receive_answer(socket, buffer));
  REQUIRE(answer);
  CHECK(answer->sequence == 7);
  CHECK(answer->destination == test.server_address());
  CHECK(text(std::span(buffer).first(answer->size)) == "ping");
  CHECK(test.block(send_probe(socket, {}, bytes("too much"))) == Unexpected(Error::message_size));
  // NOLINTBEGIN(bugprone-use-after-move): that is the question
  CHECK(test.block(send_probe(first, {}, bytes("x"))) == Unexpected(Error::closed));
  CHECK(test.block(receive_answer(first, buffer)).error_or(Error{}) == Error::closed);
  CHECK(first.identifier() == 0);
  // NOLINTEND(bugprone-use-after-move)
}

TEST_CASE("An erased UDP socket does what its kind does and no more", "[any][udp]") {
  NetTest test;
  AnyStack server(test.server);
  AnyStack client(test.client);
  auto bound = server.udp_bind_single({test.server_address(), 53}, {});
  REQUIRE(bound);
  auto connected = udp_connect(client, bound->local_endpoint());
  REQUIRE(connected);
  CHECK(connected->remote_endpoint() == bound->local_endpoint());
  CHECK(bound->remote_endpoint() == Endpoint{});
  CHECK(test.block(send(*bound, bytes("x"))) == Unexpected(Error::not_connected));
  const IpAddress group = "239.1.2.3"_ip;
  CHECK_FALSE(connected->join(group, {}));
  CHECK_FALSE(connected->leave(group, {}));
  CHECK_FALSE(connected->join_source(group, test.server_address(), {}));
  CHECK_FALSE(connected->leave_source(group, test.server_address(), {}));
  CHECK_FALSE(test.block(send_to(*connected, bound->local_endpoint(), bytes("x"))));
  REQUIRE(test.block(send(*connected, bytes("x"))));
  std::byte buffer[4];
  const auto got = test.block(receive(*bound, buffer));
  REQUIRE(got);
  CHECK(got->remote == connected->local_endpoint());
}

TEST_CASE("Erased questions that were moved from are closed", "[any][dns]") {
  NetTest test;
  AnyStack stack(test.client);
  auto forward = stack.start_lookup("localhost", Family::v4);
  auto reverse = stack.start_reverse_lookup("127.0.0.1"_ip);
  REQUIRE(forward);
  REQUIRE(reverse);
  AnyLookup kept(*std::move(forward));
  AnyReverseLookup kept_too(*std::move(reverse));
  Waiter waiter;
  Context context = Context::probe(test.executor);
  std::array<IpAddress, 2> addresses;
  std::array<char, 32> name;
  CHECK(forward->poll_addresses(context, waiter, addresses)->error_or(Error{}) == Error::closed);
  CHECK(reverse->poll_name(context, waiter, name)->error_or(Error{}) == Error::closed);
  CHECK(*kept.poll_addresses(context, waiter, addresses) == 1u);
  CHECK(*kept_too.poll_name(context, waiter, name) == 9u);
  CHECK(test.client.dns().slots_in_use() == 2);
}

}  // namespace nal::test
