#pragma once
#include "nal/combinators.hpp"

namespace nal {

/// See `sleep` and `sleep_until`.
class [[nodiscard("await it")]] Sleep {
 public:
  explicit Sleep(Duration duration) noexcept : duration_(duration) {}
  explicit Sleep(Instant deadline) noexcept : deadline_(deadline), started_(true) {}

  Poll<Unit> poll(Context& context) noexcept {
    const Instant now = context.now();
    if (!started_) {
      started_ = true;
      deadline_ = now + duration_;
    }
    if (now >= deadline_) {
      timer_.disarm();
      return Unit{};
    }
    context.arm(timer_, deadline_);
    return pending;
  }

 private:
  Duration duration_{};
  Instant deadline_{};
  bool started_ = false;
  Timer timer_;
};

/// *Completes* no sooner than `duration` after it is first polled. *Errors*: none. *Cancellation*: disarms its timer.
inline Sleep sleep(Duration duration) noexcept { return Sleep(duration); }
/// *Completes* no sooner than `deadline`. A loop that adds its period to the deadline does not drift.
inline Sleep sleep_until(Instant deadline) noexcept { return Sleep(deadline); }

/// See `with_timeout` and `with_deadline`.
template <class F>
class [[nodiscard("await it")]] WithTimeout {
 public:
  using Output = as_result_t<detail::child_output_t<F>>;
  WithTimeout(Sleep sleep, F&& future) noexcept : child_(std::forward<F>(future)), sleep_(std::move(sleep)) {}

  Poll<Output> poll(Context& context) noexcept {
    // The operation first: it wins a tie.
    if (auto output = child_.poll(context); output.ready()) { return Output(*std::move(output)); }
    if (!sleep_.poll(context).ready()) { return pending; }
    child_.drop();
    return Output(Unexpected(Error::timed_out));
  }

 private:
  detail::Child<F> child_;
  Sleep sleep_;
};

/// `future` under a deadline. *Completes* with its result, or with `Error::timed_out` once `duration` has passed since
/// the first poll; the future wins a tie. An output that is no `Result` becomes one. *Cancellation* and *Buffer
/// lifetime*: those of the future; on time-out an owned future is destroyed, a borrowed one can be asked how far it
/// came.
template <class F>
  requires Future<std::remove_reference_t<F>>
WithTimeout<F> with_timeout(Duration duration, F&& future) noexcept {
  return WithTimeout<F>(Sleep(duration), std::forward<F>(future));
}
/// The same with an instant.
template <class F>
  requires Future<std::remove_reference_t<F>>
WithTimeout<F> with_deadline(Instant deadline, F&& future) noexcept {
  return WithTimeout<F>(Sleep(deadline), std::forward<F>(future));
}

}  // namespace nal
