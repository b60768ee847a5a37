#pragma once
/// The one place that knows which network stacks there are: programs are written against the concepts of nal, and this
/// hands them a stack by name.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "examples/common/exit_status.hpp"
#include "nal/any_stack.hpp"
#include "nal/cidr.hpp"
#include "nal/executor.hpp"
#include "nal/interface_id.hpp"
#include "nal/mac_address.hpp"

namespace nal::embedded {
class Stack;
}

namespace examples {

/// The backends of this build; the first is the one to take when nobody chose.
inline constexpr auto kBackends = std::to_array<std::string_view>({
#ifdef NAL_EXAMPLES_POSIX
    "posix",
#endif
#ifdef NAL_EXAMPLES_EMBEDDED
    "embedded",
#endif
#ifdef NAL_EXAMPLES_LWIP
    "lwip",
#endif
});
static_assert(!kBackends.empty(), "the examples need at least one backend: meson setup -Dbackends=posix");

/// A network device of Linux that a stack of frames may stand on.
struct Device {
  enum class Kind : std::uint8_t {
    tap,
    tun,
    packet,  ///< an interface that Linux has, shared with it
  };
  enum class Offload : std::uint8_t { none, checksum, segmentation };

  Kind kind = Kind::tap;
  Offload offload = Offload::none;
  std::string name = "tap0";

  /// `[tap:|tun:|packet:]NAME[,checksum|,vnet]`.
  static std::optional<Device> parse(std::string_view text);
};

/// What every program is told of the network on its command line: see `add_backend_options`.
struct BackendOptions {
  /// In percent of the frames, each way.
  struct Faults {
    double drop = 0;
    double corrupt = 0;
    double reorder = 0;
    double duplicate = 0;
    std::uint64_t seed = 1;

    bool any() const noexcept { return drop > 0 || corrupt > 0 || reorder > 0 || duplicate > 0; }
  };

  std::string name{kBackends.front()};
  // The rest is of the stacks that stand on a device: the embedded one and lwIP.
  Device device;
  bool dhcp = false;
  bool slaac = false;
  bool temporary = false;
  std::vector<nal::Cidr> addresses;
  std::vector<nal::IpAddress> gateways;
  std::vector<nal::Endpoint> dns;
  std::optional<nal::MacAddress> mac;
  std::string host_name = "nal";
  std::string pcap;
  bool trace = false;
  Faults faults;
  /// The first of its options that was given, "--device" say; empty: none.
  std::string first_embedded_option;
};

/// What a program runs on. `stack` is all that most programs need.
struct Machine {
  nal::Executor& executor;
  nal::AnyStack& stack;
  /// The stack itself where it is our own, for what no other tells: include "backends/embedded/stack.hpp" and build
  /// that only with the backend (NAL_EXAMPLES_EMBEDDED). Else null.
  nal::embedded::Stack* embedded = nullptr;
  nal::InterfaceId interface {};       ///< of `embedded`, or of lwIP
  std::vector<nal::Cidr> addresses{};  ///< of `interface`, where the stack is lwIP
};

/// Why these options cannot be: a backend that this build lacks, options that another backend has. Empty if they can.
std::string check_backend(const BackendOptions& options);

namespace detail {
using Run = int (*)(void* program, Machine& machine);
int run_on(const BackendOptions& options, Run run, void* program);
}  // namespace detail

/// Makes the stack that the options ask for with all that it stands on, and gives the exit status that
/// `program(executor, stack)` or `program(machine)` returns; stack and executor end with that call. The stack is a
/// `nal::AnyStack`, so a program is compiled once for all of them. What `check_backend` refuses is `kWrongUsage`, and
/// what the system refuses `kFailed`; an error message says why.
template <class Program>
int run_on(const BackendOptions& options, Program&& program) {
  const auto run = [](void* erased, Machine& machine) {
    auto& called = *static_cast<std::remove_reference_t<Program>*>(erased);
    if constexpr (std::is_invocable_v<decltype(called), Machine&>) {
      return called(machine);
    } else {
      return called(machine.executor, machine.stack);
    }
  };
  return detail::run_on(options, run, std::addressof(program));
}

}  // namespace examples
