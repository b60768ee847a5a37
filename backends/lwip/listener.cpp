#include <lwip/priv/tcp_priv.h>

#include <algorithm>

#include "backends/lwip/address.hpp"
#include "backends/lwip/error.hpp"
#include "backends/lwip/tcp.hpp"

namespace nal::lwip {

namespace {

/// Somebody listens there already, whether lwIP would mind or not.
bool taken(std::span<ListenerSlot> listeners, const Endpoint& local) noexcept {
  if (local.port == 0) { return false; }
  return std::any_of(listeners.begin(), listeners.end(), [&local](const ListenerSlot& other) {
    if (!other.pcb || other.pcb->local_port != local.port) { return false; }
    const IpAddress address = from_lwip(other.pcb->local_ip);
    return address.family() == local.address.family() &&
           (address.is_unspecified() || local.address.is_unspecified() || address == local.address);
  });
}

/// A pcb that listens there. lwIP's own is freed on the way, whatever happens.
Result<tcp_pcb*> open(const ip_addr_t& address, const Endpoint& local, std::uint8_t backlog) noexcept {
  tcp_pcb* const pcb = tcp_new_ip_type(type_of(local.address));
  if (!pcb) { return Unexpected(Error::no_memory); }
#if SO_REUSE
  // The port of connections that outlive their listener is free for the next.
  ip_set_option(pcb, SOF_REUSEADDR);
#endif
  err_t error = tcp_bind(pcb, &address, local.port);
  if (error == ERR_OK) {
    if (tcp_pcb* const listening = tcp_listen_with_backlog_and_err(pcb, backlog, &error)) { return listening; }
  }
  tcp_abort(pcb);
  return Unexpected(error == ERR_MEM ? Error::table_full : from_lwip(error));
}

}  // namespace

Result<TcpListener> Tcp::listen(const Endpoint& local, const ListenOptions& options) noexcept {
  ip_addr_t address;
  if (!to_lwip(local.address, address)) { return Unexpected(Error::not_supported); }
  if (options.accepted.hop_limit == std::uint8_t{0}) { return Unexpected(Error::invalid_argument); }
  const CoreLock lock;
  if (!local.address.is_unspecified() && !interface_with(address)) { return Unexpected(Error::address_not_available); }
  if (taken(listeners_, local)) { return Unexpected(Error::address_in_use); }
  const auto slot = std::find_if(listeners_.begin(), listeners_.end(), [](const auto& one) { return !one.pcb; });
  if (slot == listeners_.end()) { return Unexpected(Error::table_full); }
  const auto backlog = static_cast<std::uint8_t>(std::clamp<unsigned>(options.backlog, 1, 255));
  NAL_TRY_SET(tcp_pcb* const pcb, open(address, local, backlog));
  slot->pcb = pcb;
  slot->backlog = backlog;
  slot->accepted = options.accepted;
  if (!slot->accepted.no_delay) { slot->accepted.no_delay = true; }
  tcp_arg(pcb, &*slot);
  tcp_accept(pcb, &on_accept);
  ++listeners_in_use_;
  limit_backlogs();
  return TcpListener(*this, {static_cast<std::uint16_t>(slot - listeners_.begin()), slot->generation});
}

void Tcp::drop(ListenerSlot& listener) noexcept {
  while (listener.first) { abort(*listener.first); }
  // Those in the middle of their handshake name the listener as their argument still.
  for (tcp_pcb* pcb = tcp_active_pcbs; pcb;) {
    tcp_pcb* const next = pcb->next;
    if (pcb->state == SYN_RCVD && pcb->callback_arg == &listener) { tcp_abort(pcb); }
    pcb = next;
  }
  tcp_arg(listener.pcb, nullptr);
  tcp_accept(listener.pcb, nullptr);
  [[maybe_unused]] const err_t closed = tcp_close(listener.pcb);
  NAL_ASSERT(closed == ERR_OK);  // of a listener it always is
  listener.pcb = nullptr;
  listener.waiting = 0;
  ++listener.generation;
  --listeners_in_use_;
  core_.ring(listener.acceptable);
}

ListenerSlot* TcpListener::find() const noexcept {
  if (!tcp_) { return nullptr; }
  ListenerSlot& listener = tcp_->listeners_[name_.index];
  return listener.generation == name_.generation ? &listener : nullptr;
}

void TcpListener::drop() noexcept {
  if (!tcp_) { return; }
  const CoreLock lock;
  if (ListenerSlot* const listener = find()) { tcp_->drop(*listener); }
  tcp_ = nullptr;
}

Poll<Result<TcpStream>> TcpListener::poll_accept(Context& context, Waiter& waiter) noexcept {
  const CoreLock lock;
  ListenerSlot* const listener = find();
  if (!listener) { return Unexpected(Error::closed); }
  TcpSlot* const slot = listener->first;
  if (!slot) {
    listener->acceptable.waiters.add(context, waiter, Wait::acceptable);
    return pending;
  }
  Tcp::leave_backlog(*slot);
  // One that is over already, both ways, waits no more in lwIP.
  if (slot->pcb) { tcp_backlog_accepted(slot->pcb); }
  return TcpStream(*tcp_, tcp_->name_of(*slot));
}

Endpoint TcpListener::local_endpoint() const noexcept {
  const CoreLock lock;
  const ListenerSlot* const listener = find();
  return listener ? from_lwip(listener->pcb->local_ip, listener->pcb->local_port) : Endpoint{};
}

}  // namespace nal::lwip
