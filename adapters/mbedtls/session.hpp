#pragma once
/// One TLS connection: Mbed TLS's context over an erased transport. Of concern to tls.cpp.
#include <optional>

#include "adapters/mbedtls/config.hpp"
#include "nal/any_tcp.hpp"

namespace nal::tls {

class Engine;
class ListenerSlot;
class SavedSession;
class ServerName;

/// A slot of an `Engine`. It is a task of its own while the handshake runs, while ciphertext waits for the transport,
/// and while it lingers; in between whoever reads and writes drives it.
class Session : public RootTask {
 public:
  Session() noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  enum class State : std::uint8_t { free, connecting, handshaking, open, failed, lingering };

  /// `owed` is room for ciphertext that the transport does not take at once: a record and an alert.
  void place(Engine& engine, std::span<std::byte> owed) noexcept {
    engine_ = &engine;
    owed_ = owed;
  }
  Result<> start(Executor& executor, const Config& config, AnyTcpStream&& transport, const ServerName* name,
                 SavedSession* saved) noexcept;
  /// Frees everything now; the transport is aborted if it is still there.
  void reset() noexcept;
  /// What dropping the handle means.
  void drop() noexcept;

  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept;
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept;
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept;

  State state() const noexcept { return state_; }
  AnyTcpStream* transport() noexcept { return transport_ ? &*transport_ : nullptr; }
  mbedtls_ssl_context& ssl() noexcept { return ssl_; }
  const Failure& failure() const noexcept { return failure_; }
  bool in_background() const noexcept { return background_; }
  /// Accepted, and dead before anybody took it.
  bool is_dead() noexcept;

  std::uint16_t generation = 0;
  Session* next = nullptr;           ///< free; or waits behind it to be accepted
  ListenerSlot* listener = nullptr;  ///< where it waits to be accepted

 private:
  static void step(RootTask& task, Context& context);
  static int send(void* self, const unsigned char* data, std::size_t size) noexcept;
  static int receive(void* self, unsigned char* data, std::size_t size) noexcept;

  void drive(Context& context) noexcept;
  void shake_hands(Context& context) noexcept;
  void opened() noexcept;
  void linger(Context& context) noexcept;
  /// Hands what is owed to the transport. True when nothing is left.
  bool pay(Context& context, Waiter& waiter) noexcept;
  bool owes() const noexcept { return owed_from_ != owed_to_; }
  /// Attached while there is something to do in the background.
  void run_in_background() noexcept;
  void rest() noexcept;
  void fail(const Failure& failure) noexcept;
  void fail(int code) noexcept;
  void send_alert_of_refusal(int code) noexcept;
  Poll<Result<std::size_t>> read_result(int code, Context& context, bool& again) noexcept;
  void save() noexcept;
  bool arrived_unread() noexcept;

  /// Mbed TLS's callbacks find here for whom they are called; null: for nobody who would wait.
  class Call {
   public:
    Call(Session& session, Context& context, Waiter& waiter) noexcept : session_(&session) {
      session.context_ = &context;
      session.waiter_ = &waiter;
      session.blocked_ = false;
    }
    Call(const Call&) = delete;
    ~Call() {
      session_->context_ = nullptr;
      session_->waiter_ = nullptr;
    }

   private:
    Session* session_;
  };

  Engine* engine_ = nullptr;
  const Config* config_ = nullptr;
  SavedSession* saved_ = nullptr;
  Executor* executor_of_ = nullptr;
  std::optional<AnyTcpStream> transport_;
  mbedtls_ssl_context ssl_;
  std::span<std::byte> owed_;
  std::size_t owed_from_ = 0;
  std::size_t owed_to_ = 0;
  Context* context_ = nullptr;
  Waiter* waiter_ = nullptr;
  Waiter in_waiter_;  ///< of the task that this is
  Waiter out_waiter_;
  Timer timer_;
  Instant deadline_ = Instant::max();  ///< of the handshake, or of lingering
  WaitList connected_;
  WaitList paid_;  ///< for room to write
  Failure failure_{};
  Error transport_error_{};  ///< as the last callback met it
  Error write_error_{};      ///< the transport takes no more; what has arrived may still be read
  State state_ = State::free;
  bool background_ : 1 = false;
  bool blocked_ : 1 = false;    ///< the transport had nothing to read, and whoever asked waits for it
  bool overflow_ : 1 = false;   ///< something wanted to be sent that nobody had room for
  bool opened_ : 1 = false;     ///< the handshake was done
  bool ended_ : 1 = false;      ///< the peer's close_notify has come
  bool shut_down_ : 1 = false;  ///< our close_notify is on its way
  bool finished_ : 1 = false;   ///< and the transport's own end behind it
};

}  // namespace nal::tls
