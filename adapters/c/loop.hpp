#pragma once
#include <optional>

#include "adapters/c/nal_c.h"
#include "nal/any_stack.hpp"
#include "nal/event.hpp"

namespace nal::c {

class Loop;

/// What a call wants of the loop.
enum class Kind : std::uint8_t {
  may_wait,
  at_once,  ///< never waits, and needs no news
  closes,   ///< the same; goes on after `Loop::stop`
};

/// One C call, on the stack of whoever calls, carried out as a task of the loop's. Not for applications.
class Call : public RootTask, public detail::ListNode<Call> {
 public:
  /// How an operation is polled, and given up; both by the loop's thread.
  struct Table {
    Poll<Result<std::size_t>> (*poll)(Call& call, Context& context) noexcept;
    void (*drop)(Call& call) noexcept;
  };

  Call(Loop& loop, const Table& table, const void* target, nal_deadline deadline) noexcept
      : RootTask(&step, nullptr), loop_(&loop), table_(&table), target_(target), deadline_(deadline) {
    set_name("C call");
  }

  bool done() const noexcept { return done_; }
  /// Once it is done.
  nal_count result() const noexcept { return result_; }

 private:
  friend class Loop;
  template <class T>
  friend class platform::Inbox;

  static void step(RootTask& task, Context& context) noexcept;
  /// What the deadline is on the loop's clock.
  Instant end(Instant now) const noexcept {
    return deadline_ < 0 ? now - Duration::microseconds(deadline_) : Instant::from_microseconds(deadline_);
  }
  void finish(Result<std::size_t> result) noexcept;

  Loop* loop_;
  const Table* table_;
  const void* target_;
  nal_deadline deadline_;
  std::optional<Instant> end_;
  Timer timer_;
  nal_count result_ = 0;
  Call* next_ = nullptr;    ///< in the loop's inbox
  void* thread_ = nullptr;  ///< whoever sleeps until it is done; null in the loop's own thread
  Kind kind_ = Kind::may_wait;
  bool done_ = false;
};

/// What a `nal_loop` is: an executor and a stack for C callers. Made in the executor's thread, which is the loop's from
/// then on; the executor and the stack outlive it, and all its handles are closed and no call is under way at its end
/// (asserted).
class Loop {
 public:
  /// `threads` is for calls from other threads, and is copied.
  Loop(Executor& executor, AnyStack stack, const nal_thread_port* threads = nullptr) noexcept;
  template <class N>
    requires(!std::same_as<N, AnyStack>)
  Loop(Executor& executor, N& stack, const nal_thread_port* threads = nullptr) noexcept
      : Loop(executor, AnyStack(stack), threads) {}
  Loop(const Loop&) = delete;
  ~Loop();

  Executor& executor() noexcept { return executor_; }
  AnyStack& stack() noexcept { return stack_; }
  /// Open handles of this loop.
  std::size_t handles() const noexcept { return handles_; }

  // What the functions of nal_c.h are made of.

  bool here() const noexcept { return thread_ == &platform::current_arena(); }
  bool stopping() const noexcept { return stopping_.raised(); }
  /// Carries `call` out and gives its result.
  nal_count carry_out(Call& call, Kind kind) noexcept;
  void run() noexcept;
  void stop() noexcept;
  bool finish(nal_deadline deadline) noexcept;
  /// Ends the calls that wait on `target`, or all if it is null, but for the one that is being polled; how many.
  std::size_t end_calls(const void* target, Error error) noexcept;
  void count_handle(bool open) noexcept { open ? ++handles_ : --handles_; }

 private:
  friend class Call;
  /// Takes calls from other threads in, and tells them when they are done.
  class Service : public RootTask {
   public:
    explicit Service(Loop& loop) noexcept : RootTask(&step, nullptr), loop_(loop) { set_name("C calls"); }
    using RootTask::attach;
    using RootTask::detach;

   private:
    static void step(RootTask& task, Context& context) noexcept;
    Loop& loop_;
  };

  nal_count carry_out_here(Call& call) noexcept;
  nal_count carry_out_there(Call& call) noexcept;
  void begin(Call& call) noexcept;
  void serve(Context& context) noexcept;
  void take_in() noexcept;
  void finished(Call& call) noexcept;
  void ring() noexcept;
  bool anybody_rings() noexcept;
  bool nobody_waits() noexcept;
  template <class F>
  bool run_out(F done, Instant end) noexcept;

  Executor& executor_;
  AnyStack stack_;
  nal_thread_port threads_{};
  FrameArena** thread_ = &platform::current_arena();  // the slot's address tells threads apart
  Event event_;
  Waiter waiter_;
  Service service_{*this};
  platform::Inbox<Call> inbox_;
  detail::List<Call, Call> waiting_;   ///< begun, and not done
  detail::List<Call, Call> finished_;  ///< of other threads, which do not know yet
  std::size_t handles_ = 0;
  unsigned ringing_ = 0;  ///< threads and interrupts that are raising the event; under the critical section
  platform::Flag stopping_;
};

/// Puts a stream of any kind (one that C++ connected, a TLS stream) into a C handle that is closed, in the loop's
/// thread. The loop's executor is the stream's.
void adopt(nal_loop& loop, nal_tcp& handle, AnyTcpStream stream) noexcept;

}  // namespace nal::c

/// `static nal_loop loop(executor, stack);`, and `&loop` goes to C.
struct nal_loop final : nal::c::Loop {
  using Loop::Loop;
};
