/* A board that talks TCP and UDP to an echo server over lwIP's raw API: linked to see its size, not run. */
#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/init.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>

/* Registers of no particular Ethernet controller: one frame each way, in memory that it shares. */
static volatile uint32_t* const device = (volatile uint32_t*)0x40001000;
static uint8_t* const shared = (uint8_t*)0x20008000;
enum { STATUS, RECEIVED, SENT, MILLISECONDS, RANDOM };

static struct netif board;
static ip_addr_t peer;

u32_t sys_now(void) { return device[MILLISECONDS]; }
uint32_t board_random(void) { return device[RANDOM]; }

static err_t transmit(struct netif* to, struct pbuf* frame) {
  (void)to;
  if ((device[STATUS] & 2) == 0) return ERR_MEM;
  pbuf_copy_partial(frame, shared, frame->tot_len, 0);
  device[SENT] = frame->tot_len;
  return ERR_OK;
}

static err_t configure(struct netif* one) {
  one->mtu = 1500;
  one->hwaddr_len = 6;
  one->hwaddr[0] = 2;
  one->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | (LWIP_IPV6 ? NETIF_FLAG_MLD6 : 0);
  one->output = etharp_output;
#if LWIP_IPV6
  one->output_ip6 = ethip6_output;
#endif
  one->linkoutput = transmit;
  return ERR_OK;
}

static err_t on_data(void* argument, struct tcp_pcb* pcb, struct pbuf* data, err_t error) {
  (void)argument, (void)error;
  if (!data) return tcp_close(pcb);
  tcp_write(pcb, data->payload, data->len, TCP_WRITE_FLAG_COPY);
  tcp_recved(pcb, data->tot_len);
  pbuf_free(data);
  return ERR_OK;
}

static void on_datagram(void* argument, struct udp_pcb* pcb, struct pbuf* data, const ip_addr_t* from, u16_t port) {
  (void)argument, (void)from, (void)port;
  udp_sendto(pcb, data, &peer, 7);
  pbuf_free(data);
}

static err_t on_connected(void* argument, struct tcp_pcb* pcb, err_t error) {
  (void)argument, (void)error;
  return tcp_write(pcb, "hello", 5, TCP_WRITE_FLAG_COPY);
}

static void begin(void) {
  struct tcp_pcb* const stream = tcp_new();
  tcp_recv(stream, on_data);
  tcp_connect(stream, &peer, 7, on_connected);
  struct udp_pcb* const socket = udp_new();
  udp_recv(socket, on_datagram, 0);
  udp_bind(socket, IP_ADDR_ANY, 4000);
}

#if LWIP_DNS
static void on_found(const char* name, const ip_addr_t* found, void* argument) {
  (void)name, (void)argument;
  if (!found) return;
  peer = *found;
  begin();
}
#endif

int main(void) {
  ip4_addr_t own, mask;
  IP4_ADDR(&own, 192, 0, 2, 2);
  IP4_ADDR(&mask, 255, 255, 255, 0);
  IP_ADDR4(&peer, 192, 0, 2, 1);
  lwip_init();
  netif_add(&board, &own, &mask, IP4_ADDR_ANY4, 0, configure, ethernet_input);
  netif_set_default(&board);
  netif_set_up(&board);
  netif_set_link_up(&board);
#if LWIP_IPV6
  netif_create_ip6_linklocal_address(&board, 1);
  netif_set_ip6_autoconfig_enabled(&board, 1);
#endif
#if LWIP_DHCP
  dhcp_start(&board);
#endif
#if LWIP_DNS
  dns_gethostbyname("echo.example", &peer, on_found, 0);
#else
  begin();
#endif
  for (;;) {
    if (device[STATUS] & 1) {
      struct pbuf* const frame = pbuf_alloc(PBUF_RAW, (u16_t)device[RECEIVED], PBUF_POOL);
      if (frame && pbuf_take(frame, shared, frame->tot_len) == ERR_OK && board.input(frame, &board) != ERR_OK) {
        pbuf_free(frame);
      }
      device[RECEIVED] = 0;
    }
    sys_check_timeouts();
  }
}
