// The smallest image: says hello, and returns as its exit status the number it was given.
#include "examples/firmware/board.hpp"

int main() {
  const std::string_view argument = board::argument();
  board::print("hello, ");
  board::print(argument.empty() ? "world" : argument);
  board::print("\n");
  int status = 0;
  for (const char character : argument) {
    if (character < '0' || character > '9') { return 1; }
    status = status * 10 + (character - '0');
  }
  return status;
}
