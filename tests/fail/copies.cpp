// fails WAITER: deleted & Waiter
// fails WAIT_LIST: deleted & WaitList
// fails TIMER: deleted & Timer
// fails OPERATION: deleted & Read
// fails COMBINATION: deleted & Race
// fails ERASED_STREAM: deleted & AnyTcpStream
// fails EXECUTOR_MOVED: deleted & Executor
#include "nal/any_tcp.hpp"
#include "nal/combinators.hpp"
#include "tests/fail/models.hpp"

// Each owns a place in some list or a connection; a copy would be in none, or close it twice.
template <class T>
void give_away(T&&) {}

void all(nal::Waiter& waiter, nal::WaitList& list, nal::Timer& timer, nal::Read<model::Stream>& read,
         nal::AnyTcpStream& stream, nal::Executor& executor) {
  give_away(waiter);
  give_away(list);
  give_away(executor);
  give_away(std::move(timer));
  auto combination = nal::race(read);
  give_away(std::move(combination));
#if defined(WAITER)
  nal::Waiter copy(waiter);
#elif defined(WAIT_LIST)
  nal::WaitList copy(list);
#elif defined(TIMER)
  nal::Timer copy(timer);
#elif defined(OPERATION)
  nal::Read<model::Stream> copy(read);
#elif defined(COMBINATION)
  auto owning = nal::race(std::move(read));
  auto copy = owning;
#elif defined(ERASED_STREAM)
  nal::AnyTcpStream copy(stream);
#elif defined(EXECUTOR_MOVED)
  nal::Executor copy(std::move(executor));
#else
  nal::AnyTcpStream moved(std::move(stream));
  give_away(std::move(moved));
#endif
}
