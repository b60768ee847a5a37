#pragma once
#include <cstdint>

/// The registers this board support uses: Arm's CMSDK UART (DDI 0479) and the SysTick timer of every Cortex-M
/// (Armv7-M ARM, B3.3).
namespace board {

struct Register {
  std::uintptr_t address;
  std::uint32_t read() const noexcept { return *reinterpret_cast<volatile std::uint32_t*>(address); }
  void write(std::uint32_t value) const noexcept { *reinterpret_cast<volatile std::uint32_t*>(address) = value; }
};

namespace uart0 {
inline constexpr Register kData{0x4000'4000};
inline constexpr Register kState{0x4000'4004};
inline constexpr Register kControl{0x4000'4008};
inline constexpr Register kBaudDivider{0x4000'4010};
inline constexpr std::uint32_t kTransmitterFull = 1u << 0;
inline constexpr std::uint32_t kTransmitterEnable = 1u << 0;
/// The smallest divider that the UART accepts, thus the fastest console.
inline constexpr std::uint32_t kFastest = 16;
}  // namespace uart0

namespace systick {
inline constexpr Register kControl{0xE000'E010};
inline constexpr Register kReload{0xE000'E014};
inline constexpr Register kValue{0xE000'E018};
/// Counts the processor's clock, interrupts, runs.
inline constexpr std::uint32_t kRun = 0b111;
inline constexpr std::uint32_t kClocksPerMicrosecond = 25;
}  // namespace systick

namespace interrupts {
inline constexpr Register kControlAndState{0xE000'ED04};
/// Read: the interrupt is pending. Written: makes it so.
inline constexpr std::uint32_t kSysTickPending = 1u << 26;
/// Of the devices' first 32; a one enables.
inline constexpr Register kEnable{0xE000'E100};
}  // namespace interrupts

/// The LAN9118 on the board (AN385, table 3-1 and 3-6).
namespace ethernet {
inline constexpr std::uintptr_t kAddress = 0x4020'0000;
inline constexpr unsigned kInterrupt = 13;
}  // namespace ethernet

/// Starts the console; called by start-up.
void start_uart() noexcept;
/// Starts the clock; called by start-up.
void start_systick() noexcept;

}  // namespace board
