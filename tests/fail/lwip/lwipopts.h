/* The host's options, each with one fault. */
#include "backends/lwip/options/host/lwipopts.h"

#ifdef LWIP_WITHOUT_TCP
#undef LWIP_TCP
#define LWIP_TCP 0
#endif
#ifdef LWIP_WITHOUT_UDP
#undef LWIP_UDP
#define LWIP_UDP 0
#endif
#ifdef LWIP_WITHOUT_ADDRESSES
#undef LWIP_IPV4
#define LWIP_IPV4 0
#undef LWIP_IPV6
#define LWIP_IPV6 0
#endif
#ifdef LWIP_WITHOUT_ARP
#define LWIP_ARP 0
#endif
#ifdef LWIP_WITHOUT_CALLBACKS
#define LWIP_EVENT_API 1
#define LWIP_CALLBACK_API 0
#endif
#ifdef LWIP_WITHOUT_BACKLOG
#undef TCP_LISTEN_BACKLOG
#endif
#ifdef LWIP_WITHOUT_TIMERS
#define LWIP_TIMERS 0
#endif
#ifdef LWIP_THREAD_WITHOUT_CORE_LOCKING
#undef NO_SYS
#define NO_SYS 0
#define LWIP_TCPIP_CORE_LOCKING 0
#endif
#ifdef LWIP_LOOP_OF_A_THREAD_THAT_IS_NOT
#undef LWIP_NETIF_LOOPBACK_MULTITHREADING
#define LWIP_NETIF_LOOPBACK_MULTITHREADING 1
#endif
#ifdef LWIP_REASSEMBLY_OVER_ITS_HEADER
#undef IPV6_FRAG_COPYHEADER
#define IPV6_FRAG_COPYHEADER 0
#endif
