// The echo server in bare epoll: the least that can be done.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "echo_server.hpp"

int main(int argc, char** argv) {
  std::size_t to_accept = bench::connections(argc, argv);
  std::size_t open = 0;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || ::listen(listener, 1000) < 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) < 0) {
    return 1;
  }
  const int epoll = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  bench::announce(ntohs(address.sin_port));
  while (to_accept != 0 || open != 0) {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted < 0) { continue; }
        const int on = 1;
        ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.data.fd = accepted;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &event);
        --to_accept;
        ++open;
        continue;
      }
      char buffer[bench::kBufferSize];
      const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0 || ::send(fd, buffer, static_cast<std::size_t>(size), MSG_NOSIGNAL) != size) {
        ::close(fd);
        --open;
      }
    }
  }
  return 0;
}
