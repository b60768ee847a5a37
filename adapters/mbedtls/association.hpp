#pragma once
/// One DTLS peer: Mbed TLS's context between a port's datagrams and its application. Of concern to datagram_port.cpp
/// and dtls.cpp.
#include <span>

#include "adapters/mbedtls/config.hpp"
#include "nal/time.hpp"
#include "nal/timer.hpp"
#include "nal/udp.hpp"

namespace nal::tls {

class DatagramPort;
class SavedSession;
class ServerName;

/// Both ends as datagrams name them.
struct DatagramEnds {
  Endpoint remote{};
  Endpoint local{};
};

/// A machine without a task or a clock of its own: its port feeds it datagrams, drives it when `due`, and is told what
/// becomes of it.
class Association {
 public:
  enum class State : std::uint8_t {
    free,
    greeting,  ///< a server's that serves nobody yet: newcomers without a cookie are sent one from here
    handshaking,
    open,
    failed,  ///< a client's: the next datagram that is sent begins anew
  };

  Association() noexcept { mbedtls_ssl_init(&ssl_); }
  Association(const Association&) = delete;
  Association& operator=(const Association&) = delete;
  ~Association() { NAL_ASSERT(state_ == State::free); }

  /// A client's. It begins at once. *Errors*: no_memory, invalid_argument.
  Result<> start(DatagramPort& port, const Config& config, const ServerName& name, SavedSession* saved,
                 std::uint16_t mtu) noexcept;
  /// A client's that failed or that its peer closed, once more.
  void restart() noexcept;
  /// A server's, for whoever comes.
  Result<> greet(DatagramPort& port, const Config& config, std::uint16_t mtu, std::uint32_t id) noexcept;
  /// What a newcomer's hello is worth. False: it brought no cookie (it has been sent one) or is no good; nothing is
  /// left of it. True: from now on this is that peer's.
  bool accept(std::span<const std::byte> hello, const Received& about) noexcept;
  void reset() noexcept;

  /// Whether it can look at another datagram now.
  bool hungry() const noexcept { return !busy_ && !readable_; }
  /// Takes a datagram that came from its peer.
  void feed(std::span<const std::byte> datagram, const Received& about) noexcept;
  /// Goes on: a timer has expired, there is room to send, or it asked for another turn.
  void drive() noexcept;
  bool busy() const noexcept { return busy_; }
  /// When it wants to be driven even if nothing arrives.
  Instant due() const noexcept;
  /// A handshake over a transport that failed.
  /// Of a handshake. What may pass is kept as the reason, should it time out (as RFC 1122 §4.2.3.9 has it for TCP).
  void fail_of_transport(Error error) noexcept;
  /// There is room to send again.
  void paid() noexcept {
    if (wants_room_) { busy_ = true; }
  }

  bool readable() const noexcept { return readable_; }
  /// The datagram that is there. What does not fit in the buffer is gone.
  Received take(std::span<std::byte> buffer) noexcept;
  /// The most that a datagram can carry now.
  std::size_t max_payload() const noexcept;
  /// One datagram, which the port sends or owes. *Errors*: message_size, the transport's.
  Result<> send(std::span<const std::byte> data) noexcept;
  /// Tells the peer that this is the end.
  void say_goodbye() noexcept;

  State state() const noexcept { return state_; }
  mbedtls_ssl_context& ssl() noexcept { return ssl_; }
  const Failure& failure() const noexcept { return failure_; }
  const DatagramEnds& ends() const noexcept { return ends_; }
  Instant active_at() const noexcept { return active_at_; }
  DatagramPort* port() const noexcept { return port_; }
  /// Whether the record is one that names its receiver by an id, and not by where it was sent from (RFC 9146).
  static bool bears_id(std::span<const std::byte> datagram) noexcept;
  /// The id that it bears.
  static std::uint32_t id_of(std::span<const std::byte> datagram) noexcept;
  std::uint32_t id() const noexcept { return id_; }
  /// Whether the hello is the one with which this peer's handshake began.
  bool began_with(std::span<const std::byte> hello) const noexcept;
  static bool is_hello(std::span<const std::byte> datagram) noexcept;

  Association* next = nullptr;  ///< free; or readable behind it

 private:
  static int send_record(void* self, const unsigned char* data, std::size_t size) noexcept;
  static int receive_record(void* self, unsigned char* data, std::size_t size) noexcept;
  static void set_timer(void* self, std::uint32_t intermediate, std::uint32_t last) noexcept;
  static int get_timer(void* self) noexcept;

  Result<> prepare(DatagramPort& port, const Config& config, std::uint16_t mtu) noexcept;
  void begin() noexcept;
  void shake_hands() noexcept;
  void opened() noexcept;
  void look() noexcept;
  Error fail(int code) noexcept;
  void fail(const Failure& failure) noexcept;
  void forget_hello() noexcept;
  void became_readable() noexcept;

  DatagramPort* port_ = nullptr;
  const Config* config_ = nullptr;
  SavedSession* saved_ = nullptr;
  mbedtls_ssl_context ssl_;
  std::span<const std::byte> input_{};  ///< a datagram that was not looked at yet; only while it is fed
  DatagramEnds ends_{};
  Received about_{};  ///< of the datagram that was fed last
  Instant intermediate_ = Instant::max();
  Instant final_ = Instant::max();     ///< when the flight is to be sent again
  Instant deadline_ = Instant::max();  ///< of the handshake
  Instant active_at_{};                ///< when something of the peer's was heard, or something was sent to it
  std::uint64_t number_ = 0;           ///< of the record with which the datagram begins that was fed last
  std::uint64_t newest_ = 0;           ///< the highest of those that brought something for the application
  std::uint32_t id_ = 0;               ///< by which a server's peer may name us
  std::uint64_t hello_ = 0;            ///< of the random bytes of the client's hello
  Failure failure_{};
  Error transport_error_{};  ///< as the last callback met it
  Error hint_{};             ///< why nobody answers, as far as the network knows
  std::uint16_t mtu_ = 0;
  State state_ = State::free;
  bool busy_ : 1 = false;        ///< wants another turn
  bool readable_ : 1 = false;    ///< a datagram for the application is there
  bool wants_room_ : 1 = false;  ///< to send the rest of its flight
  bool alerted_ : 1 = false;     ///< the peer has been told what is wrong
  bool starved_ : 1 = false;     ///< Mbed TLS asked for a datagram, and there was none
};

}  // namespace nal::tls
