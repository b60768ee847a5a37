#pragma once
#include "nal/any_handle.hpp"
#include "nal/tcp.hpp"

namespace nal {

namespace detail {
struct AnyTcpStreamTable {
  using Bytes = Poll<Result<std::size_t>>;
  AnyTable base;
  Bytes (*read)(void*, Context&, Waiter&, std::span<std::byte>) noexcept;
  Bytes (*write)(void*, Context&, Waiter&, std::span<const std::byte>) noexcept;
  Bytes (*write_gather)(void*, Context&, Waiter&, ConstBuffers) noexcept;
  Poll<Result<>> (*flush)(void*, Context&, Waiter&) noexcept;
  Poll<Result<>> (*shutdown)(void*, Context&, Waiter&) noexcept;
  Poll<Result<>> (*connected)(void*, Context&, Waiter&) noexcept;
  void (*abort)(void*) noexcept;
  Result<> (*configure)(void*, const TcpOptions&) noexcept;
  Endpoint (*local)(void*) noexcept;
  Endpoint (*remote)(void*) noexcept;
};

template <class S>
Poll<Result<std::size_t>> any_write_gather(void* self, Context& context, Waiter& waiter, ConstBuffers pieces) noexcept {
  auto& stream = *static_cast<S*>(self);
  if constexpr (GatherWriter<S>) {
    return stream.poll_write_gather(context, waiter, pieces);
  } else {
    for (const auto piece : pieces) {
      if (!piece.empty()) { return stream.poll_write(context, waiter, piece); }
    }
    return std::size_t{0};
  }
}

template <class S>
inline constexpr AnyTcpStreamTable kAnyTcpStream{
    .base = {&any_relocate<S>, &any_destroy<S>},
    .read = [](void* self, Context& c, Waiter& w,
               std::span<std::byte> b) noexcept { return static_cast<S*>(self)->poll_read(c, w, b); },
    .write = [](void* self, Context& c, Waiter& w,
                std::span<const std::byte> b) noexcept { return static_cast<S*>(self)->poll_write(c, w, b); },
    .write_gather = &any_write_gather<S>,
    .flush = [](void* self, Context& c, Waiter& w) noexcept { return static_cast<S*>(self)->poll_flush(c, w); },
    .shutdown = [](void* self, Context& c, Waiter& w) noexcept { return static_cast<S*>(self)->poll_shutdown(c, w); },
    .connected = [](void* self, Context& c, Waiter& w) noexcept { return static_cast<S*>(self)->poll_connected(c, w); },
    .abort = [](void* self) noexcept { static_cast<S*>(self)->abort(); },
    .configure = [](void* self, const TcpOptions& o) noexcept { return static_cast<S*>(self)->configure(o); },
    .local = [](void* self) noexcept { return static_cast<const S*>(self)->local_endpoint(); },
    .remote = [](void* self) noexcept { return static_cast<const S*>(self)->remote_endpoint(); },
};
}  // namespace detail

/// Any stack's TCP stream, for code that is compiled once: four words, no heap, one indirect call an operation. A model
/// of `TcpStream` and `GatherWriter`. A moved-from one answers `Error::closed`.
class AnyTcpStream : detail::AnyHandle<detail::AnyTcpStreamTable> {
 public:
  template <class S>
    requires(!std::same_as<S, AnyTcpStream> && TcpStream<S>)
  explicit AnyTcpStream(S stream) noexcept : AnyHandle(std::move(stream), detail::kAnyTcpStream<S>) {}

  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->read(self(), context, waiter, buffer);
  }
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->write(self(), context, waiter, data);
  }
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->write_gather(self(), context, waiter, pieces);
  }
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->flush(self(), context, waiter);
  }
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->shutdown(self(), context, waiter);
  }
  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->connected(self(), context, waiter);
  }
  void abort() noexcept {
    if (table()) { table()->abort(self()); }
  }
  Result<> configure(const TcpOptions& options) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->configure(self(), options);
  }
  Endpoint local_endpoint() const noexcept { return table() ? table()->local(self()) : Endpoint(); }
  Endpoint remote_endpoint() const noexcept { return table() ? table()->remote(self()) : Endpoint(); }
};
static_assert(TcpStream<AnyTcpStream> && GatherWriter<AnyTcpStream>);

namespace detail {
struct AnyTcpListenerTable {
  AnyTable base;
  Poll<Result<AnyTcpStream>> (*accept)(void*, Context&, Waiter&) noexcept;
  Endpoint (*local)(void*) noexcept;
};
template <class L>
inline constexpr AnyTcpListenerTable kAnyTcpListener{
    .base = {&any_relocate<L>, &any_destroy<L>},
    .accept = [](void* self, Context& c, Waiter& w) noexcept -> Poll<Result<AnyTcpStream>> {
      auto accepted = static_cast<L*>(self)->poll_accept(c, w);
      if (!accepted.ready()) { return pending; }
      if (!*accepted) { return Unexpected(accepted->error()); }
      return AnyTcpStream(**std::move(accepted));
    },
    .local = [](void* self) noexcept { return static_cast<const L*>(self)->local_endpoint(); },
};
}  // namespace detail

/// Any stack's listener; a model of `TcpListener`.
class AnyTcpListener : detail::AnyHandle<detail::AnyTcpListenerTable> {
 public:
  using TcpStream = AnyTcpStream;
  template <class L>
    requires(!std::same_as<L, AnyTcpListener> && TcpListener<L>)
  explicit AnyTcpListener(L listener) noexcept : AnyHandle(std::move(listener), detail::kAnyTcpListener<L>) {}

  Poll<Result<AnyTcpStream>> poll_accept(Context& context, Waiter& waiter) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->accept(self(), context, waiter);
  }
  Endpoint local_endpoint() const noexcept { return table() ? table()->local(self()) : Endpoint(); }
};
static_assert(TcpListener<AnyTcpListener>);

}  // namespace nal
