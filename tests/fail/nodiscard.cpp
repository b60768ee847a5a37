// fails RESULT: an unread Result is a swallowed error
// fails TASK: a task does nothing until it is awaited
// fails OPERATION: await it
// fails POLL: ask ready
// g++ 12 lets this pass.
// fails(clang) AWAITED_RESULT: an unread Result is a swallowed error
#include "nal/tcp.hpp"
#include "tests/fail/models.hpp"

nal::Task<> task();

void ignore(model::Stream& stream, nal::Context& context, nal::Waiter& waiter, std::span<std::byte> buffer) {
#if defined(RESULT)
  stream.configure({});
#elif defined(TASK)
  task();
#elif defined(OPERATION)
  nal::read(stream, buffer);
#elif defined(POLL)
  stream.poll_read(context, waiter, buffer);
#else
  static_cast<void>(stream.configure({}));
  static_cast<void>(task());
  static_cast<void>(nal::read(stream, buffer));
  static_cast<void>(stream.poll_read(context, waiter, buffer));
#endif
}

nal::Task<> write_it(model::Stream& stream, std::span<const std::byte> data) {
#ifdef AWAITED_RESULT
  co_await nal::write_all(stream, data);
#else
  NAL_CO_TRY(nal::write_all(stream, data));
#endif
  co_return nal::Result<>();
}
