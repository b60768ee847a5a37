#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

/// Accepts again and again, keeps what it gets and remembers what went wrong.
struct Acceptor {
  std::vector<posix::TcpStream> streams;
  std::vector<Error> errors;

  static Task<> run(posix::TcpListener& listener, Acceptor& into) {
    for (;;) {
      auto stream = co_await accept(listener);
      if (stream) {
        into.streams.push_back(*std::move(stream));
      } else {
        into.errors.push_back(stream.error());
      }
    }
  }
};

constexpr posix::Config kTiny{.sockets = 3, .lookups = 1, .resolver_threads = 1};

}  // namespace

TEST_CASE("accept without a free descriptor says so once, then waits without spinning until there is one",
          "[posix][accept]") {
  const int error = GENERATE(EMFILE, ENFILE, ENOBUFS, ENOMEM);
  World world(each_poller());
  auto listener = world.listen();
  Acceptor acceptor;
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, Acceptor::run, listener, acceptor));
  world.settle();

  Faults faults;
  faults.virtual_time();
  constexpr unsigned kFailures = 20;
  faults.fail(Call::accept4, error, kFailures);
  Peer peer = Peer::connect_to(listener.local_endpoint());
  const Instant before = world.reactor.now();
  REQUIRE(world.executor.run_until([&] { return !acceptor.streams.empty(); }, before + 60_s));
  // Told at every try, and tried no more often than the pause allows.
  REQUIRE(acceptor.errors.size() == kFailures);
  CHECK(acceptor.errors.front() == (error == ENOBUFS || error == ENOMEM ? Error::no_memory : Error::table_full));
  CHECK(world.reactor.now() - before >= posix::Reactor::kRetryPause * kFailures);
  CHECK(faults.count(Call::accept4) == kFailures + 2);  // the last one finds nobody else
  CHECK(faults.waits() <= 3 * kFailures + 10);
  peer.send("waited");
  CHECK(world.read_some(acceptor.streams.front()) == "waited");
  slot.cancel();
}

TEST_CASE("accept without a free descriptor is tried again as soon as this stack frees one", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  auto [other, other_peer] = world.accepted();
  Acceptor acceptor;
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, Acceptor::run, listener, acceptor));
  world.settle();
  Faults faults;
  faults.virtual_time();
  faults.fail(Call::accept4, EMFILE);
  const Peer peer = Peer::connect_to(listener.local_endpoint());
  world.until([&] { return !acceptor.errors.empty(); });
  REQUIRE(acceptor.errors.size() == 1);
  REQUIRE(acceptor.streams.empty());
  for (int i = 0; i < 10; ++i) { world.settle(); }
  CHECK(faults.count(Call::accept4) == 1);
  const Instant before = world.reactor.now();
  other.abort();
  world.until([&] { return acceptor.streams.size() == 1; });
  CHECK(world.reactor.now() == before);
  slot.cancel();
}

TEST_CASE("accept with a full table says so once somebody waits, and goes on when an entry is free",
          "[posix][accept]") {
  World<kTiny> world(each_poller());
  auto listener = world.listen();
  std::optional<posix::TcpListener> second(world.listen());
  std::optional<posix::TcpListener> third(world.listen());
  REQUIRE(world.stack.in_use() == 3);
  Acceptor acceptor;
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, Acceptor::run, listener, acceptor));
  world.settle();
  CHECK(acceptor.errors.empty());  // nobody waits: no reason to complain
  Faults faults;
  faults.virtual_time();
  Peer peer = Peer::connect_to(listener.local_endpoint());
  peer.send("patience");
  world.until([&] { return !acceptor.errors.empty(); });
  for (int i = 0; i < 10; ++i) { world.settle(); }
  CHECK(acceptor.errors == std::vector<Error>{Error::table_full});
  CHECK(faults.count(Call::accept4) == 0);
  third.reset();
  world.until([&] { return acceptor.streams.size() == 1; });
  CHECK(world.read_some(acceptor.streams.front()) == "patience");
  // Full again: the next one waits in the system's queue, and is told once more.
  const Peer next = Peer::connect_to(listener.local_endpoint());
  world.until([&] { return acceptor.errors.size() == 2; });
  second.reset();
  world.until([&] { return acceptor.streams.size() == 2; });
  slot.cancel();
}

TEST_CASE("a full table does not keep a listener awake while time passes", "[posix][accept]") {
  World<kTiny> world(each_poller());
  auto listener = world.listen();
  const auto second = world.listen();
  const auto third = world.listen();
  Acceptor acceptor;
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, Acceptor::run, listener, acceptor));
  world.settle();
  Faults faults;
  faults.virtual_time();
  const Peer peer = Peer::connect_to(listener.local_endpoint());
  block_on(world.executor, sleep(10_s));
  // Ten seconds, a look every pause.
  CHECK(acceptor.errors.size() <= 101);
  CHECK(faults.waits() <= 320);
  slot.cancel();
}

TEST_CASE("everything that makes a table full makes the factories say so", "[posix][accept]") {
  World<kTiny> world(each_poller());
  const auto first = world.listen();
  const auto second = world.listen();
  const auto third = world.listen();
  CHECK(error_of(world.stack.listen(any_port(), {})) == Error::table_full);
  CHECK(error_of(world.stack.start_tcp(first.local_endpoint(), {})) == Error::table_full);
  CHECK(error_of(world.stack.udp_bind_single(any_port(), {})) == Error::table_full);
  CHECK(error_of(world.stack.udp_bind_multiple(any_port(), {})) == Error::table_full);
  CHECK(error_of(udp_connect(world.stack, first.local_endpoint())) == Error::table_full);
  CHECK(world.stack.in_use() == 3);
}

TEST_CASE("a connection that died while it waited is passed over", "[posix][accept]") {
  // Linux hands on what is wrong with the new connection as accept's own error.
  const int error = GENERATE(ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH,
                             EOPNOTSUPP, EPERM, ETIMEDOUT);
  World world(each_poller());
  auto listener = world.listen();
  Peer peer = Peer::connect_to(listener.local_endpoint());
  Faults faults;
  faults.fail(Call::accept4, error, 5);
  auto stream = world.must(accept(listener));
  CHECK(faults.spent());
  peer.send("alive");
  CHECK(world.read_some(stream) == "alive");
}

TEST_CASE("a flood of dying connections does not keep others from their turn", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  Acceptor acceptor;
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, Acceptor::run, listener, acceptor));
  world.settle();
  Faults faults;
  faults.fail(Call::accept4, ECONNABORTED, 100);
  const Peer peer = Peer::connect_to(listener.local_endpoint());
  unsigned most = 0;
  while (acceptor.streams.empty()) {
    const unsigned before = faults.count(Call::accept4);
    world.executor.poll_once();
    most = std::max(most, faults.count(Call::accept4) - before);
  }
  CHECK(most <= 20);
  CHECK(acceptor.errors.empty());
  slot.cancel();
}

TEST_CASE("an error of accept's that says nothing of a connection is told", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  const Peer peer = Peer::connect_to(listener.local_endpoint());
  Faults faults;
  faults.fail(Call::accept4, EINVAL).fail(Call::accept4, EIO);
  CHECK(error_of(world.run(accept(listener))) == Error::invalid_argument);
  CHECK(error_of(world.run(accept(listener))) == Error::io_error);
  CHECK(world.run(accept(listener)));
}

TEST_CASE("being woken for nothing makes accept wait again", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  Acceptor acceptor;
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, Acceptor::run, listener, acceptor));
  world.settle();
  Faults faults;
  faults.pretend(1, 1);  // readable
  world.settle();
  CHECK(faults.spent());
  CHECK(faults.count(Call::accept4) == 1);
  CHECK(acceptor.errors.empty());
  const Peer peer = Peer::connect_to(listener.local_endpoint());
  world.until([&] { return acceptor.streams.size() == 1; });
  slot.cancel();
}

TEST_CASE("a connection that was reset before it was accepted reads as reset, its data first", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  {
    Peer peer = Peer::connect_to(listener.local_endpoint());
    peer.send("gone");
    peer.reset();
  }
  auto stream = world.must(accept(listener));
  CHECK(world.read_some(stream) == "gone");
  CHECK(world.read_some(stream) == "<connection reset by peer>");
}

TEST_CASE("nothing is lost between accept and the first read", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  Peer peer = Peer::connect_to(listener.local_endpoint());
  peer.send("before accept");
  peer.send_end();
  auto stream = world.must(accept(listener));
  world.settle();
  CHECK(world.read_some(stream) == "before accept");
  CHECK(world.read_some(stream).empty());
}

TEST_CASE("connections are accepted in the order in which they came, all of them after one wait", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  Acceptor acceptor;
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, Acceptor::run, listener, acceptor));
  world.settle();
  std::vector<Peer> peers;
  for (int i = 0; i < 5; ++i) { peers.push_back(Peer::connect_to(listener.local_endpoint())); }
  world.until([&] { return acceptor.streams.size() == 5; });
  for (std::size_t i = 0; i < 5; ++i) { CHECK(acceptor.streams[i].remote_endpoint() == peers[i].local()); }
  slot.cancel();
}

TEST_CASE("several tasks may accept from one listener, and each connection goes to one of them", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  Acceptor acceptors[2];
  TaskSlot<2048> slots[2];
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(slots[i].start(world.executor, Acceptor::run, listener, acceptors[i]));
  }
  world.settle();
  std::vector<Peer> peers;
  for (int i = 0; i < 3; ++i) { peers.push_back(Peer::connect_to(listener.local_endpoint())); }
  world.until([&] { return acceptors[0].streams.size() + acceptors[1].streams.size() == 3; });
  for (auto& slot : slots) { slot.cancel(); }
}

TEST_CASE("a port that is taken is refused, unless both share it", "[posix][accept]") {
  World world(each_poller());
  const auto first = world.listen();
  CHECK(error_of(world.stack.listen(first.local_endpoint(), {})) == Error::address_in_use);
  CHECK(error_of(world.stack.listen(first.local_endpoint(), {.share_port = true})) == Error::address_in_use);
  const auto shared = world.listen({.share_port = true});
  const auto other = world.stack.listen(shared.local_endpoint(), {.share_port = true});
  REQUIRE(other);
  CHECK(other->local_endpoint() == shared.local_endpoint());
  Faults faults;
  faults.fail(Call::listen, EADDRINUSE);  // two that bound to one port before either listened
  CHECK(error_of(world.stack.listen(any_port(), {})) == Error::address_in_use);
  CHECK(faults.count(Call::close) == 1);
}

TEST_CASE("listening where this host is not tells so", "[posix][accept]") {
  World world(each_poller());
  CHECK(error_of(world.stack.listen("192.0.2.1:0"_endpoint, {})) == Error::address_not_available);
  Faults faults;
  faults.fail(Call::bind, EACCES).fail(Call::bind, EADDRINUSE);
  CHECK(error_of(world.stack.listen(any_port(), {})) == Error::permission_denied);
  CHECK(error_of(world.stack.listen(any_port(), {})) == Error::address_not_available);  // no port is left
  CHECK(world.stack.in_use() == 0);
  CHECK(faults.count(Call::close) == faults.count(Call::socket));
}

TEST_CASE("a port can be listened at again while old connections of it linger", "[posix][accept]") {
  World world(each_poller());
  std::optional<posix::TcpListener> listener(world.listen());
  const Endpoint local = listener->local_endpoint();
  Peer peer = Peer::connect_to(local);
  {
    auto stream = world.must(accept(*listener));
    CHECK(world.must(shutdown(stream)) == Unit{});  // the first to end: TIME-WAIT stays here
    peer.close();
    CHECK(world.read_some(stream).empty());
  }
  listener.reset();
  CHECK(world.stack.listen(local, {}));
}

TEST_CASE("the unspecified IPv6 address listens on IPv6 alone", "[posix][accept]") {
  World world(each_poller());
  // Until a port is free on both.
  Result<posix::TcpListener> v6 = Unexpected(Error::address_in_use);
  Result<posix::TcpListener> v4 = Unexpected(Error::address_in_use);
  for (int tries = 0; tries < 20 && !v4; ++tries) {
    v6 = world.stack.listen(Endpoint(IpAddress::unspecified(Family::v6), 0), {});
    REQUIRE(v6);
    v4 = world.stack.listen(Endpoint(IpAddress::unspecified(Family::v4), v6->local_endpoint().port), {});
  }
  REQUIRE(v4);
  const std::uint16_t port = v4->local_endpoint().port;
  Peer first = Peer::connect_to(Endpoint(IpAddress::loopback(Family::v4), port));
  Peer second = Peer::connect_to(Endpoint(IpAddress::loopback(Family::v6), port));
  auto by_v4 = world.must(accept(*v4));
  auto by_v6 = world.must(accept(*v6));
  CHECK(by_v4.remote_endpoint() == first.local());
  CHECK(by_v6.remote_endpoint() == second.local());
  // Where they were met, not where the listener stands.
  CHECK(by_v4.local_endpoint() == Endpoint(IpAddress::loopback(Family::v4), port));
  CHECK(by_v6.local_endpoint() == Endpoint(IpAddress::loopback(Family::v6), port));
}

TEST_CASE("dropping a listener refuses those who wait", "[posix][accept]") {
  World world(each_poller());
  std::optional<posix::TcpListener> listener(world.listen());
  Peer peer = Peer::connect_to(listener->local_endpoint());
  listener.reset();
  CHECK(peer.read_error() == ECONNRESET);
}

TEST_CASE("a listener that was moved answers that it is closed", "[posix][accept]") {
  World world(each_poller());
  auto listener = world.listen();
  const auto owner = std::move(listener);
  CHECK(error_of(world.run(accept(listener))) == Error::closed);
  CHECK(listener.local_endpoint() == Endpoint());
  CHECK(owner.local_endpoint() != Endpoint());
}
