// What calls of nal's C interface take of the stack on the target, with the embedded stack, drivers and timers that run
// below a call that waits. Painted before, and looked at behind each call.
#include <cstdint>

#include "adapters/c/loop.hpp"
#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "examples/firmware/board.hpp"
#include "nal/task_slot.hpp"
#include "tests/sizes/output.hpp"

namespace {

constexpr std::size_t kPainted = 8192;
constexpr std::uint8_t kPaint = 0xa5;

[[gnu::always_inline]] inline std::uint8_t* stack_pointer() {
  std::uint8_t* here = nullptr;
  asm volatile("mov %0, sp" : "=r"(here));
  return here;
}

/// Bytes of stack that `act` takes.
template <class F>
[[gnu::noinline]] std::size_t taken_by(F&& act) {
  volatile std::uint8_t* const top = stack_pointer();
  for (volatile std::uint8_t* at = top - kPainted; at != top; ++at) { *at = kPaint; }
  act();
  const volatile std::uint8_t* at = top - kPainted;
  while (at != top && *at == kPaint) { ++at; }
  return static_cast<std::size_t>(top - at);
}

constexpr nal::embedded::Config kConfig{
    .packets = 8,
    .addresses = 2,
    .udp_sockets = 2,
    .tcp = {.connections = 4, .listeners = 1, .handshakes = 2, .time_waits = 2, .rings = {{{1024, 1024, 4}}}},
};

nal::Task<> drive(nal::embedded::Stack& stack) { co_return co_await stack.run(); }

int g_failed = 0;

template <class F>
void tell(const char* name, F&& act) {
  nal_count result = 0;
  nal::sizes::print(name, taken_by([&] { result = act(); }));
  if (result < 0) {
    ++g_failed;
    nal::sizes::print(nal_error_name(result), 0);
  }
}

void tell_all(nal_loop& loop, const nal_endpoint& here) {
  constexpr nal_deadline kPatience = -5'000'000;
  static nal_tcp_listener listener;
  static nal_tcp near;
  static nal_tcp far;
  static nal_udp server;
  static nal_udp client;
  char buffer[8] = {};
  tell("C, stack: nal_sleep", [&] { return nal_sleep(&loop, nullptr, -1000); });
  tell("C, stack: nal_tcp_listen", [&] { return nal_tcp_listen(&loop, &listener, &here, 1, nullptr); });
  tell("C, stack: nal_tcp_connect", [&] { return nal_tcp_connect(&loop, &near, &here, nullptr, kPatience); });
  tell("C, stack: nal_tcp_accept", [&] { return nal_tcp_accept(&listener, &far, kPatience); });
  tell("C, stack: nal_tcp_write", [&] { return nal_tcp_write(&near, "ping", 4, kPatience); });
  tell("C, stack: nal_tcp_read", [&] { return nal_tcp_read(&far, buffer, sizeof buffer, kPatience); });
  tell("C, stack: nal_tcp_write_all", [&] { return nal_tcp_write_all(&near, "ping", 4, nullptr, kPatience); });
  tell("C, stack: nal_tcp_read_exact", [&] { return nal_tcp_read_exact(&far, buffer, 4, nullptr, kPatience); });
  tell("C, stack: nal_tcp_shutdown", [&] { return nal_tcp_shutdown(&far, kPatience); });
  tell("C, stack: nal_tcp_close", [&] { return nal_tcp_close(&near, kPatience); });
  tell("C, stack: nal_tcp_drop", [&] { return nal_tcp_drop(&far); });
  // An address is its own answer, but the whole of it is there.
  tell("C, stack: nal_tcp_connect_name",
       [&] { return nal_tcp_connect_name(&loop, &near, "10.0.0.1", 7, nullptr, kPatience); });
  tell("C, stack: nal_tcp_abort", [&] { return nal_tcp_abort(&near); });
  tell("C, stack: nal_tcp_listener_close", [&] { return nal_tcp_listener_close(&listener); });
  tell("C, stack: nal_udp_bind", [&] { return nal_udp_bind(&loop, &server, &here, nullptr); });
  tell("C, stack: nal_udp_connect", [&] { return nal_udp_connect(&loop, &client, nullptr, &here, nullptr); });
  tell("C, stack: nal_udp_send", [&] { return nal_udp_send(&client, "ping", 4, kPatience); });
  tell("C, stack: nal_udp_receive",
       [&] { return nal_udp_receive(&server, buffer, sizeof buffer, nullptr, kPatience); });
  g_failed += nal_udp_close(&client) < 0;
  g_failed += nal_udp_close(&server) < 0;
}

}  // namespace

int main() {
  static nal::Executor executor(board::platform());
  static nal::drivers::WirePair wire;
  static nal::embedded::Resources<kConfig> memory;
  static constexpr nal::embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  static nal::embedded::Stack stack(executor, memory, nal::Entropy(std::array<std::byte, nal::Entropy::kSize>{}),
                                    kSettings);
  const auto interface = stack.add_interface(wire.a());
  static nal::TaskSlot<512> slot;
  if (!interface || !stack.add_address(*interface, nal::Cidr(nal::Ipv4Address(10, 0, 0, 1), 24)) ||
      !slot.start(executor, drive, stack)) {
    return 1;
  }
  static nal_loop loop(executor, stack);
  nal_endpoint here{};
  if (nal_endpoint_parse(&here, "10.0.0.1:7") != NAL_OK) { return 1; }
  nal::sizes::print(nal::sizes::kBuild, sizeof(void*));
  tell_all(loop, here);
  return g_failed == 0 && loop.handles() == 0 ? 0 : 1;
}
