#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace nal::test {

/// A network of the test's own, which nothing leaves: a new network namespace for this thread, with the loopback
/// interface up. Skips the test where the system forbids that. The namespace is gone with the last socket in it.
///
/// Interfaces are made by `ip` (iproute2).
class OwnNetwork {
 public:
  OwnNetwork();
  OwnNetwork(const OwnNetwork&) = delete;
  OwnNetwork& operator=(const OwnNetwork&) = delete;
  /// Back to the namespace of before.
  ~OwnNetwork();

  /// Runs `ip` with these words; it must succeed.
  void ip(const std::string& words) const;
  /// Writes a file below /proc/sys/net.
  void set(const std::string& name, const std::string& value) const;
  /// Waits until what an interface is given to send really leaves it: a while after it was set up, or its other end
  /// was.
  void await_running(const std::string& interface) const;
  /// Gives an interface an address ("10.9.0.1/24"), which works when this returns.
  void add_address(const std::string& interface, const std::string& address) const;
  /// Two interfaces that are wired to each other, both here and running.
  void wire(const std::string& a, const std::string& b) const;
  std::uint32_t index(const std::string& interface) const;

  /// Stands on the other side while it lives: sockets opened meanwhile belong to this network.
  class Visit {
   public:
    explicit Visit(const OwnNetwork& network);
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit();

   private:
    int before_;
  };

  /// Hands an interface over to another network.
  void give(const std::string& interface, const OwnNetwork& to) const;

 private:
  void await(const std::string& command) const;

  int before_ = -1;
  int own_ = -1;
};

}  // namespace nal::test
