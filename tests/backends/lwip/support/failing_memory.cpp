#include "tests/backends/lwip/support/failing_memory.hpp"

#include <lwip/mem.h>
#include <lwip/memp.h>

using nal::test::FailingMemory;

// The linker's names: __real_ is lwIP's own.
extern "C" {
void* __real_memp_malloc(memp_t pool);
void* __real_mem_malloc(mem_size_t size);
void* __wrap_memp_malloc(memp_t pool);
void* __wrap_mem_malloc(mem_size_t size);

void* __wrap_memp_malloc(memp_t pool) {
  // That pool has a place for each of lwIP's own timers; lwIP stops the program when it is dry.
  if (pool == MEMP_SYS_TIMEOUT) { return __real_memp_malloc(pool); }
  return FailingMemory::fails(static_cast<int>(pool)) ? nullptr : __real_memp_malloc(pool);
}
/// The heap counts as the pool behind the last.
void* __wrap_mem_malloc(mem_size_t size) { return FailingMemory::fails(MEMP_MAX) ? nullptr : __real_mem_malloc(size); }
}
