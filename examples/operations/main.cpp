// nal-operations: every operation of nal once in blocking and once in non-blocking use, over loopback.
//
// Nothing is special about any of them: what `block_on` does with one operation it does with all, and so does
// `try_once`.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "examples/common/backend.hpp"
#include "examples/common/command_line.hpp"
#include "nal/buffered_reader.hpp"
#include "nal/channel.hpp"
#include "nal/copy.hpp"
#include "nal/event.hpp"
#include "nal/happy_eyeballs.hpp"
#include "nal/signal.hpp"
#include "nal/sleep.hpp"
#include "nal/split.hpp"
#include "nal/udp.hpp"

namespace {

using namespace nal::literals;

// Waits inside nal, which runs its other tasks meanwhile.
struct Blocking {
  template <class F>
  auto operator()(nal::Executor& executor, F&& operation) const {
    return nal::block_on(executor, std::forward<F>(operation));
  }
};

// Never waits inside nal: the main loop is the program's own.
struct NonBlocking {
  template <class F>
  auto operator()(nal::Executor& executor, F&& operation) const {
    for (;;) {
      auto result = nal::try_once(executor, operation);
      if (result || result.error() != nal::Error::would_block) { return result; }
      executor.poll_once();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // other work
    }
  }
};

/// Does operations in one manner, each under a deadline, and remembers whether all went as they should.
template <class Manner>
class User {
 public:
  explicit User(nal::Executor& executor) : executor_(executor) {}

  /// What the operation gives, if it succeeds.
  template <class F>
  auto operator()(const char* what, F&& operation) {
    auto result = Manner()(executor_, nal::with_timeout(5_s, std::forward<F>(operation)));
    std::printf("  %s: %s\n", what, result ? "done" : nal::to_string(result.error()));
    good_ = good_ && result.has_value();
    using Value = typename decltype(result)::value_type;
    return result ? std::optional<Value>(*std::move(result)) : std::nullopt;
  }
  /// For an operation that should fail.
  template <class F>
  void failing(const char* what, nal::Error error, F&& operation) {
    const auto result = Manner()(executor_, nal::with_timeout(5_s, std::forward<F>(operation)));
    std::printf("  %s: %s\n", what, result ? "done" : nal::to_string(result.error()));
    expect(what, !result && result.error() == error);
  }
  void expect(const char* what, bool good) {
    if (!good) { std::printf("  %s: WRONG\n", what); }
    good_ = good_ && good;
  }
  nal::Executor& executor() { return executor_; }
  bool good() const { return good_; }

 private:
  nal::Executor& executor_;
  bool good_ = true;
};

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
bool equal(std::span<const std::byte> a, std::string_view b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), b.size()) == 0;
}

template <class Use, nal::Dns N>
void names(Use& use, N& stack) {
  std::array<nal::IpAddress, 4> addresses;
  const auto count = use("lookup", nal::lookup(stack, "localhost", nal::Family::v4, addresses));
  use.expect("lookup", count && addresses[0] == "127.0.0.1"_ip);
  std::array<char, 256> name;
  use("reverse_lookup", nal::reverse_lookup(stack, "127.0.0.1"_ip, name));
}

template <class Use, class S>
void stream_verbs(Use& use, S& client, S& server) {
  std::array<std::byte, 64> buffer;
  use("write", nal::write(client, bytes("one")));
  use("read", nal::read(server, buffer));
  use.expect("read", equal(std::span(buffer).first(3), "one"));

  use("write_all", nal::write_all(client, bytes("two, ")));
  std::array<std::span<const std::byte>, 2> pieces{bytes("three"), bytes(" and four")};
  use("write_gather", nal::write_gather(client, pieces));
  use("flush", nal::flush(client));
  use("read_exact", nal::read_exact(server, std::span(buffer).first(19)));
  use.expect("read_exact", equal(std::span(buffer).first(19), "two, three and four"));

  use("write_all", nal::write_all(client, bytes("a line\nand more")));
  std::array<std::byte, 32> memory;
  nal::BufferedReader reader(server, memory);
  const auto line = use("read_until", nal::read_until(reader, buffer, std::byte{'\n'}));
  use.expect("read_until", line && equal(std::span(buffer).first(*line), "a line\n"));

  // What stands in the buffered reader behind the line, and what follows, up to the client's end; back to the client.
  auto halves = nal::split(server);
  use("write_all", nal::write_all(client, bytes(" and the end")));
  use("shutdown", nal::shutdown(client));
  const auto copied = use("copy", nal::copy(reader, halves.second));
  use.expect("copy", copied && *copied == 20);
  use("shutdown", nal::shutdown(halves.second));
  use("read_exact", nal::read_exact(client, std::span(buffer).first(20)));
  use.expect("what came back", equal(std::span(buffer).first(20), "and more and the end"));
}

template <class Use, class N>
void tcp(Use& use, N& stack) {
  auto listener = stack.listen("127.0.0.1:0"_endpoint, {});
  use.expect("listen", listener.has_value());
  if (!listener) { return; }
  const nal::Endpoint local = listener->local_endpoint();
  auto client = use("connect to an endpoint", nal::connect(stack, local));
  auto server = use("accept", nal::accept(*listener));
  if (!client || !server) { return; }
  stream_verbs(use, *client, *server);
  use("close", nal::close(*std::move(client)));
  use("close", nal::close(*std::move(server)));

  auto other = use("connect to a name", nal::connect(stack, "localhost", local.port));
  auto another = use("accept", nal::accept(*listener));
  if (!other || !another) { return; }
  other->abort();
  std::array<std::byte, 1> buffer;
  use.failing("read after the peer's abort", nal::Error::connection_reset, nal::read(*another, buffer));
}

template <class Use, class N>
void udp(Use& use, N& stack) {
  auto server = stack.udp_bind_multiple("127.0.0.1:0"_endpoint, {});
  use.expect("udp_bind_multiple", server.has_value());
  if (!server) { return; }
  auto client = nal::udp_connect(stack, server->local_endpoint());
  use.expect("udp_connect", client.has_value());
  if (!client) { return; }
  std::array<std::byte, 64> buffer;
  use("send", nal::send(*client, bytes("question")));
  const auto question = use("receive", nal::receive(*server, buffer));
  if (!question) { return; }
  use("send_to", nal::send_to(*server, question->local, question->remote, bytes("answer")));
  const auto answer = use("receive", nal::receive(*client, buffer));
  use.expect("receive", answer && equal(std::span(buffer).first(answer->size), "answer"));
}

template <class Use>
void between_tasks(Use& use) {
  nal::Channel<int, 2> channel;
  use("send to a channel", nal::send(channel, 1));
  const auto got = use("receive from a channel", nal::receive(channel));
  use.expect("channel", got && *got == 1);

  nal::Signal signal;
  signal.set();
  use("wait for a signal", nal::wait(signal));

  nal::Event event(use.executor());
  std::thread other([&event] { event.raise(); });
  use("wait for an event", nal::wait(event));
  other.join();

  use("sleep", nal::sleep(2_ms));
  use("sleep_until", nal::sleep_until(use.executor().now() + 2_ms));
  use("yield", nal::yield());
  const auto first = use("race", nal::race(nal::sleep(5_s), nal::sleep(1_ms)));
  use.expect("race", first && first->index() == 1);
  use("join", nal::join(nal::sleep(1_ms), nal::sleep(2_ms)));
}

template <class Manner, class N>
bool every_operation(const char* manner, nal::Executor& executor, N& stack) {
  std::printf("%s\n", manner);
  User<Manner> use(executor);
  names(use, stack);
  tcp(use, stack);
  udp(use, stack);
  between_tasks(use);
  return use.good();
}

}  // namespace

int main(int argc, char** argv) {
  examples::BackendOptions backend;
  CLI::App app("Uses every operation of nal once blocking and once non-blocking, over loopback.", "nal-operations");
  examples::add_backend_options(app, backend);
  if (const auto status = examples::parse(app, argc, argv)) { return *status; }
  return examples::run_on(backend, [](nal::Executor& executor, auto& stack) {
    const bool blocking = every_operation<Blocking>("blocking", executor, stack);
    const bool non_blocking = every_operation<NonBlocking>("non-blocking", executor, stack);
    return blocking && non_blocking ? examples::kDone : examples::kFailed;
  });
}
