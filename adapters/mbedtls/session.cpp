#include "adapters/mbedtls/session.hpp"

#include <cstring>
#include <limits>

#include "adapters/mbedtls/tls.hpp"

namespace nal::tls {

namespace {
// What our callbacks answer when the transport fails; Mbed TLS hands it through. Its net_sockets.h has the same
// numbers.
constexpr int kReceiveFailed = -0x004C;
constexpr int kSendFailed = -0x004E;

constexpr Duration kLinger = Duration::seconds(10);
// A peer may send what is not for the application, one such record behind the other; others are to have their turn.
constexpr unsigned kTurnsPerPoll = 16;
// Of the handshake: each may hold arithmetic that takes long.
constexpr unsigned kStepsPerPoll = 2;

unsigned char* chars(std::span<std::byte> bytes) noexcept { return reinterpret_cast<unsigned char*>(bytes.data()); }
}  // namespace

Session::Session() noexcept : RootTask(&step, nullptr) {
  set_name("tls");
  mbedtls_ssl_init(&ssl_);
}

Session::~Session() { NAL_ASSERT(state_ == State::free); }

Result<> Session::start(Executor& executor, const Config& config, AnyTcpStream&& transport, const ServerName* name,
                        SavedSession* saved) noexcept {
  executor_of_ = &executor;
  config_ = &config;
  saved_ = saved;
  transport_.emplace(std::move(transport));
  state_ = State::connecting;
  deadline_ = executor.now() + config.handshake_timeout();
  const auto told = [this](int code) -> Result<> {
    if (code == 0) { return {}; }
    const Failure failure = explain(code, true, 0, 0);
    reset();
    return Unexpected(failure.error == Error::io_error ? Error::invalid_argument : failure.error);
  };
  NAL_TRY(told(mbedtls_ssl_setup(&ssl_, &config.native())));
  if (name) {
    NAL_TRY(told(name->valid() ? 0 : MBEDTLS_ERR_SSL_BAD_INPUT_DATA));
    // Also where there is none: since 3.6.3 that it is left out has to be said.
    NAL_TRY(told(mbedtls_ssl_set_hostname(&ssl_, name->c_str())));
  }
  if (saved) { saved->offer(ssl_); }
  mbedtls_ssl_set_bio(&ssl_, this, &send, &receive, nullptr);
  run_in_background();
  return {};
}

void Session::reset() noexcept {
  if (state_ == State::free) { return; }
  if (transport_) { transport_->abort(); }
  transport_.reset();
  rest();
  timer_.disarm();
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_init(&ssl_);
  owed_from_ = owed_to_ = 0;
  failure_ = {};
  transport_error_ = write_error_ = Error{};
  overflow_ = opened_ = ended_ = shut_down_ = finished_ = false;
  listener = nullptr;
  saved_ = nullptr;
  state_ = State::free;
  engine_->give_back(*this);
  connected_.wake_all();
  paid_.wake_all();
}

void Session::drop() noexcept {
  const bool shaking_hands = state_ == State::connecting || state_ == State::handshaking;
  if (shaking_hands || (state_ == State::open && arrived_unread())) {
    reset();
    return;
  }
  if (state_ == State::free || state_ == State::lingering) { return; }
  if (owes() || (shut_down_ && !finished_)) {
    state_ = State::lingering;
    deadline_ = executor_of_->now() + kLinger;
    run_in_background();
    executor_of_->queue(*this);  // for its new deadline
    engine_->room_.wake_all();
    return;
  }
  transport_.reset();
  reset();
}

void Session::run_in_background() noexcept {
  if (background_) { return; }
  background_ = true;
  attach(*executor_of_);
}

void Session::rest() noexcept {
  in_waiter_.unlink();
  out_waiter_.unlink();
  if (!background_) { return; }
  background_ = false;
  detach();
}

void Session::step(RootTask& task, Context& context) { static_cast<Session&>(task).drive(context); }

void Session::drive(Context& context) noexcept {
  if (state_ == State::free) { return; }
  if (deadline_ != Instant::max()) {
    if (context.now() >= deadline_) {
      if (state_ == State::lingering) {
        reset();
      } else {
        fail({.error = Error::timed_out, .reason = Reason::handshake_timed_out});
      }
      return;
    }
    context.arm(timer_, deadline_);
  }
  if (state_ == State::connecting) {
    auto connected = transport_->poll_connected(context, in_waiter_);
    if (!connected.ready()) { return; }
    if (!*connected) {
      fail({.error = connected->error(), .reason = Reason::transport});
      return;
    }
    state_ = State::handshaking;
  }
  if (state_ == State::handshaking) {
    shake_hands(context);
    return;
  }
  linger(context);
}

void Session::shake_hands(Context& context) noexcept {
  int code = 0;
  {
    const Call call(*this, context, in_waiter_);
    for (unsigned steps = 0; code == 0 && steps < kStepsPerPoll && !library::handshake_over(ssl_); ++steps) {
      code = mbedtls_ssl_handshake_step(&ssl_);
    }
  }
  if (code != 0 && !library::is_temporary(code)) {
    fail(code);
    return;
  }
  const bool paid = pay(context, out_waiter_);
  if (library::handshake_over(ssl_)) {
    opened();
    return;
  }
  if (write_error_ != Error{}) {
    fail({.error = write_error_, .reason = Reason::transport});
    return;
  }
  // Nothing more to do before the transport tells of something; else it is only somebody else's turn.
  const bool waits = (code == MBEDTLS_ERR_SSL_WANT_READ && blocked_) || (code == MBEDTLS_ERR_SSL_WANT_WRITE && !paid);
  if (!waits) { context.wake_soon(); }
}

void Session::opened() noexcept {
  state_ = State::open;
  opened_ = true;
  deadline_ = Instant::max();
  timer_.disarm();
  if (config_->role() == Role::client && std::strcmp(mbedtls_ssl_get_version(&ssl_), "TLSv1.3") != 0) { save(); }
  if (!owes()) { rest(); }
  connected_.wake_all();
  if (listener) { listener->ready(*this); }
}

void Session::linger(Context& context) noexcept {
  if (!pay(context, out_waiter_)) { return; }
  paid_.wake_all();
  if (shut_down_ && !finished_ && write_error_ == Error{}) {
    auto shut = transport_->poll_shutdown(context, out_waiter_);
    if (!shut.ready()) { return; }
    finished_ = true;
    if (!*shut) { write_error_ = shut->error(); }
    paid_.wake_all();
  }
  if (state_ == State::lingering) {
    transport_.reset();
    reset();
    return;
  }
  rest();
}

bool Session::pay(Context& context, Waiter& waiter) noexcept {
  while (owes()) {
    auto taken = transport_->poll_write(context, waiter, owed_.subspan(owed_from_, owed_to_ - owed_from_));
    if (!taken.ready()) { return false; }
    if (!*taken) {
      write_error_ = taken->error();
      break;
    }
    owed_from_ += **taken;
  }
  owed_from_ = owed_to_ = 0;
  return true;
}

int Session::send(void* self, const unsigned char* data, std::size_t size) noexcept {
  auto& session = *static_cast<Session*>(self);
  std::span<const std::byte> rest(reinterpret_cast<const std::byte*>(data), size);
  // Whoever calls does not wait for this: what is not taken at once is owed.
  Context context = Context::probe(*session.executor_of_);
  Waiter waiter;
  if (session.owes()) { static_cast<void>(session.pay(context, waiter)); }
  if (!session.owes()) {
    while (!rest.empty() && session.write_error_ == Error{}) {
      auto taken = session.transport_->poll_write(context, waiter, rest);
      if (!taken.ready()) { break; }
      if (!*taken) {
        session.write_error_ = taken->error();
      } else {
        rest = rest.subspan(**taken);
      }
    }
  }
  if (session.write_error_ != Error{}) {
    session.transport_error_ = session.write_error_;
    return kSendFailed;
  }
  if (rest.size() > session.owed_.size() - session.owed_to_) {
    if (session.state_ == State::handshaking) {
      // What the transport took is told, or it would be sent twice.
      const std::size_t taken = size - rest.size();
      return taken > 0 ? static_cast<int>(taken) : MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    session.overflow_ = true;
    return kSendFailed;
  }
  if (!rest.empty()) {
    std::memcpy(session.owed_.data() + session.owed_to_, rest.data(), rest.size());
    session.owed_to_ += rest.size();
  }
  return static_cast<int>(size);
}

int Session::receive(void* self, unsigned char* data, std::size_t size) noexcept {
  auto& session = *static_cast<Session*>(self);
  const std::span<std::byte> room(reinterpret_cast<std::byte*>(data), size);
  auto got = session.transport_->poll_read(*session.context_, *session.waiter_, room);
  if (!got.ready()) {
    session.blocked_ = true;
    return MBEDTLS_ERR_SSL_WANT_READ;
  }
  if (!*got) {
    session.transport_error_ = got->error();
    return kReceiveFailed;
  }
  return static_cast<int>(**got);
}

void Session::fail(int code) noexcept {
  const bool handshaking = state_ == State::handshaking;
  if (overflow_) {
    fail({.error = Error::protocol_error, .reason = Reason::renegotiation, .code = code});
  } else if (code == kReceiveFailed || code == kSendFailed) {
    fail({.error = transport_error_, .reason = Reason::transport});
  } else {
    fail(explain(code, handshaking, library::last_alert(ssl_), mbedtls_ssl_get_verify_result(&ssl_)));
  }
}

void Session::fail(const Failure& failure) noexcept {
  failure_ = failure;
  failure_.remote = transport_->remote_endpoint();
  state_ = State::failed;
  deadline_ = Instant::max();
  timer_.disarm();
  engine_->note(failure_);
  // The alert that tells the peer why may still be owed.
  if (owes()) {
    run_in_background();
    in_waiter_.unlink();
  } else {
    rest();
  }
  connected_.wake_all();
  paid_.wake_all();
  if (listener) { listener->failed(*this); }
}

void Session::save() noexcept {
  if (saved_) { saved_->update(ssl_); }
}

bool Session::arrived_unread() noexcept {
  if (ended_) { return false; }
  if (mbedtls_ssl_get_bytes_avail(&ssl_) > 0) { return true; }
  // What came behind the handshake may be tickets, which nobody is going to read.
  Context context = Context::probe(*executor_of_);
  Waiter waiter;
  const Call call(*this, context, waiter);
  for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
    unsigned char unread = 0;
    const int code = mbedtls_ssl_read(&ssl_, &unread, 1);
    if (code > 0) { return true; }
    if (library::is_new_ticket(code)) {
      save();
      continue;
    }
    if (code == MBEDTLS_ERR_SSL_WANT_READ && !blocked_) { continue; }
    return false;
  }
  return true;
}

bool Session::is_dead() noexcept {
  if (state_ != State::open || ended_) { return state_ != State::open; }
  Context context = Context::probe(*executor_of_);
  Waiter waiter;
  const Call call(*this, context, waiter);
  unsigned char none = 0;
  const int code = mbedtls_ssl_read(&ssl_, &none, 0);
  if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) { ended_ = true; }
  return code < 0 && code != MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY && !library::is_temporary(code);
}

Poll<Result<>> Session::poll_connected(Context& context, Waiter& waiter) noexcept {
  switch (state_) {
    case State::connecting:
    case State::handshaking: connected_.add(context, waiter, Wait::connected); return pending;
    case State::failed: return Unexpected(failure_.error);
    case State::open: return Result<>();
    default: return Unexpected(Error::closed);
  }
}

Poll<Result<std::size_t>> Session::poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  if (buffer.empty()) { return std::size_t{0}; }
  if (state_ != State::open) {
    auto connected = poll_connected(context, waiter);
    if (!connected.ready()) { return pending; }
    return Unexpected(connected->error());
  }
  if (ended_) { return std::size_t{0}; }
  const std::size_t most = std::min(buffer.size(), static_cast<std::size_t>(std::numeric_limits<int>::max()));
  const Call call(*this, context, waiter);
  for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
    const int code = mbedtls_ssl_read(&ssl_, chars(buffer), most);
    if (code > 0) { return static_cast<std::size_t>(code); }
    if (owes()) { run_in_background(); }
    // Not that the transport had nothing, but that a record was not for the application: the next one may be here.
    if (code == MBEDTLS_ERR_SSL_WANT_READ) {
      if (blocked_) { return pending; }
      continue;
    }
    if (library::is_new_ticket(code)) {
      save();
      continue;
    }
    if (library::is_temporary(code)) { continue; }
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
      ended_ = true;
      return std::size_t{0};
    }
    fail(code == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : code);
    return Unexpected(failure_.error);
  }
  context.wake_soon();
  return pending;
}

Poll<Result<std::size_t>> Session::poll_write(Context& context, Waiter& waiter,
                                              std::span<const std::byte> data) noexcept {
  if (state_ != State::open) {
    auto connected = poll_connected(context, waiter);
    if (!connected.ready()) { return pending; }
    // That the peer is gone without a word is how reading ends.
    const bool gone = failure_.reason == Reason::truncated && opened_;
    return Unexpected(gone ? Error::broken_pipe : connected->error());
  }
  if (shut_down_) { return Unexpected(Error::broken_pipe); }
  if (write_error_ != Error{}) { return Unexpected(write_error_); }
  if (data.empty()) { return std::size_t{0}; }
  if (owes()) {
    // The background task may not have had its turn since there is room.
    Context probe = Context::probe(*executor_of_);
    Waiter nobody;
    if (!pay(probe, nobody)) {
      paid_.add(context, waiter, Wait::writable);
      return pending;
    }
    if (write_error_ != Error{}) { return Unexpected(write_error_); }
  }
  const int most = mbedtls_ssl_get_max_out_record_payload(&ssl_);
  if (most <= 0) {
    fail(most);
    return Unexpected(failure_.error);
  }
  const std::size_t size = std::min(data.size(), static_cast<std::size_t>(most));
  // A whole record has room, here if not in the transport: this never wants to be called again for the same bytes.
  const int code = mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(data.data()), size);
  if (owes()) { run_in_background(); }
  if (code > 0) { return static_cast<std::size_t>(code); }
  if (code == kSendFailed && !overflow_) { return Unexpected(write_error_); }
  fail(code);
  return Unexpected(failure_.error);
}

Poll<Result<>> Session::poll_flush(Context& context, Waiter& waiter) noexcept {
  if (state_ != State::open) { return poll_connected(context, waiter); }
  if (write_error_ != Error{}) { return Unexpected(write_error_); }
  if (owes()) {
    paid_.add(context, waiter, Wait::writable);
    return pending;
  }
  return transport_->poll_flush(context, waiter);
}

Poll<Result<>> Session::poll_shutdown(Context& context, Waiter& waiter) noexcept {
  if (state_ != State::open) { return poll_connected(context, waiter); }
  if (shut_down_) { return Result<>(); }
  if (write_error_ != Error{}) { return Unexpected(write_error_); }
  const int code = mbedtls_ssl_close_notify(&ssl_);
  if (write_error_ != Error{}) { return Unexpected(write_error_); }
  if (code != 0) {
    fail(code);
    return Unexpected(failure_.error);
  }
  // The rest is the background task's: it stands behind all that was written, however long that takes.
  shut_down_ = true;
  run_in_background();
  return Result<>();
}

}  // namespace nal::tls
