#include "examples/firmware/board.hpp"
#include "examples/firmware/mps2-an385/registers.hpp"

namespace board {
namespace {

void put(char character) noexcept {
  while ((uart0::kState.read() & uart0::kTransmitterFull) != 0) {}
  uart0::kData.write(static_cast<unsigned char>(character));
}

}  // namespace

void start_uart() noexcept {
  uart0::kBaudDivider.write(uart0::kFastest);
  uart0::kControl.write(uart0::kTransmitterEnable);
}

void print(std::string_view text) noexcept {
  for (const char character : text) { put(character); }
}

void print(long number) noexcept {
  if (number < 0) { put('-'); }
  char digits[3 * sizeof number];
  std::size_t length = 0;
  // The magnitude is taken unsigned, since the most negative number has no positive counterpart.
  auto rest = number < 0 ? 0ul - static_cast<unsigned long>(number) : static_cast<unsigned long>(number);
  do {
    digits[length++] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  while (length > 0) { put(digits[--length]); }
}

}  // namespace board
