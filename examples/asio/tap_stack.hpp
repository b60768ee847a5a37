#pragma once
#include <optional>

#include "adapters/asio/loop.hpp"
#include "adapters/asio/spawn.hpp"
#include "backends/drivers/linux/tap.hpp"
#include "backends/embedded/stack.hpp"
#include "backends/posix/reactor.hpp"
#include "nal/hosted/entropy.hpp"

namespace examples {

/// The embedded stack on a TAP interface, in the loop of an Asio program: 10.9.0.2, with the kernel at 10.9.0.1.
class TapStack {
 public:
  TapStack(asio::io_context& context, const char* interface)
      : loop_(context.get_executor(), reactor_), tap_(reactor_, tap_config(interface)) {}

  /// Why there is no interface, if so.
  nal::Result<> start() {
    NAL_TRY(loop_.status());
    NAL_TRY(tap_.status());
    NAL_TRY_SET(const nal::InterfaceId id, stack_.add_interface(tap_));
    NAL_TRY(stack_.add_address(id, nal::Cidr(nal::Ipv4Address(10, 9, 0, 2), 24)));
    NAL_TRY(stack_.add_default_route(id, nal::Ipv4Address(10, 9, 0, 1)));
    drive_.emplace(loop_, stack_);
    return {};
  }
  nal::with_asio::Loop& loop() { return loop_; }
  nal::embedded::Stack& stack() { return stack_; }

 private:
  static nal::drivers::TapConfig tap_config(const char* interface) {
    nal::drivers::TapConfig config;
    config.name = interface;
    return config;
  }
  static constexpr nal::embedded::Config kConfig{.packets = 64};
  // An address given by hand is believed: nobody is asked first whether it is taken.
  static constexpr nal::embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};

  nal::posix::Reactor reactor_;
  nal::with_asio::Loop loop_;
  nal::drivers::Tap tap_;
  nal::embedded::Resources<kConfig> memory_;
  nal::embedded::Stack stack_{loop_.executor(), memory_, nal::system_entropy(), kSettings};
  std::optional<nal::with_asio::Drive<nal::embedded::Stack>> drive_;
  nal::with_asio::Loop::Closing closing_{loop_};  // before the stack ends
};

}  // namespace examples
