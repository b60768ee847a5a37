/* lwIP's options for a small device, a Cortex-M3 with 64 KiB of RAM, say: IPv4 and IPv6, four connections. See
 * options/host/lwipopts.h for the reasons, and the README for what the backend needs. */
#ifndef NAL_LWIP_SMALL_LWIPOPTS_H
#define NAL_LWIP_SMALL_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0

#define LWIP_IPV4 1
#ifndef LWIP_IPV6
#define LWIP_IPV6 1
#endif
#define LWIP_TCP 1
#define LWIP_UDP 1
#define LWIP_ICMP 1
#define LWIP_RAW 0
#define LWIP_DHCP LWIP_IPV4
#define LWIP_IGMP LWIP_IPV4
#define LWIP_IPV6_MLD LWIP_IPV6
#define LWIP_DNS 0

#define SO_REUSE 1
#define LWIP_MULTICAST_TX_OPTIONS 1
#define LWIP_TCP_KEEPALIVE 1
#define TCP_LISTEN_BACKLOG 1

#define LWIP_NETIF_LOOPBACK 0
#define LWIP_HAVE_LOOPIF 0

#define MEM_ALIGNMENT 4
#define MEM_SIZE (10 * 1024)
#define MEMP_NUM_TCP_PCB 6
#define MEMP_NUM_TCP_PCB_LISTEN 2
#define MEMP_NUM_UDP_PCB 5
#define MEMP_NUM_TCP_SEG 24
#define MEMP_NUM_PBUF 8
#define PBUF_POOL_SIZE 12
#define PBUF_POOL_BUFSIZE 592

#define TCP_MSS 536
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (4 * TCP_MSS)
#define TCP_SND_QUEUELEN 16

#define LWIP_HOOK_FILENAME "nal_lwip_hooks.h"
#define LWIP_STATS 0

#endif
