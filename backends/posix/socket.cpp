#include "backends/posix/socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "backends/posix/address.hpp"
#include "backends/posix/error.hpp"

namespace nal::posix {

SocketTable::SocketTable(Reactor& reactor, Socket* sockets, std::size_t count, Duration linger) noexcept
    : reactor_(&reactor), linger_(linger) {
  for (std::size_t i = count; i > 0; --i) {
    sockets[i - 1].next_free = free_;
    free_ = &sockets[i - 1];
  }
}

SocketTable::~SocketTable() { NAL_ASSERT(in_use_ == 0); }

Result<Socket*> SocketTable::take(int fd) noexcept {
  Socket* socket = free_;
  if (!socket) {
    close_descriptor(fd);
    return Unexpected(Error::table_full);
  }
  socket->fd = fd;
  socket->readable = socket->writable = true;
  socket->keep_reading = false;
  if (auto added = reactor_->add(*socket); !added) {
    close_descriptor(fd);
    socket->fd = -1;
    return Unexpected(added.error());
  }
  free_ = socket->next_free;
  ++in_use_;
  socket->table = this;
  socket->failure = socket->write_error = Error{};
  socket->connected = socket->shut_down = false;
  socket->pause_until = Instant{};
  socket->local = socket->remote = Endpoint();
  return socket;
}

void SocketTable::release(Socket& socket) noexcept {
  reactor_->remove(socket);
  close_descriptor(socket.fd);
  socket.fd = -1;
  socket.readers.wake_all();
  socket.writers.wake_all();
  socket.next_free = free_;
  free_ = &socket;
  --in_use_;
  paused_ = false;
  reactor_->retry_now();  // a descriptor and an entry are free: somebody may wait for one to accept with
}

Result<int> open_socket(int family, int type) noexcept {
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
  const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) { return Unexpected(error_from_errno(errno)); }
#else
  const int fd = ::socket(family, type, 0);
  if (fd < 0) { return Unexpected(error_from_errno(errno)); }
  make_non_blocking(fd);
#endif
#ifdef SO_NOSIGPIPE
  static_cast<void>(set_option(fd, SOL_SOCKET, SO_NOSIGPIPE, 1));
#endif
  return fd;
}

void make_non_blocking(int fd) noexcept {
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

bool something_waits(int fd) noexcept {
  pollfd asked{fd, POLLIN, 0};
  return ::poll(&asked, 1, 0) > 0;
}

Result<> set_option(int fd, int level, int name, int value) noexcept {
  if (::setsockopt(fd, level, name, &value, sizeof value) < 0) { return Unexpected(error_from_errno(errno)); }
  return {};
}

Result<> bind_to(int fd, const Endpoint& local) noexcept {
  const SocketAddress address(local);
  if (::bind(fd, address.get(), address.length) == 0) { return {}; }
  if (errno == EADDRINUSE && local.port == 0) { return Unexpected(Error::address_not_available); }
  return Unexpected(error_from_errno(errno));
}

Endpoint bound_endpoint(int fd) noexcept {
  SocketAddress address;
  if (::getsockname(fd, address.get(), &address.length) < 0) { return {}; }
  return address.endpoint();
}

// Not repeated on EINTR: on Linux the descriptor is gone by then, and the number may already be somebody else's.
void close_descriptor(int fd) noexcept { ::close(fd); }

}  // namespace nal::posix
