#include <lwip/sys.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/lwip/address.hpp"
#include "backends/lwip/error.hpp"
#include "backends/lwip/tcp.hpp"

namespace nal::lwip {

void TcpStream::drop() noexcept {
  if (!tcp_) { return; }
  const CoreLock lock;
  if (TcpSlot* const slot = find()) { tcp_->drop(*slot); }
  tcp_ = nullptr;
}

void TcpStream::abort() noexcept {
  if (!tcp_) { return; }
  const CoreLock lock;
  if (TcpSlot* const slot = find()) { tcp_->abort(*slot); }
  tcp_ = nullptr;
}

Poll<Result<>> TcpStream::poll_connected(Context& context, Waiter& waiter) noexcept {
  const CoreLock lock;
  TcpSlot* const slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->error != Error{}) { return Unexpected(slot->error); }
  if (!slot->connecting) { return Result<>(); }
  slot->writable.waiters.add(context, waiter, Wait::connected);
  return pending;
}

inline std::span<const std::byte> Tcp::front(const TcpSlot& slot) noexcept {
  const auto* const from = static_cast<const std::byte*>(slot.unread->payload) + slot.unread_from;
  return {from, std::size_t{slot.unread->len} - slot.unread_from};
}

/// Takes bytes off the first pbuf; no more than it has.
inline void Tcp::advance(TcpSlot& slot, std::size_t n) noexcept {
  pbuf* const first = slot.unread;
  slot.unread_from = static_cast<std::uint16_t>(slot.unread_from + n);
  if (slot.unread_from < first->len) { return; }
  slot.unread = std::exchange(first->next, nullptr);
  if (!slot.unread) { slot.unread_last = nullptr; }
  slot.unread_from = 0;
  first->tot_len = first->len;
  pbuf_free(first);
}

/// The window opens with what was read: that is the back-pressure.
inline void Tcp::open_window(TcpSlot& slot, std::size_t n) noexcept {
  for (; n > 0xffff && slot.pcb; n -= 0xffff) { tcp_recved(slot.pcb, 0xffff); }
  if (slot.pcb) { tcp_recved(slot.pcb, static_cast<u16_t>(n)); }
  instance_->tell_loop(slot);
}

/// What the slot, in which nothing stands, has to say instead: its end (0), or why nothing ever will.
[[gnu::noinline]] Poll<Result<std::size_t>> Tcp::nothing_to_read(TcpSlot* slot, Context& context,
                                                                 Waiter& waiter) noexcept {
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->ended) { return std::size_t{0}; }
  if (!slot->pcb) { return Unexpected(slot->error == Error{} ? Error::not_connected : slot->error); }
  slot->readable.waiters.add(context, waiter, Wait::readable);
  return pending;
}

Poll<Result<std::span<const std::byte>>> TcpStream::poll_fill(Context& context, Waiter& waiter) noexcept {
  using Bytes = std::span<const std::byte>;
  const CoreLock lock;
  TcpSlot* const slot = find();
  if (slot && slot->unread) { return Result<Bytes>(Tcp::front(*slot)); }
  auto end = Tcp::nothing_to_read(slot, context, waiter);
  if (!end.ready()) { return pending; }
  if (!*end) { return Unexpected(end->error()); }
  return Result<Bytes>(Bytes());
}

void TcpStream::consume(std::size_t n) noexcept {
  if (n == 0) { return; }
  const CoreLock lock;
  TcpSlot* const slot = find();
  NAL_ASSERT(slot && slot->unread && n <= Tcp::front(*slot).size());
  Tcp::advance(*slot, n);
  Tcp::open_window(*slot, n);
}

Poll<Result<std::size_t>> TcpStream::poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  const CoreLock lock;
  TcpSlot* const slot = find();
  if (!slot || !slot->unread) {
    if (slot && buffer.empty()) { return std::size_t{0}; }
    return Tcp::nothing_to_read(slot, context, waiter);
  }
  if (buffer.empty()) { return std::size_t{0}; }
  std::size_t size = 0;
  do {
    const std::span<const std::byte> front = Tcp::front(*slot);
    const std::size_t some = std::min(front.size(), buffer.size() - size);
    std::memcpy(buffer.data() + size, front.data(), some);
    Tcp::advance(*slot, some);
    size += some;
  } while (slot->unread && size < buffer.size());
  Tcp::open_window(*slot, size);
  return size;
}

/// Why it may not be written to; else the time has come, or will.
inline Error Tcp::why_not_writable(const TcpSlot* slot) noexcept {
  if (!slot) { return Error::closed; }
  if (slot->shut_down) { return Error::broken_pipe; }
  if (!slot->pcb) { return slot->error == Error{} ? Error::broken_pipe : slot->error; }
  return Error{};
}

/// How much lwIP took, which is to be told to send; 0 to wait.
inline Result<std::size_t> Tcp::write(TcpSlot& slot, std::span<const std::byte> data) noexcept {
  tcp_pcb* const pcb = slot.pcb;
  const std::size_t size = std::min<std::size_t>({data.size(), tcp_sndbuf(pcb), 0xffff});
  if (slot.connecting || size == 0) { return std::size_t{0}; }
  const err_t error = tcp_write(pcb, data.data(), static_cast<u16_t>(size), TCP_WRITE_FLAG_COPY);
  if (error == ERR_OK) { return size; }
  return write_less(*pcb, data.data(), size, error);
}

/// There may be room and still no memory: less may be had, or later.
Result<std::size_t> Tcp::write_less(tcp_pcb& pcb, const std::byte* data, std::size_t size, err_t error) noexcept {
  while (error == ERR_MEM) {
    size = size > tcp_mss(&pcb) ? tcp_mss(&pcb) : size / 4;
    if (size == 0) { return std::size_t{0}; }
    error = tcp_write(&pcb, data, static_cast<u16_t>(size), TCP_WRITE_FLAG_COPY);
  }
  if (error == ERR_OK) { return size; }
  return Unexpected(error == ERR_CONN ? Error::broken_pipe : from_lwip(error));
}

inline void Tcp::send(TcpSlot& slot) noexcept {
  tcp_output(slot.pcb);
  tell_loop(slot);
}

Poll<Result<std::size_t>> TcpStream::poll_write(Context& context, Waiter& waiter,
                                                std::span<const std::byte> data) noexcept {
  const CoreLock lock;
  TcpSlot* const slot = find();
  if (const Error error = Tcp::why_not_writable(slot); error != Error{}) { return Unexpected(error); }
  if (data.empty()) { return std::size_t{0}; }
  NAL_TRY_SET(const std::size_t taken, Tcp::write(*slot, data));
  if (taken == 0) {
    slot->writable.waiters.add(context, waiter, Wait::writable);
    return pending;
  }
  tcp_->send(*slot);
  return taken;
}

Poll<Result<std::size_t>> TcpStream::poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept {
  const CoreLock lock;
  TcpSlot* const slot = find();
  if (const Error error = Tcp::why_not_writable(slot); error != Error{}) { return Unexpected(error); }
  std::size_t taken = 0;
  for (const std::span<const std::byte> piece : pieces) {
    if (piece.empty()) { continue; }
    const auto some = Tcp::write(*slot, piece);
    if (!some && taken == 0) { return Unexpected(some.error()); }
    if (some && *some == 0 && taken == 0) {
      slot->writable.waiters.add(context, waiter, Wait::writable);
      return pending;
    }
    taken += some ? *some : 0;
    // What follows comes with the next call.
    if (!some || *some < piece.size()) { break; }
  }
  // All pieces in as few segments as they fit into.
  if (taken > 0) { tcp_->send(*slot); }
  return taken;
}

Poll<Result<>> TcpStream::poll_flush(Context& /*context*/, Waiter& /*waiter*/) noexcept {
  const CoreLock lock;
  TcpSlot* const slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->error != Error{}) { return Unexpected(slot->error); }
  return Result<>();
}

Poll<Result<>> TcpStream::poll_shutdown(Context& context, Waiter& waiter) noexcept {
  const CoreLock lock;
  TcpSlot* const slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->error != Error{}) { return Unexpected(slot->error); }
  if (slot->connecting) {
    slot->writable.waiters.add(context, waiter, Wait::connected);
    return pending;
  }
  if (slot->shut_down || !slot->pcb) { return Result<>(); }
  const err_t error = tcp_shutdown(slot->pcb, 0, 1);
  if (error != ERR_OK && error != ERR_CONN) { return Unexpected(from_lwip(error)); }
  slot->shut_down = true;
  tcp_->tell_loop(*slot);
  // Whoever waits to write learns that there will be no room.
  tcp_->core_.ring(slot->writable);
  return Result<>();
}

Result<> TcpStream::configure(const TcpOptions& options) noexcept {
  const CoreLock lock;
  TcpSlot* const slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  if (options.hop_limit == std::uint8_t{0}) { return Unexpected(Error::invalid_argument); }
  if (slot->pcb) {
    Tcp::apply(*slot, options);
    tcp_->send(*slot);
  }
  return {};
}

Endpoint TcpStream::local_endpoint() const noexcept {
  const CoreLock lock;
  const TcpSlot* const slot = find();
  return slot && slot->pcb ? from_lwip(slot->pcb->local_ip, slot->pcb->local_port) : Endpoint{};
}

Endpoint TcpStream::remote_endpoint() const noexcept {
  const CoreLock lock;
  const TcpSlot* const slot = find();
  return slot && slot->pcb ? from_lwip(slot->pcb->remote_ip, slot->pcb->remote_port) : Endpoint{};
}

}  // namespace nal::lwip
