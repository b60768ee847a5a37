// lwIP on Ethernet with IPv4, IPv6, DHCP and fragments behind nal's interface: a TCP and UDP echo client.
#include "backends/lwip/stack.hpp"
#include "examples/firmware/board.hpp"
#include "nal/task_slot.hpp"

namespace {

using namespace nal;

/// A device without a wire, whose code costs next to nothing.
class NoDevice final : public driver::Driver {
 public:
  driver::Capabilities capabilities() const noexcept override { return {}; }
  MacAddress hardware_address() const noexcept override { return MacAddress(2, 0, 0, 0, 0, 1); }
  bool link_up() noexcept override { return true; }
  driver::Packet receive(driver::PacketPool&, Instant) noexcept override { return {}; }
  bool can_transmit() noexcept override { return true; }
  Result<> transmit(driver::Packet& packet, Instant) noexcept override {
    packet = {};
    return {};
  }
  void wait(Context&, Waiter&, bool) noexcept override {}
};

constexpr Endpoint kPeer{Ipv4Address(192, 0, 2, 1), 7};

Task<> run(lwip::Stack& stack) { co_return co_await stack.run(); }

Task<> echo(lwip::Stack& stack) {
  std::byte buffer[64];
  auto stream = co_await connect(stack, kPeer);
  if (!stream) { co_return Unexpected(stream.error()); }
  const auto written = co_await write_all(*stream, std::as_bytes(std::span("hello")));
  if (!written) { co_return Unexpected(written.error()); }
  const auto got = co_await read(*stream, buffer);
  if (!got) { co_return Unexpected(got.error()); }
  auto socket = udp_connect(stack, kPeer);
  if (!socket) { co_return Unexpected(socket.error()); }
  const auto sent = co_await send(*socket, std::span<const std::byte>(buffer).first(*got));
  if (!sent) { co_return Unexpected(sent.error()); }
  const auto answer = co_await receive(*socket, buffer);
  if (!answer) { co_return Unexpected(answer.error()); }
  co_return co_await close(*std::move(stream));
}

}  // namespace

int main() {
  static Executor executor(board::platform());
  static NoDevice device;
  static lwip::Resources<> memory;
  const std::array<std::byte, Entropy::kSize> seed{};
  static lwip::Stack stack(executor, memory, Entropy(seed));
  const auto interface = stack.add_interface(device);
  if (!interface || !stack.start_dhcp(*interface) || !stack.start_slaac(*interface)) { return 1; }
  static TaskSlot<512> runner;
  static TaskSlot<2048> user;
  if (!runner.start(executor, run, stack) || !user.start(executor, echo, stack)) { return 1; }
  executor.run_until([] { return !user.running(); }, Instant::max());
  return 0;
}
