#include "tests/support/fake_tcp.hpp"

#include <algorithm>

#include "tests/support/fake_network.hpp"
#include "tests/support/fake_stack.hpp"

namespace nal::test {

FakeTcp::FakeTcp(FakeHost& host) : host_(host), slots_(host.config.tcp_slots), listeners_(host.config.listeners) {
  for (Slot& slot : slots_) {
    slot.received = ByteRing(host.config.receive_ring);
    slot.unsent = ByteRing(host.config.send_ring);
  }
}

FakeTcp::~FakeTcp() {
  for (Slot& slot : slots_) {
    if (slot.peer) { slot.peer->slots_[slot.peer_slot].peer = nullptr; }
  }
}

Result<FakeTcpStream> FakeTcp::start(const Endpoint& local, const Endpoint& remote,
                                     const TcpOptions& options) noexcept {
  if (local.address.family() != remote.address.family() || remote.port == 0 || remote.address.is_unspecified() ||
      remote.address.is_multicast()) {
    return Unexpected(Error::invalid_argument);
  }
  NAL_TRY_SET(const IpAddress source, host_.source_for(remote.address));
  if (!local.address.is_unspecified() && !host_.has(local.address)) { return Unexpected(Error::address_not_available); }
  Endpoint from{local.address.is_unspecified() ? source : local.address, local.port};
  if (from.port == 0) {
    NAL_TRY_SET(from.port, pick_port(from.address));
  } else if (port_taken(from, false) || connected(from, remote)) {
    return Unexpected(Error::address_in_use);
  }
  NAL_TRY_SET(const std::uint16_t index, take());
  Slot& slot = slots_[index];
  slot.state = State::connecting;
  slot.owned = true;
  slot.local = from;
  slot.remote = remote;
  slot.options = options;
  attempts_.push_back(remote);
  slot.syn_at = host_.now() + host_.network().find_connect_rule(remote).delay;
  slot.retry = Duration::seconds(1);
  slot.give_up_at = host_.now() + options.user_timeout.value_or(host_.config.connect_timeout);
  return FakeTcpStream(*this, index, slot.generation);
}

Result<FakeTcpListener> FakeTcp::listen(const Endpoint& local, const ListenOptions& options) noexcept {
  if (!local.address.is_unspecified() && !host_.has(local.address)) { return Unexpected(Error::address_not_available); }
  if (!host_.can_reach(local.address.family())) { return Unexpected(Error::address_not_available); }
  Endpoint bound = local;
  if (bound.port == 0) {
    NAL_TRY_SET(bound.port, pick_port(local.address));
  } else if (port_taken(local, options.share_port)) {
    return Unexpected(Error::address_in_use);
  }
  if (!host_.allocate()) { return Unexpected(Error::no_memory); }
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    Listener& listener = listeners_[i];
    if (listener.used) { continue; }
    listener.used = true;
    listener.local = bound;
    listener.options = options;
    return FakeTcpListener(*this, static_cast<std::uint16_t>(i), listener.generation);
  }
  return Unexpected(Error::table_full);
}

FakeTcp::Slot* FakeTcp::find(std::uint16_t slot, std::uint16_t generation) noexcept {
  return slots_[slot].generation == generation ? &slots_[slot] : nullptr;
}

Result<std::uint16_t> FakeTcp::take() noexcept {
  if (!host_.allocate()) { return Unexpected(Error::no_memory); }
  const auto free = [](const Slot& slot) { return slot.state == State::free; };
  auto found = std::find_if(slots_.begin(), slots_.end(), free);
  if (found == slots_.end()) {
    evict_or_nothing();
    found = std::find_if(slots_.begin(), slots_.end(), free);
  }
  if (found == slots_.end()) { return Unexpected(Error::table_full); }
  found->age = ++arrivals_;
  return static_cast<std::uint16_t>(found - slots_.begin());
}

/// A lingering slot gives way when its memory is wanted, the one that has lingered longest first; an owned one never.
void FakeTcp::evict_or_nothing() noexcept {
  Slot* oldest = nullptr;
  for (Slot& slot : slots_) {
    if (slot.orphaned() && (!oldest || slot.linger_until < oldest->linger_until)) { oldest = &slot; }
  }
  if (oldest) { reset(*oldest, Error::connection_aborted); }
}

void FakeTcp::release(Slot& slot) noexcept {
  slot.wake();
  slot.state = State::free;
  ++slot.generation;
  slot.owned = slot.shut = slot.end_sent = slot.end_received = false;
  slot.listener = kNone;
  slot.peer = nullptr;
  slot.received.clear();
  slot.unsent.clear();
  slot.received_total = 0;
  slot.syn_at = slot.give_up_at = slot.linger_until = slot.unheard_since = Instant::max();
  slot.options = {};
}

void FakeTcp::fail(Slot& slot, Error error) noexcept {
  slot.peer = nullptr;
  if (!slot.owned) {
    release(slot);
    return;
  }
  slot.state = State::failed;
  slot.error = error;
  slot.unsent.clear();
  slot.wake();
}

void FakeTcp::on_reset(Slot& slot) noexcept { fail(slot, Error::connection_reset); }

void FakeTcp::reset(Slot& slot, Error error) noexcept {
  if (FakeTcp* peer = std::exchange(slot.peer, nullptr)) {
    Slot& other = peer->slots_[slot.peer_slot];
    if (host_.faults.silent || peer->host_.faults.silent) {
      other.peer = nullptr;  // it never learns
    } else {
      peer->on_reset(other);
    }
  }
  fail(slot, error);
}

void FakeTcp::drop(Slot& slot) noexcept {
  slot.owned = false;
  if (slot.state != State::established) {
    release(slot);
  } else if (!slot.received.empty()) {
    reset(slot, Error::connection_aborted);
  } else {
    slot.shut = true;
    slot.linger_until = host_.now() + host_.config.linger_time;
  }
}

bool FakeTcp::step() noexcept {
  bool moved = false;
  for (Slot& slot : slots_) {
    if (slot.state == State::connecting) {
      moved |= step_connecting(slot);
    } else if (slot.state == State::established) {
      moved |= step_established(slot);
    }
  }
  return moved;
}

bool FakeTcp::step_connecting(Slot& slot) noexcept {
  const Instant now = host_.now();
  if (now >= slot.syn_at) {
    using Outcome = ConnectRule::Outcome;
    switch (host_.network().find_connect_rule(slot.remote).outcome) {
      case Outcome::arrive:
        if (try_handshake(slot)) { return true; }
        break;
      case Outcome::refuse: fail(slot, Error::connection_refused); return true;
      case Outcome::host_unreachable: fail(slot, Error::host_unreachable); return true;
      case Outcome::network_unreachable: fail(slot, Error::network_unreachable); return true;
      case Outcome::vanish: retry_later(slot); break;
    }
  }
  if (slot.state == State::connecting && now >= slot.give_up_at) {
    fail(slot, Error::timed_out);
    return true;
  }
  return false;
}

void FakeTcp::retry_later(Slot& slot) noexcept {
  slot.syn_at = host_.now() + slot.retry;
  slot.retry = slot.retry * 2;
}

/// Whether the attempt is decided.
bool FakeTcp::try_handshake(Slot& slot) noexcept {
  FakeStack* stack = host_.network().find(slot.remote.address, host_.stack());
  if (!stack) {
    fail(slot, Error::host_unreachable);
    return true;
  }
  if (host_.faults.silent || stack->host().faults.silent) {
    retry_later(slot);
    return false;
  }
  FakeTcp& there = stack->tcp();
  const std::uint16_t listener = there.find_listener(slot.remote);
  if (listener == kNone) {
    fail(slot, Error::connection_refused);
    return true;
  }
  const auto waiting = std::count_if(there.slots_.begin(), there.slots_.end(), [listener](const Slot& other) {
    return other.state != State::free && other.listener == listener;
  });
  if (waiting >= there.listeners_[listener].options.backlog) {
    retry_later(slot);
    return false;
  }
  const Result<std::uint16_t> taken = there.take();
  if (!taken) {
    retry_later(slot);
    return false;
  }
  Slot& other = there.slots_[*taken];
  other.state = slot.state = State::established;
  other.listener = listener;
  other.local = slot.remote;
  other.remote = slot.local;
  other.options = there.listeners_[listener].options.accepted;
  other.peer = this;
  other.peer_slot = static_cast<std::uint16_t>(&slot - slots_.data());
  slot.peer = &there;
  slot.peer_slot = *taken;
  slot.wake();
  there.listeners_[listener].acceptable.wake_all();
  return true;
}

bool FakeTcp::wire_is_dead(const Slot& slot) const noexcept {
  return host_.faults.silent || (slot.peer && slot.peer->host_.faults.silent);
}

bool FakeTcp::step_established(Slot& slot) noexcept {
  const Instant now = host_.now();
  if (!wire_is_dead(slot)) {
    slot.unheard_since = Instant::max();
    if (move_data(slot)) { return true; }
  } else if (slot.unheard_since.is_never()) {
    slot.unheard_since = now;
  }
  if (slot.orphaned() && now >= slot.linger_until) {
    // Ended on our side: nothing is lost if the peer is not told. Not ended: it must not take what it has for all.
    if (slot.end_sent) {
      if (slot.peer) { slot.peer->slots_[slot.peer_slot].peer = nullptr; }
      release(slot);
    } else {
      reset(slot, Error::timed_out);
    }
    return true;
  }
  if (now >= silence_ends(slot)) {
    reset(slot, Error::timed_out);
    return true;
  }
  return false;
}

Instant FakeTcp::silence_ends(const Slot& slot) const noexcept {
  if (slot.unheard_since.is_never()) { return Instant::max(); }
  const bool unanswered = !slot.unsent.empty() || (slot.shut && !slot.end_sent);
  if (slot.options.user_timeout && unanswered) { return slot.unheard_since + *slot.options.user_timeout; }
  if (slot.options.keep_alive && slot.options.keep_alive->enabled) {
    const KeepAlive& probing = *slot.options.keep_alive;
    return slot.unheard_since + probing.idle + probing.interval * probing.probes;
  }
  return Instant::max();
}

bool FakeTcp::move_data(Slot& slot) noexcept {
  if (!slot.peer) {
    // Whoever was there has forgotten this connection: whatever arrives is answered with a reset, which changes nothing
    // for a connection that has ended both ways.
    if (slot.unsent.empty() && !(slot.shut && !slot.end_sent)) { return false; }
    if (!slot.unsent.empty() || !slot.end_received) {
      on_reset(slot);
    } else if (slot.owned) {
      slot.end_sent = true;
    } else {
      release(slot);
    }
    return true;
  }
  FakeTcp& there = *slot.peer;
  Slot& other = there.slots_[slot.peer_slot];
  bool moved = false;
  if (!slot.unsent.empty() && other.orphaned()) {
    there.reset(other, Error::connection_aborted);
    return true;
  }
  while (!slot.unsent.empty() && other.received.room() != 0) {
    std::span<const std::byte> piece = slot.unsent.front();
    const std::uint64_t limit = there.host_.faults.reset_at;
    if (limit != 0) {
      piece = piece.first(std::min<std::size_t>(piece.size(), static_cast<std::size_t>(limit - other.received_total)));
    }
    const std::size_t n = other.received.put(piece);
    slot.unsent.consume(n);
    other.received_total += n;
    moved = true;
    if (limit != 0 && other.received_total >= limit) {
      reset(slot, Error::connection_reset);
      return true;
    }
  }
  if (slot.shut && !slot.end_sent && slot.unsent.empty()) {
    slot.end_sent = true;
    other.end_received = true;
    moved = true;
  }
  if (moved) {
    other.readable.wake_all();
    slot.writable.wake_all();
  }
  if (slot.orphaned() && slot.end_sent && slot.end_received) {
    other.peer = nullptr;
    release(slot);
    moved = true;
  }
  return moved;
}

Instant FakeTcp::next_event() const noexcept {
  Instant next = Instant::max();
  for (const Slot& slot : slots_) {
    if (slot.state == State::connecting) {
      next = std::min({next, slot.syn_at, slot.give_up_at});
    } else if (slot.state == State::established) {
      next = std::min({next, slot.linger_until, silence_ends(slot)});
    }
  }
  return next;
}

std::uint16_t FakeTcp::find_listener(const Endpoint& local) const noexcept {
  std::uint16_t best = kNone;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    const Listener& listener = listeners_[i];
    if (!listener.used || listener.local.port != local.port ||
        listener.local.address.family() != local.address.family()) {
      continue;
    }
    if (listener.local.address == local.address) { return static_cast<std::uint16_t>(i); }
    if (listener.local.address.is_unspecified() && best == kNone) { best = static_cast<std::uint16_t>(i); }
  }
  return best;
}

bool FakeTcp::port_taken(const Endpoint& local, bool share) const noexcept {
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const Listener& other) {
    if (!other.used || other.local.port != local.port || (share && other.options.share_port)) { return false; }
    return other.local.address == local.address ||
           (other.local.address.family() == local.address.family() &&
            (other.local.address.is_unspecified() || local.address.is_unspecified()));
  });
}

bool FakeTcp::connected(const Endpoint& local, const Endpoint& remote) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.state != State::free && slot.local == local && slot.remote == remote;
  });
}

Result<std::uint16_t> FakeTcp::pick_port(const IpAddress& address) noexcept {
  const unsigned count = host_.config.last_ephemeral - host_.config.first_ephemeral + 1u;
  for (unsigned tried = 0; tried < count; ++tried) {
    const std::uint16_t port = host_.next_ephemeral();
    const bool used = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
      return slot.state != State::free && slot.local.port == port && slot.local.address == address;
    });
    if (!used && !port_taken({address, port}, false)) { return port; }
  }
  return Unexpected(Error::address_not_available);
}

std::size_t FakeTcp::slots_in_use() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.state != State::free; }));
}

std::size_t FakeTcp::lingering() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.orphaned(); }));
}

std::size_t FakeTcp::listeners_in_use() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(listeners_.begin(), listeners_.end(), [](const Listener& listener) { return listener.used; }));
}

bool FakeTcp::nobody_waits() const noexcept {
  return std::all_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.readable.empty() && slot.writable.empty(); }) &&
         std::all_of(listeners_.begin(), listeners_.end(),
                     [](const Listener& listener) { return listener.acceptable.empty(); });
}

}  // namespace nal::test
