#pragma once
#include <utility>

#include "backends/lwip/core.hpp"
#include "nal/tcp.hpp"

namespace nal::lwip {

class Tcp;
struct TcpSlot;
struct ListenerSlot;

/// What a handle names: a slot, and which of its lives.
struct SlotName {
  std::uint16_t index;
  std::uint16_t generation;
};

/// A connection over lwIP (`nal::TcpStream`; also gathers, and reads in place). Two words: a late use of what has ended
/// is `Error::closed`. The stack outlives it.
class TcpStream {
 public:
  TcpStream(TcpStream&& other) noexcept : tcp_(std::exchange(other.tcp_, nullptr)), name_(other.name_) {}
  TcpStream& operator=(TcpStream&& other) noexcept {
    if (this != &other) {
      drop();
      tcp_ = std::exchange(other.tcp_, nullptr);
      name_ = other.name_;
    }
    return *this;
  }
  ~TcpStream() { drop(); }

  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept;
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<std::span<const std::byte>>> poll_fill(Context& context, Waiter& waiter) noexcept;
  void consume(std::size_t n) noexcept;
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Poll<Result<std::size_t>> poll_write_gather(Context& context, Waiter& waiter, ConstBuffers pieces) noexcept;
  Poll<Result<>> poll_flush(Context& context, Waiter& waiter) noexcept;
  Poll<Result<>> poll_shutdown(Context& context, Waiter& waiter) noexcept;
  void abort() noexcept;
  Result<> configure(const TcpOptions& options) noexcept;
  Endpoint local_endpoint() const noexcept;
  Endpoint remote_endpoint() const noexcept;

 private:
  friend class Tcp;
  friend class TcpListener;
  TcpStream(Tcp& tcp, SlotName name) noexcept : tcp_(&tcp), name_(name) {}
  inline TcpSlot* find() const noexcept;
  void drop() noexcept;

  Tcp* tcp_;
  SlotName name_;
};

/// A listener over lwIP (`nal::TcpListener`).
class TcpListener {
 public:
  using TcpStream = lwip::TcpStream;

  TcpListener(TcpListener&& other) noexcept : tcp_(std::exchange(other.tcp_, nullptr)), name_(other.name_) {}
  TcpListener& operator=(TcpListener&& other) noexcept {
    if (this != &other) {
      drop();
      tcp_ = std::exchange(other.tcp_, nullptr);
      name_ = other.name_;
    }
    return *this;
  }
  ~TcpListener() { drop(); }

  Poll<Result<TcpStream>> poll_accept(Context& context, Waiter& waiter) noexcept;
  Endpoint local_endpoint() const noexcept;

 private:
  friend class Tcp;
  TcpListener(Tcp& tcp, SlotName name) noexcept : tcp_(&tcp), name_(name) {}
  ListenerSlot* find() const noexcept;
  void drop() noexcept;

  Tcp* tcp_;
  SlotName name_;
};

/// A connection's state beside lwIP's. Of concern to `Tcp`.
struct TcpSlot {
  static constexpr std::uint32_t kForever = ~std::uint32_t{0};

  tcp_pcb* pcb = nullptr;  ///< null before, and once lwIP has ended it
  // What was received and not read yet: pbufs one behind the other, each our own. Not a chain of lwIP's, whose
  // `tot_len` would have to be put right in each.
  pbuf* unread = nullptr;
  pbuf* unread_last = nullptr;
  TcpSlot* next = nullptr;           ///< free; or waits behind it to be accepted
  ListenerSlot* listener = nullptr;  ///< where it waits to be accepted
  Bell readable;
  Bell writable;                      ///< room, the end of the handshake, an error
  Instant deadline = Instant::max();  ///< of one that lingers
  /// With `user_timeout`: lwIP's time when the peer last acknowledged something, or had nothing to.
  std::uint32_t progress = 0;
  std::uint32_t user_timeout = kForever;  ///< after that without, milliseconds
  std::uint16_t unread_from = 0;          ///< bytes of the first pbuf that were read already
  std::uint16_t generation = 0;
  Error error{};  ///< why it ended
  bool used : 1 = false;
  bool connecting : 1 = false;
  bool ended : 1 = false;  ///< the peer has ended its direction
  bool shut_down : 1 = false;
  bool lingers : 1 = false;  ///< its handle was dropped
  bool looped : 1 = false;   ///< both ends are this host's
};

/// A listener's state beside lwIP's. Of concern to `Tcp`.
struct ListenerSlot {
  tcp_pcb* pcb = nullptr;
  TcpSlot* first = nullptr;  ///< those who wait to be accepted
  TcpSlot* last = nullptr;
  Bell acceptable;
  TcpOptions accepted{};
  std::uint16_t generation = 0;
  std::uint8_t backlog = 0;  ///< as it was asked for
  std::uint8_t waiting = 0;  ///< from `first` on
};

/// lwIP's TCP behind nal's interface: slots, and the callbacks that fill them and wake. lwIP is one in a process, and
/// so is this.
class Tcp {
 public:
  struct Statistics {
    std::uint32_t refused = 0;    ///< connections that found no slot
    std::uint32_t no_memory = 0;  ///< connections that found no memory in lwIP
  };

  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;
  Tcp(Core& core, std::span<TcpSlot> slots, std::span<ListenerSlot> listeners, Duration linger) noexcept;
  ~Tcp() { instance_ = nullptr; }
  /// With the core locked: nothing of ours is left in lwIP.
  void end_all() noexcept;

  Result<TcpStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    return start_tcp_from(Endpoint(IpAddress::unspecified(remote.address.family()), 0), remote, options);
  }
  Result<TcpStream> start_tcp_from(const Endpoint& local, const Endpoint& remote, const TcpOptions& options) noexcept;
  Result<TcpListener> listen(const Endpoint& local, const ListenOptions& options) noexcept;

  /// Gives up those that linger for too long. When the next one is due.
  Instant poll(Instant now) noexcept { return lingering_ == 0 ? Instant::max() : poll_lingering(now); }
  /// There is room to send frames again: what lwIP held back since there was none.
  void push() noexcept;

  std::size_t in_use() const noexcept { return in_use_ + listeners_in_use_; }
  Statistics statistics() const noexcept {
    const CoreLock lock;
    return statistics_;
  }

 private:
  friend class TcpStream;
  friend class TcpListener;

  // lwIP's callbacks.
  static err_t on_connected(void* slot, tcp_pcb* pcb, err_t error) noexcept;
  static err_t on_accept(void* listener, tcp_pcb* pcb, err_t error) noexcept;
  static err_t on_receive(void* slot, tcp_pcb* pcb, pbuf* data, err_t error) noexcept;
  static err_t on_sent(void* slot, tcp_pcb* pcb, u16_t size) noexcept;
  static err_t on_poll(void* slot, tcp_pcb* pcb) noexcept;
  static void on_error(void* slot, err_t error) noexcept;

  SlotName name_of(const TcpSlot& slot) const noexcept {
    return {static_cast<std::uint16_t>(&slot - slots_.data()), slot.generation};
  }
  TcpSlot* take_slot() noexcept;
  void attach(TcpSlot& slot, tcp_pcb& pcb) noexcept;
  /// lwIP's side lives on without us; what becomes of it is its own matter.
  void detach(TcpSlot& slot) noexcept;
  void end(TcpSlot& slot, Error error) noexcept;
  void release(TcpSlot& slot) noexcept;
  void abort(TcpSlot& slot) noexcept;
  void drop(TcpSlot& slot) noexcept;
  void drop(ListenerSlot& listener) noexcept;
  Instant poll_lingering(Instant now) noexcept;
  void after_peers_end(TcpSlot& slot) noexcept;
  void limit_backlogs() noexcept;
  static void leave_backlog(TcpSlot& slot) noexcept;
  static void apply(TcpSlot& slot, const TcpOptions& options) noexcept;
  static void free_unread(TcpSlot& slot) noexcept;
  static Poll<Result<std::size_t>> nothing_to_read(TcpSlot* slot, Context& context, Waiter& waiter) noexcept;
  static std::span<const std::byte> front(const TcpSlot& slot) noexcept;
  static void advance(TcpSlot& slot, std::size_t n) noexcept;
  static void open_window(TcpSlot& slot, std::size_t n) noexcept;
  static Error why_not_writable(const TcpSlot* slot) noexcept;
  static Result<std::size_t> write(TcpSlot& slot, std::span<const std::byte> data) noexcept;
  static Result<std::size_t> write_less(tcp_pcb& pcb, const std::byte* data, std::size_t size, err_t error) noexcept;
  void send(TcpSlot& slot) noexcept;
  /// `run()` has lwIP's loop deliver what this host said to itself.
  void tell_loop(const TcpSlot& slot) noexcept {
    if (slot.looped) { core_.kick(); }
  }

  static Tcp* instance_;
  Core& core_;
  std::span<TcpSlot> slots_;
  std::span<ListenerSlot> listeners_;
  TcpSlot* free_ = nullptr;
  Duration linger_;
  std::uint16_t in_use_ = 0;
  std::uint16_t listeners_in_use_ = 0;
  std::uint16_t lingering_ = 0;
  Statistics statistics_;
};

inline TcpSlot* TcpStream::find() const noexcept {
  if (!tcp_) { return nullptr; }
  TcpSlot& slot = tcp_->slots_[name_.index];
  return slot.generation == name_.generation ? &slot : nullptr;
}

}  // namespace nal::lwip
