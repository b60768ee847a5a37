#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <vector>

#include "backends/posix/tcp.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

std::set<int> open_descriptors() {
  std::set<int> descriptors;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename().string());
    if (::fcntl(fd, F_GETFD) >= 0) { descriptors.insert(fd); }
  }
  return descriptors;
}

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  REQUIRE(::getsockopt(fd, level, name, &value, &length) == 0);
  return value;
}

}  // namespace

TEST_CASE("a connection that nobody takes is refused, and says so however often it is asked", "[posix][tcp]") {
  World world(each_poller());
  const Family family = GENERATE(Family::v4, Family::v6);
  const Peer nobody = Peer::bind_at(any_port(family));
  CHECK(error_of(world.run(connect(world.stack, nobody.local()))) == Error::connection_refused);
  CHECK(world.stack.in_use() == 0);
  auto started = world.stack.start_tcp(nobody.local(), {});
  REQUIRE(started);
  for (int i = 0; i < 2; ++i) { CHECK(world.run(Connected(*started)) == Unexpected(Error::connection_refused)); }
  CHECK(world.read_some(*started) == "<connection refused>");
  CHECK(world.run(write(*started, bytes("x"))) == Unexpected(Error::connection_refused));
}

TEST_CASE("whoever asks first of a failed connect is told why, and the others too", "[posix][tcp]") {
  World world(each_poller());
  const Peer nobody = Peer::bind_at(any_port());
  auto started = world.stack.start_tcp(nobody.local(), {});
  REQUIRE(started);
  SECTION("reading first") { CHECK(world.read_some(*started) == "<connection refused>"); }
  SECTION("writing first") { CHECK(world.run(write(*started, bytes("x"))) == Unexpected(Error::connection_refused)); }
  CHECK(world.run(Connected(*started)) == Unexpected(Error::connection_refused));
  CHECK(world.read_some(*started) == "<connection refused>");
}

TEST_CASE("a handshake that fails late tells how", "[posix][tcp]") {
  struct Case {
    int number;
    Error error;
  };
  const auto failed =
      GENERATE(Case{ECONNREFUSED, Error::connection_refused}, Case{EHOSTUNREACH, Error::host_unreachable},
               Case{ENETUNREACH, Error::network_unreachable}, Case{ETIMEDOUT, Error::timed_out},
               Case{ECONNRESET, Error::connection_reset}, Case{ENETDOWN, Error::network_down});
  World world(each_poller());
  const Peer listener = Peer::listen_at(any_port());
  Faults faults;
  faults.pending_error(failed.number);
  CHECK(error_of(world.run(connect(world.stack, listener.local()))) == failed.error);
  CHECK(faults.spent());
  CHECK(world.stack.in_use() == 0);
}

TEST_CASE("a connect that cannot even begin tells why, and leaves nothing behind", "[posix][tcp]") {
  struct Case {
    int number;
    Error error;
  };
  const auto failed =
      GENERATE(Case{ENETUNREACH, Error::network_unreachable}, Case{EADDRNOTAVAIL, Error::address_not_available},
               Case{EAGAIN, Error::address_not_available},  // what some systems say when no ephemeral port is left
               Case{EHOSTUNREACH, Error::host_unreachable}, Case{EACCES, Error::permission_denied},
               Case{EPERM, Error::permission_denied}, Case{ENOBUFS, Error::no_memory});
  World world(each_poller());
  const Peer listener = Peer::listen_at(any_port());
  Faults faults;
  faults.fail(Call::connect, failed.number);
  CHECK(error_of(world.run(connect(world.stack, listener.local()))) == failed.error);
  CHECK(faults.count(Call::close) == 1);
  faults.fail(Call::socket, EMFILE);
  CHECK(error_of(world.run(connect(world.stack, listener.local()))) == Error::table_full);
  CHECK(world.stack.in_use() == 0);
  CHECK(faults.count(Call::close) == 1);
  CHECK(faults.spent());
}

TEST_CASE("a task that waits for a connection is not fooled by being woken for nothing", "[posix][tcp]") {
  World world(each_poller());
  Peer listener = Peer::listen_at(any_port());
  Faults faults;
  // The handshake is over at once on loopback: let the first look say that it is not.
  faults.fail(Call::getpeername, ENOTCONN);
  faults.pretend(EPOLLOUT, POLLOUT);
  faults.pretend(EPOLLOUT, POLLOUT);
  auto stream = world.must(connect(world.stack, listener.local()));
  CHECK(faults.count(Call::getpeername) == 2);
  Peer peer = listener.accept();
  peer.send("hello");
  CHECK(world.read_some(stream) == "hello");
}

TEST_CASE("ending a stream that is not connected yet waits for the connection", "[posix][tcp]") {
  World world(each_poller());
  // A full queue of connections: the handshake of the next one waits.
  Peer listener = Peer::listen_at(any_port(), 0);
  std::vector<posix::TcpStream> streams;
  for (int i = 0; i < 3; ++i) {
    auto started = world.stack.start_tcp(listener.local(), {});
    REQUIRE(started);
    streams.push_back(*std::move(started));
  }
  world.settle();
  posix::TcpStream& last = streams.back();
  REQUIRE(try_once(world.executor, Connected(last)) == Unexpected(Error::would_block));
  CHECK(try_once(world.executor, shutdown(last)) == Unexpected(Error::would_block));
  CHECK(try_read(world.executor, last, Buffer()) == Unexpected(Error::would_block));
  CHECK(try_once(world.executor, Connected(last)) == Unexpected(Error::would_block));
  SECTION("which is given up and frees its entry when it is dropped") {
    const std::size_t before = world.stack.in_use();
    streams.pop_back();
    CHECK(world.stack.in_use() == before - 1);
  }
  SECTION("which is ended as soon as it is there") {
    Peer first = Peer::listen_at(any_port());
    auto quick = world.stack.start_tcp(first.local(), {});
    REQUIRE(quick);
    CHECK(world.must(shutdown(*quick)) == Unit{});
    Peer peer = first.accept();
    CHECK(peer.receive_all().empty());
  }
}

TEST_CASE("options are set when a connection begins, and later", "[posix][tcp]") {
  const Family family = GENERATE(Family::v4, Family::v6);
  World world(each_poller());
  Faults faults;
  TcpOptions options;
  options.keep_alive = KeepAlive{.enabled = true, .idle = 30_s, .interval = 1500_ms, .probes = 3};
  options.user_timeout = 2500_ms;
  options.hop_limit = 17;
  options.traffic_class = 0x20;
  auto [stream, peer] = world.connected(family, options);
  const int fd = faults.last(Call::socket);
  CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
  CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 30);
  CHECK(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 2);  // seconds, rounded up
  CHECK(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 3);
  CHECK(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 2500);
  const bool v4 = family == Family::v4;
  CHECK(option(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS) == 17);
  CHECK(option(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS) == 0x20);
  CHECK(stream.configure({.no_delay = false, .keep_alive = KeepAlive{.enabled = false}}));
  CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 0);
  CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
  CHECK(stream.configure({.hop_limit = std::uint8_t{0}}) == Unexpected(Error::invalid_argument));
}

TEST_CASE("options that make no sense are refused before anything is opened for good", "[posix][tcp]") {
  World world(each_poller());
  const Peer listener = Peer::listen_at(any_port());
  Faults faults;
  CHECK(error_of(world.stack.start_tcp(listener.local(), {.hop_limit = std::uint8_t{0}})) == Error::invalid_argument);
  CHECK(error_of(world.stack.listen(any_port(), {.accepted = {.hop_limit = std::uint8_t{0}}})) ==
        Error::invalid_argument);
  CHECK(error_of(world.stack.start_tcp(Endpoint(IpAddress::loopback(Family::v4), 0), {})) == Error::invalid_argument);
  CHECK(faults.count(Call::socket) == faults.count(Call::close));
  CHECK(faults.count(Call::connect) == 0);
  CHECK(world.stack.in_use() == 0);
}

TEST_CASE("writing nothing and reading into nothing take no system call", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  peer.send("x");
  Faults faults;
  CHECK(world.run(write(stream, {})) == std::size_t{0});
  std::array<std::span<const std::byte>, 2> pieces{};
  CHECK(world.run(write_gather(stream, pieces)) == Unit{});
  CHECK(world.run(read(stream, std::span<std::byte>())) == std::size_t{0});
  CHECK(world.run(flush(stream)) == Unit{});
  CHECK(faults.count(Call::send) + faults.count(Call::sendmsg) + faults.count(Call::recv) == 0);
  CHECK(world.read_some(stream) == "x");
}

TEST_CASE("what a listener says of accepted connections holds for them", "[posix][tcp]") {
  World world(each_poller());
  Faults faults;
  auto listener = world.listen({.accepted = {.keep_alive = KeepAlive{.idle = 40_s}, .hop_limit = 9}});
  Peer peer = Peer::connect_to(listener.local_endpoint());
  auto stream = world.must(accept(listener));
  const int fd = faults.last(Call::accept4);
  CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
  CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 40);
  CHECK(option(fd, IPPROTO_IP, IP_TTL) == 9);
  CHECK(stream.local_endpoint() == listener.local_endpoint());
  CHECK(stream.remote_endpoint() == peer.local());
}

TEST_CASE("no descriptor is inherited by programs that are started", "[posix][tcp]") {
  const std::set<int> before = open_descriptors();
  World world(each_poller());
  auto listener = world.listen();
  auto client = world.must(connect(world.stack, listener.local_endpoint()));
  auto server = world.must(accept(listener));
  auto bound = world.stack.udp_bind_single(any_port(), {});
  auto everywhere = world.stack.udp_bind_multiple(Endpoint(IpAddress::unspecified(Family::v6), 0), {});
  REQUIRE(bound);
  REQUIRE(everywhere);
  auto toward = udp_connect(world.stack, bound->local_endpoint());
  REQUIRE(toward);
  unsigned made = 0;
  for (const int fd : open_descriptors()) {
    if (before.contains(fd)) { continue; }
    ++made;
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((world.reactor.poller() == posix::Poller::epoll || (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0));
  }
  CHECK(made >= 7);
}

TEST_CASE("everything that was opened is closed in the end", "[posix][tcp]") {
  const std::set<int> before = open_descriptors();
  {
    World world(each_poller());
    auto listener = world.listen();
    auto client = world.must(connect(world.stack, listener.local_endpoint()));
    auto server = world.must(accept(listener));
    CHECK(world.stack.in_use() == 3);
    client = std::move(server);
    CHECK(world.stack.in_use() == 2);
    client.abort();
    CHECK(world.stack.in_use() == 1);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("a handle that has lost its connection answers that it is closed, whoever has its entry now",
          "[posix][tcp]") {
  World<posix::Config{.sockets = 1, .lookups = 1, .resolver_threads = 1}> world(each_poller());
  Peer listener = Peer::listen_at(any_port());
  auto stream = world.must(connect(world.stack, listener.local()));
  Peer first = listener.accept();
  const auto check_closed = [&] {
    CHECK(world.read_some(stream) == "<already closed>");
    CHECK(world.run(write(stream, bytes("x"))) == Unexpected(Error::closed));
    std::array pieces = {bytes("x")};
    CHECK(world.run(write_gather(stream, pieces)) == Unexpected(Error::closed));
    CHECK(world.run(flush(stream)) == Unexpected(Error::closed));
    CHECK(world.run(shutdown(stream)) == Unexpected(Error::closed));
    CHECK(world.run(Connected(stream)) == Unexpected(Error::closed));
    CHECK(stream.configure({}) == Unexpected(Error::closed));
    CHECK(stream.local_endpoint() == Endpoint());
    CHECK(stream.remote_endpoint() == Endpoint());
  };
  SECTION("aborted") {
    stream.abort();
    check_closed();
    auto next = world.must(connect(world.stack, listener.local()));  // in the same entry
    Peer second = listener.accept();
    check_closed();
    stream.abort();
    CHECK(world.stack.in_use() == 1);
    second.send("to the owner");
    CHECK(world.read_some(next) == "to the owner");
  }
  SECTION("moved") {
    auto owner = std::move(stream);
    check_closed();
    stream.abort();
    CHECK(world.stack.in_use() == 1);
    first.send("to the owner");
    CHECK(world.read_some(owner) == "to the owner");
  }
}

TEST_CASE("a task that waits on a stream whose entry is given back is told", "[posix][tcp]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  struct Code {
    static Task<> run(posix::TcpStream& from, Error& error) {
      Buffer buffer;
      const Result<std::size_t> got = co_await read(from, buffer);
      error = error_of(got);
      co_return Unit{};
    }
  };
  TaskSlot<2048> slot;
  Error error{};
  REQUIRE(slot.start(world.executor, Code::run, stream, error));
  world.settle();
  REQUIRE(slot.running());
  stream.abort();
  world.executor.run();
  CHECK(error == Error::closed);
}
