#include <cstdint>

#include "examples/firmware/board.hpp"
#include "examples/firmware/mps2-an385/registers.hpp"

// `main` by another name: C++ allows nobody to call that one.
int program() __asm("main");

// Set by the linker script.
extern "C" {
extern std::uint32_t data_begin, data_end, bss_begin, bss_end;
extern const std::uint32_t data_load;
extern void (*const init_array_begin)();
extern void (*const init_array_end)();
extern std::uint32_t stack_top;

void systick_handler();

void reset_handler() {
  const std::uint32_t* from = &data_load;
  for (std::uint32_t* to = &data_begin; to != &data_end; ++to) { *to = *from++; }
  for (std::uint32_t* to = &bss_begin; to != &bss_end; ++to) { *to = 0; }
  board::start_uart();
  board::start_systick();
  for (void (*const* initializer)() = &init_array_begin; initializer != &init_array_end; ++initializer) {
    (*initializer)();
  }
  board::exit(program());
}

// What is static is never destroyed: an image does not end, it is switched off.
int atexit(void (*)()) { return 0; }

void fault_handler() {
  board::print("fault: an exception that nobody handles\n");
  board::exit(125);
}
}

namespace {

using Handler = void (*)();

/// Armv7-M ARM, B1.5.2: the stack, then exceptions 1 to 15. Those of devices follow in `.vectors.devices`, from the
/// file that uses one.
struct Vectors {
  std::uint32_t* stack;
  Handler handlers[15];
};

[[gnu::section(".vectors"), gnu::used]] const Vectors vectors = {
    &stack_top,
    {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, nullptr, nullptr,
     nullptr, nullptr, fault_handler, fault_handler, nullptr, fault_handler, systick_handler},
};

}  // namespace
