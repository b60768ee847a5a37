#include "backends/lwip/tcp.hpp"

#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/lwip/address.hpp"
#include "backends/lwip/error.hpp"

namespace nal::lwip {

namespace {

/// Whether what goes there comes back by lwIP's loop.
bool is_own([[maybe_unused]] const ip_addr_t& address) noexcept {
#if LWIP_NETIF_LOOPBACK && !LWIP_NETIF_LOOPBACK_MULTITHREADING
  return ip_addr_isloopback(&address) || interface_with(address) != nullptr;
#else
  return false;
#endif
}

void note_progress(TcpSlot& slot) noexcept {
  if (slot.user_timeout != TcpSlot::kForever) { slot.progress = sys_now(); }
}

}  // namespace

Tcp* Tcp::instance_ = nullptr;

Tcp::Tcp(Core& core, std::span<TcpSlot> slots, std::span<ListenerSlot> listeners, Duration linger) noexcept
    : core_(core), slots_(slots), listeners_(listeners), linger_(linger) {
  NAL_ASSERT(!instance_ && slots.size() <= 0xffff);  // lwIP is one in a process
  instance_ = this;
  for (std::size_t i = slots.size(); i > 0; --i) {
    slots[i - 1].next = free_;
    free_ = &slots[i - 1];
  }
}

void Tcp::end_all() noexcept {
  for (ListenerSlot& listener : listeners_) {
    if (listener.pcb) { drop(listener); }
  }
  for (TcpSlot& slot : slots_) {
    if (slot.used) { abort(slot); }
  }
  // Those that are over and wait out their time: nobody of theirs is left to be mistaken for.
  while (tcp_tw_pcbs) { tcp_abort(tcp_tw_pcbs); }
}

TcpSlot* Tcp::take_slot() noexcept {
  if (!free_ && lingering_ != 0) {
    TcpSlot* oldest = nullptr;
    for (TcpSlot& slot : slots_) {
      if (slot.lingers && (!oldest || slot.deadline < oldest->deadline)) { oldest = &slot; }
    }
    abort(*oldest);
  }
  TcpSlot* const slot = free_;
  if (!slot) { return nullptr; }
  free_ = std::exchange(slot->next, nullptr);
  slot->used = true;
  ++in_use_;
  limit_backlogs();
  return slot;
}

void Tcp::attach(TcpSlot& slot, tcp_pcb& pcb) noexcept {
  slot.pcb = &pcb;
  tcp_arg(&pcb, &slot);
  tcp_recv(&pcb, &on_receive);
  tcp_sent(&pcb, &on_sent);
  tcp_err(&pcb, &on_error);
  // Every half second: what failed for want of memory is tried again.
  tcp_poll(&pcb, &on_poll, 1);
}

void Tcp::detach(TcpSlot& slot) noexcept {
  tcp_pcb* const pcb = std::exchange(slot.pcb, nullptr);
  if (!pcb) { return; }
  tcp_arg(pcb, nullptr);
  tcp_recv(pcb, nullptr);
  tcp_sent(pcb, nullptr);
  tcp_err(pcb, nullptr);
  tcp_poll(pcb, nullptr, 0);
}

void Tcp::free_unread(TcpSlot& slot) noexcept {
  while (pbuf* const first = slot.unread) {
    slot.unread = std::exchange(first->next, nullptr);
    first->tot_len = first->len;
    pbuf_free(first);
  }
  slot.unread_last = nullptr;
  slot.unread_from = 0;
}

void Tcp::leave_backlog(TcpSlot& slot) noexcept {
  ListenerSlot* const listener = std::exchange(slot.listener, nullptr);
  if (!listener) { return; }
  TcpSlot* before = nullptr;
  for (TcpSlot* at = listener->first; at != &slot; at = at->next) { before = at; }
  (before ? before->next : listener->first) = slot.next;
  if (listener->last == &slot) { listener->last = before; }
  slot.next = nullptr;
  --listener->waiting;
}

/// The slot is free again. lwIP knows it no more.
void Tcp::release(TcpSlot& slot) noexcept {
  NAL_ASSERT(!slot.pcb);
  leave_backlog(slot);
  free_unread(slot);
  if (slot.lingers) { --lingering_; }
  ++slot.generation;
  slot.deadline = Instant::max();
  slot.user_timeout = TcpSlot::kForever;
  slot.error = {};
  slot.used = slot.connecting = slot.ended = slot.shut_down = slot.lingers = slot.looped = false;
  core_.ring(slot.readable);
  core_.ring(slot.writable);
  slot.next = std::exchange(free_, &slot);
  --in_use_;
  limit_backlogs();
}

/// Has lwIP leave a SYN unanswered for which there would be no slot: its sender tries again. Once the handshake is done
/// nothing is left but to reset it.
void Tcp::limit_backlogs() noexcept {
  if (listeners_in_use_ == 0) { return; }
  std::size_t room = slots_.size() - in_use_ + lingering_;
  const auto half_open = [](const ListenerSlot& listener) {
    const unsigned pending = reinterpret_cast<const tcp_pcb_listen*>(listener.pcb)->accepts_pending;
    return pending > listener.waiting ? pending - listener.waiting : 0;
  };
  for (const ListenerSlot& listener : listeners_) {
    if (listener.pcb) { room -= std::min<std::size_t>(room, half_open(listener)); }
  }
  for (ListenerSlot& listener : listeners_) {
    if (!listener.pcb) { continue; }
    const std::size_t possible = listener.waiting + half_open(listener) + room;
    reinterpret_cast<tcp_pcb_listen*>(listener.pcb)->backlog =
        static_cast<u8_t>(std::min<std::size_t>(listener.backlog, possible));
  }
}

/// lwIP has ended the connection, or we have: its handle is left to say why. Without a handle nothing is left.
void Tcp::end(TcpSlot& slot, Error error) noexcept {
  NAL_ASSERT(!slot.pcb);
  if (slot.lingers || slot.listener) {
    release(slot);
    return;
  }
  slot.error = error;
  slot.connecting = false;
  core_.ring(slot.readable);
  core_.ring(slot.writable);
}

void Tcp::abort(TcpSlot& slot) noexcept {
  tcp_pcb* const pcb = slot.pcb;
  // First, for `tcp_abort` calls `on_error`.
  detach(slot);
  if (pcb) { tcp_abort(pcb); }
  release(slot);
}

void Tcp::drop(TcpSlot& slot) noexcept {
  if (!slot.pcb) {
    release(slot);
    return;
  }
  if (slot.connecting || slot.unread || slot.pcb->refused_data) {
    abort(slot);
    return;
  }
  slot.lingers = true;
  ++lingering_;
  ++slot.generation;
  slot.deadline = core_.now() + linger_;
  // Not `tcp_close`, after which nobody tells that it is over. It gives way to whoever needs a pcb.
  tcp_setprio(slot.pcb, TCP_PRIO_MIN);
  if (!slot.shut_down && tcp_shutdown(slot.pcb, 0, 1) != ERR_OK) {
    abort(slot);
    return;
  }
  slot.shut_down = true;
  core_.kick();
}

/// The peer has ended its direction; where this side has, too, lwIP sees to the rest, tells nothing more of it (not
/// even in CLOSING, when the last acknowledgement comes), and frees the pcb when it likes.
void Tcp::after_peers_end(TcpSlot& slot) noexcept {
  if (slot.pcb->state != CLOSING && slot.pcb->state != TIME_WAIT) { return; }
  detach(slot);
  end(slot, Error{});
}

Instant Tcp::poll_lingering(Instant now) noexcept {
  Instant next = Instant::max();
  for (TcpSlot& slot : slots_) {
    if (!slot.lingers) { continue; }
    if (slot.deadline <= now) {
      abort(slot);
    } else {
      next = std::min(next, slot.deadline);
    }
  }
  return next;
}

void Tcp::push() noexcept {
  for (TcpSlot& slot : slots_) {
    if (slot.pcb && slot.pcb->unsent) { tcp_output(slot.pcb); }
  }
}

err_t Tcp::on_connected(void* argument, tcp_pcb* /*pcb*/, err_t /*error: never one*/) noexcept {
  TcpSlot& slot = *static_cast<TcpSlot*>(argument);
  slot.connecting = false;
  note_progress(slot);
  instance_->core_.ring(slot.writable);
  return ERR_OK;
}

err_t Tcp::on_receive(void* argument, tcp_pcb* pcb, pbuf* data, err_t /*error*/) noexcept {
  TcpSlot& slot = *static_cast<TcpSlot*>(argument);
  Tcp& tcp = *instance_;
  if (!data) {
    slot.ended = true;
    tcp.core_.ring(slot.readable);
    tcp.after_peers_end(slot);
    return ERR_OK;
  }
  if (slot.lingers) {
    // Nobody will read it, and the peer is told so.
    pbuf_free(data);
    tcp.detach(slot);
    tcp_abort(pcb);
    tcp.release(slot);
    return ERR_ABRT;
  }
  pbuf* last = data;
  while (last->next) { last = last->next; }
  (slot.unread ? slot.unread_last->next : slot.unread) = data;
  slot.unread_last = last;
  tcp.core_.ring(slot.readable);
  return ERR_OK;
}

err_t Tcp::on_sent(void* argument, tcp_pcb* /*pcb*/, u16_t /*size*/) noexcept {
  TcpSlot& slot = *static_cast<TcpSlot*>(argument);
  note_progress(slot);
  instance_->core_.ring(slot.writable);
  return ERR_OK;
}

err_t Tcp::on_poll(void* argument, tcp_pcb* pcb) noexcept {
  TcpSlot& slot = *static_cast<TcpSlot*>(argument);
  Tcp& tcp = *instance_;
  if (!pcb->unacked && !pcb->unsent) { note_progress(slot); }
  if (slot.user_timeout != TcpSlot::kForever && sys_now() - slot.progress >= slot.user_timeout) {
    tcp.detach(slot);
    tcp_abort(pcb);
    tcp.end(slot, Error::timed_out);
    return ERR_ABRT;
  }
  tcp.core_.ring(slot.writable);
  return ERR_OK;
}

void Tcp::on_error(void* argument, err_t error) noexcept {
  TcpSlot& slot = *static_cast<TcpSlot*>(argument);
  // The pcb is gone already.
  slot.pcb = nullptr;
  instance_->end(slot, connection_error(error, slot.connecting));
}

err_t Tcp::on_accept(void* argument, tcp_pcb* pcb, err_t /*error*/) noexcept {
  ListenerSlot& listener = *static_cast<ListenerSlot*>(argument);
  Tcp& tcp = *instance_;
  if (!pcb) {
    ++tcp.statistics_.no_memory;
    return ERR_OK;
  }
  TcpSlot* const slot = tcp.take_slot();
  if (!slot) {
    ++tcp.statistics_.refused;
    return ERR_MEM;
  }
  // At once, or what arrives before somebody accepts is acknowledged and thrown away.
  tcp.attach(*slot, *pcb);
  slot->looped = is_own(pcb->remote_ip);
  apply(*slot, listener.accepted);
  tcp_backlog_delayed(pcb);
  slot->listener = &listener;
  (listener.last ? listener.last->next : listener.first) = slot;
  listener.last = slot;
  ++listener.waiting;
  tcp.limit_backlogs();
  tcp.core_.ring(listener.acceptable);
  return ERR_OK;
}

void Tcp::apply(TcpSlot& slot, const TcpOptions& options) noexcept {
  tcp_pcb& pcb = *slot.pcb;
  if (options.no_delay) {
    if (*options.no_delay) {
      tcp_nagle_disable(&pcb);
    } else {
      tcp_nagle_enable(&pcb);
    }
  }
  if (options.keep_alive) {
    if (options.keep_alive->enabled) {
      ip_set_option(&pcb, SOF_KEEPALIVE);
      pcb.keep_idle = static_cast<u32_t>(options.keep_alive->idle.milliseconds());
#if LWIP_TCP_KEEPALIVE
      pcb.keep_intvl = static_cast<u32_t>(options.keep_alive->interval.milliseconds());
      pcb.keep_cnt = options.keep_alive->probes;
#endif
    } else {
      ip_reset_option(&pcb, SOF_KEEPALIVE);
    }
  }
  if (options.user_timeout) {
    const std::int64_t wanted = std::max<std::int64_t>(options.user_timeout->milliseconds_rounded_up(), 0);
    slot.user_timeout = static_cast<std::uint32_t>(std::min<std::int64_t>(wanted, TcpSlot::kForever));
    note_progress(slot);
  }
  if (options.hop_limit) { pcb.ttl = *options.hop_limit; }
  if (options.traffic_class) { pcb.tos = *options.traffic_class; }
}

Result<TcpStream> Tcp::start_tcp_from(const Endpoint& local, const Endpoint& remote,
                                      const TcpOptions& options) noexcept {
  ip_addr_t address;
  ip_addr_t from;
  if (local.address.family() != remote.address.family()) { return Unexpected(Error::invalid_argument); }
  if (!to_lwip(remote.address, address) || !to_lwip(local.address, from)) { return Unexpected(Error::not_supported); }
  if (remote.port == 0 || remote.address.is_unspecified() || remote.address.is_multicast() ||
      options.hop_limit == std::uint8_t{0}) {
    return Unexpected(Error::invalid_argument);
  }
  const CoreLock lock;
  const bool told = local.port != 0 || !local.address.is_unspecified();
  if (!local.address.is_unspecified() && !interface_with(from)) { return Unexpected(Error::address_not_available); }
  TcpSlot* const slot = take_slot();
  if (!slot) { return Unexpected(Error::table_full); }
  tcp_pcb* const pcb = tcp_new_ip_type(type_of(remote.address));
  if (!pcb) {
    release(*slot);
    return Unexpected(Error::table_full);
  }
  attach(*slot, *pcb);
  tcp_nagle_disable(pcb);
  apply(*slot, options);
  slot->connecting = true;
  slot->looped = is_own(address);
  err_t error = ERR_OK;
  if (told) { error = tcp_bind(pcb, &from, local.port); }
  if (error == ERR_OK) { error = tcp_connect(pcb, &address, remote.port, &on_connected); }
  if (error != ERR_OK) {
    abort(*slot);
    return Unexpected(from_lwip(error));
  }
  core_.kick();
  return TcpStream(*this, name_of(*slot));
}

}  // namespace nal::lwip
