/* lwIP's options for hosts: everything that nal's interface can use, and room enough to measure with. Copy it, or
 * options/small/, and change what your product needs; `meson setup -Dlwip_options=FOLDER` builds with yours. The README
 * says what the backend needs and what it does without. */
#ifndef NAL_LWIP_HOST_LWIPOPTS_H
#define NAL_LWIP_HOST_LWIPOPTS_H

/* One context: no threads, no sockets. options/threads/ has the other way. */
#ifndef NO_SYS
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#endif
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0

#ifndef LWIP_IPV4
#define LWIP_IPV4 1
#endif
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
/* nal's resolver over UDP serves every backend alike; lwIP's keeps the servers that DHCP and routers tell of. */
#define LWIP_DNS 1
#define LWIP_DHCP_PROVIDE_DNS_SERVERS DNS_MAX_SERVERS
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS DNS_MAX_SERVERS

/* Several listeners in turn and several members of a group on one port. */
#define SO_REUSE 1
#define SO_REUSE_RXTOALL 1
#define LWIP_MULTICAST_TX_OPTIONS 1
#define LWIP_TCP_KEEPALIVE 1
/* Without it every SYN takes a connection, however many wait already. */
#define TCP_LISTEN_BACKLOG 1

/* Talking to itself; `run()` feeds the loop. */
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_HAVE_LOOPIF 1
#define LWIP_LOOPBACK_MAX_PBUFS 64
#ifndef LWIP_NETIF_LOOPBACK_MULTITHREADING
#define LWIP_NETIF_LOOPBACK_MULTITHREADING 0
#endif
#define LWIP_NETIF_HWADDRHINT 1

/* On 64-bit machines the helper of reassembly is larger than the IPv6 header that it would lie on. */
#define IPV6_FRAG_COPYHEADER 1
#define IP_REASS_MAX_PBUFS 32
#define ARP_QUEUEING 1
#define LWIP_IPV6_NUM_ADDRESSES 5
#define LWIP_ND6_QUEUEING 1
/* Frames are copied to the driver, so that nothing of lwIP's is held by a device. */
#define LWIP_NETIF_TX_SINGLE_PBUF 0

/* Memory: all of it static, in pools and one heap of lwIP's own. */
#define MEM_ALIGNMENT 8
#define MEM_SIZE (4 * 1024 * 1024)
#define MEMP_NUM_TCP_PCB 48
#define MEMP_NUM_TCP_PCB_LISTEN 16
#define MEMP_NUM_UDP_PCB 40
#define MEMP_NUM_TCP_SEG 4096
#define MEMP_NUM_PBUF 512
#define MEMP_NUM_ARP_QUEUE 32
#define MEMP_NUM_ND6_QUEUE 32
#define MEMP_NUM_IGMP_GROUP 32
#define MEMP_NUM_MLD6_GROUP 32
#define MEMP_NUM_REASSDATA 8
#define MEMP_NUM_FRAG_PBUF 64
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 4)
#define PBUF_POOL_SIZE 1024
#define PBUF_POOL_BUFSIZE 1536

/* MSS = MTU - 40: the default of 536 halves the speed. */
#define TCP_MSS 1460
#define TCP_WND (44 * TCP_MSS)
#define TCP_SND_BUF (44 * TCP_MSS)
#define TCP_SND_QUEUELEN (4 * TCP_SND_BUF / TCP_MSS)
#define TCP_SNDLOWAT (2 * TCP_MSS)
#define TCP_SNDQUEUELOWAT 8
#define LWIP_TCP_SACK_OUT 1

/* Who calls from outside the one context is stopped, not obeyed. */
#ifdef __cplusplus
extern "C" {
#endif
void nal_lwip_check_context(void);
#ifdef __cplusplus
}
#endif
#define LWIP_ASSERT_CORE_LOCKED() nal_lwip_check_context()

/* Initial sequence numbers that nobody can tell beforehand (RFC 6528). */
#define LWIP_HOOK_FILENAME "nal_lwip_hooks.h"

#define LWIP_STATS 1
#define LWIP_STATS_DISPLAY 0
#define LWIP_NETIF_API 0

#endif
