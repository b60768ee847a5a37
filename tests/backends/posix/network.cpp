#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "tests/backends/posix/own_network.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

/// This host and another one, on a wire between "here" (10.9.0.1) and "there" (10.9.0.2).
struct TwoHosts {
  TwoHosts() {
    here.wire("here", "there");
    here.give("there", other);
    here.add_address("here", "10.9.0.1/24");
    here.add_address("here", "fd00:9::1/64");
    other.add_address("there", "10.9.0.2/24");
    other.add_address("there", "fd00:9::2/64");
    connect();
  }
  /// Both ends of the wire work from here on.
  void connect() const {
    other.ip("link set there up");
    other.await_running("there");
    here.await_running("here");
  }
  /// The sockets that `f` opens stand on the other host.
  template <class F>
  auto there(F&& f) const {
    const OwnNetwork::Visit visit(other);
    return f();
  }
  // The one that is made last is the one that this thread stands in.
  OwnNetwork other;
  OwnNetwork here;
};

Endpoint remote(Family family) { return Endpoint(family == Family::v4 ? "10.9.0.2"_ip : "fd00:9::2"_ip, 0); }

bool is_loss(Error error) {
  return error == Error::network_unreachable || error == Error::host_unreachable || error == Error::network_down ||
         error == Error::address_not_available || error == Error::timed_out;
}

template <class W>
void check_loopback_works(W& world) {
  auto [stream, peer] = world.connected();
  peer.send("still here");
  CHECK(world.read_some(stream) == "still here");
}

}  // namespace

TEST_CASE("connecting where no way leads tells so at once", "[posix][network]") {
  const OwnNetwork network;
  network.wire("left", "right");
  network.add_address("left", "10.9.0.1/24");
  network.ip("route add unreachable 10.8.1.0/24");
  network.ip("route add prohibit 10.8.2.0/24");
  World world(each_poller());
  CHECK(error_of(world.run(connect(world.stack, "192.0.2.1:80"_endpoint))) == Error::network_unreachable);
  CHECK(error_of(world.run(connect(world.stack, "[2001:db8::1]:80"_endpoint))) == Error::network_unreachable);
  CHECK(error_of(world.run(connect(world.stack, "10.8.1.1:80"_endpoint))) == Error::host_unreachable);
  CHECK(error_of(world.run(connect(world.stack, "10.8.2.1:80"_endpoint))) == Error::permission_denied);
  CHECK(error_of(udp_connect(world.stack, "192.0.2.1:80"_endpoint)) == Error::network_unreachable);
  auto socket = world.stack.udp_bind_multiple("0.0.0.0:0"_endpoint, {});
  REQUIRE(socket);
  CHECK(world.run(send_to(*socket, "192.0.2.1:80"_endpoint, bytes("x"))) == Unexpected(Error::network_unreachable));
  CHECK(world.run(send_to(*socket, "10.8.1.1:80"_endpoint, bytes("x"))) == Unexpected(Error::host_unreachable));
  // A source of one's own and a way that is none: it is the way.
  CHECK(world.run(send_to(*socket, "10.9.0.1:0"_endpoint, "10.8.1.1:80"_endpoint, bytes("x"))) ==
        Unexpected(Error::host_unreachable));
  CHECK(world.stack.in_use() == 1);
}

TEST_CASE("a host that answers with a refusal of the network's is told as such", "[posix][network]") {
  // The other host routes on what is not its own, to nowhere: an ICMP error comes back, over the wire.
  const TwoHosts hosts;
  hosts.other.set("ipv4/ip_forward", "1");
  hosts.here.ip("route add 10.8.0.0/16 via 10.9.0.2");
  hosts.other.ip("route add unreachable 10.8.0.0/16");
  World world(each_poller());
  CHECK(error_of(world.run(connect(world.stack, "10.8.1.1:80"_endpoint))) == Error::host_unreachable);
}

TEST_CASE("when no ephemeral port is left, whoever needs one is told", "[posix][network]") {
  const OwnNetwork network;
  network.set("ipv4/ip_local_port_range", "40000 40001");
  World world(each_poller());
  Peer listener = Peer::listen_at("127.0.0.1:5000"_endpoint);
  auto first = world.must(connect(world.stack, listener.local()));
  auto second = world.must(connect(world.stack, listener.local()));
  CHECK(error_of(world.run(connect(world.stack, listener.local()))) == Error::address_not_available);
  UdpPeer peer("127.0.0.1:5001"_endpoint);
  auto third = udp_connect(world.stack, peer.local());
  auto fourth = world.stack.udp_bind_single(any_port(), {});
  REQUIRE((third && fourth));
  CHECK(error_of(udp_connect(world.stack, peer.local())) == Error::address_not_available);
  CHECK(error_of(world.stack.udp_bind_single(any_port(), {})) == Error::address_not_available);
  CHECK(error_of(world.stack.udp_bind_multiple(any_port(), {})) == Error::address_not_available);
  CHECK(world.stack.in_use() == 4);
  // A port that comes free is found again.
  first.abort();
  CHECK(world.run(connect(world.stack, listener.local())));
}

TEST_CASE("a connection with oneself, by the port that nobody listens at, is refused and leaves the port free",
          "[posix][network]") {
  const OwnNetwork network;
  network.set("ipv4/ip_local_port_range", "40000 40000");
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  const Endpoint nobody(IpAddress::loopback(family), 40000);
  for (int i = 0; i < 3; ++i) { CHECK(error_of(world.run(connect(world.stack, nobody))) == Error::connection_refused); }
  auto listener = world.stack.listen(nobody, {});
  REQUIRE(listener);
  CHECK(listener->local_endpoint() == nobody);
}

TEST_CASE("a UDP socket bound to a single address takes that of the default route", "[posix][network]") {
  const OwnNetwork network;
  World world(each_poller());
  const auto pick = [&world](Family family) {
    const auto socket = world.stack.udp_bind_single(Endpoint(IpAddress::unspecified(family), 0), {});
    REQUIRE(socket);
    return socket->local_endpoint().address;
  };
  CHECK(pick(Family::v4) == "127.0.0.1"_ip);
  CHECK(pick(Family::v6) == "::1"_ip);
  network.wire("left", "right");
  network.add_address("left", "10.9.0.1/24");
  network.add_address("right", "10.7.0.1/24");
  network.ip("route add default via 10.7.0.2");
  network.add_address("left", "fd00:9::1/64");
  network.ip("-6 route add default via fd00:9::2");
  CHECK(pick(Family::v4) == "10.7.0.1"_ip);
  CHECK(pick(Family::v6) == "fd00:9::1"_ip);
  network.ip("link set lo down");
  network.ip("route del default");
  CHECK(pick(Family::v4) == "127.0.0.1"_ip);  // down, but this host's all the same
}

TEST_CASE("an interface that goes away takes its connections with it, and nothing else", "[posix][network]") {
  const TwoHosts hosts;
  const Family family = GENERATE(Family::v4, Family::v6);
  World world(each_poller());
  Peer far = hosts.there([&] { return Peer::listen_at(remote(family)); });
  TcpOptions options;
  options.user_timeout = 300_ms;
  auto stream = world.must(connect(world.stack, far.local(), options));
  Peer peer = far.accept();
  peer.send("before");
  CHECK(world.read_some(stream) == "before");
  auto listener = world.stack.listen(Endpoint(IpAddress::unspecified(family), 0), {});
  REQUIRE(listener);

  hosts.here.ip("link delete here");
  Error error{};
  // The system takes what is written, and gives the peer up after the user time-out.
  while (error == Error{}) {
    const auto written = world.run(write(stream, bytes("into the void")));
    if (!written) {
      error = written.error();
      break;
    }
    Buffer buffer;
    const auto got = world.run(read(stream, buffer));
    REQUIRE_FALSE(got);
    error = got.error();
  }
  CHECK(is_loss(error));
  CHECK(world.read_some(stream) == std::string("<") + to_string(error) + ">");  // and not an end
  CHECK(is_loss(error_of(world.run(connect(world.stack, far.local())))));
  check_loopback_works(world);
  Peer local = Peer::connect_to(Endpoint(IpAddress::loopback(family), listener->local_endpoint().port));
  CHECK(world.run(accept(*listener)));
}

TEST_CASE("UDP sockets outlive an interface that goes away and comes back", "[posix][network]") {
  const TwoHosts hosts;
  World world(each_poller());
  UdpPeer* far = nullptr;
  std::optional<UdpPeer> peer;
  hosts.there([&] { far = &peer.emplace(Endpoint("10.9.0.2"_ip, 0)); });
  auto everywhere = world.stack.udp_bind_multiple("0.0.0.0:0"_endpoint, {});
  auto bound = world.stack.udp_bind_single("10.9.0.1:0"_endpoint, {});
  auto toward = udp_connect(world.stack, far->local());
  REQUIRE((everywhere && bound && toward));
  const InterfaceId here(hosts.here.index("here"));
  REQUIRE(everywhere->join("239.9.9.9"_ip, here));
  CHECK(world.must(send(*toward, bytes("before"))) == Unit{});
  CHECK(far->receive().data == "before");

  TaskSlot<2048> slot;
  std::string text = "nothing";
  struct Code {
    static Task<> run(posix::BoundUdp& socket, std::string& said) {
      Buffer buffer;
      const Result<Received> got = co_await receive(socket, buffer);
      said = got ? std::string(buffer.first(got->size)) : to_string(got.error());
      co_return Unit{};
    }
  };
  REQUIRE(slot.start(world.executor, Code::run, *everywhere, text));
  world.settle();

  hosts.here.ip("link delete here");
  world.settle();
  CHECK(is_loss(error_of(world.run(send_to(*everywhere, far->local(), bytes("x"))))));
  CHECK(is_loss(error_of(world.run(send_to(*bound, far->local(), bytes("x"))))));
  CHECK(is_loss(error_of(world.run(send(*toward, bytes("x"))))));
  CHECK(everywhere->leave("239.9.9.9"_ip, here) == Unit{});
  CHECK(is_loss(error_of(everywhere->join("239.9.9.9"_ip, here))));
  check_loopback_works(world);
  // Nobody spins over it.
  Faults faults;
  for (int i = 0; i < 10; ++i) { world.settle(); }
  CHECK(faults.count(Call::recvmsg) <= 1);
  CHECK(slot.running());

  hosts.here.wire("here", "there");
  hosts.here.give("there", hosts.other);
  hosts.here.add_address("here", "10.9.0.1/24");
  hosts.other.add_address("there", "10.9.0.2/24");
  hosts.connect();
  CHECK(world.must(send_to(*everywhere, far->local(), bytes("back"))) == Unit{});
  CHECK(far->receive().data == "back");
  far->send_to(Endpoint("10.9.0.1"_ip, everywhere->local_endpoint().port), "welcome");
  world.until([&] { return !slot.running(); });
  CHECK(text == "welcome");
  CHECK(everywhere->join("239.9.9.9"_ip, InterfaceId(hosts.here.index("here"))) == Unit{});
}

TEST_CASE("an interface that is down is told, and its return is not missed", "[posix][network]") {
  const TwoHosts hosts;
  World world(each_poller());
  Peer far = hosts.there([&] { return Peer::listen_at(remote(Family::v4)); });
  auto stream = world.must(connect(world.stack, far.local()));
  Peer peer = far.accept();
  hosts.here.ip("link set here down");
  CHECK(is_loss(error_of(world.run(connect(world.stack, far.local())))));
  CHECK(world.must(write_all(stream, bytes("patience"))) == Unit{});
  hosts.here.ip("link set here up");
  CHECK(peer.receive(8) == "patience");  // sent again
  peer.send("rewarded");
  CHECK(world.read_some(stream) == "rewarded");
}
