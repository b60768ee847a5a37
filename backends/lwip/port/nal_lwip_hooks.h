/* What lwIP asks nal's port. `LWIP_HOOK_FILENAME` of the option files here. */
#ifndef NAL_LWIP_HOOKS_H
#define NAL_LWIP_HOOKS_H

#include "lwip/ip_addr.h"

#ifdef __cplusplus
extern "C" {
#endif
struct netif;
u32_t nal_lwip_isn(const ip_addr_t* local, u16_t local_port, const ip_addr_t* remote, u16_t remote_port);
#if LWIP_IPV6
const ip6_addr_t* nal_lwip_ip6_gateway(struct netif* netif);
#endif
#ifdef __cplusplus
}
#endif

#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) \
  nal_lwip_isn(local, local_port, remote, remote_port)
/* lwIP itself knows only routers that advertise themselves. */
#define LWIP_HOOK_ND6_GET_GW(netif, destination) nal_lwip_ip6_gateway(netif)

#endif
