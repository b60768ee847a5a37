#include "backends/posix/resolver.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "tests/backends/posix/system_resolver.hpp"
#include "tests/backends/posix/world.hpp"

using namespace nal;
using namespace nal::literals;
using namespace nal::test;

namespace {

using Addresses = std::vector<IpAddress>;

template <class W>
Result<Addresses> resolve(W& world, std::string_view name, Family family = Family::any, std::size_t room = 32) {
  Addresses found(room);
  const auto count = world.run(lookup(world.stack, name, family, found));
  if (!count) { return Unexpected(count.error()); }
  found.resize(*count);
  return found;
}

/// Drops what it is given.
template <class Question>
void drop(Question& question) {
  const Question dropped = std::move(question);
}

/// Asks whether an answer is there, and waits for nothing.
class Answered {
 public:
  Answered(posix::Stack::Lookup& lookup, std::span<IpAddress> out) noexcept : lookup_(&lookup), out_(out) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept { return lookup_->poll_addresses(context, waiter_, out_); }

 private:
  posix::Stack::Lookup* lookup_;
  std::span<IpAddress> out_;
  Waiter waiter_;
};

}  // namespace

TEST_CASE("a name gives its addresses in the system's order", "[posix][resolver]") {
  World world(each_poller());
  SystemResolver system;
  system.answer("host.test", {.addresses = {"2001:db8::1"_ip, "192.0.2.1"_ip, "fe80::1%1"_ip}});
  CHECK(resolve(world, "host.test") == Addresses{"2001:db8::1"_ip, "192.0.2.1"_ip, "fe80::1%1"_ip});
  CHECK(system.family() == AF_UNSPEC);
  CHECK(resolve(world, "host.test", Family::v4));
  CHECK(system.family() == AF_INET);
  CHECK(resolve(world, "host.test", Family::v6));
  CHECK(system.family() == AF_INET6);
}

TEST_CASE("many addresses are cut to what is kept and to what fits, and each is told once", "[posix][resolver]") {
  World world(each_poller());
  SystemResolver system;
  Addresses many;
  for (std::uint8_t i = 0; i < 40; ++i) {
    const IpAddress address = Ipv4Address(192, 0, 2, i);
    many.push_back(address);
    many.push_back(address);
  }
  system.answer("many.test", {.addresses = many});
  const auto all = resolve(world, "many.test");
  REQUIRE(all);
  REQUIRE(all->size() == posix::Resolver::kMaxAddresses);
  for (std::size_t i = 0; i < all->size(); ++i) { CHECK((*all)[i] == many[2 * i]); }
  CHECK(resolve(world, "many.test", Family::any, 2) == Addresses{many[0], many[2]});
  system.answer("none.test", {.addresses = {}});
  CHECK(error_of(resolve(world, "none.test")) == Error::name_not_found);
}

TEST_CASE("what the system says of a name is told as it is meant", "[posix][resolver]") {
  struct Case {
    int eai;
    int number;
    Error error;
  };
  const auto failed =
      GENERATE(Case{EAI_NONAME, 0, Error::name_not_found}, Case{EAI_NODATA, 0, Error::name_not_found},
               Case{EAI_FAMILY, 0, Error::name_not_found}, Case{EAI_ADDRFAMILY, 0, Error::name_not_found},
               Case{EAI_AGAIN, 0, Error::name_service_failed}, Case{EAI_FAIL, 0, Error::name_service_failed},
               Case{EAI_MEMORY, 0, Error::no_memory}, Case{EAI_OVERFLOW, 0, Error::buffer_too_small},
               Case{EAI_SYSTEM, EMFILE, Error::table_full}, Case{EAI_SYSTEM, 0, Error::name_service_failed},
               Case{EAI_BADFLAGS, 0, Error::name_service_failed});
  World world(each_poller());
  SystemResolver system;
  system.answer("bad.test", {.error = failed.eai, .system_error = failed.number});
  system.answer("192.0.2.1", {.error = failed.eai, .system_error = failed.number});
  CHECK(error_of(resolve(world, "bad.test")) == failed.error);
  char name[64];
  CHECK(error_of(world.run(reverse_lookup(world.stack, "192.0.2.1"_ip, name))) == failed.error);
  // Nothing of it stays.
  system.answer("bad.test", {.addresses = {"192.0.2.9"_ip}});
  CHECK(resolve(world, "bad.test") == Addresses{"192.0.2.9"_ip});
}

TEST_CASE("a literal address is its own answer, and asks nobody", "[posix][resolver]") {
  World world(each_poller());
  const SystemResolver system;
  Faults faults;
  CHECK(resolve(world, "192.0.2.7") == Addresses{"192.0.2.7"_ip});
  CHECK(resolve(world, "2001:db8::7", Family::v6) == Addresses{"2001:db8::7"_ip});
  CHECK(resolve(world, "fe80::7%3") == Addresses{"fe80::7%3"_ip});
  CHECK(error_of(resolve(world, "192.0.2.7", Family::v6)) == Error::name_not_found);
  CHECK(error_of(resolve(world, "::1", Family::v4)) == Error::name_not_found);
  CHECK(system.asked().empty());
  CHECK(faults.count(Call::pthread_create) == 0);
}

TEST_CASE("what cannot be a name is refused at once", "[posix][resolver]") {
  World world(each_poller());
  const SystemResolver system;
  using namespace std::string_view_literals;
  for (const std::string_view name : {""sv, "two words"sv, "line\n"sv, "nul\0inside"sv, "\t"sv}) {
    CHECK(error_of(world.stack.start_lookup(name, Family::any)) == Error::invalid_argument);
  }
  const std::string label(63, 'a');
  CHECK(error_of(world.stack.start_lookup(label + "a.test", Family::any)) == Error::invalid_argument);
  const std::string longest = label + '.' + label + '.' + label + '.' + label.substr(2) + '.';
  CHECK(error_of(world.stack.start_lookup("a" + longest, Family::any)) == Error::invalid_argument);
  CHECK(error_of(resolve(world, longest)) == Error::name_not_found);
  CHECK(system.asked() == std::vector<std::string>{longest});
}

TEST_CASE("an address gives its name", "[posix][resolver]") {
  World world(each_poller());
  SystemResolver system;
  system.answer("192.0.2.1", {.name = "host.test"});
  system.answer("2001:db8::1", {.name = std::string(254, 'n')});
  system.answer("192.0.2.2", {.name = std::string(255, 'n')});
  char name[300];
  const auto length = world.run(reverse_lookup(world.stack, "192.0.2.1"_ip, name));
  REQUIRE(length);
  CHECK(std::string_view(name, *length) == "host.test");
  CHECK(world.run(reverse_lookup(world.stack, "2001:db8::1"_ip, name)) == std::size_t{254});
  CHECK(error_of(world.run(reverse_lookup(world.stack, "192.0.2.2"_ip, name))) == Error::name_service_failed);
  CHECK(error_of(world.run(reverse_lookup(world.stack, "192.0.2.3"_ip, name))) == Error::name_not_found);
  CHECK(error_of(world.run(reverse_lookup(world.stack, "192.0.2.1"_ip, std::span(name).first(8)))) ==
        Error::buffer_too_small);
  CHECK(world.run(reverse_lookup(world.stack, "192.0.2.1"_ip, std::span(name).first(9))) == std::size_t{9});
}

TEST_CASE("no more helper threads ask at once than were allowed, and all questions are answered", "[posix][resolver]") {
  World world(each_poller());  // four questions, two threads
  SystemResolver system;
  std::optional<posix::Stack::Lookup> lookups[4];
  const std::string names[] = {"a.test", "b.test", "c.test", "d.test"};
  for (const auto& name : names) { system.answer(name, {.addresses = {"192.0.2.1"_ip}, .stuck = true}); }
  Faults faults;
  for (std::size_t i = 0; i < 4; ++i) {
    auto started = world.stack.start_lookup(names[i], Family::any);
    REQUIRE(started);
    lookups[i].emplace(*std::move(started));
  }
  CHECK(faults.count(Call::pthread_create) == 2);
  REQUIRE(system.wait_for_running(2));
  for (const auto& name : names) { system.let_go(name); }
  for (auto& question : lookups) {
    IpAddress address;
    CHECK(world.run(Answered(*question, std::span(&address, 1))) == std::size_t{1});
    CHECK(address == "192.0.2.1"_ip);
  }
  CHECK(system.most_at_once() == 2);
}

TEST_CASE("one question that is stuck does not hold up others while a thread is allowed", "[posix][resolver]") {
  World world(each_poller());
  SystemResolver system;
  system.answer("quick.test", {.addresses = {"192.0.2.1"_ip}});
  system.answer("stuck.test", {.addresses = {"192.0.2.2"_ip}, .stuck = true});
  REQUIRE(resolve(world, "quick.test"));  // there is a thread now, and it is idle
  for (int i = 0; i < 20; ++i) { ::sched_yield(); }
  auto stuck = world.stack.start_lookup("stuck.test", Family::any);
  REQUIRE(stuck);
  CHECK(resolve(world, "quick.test") == Addresses{"192.0.2.1"_ip});
  IpAddress address;
  CHECK(error_of(try_once(world.executor, Answered(*stuck, std::span(&address, 1)))) == Error::would_block);
  system.let_go("stuck.test");
  CHECK(world.run(Answered(*stuck, std::span(&address, 1))) == std::size_t{1});
  CHECK(address == "192.0.2.2"_ip);
}

TEST_CASE("a question that is withdrawn before a thread took it is never asked", "[posix][resolver]") {
  World<posix::Config{.sockets = 1, .lookups = 4, .resolver_threads = 1}> world(each_poller());
  SystemResolver system;
  system.answer("stuck.test", {.addresses = {"192.0.2.1"_ip}, .stuck = true});
  system.answer("last.test", {.addresses = {"192.0.2.2"_ip}});
  auto stuck = world.stack.start_lookup("stuck.test", Family::any);
  REQUIRE(stuck);
  REQUIRE(system.wait_for_running(1));
  auto first = world.stack.start_lookup("withdrawn1.test", Family::any);
  auto last = world.stack.start_lookup("last.test", Family::any);
  auto second = world.stack.start_lookup("withdrawn2.test", Family::any);
  REQUIRE((first && last && second));
  drop(*first);
  drop(*second);
  auto third = world.stack.start_lookup("withdrawn3.test", Family::any);
  REQUIRE(third);
  drop(*third);
  system.let_go("stuck.test");
  IpAddress address;
  CHECK(world.run(Answered(*last, std::span(&address, 1))) == std::size_t{1});
  CHECK(address == "192.0.2.2"_ip);
  CHECK(system.asked() == std::vector<std::string>{"stuck.test", "last.test"});
}

TEST_CASE("the answer to a question that was withdrawn while it was asked is thrown away", "[posix][resolver]") {
  World<posix::Config{.sockets = 1, .lookups = 1, .resolver_threads = 1}> world(each_poller());
  SystemResolver system;
  system.answer("stuck.test", {.addresses = {"192.0.2.1"_ip}, .stuck = true});
  system.answer("next.test", {.addresses = {"192.0.2.2"_ip}});
  {
    auto stuck = world.stack.start_lookup("stuck.test", Family::any);
    REQUIRE(stuck);
    REQUIRE(system.wait_for_running(1));
    // The table is full while the system works on it, also after it was withdrawn.
    CHECK(error_of(world.stack.start_lookup("next.test", Family::any)) == Error::table_full);
  }
  CHECK(error_of(world.stack.start_lookup("next.test", Family::any)) == Error::table_full);
  CHECK(error_of(world.stack.start_reverse_lookup("192.0.2.1"_ip)) == Error::table_full);
  system.let_go("stuck.test");
  Result<Addresses> found = Unexpected(Error::table_full);
  const Instant deadline = world.executor.now() + kPatience;
  while (error_of(found) == Error::table_full && world.executor.now() < deadline) {
    ::sched_yield();
    found = resolve(world, "next.test");
  }
  CHECK(found == Addresses{"192.0.2.2"_ip});
}

TEST_CASE("a question that another takes the place of is withdrawn, and one that was moved is empty",
          "[posix][resolver]") {
  World<posix::Config{.sockets = 1, .lookups = 2, .resolver_threads = 1}> world(each_poller());
  const SystemResolver system;
  auto first = world.stack.start_lookup("192.0.2.1", Family::any);
  auto second = world.stack.start_lookup("192.0.2.2", Family::any);
  REQUIRE((first && second));
  CHECK(error_of(world.stack.start_lookup("192.0.2.3", Family::any)) == Error::table_full);
  *first = std::move(*second);
  IpAddress address;
  CHECK(world.run(Answered(*first, std::span(&address, 1))) == std::size_t{1});
  CHECK(address == "192.0.2.2"_ip);
  CHECK(error_of(world.run(Answered(*second, std::span(&address, 1)))) == Error::closed);
  CHECK(world.stack.start_lookup("192.0.2.3", Family::any));
}

TEST_CASE("a lookup under a deadline is withdrawn when it passes", "[posix][resolver]") {
  World world(each_poller());
  SystemResolver system;
  system.answer("stuck.test", {.addresses = {"192.0.2.1"_ip}, .stuck = true});
  IpAddress address;
  auto operation = lookup(world.stack, "stuck.test", Family::any, std::span(&address, 1));
  CHECK(block_on(world.executor, with_timeout(Duration::milliseconds(1), std::move(operation))) ==
        Unexpected(Error::timed_out));
  system.let_go("stuck.test");
  CHECK(resolve(world, "stuck.test"));
}

TEST_CASE("each of several questions gets its own answer, though one event tells of all", "[posix][resolver]") {
  World world(each_poller());
  SystemResolver system;
  struct Code {
    static Task<> run(posix::Stack& stack, std::string_view name, IpAddress& address) {
      const Result<std::size_t> found = co_await lookup(stack, name, Family::any, std::span(&address, 1));
      if (!found) { co_return Unexpected(found.error()); }
      co_return Unit{};
    }
  };
  const std::string names[] = {"a.test", "b.test", "c.test", "d.test"};
  IpAddress addresses[4];
  TaskSlot<4096> slots[4];
  for (std::size_t i = 0; i < 4; ++i) {
    system.answer(names[i], {.addresses = {Ipv4Address(192, 0, 2, static_cast<std::uint8_t>(i))}, .stuck = true});
    REQUIRE(slots[i].start(world.executor, Code::run, world.stack, names[i], addresses[i]));
  }
  world.settle();
  // In another order than they were asked.
  for (const std::size_t i : {1u, 0u, 3u, 2u}) { system.let_go(names[i]); }
  world.until([&] {
    for (const auto& slot : slots) {
      if (slot.running()) { return false; }
    }
    return true;
  });
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(*slots[i].result() == Unit{});
    CHECK(addresses[i] == Ipv4Address(192, 0, 2, static_cast<std::uint8_t>(i)));
  }
}

TEST_CASE("a resolver ends without waiting for the system, and its threads when that returns", "[posix][resolver]") {
  SystemResolver system;
  system.answer("stuck.test", {.addresses = {"192.0.2.1"_ip}, .stuck = true});
  {
    World world(each_poller());
    {
      const auto stuck = world.stack.start_lookup("stuck.test", Family::any);
      REQUIRE(stuck);
      REQUIRE(system.wait_for_running(1));
    }
    REQUIRE(resolve(world, "other.test").error_or(Error{}) == Error::name_not_found);  // an idle thread besides
  }
  CHECK(system.wait_for_running(1));  // still in the system's hands
  system.let_go("stuck.test");
  CHECK(system.wait_for_running(0));
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
       live_threads() > 0 && std::chrono::steady_clock::now() < end;) {
    ::sched_yield();
  }
  CHECK(live_threads() == 0);  // those of the tests before too
}

TEST_CASE("helper threads are deaf to signals, which are the program's", "[posix][resolver]") {
  static volatile std::sig_atomic_t elsewhere;
  static pthread_t program;
  elsewhere = 0;
  program = ::pthread_self();
  const auto before = std::signal(SIGUSR1, [](int) {
    if (!::pthread_equal(::pthread_self(), program)) { elsewhere = elsewhere + 1; }
  });
  World world(each_poller());
  SystemResolver system;
  system.answer("stuck.test", {.addresses = {"192.0.2.1"_ip}, .stuck = true});
  auto stuck = world.stack.start_lookup("stuck.test", Family::any);
  REQUIRE(stuck);
  REQUIRE(system.wait_for_running(1));
  sigset_t mine;
  sigset_t old;
  sigemptyset(&mine);
  sigaddset(&mine, SIGUSR1);
  // Blocked here, it would go to any thread that does not block it.
  ::pthread_sigmask(SIG_BLOCK, &mine, &old);
  for (int i = 0; i < 10; ++i) { ::kill(::getpid(), SIGUSR1); }
  system.let_go("stuck.test");
  IpAddress address;
  CHECK(world.run(Answered(*stuck, std::span(&address, 1))) == std::size_t{1});
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  CHECK(elsewhere == 0);
  std::signal(SIGUSR1, before);
}

TEST_CASE("a system without threads to give is told, unless one is there already", "[posix][resolver]") {
  World world(each_poller());
  SystemResolver system;
  system.answer("quick.test", {.addresses = {"192.0.2.1"_ip}});
  system.answer("stuck.test", {.addresses = {"192.0.2.2"_ip}, .stuck = true});
  Faults faults;
  faults.fail(Call::pthread_create, EAGAIN);
  CHECK(error_of(resolve(world, "quick.test")) == Error::no_memory);
  for (int i = 0; i < 8; ++i) { CHECK(resolve(world, "quick.test")); }  // and nothing was left behind
  auto stuck = world.stack.start_lookup("stuck.test", Family::any);
  REQUIRE(stuck);
  REQUIRE(system.wait_for_running(1));
  faults.fail(Call::pthread_create, EAGAIN);
  auto waits = world.stack.start_lookup("quick.test", Family::any);
  REQUIRE(waits);
  system.let_go("stuck.test");
  IpAddress address;
  CHECK(world.run(Answered(*waits, std::span(&address, 1))) == std::size_t{1});
}

TEST_CASE("the system itself is asked", "[posix][resolver]") {
  // Without a stand-in: an old way to write an address, which is no literal of nal's and needs no network.
  World world(each_poller());
  CHECK(resolve(world, "127.1") == Addresses{"127.0.0.1"_ip});
}

TEST_CASE("localhost is this host, whatever the name servers say", "[posix][resolver]") {
  World world(each_poller());
  const SystemResolver system;
  for (const std::string_view name : {"localhost", "LocalHost", "localhost.", "deep.down.localhost"}) {
    CHECK(resolve(world, name, Family::v4) == Addresses{"127.0.0.1"_ip});
    CHECK(resolve(world, name, Family::v6) == Addresses{"::1"_ip});
    CHECK(resolve(world, name)->size() == 2);
  }
  for (const IpAddress address : {"127.0.0.1"_ip, "::1"_ip}) {
    char name[64];
    REQUIRE(world.run(reverse_lookup(world.stack, address, name)) == std::size_t{9});
    CHECK(std::string_view(name, 9) == "localhost");
  }
  CHECK(system.asked().empty());
  CHECK(error_of(resolve(world, "notlocalhost")) == Error::name_not_found);
  CHECK(error_of(resolve(world, "localhost.test")) == Error::name_not_found);
  CHECK(system.asked() == std::vector<std::string>{"notlocalhost", "localhost.test"});
}
