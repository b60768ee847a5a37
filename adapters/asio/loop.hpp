#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <memory>
#include <new>
#include <optional>

#include "adapters/asio/error.hpp"
#include "nal/executor.hpp"
#include "nal/result.hpp"

namespace nal::with_asio {

class Loop;

namespace detail {

struct OwnerTag;
struct CompletedTag;
struct ObjectTag;
template <class Future, class Finish, class Handler>
class HandlerOperation;

/// A nal future that somebody awaits by a completion handler. Made, polled and ended on the loop's executor.
class Operation : public RootTask, public nal::detail::ListNode<OwnerTag>, public nal::detail::ListNode<CompletedTag> {
 public:
  /// Ends the future; the handler will be told operation_aborted. Nothing if there is a result already.
  virtual void give_up() noexcept = 0;
  /// Ends the future, and no more.
  virtual void drop_future() noexcept = 0;
  /// Hands the result to the handler, as its executor has it, and ends.
  virtual void deliver() = 0;
  /// Ends, and the handler with it, which is not called.
  virtual void discard() noexcept = 0;

 protected:
  using RootTask::RootTask;
  ~Operation() = default;
};

/// What has operations under way: a stream, a listener, the loop itself for tasks. Ends before its nal handle does.
class IoObject : public nal::detail::ListNode<ObjectTag> {
 public:
  explicit IoObject(Loop& loop) noexcept;
  /// Null once the loop was closed.
  Loop* loop() const noexcept { return loop_; }
  /// Gives all operations up.
  void cancel() noexcept;
  /// The same, and the nal handle is dropped.
  void close() noexcept;

 protected:
  virtual void drop_handle() noexcept = 0;
  ~IoObject() = default;

 private:
  friend class nal::with_asio::Loop;
  template <class, class, class>
  friend class HandlerOperation;
  Loop* loop_;
  nal::detail::List<Operation, OwnerTag> operations_;
};

/// Blocks for operations, used again: confined to the loop's executor.
class BlockCache {
 public:
  BlockCache() noexcept = default;
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;
  ~BlockCache() {
    while (first_) { ::operator delete(std::exchange(first_, first_->next)); }
  }
  void* allocate(std::size_t size) {
    if (size > kSize) { return ::operator new(size); }
    if (!first_) { return ::operator new(kSize); }
    --count_;
    return std::exchange(first_, first_->next);
  }
  void deallocate(void* block, std::size_t size) noexcept {
    if (size > kSize || count_ == kMost) {
      ::operator delete(block);
      return;
    }
    ++count_;
    first_ = ::new (block) Free{first_};
  }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kSize = 512;
  static constexpr std::size_t kMost = 64;
  Free* first_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace detail

/// A platform of a backend's (`posix::Reactor`) that somebody else's loop can wait for: `descriptor()` is readable when
/// it has something to do, and at `poll_at()` it has, too.
template <class P>
concept DescriptorPlatform = std::derived_from<P, Platform> && requires(const P& platform) {
  { platform.descriptor() } -> std::same_as<int>;
  { platform.poll_at() } -> std::same_as<Instant>;
};

/// A nal executor inside an Asio program: its tasks are polled by handlers, its timers are one `steady_timer`.
///
/// *Threads*: everything of the executor (tasks, stacks, streams, this class) is used on the Asio executor that the
/// loop was made with: that of an `io_context` which one thread runs, or a strand where several do. Two threads at a
/// time are asserted against. `Event::raise` alone may come from anywhere (from a signal handler only with a platform
/// of its own that allows it).
///
/// *Touching nal by hand* from a handler or before `run()` (starting a `TaskSlot`, dropping a socket) is done under a
/// `Turn`, at whose end the loop sees to what became ready. What this adapter offers does so itself.
///
/// *Work*: `io_context::run()` goes on while a task of the executor's or an operation of the adapter's is under way;
/// what a `Drive` drives does not count.
///
/// *Order*: the Asio context outlives the loop, the loop outlives tasks, stacks and devices. `close()` before a stack
/// ends, or a `Closing` declared behind it, ends what still names it.
class Loop {
 public:
  using executor_type = ::asio::any_io_executor;

  /// With a clock and waits of Asio's alone: for stacks that need no descriptors of their own. `block_on` runs the
  /// `io_context` meanwhile, one handler at a time; those must not throw then.
  explicit Loop(executor_type executor) : Loop(std::move(executor), nullptr, nullptr, -1) {}
  /// With a backend's platform, which outlives it: for POSIX sockets, and for devices of Linux. `block_on` runs that
  /// platform alone meanwhile. See `status`.
  template <DescriptorPlatform P>
  Loop(executor_type executor, P& platform)
      : Loop(
            std::move(executor), &platform,
            [](const Platform& self) noexcept { return static_cast<const P&>(self).poll_at(); },
            platform.descriptor()) {
    if (!descriptor_) { status_ = Unexpected(Error::not_supported); }
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() {
    close();
    anchor_->loop = nullptr;
  }

  /// not_supported: the platform has no descriptor, so nothing would wake the loop.
  Result<> status() const noexcept { return status_; }
  Executor& executor() noexcept { return executor_; }
  /// The owner of tasks. Not for applications: they have `spawn`.
  detail::IoObject& tasks() noexcept { return tasks_; }
  executor_type get_executor() const noexcept { return asio_; }

  /// See above. Nests. Not held while waiting.
  class Turn {
   public:
    explicit Turn(Loop& loop) noexcept : loop_(loop) { loop_.enter(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { loop_.leave(); }

   private:
    Loop& loop_;
  };

  /// Ends all operations, their handlers being destroyed uncalled, and drops the nal handles of all streams, listeners
  /// and sockets of the adapter; what is started later fails. Not from a nal task (asserted).
  void close() noexcept;

  /// Closes a loop at the end of a scope.
  class Closing {
   public:
    explicit Closing(Loop& loop) noexcept : loop_(loop) {}
    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;
    ~Closing() { loop_.close(); }

   private:
    Loop& loop_;
  };

 private:
  friend class detail::IoObject;
  template <class, class, class>
  friend class detail::HandlerOperation;

  /// What handlers hold that may outlive the loop.
  struct Anchor {
    Loop* loop;
  };
  enum class Cause : std::uint8_t { posted, timer, descriptor };
  class Wake {
   public:
    Wake(std::shared_ptr<Anchor> anchor, Cause cause) noexcept : anchor_(std::move(anchor)), cause_(cause) {}
    void operator()(const ErrorCode& error = {}) const {
      if (Loop* loop = anchor_->loop) { loop->step(cause_, !error); }
    }

   private:
    std::shared_ptr<Anchor> anchor_;
    Cause cause_;
  };

  class OwnPlatform final : public Platform {
   public:
    explicit OwnPlatform(Loop& loop) noexcept : loop_(loop) {}
    Instant now() noexcept override {
      const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
      return Instant::from_microseconds(std::chrono::duration_cast<std::chrono::microseconds>(since_start).count());
    }
    void poll(Executor& executor, Instant deadline) noexcept override {
      if (deadline > now() && !executor.has_events()) { loop_.run_context(deadline); }
    }
    void wake() noexcept override { loop_.post_step(); }

   private:
    Loop& loop_;
  };

  /// The owner of tasks.
  class Tasks final : public detail::IoObject {
   public:
    using IoObject::IoObject;

   private:
    void drop_handle() noexcept override {}
  };

  using PollAt = Instant (*)(const Platform&) noexcept;
  Loop(executor_type executor, Platform* platform, PollAt poll_at, int descriptor)
      : asio_(std::move(executor)),
        executor_(platform ? *platform : own_),
        poll_at_(poll_at),
        timer_(asio_),
        anchor_(std::make_shared<Anchor>(Anchor{this})),
        tasks_(*this) {
    if (descriptor >= 0) { descriptor_.emplace(asio_, descriptor); }
  }

  void enter() noexcept {
    FrameArena** const here = &platform::current_arena();
    FrameArena** nobody = nullptr;
    if (!inside_.compare_exchange_strong(nobody, here, std::memory_order_relaxed)) {
      NAL_ASSERT(nobody == here);  // two threads at a time: the loop wants a strand
    }
    if (++depth_ == 1) { executor_.adopt_thread(); }
  }
  void leave() noexcept {
    if (depth_ == 1) { arrange(); }
    if (--depth_ == 0) { inside_.store(nullptr, std::memory_order_relaxed); }
  }

  void post_step() noexcept {
    if (!posted_.exchange(true, std::memory_order_acq_rel)) { ::asio::post(asio_, Wake(anchor_, Cause::posted)); }
  }
  void step(Cause cause, bool good);
  void deliver_completed();
  void arrange() noexcept;
  void rest() noexcept;
  void arm_timer(Instant at);
  void run_context(Instant deadline) noexcept;
  void close_object(detail::IoObject& object, nal::detail::List<detail::Operation, detail::OwnerTag>& ended) noexcept;

  /// Rounds a handler runs before others have their turn.
  static constexpr unsigned kRounds = 8;

  executor_type asio_;
  OwnPlatform own_{*this};
  Executor executor_;
  PollAt poll_at_;
  ::asio::steady_timer timer_;
  Instant timer_at_ = Instant::max();  ///< when the timer's wait ends, at the latest the next thing that is due
  std::optional<::asio::posix::stream_descriptor> descriptor_;
  std::optional<::asio::executor_work_guard<executor_type>> work_;
  std::shared_ptr<Anchor> anchor_;
  detail::BlockCache blocks_;
  bool closed_ = false;  ///< stands before what asks for it when it is made
  nal::detail::List<detail::IoObject, detail::ObjectTag> objects_;
  nal::detail::List<detail::Operation, detail::CompletedTag> completed_;
  Tasks tasks_;
  std::size_t operations_ = 0;  ///< under way, or on their way to their handlers
  std::atomic<bool> posted_{false};
  std::atomic<FrameArena**> inside_{nullptr};  ///< the thread of the running turn
  unsigned depth_ = 0;
  bool waiting_ = false;  ///< for the descriptor
  Result<> status_;
};

namespace detail {

inline IoObject::IoObject(Loop& loop) noexcept : loop_(loop.closed_ ? nullptr : &loop) {
  if (loop_) { loop.objects_.push_back(*this); }
}

inline void IoObject::cancel() noexcept {
  if (!loop_) { return; }
  const Loop::Turn turn(*loop_);
  Operation* operation = operations_.front();
  while (operation) {
    Operation* const next = operations_.after(*operation);
    operation->give_up();
    operation = next;
  }
}

inline void IoObject::close() noexcept {
  if (!loop_) { return; }
  const Loop::Turn turn(*loop_);
  cancel();
  drop_handle();
}

}  // namespace detail

inline void Loop::step(Cause cause, bool good) {
  if (closed_) { return; }
  const Turn turn(*this);
  bool look = false;
  switch (cause) {
    case Cause::posted: posted_.store(false, std::memory_order_release); break;
    case Cause::timer:
      if (!good) { return; }  // another wait has taken its place
      timer_at_ = Instant::max();
      look = true;
      break;
    case Cause::descriptor:
      waiting_ = false;
      look = good;
      break;
  }
  for (unsigned round = 0; round < kRounds && !closed_; ++round) {
    deliver_completed();
    if (closed_ || (!look && executor_.idle() && completed_.empty())) { return; }
    if (look || !executor_.idle()) { executor_.poll_once(); }
    look = false;
  }
  if (!closed_) { deliver_completed(); }
}

// A handler may throw, or close the loop: nothing is kept across its call.
inline void Loop::deliver_completed() {
  std::size_t most = operations_;  // what handlers start comes behind what waited already
  while (most-- > 0) {
    detail::Operation* const operation = completed_.pop_front();
    if (!operation) { return; }
    operation->deliver();
  }
}

inline void Loop::arrange() noexcept {
  if (closed_) { return; }
  if (!completed_.empty() || !executor_.idle()) { post_step(); }
  if (operations_ == 0 && !executor_.has_tasks()) {
    rest();
    return;
  }
  if (!work_) { work_.emplace(asio_); }
  Instant at = executor_.next_timer();
  if (poll_at_) { at = std::min(at, poll_at_(executor_.platform())); }
  // A wait that ends too early costs less than replacing it whenever a deadline is put off.
  if (at < timer_at_) { arm_timer(at); }
  if (descriptor_ && !waiting_) {
    waiting_ = true;
    descriptor_->async_wait(::asio::posix::stream_descriptor::wait_read, Wake(anchor_, Cause::descriptor));
  }
}

inline void Loop::rest() noexcept {
  if (!work_) { return; }
  work_.reset();
  timer_at_ = Instant::max();
  timer_.cancel();
  ErrorCode ignored;
  if (descriptor_) { descriptor_->cancel(ignored); }
}

inline void Loop::arm_timer(Instant at) {
  timer_at_ = at;
  // Far enough, and what a clock of nanoseconds can hold.
  const Duration left = std::clamp(at - executor_.platform().now(), Duration::zero(), Duration::hours(24 * 365));
  timer_.expires_after(std::chrono::microseconds(left.microseconds()));
  timer_.async_wait(Wake(anchor_, Cause::timer));
}

inline void Loop::run_context(Instant deadline) noexcept {
  using Plain = ::asio::io_context::executor_type;
  NAL_ASSERT(asio_.target<Plain>() || asio_.target<::asio::strand<Plain>>());  // blocking is for an io_context
  auto* const context = &static_cast<::asio::io_context&>(::asio::query(asio_, ::asio::execution::context));
  const ::asio::executor_work_guard<executor_type> guard(asio_);
  if (context->stopped()) { context->restart(); }
  // The handlers' turns are no part of one that this is called from.
  const unsigned depth = std::exchange(depth_, 0);
  arrange();
  if (deadline.is_never()) {
    context->run_one();
  } else {
    context->run_one_until(std::chrono::steady_clock::time_point(std::chrono::microseconds(deadline.microseconds())));
  }
  // Who blocks does not say when it is done.
  bool others = operations_ > 0;
  executor_.for_each_task([&](const RootTask& task) { others |= &task != &executor_.blocking_task(); });
  if (!others) { rest(); }
  depth_ = depth;
  if (depth > 0) { inside_.store(&platform::current_arena(), std::memory_order_relaxed); }
}

inline void Loop::close_object(detail::IoObject& object,
                               nal::detail::List<detail::Operation, detail::OwnerTag>& ended) noexcept {
  while (detail::Operation* operation = object.operations_.pop_front()) {
    operation->drop_future();
    ended.push_back(*operation);
  }
  object.drop_handle();
  object.loop_ = nullptr;
}

inline void Loop::close() noexcept {
  if (closed_) { return; }
  const Turn turn(*this);
  rest();
  closed_ = true;
  nal::detail::List<detail::Operation, detail::OwnerTag> ended;
  while (detail::IoObject* object = objects_.pop_front()) { close_object(*object, ended); }
  while (detail::Operation* operation = completed_.pop_front()) { ended.push_back(*operation); }
  // Nothing of nal is left; handlers take what they own along, streams of ours among it.
  while (detail::Operation* operation = ended.pop_front()) { operation->discard(); }
  if (descriptor_) { descriptor_->release(); }
}

}  // namespace nal::with_asio
