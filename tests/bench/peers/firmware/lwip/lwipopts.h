/* lwIP for an echo client in the sets of tests/sizes/embedded: NAL_SIZES_SET is 1 to 4. */
#ifndef NAL_BENCH_FIRMWARE_LWIPOPTS_H
#define NAL_BENCH_FIRMWARE_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_IPV4 1
#define LWIP_IPV6 (NAL_SIZES_SET <= 2)
#define LWIP_DHCP (NAL_SIZES_SET <= 3)
#define LWIP_DNS (NAL_SIZES_SET <= 3)
#define IP_REASSEMBLY (NAL_SIZES_SET == 1)
#define IP_FRAG (NAL_SIZES_SET == 1)
#define LWIP_IPV6_REASS (NAL_SIZES_SET == 1)
#define LWIP_IPV6_FRAG (NAL_SIZES_SET == 1)
#define LWIP_IPV6_AUTOCONFIG 1
#define LWIP_RAW 0
#define LWIP_STATS 0
#define LWIP_NOASSERT 1
#define MEM_ALIGNMENT 4

#endif
