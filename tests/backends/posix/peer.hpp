#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "nal/endpoint.hpp"

namespace nal::test {

/// The other end: a plain blocking TCP socket, whose calls no `Faults` see. Waits ten seconds at most, then fails the
/// test.
class Peer {
 public:
  static Peer connect_to(const Endpoint& remote);
  /// Does not listen: connecting is refused, and nobody else can take the port.
  static Peer bind_at(const Endpoint& local);
  /// `receive_buffer`: of the connections it accepts, in bytes; 0 leaves it to the system.
  static Peer listen_at(const Endpoint& local, int backlog = 8, int receive_buffer = 0);
  Peer(Peer&& other) noexcept;
  Peer& operator=(Peer&& other) noexcept;
  ~Peer();

  Peer accept();
  Endpoint local() const;
  int fd() const { return fd_; }

  void send(std::string_view data);
  void send_urgent(char byte);
  void send_end();
  /// Exactly `size` bytes.
  std::string receive(std::size_t size);
  /// All up to the end of the stream; a reset fails the test.
  std::string receive_all();
  /// What the next read tells: 0 for bytes or the end, or an errno.
  int read_error();
  /// Waits for the connection to be reset; false if nothing of the kind comes.
  bool was_reset();
  /// What waits to be read, without waiting.
  std::size_t waiting() const;

  /// A FIN behind the data.
  void close();
  /// A RST.
  void reset();

 private:
  explicit Peer(int fd) : fd_(fd) {}
  int fd_;
};

/// The other end of UDP: a plain blocking socket.
class UdpPeer {
 public:
  explicit UdpPeer(const Endpoint& local);
  UdpPeer(const UdpPeer&) = delete;
  ~UdpPeer();

  Endpoint local() const;
  int fd() const { return fd_; }
  /// From here on it takes datagrams from nobody: the system refuses them, and the port stays taken.
  void refuse_all();
  void send_to(const Endpoint& remote, std::string_view data);
  struct Datagram {
    std::string data;
    Endpoint from;
  };
  Datagram receive();

 private:
  int fd_;
};

}  // namespace nal::test
