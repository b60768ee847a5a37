/* lwIP as it is measured: the options for hosts, tuned as one would who wants speed of it. Its checksums are the embedded
 * stack's, fused with copying where it copies, so that what is compared are the stacks. */
#ifndef NAL_BENCH_LWIPOPTS_H
#define NAL_BENCH_LWIPOPTS_H

#include "../../../backends/lwip/options/host/lwipopts.h"

#include <stdint.h>

/* Room for 1,000 idle sockets of either kind beside the busy ones. */
#undef MEMP_NUM_TCP_PCB
#define MEMP_NUM_TCP_PCB 1008
#undef MEMP_NUM_UDP_PCB
#define MEMP_NUM_UDP_PCB 1008

/* As our own stack is measured: without assertions. It has counters, though. */
#define LWIP_NOASSERT 1
#undef LWIP_STATS
#define LWIP_STATS 0
#undef LWIP_ASSERT_CORE_LOCKED

/* One instruction instead of a call. */
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)

/* Received frames are read where they lie. */
#define LWIP_SUPPORT_CUSTOM_PBUF 1

#ifdef NAL_BENCH_DEVICE_CHECKSUMS
/* The device makes and verifies the checksums of TCP and UDP. */
#define CHECKSUM_GEN_TCP 0
#define CHECKSUM_GEN_UDP 0
#define CHECKSUM_CHECK_TCP 0
#define CHECKSUM_CHECK_UDP 0
#else
#define LWIP_CHECKSUM_ON_COPY 1
#endif
#ifdef __cplusplus
extern "C" {
#endif
uint16_t nal_bench_sum(const void* from, int size);
uint16_t nal_bench_copy_and_sum(void* to, const void* from, uint16_t size);
#ifdef __cplusplus
}
#endif
#define LWIP_CHKSUM nal_bench_sum
#define LWIP_CHKSUM_COPY(to, from, size) nal_bench_copy_and_sum(to, from, size)

#endif
