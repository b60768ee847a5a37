#include <atomic>
#include <cstdint>

std::atomic<std::uint64_t> counter;
void count() { ++counter; }
