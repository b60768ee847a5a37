// Drives an echo server: `PORT CONNECTIONS ROUNDS SIZE`. Every round sends SIZE bytes on each connection, then reads
// them back from each. Blocking sockets: what it costs is nobody's figure.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s PORT CONNECTIONS ROUNDS SIZE\n", argv[0]);
    return 2;
  }
  const auto number = [argv](int i) { return std::strtoul(argv[i], nullptr, 10); };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(number(1)));
  std::vector<int> sockets(number(2));
  const std::size_t rounds = number(3);
  std::vector<char> out(number(4), 'x');
  std::vector<char> in(out.size());
  for (int& fd : sockets) {
    fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
      std::perror("connect");
      return 1;
    }
  }
  timespec from{};
  ::clock_gettime(CLOCK_MONOTONIC, &from);
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const int fd : sockets) {
      if (::send(fd, out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) { return 1; }
    }
    for (const int fd : sockets) {
      if (::recv(fd, in.data(), in.size(), MSG_WAITALL) != static_cast<ssize_t>(in.size()) ||
          std::memcmp(in.data(), out.data(), in.size()) != 0) {
        std::fprintf(stderr, "the echo differs\n");
        return 1;
      }
    }
  }
  timespec to{};
  ::clock_gettime(CLOCK_MONOTONIC, &to);
  std::printf("%.0f\n",
              static_cast<double>(rounds * sockets.size()) / (static_cast<double>(to.tv_sec - from.tv_sec) +
                                                              1e-9 * static_cast<double>(to.tv_nsec - from.tv_nsec)));
  for (const int fd : sockets) { ::close(fd); }
  return 0;
}
