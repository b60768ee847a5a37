#include <netinet/in.h>
#include <sys/socket.h>
#include <cerrno>

#include <string>

#include "tests/backends/posix/own_network.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

/// Two interfaces that hear each other, each with addresses of both families.
struct Wired {
  Wired() {
    network.wire("left", "right");
    network.add_address("left", "10.9.0.1/24");
    network.add_address("right", "10.9.0.2/24");
    network.add_address("left", "10.9.0.3/24");
    network.add_address("left", "fd00:9::1/64");
    network.add_address("right", "fd00:9::2/64");
    // Both ends are this host's: it takes what its own addresses send.
    network.set("ipv4/conf/all/accept_local", "1");
    network.set("ipv4/conf/left/accept_local", "1");
    network.set("ipv4/conf/right/accept_local", "1");
    network.set("ipv4/conf/all/rp_filter", "0");
    network.set("ipv4/conf/left/rp_filter", "0");
    network.set("ipv4/conf/right/rp_filter", "0");
    left = InterfaceId(network.index("left"));
    right = InterfaceId(network.index("right"));
  }
  OwnNetwork network;
  InterfaceId left;
  InterfaceId right;
};

IpAddress group_of(Family family) { return family == Family::v4 ? "239.9.9.9"_ip : "ff15::9"_ip; }
IpAddress address_of(Family family, bool on_the_left) {
  if (family == Family::v4) { return on_the_left ? "10.9.0.1"_ip : "10.9.0.2"_ip; }
  return on_the_left ? "fd00:9::1"_ip : "fd00:9::2"_ip;
}

template <class W>
posix::BoundUdp bind_everywhere(W& world, Family family, const UdpOptions& options = {}) {
  auto socket = world.stack.udp_bind_multiple(Endpoint(IpAddress::unspecified(family), 0), options);
  REQUIRE(socket);
  return *std::move(socket);
}

/// A socket that sends to groups by `interface`, from the address there.
template <class W>
posix::BoundUdp sender(W& world, const IpAddress& from, InterfaceId interface) {
  UdpOptions options;
  options.multicast_interface = interface;
  auto socket = world.stack.udp_bind_single(Endpoint(from, 0), options);
  REQUIRE(socket);
  return *std::move(socket);
}

// Families differ in what they call an interface that is not there.
bool is_no_interface(const Result<posix::BoundUdp>& socket) {
  return error_of(socket) == Error::network_down || error_of(socket) == Error::address_not_available;
}

/// What waits, or "nothing".
template <class W>
std::string heard(W& world, posix::BoundUdp& socket) {
  world.settle();
  Buffer buffer;
  const auto got = try_receive(world.executor, socket, buffer);
  return got ? std::string(buffer.first(got->size)) : "nothing";
}

}  // namespace

TEST_CASE("a socket hears the groups that it joined, by the interface where it joined them", "[posix][multicast]") {
  const Wired wired;
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  const IpAddress group = group_of(family);
  auto receiver = bind_everywhere(world, family);
  auto left = sender(world, address_of(family, true), wired.left);
  const Endpoint to(group, receiver.local_endpoint().port);

  // Another socket's membership is not this one's.
  auto neighbour = bind_everywhere(world, family);
  REQUIRE(neighbour.join(group, wired.right) == Unit{});
  CHECK(world.must(send_to(left, to, bytes("not joined"))) == Unit{});
  CHECK(heard(world, receiver) == "nothing");

  REQUIRE(receiver.join(group, wired.right) == Unit{});
  CHECK(receiver.join(group, wired.right) == Unexpected(Error::address_in_use));
  CHECK(world.must(send_to(left, to, bytes("joined"))) == Unit{});
  Buffer buffer;
  const Received got = world.must(receive(receiver, buffer));
  CHECK(buffer.first(got.size) == "joined");
  CHECK(got.local == to);  // the group, so that the receiver knows it was not meant alone
  CHECK(got.remote == left.local_endpoint());
  CHECK(got.interface == wired.right);
  CHECK(got.hop_limit == 1);

  // To answer "from the group" is to answer from one's own address.
  CHECK(world.must(send_to(receiver, got.local, got.remote, bytes("answer"))) == Unit{});
  const Received answer = world.must(receive(left, buffer));
  CHECK(buffer.first(answer.size) == "answer");

  CHECK(receiver.leave(group, wired.right) == Unit{});
  CHECK(receiver.leave(group, wired.right) == Unexpected(Error::address_not_available));
  CHECK(world.must(send_to(left, to, bytes("left"))) == Unit{});
  CHECK(heard(world, receiver) == "nothing");
}

TEST_CASE("a socket that joined a group from one source hears no other", "[posix][multicast]") {
  const Wired wired;
  wired.network.add_address("left", "fd00:9::3/64");
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  const IpAddress group = family == Family::v4 ? "232.9.9.9"_ip : "ff35::9"_ip;
  const IpAddress wanted = address_of(family, true);
  const IpAddress other = family == Family::v4 ? "10.9.0.3"_ip : "fd00:9::3"_ip;
  auto receiver = bind_everywhere(world, family);
  auto friendly = sender(world, wanted, wired.left);
  auto stranger = sender(world, other, wired.left);
  const Endpoint to(group, receiver.local_endpoint().port);
  REQUIRE(receiver.join_source(group, wanted, wired.right) == Unit{});
  CHECK(receiver.join_source(group, wanted, wired.right) == Unexpected(Error::address_in_use));
  CHECK(world.must(send_to(stranger, to, bytes("stranger"))) == Unit{});
  CHECK(world.must(send_to(friendly, to, bytes("friend"))) == Unit{});
  Buffer buffer;
  const Received got = world.must(receive(receiver, buffer));
  CHECK(buffer.first(got.size) == "friend");
  REQUIRE(receiver.join_source(group, other, wired.right) == Unit{});
  CHECK(world.must(send_to(stranger, to, bytes("no stranger"))) == Unit{});
  const Received next = world.must(receive(receiver, buffer));
  CHECK(buffer.first(next.size) == "no stranger");
  REQUIRE(receiver.leave_source(group, wanted, wired.right) == Unit{});
  CHECK(world.must(send_to(friendly, to, bytes("friend no more"))) == Unit{});
  CHECK(heard(world, receiver) == "nothing");
  CHECK(receiver.leave_source(group, wanted, wired.right) == Unexpected(Error::address_not_available));
}

TEST_CASE("several sockets that share a port all hear a group", "[posix][multicast]") {
  const Wired wired;
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  const IpAddress group = group_of(family);
  auto first = bind_everywhere(world, family, {.share_port = true});
  auto second = world.stack.udp_bind_multiple(first.local_endpoint(), {.share_port = true});
  REQUIRE(second);
  REQUIRE(first.join(group, wired.right));
  REQUIRE(second->join(group, wired.right));
  auto left = sender(world, address_of(family, true), wired.left);
  CHECK(world.must(send_to(left, Endpoint(group, first.local_endpoint().port), bytes("all"))) == Unit{});
  Buffer buffer;
  CHECK(buffer.first(world.must(receive(first, buffer)).size) == "all");
  CHECK(buffer.first(world.must(receive(*second, buffer)).size) == "all");
}

TEST_CASE("one's own datagrams to a group come back, unless that is turned off", "[posix][multicast]") {
  const Wired wired;
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  const IpAddress group = group_of(family);
  auto receiver = bind_everywhere(world, family);
  REQUIRE(receiver.join(group, wired.left));
  auto left = sender(world, address_of(family, true), wired.left);
  const Endpoint to(group, receiver.local_endpoint().port);
  CHECK(left.configure({.multicast_hop_limit = std::uint8_t{3}}));
  CHECK(world.must(send_to(left, to, bytes("echo"))) == Unit{});
  Buffer buffer;
  const Received got = world.must(receive(receiver, buffer));
  CHECK(buffer.first(got.size) == "echo");
  CHECK(got.hop_limit == 3);
  CHECK(left.configure({.multicast_loopback = false}));
  CHECK(world.must(send_to(left, to, bytes("silence"))) == Unit{});
  CHECK(heard(world, receiver) == "nothing");
}

TEST_CASE("memberships that cannot be are refused", "[posix][multicast]") {
  const Wired wired;
  World world(each_poller());
  auto v4 = bind_everywhere(world, Family::v4);
  auto v6 = bind_everywhere(world, Family::v6);
  CHECK(v4.join("10.9.0.1"_ip, wired.left) == Unexpected(Error::invalid_argument));
  CHECK(v4.join("ff15::9"_ip, wired.left) == Unexpected(Error::invalid_argument));
  CHECK(v6.join("239.9.9.9"_ip, wired.left) == Unexpected(Error::invalid_argument));
  CHECK(v4.join_source("232.9.9.9"_ip, "fd00:9::1"_ip, wired.left) == Unexpected(Error::invalid_argument));
  CHECK(v4.join("239.9.9.9"_ip, InterfaceId(999)) == Unexpected(Error::network_down));
  CHECK(v6.join("ff15::9"_ip, InterfaceId(999)) == Unexpected(Error::network_down));
  for (const Family family : {Family::v4, Family::v6}) {
    UdpOptions options;
    options.multicast_interface = InterfaceId(999);
    CHECK(is_no_interface(world.stack.udp_bind_single(any_port(family), options)));
  }
  wired.network.set("ipv4/igmp_max_memberships", "3");
  for (std::uint8_t i = 1; i <= 3; ++i) { CHECK(v4.join(Ipv4Address(239, 9, 9, i), wired.left) == Unit{}); }
  CHECK(v4.join("239.9.9.4"_ip, wired.left) == Unexpected(Error::table_full));
  CHECK(v4.leave("239.9.9.1"_ip, wired.left) == Unit{});
  CHECK(v4.join("239.9.9.4"_ip, wired.left) == Unit{});
}

TEST_CASE("broadcasts are sent by who may, and heard", "[posix][multicast]") {
  const Wired wired;
  World world(each_poller());
  auto receiver = bind_everywhere(world, Family::v4);
  auto left = sender(world, "10.9.0.1"_ip, wired.left);
  const Endpoint to("10.9.0.255"_ip, receiver.local_endpoint().port);
  CHECK(world.run(send_to(left, to, bytes("to all"))) == Unexpected(Error::permission_denied));
  CHECK(left.configure({.broadcast = true}));
  CHECK(world.must(send_to(left, to, bytes("to all"))) == Unit{});
  Buffer buffer;
  const Received got = world.must(receive(receiver, buffer));
  CHECK(buffer.first(got.size) == "to all");
  CHECK(got.local == to);
}

TEST_CASE("a link-local address is told with its interface, and answered by it", "[posix][multicast]") {
  const Wired wired;
  wired.network.add_address("left", "fe80::9:1/64");
  wired.network.add_address("right", "fe80::9:2/64");
  World world(each_poller());
  auto receiver = bind_everywhere(world, Family::v6);
  const Ipv6Address plain = "fe80::9:1"_ip.v6();
  const IpAddress zoned = Ipv6Address::from_bytes(plain.bytes(), wired.left.index());
  auto left = world.stack.udp_bind_single(Endpoint(zoned, 0), {});
  REQUIRE(left);
  CHECK(left->local_endpoint().address == zoned);
  CHECK(world.must(send_to(*left, Endpoint(zoned, receiver.local_endpoint().port), bytes("hello"))) == Unit{});
  Buffer buffer;
  const Received got = world.must(receive(receiver, buffer));
  CHECK(got.local.address == zoned);
  CHECK(got.remote == left->local_endpoint());
  CHECK(world.must(send_to(receiver, got.local, got.remote, bytes("hello too"))) == Unit{});
  const Received answer = world.must(receive(*left, buffer));
  CHECK(buffer.first(answer.size) == "hello too");
  CHECK(answer.remote == got.local);
}
