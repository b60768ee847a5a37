#include "backends/posix/reactor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "nal/event.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;
using posix::Poller;
using posix::Source;

namespace {

/// The ends of a pipe, watched or not.
class Pipe {
 public:
  Pipe() { REQUIRE(::pipe2(ends_, O_NONBLOCK | O_CLOEXEC) == 0); }
  Pipe(const Pipe&) = delete;
  ~Pipe() {
    close_read();
    close_write();
  }
  int read_fd() const { return ends_[0]; }
  int write_fd() const { return ends_[1]; }
  void close_read() { close_end(ends_[0]); }
  void close_write() { close_end(ends_[1]); }

 private:
  static void close_end(int& fd) {
    if (fd >= 0) { ::close(fd); }
    fd = -1;
  }
  int ends_[2] = {-1, -1};
};

/// A source in a reactor.
class Watched {
 public:
  Watched(posix::Reactor& reactor, int fd) : reactor_(reactor) {
    source_.fd = fd;
    REQUIRE(reactor_.add(source_));
  }
  ~Watched() { reactor_.remove(source_); }
  Source* operator->() { return &source_; }
  Source& operator*() { return source_; }

 private:
  posix::Reactor& reactor_;
  Source source_;
};

/// Completes when the system tells that a source is readable (or writable).
class Ready {
 public:
  Ready(Source& source, bool to_write) : source_(&source), to_write_(to_write) {
    (to_write ? source.writable : source.readable) = false;
  }
  Poll<Result<>> poll(Context& context) noexcept {
    if (to_write_ ? source_->writable : source_->readable) { return Result<>(); }
    (to_write_ ? source_->writers : source_->readers).add(context, waiter_, Wait::other);
    return pending;
  }

 private:
  Source* source_;
  bool to_write_;
  Waiter waiter_;
};

/// Waits among the readers of a source until it is woken.
class Woken {
 public:
  explicit Woken(Source& source) : source_(&source) {}
  Poll<Result<>> poll(Context& context) noexcept {
    if (std::exchange(asked_, true)) { return Result<>(); }
    source_->readers.add(context, waiter_, Wait::device);
    return pending;
  }

 private:
  Source* source_;
  Waiter waiter_;
  bool asked_ = false;
};

Task<> tick(Instant first, Duration period, unsigned ticks, Executor& executor, std::vector<Instant>& woken) {
  for (unsigned i = 0; i < ticks; ++i) {
    co_await sleep_until(first + period * i);
    woken.push_back(executor.now());
  }
  co_return Unit{};
}

Task<> read_once(posix::TcpStream& stream, std::string& text) {
  Buffer buffer;
  const Result<std::size_t> got = co_await read(stream, buffer);
  text = got ? std::string(buffer.first(*got)) : to_string(got.error());
  co_return Unit{};
}

}  // namespace

TEST_CASE("who waits for a device is woken by all that happens to its sources", "[posix][reactor]") {
  World world(each_poller());
  Pipe frames;
  Pipe link;
  Watched device(world.reactor, frames.write_fd());
  Watched link_watch(world.reactor, link.read_fd());
  device->wakes = link_watch->wakes = &*device;
  world.settle();

  // News of the link, which is another descriptor.
  link_watch->readable = false;
  REQUIRE(::write(link.write_fd(), "x", 1) == 1);
  CHECK(world.run(Woken(*device)));
  CHECK(link_watch->readable);
  char x;
  REQUIRE(::read(link.read_fd(), &x, 1) == 1);

  // Room to write, for who waits to read as well.
  const std::vector<char> page(4096);
  while (::write(frames.write_fd(), page.data(), page.size()) > 0) {}
  device->writable = false;
  std::vector<char> read(1 << 20);
  REQUIRE(::read(frames.read_fd(), read.data(), read.size()) > 0);
  CHECK(world.run(Woken(*device)));
  CHECK(device->writable);
}

TEST_CASE("a wait that a signal interrupts is neither an event nor an error", "[posix][reactor]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  peer.send("nothing is left behind this");
  CHECK(world.read_some(stream) == "nothing is left behind this");
  Faults faults;
  faults.fail_waiting(EINTR, 3);
  peer.send("after all");
  CHECK(world.read_some(stream) == "after all");
  CHECK(faults.spent());

  // The same where the wait has no end of its own.
  TaskSlot<2048> slot;
  std::string text;
  REQUIRE(slot.start(world.executor, read_once, stream, text));
  faults.fail_waiting(EINTR, 3);
  peer.send("again");
  world.executor.run();
  CHECK(text == "again");
  CHECK(faults.spent());
}

TEST_CASE("an interrupted wait does not end a sleep early", "[posix][reactor]") {
  World world(each_poller());
  Faults faults;
  faults.virtual_time();
  faults.fail_waiting(EINTR, 5);
  const Instant before = world.reactor.now();
  block_on(world.executor, sleep(20_ms));
  CHECK(faults.spent());
  CHECK(world.reactor.now() - before >= 20_ms);
}

TEST_CASE("raising an event is not stopped by a signal", "[posix][reactor]") {
  World world(each_poller());
  Event event(world.executor);
  Faults faults;
  faults.fail(Call::write, EINTR, 3);
  event.raise();
  CHECK(faults.spent());
  faults.fail(Call::read, EINTR);
  CHECK(world.run(wait(event)));
  // A wake-up that could not be taken back ends one more wait, and no more.
  faults.virtual_time();
  const Instant before = world.reactor.now();
  block_on(world.executor, sleep(1_s));
  CHECK(world.reactor.now() - before >= 1_s);
  CHECK(faults.waits() <= 8);
}

TEST_CASE("a system that has no microsecond waits is asked for milliseconds, rounded up", "[posix][reactor]") {
  const int error = GENERATE(ENOSYS, EPERM);
  World world(Poller::epoll);
  Faults faults;
  faults.virtual_time();
  faults.fail(Call::epoll_pwait2, error, 1000);
  const Instant before = world.reactor.now();
  block_on(world.executor, sleep(1500_us));
  CHECK(world.reactor.now() - before == 2_ms);
  CHECK(faults.count(Call::epoll_wait) == 2);  // the first one only looks: somebody was ready
}

TEST_CASE("a sleep takes one wait and ends no sooner than its deadline", "[posix][reactor]") {
  const Poller poller = each_poller();
  World world(poller);
  Faults faults;
  faults.virtual_time();
  const Instant before = world.reactor.now();
  block_on(world.executor, sleep(1500_us));
  // poll() counts in milliseconds.
  CHECK(world.reactor.now() - before == (poller == Poller::poll ? 2_ms : 1500_us));
  CHECK(faults.waits() <= 2);  // the first one only looks: somebody was ready
}

TEST_CASE("a loop over deadlines does not drift, however late each wake-up is", "[posix][reactor]") {
  World world(each_poller());
  Faults faults;
  faults.virtual_time(700_us);
  const Instant first = world.reactor.now() + 5_ms;
  constexpr unsigned kTicks = 1000;
  std::vector<Instant> woken;
  woken.reserve(kTicks);
  TaskSlot<2048> slot;
  REQUIRE(slot.start(world.executor, tick, first, 5_ms, kTicks, world.executor, woken));
  world.executor.run();
  REQUIRE(woken.size() == kTicks);
  for (unsigned i = 0; i < kTicks; ++i) {
    const Instant due = first + Duration::milliseconds(5) * i;
    REQUIRE(woken[i] >= due);
    REQUIRE(woken[i] <= due + 1700_us);  // the lateness, and poll()'s millisecond
  }
}

TEST_CASE("a reader wakes up when the other end goes without a word", "[posix][reactor]") {
  const Poller poller = each_poller();
  World world(poller);
  Pipe pipe;
  Watched source(world.reactor, pipe.read_fd());
  Ready ready(*source, false);
  world.settle();
  pipe.close_write();  // EPOLLHUP alone
  CHECK(world.run(ready) == Unit{});
}

TEST_CASE("a writer wakes up when nobody reads any more", "[posix][reactor]") {
  World world(each_poller());
  Pipe pipe;
  std::vector<char> much(1 << 20);
  REQUIRE(::write(pipe.write_fd(), much.data(), much.size()) > 0);
  Watched source(world.reactor, pipe.write_fd());
  Ready ready(*source, true);
  world.settle();
  pipe.close_read();  // EPOLLERR alone
  CHECK(world.run(ready) == Unit{});
}

TEST_CASE("an end or an error that the system tells without saying readable is found by reading", "[posix][reactor]") {
  const Poller poller = each_poller();
  struct Alone {
    std::uint32_t epoll;
    short poll;
  };
  const auto alone = GENERATE(Alone{EPOLLHUP, POLLHUP}, Alone{EPOLLRDHUP, POLLHUP}, Alone{EPOLLERR, POLLERR});
  World world(poller);
  auto [stream, peer] = world.accepted();
  world.settle();
  TaskSlot<2048> slot;
  std::string text = "nothing";
  REQUIRE(slot.start(world.executor, read_once, stream, text));
  world.settle();
  REQUIRE(slot.running());
  Faults faults;
  SECTION("the end of the stream") {
    peer.send_end();
    faults.pretend(alone.epoll, alone.poll);
    world.executor.run();
    CHECK(text.empty());
  }
  SECTION("a reset") {
    peer.reset();
    faults.pretend(alone.epoll, alone.poll);
    world.executor.run();
    CHECK(text == "connection reset by peer");
  }
  SECTION("the end, with data before it") {
    peer.send("last words");
    peer.send_end();
    faults.pretend(alone.epoll, alone.poll);
    world.executor.run();
    CHECK(text == "last words");
    CHECK(world.read_some(stream).empty());
  }
  CHECK(faults.spent());
}

TEST_CASE("being told of readiness for nothing makes a task wait again", "[posix][reactor]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  TaskSlot<2048> slot;
  std::string text = "nothing";
  REQUIRE(slot.start(world.executor, read_once, stream, text));
  world.settle();
  Faults faults;
  for (unsigned i = 1; i <= 3; ++i) {
    faults.pretend(EPOLLIN | EPOLLOUT, POLLIN | POLLOUT);
    world.settle();
    CHECK(faults.spent());
    CHECK(faults.count(Call::recv) == i);
    CHECK(slot.running());
  }
  peer.send("something");
  world.executor.run();
  CHECK(text == "something");
}

TEST_CASE("descriptors above 1024 are as good as any", "[posix][reactor]") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlimit before = limit;
  constexpr rlim_t kNeeded = 1200;
  if (limit.rlim_cur < kNeeded) {
    if (limit.rlim_max < kNeeded) { SKIP("no more than " << limit.rlim_max << " descriptors are allowed here"); }
    limit.rlim_cur = kNeeded;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  }
  const Poller poller = each_poller();
  std::vector<int> taken;
  for (int fd = -1; fd < 1100;) {
    fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    taken.push_back(fd);
  }
  {
    World world(poller);
    Faults faults;
    auto [stream, peer] = world.connected();
    CHECK(faults.last(Call::socket) > 1024);
    peer.send("far up");
    CHECK(world.read_some(stream) == "far up");
    CHECK(world.must(write_all(stream, bytes("and back"))) == Unit{});
    CHECK(peer.receive(8) == "and back");
  }
  for (const int fd : taken) { ::close(fd); }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

namespace {

/// A reads, then closes B (whose news is in the same batch) and opens another connection in its place.
Task<> replace(posix::TcpStream& a, std::optional<posix::TcpStream>& b, posix::Stack& stack, Endpoint remote) {
  Buffer buffer;
  const Result<std::size_t> got = co_await read(a, buffer);
  if (!got) { co_return Unexpected(got.error()); }
  b.reset();
  auto started = stack.start_tcp(remote, {});
  if (!started) { co_return Unexpected(started.error()); }
  b.emplace(*std::move(started));
  co_return Unit{};
}

}  // namespace

TEST_CASE("a descriptor that is closed and used again within a batch gets none of the old one's news",
          "[posix][reactor]") {
  World world(each_poller());
  Peer listener = Peer::listen_at(any_port());
  auto [a, peer_a] = world.connected();
  std::optional<posix::TcpStream> b;
  // So that the next descriptor that is closed is the next one to be given out.
  const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(lowest >= 0);
  Faults faults;
  auto [made, peer_b] = world.connected();
  const int old_descriptor = faults.last(Call::socket);
  b.emplace(std::move(made));
  world.settle();
  std::vector<int> gaps;
  while (gaps.empty() || gaps.back() < old_descriptor) { gaps.push_back(::dup(lowest)); }

  TaskSlot<2048> replaces;
  TaskSlot<2048> reads_b;
  std::string text = "nothing";
  REQUIRE(replaces.start(world.executor, replace, a, b, world.stack, listener.local()));
  world.settle();
  REQUIRE(reads_b.start(world.executor, read_once, *b, text));
  world.settle();
  peer_a.send("go");
  peer_b.send("stale");
  REQUIRE(world.executor.run_until([&] { return !replaces.running(); }, world.executor.now() + kPatience));
  CHECK(faults.last(Call::socket) == old_descriptor);
  Peer fresh = listener.accept();
  REQUIRE(world.must(Connected(*b)) == Unit{});
  world.settle();
  // Who waited for B still does, or was told that it is closed; what it must not see is the old connection's data.
  CHECK(text != "stale");
  reads_b.cancel();
  fresh.send("fresh");
  CHECK(world.read_some(*b) == "fresh");
  for (const int gap : gaps) { ::close(gap); }
  ::close(lowest);
}

TEST_CASE("a descriptor that a child process inherited brings no news once it is closed here", "[posix][reactor]") {
  World world(each_poller());
  Pipe until;
  auto [first, peer] = world.accepted();
  world.settle();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    until.close_write();
    char byte = 0;
    ::fcntl(until.read_fd(), F_SETFL, 0);
    while (::read(until.read_fd(), &byte, 1) < 0 && errno == EINTR) {}
    ::_exit(0);
  }
  Faults faults;
  { const auto dropped = std::move(first); }
  auto [second, second_peer] = world.accepted();  // in the same entry of the table
  TaskSlot<2048> slot;
  std::string text = "nothing";
  REQUIRE(slot.start(world.executor, read_once, second, text));
  world.settle();
  const unsigned reads = faults.count(Call::recv);
  peer.send("to the child's copy");
  world.settle();
  CHECK(faults.count(Call::recv) == reads);
  second_peer.send("to this one");
  world.executor.run();
  CHECK(text == "to this one");
  until.close_write();
  CHECK(::waitpid(child, nullptr, 0) == child);
}

TEST_CASE("more descriptors than a wait can tell of at once are all served", "[posix][reactor]") {
  constexpr std::size_t kMany = 200;
  constexpr posix::Config kConfig{.sockets = kMany, .lookups = 1, .resolver_threads = 1};
  World<kConfig> world(each_poller());
  std::vector<posix::BoundUdp> sockets;
  sockets.reserve(kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    auto socket = world.stack.udp_bind_single(any_port(), {});
    REQUIRE(socket);
    sockets.push_back(*std::move(socket));
  }
  struct Code {
    static Task<> run(posix::BoundUdp& socket, unsigned& served) {
      Buffer buffer;
      const Result<Received> got = co_await receive(socket, buffer);
      served += got && got->size == 3 ? 1 : 0;
      co_return Unit{};
    }
  };
  std::vector<TaskSlot<2048>> slots(kMany);
  unsigned served = 0;
  for (std::size_t i = 0; i < kMany; ++i) { REQUIRE(slots[i].start(world.executor, Code::run, sockets[i], served)); }
  world.settle();
  UdpPeer peer(any_port());
  for (auto& socket : sockets) { peer.send_to(socket.local_endpoint(), "all"); }
  CHECK(world.executor.run_until([&] { return served == kMany; }, world.executor.now() + kPatience));
}

TEST_CASE("a reactor that could not be made says so and neither crashes nor spins", "[posix][reactor]") {
  const Poller poller = each_poller();
  const Call call =
      poller == Poller::epoll ? GENERATE(Call::epoll_create1, Call::eventfd, Call::epoll_ctl) : Call::eventfd;
  Faults faults;
  faults.fail(call, call == Call::epoll_ctl ? ENOSPC : EMFILE);
  posix::Reactor reactor(poller);
  CHECK(reactor.status() == Unexpected(Error::table_full));
  Executor executor(reactor);
  posix::Resources<posix::Config{.sockets = 1, .lookups = 1, .resolver_threads = 1}> memory;
  posix::Stack stack(reactor, executor, memory);
  CHECK(error_of(stack.listen(any_port(), {})) == Error::table_full);
  CHECK(stack.in_use() == 0);
  faults.virtual_time();
  block_on(executor, sleep(300_ms));
  CHECK(faults.waits() < 10);
}

TEST_CASE("a socket that the reactor cannot watch is closed again", "[posix][reactor]") {
  World world(Poller::epoll);
  const int error = GENERATE(ENOMEM, ENOSPC);
  Faults faults;
  faults.fail(Call::epoll_ctl, error);
  auto listener = world.stack.listen(any_port(), {});
  CHECK(error_of(listener) == (error == ENOMEM ? Error::no_memory : Error::table_full));
  CHECK(world.stack.in_use() == 0);
  CHECK(faults.count(Call::close) == faults.count(Call::socket));
  CHECK(world.stack.listen(any_port(), {}));
}

TEST_CASE("waiting is one system call a wake-up, whatever becomes ready", "[posix][reactor]") {
  World world(each_poller());
  auto [stream, peer] = world.accepted();
  world.settle();
  Faults faults;
  for (int i = 0; i < 10; ++i) {
    TaskSlot<2048> slot;
    std::string text;
    REQUIRE(slot.start(world.executor, read_once, stream, text));
    REQUIRE(world.executor.poll_once());
    peer.send("x");
    world.executor.run();
  }
  CHECK(faults.count(Call::epoll_ctl) == 0);
  CHECK(faults.waits() <= 20);
}
