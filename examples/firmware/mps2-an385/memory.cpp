// The four functions that the compiler may call whatever the source says (GCC manual, "Standards"), and the one that
// std::string_view calls, for images without a C library. Compiled with -fno-tree-loop-distribute-patterns: else each
// would be found to be a loop that calls itself.
#include <cstddef>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  while (size-- > 0) { *target++ = *source++; }
  return to;
}

void* memmove(void* to, const void* from, std::size_t size) {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  if (target <= source) { return memcpy(to, from, size); }
  while (size-- > 0) { target[size] = source[size]; }
  return to;
}

void* memset(void* to, int value, std::size_t size) {
  auto* target = static_cast<unsigned char*>(to);
  while (size-- > 0) { *target++ = static_cast<unsigned char>(value); }
  return to;
}

int memcmp(const void* left, const void* right, std::size_t size) {
  const auto* a = static_cast<const unsigned char*>(left);
  const auto* b = static_cast<const unsigned char*>(right);
  for (; size > 0; --size, ++a, ++b) {
    if (*a != *b) { return *a < *b ? -1 : 1; }
  }
  return 0;
}

std::size_t strlen(const char* text) {
  std::size_t length = 0;
  while (text[length] != '\0') { ++length; }
  return length;
}
}
