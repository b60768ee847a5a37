#include "backends/embedded/tcp/handles.hpp"

#include <algorithm>

#include "backends/embedded/tcp/steps.hpp"

namespace nal::embedded {

namespace {

bool connecting(const Connection& c) noexcept {
  return c.state == TcpState::syn_sent || c.state == TcpState::syn_received;
}

Endpoint endpoint(const Address& address, std::uint16_t port, std::uint32_t interface) noexcept {
  return {address.to_ip(interface), port};
}

}  // namespace

inline Connection* TcpStream::find() const noexcept {
  if (!tcp_) { return nullptr; }
  Connection& c = tcp_->memory_.connections[slot_];
  return c.generation == generation_ ? &c : nullptr;
}

void TcpStream::drop() noexcept {
  Connection* const c = find();
  if (c) { tcp_->drop(*c); }
  tcp_ = nullptr;
}

void TcpStream::abort() noexcept {
  Connection* const c = find();
  if (c) { tcp_->abort(*c); }
  tcp_ = nullptr;
}

Poll<Result<>> TcpStream::poll_connected(Context& context, Waiter& waiter) noexcept {
  Connection* const c = find();
  if (!c) { return Unexpected(Error::closed); }
  if (c->state == TcpState::closed && c->error != Error{}) { return Unexpected(c->error); }
  if (!connecting(*c)) { return Result<>(); }
  c->writable.add(context, waiter, Wait::connected);
  return pending;
}

Poll<Result<std::span<const std::byte>>> TcpStream::poll_fill(Context& context, Waiter& waiter) noexcept {
  using Bytes = Result<std::span<const std::byte>>;
  Connection* const c = find();
  if (!c) { return Unexpected(Error::closed); }
  if (c->rx_unread != 0) { return Bytes(std::span<const std::byte>(c->rx.piece(0, c->rx_unread))); }
  if (c->fin_received) { return Bytes(std::span<const std::byte>()); }
  if (c->state == TcpState::closed) { return Unexpected(c->error == Error{} ? Error::not_connected : c->error); }
  c->readable.add(context, waiter, Wait::readable);
  return pending;
}

inline void TcpStream::take(Connection& c, std::uint32_t n) noexcept {
  c.rx.consume(n);
  c.rx_unread -= n;
  // Nothing is anywhere in it: what comes next lies in one piece.
  if (c.rx_unread == 0 && c.early.empty()) { c.rx.rewind(); }
  tcp_->after_read(c);
}

void TcpStream::consume(std::size_t n) noexcept {
  if (n == 0) { return; }
  Connection* const c = find();
  NAL_ASSERT(c && n <= c->rx_unread);
  take(*c, static_cast<std::uint32_t>(n));
}

Poll<Result<std::size_t>> TcpStream::poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  Connection* const c = find();
  if (!c) { return Unexpected(Error::closed); }
  if (buffer.empty()) { return std::size_t{0}; }
  if (c->rx_unread == 0) {
    // The end, an error, or nothing yet.
    auto filled = poll_fill(context, waiter);
    if (!filled.ready()) { return pending; }
    if (!*filled) { return Unexpected(filled->error()); }
    return std::size_t{0};
  }
  const std::size_t size = std::min<std::size_t>(buffer.size(), c->rx_unread);
  c->rx.get(buffer.first(size));
  take(*c, static_cast<std::uint32_t>(size));
  return size;
}

/// Null while there is nothing to do but wait.
Result<Connection*> TcpStream::writable() const noexcept {
  Connection* const c = find();
  if (!c) { return Unexpected(Error::closed); }
  if (c->fin_queued) { return Unexpected(Error::broken_pipe); }
  if (c->state == TcpState::closed) { return Unexpected(c->error == Error{} ? Error::broken_pipe : c->error); }
  return c;
}

Poll<Result<std::span<std::byte>>> TcpStream::poll_reserve(Context& context, Waiter& waiter) noexcept {
  NAL_TRY_SET(Connection* const c, writable());
  const std::uint32_t room = c->tx.size() - c->tx_size;
  if (connecting(*c) || room == 0) {
    c->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  return Result<std::span<std::byte>>(c->tx.piece(c->tx_size, room));
}

void TcpStream::commit(std::size_t n) noexcept {
  if (n == 0) { return; }
  Connection* const c = find();
  NAL_ASSERT(c && !c->fin_queued && n <= c->tx.size() - c->tx_size);
  c->tx_size += static_cast<std::uint32_t>(n);
  tcp_->kick(*c);
}

Poll<Result<std::size_t>> TcpStream::poll_write(Context& context, Waiter& waiter,
                                                std::span<const std::byte> data) noexcept {
  if constexpr (features::kFastPaths) {
    Connection* const c = find();
    if (c && c->state == TcpState::established && !data.empty() && c->tx_size < c->tx.size()) {
      const std::size_t size = std::min<std::size_t>(data.size(), c->tx.size() - c->tx_size);
      c->tx.put(c->tx_size, data.first(size));
      c->tx_size += static_cast<std::uint32_t>(size);
      tcp_->written(*c, context.now());
      return size;
    }
  }
  return poll_write_gather(context, waiter, ConstBuffers(&data, 1));
}

Poll<Result<std::size_t>> TcpStream::poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept {
  NAL_TRY_SET(Connection* const c, writable());
  std::size_t taken = 0;
  bool full = connecting(*c);
  for (auto piece = pieces.begin(); piece != pieces.end() && !full; ++piece) {
    const std::size_t size = std::min<std::size_t>(piece->size(), c->tx.size() - c->tx_size);
    full = size < piece->size();
    if (size == 0) { continue; }
    c->tx.put(c->tx_size, piece->first(size));
    c->tx_size += static_cast<std::uint32_t>(size);
    taken += size;
  }
  if (taken != 0) {
    tcp_->written(*c, context.now());
  } else if (full && std::ranges::any_of(pieces, [](const auto& piece) { return !piece.empty(); })) {
    c->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  return taken;
}

Poll<Result<>> TcpStream::poll_flush(Context& context, Waiter& waiter) noexcept {
  static_cast<void>(context), static_cast<void>(waiter);
  Connection* const c = find();
  if (!c) { return Unexpected(Error::closed); }
  if (c->state == TcpState::closed && c->error != Error{}) { return Unexpected(c->error); }
  return Result<>();
}

Poll<Result<>> TcpStream::poll_shutdown(Context& context, Waiter& waiter) noexcept {
  Connection* const c = find();
  if (!c) { return Unexpected(Error::closed); }
  if (c->state == TcpState::closed && c->error != Error{}) { return Unexpected(c->error); }
  if (connecting(*c)) {
    c->writable.add(context, waiter, Wait::connected);
    return pending;
  }
  if (c->fin_queued || c->state == TcpState::closed) { return Result<>(); }
  c->fin_queued = true;
  c->state = c->state == TcpState::close_wait ? TcpState::last_ack : TcpState::fin_wait_1;
  // Whoever waits to write learns that there will be no room.
  c->writable.wake_all();
  tcp_->kick(*c);
  return Result<>();
}

Result<> TcpStream::configure(const TcpOptions& options) noexcept {
  Connection* const c = find();
  if (!c) { return Unexpected(Error::closed); }
  if (options.hop_limit == std::uint8_t{0}) { return Unexpected(Error::invalid_argument); }
  tcp_->configure(*c, options);
  if (c->state != TcpState::closed) {
    // A timer may have become due sooner, and what Nagle's algorithm held back may go.
    tcp_->schedule(*c);
    tcp_->kick(*c);
  }
  return {};
}

Endpoint TcpStream::local_endpoint() const noexcept {
  const Connection* const c = find();
  return c ? endpoint(c->key.local, c->key.local_port, c->key.interface) : Endpoint{};
}

Endpoint TcpStream::remote_endpoint() const noexcept {
  const Connection* const c = find();
  return c ? endpoint(c->key.remote, c->key.remote_port, c->key.interface) : Endpoint{};
}

ListenerEntry* TcpListener::find() const noexcept {
  if (!tcp_) { return nullptr; }
  ListenerEntry& listener = tcp_->memory_.listeners[slot_];
  return listener.generation == generation_ ? &listener : nullptr;
}

void TcpListener::drop() noexcept {
  ListenerEntry* const listener = find();
  if (listener) { tcp_->drop(*listener); }
  tcp_ = nullptr;
}

Poll<Result<TcpStream>> TcpListener::poll_accept(Context& context, Waiter& waiter) noexcept {
  ListenerEntry* const listener = find();
  if (!listener) { return Unexpected(Error::closed); }
  if (listener->first == kNoFlow) {
    listener->acceptable.add(context, waiter, Wait::acceptable);
    return pending;
  }
  Connection& c = tcp_->memory_.connections[listener->first];
  tcp_->leave_backlog(c);
  c.owner = TcpOwner::handle;
  return TcpStream(*tcp_, tcp_->index_of(c), c.generation);
}

Endpoint TcpListener::local_endpoint() const noexcept {
  const ListenerEntry* const listener = find();
  if (!listener) { return {}; }
  if (listener->any) { return {IpAddress::unspecified(listener->family), listener->port}; }
  return endpoint(listener->local, listener->port, listener->interface);
}

}  // namespace nal::embedded
