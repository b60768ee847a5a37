#pragma once
#include <cstdint>

#include "backends/posix/reactor.hpp"
#include "nal/endpoint.hpp"

namespace nal::posix {

class SocketTable;

/// One entry of a stack's socket table: the state behind a handle.
struct Socket : Source {
  SocketTable* table = nullptr;
  Socket* next_free = nullptr;
  Error failure{};         ///< what ended the connection, once a call learned it; told to every later one
  Error write_error{};     ///< why nothing can be written any more: the failure, or this side's shutdown
  bool connected = false;  ///< TCP: the handshake is done
  bool shut_down = false;  ///< TCP: this side has ended
  Instant pause_until{};   ///< listener: out of descriptors was told; not tried again before this
  Endpoint local{};
  Endpoint remote{};
};

/// The sockets of one stack: fixed memory, lent to handles.
class SocketTable {
 public:
  SocketTable(Reactor& reactor, Socket* sockets, std::size_t count, Duration linger) noexcept;
  /// Every handle must be gone (asserted).
  ~SocketTable();
  SocketTable(const SocketTable&) = delete;
  SocketTable& operator=(const SocketTable&) = delete;

  /// A free entry for `fd`, which it owns from here on, watched by the reactor; closes `fd` if it fails. *Errors*:
  /// table_full, no_memory.
  Result<Socket*> take(int fd) noexcept;
  bool full() const noexcept { return free_ == nullptr; }
  /// Closes the descriptor and frees the entry.
  void release(Socket& socket) noexcept;

  Reactor& reactor() noexcept { return *reactor_; }
  /// How long a dropped stream may linger in the background.
  Duration linger() const noexcept { return linger_; }
  std::size_t in_use() const noexcept { return in_use_; }

  /// A listener found nothing free; true until an entry is released.
  void pause() noexcept { paused_ = true; }
  bool paused() const noexcept { return paused_; }

 private:
  Reactor* reactor_;
  Socket* free_ = nullptr;
  std::size_t in_use_ = 0;
  Duration linger_;
  bool paused_ = false;
};

/// What every handle is: the one owner of an entry. Empty once moved from or aborted.
class Handle {
 public:
  explicit Handle(Socket& socket) noexcept : socket_(&socket) {}
  Handle(Handle&& other) noexcept : socket_(other.socket_) { other.socket_ = nullptr; }

 protected:
  ~Handle() = default;
  void take(Handle& other) noexcept {
    socket_ = other.socket_;
    other.socket_ = nullptr;
  }
  /// Null when the handle is empty.
  Socket* live() const noexcept { return socket_; }
  void forget() noexcept { socket_ = nullptr; }

 private:
  Socket* socket_;
};

/// A socket that is non-blocking and not inherited by child processes.
Result<int> open_socket(int family, int type) noexcept;
/// Makes a descriptor non-blocking and not inherited, where that cannot be asked for when it is made.
void make_non_blocking(int fd) noexcept;
/// Whether a read (or accept) on `fd` would find something now.
bool something_waits(int fd) noexcept;
/// `setsockopt` with an int.
Result<> set_option(int fd, int level, int name, int value) noexcept;
/// `bind`. *Errors*: address_in_use; address_not_available, also where port 0 finds no free port; permission_denied.
Result<> bind_to(int fd, const Endpoint& local) noexcept;
/// The endpoint a descriptor is bound to, or the unspecified one.
Endpoint bound_endpoint(int fd) noexcept;
void close_descriptor(int fd) noexcept;

}  // namespace nal::posix
