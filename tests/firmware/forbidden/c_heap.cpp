#include <cstdlib>

void* allocate(std::size_t size) { return std::malloc(size); }
