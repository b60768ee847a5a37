#pragma once
#include <cstdint>
#include <span>

#include "nal/driver/driver.hpp"
#include "nal/executor.hpp"

namespace nal::bench {

/// One of two hosts on a wire, each with an lwIP of its own: lwIP is one in a process, so each side is a module that is
/// loaded by itself. Addresses are 10.0.0.1 and 10.0.0.2; sockets have numbers.
class Side {
 public:
  static constexpr std::uint16_t kMostIdle = 1000;

  virtual ~Side() = default;
  /// Before anything else: who is at the other end.
  virtual void join(Side& peer) = 0;
  /// What has arrived and what is due.
  virtual void poll() = 0;

  virtual void listen(std::uint16_t port) = 0;
  /// -1: nobody yet.
  virtual int accept() = 0;
  virtual int connect(std::uint16_t port) = 0;
  virtual bool connected(int stream) = 0;
  /// How many bytes, 0 for none now.
  virtual std::size_t write(int stream, std::span<const std::byte> data) = 0;
  virtual std::size_t read(int stream, std::span<std::byte> buffer) = 0;

  /// Connected to a port of the other side's where `remote` is not 0.
  virtual int udp(std::uint16_t local, std::uint16_t remote) = 0;
  virtual bool send(int socket, std::span<const std::byte> data) = 0;
  virtual std::size_t receive(int socket, std::span<std::byte> buffer) = 0;
  /// To who sent what was received last.
  virtual bool answer(int socket, std::span<const std::byte> data) = 0;
};

/// What a module has: the side of number 1 or 2. `driver` is its end of the wire, unless it has one of its own.
using MakeSide = Side* (*)(Executor& executor, driver::Driver& driver, unsigned number);

}  // namespace nal::bench

extern "C" nal::bench::Side* nal_bench_side(nal::Executor& executor, nal::driver::Driver& driver, unsigned number);
