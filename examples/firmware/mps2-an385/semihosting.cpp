// Semihosting: the program asks the debugger, here QEMU, for a service by a breakpoint (Arm IHI 0097 "Semihosting for
// AArch32 and AArch64").
#include <cstddef>
#include <cstdint>

#include "examples/firmware/board.hpp"

namespace board {
namespace {

enum class Service : std::uint32_t {
  open = 0x01,
  close = 0x02,
  read = 0x06,
  get_command_line = 0x15,
  exit_extended = 0x20,
};

constexpr std::uint32_t kApplicationExit = 0x20026;

std::uint32_t call(Service service, const volatile void* arguments) noexcept {
  register std::uint32_t result __asm("r0") = static_cast<std::uint32_t>(service);
  register const volatile void* block __asm("r1") = arguments;
  __asm volatile("bkpt 0xab" : "+r"(result) : "r"(block) : "memory");
  return result;
}

}  // namespace

std::string_view argument() noexcept {
  static char text[256];
  struct {
    char* buffer;
    std::size_t size;
  } volatile line{text, sizeof text};
  if (call(Service::get_command_line, &line) != 0) { return {}; }
  std::size_t program = 0;  // the first word
  while (program < line.size && text[program] != ' ') { ++program; }
  return program < line.size ? std::string_view(text + program + 1, line.size - program - 1) : std::string_view();
}

// This board has no source of randomness; the emulator's host has one.
bool entropy(std::span<std::byte, 32> bytes) noexcept {
  static constexpr char kSource[] = "/dev/urandom";
  constexpr std::uint32_t kBinary = 1;
  // Written one by one: the compiler keeps a table of constants where it would stay in images that want no entropy.
  volatile std::uint32_t file[3];
  file[0] = reinterpret_cast<std::uintptr_t>(kSource);
  file[1] = kBinary;
  file[2] = sizeof(kSource) - 1;
  const std::uint32_t handle = call(Service::open, file);
  if (handle == ~0u) { return false; }
  const volatile std::uint32_t buffer[] = {handle, reinterpret_cast<std::uintptr_t>(bytes.data()), bytes.size()};
  const std::uint32_t not_read = call(Service::read, buffer);
  const volatile std::uint32_t done[] = {handle};
  call(Service::close, done);
  return not_read == 0;
}

void exit(int status) noexcept {
  const volatile std::uint32_t reason[] = {kApplicationExit, static_cast<std::uint32_t>(status)};
  for (;;) { call(Service::exit_extended, reason); }
}

}  // namespace board
