#pragma once
#include <cstdint>

#include "backends/posix/reactor.hpp"
#include "nal/mac_address.hpp"

namespace nal::drivers {

/// What Linux says of one of its interfaces, and whoever waits for a device's source woken when that changes.
class LinkWatch {
 public:
  LinkWatch() noexcept = default;
  ~LinkWatch() { close(); }
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;

  /// `name` is an interface's; both are looked at as long as this is open. *Errors*: network_down when there is no such
  /// interface; what the system says.
  Result<> open(posix::Reactor& reactor, const char* name, posix::Source& device) noexcept;
  void close() noexcept;

  /// Set up, and with a carrier. Asks the system only when it has told of a change.
  bool up() noexcept {
    look();
    return up_;
  }
  /// Takes notice of a change that the system has told of; true when there was one since the last look.
  bool look() noexcept;
  std::uint16_t mtu() const noexcept { return mtu_; }
  MacAddress address() const noexcept { return address_; }
  int index() const noexcept { return index_; }

 private:
  posix::Reactor* reactor_ = nullptr;
  posix::Source source_;
  char name_[16] = {};
  bool up_ = false;
  std::uint16_t mtu_ = 0;
  int index_ = 0;
  MacAddress address_;
};

}  // namespace nal::drivers
