#include "tests/conformance/world.hpp"

namespace nal::conformance {

namespace {

Task<Result<std::size_t>> ask(Stream& stream, std::span<const std::byte> question) {
  const auto sent = co_await write_all(stream, question);
  if (!sent) { co_return Unexpected(sent.error()); }
  std::byte answer[1];
  const auto got = co_await read(stream, answer);
  co_return got;
}

Task<> one_side(Stack& stack, Endpoint remote, bool& connected) {
  auto stream = co_await connect(stack, remote);
  if (!stream) { co_return Unexpected(stream.error()); }
  connected = true;
  const auto asked = co_await ask(*stream, bytes("first"));
  if (!asked) { co_return Unexpected(asked.error()); }
  const auto both = co_await join(ask(*stream, bytes("x")), ask(*stream, bytes("y")));
  if (!std::get<0>(both)) { co_return Unexpected(std::get<0>(both).error()); }
  if (!std::get<1>(both)) { co_return Unexpected(std::get<1>(both).error()); }
  const auto closed = co_await close(*std::move(stream));
  co_return closed;
}

Task<> other_side(Listener& listener) {
  for (;;) {
    auto stream = co_await accept(listener);
    if (!stream) { co_return Unexpected(stream.error()); }
    for (;;) {
      std::byte buffer[1];
      const auto got = co_await read(*stream, buffer);
      if (!got || *got == 0) { break; }
      const auto written = co_await write_all(*stream, buffer);
      if (!written) { break; }
    }
  }
}

/// A task whose arena has the size that a test gives it.
class TaskIn : public RootTask {
 public:
  template <class Make>
  TaskIn(Executor& executor, FrameArena& arena, Make&& make) : RootTask(&step, &arena) {
    {
      ArenaScope scope(&arena);
      task_ = make();
    }
    attach(executor);
  }
  ~TaskIn() { detach(); }
  Poll<Result<>>& result() { return result_; }

 private:
  static void step(RootTask& root, Context& context) {
    auto& self = static_cast<TaskIn&>(root);
    if (self.result_.ready()) { return; }
    self.result_ = self.task_.poll(context);
    if (self.result_.ready()) { self.detach(); }
  }
  Task<> task_;
  Poll<Result<>> result_{pending};
};

}  // namespace

TEST_CASE("An arena of any size gives no_memory or success, never anything else, and keeps nothing", "[memory]") {
  World world;
  std::optional<Listener> listener(world.listen());
  TaskSlot<8192> serving;
  REQUIRE(serving.start(world.executor(), other_side, *listener));
  alignas(FrameArena::kAlign) static std::byte memory[16384];
  unsigned failed_late = 0;
  bool succeeded = false;
  for (std::size_t size = 0; size <= sizeof memory && !succeeded; size += FrameArena::kAlign) {
    INFO("arena of " << size << " bytes");
    FrameArena arena(memory, size);
    bool connected = false;
    {
      TaskIn task(world.executor(), arena,
                  [&] { return one_side(world.client(), listener->local_endpoint(), connected); });
      REQUIRE(world.run_until([&] { return task.result().ready(); }));
      succeeded = task.result()->has_value();
      if (!succeeded) {
        CHECK(task.result()->error() == Error::no_memory);
        failed_late += connected ? 1 : 0;
      }
    }
    CHECK(arena.live() == 0);
    CHECK((succeeded || arena.failed() != 0));
  }
  CHECK(succeeded);
  // The frame of the first coroutine fits well before that of the innermost.
  CHECK(failed_late > 0);
  serving.cancel();
  listener.reset();
  CHECK(world.back_to_start());
}

}  // namespace nal::conformance
