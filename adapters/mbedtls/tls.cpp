#include "adapters/mbedtls/tls.hpp"

#include <algorithm>
#include <array>

namespace nal::tls {

void SavedSession::forget() noexcept {
  mbedtls_ssl_session_free(&session_);
  mbedtls_ssl_session_init(&session_);
  empty_ = true;
}

void SavedSession::offer(mbedtls_ssl_context& ssl) noexcept {
  if (!empty_ && mbedtls_ssl_set_session(&ssl, &session_) != 0) { forget(); }
}

void SavedSession::update(const mbedtls_ssl_context& ssl) noexcept {
  mbedtls_ssl_session fresh;
  mbedtls_ssl_session_init(&fresh);
  if (mbedtls_ssl_get_session(&ssl, &fresh) != 0) {
    mbedtls_ssl_session_free(&fresh);
    return;
  }
  forget();
  session_ = fresh;  // owns what `fresh` owned
  empty_ = false;
}

Result<std::size_t> SavedSession::save(std::span<std::byte> out) const noexcept {
  if (empty_) { return Unexpected(Error::closed); }
  std::size_t size = 0;
  const int code = mbedtls_ssl_session_save(&session_, reinterpret_cast<unsigned char*>(out.data()), out.size(), &size);
  if (code == MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL) { return Unexpected(Error::buffer_too_small); }
  if (code != 0) { return Unexpected(Error::not_supported); }
  return size;
}

Result<> SavedSession::load(std::span<const std::byte> bytes) noexcept {
  forget();
  const int code =
      mbedtls_ssl_session_load(&session_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  if (code == MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE) { return Unexpected(Error::not_supported); }
  if (code != 0) {
    forget();
    return Unexpected(code == MBEDTLS_ERR_SSL_ALLOC_FAILED ? Error::no_memory : Error::invalid_argument);
  }
  empty_ = false;
  return {};
}

// The engine

Engine::Engine(Executor& executor, std::span<Session> sessions, std::span<ListenerSlot> listeners,
               std::span<std::byte> owed) noexcept
    : executor_(&executor), sessions_(sessions), listeners_(listeners) {
  const std::size_t each = owed.size() / sessions.size();
  for (std::size_t i = sessions.size(); i-- > 0;) {
    sessions[i].place(*this, owed.subspan(i * each, each));
    sessions[i].next = free_;
    free_ = &sessions[i];
  }
}

Engine::~Engine() {
  for (ListenerSlot& listener : listeners_) { listener.close(); }
  for (Session& session : sessions_) { session.reset(); }
}

Session* Engine::lingering() noexcept {
  for (Session& session : sessions_) {
    if (session.state() == Session::State::lingering) { return &session; }
  }
  return nullptr;
}

Session* Engine::take() noexcept {
  if (!free_) { give_way(); }
  Session* session = free_;
  if (!session) { return nullptr; }
  free_ = session->next;
  session->next = nullptr;
  ++in_use_;
  return session;
}

void Engine::give_back(Session& session) noexcept {
  ++session.generation;
  session.next = free_;
  free_ = &session;
  --in_use_;
  room_.wake_all();
}

std::size_t Engine::tasks() const noexcept {
  std::size_t count = 0;
  for (const ListenerSlot& listener : listeners_) { count += listener.is_open() ? 1U : 0U; }
  for (const Session& session : sessions_) { count += session.in_background() ? 1U : 0U; }
  return count;
}

bool Engine::give_way() noexcept {
  Session* session = lingering();
  if (session) { session->reset(); }
  return session != nullptr;
}

Result<TlsStream> Engine::client(const Config& config, AnyTcpStream transport, const ServerName& name,
                                 SavedSession* saved) noexcept {
  if (config.role() != Role::client || config.transport() != Transport::stream) {
    return Unexpected(Error::invalid_argument);
  }
  Session* session = take();
  if (!session) { return Unexpected(Error::table_full); }
  NAL_TRY(session->start(*executor_, config, std::move(transport), &name, saved));
  return handle(*session);
}

Result<TlsStream> Engine::server(const Config& config, AnyTcpStream transport) noexcept {
  if (config.role() != Role::server || config.transport() != Transport::stream) {
    return Unexpected(Error::invalid_argument);
  }
  Session* session = take();
  if (!session) { return Unexpected(Error::table_full); }
  NAL_TRY(session->start(*executor_, config, std::move(transport), nullptr, nullptr));
  return handle(*session);
}

Result<TlsListener> Engine::listen(const Config& config, AnyTcpListener listener, std::size_t backlog) noexcept {
  if (config.role() != Role::server || config.transport() != Transport::stream) {
    return Unexpected(Error::invalid_argument);
  }
  for (ListenerSlot& slot : listeners_) {
    if (slot.is_open()) { continue; }
    slot.open(*this, config, std::move(listener), backlog);
    return TlsListener(*this, static_cast<std::uint16_t>(&slot - listeners_.data()), slot.generation);
  }
  return Unexpected(Error::table_full);
}

// Streams

Session* TlsStream::find() const noexcept {
  if (!engine_) { return nullptr; }
  Session& session = engine_->sessions_[index_];
  return session.generation == generation_ ? &session : nullptr;
}

void TlsStream::drop() noexcept {
  if (Session* session = find()) { session->drop(); }
  engine_ = nullptr;
}

Poll<Result<>> TlsStream::poll_connected(Context& context, Waiter& waiter) noexcept {
  Session* session = find();
  if (!session) { return Unexpected(Error::closed); }
  return session->poll_connected(context, waiter);
}
Poll<Result<std::size_t>> TlsStream::poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  Session* session = find();
  if (!session) { return Unexpected(Error::closed); }
  return session->poll_read(context, waiter, buffer);
}
Poll<Result<std::size_t>> TlsStream::poll_write(Context& context, Waiter& waiter,
                                                std::span<const std::byte> data) noexcept {
  Session* session = find();
  if (!session) { return Unexpected(Error::closed); }
  return session->poll_write(context, waiter, data);
}
Poll<Result<std::size_t>> TlsStream::poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept {
  while (!pieces.empty() && pieces.front().empty()) { pieces = pieces.subspan(1); }
  if (pieces.empty()) { return poll_write(context, waiter, {}); }
  std::array<std::byte, kGathered> joined;
  if (pieces.size() == 1 || pieces.front().size() >= joined.size()) {
    return poll_write(context, waiter, pieces.front());
  }
  std::size_t size = 0;
  for (const std::span<const std::byte> piece : pieces) {
    const std::size_t here = std::min(piece.size(), joined.size() - size);
    std::copy_n(piece.begin(), here, joined.begin() + static_cast<std::ptrdiff_t>(size));
    size += here;
  }
  return poll_write(context, waiter, std::span(joined).first(size));
}
Poll<Result<>> TlsStream::poll_flush(Context& context, Waiter& waiter) noexcept {
  Session* session = find();
  if (!session) { return Unexpected(Error::closed); }
  return session->poll_flush(context, waiter);
}
Poll<Result<>> TlsStream::poll_shutdown(Context& context, Waiter& waiter) noexcept {
  Session* session = find();
  if (!session) { return Unexpected(Error::closed); }
  return session->poll_shutdown(context, waiter);
}
void TlsStream::abort() noexcept {
  if (Session* session = find()) { session->reset(); }
}
Result<> TlsStream::configure(const TcpOptions& options) noexcept {
  Session* session = find();
  if (!session) { return Unexpected(Error::closed); }
  return session->transport()->configure(options);
}
Endpoint TlsStream::local_endpoint() const noexcept {
  Session* session = find();
  return session ? session->transport()->local_endpoint() : Endpoint();
}
Endpoint TlsStream::remote_endpoint() const noexcept {
  Session* session = find();
  return session ? session->transport()->remote_endpoint() : Endpoint();
}

Failure TlsStream::failure() const noexcept {
  const Session* session = find();
  return session ? session->failure() : Failure();
}
std::string_view TlsStream::version() const noexcept {
  Session* session = find();
  return session && session->state() == Session::State::open ? mbedtls_ssl_get_version(&session->ssl()) : "";
}
std::string_view TlsStream::cipher_suite() const noexcept {
  Session* session = find();
  const char* name =
      session && session->state() == Session::State::open ? mbedtls_ssl_get_ciphersuite(&session->ssl()) : nullptr;
  return name ? name : "";
}
std::string_view TlsStream::application_protocol() const noexcept {
#if defined(MBEDTLS_SSL_ALPN)
  Session* session = find();
  const char* name =
      session && session->state() == Session::State::open ? mbedtls_ssl_get_alpn_protocol(&session->ssl()) : nullptr;
  return name ? name : "";
#else
  return {};
#endif
}
std::span<const std::byte> TlsStream::peer_certificate() const noexcept {
  Session* session = find();
  if (!session || session->state() != Session::State::open) { return {}; }
  const mbedtls_x509_crt* certificate = mbedtls_ssl_get_peer_cert(&session->ssl());
  if (!certificate) { return {}; }
  return {reinterpret_cast<const std::byte*>(certificate->raw.p), certificate->raw.len};
}

// Listeners

void ListenerSlot::open(Engine& engine, const Config& config, AnyTcpListener&& listener, std::size_t backlog) noexcept {
  engine_ = &engine;
  config_ = &config;
  listener_.emplace(std::move(listener));
  backlog_ = backlog == 0 ? 1 : backlog;
  attach(*engine.executor_);
}

void ListenerSlot::close() noexcept {
  if (!listener_) { return; }
  detach();
  waiter_.unlink();
  room_waiter_.unlink();
  listener_.reset();
  for (Session& session : engine_->sessions_) {
    if (session.listener == this) { session.reset(); }
  }
  first_ = last_ = nullptr;
  waiting_ = 0;
  error_ = Error{};
  ++generation;
  acceptable_.wake_all();
}

void ListenerSlot::step(RootTask& task, Context& context) { static_cast<ListenerSlot&>(task).take(context); }

void ListenerSlot::take(Context& context) noexcept {
  for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
    if (waiting_ >= backlog_) {
      room_.add(context, room_waiter_, Wait::other);
      return;
    }
    // Nobody is taken in who would have to be sent away.
    if (!engine_->has_room()) {
      engine_->room_.add(context, room_waiter_, Wait::other);
      return;
    }
    auto accepted = listener_->poll_accept(context, waiter_);
    if (!accepted.ready()) { return; }
    if (!*accepted) {
      error_ = accepted->error();
      acceptable_.wake_all();
      continue;
    }
    Session* session = engine_->take();
    session->listener = this;
    ++waiting_;
    const auto started = session->start(*engine_->executor_, *config_, **std::move(accepted), nullptr, nullptr);
    if (!started) {
      --waiting_;
      error_ = started.error();
      acceptable_.wake_all();
    }
  }
  context.wake_soon();
}

void ListenerSlot::ready(Session& session) noexcept {
  session.next = nullptr;
  (last_ ? last_->next : first_) = &session;
  last_ = &session;
  acceptable_.wake_all();
}

void ListenerSlot::failed(Session& session) noexcept {
  session.listener = nullptr;
  --waiting_;
  ++engine_->refused_;
  room_.wake_all();
  session.drop();
}

Poll<Result<Session*>> ListenerSlot::poll_accept(Context& context, Waiter& waiter) noexcept {
  while (first_) {
    Session& session = *first_;
    first_ = session.next;
    if (!first_) { last_ = nullptr; }
    session.next = nullptr;
    session.listener = nullptr;
    --waiting_;
    room_.wake_all();
    if (!session.is_dead()) { return &session; }
    session.reset();
  }
  if (error_ != Error{}) { return Unexpected(std::exchange(error_, Error{})); }
  acceptable_.add(context, waiter, Wait::acceptable);
  return pending;
}

ListenerSlot* TlsListener::find() const noexcept {
  if (!engine_) { return nullptr; }
  ListenerSlot& slot = engine_->listeners_[index_];
  return slot.generation == generation_ ? &slot : nullptr;
}

void TlsListener::drop() noexcept {
  if (ListenerSlot* slot = find()) { slot->close(); }
  engine_ = nullptr;
}

Poll<Result<TlsStream>> TlsListener::poll_accept(Context& context, Waiter& waiter) noexcept {
  ListenerSlot* slot = find();
  if (!slot) { return Unexpected(Error::closed); }
  auto accepted = slot->poll_accept(context, waiter);
  if (!accepted.ready()) { return pending; }
  if (!*accepted) { return Unexpected(accepted->error()); }
  return engine_->handle(***accepted);
}

Endpoint TlsListener::local_endpoint() const noexcept {
  ListenerSlot* slot = find();
  return slot ? slot->listener().local_endpoint() : Endpoint();
}

}  // namespace nal::tls
