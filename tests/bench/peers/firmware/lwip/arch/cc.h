#ifndef NAL_BENCH_FIRMWARE_CC_H
#define NAL_BENCH_FIRMWARE_CC_H

#include <stdint.h>

uint32_t board_random(void);
#define LWIP_RAND() board_random()
#define LWIP_PLATFORM_ASSERT(message) ((void)0)
#define LWIP_PLATFORM_DIAG(arguments) ((void)0)

#endif
