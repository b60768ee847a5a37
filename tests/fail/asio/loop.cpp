// clang-format off: a pattern is a line
// fails PLATFORM_NOBODY_CAN_WAIT_FOR: no matching function|constraint & DescriptorPlatform
// fails SPAWN_OF_NO_TASK: no matching function .*spawn & is_task
// fails SPAWN_OF_A_MADE_TASK: no matching function .*spawn|no type named .type. in & is_task|invoke_result
// fails BORROWED_BUFFER: may be dropped while Asio still uses its buffers: use nal::with_asio::own
// fails SOCKET_COPIED: deleted|use of & Socket
// clang-format on
#include "adapters/asio/await.hpp"
#include "adapters/asio/socket.hpp"
#include "adapters/asio/spawn.hpp"

using nal::with_asio::Loop;

struct Bare : nal::Platform {
  nal::Instant now() noexcept override { return {}; }
  void poll(nal::Executor&, nal::Instant) noexcept override {}
  void wake() noexcept override {}
};

nal::Task<> job();

void use(asio::io_context& context, Loop& loop, Bare& bare, asio::ip::tcp::socket& socket, char* room) {
  nal::with_asio::spawn(loop, job, [](const asio::error_code&) {});
  const auto wait = socket.async_wait(asio::ip::tcp::socket::wait_read, nal::with_asio::use_nal(loop));
#if defined(PLATFORM_NOBODY_CAN_WAIT_FOR)
  Loop other(context.get_executor(), bare);
#elif defined(SPAWN_OF_NO_TASK)
  nal::with_asio::spawn(
      loop, [] { return 1; }, [](const asio::error_code&) {});
#elif defined(SPAWN_OF_A_MADE_TASK)
  nal::with_asio::spawn(loop, job(), [](const asio::error_code&) {});
#elif defined(BORROWED_BUFFER)
  const auto read = socket.async_read_some(asio::buffer(room, 1), nal::with_asio::use_nal(loop));
#elif defined(SOCKET_COPIED)
  nal::with_asio::Socket one(loop, std::move(socket));
  nal::with_asio::Socket two(one);
#endif
  static_cast<void>(wait);
  static_cast<void>(context);
  static_cast<void>(bare);
  static_cast<void>(room);
}
