#include "adapters/mbedtls/datagram_port.hpp"

#include <algorithm>
#include <cstring>

#include "adapters/mbedtls/dtls.hpp"

namespace nal::tls {

namespace {
// Datagrams, each of which may be a flood's: others are to have their turn.
constexpr unsigned kTurnsPerPoll = 16;
}  // namespace

Result<> DatagramPort::connect(const Config& config, AnyUdpSocket&& transport, const ServerName& name,
                               SavedSession* saved, const DtlsOptions& options) noexcept {
  server_ = false;
  options_ = options;
  config_ = &config;
  transport_.emplace(std::move(transport));
  attach(*engine_->executor_);
  ++engine_->clients_in_use_;
  association_ = engine_->take();
  const auto mtu = static_cast<std::uint16_t>(std::min<std::size_t>(options.mtu, owed_.size()));
  auto started = association_->start(*this, config, name, saved, mtu);
  if (!started) { close(); }
  return started;
}

Result<> DatagramPort::serve(const Config& config, AnyUdpSocket&& transport, const DtlsOptions& options) noexcept {
  server_ = true;
  options_ = options;
  config_ = &config;
  transport_.emplace(std::move(transport));
  attach(*engine_->executor_);
  ++engine_->servers_in_use_;
  return {};
}

void DatagramPort::close() noexcept {
  if (!transport_) { return; }
  detach();
  in_waiter_.unlink();
  out_waiter_.unlink();
  timer_.disarm();
  for (Association& peer : engine_->associations_) {
    if (peer.port() == this && &peer != association_) { release(peer); }
  }
  if (association_) {
    association_->reset();
    engine_->give_back(*association_);
    association_ = nullptr;
  }
  --(server_ ? engine_->servers_in_use_ : engine_->clients_in_use_);
  transport_.reset();
  first_readable_ = last_readable_ = nullptr;
  owed_size_ = 0;
  has_arrived_ = gone_ = false;
  receive_error_ = send_error_ = Error{};
  ++generation;
  connected_.wake_all();
  readable_.wake_all();
  paid_.wake_all();
}

void DatagramPort::say_goodbye() noexcept {
  if (!server_) {
    association_->say_goodbye();
    return;
  }
  for (Association& peer : engine_->associations_) {
    if (peer.port() == this) { peer.say_goodbye(); }
  }
}

Association* DatagramPort::find(const Endpoint& remote, const Endpoint& local) noexcept {
  Association* found = nullptr;
  for (Association& peer : engine_->associations_) {
    if (peer.port() != this || &peer == association_ || peer.ends().remote != remote) { continue; }
    if (!local.address.is_unspecified() && peer.ends().local.address != local.address) { continue; }
    // Of two, one has moved to where the other was.
    if (!found || peer.active_at() > found->active_at()) { found = &peer; }
  }
  return found;
}

Association* DatagramPort::find(std::uint32_t id) noexcept {
  const auto found = std::find_if(
      engine_->associations_.begin(), engine_->associations_.end(),
      [this, id](const Association& peer) { return peer.port() == this && &peer != association_ && peer.id() == id; });
  return found == engine_->associations_.end() ? nullptr : &*found;
}

std::size_t DatagramPort::peers() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(engine_->associations_.begin(), engine_->associations_.end(),
                    [this](const Association& peer) { return peer.port() == this && &peer != association_; }));
}

void DatagramPort::drop(Association& peer) noexcept {
  peer.say_goodbye();
  release(peer);
}

void DatagramPort::release(Association& peer) noexcept {
  remove_readable(peer);
  peer.reset();
  engine_->give_back(peer);
  --engine_->peers_in_use_;
}

void DatagramPort::remove_readable(Association& peer) noexcept {
  if (!peer.readable()) { return; }
  Association* before = nullptr;
  for (Association* at = first_readable_; at != &peer; at = at->next) { before = at; }
  (before ? before->next : first_readable_) = peer.next;
  if (last_readable_ == &peer) { last_readable_ = before; }
  peer.next = nullptr;
}

// What its associations ask and tell

Instant DatagramPort::now() noexcept { return engine_->executor_->now(); }

void DatagramPort::kick() noexcept { engine_->executor_->queue(*this); }

void DatagramPort::note(const Failure& failure) noexcept { engine_->last_failure_ = failure; }

Endpoint DatagramPort::remote_of(const Association& peer) const noexcept {
  return server_ ? peer.ends().remote : transport_->remote_endpoint();
}

Poll<Result<>> DatagramPort::poll_transport(Context& context, Waiter& waiter, const DatagramEnds& ends,
                                            std::span<const std::byte> datagram) noexcept {
  return server_ ? transport_->poll_send(context, waiter, ends.local, ends.remote, datagram)
                 : transport_->poll_send(context, waiter, datagram);
}

Result<bool> DatagramPort::send(const DatagramEnds& ends, std::span<const std::byte> datagram) noexcept {
  if (owes()) { return false; }
  // Whoever calls does not wait for this: what is not taken at once is owed.
  Context context = Context::probe(*engine_->executor_);
  Waiter nobody;
  auto sent = poll_transport(context, nobody, ends, datagram);
  if (sent.ready()) {
    if (!*sent) { return Unexpected(sent->error()); }
    return true;
  }
  if (datagram.size() > owed_.size()) { return Unexpected(Error::message_size); }
  std::memcpy(owed_.data(), datagram.data(), datagram.size());
  owed_size_ = datagram.size();
  owed_ends_ = ends;
  kick();
  return true;
}

void DatagramPort::opened(Association&) noexcept {
  send_error_ = receive_error_ = Error{};
  connected_.wake_all();
}

void DatagramPort::failed(Association& peer, bool was_open) noexcept {
  note(peer.failure());
  if (server_) {
    if (!was_open) { ++engine_->refused_; }
    release(peer);
    return;
  }
  remove_readable(peer);
  receive_error_ = peer.failure().error;
  // After a session that went well for a while, sending begins a new one.
  if (!was_open) { send_error_ = peer.failure().error; }
  connected_.wake_all();
  readable_.wake_all();
}

void DatagramPort::ended(Association& peer) noexcept {
  // It is answered in kind (RFC 5246 §7.2.1).
  static_cast<void>(mbedtls_ssl_close_notify(&peer.ssl()));
  if (server_) {
    release(peer);
    return;
  }
  receive_error_ = Error::end_of_stream;
  readable_.wake_all();
}

void DatagramPort::became_readable(Association& peer) noexcept {
  peer.next = nullptr;
  (last_readable_ ? last_readable_->next : first_readable_) = &peer;
  last_readable_ = &peer;
  readable_.wake_all();
}

// The task

void DatagramPort::step(RootTask& task, Context& context) { static_cast<DatagramPort&>(task).run(context); }

void DatagramPort::run(Context& context) noexcept {
  touched_ = false;
  static_cast<void>(pay(context, out_waiter_));
  drive_due();
  if (receive(context, in_waiter_)) { context.wake_soon(); }
  Instant next = Instant::max();
  for (Association& peer : engine_->associations_) {
    if (peer.port() != this) { continue; }
    if (peer.busy()) { context.wake_soon(); }
    next = std::min(next, due(peer));
  }
  if (next == Instant::max()) {
    timer_.disarm();
  } else {
    context.arm(timer_, next);
  }
}

Instant DatagramPort::due(const Association& peer) const noexcept {
  const bool may_idle = server_ && peer.state() == Association::State::open && options_.idle_timeout > Duration();
  return may_idle ? peer.active_at() + options_.idle_timeout : peer.due();
}

void DatagramPort::drive_due() noexcept {
  const Instant at = now();
  for (Association& peer : engine_->associations_) {
    if (peer.port() != this || (!peer.busy() && at < due(peer))) { continue; }
    touched_ = true;
    if (server_ && peer.state() == Association::State::open && at >= due(peer)) {
      drop(peer);
    } else {
      peer.drive();
    }
  }
}

bool DatagramPort::receive(Context& context, Waiter& waiter) noexcept {
  for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
    if (!has_arrived_) {
      if (gone_) { return false; }
      auto got = transport_->poll_receive(context, waiter, arrived_);
      if (!got.ready()) { return false; }
      if (!*got) {
        transport_failed(got->error());
        continue;
      }
      // Half a datagram passes no check.
      if ((*got)->truncated || (*got)->size == 0) { continue; }
      arrived_about_ = **got;
      has_arrived_ = touched_ = true;
    }
    if (!(server_ ? dispatch() : dispatch_to_client())) { return false; }
    has_arrived_ = false;
  }
  return true;
}

bool DatagramPort::dispatch_to_client() noexcept {
  const auto state = association_->state();
  if (state != Association::State::handshaking && state != Association::State::open) { return true; }
  if (!association_->hungry()) { return false; }
  association_->feed(arrived_.first(arrived_about_.size), arrived_about_);
  return true;
}

bool DatagramPort::dispatch() noexcept {
  const auto datagram = std::span<const std::byte>(arrived_).first(arrived_about_.size);
  Association* known = Association::bears_id(datagram) ? find(Association::id_of(datagram))
                                                       : find(arrived_about_.remote, arrived_about_.local);
  if (Association::is_hello(datagram)) {
    // The same hello again asks for what was lost on its way; to an open peer it is one that came late. Another one is
    // of a client that has lost its state (RFC 6347 §4.2.8), which keeps the old one's until it has shown its cookie.
    if (!known || !known->began_with(datagram)) {
      greet(datagram, known);
      return true;
    }
    if (known->state() == Association::State::open) { return true; }
  }
  if (!known) { return true; }
  if (!known->hungry()) { return false; }
  known->feed(datagram, arrived_about_);
  return true;
}

void DatagramPort::greet(std::span<const std::byte> hello, Association* known) noexcept {
  if (!association_) { association_ = engine_->take(); }
  Association& greeter = *association_;
  if (greeter.state() == Association::State::free) {
    const auto mtu = static_cast<std::uint16_t>(std::min<std::size_t>(options_.mtu, owed_.size()));
    if (!greeter.greet(*this, *config_, mtu, engine_->next_id_++)) { return; }
  }
  if (!greeter.accept(hello, arrived_about_)) { return; }
  if (known) {
    release(*known);
  } else if (engine_->peers_in_use_ == engine_->config_.peers && !make_room()) {
    ++engine_->turned_away_;
    greeter.reset();
    return;
  }
  ++engine_->peers_in_use_;
  association_ = nullptr;
  kick();
}

bool DatagramPort::make_room() noexcept {
  Association* idlest = nullptr;
  for (Association& peer : engine_->associations_) {
    if (!peer.port() || peer.state() != Association::State::open || !peer.port()->server_) { continue; }
    if (!idlest || peer.active_at() < idlest->active_at()) { idlest = &peer; }
  }
  if (!idlest || now() < idlest->active_at() + options_.give_way_after) { return false; }
  idlest->port()->drop(*idlest);
  return true;
}

void DatagramPort::transport_failed(Error error) noexcept {
  if (error == Error::closed) { gone_ = true; }
  if (server_) {
    // Of one peer, and nobody knows which; unless it is the end.
    if (!gone_) { return; }
  } else if (association_->state() == Association::State::handshaking) {
    association_->fail_of_transport(error);
    return;
  } else if (association_->state() == Association::State::failed && !gone_) {
    return;  // of its last words
  }
  receive_error_ = error;
  readable_.wake_all();
}

bool DatagramPort::pay(Context& context, Waiter& waiter) noexcept {
  if (!owes()) { return true; }
  auto sent = poll_transport(context, waiter, owed_ends_, owed_.first(owed_size_));
  if (!sent.ready()) { return false; }
  owed_size_ = 0;
  if (!*sent && !server_ && association_->state() == Association::State::open) { send_error_ = sent->error(); }
  paid_.wake_all();
  for (Association& peer : engine_->associations_) {
    if (peer.port() == this) { peer.paid(); }
  }
  kick();
  return true;
}

// For the application

Poll<Result<>> DatagramPort::poll_connected(Context& context, Waiter& waiter) noexcept {
  switch (association_->state()) {
    case Association::State::open: return Result<>();
    case Association::State::handshaking: connected_.add(context, waiter, Wait::connected); return pending;
    default: return Unexpected(association_->failure().error);
  }
}

Poll<Result<Received>> DatagramPort::poll_receive(Context& context, Waiter& waiter,
                                                  std::span<std::byte> buffer) noexcept {
  for (bool looked = false;; looked = true) {
    if (Association* peer = first_readable_) {
      remove_readable(*peer);
      kick();
      return peer->take(buffer);
    }
    if (receive_error_ != Error{}) { return Unexpected(std::exchange(receive_error_, Error{})); }
    if (gone_) { return Unexpected(Error::closed); }
    if (looked) { break; }
    // The task may not have had its turn since something came.
    Context probe = Context::probe(*engine_->executor_);
    Waiter nobody;
    drive_due();
    static_cast<void>(receive(probe, nobody));
    if (touched_) { kick(); }
  }
  readable_.add(context, waiter, Wait::readable);
  return pending;
}

Poll<Result<>> DatagramPort::poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
  if (gone_) { return Unexpected(Error::closed); }
  if (send_error_ != Error{}) { return Unexpected(std::exchange(send_error_, Error{})); }
  if (association_->state() == Association::State::failed) {
    receive_error_ = Error{};
    association_->restart();
  }
  if (association_->state() == Association::State::handshaking) {
    connected_.add(context, waiter, Wait::connected);
    return pending;
  }
  if (association_->state() == Association::State::failed) { return Unexpected(std::exchange(send_error_, Error{})); }
  return poll_send(context, waiter, *association_, data);
}

Poll<Result<>> DatagramPort::poll_send_to(Context& context, Waiter& waiter, const Endpoint& local,
                                          const Endpoint& remote, std::span<const std::byte> data) noexcept {
  if (gone_) { return Unexpected(Error::closed); }
  Association* peer = find(remote, local);
  if (!peer || peer->state() != Association::State::open) { return Unexpected(Error::not_connected); }
  return poll_send(context, waiter, *peer, data);
}

Poll<Result<>> DatagramPort::poll_send(Context& context, Waiter& waiter, Association& peer,
                                       std::span<const std::byte> data) noexcept {
  if (data.size() > peer.max_payload()) { return Unexpected(Error::message_size); }
  // A whole record has room, here if not in the transport: Mbed TLS never wants to be called again for the same bytes.
  Context probe = Context::probe(*engine_->executor_);
  Waiter nobody;
  if (!pay(probe, nobody)) {
    paid_.add(context, waiter, Wait::writable);
    return pending;
  }
  return peer.send(data);
}

}  // namespace nal::tls
