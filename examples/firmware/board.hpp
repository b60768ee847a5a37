#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "nal/mac_address.hpp"
#include "nal/platform.hpp"

namespace nal::driver {
class Driver;
}

/// What a firmware image asks of the board it runs on. One folder a board implements it; an image that includes nothing
/// else moves to another board by being linked with another folder.
namespace board {

/// Time and sleep for the executor. The clock starts with the board.
nal::Platform& platform() noexcept;

/// Writes to the console. Waits for the wire; allowed in interrupts.
void print(std::string_view text) noexcept;
void print(long number) noexcept;

/// What the host passed to the program as its first argument; empty if nothing.
std::string_view argument() noexcept;

/// Ends the run, with `status` as the exit status where the board runs in an emulator.
[[noreturn]] void exit(int status) noexcept;

/// Called in the interrupt of every tick (a millisecond), after the clock moved. Null: nothing.
using TickHandler = void (*)();
void on_tick(TickHandler handler) noexcept;

/// The board's network device, as the station of that address, on the executor that a stack will have; started by the
/// first call. Null: it does not answer.
nal::driver::Driver* network(nal::Executor& executor, const nal::MacAddress& address) noexcept;

/// What nobody else can know, for `nal::Entropy`: new each time. False: there is no source of it.
bool entropy(std::span<std::byte, 32> bytes) noexcept;

/// How often the board slept until an interrupt.
unsigned long sleeps() noexcept;

}  // namespace board
