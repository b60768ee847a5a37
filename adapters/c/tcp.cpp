#include <array>

#include "adapters/c/call.hpp"
#include "nal/happy_eyeballs.hpp"

namespace nal::c {

namespace {

using Stream = Held<nal_tcp, AnyTcpStream>;
using Listener = Held<nal_tcp_listener, AnyTcpListener>;
using Count = Poll<Result<std::size_t>>;

/// Has a future that gives a stream fill a closed handle.
template <class F>
int fill_when_ready(nal_loop& loop, nal_tcp& handle, const void* target, nal_deadline deadline, F future) noexcept {
  return static_cast<int>(
      wait_for(loop, target, deadline,
               [&loop, &handle, future = std::move(future)](Context& context, Waiter&) mutable noexcept -> Count {
                 if (Stream::in(handle)) { return Unexpected(Error::invalid_argument); }
                 auto made = future.poll(context);
                 if (!made.ready()) { return pending; }
                 if (!*made) { return Unexpected((*made).error()); }
                 Stream::put(loop, handle, *std::move(*made));
                 return std::size_t{0};
               }));
}

/// Polls `step` until `done` of `size` bytes have gone through it.
template <class F>
Count whole(std::size_t& done, std::size_t size, F step) noexcept {
  while (done < size) {
    auto some = step();
    if (!some.ready()) { return pending; }
    if (!*some) { return Unexpected((*some).error()); }
    if (**some == 0) { return Unexpected(Error::end_of_stream); }
    done += **some;
  }
  return std::size_t{0};
}

// Pieces are handed to the stack so many at a time; a caller goes on with the rest.
constexpr std::size_t kPieces = 8;

Count write_pieces(AnyTcpStream& stream, Context& context, Waiter& waiter, const nal_piece* pieces,
                   std::size_t count) noexcept {
  std::array<std::span<const std::byte>, kPieces> spans;
  std::size_t used = 0;
  std::size_t room = kMostBytes;
  for (std::size_t i = 0; i < count && used < kPieces; ++i) {
    if (pieces[i].size == 0) { continue; }
    spans[used] = bytes(pieces[i].data, std::min(pieces[i].size, room));
    room -= spans[used].size();
    ++used;
  }
  if (used == 0) { return std::size_t{0}; }
  return stream.poll_write_gather(context, waiter, ConstBuffers(spans.data(), used));
}

}  // namespace

void adopt(nal_loop& loop, nal_tcp& handle, AnyTcpStream stream) noexcept {
  NAL_ASSERT(loop.here() && !Stream::in(handle));
  Stream::put(loop, handle, std::move(stream));
}

}  // namespace nal::c

using namespace nal::c;
using nal::AnyTcpListener;
using nal::AnyTcpStream;
using nal::Context;
using nal::Waiter;

extern "C" {

int nal_tcp_connect(nal_loop* loop, nal_tcp* stream, const nal_endpoint* remote, const nal_tcp_options* options,
                    nal_deadline deadline) {
  if (!loop || !stream || !remote) { return NAL_INVALID_ARGUMENT; }
  const auto endpoint = from_c(*remote);
  if (!endpoint) { return NAL_INVALID_ARGUMENT; }
  return fill_when_ready(*loop, *stream, stream, deadline, nal::connect(loop->stack(), *endpoint, from_c(options)));
}

int nal_tcp_connect_name(nal_loop* loop, nal_tcp* stream, const char* name, uint16_t port,
                         const nal_tcp_options* options, nal_deadline deadline) {
  if (!loop || !stream || !name) { return NAL_INVALID_ARGUMENT; }
  return fill_when_ready(*loop, *stream, stream, deadline,
                         nal::connect(loop->stack(), view(name), port, from_c(options)));
}

int nal_tcp_listen(nal_loop* loop, nal_tcp_listener* listener, const nal_endpoint* local, uint16_t backlog,
                   const nal_tcp_options* accepted) {
  if (!loop || !listener || !local) { return NAL_INVALID_ARGUMENT; }
  const auto endpoint = from_c(*local);
  if (!endpoint) { return NAL_INVALID_ARGUMENT; }
  nal::ListenOptions options;
  if (backlog != 0) { options.backlog = backlog; }
  options.accepted = from_c(accepted);
  return static_cast<int>(
      fill<AnyTcpListener>(*loop, *listener, [&]() noexcept { return loop->stack().listen(*endpoint, options); }));
}

int nal_tcp_accept(nal_tcp_listener* listener, nal_tcp* stream, nal_deadline deadline) {
  if (!stream) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(
      wait_on<AnyTcpListener>(listener, deadline,
                              [listener, stream](AnyTcpListener& held, Context& context,
                                                 Waiter& waiter) noexcept -> nal::Poll<nal::Result<std::size_t>> {
                                if (Stream::in(*stream)) { return nal::Unexpected(nal::Error::invalid_argument); }
                                auto accepted = held.poll_accept(context, waiter);
                                if (!accepted.ready()) { return nal::pending; }
                                if (!*accepted) { return nal::Unexpected((*accepted).error()); }
                                Stream::put(*listener->loop_, *stream, *std::move(*accepted));
                                return std::size_t{0};
                              }));
}

int nal_tcp_listener_local(nal_tcp_listener* listener, nal_endpoint* out) {
  if (!out) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(do_on<AnyTcpListener>(listener, [out](AnyTcpListener& held) noexcept {
    *out = to_c(held.local_endpoint());
    return nal::Result<std::size_t>(0);
  }));
}

int nal_tcp_listener_close(nal_tcp_listener* listener) {
  return static_cast<int>(do_on<AnyTcpListener>(
      listener,
      [listener](AnyTcpListener&) noexcept {
        const AnyTcpListener closed = Listener::take(*listener);
        return nal::Result<std::size_t>(0);
      },
      Kind::closes));
}

nal_count nal_tcp_read(nal_tcp* stream, void* buffer, size_t size, nal_deadline deadline) {
  if (!buffer && size != 0) { return NAL_INVALID_ARGUMENT; }
  return wait_on<AnyTcpStream>(stream, deadline,
                               [buffer, size](AnyTcpStream& held, Context& context, Waiter& waiter) noexcept {
                                 return held.poll_read(context, waiter, bytes(buffer, size));
                               });
}

int nal_tcp_read_exact(nal_tcp* stream, void* buffer, size_t size, size_t* got, nal_deadline deadline) {
  std::size_t done = 0;
  nal_count result = NAL_INVALID_ARGUMENT;
  if (buffer || size == 0) {
    result = wait_on<AnyTcpStream>(
        stream, deadline, [buffer, size, &done](AnyTcpStream& held, Context& context, Waiter& waiter) noexcept {
          return whole(done, size, [&]() noexcept {
            return held.poll_read(context, waiter, bytes(static_cast<std::byte*>(buffer) + done, size - done));
          });
        });
  }
  if (got) { *got = done; }
  return static_cast<int>(result);
}

nal_count nal_tcp_write(nal_tcp* stream, const void* data, size_t size, nal_deadline deadline) {
  if (!data && size != 0) { return NAL_INVALID_ARGUMENT; }
  return wait_on<AnyTcpStream>(stream, deadline,
                               [data, size](AnyTcpStream& held, Context& context, Waiter& waiter) noexcept {
                                 return held.poll_write(context, waiter, bytes(data, size));
                               });
}

int nal_tcp_write_all(nal_tcp* stream, const void* data, size_t size, size_t* written, nal_deadline deadline) {
  std::size_t done = 0;
  nal_count result = NAL_INVALID_ARGUMENT;
  if (data || size == 0) {
    result = wait_on<AnyTcpStream>(
        stream, deadline, [data, size, &done](AnyTcpStream& held, Context& context, Waiter& waiter) noexcept {
          return whole(done, size, [&]() noexcept {
            return held.poll_write(context, waiter, bytes(static_cast<const std::byte*>(data) + done, size - done));
          });
        });
  }
  if (written) { *written = done; }
  return static_cast<int>(result);
}

nal_count nal_tcp_write_pieces(nal_tcp* stream, const nal_piece* pieces, size_t count, nal_deadline deadline) {
  if (!pieces && count != 0) { return NAL_INVALID_ARGUMENT; }
  for (std::size_t i = 0; i < count; ++i) {
    if (!pieces[i].data && pieces[i].size != 0) { return NAL_INVALID_ARGUMENT; }
  }
  return wait_on<AnyTcpStream>(stream, deadline,
                               [pieces, count](AnyTcpStream& held, Context& context, Waiter& waiter) noexcept {
                                 return write_pieces(held, context, waiter, pieces, count);
                               });
}

int nal_tcp_flush(nal_tcp* stream, nal_deadline deadline) {
  return static_cast<int>(
      wait_on<AnyTcpStream>(stream, deadline, [](AnyTcpStream& held, Context& context, Waiter& waiter) noexcept {
        return without_count(held.poll_flush(context, waiter));
      }));
}

int nal_tcp_shutdown(nal_tcp* stream, nal_deadline deadline) {
  return static_cast<int>(
      wait_on<AnyTcpStream>(stream, deadline, [](AnyTcpStream& held, Context& context, Waiter& waiter) noexcept {
        return without_count(held.poll_shutdown(context, waiter));
      }));
}

int nal_tcp_close(nal_tcp* stream, nal_deadline deadline) {
  if (!stream || !stream->loop_) { return stream ? NAL_CLOSED : NAL_INVALID_ARGUMENT; }
  nal_loop& loop = *stream->loop_;
  std::optional<nal::Close<AnyTcpStream>> closing;
  const nal_count closed =
      wait_for(loop, stream, deadline,
               [stream, closing = std::move(closing)](Context& context,
                                                      Waiter&) mutable noexcept -> nal::Poll<nal::Result<std::size_t>> {
                 if (!closing) {
                   if (!Stream::in(*stream)) { return nal::Unexpected(nal::Error::closed); }
                   closing.emplace(Stream::take(*stream));
                 }
                 return without_count(closing->poll(context));
               });
  // A call that was refused has not got that far.
  if (closed == NAL_CANCELLED || closed == NAL_INVALID_ARGUMENT) { nal_tcp_abort(stream); }
  return static_cast<int>(closed);
}

int nal_tcp_drop(nal_tcp* stream) {
  return static_cast<int>(do_on<AnyTcpStream>(
      stream,
      [stream](AnyTcpStream&) noexcept {
        const AnyTcpStream dropped = Stream::take(*stream);
        return nal::Result<std::size_t>(0);
      },
      Kind::closes));
}

int nal_tcp_abort(nal_tcp* stream) {
  return static_cast<int>(do_on<AnyTcpStream>(
      stream,
      [stream](AnyTcpStream&) noexcept {
        Stream::take(*stream).abort();
        return nal::Result<std::size_t>(0);
      },
      Kind::closes));
}

int nal_tcp_configure(nal_tcp* stream, const nal_tcp_options* options) {
  if (!options) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(do_on<AnyTcpStream>(
      stream, [options](AnyTcpStream& held) noexcept { return without_count(held.configure(from_c(options))); }));
}

int nal_tcp_local(nal_tcp* stream, nal_endpoint* out) {
  if (!out) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(do_on<AnyTcpStream>(stream, [out](AnyTcpStream& held) noexcept {
    *out = to_c(held.local_endpoint());
    return nal::Result<std::size_t>(0);
  }));
}

int nal_tcp_remote(nal_tcp* stream, nal_endpoint* out) {
  if (!out) { return NAL_INVALID_ARGUMENT; }
  return static_cast<int>(do_on<AnyTcpStream>(stream, [out](AnyTcpStream& held) noexcept {
    *out = to_c(held.remote_endpoint());
    return nal::Result<std::size_t>(0);
  }));
}

}  // extern "C"
