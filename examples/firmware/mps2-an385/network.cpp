#include <new>

#include "backends/drivers/lan9118/lan9118.hpp"
#include "examples/firmware/board.hpp"
#include "examples/firmware/mps2-an385/registers.hpp"

namespace board {
namespace {

using Ethernet = nal::drivers::Lan9118<nal::drivers::MemoryMapped>;

// Not an object of its own: what is static is never destroyed here, and must not ask to be.
alignas(Ethernet) std::byte memory[sizeof(Ethernet)];
constinit Ethernet* the_ethernet = nullptr;

}  // namespace

extern "C" {
void fault_handler();
void ethernet_handler() { the_ethernet->interrupt(); }
}

namespace {

using Handler = void (*)();

struct DeviceVectors {
  Handler handlers[ethernet::kInterrupt + 1];
};

constexpr DeviceVectors make_vectors() noexcept {
  DeviceVectors made{};
  for (Handler& handler : made.handlers) { handler = fault_handler; }
  made.handlers[ethernet::kInterrupt] = ethernet_handler;
  return made;
}

[[gnu::section(".vectors.devices"), gnu::used]] constinit const DeviceVectors device_vectors = make_vectors();

}  // namespace

nal::driver::Driver* network(nal::Executor& executor, const nal::MacAddress& address) noexcept {
  if (the_ethernet == nullptr) {
    auto* const device =
        new (memory) Ethernet(executor, nal::drivers::MemoryMapped(ethernet::kAddress), {.address = address});
    if (!device->start()) { return nullptr; }
    the_ethernet = device;
    interrupts::kEnable.write(1u << ethernet::kInterrupt);
  }
  return the_ethernet;
}

}  // namespace board
