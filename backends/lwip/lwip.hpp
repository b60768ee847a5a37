#pragma once
/// lwIP's headers, and whether its options (your `lwipopts.h`) have what this backend needs.
#if (defined(_NETINET_TCP_H) || defined(_NETINET_TCP_H_)) && defined(TCP_MSS)
#error "nal/lwip: <netinet/tcp.h> defines TCP_MSS and breaks lwIP's sizes; keep it out of files that use this backend"
#endif

#include <lwip/opt.h>
// Before lwIP's own headers fail for it.
#if !LWIP_IPV4 && !LWIP_IPV6
#error "nal/lwip: set LWIP_IPV4 or LWIP_IPV6 to 1 in lwipopts.h"
#endif
//
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#if !NO_SYS
#include <lwip/tcpip.h>
#endif
#ifdef LWIP_HOOK_FILENAME
#include LWIP_HOOK_FILENAME
#endif

#if LWIP_VERSION_MAJOR != 2 || LWIP_VERSION_MINOR < 1
#error "nal/lwip: lwIP 2.1 or 2.2 is needed"
#endif
#if !LWIP_TCP
#error "nal/lwip: set LWIP_TCP to 1 in lwipopts.h"
#endif
#if !LWIP_UDP
#error "nal/lwip: set LWIP_UDP to 1 in lwipopts.h"
#endif
#if LWIP_IPV4 && !LWIP_ARP
#error "nal/lwip: set LWIP_ARP to 1 in lwipopts.h, or no IPv4 goes over Ethernet"
#endif
#if !LWIP_CALLBACK_API
#error "nal/lwip: set LWIP_CALLBACK_API to 1 (and LWIP_EVENT_API to 0) in lwipopts.h"
#endif
#if !TCP_LISTEN_BACKLOG
#error "nal/lwip: set TCP_LISTEN_BACKLOG to 1 in lwipopts.h, or a listener's backlog has no end"
#endif
#if !LWIP_TIMERS
#error "nal/lwip: set LWIP_TIMERS to 1 in lwipopts.h"
#endif
#if !NO_SYS && !LWIP_TCPIP_CORE_LOCKING
#error "nal/lwip: beside the tcpip thread (NO_SYS 0), set LWIP_TCPIP_CORE_LOCKING to 1 in lwipopts.h"
#endif
#if LWIP_NETIF_LOOPBACK && LWIP_NETIF_LOOPBACK_MULTITHREADING && NO_SYS
#error "nal/lwip: set LWIP_NETIF_LOOPBACK_MULTITHREADING to 0 in lwipopts.h where there are no threads (NO_SYS 1)"
#endif
#if LWIP_IPV6 && LWIP_IPV6_REASS && !IPV6_FRAG_COPYHEADER && UINTPTR_MAX > 0xffffffffu
#error "nal/lwip: set IPV6_FRAG_COPYHEADER to 1 in lwipopts.h on machines with 64-bit pointers"
#endif
