#include "tests/conformance/world.hpp"

namespace nal::conformance {

namespace {

using namespace literals;

IpAddress group_of(Family family) { return family == Family::v6 ? "ff02::7a11"_ip : "239.255.77.1"_ip; }

using Socket = Stack::MultiplyBoundUdp;

Socket bind_member(World& world, std::uint16_t port = 0) {
  auto socket = world.server().udp_bind_multiple(world.any(port), {.share_port = true});
  REQUIRE(socket);
  return *std::move(socket);
}

Socket bind_sender(World& world) {
  if (!world.fixture().has_multicast(world.family())) {
    SKIP("the network between the hosts carries no multicast of " << to_string(world.family()));
  }
  auto socket = world.client().udp_bind_multiple(world.any(), {.multicast_interface = Fixture::multicast_interface()});
  REQUIRE(socket);
  return *std::move(socket);
}

}  // namespace

TEST_CASE("A socket hears a group from when it joins until it leaves", "[udp][multicast]") {
  World world(GENERATE(Family::v4, Family::v6));
  const IpAddress group = group_of(world.family());
  auto member = bind_member(world);
  auto sender = bind_sender(world);
  const Endpoint everybody{group, member.local_endpoint().port};
  std::byte buffer[100];
  REQUIRE(member.join(group, Fixture::multicast_interface()));
  REQUIRE(world.block(send_to(sender, everybody, bytes("joined"))));
  const auto got = world.block(receive(member, buffer));
  REQUIRE(got);
  CHECK(text(std::span(buffer).first(got->size)) == "joined");
  CHECK(got->local.address.bytes().size() == group.bytes().size());
  CHECK(std::ranges::equal(got->local.address.bytes(), group.bytes()));
  CHECK(got->remote.port == sender.local_endpoint().port);
  REQUIRE(member.leave(group, Fixture::multicast_interface()));
  REQUIRE(world.block(send_to(sender, everybody, bytes("left"))));
  world.run_a_little();
  CHECK(try_receive(world.executor(), member, buffer).error_or(Error{}) == Error::would_block);
}

TEST_CASE("Every member of a group gets each datagram", "[udp][multicast]") {
  World world(GENERATE(Family::v4, Family::v6));
  const IpAddress group = group_of(world.family());
  auto one = bind_member(world);
  auto other = bind_member(world, one.local_endpoint().port);
  auto sender = bind_sender(world);
  REQUIRE(one.join(group, Fixture::multicast_interface()));
  REQUIRE(other.join(group, Fixture::multicast_interface()));
  REQUIRE(world.block(send_to(sender, Endpoint{group, one.local_endpoint().port}, bytes("all"))));
  std::byte buffer[100];
  CHECK(world.block(receive(one, buffer)));
  CHECK(world.block(receive(other, buffer)));
}

TEST_CASE("A group is joined once and left once", "[udp][multicast]") {
  World world(GENERATE(Family::v4, Family::v6));
  const IpAddress group = group_of(world.family());
  auto member = bind_member(world);
  REQUIRE(member.join(group, Fixture::multicast_interface()));
  CHECK(member.join(group, Fixture::multicast_interface()) == Unexpected(Error::address_in_use));
  CHECK(member.leave(group, Fixture::multicast_interface()));
  CHECK_FALSE(member.leave(group, Fixture::multicast_interface()));
  CHECK(member.join(group, Fixture::multicast_interface()));
}

TEST_CASE("Only multicast addresses of the socket's family are joined", "[udp][multicast]") {
  World world(GENERATE(Family::v4, Family::v6));
  auto member = bind_member(world);
  CHECK(member.join(world.server_address(), Fixture::multicast_interface()) == Unexpected(Error::invalid_argument));
  const IpAddress foreign = group_of(world.family() == Family::v4 ? Family::v6 : Family::v4);
  CHECK_FALSE(member.join(foreign, Fixture::multicast_interface()));
}

TEST_CASE("A group joined for one source is silent for others", "[udp][multicast]") {
  World world(Family::v4);
  const IpAddress group = "232.77.1.1"_ip;
  auto member = bind_member(world);
  auto sender =
      world.client().udp_bind_single(world.at_client(), {.multicast_interface = Fixture::multicast_interface()});
  REQUIRE(sender);
  const Endpoint everybody{group, member.local_endpoint().port};
  std::byte buffer[100];
  REQUIRE(member.join_source(group, "198.51.100.77"_ip, Fixture::multicast_interface()));
  REQUIRE(world.block(send_to(*sender, everybody, bytes("from another"))));
  world.run_a_little();
  CHECK(try_receive(world.executor(), member, buffer).error_or(Error{}) == Error::would_block);
  REQUIRE(member.join_source(group, world.client_address(), Fixture::multicast_interface()));
  REQUIRE(world.block(send_to(*sender, everybody, bytes("from the one"))));
  const auto got = world.block(receive(member, buffer));
  REQUIRE(got);
  CHECK(text(std::span(buffer).first(got->size)) == "from the one");
  REQUIRE(member.leave_source(group, world.client_address(), Fixture::multicast_interface()));
  REQUIRE(world.block(send_to(*sender, everybody, bytes("too late"))));
  world.run_a_little();
  CHECK(try_receive(world.executor(), member, buffer).error_or(Error{}) == Error::would_block);
}

TEST_CASE("A sender that does not want its own datagrams back does not get them", "[udp][multicast]") {
  World world;
  const IpAddress group = group_of(world.family());
  auto socket = world.client().udp_bind_multiple(world.any(), {.multicast_interface = Fixture::multicast_interface()});
  REQUIRE(socket);
  REQUIRE(socket->join(group, Fixture::multicast_interface()));
  const Endpoint everybody{group, socket->local_endpoint().port};
  std::byte buffer[100];
  REQUIRE(world.block(send_to(*socket, everybody, bytes("echo"))));
  CHECK(world.block(receive(*socket, buffer)));
  REQUIRE(socket->configure({.multicast_loopback = false}));
  REQUIRE(world.block(send_to(*socket, everybody, bytes("no echo"))));
  world.run_a_little();
  CHECK(try_receive(world.executor(), *socket, buffer).error_or(Error{}) == Error::would_block);
}

}  // namespace nal::conformance
