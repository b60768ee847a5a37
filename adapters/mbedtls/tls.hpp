#pragma once
#include <array>
#include <cstring>
#include <utility>

#include "adapters/mbedtls/session.hpp"

namespace nal::tls {

class Engine;

/// Who the server must be: the name that its certificate must hold, which it is told, too (SNI, RFC 6066 §3). To leave
/// the check out has to be said.
class ServerName {
 public:
  static constexpr std::size_t kMost = 255;
  /// A DNS name. It is copied. A longer one than DNS has is refused when it is used.
  explicit ServerName(std::string_view name) noexcept : size_(name.size()) {
    if (size_ > 0 && size_ <= kMost) { std::memcpy(text_, name.data(), size_); }
  }
  /// Whatever name the certificate has, as long as it is trusted.
  static ServerName unchecked() noexcept { return ServerName(std::string_view()); }
  bool valid() const noexcept { return size_ <= kMost; }
  /// Null if it is not to be checked.
  const char* c_str() const noexcept { return size_ == 0 ? nullptr : text_; }

 private:
  char text_[kMost + 1] = {};
  std::size_t size_;
};

/// A session with one server that can be taken up again, which spares the certificates and most of the arithmetic: kept
/// up to date by the connections that are given it, and outlives them. It must be used with one server only.
class SavedSession {
 public:
  SavedSession() noexcept { mbedtls_ssl_session_init(&session_); }
  SavedSession(const SavedSession&) = delete;
  SavedSession& operator=(const SavedSession&) = delete;
  ~SavedSession() { mbedtls_ssl_session_free(&session_); }

  bool empty() const noexcept { return empty_; }
  /// The next connection makes a full handshake.
  void forget() noexcept;
  /// For flash or a file: it is as secret as a key. How many bytes it took. *Errors*: buffer_too_small; not_supported;
  /// closed if there is none.
  Result<std::size_t> save(std::span<std::byte> out) const noexcept;
  /// What `save` gave, on the same release and build of Mbed TLS. *Errors*: invalid_argument; not_supported.
  Result<> load(std::span<const std::byte> bytes) noexcept;

 private:
  friend class Association;
  friend class Session;
  /// To a connection that begins. One that does not fit (any more) costs nothing but a full handshake.
  void offer(mbedtls_ssl_context& ssl) noexcept;
  /// What the connection's session is now, if it can be told.
  void update(const mbedtls_ssl_context& ssl) noexcept;

  mbedtls_ssl_session session_;
  bool empty_ = true;
};

/// A TLS connection (`nal::TcpStream`). Two words: a late use of what has ended is `Error::closed`. Its engine, its
/// config and the stack below outlive it.
///
/// `poll_connected` is ready when the handshake is done. *Errors*: untrusted_peer (see `failure`), permission_denied
/// (the peer does not trust us), not_supported (nothing in common), protocol_error, timed_out, end_of_stream (the peer
/// ended without its close_notify), the transport's. Reading gives 0 only behind the peer's close_notify: a connection
/// that merely ends is `Error::end_of_stream`, since anybody on the way could have ended it.
///
/// `poll_write` takes at most a record. What it took is on its way: giving up the write takes nothing back and harms
/// nothing. `poll_shutdown` sends close_notify and the transport's end behind it; reading goes on. Dropping the stream
/// sends what was written and no close_notify, so that the peer can tell; `nal::close` sends it.
class TlsStream {
 public:
  TlsStream(TlsStream&& other) noexcept
      : engine_(std::exchange(other.engine_, nullptr)), index_(other.index_), generation_(other.generation_) {}
  TlsStream& operator=(TlsStream&& other) noexcept {
    if (this != &other) {
      drop();
      engine_ = std::exchange(other.engine_, nullptr);
      index_ = other.index_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~TlsStream() { drop(); }

  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept;
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  /// Short pieces go together into one record, of `kGathered` bytes at most: a header and what follows it are one.
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept;
  static constexpr std::size_t kGathered = 512;
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept;
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept;
  void abort() noexcept;
  Result<> configure(const TcpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;
  Endpoint remote_endpoint() const noexcept;

  /// Why it failed; nothing if it did not.
  Failure failure() const noexcept;
  /// "TLSv1.3"; empty before the handshake is done. Static storage.
  std::string_view version() const noexcept;
  /// "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"; empty before the handshake is done. Static storage.
  std::string_view cipher_suite() const noexcept;
  /// What both agreed on (RFC 7301); empty if nothing.
  std::string_view application_protocol() const noexcept;
  /// Of the certificate that the peer showed, in DER; empty if none, or not kept. Valid until the stream ends.
  std::span<const std::byte> peer_certificate() const noexcept;

 private:
  friend class Engine;
  TlsStream(Engine& engine, std::uint16_t index, std::uint16_t generation) noexcept
      : engine_(&engine), index_(index), generation_(generation) {}
  Session* find() const noexcept;
  void drop() noexcept;

  Engine* engine_;
  std::uint16_t index_;
  std::uint16_t generation_;
};

/// A listener's state. Of concern to `Engine`. A task of its own, which takes connections from the transport's listener
/// and has them shake hands side by side: one that stalls holds nobody up.
class ListenerSlot : public RootTask {
 public:
  ListenerSlot() noexcept : RootTask(&step, nullptr) { set_name("tls listener"); }
  ListenerSlot(const ListenerSlot&) = delete;
  ListenerSlot& operator=(const ListenerSlot&) = delete;
  ~ListenerSlot() { close(); }

  void open(Engine& engine, const Config& config, AnyTcpListener&& listener, std::size_t backlog) noexcept;
  void close() noexcept;
  bool is_open() const noexcept { return listener_.has_value(); }
  AnyTcpListener& listener() noexcept { return *listener_; }
  Poll<Result<Session*>> poll_accept(Context& context, Waiter& waiter) noexcept;
  /// The handshake of one of its sessions has come to its end.
  void ready(Session& session) noexcept;
  void failed(Session& session) noexcept;

  std::uint16_t generation = 0;

 private:
  static void step(RootTask& task, Context& context);
  void take(Context& context) noexcept;
  static constexpr unsigned kTurnsPerPoll = 8;

  Engine* engine_ = nullptr;
  const Config* config_ = nullptr;
  std::optional<AnyTcpListener> listener_;
  Waiter waiter_;
  Waiter room_waiter_;
  WaitList room_;  ///< in its backlog
  WaitList acceptable_;
  Session* first_ = nullptr;
  Session* last_ = nullptr;
  std::size_t waiting_ = 0;  ///< shaking hands, or ready and not accepted
  std::size_t backlog_ = 0;
  Error error_{};
};

/// A listener whose connections are TLS (`nal::TcpListener`). It accepts connections whose handshake is done; those
/// whose handshake fails are passed over (`Engine::last_failure`, `Engine::refused`).
class TlsListener {
 public:
  using TcpStream = TlsStream;
  TlsListener(TlsListener&& other) noexcept
      : engine_(std::exchange(other.engine_, nullptr)), index_(other.index_), generation_(other.generation_) {}
  TlsListener& operator=(TlsListener&& other) noexcept {
    if (this != &other) {
      drop();
      engine_ = std::exchange(other.engine_, nullptr);
      index_ = other.index_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~TlsListener() { drop(); }

  Poll<Result<TlsStream>> poll_accept(Context& context, Waiter& waiter) noexcept;
  Endpoint local_endpoint() const noexcept;

 private:
  friend class Engine;
  TlsListener(Engine& engine, std::uint16_t index, std::uint16_t generation) noexcept
      : engine_(&engine), index_(index), generation_(generation) {}
  ListenerSlot* find() const noexcept;
  void drop() noexcept;

  Engine* engine_;
  std::uint16_t index_;
  std::uint16_t generation_;
};

static_assert(nal::TcpStream<TlsStream> && nal::TcpListener<TlsListener>);

/// What an `Engine` is made of. `record` is the largest record's content that the library was built to send
/// (MBEDTLS_SSL_OUT_CONTENT_LEN), which may have to wait for the transport.
struct EngineConfig {
  std::size_t sessions = 4;
  std::size_t listeners = 1;
  std::size_t record =
#if defined(MBEDTLS_SSL_OUT_CONTENT_LEN)
      MBEDTLS_SSL_OUT_CONTENT_LEN;
#else
      MBEDTLS_SSL_MAX_CONTENT_LEN;
#endif
};

/// Everything of an `Engine` but Mbed TLS's own memory (`Memory`).
template <EngineConfig kConfig>
struct Resources {
  /// Header, padding, tag and explicit nonce of a record, and the alerts behind it.
  static constexpr std::size_t kOverhead = 512;
  static_assert(kConfig.sessions > 0 && kConfig.sessions < 0xffff);
  std::array<Session, kConfig.sessions> sessions{};
  std::array<ListenerSlot, kConfig.listeners> listeners{};
  std::array<std::byte, kConfig.sessions*(kConfig.record + kOverhead)> owed;
  static constexpr std::size_t bytes() noexcept { return sizeof(Resources); }
};

/// The connections of one executor. `Resources`, executor and configs outlive it; it outlives its streams.
class Engine {
 public:
  template <EngineConfig kConfig>
  Engine(Executor& executor, Resources<kConfig>& memory) noexcept
      : Engine(executor, std::span<Session>(memory.sessions), std::span<ListenerSlot>(memory.listeners),
               std::span<std::byte>(memory.owed)) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  /// TLS over a connection, made or still being made, that this side begins. `saved` may be null. *Errors*: table_full;
  /// no_memory; invalid_argument. The transport is gone then.
  Result<TlsStream> client(const Config& config, AnyTcpStream transport, const ServerName& name,
                           SavedSession* saved = nullptr) noexcept;
  /// TLS over a connection that the other side begins.
  Result<TlsStream> server(const Config& config, AnyTcpStream transport) noexcept;
  /// TLS for all that arrive at a listener; up to `backlog` of them shake hands or wait.
  Result<TlsListener> listen(const Config& config, AnyTcpListener listener, std::size_t backlog) noexcept;

  /// Why the last connection that failed did, be it that nobody was given it: what `connect` leaves behind, what a
  /// listener passed over.
  const Failure& last_failure() const noexcept { return last_failure_; }
  /// Connections that a listener passed over since their handshake failed.
  std::size_t refused() const noexcept { return refused_; }
  /// Sessions taken, lingering ones included.
  std::size_t in_use() const noexcept { return in_use_; }
  /// Tasks of its own on the executor: listeners, handshakes, and what waits for a transport.
  std::size_t tasks() const noexcept;
  /// Gives up a connection that lingers, if there is one: the stack below has no room left.
  bool give_way() noexcept;
  Executor& executor() noexcept { return *executor_; }

 private:
  friend class TlsStream;
  friend class TlsListener;
  friend class Session;
  friend class ListenerSlot;

  Engine(Executor& executor, std::span<Session> sessions, std::span<ListenerSlot> listeners,
         std::span<std::byte> owed) noexcept;
  /// Null if all are owned; a lingering one gives way.
  Session* take() noexcept;
  void give_back(Session& session) noexcept;
  Session* lingering() noexcept;
  bool has_room() noexcept { return free_ || lingering(); }
  TlsStream handle(Session& session) noexcept {
    return TlsStream(*this, static_cast<std::uint16_t>(&session - sessions_.data()), session.generation);
  }
  void note(const Failure& failure) noexcept { last_failure_ = failure; }

  Executor* executor_;
  std::span<Session> sessions_;
  std::span<ListenerSlot> listeners_;
  Session* free_ = nullptr;
  WaitList room_;
  Failure last_failure_{};
  std::size_t refused_ = 0;
  std::size_t in_use_ = 0;
};

}  // namespace nal::tls
