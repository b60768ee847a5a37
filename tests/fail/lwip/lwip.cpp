// A pattern is a line.
// clang-format off
// fails LWIP_WITHOUT_TCP: nal/lwip: set LWIP_TCP to 1 in lwipopts.h
// fails LWIP_WITHOUT_UDP: nal/lwip: set LWIP_UDP to 1 in lwipopts.h
// fails LWIP_WITHOUT_ADDRESSES: nal/lwip: set LWIP_IPV4 or LWIP_IPV6 to 1 in lwipopts.h
// fails LWIP_WITHOUT_ARP: nal/lwip: set LWIP_ARP to 1 in lwipopts.h
// fails LWIP_WITHOUT_CALLBACKS: nal/lwip: set LWIP_CALLBACK_API to 1 .and LWIP_EVENT_API to 0. in lwipopts.h
// fails LWIP_WITHOUT_BACKLOG: nal/lwip: set TCP_LISTEN_BACKLOG to 1 in lwipopts.h
// fails LWIP_WITHOUT_TIMERS: nal/lwip: set LWIP_TIMERS to 1 in lwipopts.h
// fails LWIP_THREAD_WITHOUT_CORE_LOCKING: nal/lwip: beside the tcpip thread .NO_SYS 0., set LWIP_TCPIP_CORE_LOCKING to 1
// fails LWIP_LOOP_OF_A_THREAD_THAT_IS_NOT: nal/lwip: set LWIP_NETIF_LOOPBACK_MULTITHREADING to 0 in lwipopts.h
// fails LWIP_REASSEMBLY_OVER_ITS_HEADER: nal/lwip: set IPV6_FRAG_COPYHEADER to 1 in lwipopts.h
// fails LWIP_OLDER_THAN_2_1: nal/lwip: lwIP 2.1 or 2.2 is needed
// fails LWIP_BESIDE_THE_SYSTEMS_TCP: nal/lwip: <netinet/tcp.h> defines TCP_MSS
// clang-format on
#ifdef LWIP_BESIDE_THE_SYSTEMS_TCP
#include <netinet/tcp.h>
#endif
#ifdef LWIP_OLDER_THAN_2_1
#include <lwip/init.h>
#undef LWIP_VERSION_MINOR
#define LWIP_VERSION_MINOR 0
#endif
#include "backends/lwip/lwip.hpp"

auto operation() { return tcp_new(); }
