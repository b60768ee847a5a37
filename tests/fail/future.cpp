// fails NO_POLL: no matching function .*with_timeout & Future & f.poll\(context\).* invalid
// fails POLL_WANTS_NO_CONTEXT: no matching function .*with_timeout & Future & f.poll\(context\).* invalid
// fails POLL_GIVES_NO_POLL: no matching function .*with_timeout & Future & is_poll
// fails RACE_WITHOUT_POLL: no matching function .*race & Future
// fails AWAIT_WITHOUT_POLL: no matching .*function .*await_transform & Future & f.poll\(context\).* invalid
// fails AWAITS_NUMBER: no matching .*function .*await_transform & Future & int
#include "nal/sleep.hpp"
#include "nal/task.hpp"

class Operation {
 public:
#if defined(POLL_GIVES_NO_POLL)
  int poll(nal::Context&) noexcept;
#elif defined(POLL_WANTS_NO_CONTEXT)
  nal::Poll<int> poll() noexcept;
#elif !defined(NO_POLL)
  nal::Poll<int> poll(nal::Context&) noexcept;
#endif
};

class Other {};

auto wait(Operation& operation) { return nal::with_timeout(nal::Duration::seconds(1), operation); }

#ifdef RACE_WITHOUT_POLL
auto both(Operation& a, Other& b) { return nal::race(a, b); }
#else
auto both(Operation& a, Operation& b) { return nal::race(a, b); }
#endif

#ifdef AWAIT_WITHOUT_POLL
nal::Task<> task(Other& operation) {
#else
nal::Task<> task(nal::Task<>& operation) {
#endif
#ifdef AWAITS_NUMBER
  co_await 5;
#endif
  NAL_CO_TRY(operation);
  co_return nal::Result<>();
}
