#include "nal/channel.hpp"

#include <array>

#include "nal/block_on.hpp"
#include "tests/support/cancel_rounds.hpp"
#include "tests/support/check.hpp"
#include "tests/support/futures.hpp"
#include "tests/support/virtual_clock.hpp"

using namespace nal;
using test::Alive;
using test::VirtualClock;

namespace {

using Numbers = Channel<int, 3>;

Task<> produce(Numbers& numbers, int from, int count) {
  for (int i = 0; i < count; ++i) {
    const Result<> sent = co_await send(numbers, from + i);
    if (!sent) { co_return Unexpected(sent.error()); }
  }
  co_return Unit{};
}

/// Receives until the channel is closed.
Task<> consume(Numbers& numbers, int* received, int& count) {
  for (;;) {
    const Result<int> number = co_await receive(numbers);
    if (number == Unexpected(Error::closed)) { co_return Unit{}; }
    if (!number) { co_return Unexpected(number.error()); }
    received[count++] = *number;
  }
}

Task<Result<int>> receive_one(Numbers& numbers) {
  const Result<int> number = co_await receive(numbers);
  co_return number;
}

struct Parcel {
  int value = 0;
  Alive alive;
};

}  // namespace

TEST_CASE("a channel gives what was sent in order, across many wraps of its ring", "[channel]") {
  VirtualClock clock;
  Executor executor(clock);
  Numbers numbers;
  TaskSlot<512> sender;
  TaskSlot<512> receiver;
  std::array<int, 100> received{};
  int count = 0;
  REQUIRE(sender.start(executor, produce, numbers, 0, 100));
  REQUIRE(receiver.start(executor, consume, numbers, received.data(), count));
  test::run_ready(executor);
  CHECK_FALSE(sender.running());
  CHECK(receiver.running());
  numbers.close();
  test::run_ready(executor);
  REQUIRE(count == 100);
  for (int i = 0; i < 100; ++i) { CHECK(received[static_cast<unsigned>(i)] == i); }
  REQUIRE(receiver.result().ready());
  CHECK((*receiver.result()).has_value());
}

TEST_CASE("a full channel holds its senders back", "[channel]") {
  VirtualClock clock;
  Executor executor(clock);
  Numbers numbers;
  TaskSlot<512> sender;
  REQUIRE(sender.start(executor, produce, numbers, 0, 5));
  test::run_ready(executor);
  CHECK(sender.running());
  CHECK(numbers.size() == Numbers::capacity());
  CHECK(numbers.try_send(9) == Unexpected(Error::would_block));
  CHECK(numbers.try_receive() == 0);
  test::run_ready(executor);
  CHECK(numbers.size() == Numbers::capacity());
  CHECK(sender.running());
  CHECK(numbers.try_receive() == 1);
  test::run_ready(executor);
  CHECK_FALSE(sender.running());
}

TEST_CASE("several senders and receivers share a channel and nothing is lost or doubled", "[channel]") {
  VirtualClock clock;
  Executor executor(clock);
  Numbers numbers;
  TaskPool<3, 512> senders;
  TaskPool<2, 512> receivers;
  std::array<std::array<int, 90>, 2> received{};
  std::array<int, 2> count{};
  for (unsigned i = 0; i < 2; ++i) {
    REQUIRE(receivers.start(executor, consume, numbers, received[i].data(), count[i]));
  }
  for (int i = 0; i < 3; ++i) { REQUIRE(senders.start(executor, produce, numbers, i * 30, 30)); }
  test::run_ready(executor);
  CHECK(senders.running() == 0);
  numbers.close();
  test::run_ready(executor);
  CHECK(receivers.running() == 0);
  CHECK(count[0] + count[1] == 90);
  std::array<int, 90> seen{};
  for (unsigned i = 0; i < 2; ++i) {
    for (int k = 0; k < count[i]; ++k) { ++seen[static_cast<unsigned>(received[i][static_cast<unsigned>(k)])]; }
  }
  for (const int times : seen) { CHECK(times == 1); }
}

TEST_CASE("a closed channel gives what it holds and then says so", "[channel]") {
  VirtualClock clock;
  Executor executor(clock);
  Numbers numbers;
  REQUIRE(numbers.try_send(1));
  REQUIRE(numbers.try_send(2));
  numbers.close();
  CHECK(numbers.is_closed());
  CHECK(numbers.try_send(3) == Unexpected(Error::closed));
  CHECK(block_on(executor, send(numbers, 3)) == Unexpected(Error::closed));
  CHECK(block_on(executor, receive(numbers)) == 1);
  CHECK(block_on(executor, receive(numbers)) == 2);
  CHECK(block_on(executor, receive(numbers)) == Unexpected(Error::closed));
  CHECK(numbers.try_receive() == Unexpected(Error::closed));
}

TEST_CASE("closing a channel ends every wait at it", "[channel]") {
  VirtualClock clock;
  Executor executor(clock);
  Numbers full;
  Numbers empty;
  TaskSlot<512> sender;
  TaskSlot<512, Result<int>> receiver;
  REQUIRE(sender.start(executor, produce, full, 0, 10));
  REQUIRE(receiver.start(executor, receive_one, empty));
  test::run_ready(executor);
  full.close();
  empty.close();
  test::run_ready(executor);
  REQUIRE(sender.result().ready());
  CHECK(*sender.result() == Unexpected(Error::closed));
  REQUIRE(receiver.result().ready());
  CHECK(*receiver.result() == Unexpected(Error::closed));
}

TEST_CASE("asking an empty channel does not wait", "[channel]") {
  Numbers numbers;
  CHECK(numbers.empty());
  CHECK(numbers.try_receive() == Unexpected(Error::would_block));
}

TEST_CASE("a value is moved from only when it is sent", "[channel]") {
  struct Token {
    Token() = default;
    Token(Token&& other) noexcept : here(std::exchange(other.here, false)) {}
    bool here = true;
  };
  Channel<Token, 1> tokens;
  Token first;
  Token second;
  REQUIRE(tokens.try_send(std::move(first)));
  CHECK_FALSE(first.here);
  CHECK(tokens.try_send(std::move(second)) == Unexpected(Error::would_block));
  CHECK(second.here);
}

TEST_CASE("a channel destroys what nobody received", "[channel]") {
  const int before = Alive::count();
  {
    Channel<Parcel, 2> parcels;
    REQUIRE(parcels.try_send(Parcel{.value = 1, .alive = {}}));
    REQUIRE(parcels.try_send(Parcel{.value = 2, .alive = {}}));
    CHECK(Alive::count() == before + 2);
    {
      const Result<Parcel> parcel = parcels.try_receive();
      REQUIRE(parcel);
      CHECK(parcel->value == 1);
    }
    CHECK(Alive::count() == before + 1);
  }
  CHECK(Alive::count() == before);
}

TEST_CASE("a receiver may be cancelled at every poll and takes nothing with it", "[channel]") {
  const unsigned cuts = test::cancel_after_every_round([](unsigned rounds) {
    VirtualClock clock;
    Executor executor(clock);
    Numbers numbers;
    TaskSlot<512> sender;
    TaskSlot<512> receiver;
    std::array<int, 10> received{};
    int count = 0;
    static_cast<void>(sender.start(executor, produce, numbers, 0, 10));
    static_cast<void>(receiver.start(executor, consume, numbers, received.data(), count));
    if (!test::run_rounds(executor, receiver, rounds) && count < 10) {
      receiver.cancel();
      CHECK(receiver.arena().live() == 0);
      // Another takes over where the first was cut.
      static_cast<void>(receiver.start(executor, consume, numbers, received.data(), count));
      test::run_ready(executor);
      CHECK(count == 10);
      for (int i = 0; i < 10; ++i) { CHECK(received[static_cast<unsigned>(i)] == i); }
      return false;
    }
    return true;
  });
  CHECK(cuts > 3);
}

TEST_CASE("a sender may be cancelled at every poll and has sent each value once or not at all", "[channel]") {
  const unsigned cuts = test::cancel_after_every_round([](unsigned rounds) {
    VirtualClock clock;
    Executor executor(clock);
    Numbers numbers;
    TaskSlot<512> sender;
    TaskSlot<512> receiver;
    std::array<int, 10> received{};
    int count = 0;
    static_cast<void>(sender.start(executor, produce, numbers, 0, 10));
    static_cast<void>(receiver.start(executor, consume, numbers, received.data(), count));
    const bool finished = test::run_rounds(executor, sender, rounds);
    sender.cancel();
    CHECK(sender.arena().live() == 0);
    numbers.close();
    test::run_ready(executor);
    CHECK(numbers.empty());
    for (int i = 0; i < count; ++i) { CHECK(received[static_cast<unsigned>(i)] == i); }
    if (finished) { CHECK(count == 10); }
    return finished;
  });
  CHECK(cuts > 3);
}
