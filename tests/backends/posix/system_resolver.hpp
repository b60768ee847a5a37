#pragma once
#include <netdb.h>

#include <string>
#include <vector>

#include "nal/ip_address.hpp"

namespace nal::test {

/// Stands in for the system's resolver (`getaddrinfo`, `getnameinfo`), in every thread, while it lives. There is one at
/// a time; without one the system's own answers. Its end lets every call go and waits for them.
class SystemResolver {
 public:
  struct Answer {
    int error = 0;         ///< EAI_...
    int system_error = 0;  ///< errno, for EAI_SYSTEM
    std::vector<IpAddress> addresses{};
    std::string name{};  ///< for a question about an address
    bool stuck = false;  ///< the call does not return before `let_go`
  };

  SystemResolver();
  SystemResolver(const SystemResolver&) = delete;
  SystemResolver& operator=(const SystemResolver&) = delete;
  ~SystemResolver();

  /// What is not answered here does not exist. An address is asked for by its text.
  void answer(const std::string& name, Answer answer);
  /// Lets the calls about `name` return, now and from here on.
  void let_go(const std::string& name);

  /// Waits until that many calls run at once; false if that does not come about within ten seconds.
  bool wait_for_running(std::size_t count);
  std::size_t most_at_once() const;
  /// Every question so far.
  std::vector<std::string> asked() const;
  /// The family of the last question about a name: AF_...
  int family() const;
};

}  // namespace nal::test
