#include "tests/backends/posix/peer.hpp"

#include <catch2/catch_test_macros.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "backends/posix/address.hpp"
#include "tests/backends/posix/faults.hpp"

namespace nal::test {

namespace {

int open_peer(const Endpoint& endpoint, int type) {
  const int fd = ::socket(posix::address_family(endpoint.address), type | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  const timeval patience{10, 0};
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
  const int on = 1;
  if (endpoint.address.is_v6()) { REQUIRE(::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0); }
  return fd;
}

Endpoint local_of(int fd) {
  const Untouched untouched;
  posix::SocketAddress address;
  REQUIRE(::getsockname(fd, address.get(), &address.length) == 0);
  return address.endpoint();
}

}  // namespace

Peer Peer::connect_to(const Endpoint& remote) {
  const Untouched untouched;
  Peer peer(open_peer(remote, SOCK_STREAM));
  const int on = 1;
  REQUIRE(::setsockopt(peer.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  const posix::SocketAddress address(remote);
  REQUIRE(::connect(peer.fd_, address.get(), address.length) == 0);
  return peer;
}

Peer Peer::bind_at(const Endpoint& local) {
  const Untouched untouched;
  Peer peer(open_peer(local, SOCK_STREAM));
  const posix::SocketAddress address(local);
  REQUIRE(::bind(peer.fd_, address.get(), address.length) == 0);
  return peer;
}

Peer Peer::listen_at(const Endpoint& local, int backlog, int receive_buffer) {
  const Untouched untouched;
  Peer peer(open_peer(local, SOCK_STREAM));
  if (receive_buffer != 0) {
    REQUIRE(::setsockopt(peer.fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer) == 0);
  }
  const posix::SocketAddress address(local);
  REQUIRE(::bind(peer.fd_, address.get(), address.length) == 0);
  REQUIRE(::listen(peer.fd_, backlog) == 0);
  return peer;
}

Peer::Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Peer& Peer::operator=(Peer&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Peer::~Peer() { close(); }

Peer Peer::accept() {
  const Untouched untouched;
  Peer peer(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(peer.fd_ >= 0);
  const timeval patience{10, 0};
  REQUIRE(::setsockopt(peer.fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  return peer;
}

Endpoint Peer::local() const { return local_of(fd_); }

void Peer::send(std::string_view data) {
  const Untouched untouched;
  while (!data.empty()) {
    const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    REQUIRE(sent > 0);
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Peer::send_urgent(char byte) {
  const Untouched untouched;
  REQUIRE(::send(fd_, &byte, 1, MSG_OOB | MSG_NOSIGNAL) == 1);
}

void Peer::send_end() {
  const Untouched untouched;
  REQUIRE(::shutdown(fd_, SHUT_WR) == 0);
}

std::string Peer::receive(std::size_t size) {
  const Untouched untouched;
  std::string data(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::recv(fd_, data.data() + filled, size - filled, 0);
    REQUIRE(got > 0);
    filled += static_cast<std::size_t>(got);
  }
  return data;
}

std::string Peer::receive_all() {
  const Untouched untouched;
  std::string data;
  char chunk[4096];
  for (;;) {
    const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
    REQUIRE(got >= 0);
    if (got == 0) { return data; }
    data.append(chunk, static_cast<std::size_t>(got));
  }
}

int Peer::read_error() {
  const Untouched untouched;
  char byte = 0;
  return ::recv(fd_, &byte, 1, 0) >= 0 ? 0 : errno;
}

bool Peer::was_reset() {
  const Untouched untouched;
  pollfd asked{fd_, 0, 0};  // errors are told unasked
  if (::poll(&asked, 1, 10'000) != 1 || (asked.revents & POLLERR) == 0) { return false; }
  int error = 0;
  socklen_t length = sizeof error;
  REQUIRE(::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
  // A broken pipe, if it had been told of the end before.
  return error == ECONNRESET || error == EPIPE;
}

std::size_t Peer::waiting() const {
  int bytes = 0;
  REQUIRE(::ioctl(fd_, FIONREAD, &bytes) == 0);
  return static_cast<std::size_t>(bytes);
}

void Peer::close() {
  const Untouched untouched;
  if (fd_ >= 0) { ::close(std::exchange(fd_, -1)); }
}

void Peer::reset() {
  {
    const Untouched untouched;
    const linger now{1, 0};
    REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  }
  close();
}

UdpPeer::UdpPeer(const Endpoint& local) : fd_(-1) {
  const Untouched untouched;
  fd_ = open_peer(local, SOCK_DGRAM);
  const posix::SocketAddress address(local);
  REQUIRE(::bind(fd_, address.get(), address.length) == 0);
}
UdpPeer::~UdpPeer() {
  const Untouched untouched;
  ::close(fd_);
}

Endpoint UdpPeer::local() const { return local_of(fd_); }

void UdpPeer::refuse_all() {
  // Connected to itself, the system gives it nothing of anybody else.
  const Untouched untouched;
  const posix::SocketAddress address(local());
  REQUIRE(::connect(fd_, address.get(), address.length) == 0);
}

void UdpPeer::send_to(const Endpoint& remote, std::string_view data) {
  const Untouched untouched;
  const posix::SocketAddress address(remote);
  REQUIRE(::sendto(fd_, data.data(), data.size(), 0, address.get(), address.length) ==
          static_cast<ssize_t>(data.size()));
}

UdpPeer::Datagram UdpPeer::receive() {
  const Untouched untouched;
  Datagram datagram;
  datagram.data.resize(65536);
  posix::SocketAddress from;
  const ssize_t got = ::recvfrom(fd_, datagram.data.data(), datagram.data.size(), 0, from.get(), &from.length);
  REQUIRE(got >= 0);
  datagram.data.resize(static_cast<std::size_t>(got));
  datagram.from = from.endpoint();
  return datagram;
}

}  // namespace nal::test
