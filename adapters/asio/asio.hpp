#pragma once
// Standalone Asio, from Debian 12's 1.22 on; of it what the adapter uses.

// Asio includes <netinet/tcp.h>, whose TCP_MSS is not the one that lwIP's headers mean.
#pragma push_macro("TCP_MSS")
#undef TCP_MSS
#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution/context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/ip/unicast.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/system_error.hpp>
#include <asio/version.hpp>
#pragma pop_macro("TCP_MSS")

#if ASIO_VERSION < 102200
#error "nal's adapter wants Asio 1.22 or later"
#endif
