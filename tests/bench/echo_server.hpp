#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench {

/// Every echo server is started as `PROGRAM CONNECTIONS [KIND]`, prints the port it listens on, serves so many
/// connections and ends when the last one has. It reads into a buffer of this size and sends back what it got.
inline constexpr std::size_t kBufferSize = 256;

inline std::size_t connections(int argc, char** argv) {
  const long count = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (count < 1 || count > 1000) {
    std::fprintf(stderr, "usage: %s CONNECTIONS (1 to 1000) [KIND]\n", argv[0]);
    std::exit(2);
  }
  return static_cast<std::size_t>(count);
}

inline bool is_kind(int argc, char** argv, const char* kind) { return argc > 2 && std::strcmp(argv[2], kind) == 0; }

inline void announce(std::uint16_t port) {
  std::printf("%u\n", static_cast<unsigned>(port));
  std::fflush(stdout);
}

}  // namespace bench
