// TCP echo that never waits: for programs with a main loop of their own, which give nal a slice of each turn.
#include <algorithm>
#include <array>
#include <optional>

#include "examples/echo/echo.hpp"
#include "nal/happy_eyeballs.hpp"

namespace {

using namespace examples::echo;

// One client of the server. What a coroutine keeps in its locals stands here.
template <nal::TcpStream S>
class Echo {
 public:
  Echo(S stream, nal::Instant now) : stream_(std::move(stream)), progress_at_(now) {}

  /// Does what can be done now. `would_block`: there will be more to do; anything else: it is over.
  nal::Result<> step(nal::Executor& executor, nal::Duration timeout) {
    if (executor.now() > progress_at_ + timeout) { return nal::Unexpected(nal::Error::timed_out); }
    if (closing_) { return nal::try_once(executor, *closing_); }
    if (unsent_.empty()) {
      NAL_TRY_SET(const std::size_t size, nal::try_read(executor, stream_, buffer_));
      if (size == 0) { closing_.emplace(std::move(stream_)); }
      unsent_ = std::span(buffer_).first(size);
    } else {
      NAL_TRY_SET(const std::size_t size, nal::try_write(executor, stream_, unsent_));
      unsent_ = unsent_.subspan(size);
    }
    progress_at_ = executor.now();
    return nal::Unexpected(nal::Error::would_block);
  }

  nal::Endpoint client() const { return stream_.remote_endpoint(); }

 private:
  S stream_;
  std::array<std::byte, 1024> buffer_;
  std::span<const std::byte> unsent_;
  std::optional<nal::Close<S>> closing_;
  nal::Instant progress_at_;
};

template <nal::TcpAccept N>
int server(nal::Executor& executor, N& stack, const Options& options) {
  auto listener = stack.listen(options.local, {});
  if (!listener) { return failed("listen on " + std::string(nal::to_text(options.local)), listener.error()); }
  announce(listener->local_endpoint());
  std::array<std::optional<Echo<typename N::TcpStream>>, 16> clients;
  examples::Interrupt interrupt(executor);
  while (!interrupt.happened()) {
    executor.poll_once();
    for (auto& client : clients) {
      if (!client) {
        // Who finds no place waits in the listener's backlog.
        auto stream = nal::try_accept(executor, *listener);
        if (stream) { client.emplace(*std::move(stream), executor.now()); }
        continue;
      }
      const auto done = client->step(executor, options.timeout);
      if (!done && done.error() == nal::Error::would_block) { continue; }
      if (!done) { note(client->client(), done.error()); }
      client.reset();
    }
    do_other_work();
  }
  return examples::kDone;
}

// The client's side, cut into steps in the same way.
template <class N>
class Conversation {
 public:
  Conversation(nal::Executor& executor, N& stack, const Options& options)
      : options_(options),
        deadline_(executor.now() + options.timeout),
        connecting_(nal::connect(stack, options.host, options.port)) {}

  nal::Result<> step(nal::Executor& executor) {
    if (executor.now() >= deadline_) { return nal::Unexpected(nal::Error::timed_out); }
    if (closing_) { return nal::try_once(executor, *closing_); }
    if (!stream_) {
      NAL_TRY_SET(auto stream, nal::try_once(executor, connecting_));
      stream_.emplace(std::move(stream));
    } else if (!unsent_.empty()) {
      NAL_TRY_SET(const std::size_t size, nal::try_write(executor, *stream_, unsent_));
      unsent_ = unsent_.subspan(size);
    } else if (received_ < expected_) {
      const std::span room = std::span(answer_).first(expected_).subspan(received_);
      NAL_TRY_SET(const std::size_t size, nal::try_read(executor, *stream_, room));
      if (size == 0) { return nal::Unexpected(nal::Error::end_of_stream); }
      received_ += size;
    } else if (said_ > 0 && !check(options_.text, std::span(answer_).first(received_))) {
      return nal::Unexpected(nal::Error::protocol_error);
    } else if (said_ == options_.count) {
      closing_.emplace(*std::move(stream_));
    } else {
      ++said_;
      unsent_ = bytes(options_.text);
      received_ = 0;
      expected_ = std::min(answer_.size(), unsent_.size());
    }
    return nal::Unexpected(nal::Error::would_block);
  }

 private:
  const Options& options_;
  nal::Instant deadline_;
  nal::ConnectByName<N, N> connecting_;
  std::optional<typename N::TcpStream> stream_;
  std::optional<nal::Close<typename N::TcpStream>> closing_;
  std::span<const std::byte> unsent_;
  std::array<std::byte, 1024> answer_;
  std::size_t expected_ = 0;
  std::size_t received_ = 0;
  unsigned said_ = 0;
};

template <class N>
int client(nal::Executor& executor, N& stack, const Options& options) {
  Conversation<N> conversation(executor, stack, options);
  for (;;) {
    const auto done = conversation.step(executor);
    if (done) { return examples::kDone; }
    if (done.error() != nal::Error::would_block) { return failed("talk to " + peer(options), done.error()); }
    executor.poll_once();
    do_other_work();
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run(
      argc, argv, "nal-echo-tcp-non-blocking", "TCP echo, written as steps of a main loop.",
      [](auto&... with) { return server(with...); }, [](auto&... with) { return client(with...); });
}
