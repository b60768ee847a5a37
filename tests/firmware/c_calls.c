/* A super-loop device in C: it serves echo to itself over TCP and UDP, on whatever stack it is given. Without a C
 * library. 0, or the line that does not hold. */
#include "adapters/c/nal_c.h"
#include "adapters/coremqtt/nal_coremqtt.h"
#include "adapters/paho/nal_paho.h"

#define EXPECT(condition) \
  if (!(condition)) { return __LINE__; }

#define PATIENCE nal_within_s(5)

int c_calls(nal_loop* loop);

static nal_loop* clock_loop;
nal_loop* nal_paho_loop(void) { return clock_loop; }

static int same(const char* a, const char* b, size_t size) {
  while (size > 0 && *a == *b) {
    ++a;
    ++b;
    --size;
  }
  return size == 0;
}

static int tcp(nal_loop* loop, const nal_endpoint* here) {
  static nal_tcp_listener listener;
  static nal_tcp near;
  static nal_tcp far;
  static NetworkContext_t context;
  static Network network;
  TransportInterface_t transport;
  TransportOutVector_t pieces[2];
  char buffer[16];
  Timer timer;
  EXPECT(nal_tcp_listen(loop, &listener, here, 1, NULL) == NAL_OK);
  EXPECT(nal_tcp_connect(loop, &near, here, NULL, PATIENCE) == NAL_OK);
  EXPECT(nal_tcp_accept(&listener, &far, PATIENCE) == NAL_OK);
  nal_coremqtt_init(&context, &near);
  transport = nal_coremqtt_transport(&context);
  pieces[0].iov_base = "hel";
  pieces[0].iov_len = 3;
  pieces[1].iov_base = "lo";
  pieces[1].iov_len = 2;
  EXPECT(transport.recv(transport.pNetworkContext, buffer, 1) == 0);
  EXPECT(transport.writev(transport.pNetworkContext, pieces, 2) == 5);
  EXPECT(nal_tcp_read_exact(&far, buffer, 5, NULL, PATIENCE) == NAL_OK);
  EXPECT(same(buffer, "hello", 5));
  clock_loop = loop;
  nal_paho_init(&network, &near);
  TimerInit(&timer);
  TimerCountdownMS(&timer, 20);
  EXPECT(network.mqttread(&network, (unsigned char*)buffer, 1, TimerLeftMS(&timer)) == 0);
  EXPECT(TimerIsExpired(&timer));
  EXPECT(nal_tcp_shutdown(&far, PATIENCE) == NAL_OK);
  EXPECT(network.mqttread(&network, (unsigned char*)buffer, 1, 1000) == -1 && network.error == NAL_END_OF_STREAM);
  EXPECT(nal_tcp_close(&near, PATIENCE) == NAL_OK);
  EXPECT(nal_tcp_drop(&far) == NAL_OK);
  EXPECT(nal_tcp_listener_close(&listener) == NAL_OK);
  EXPECT(nal_tcp_connect(loop, &near, here, NULL, PATIENCE) == NAL_CONNECTION_REFUSED);
  return 0;
}

static int udp(nal_loop* loop, const nal_endpoint* here) {
  static nal_udp server;
  static nal_udp client;
  nal_datagram about;
  char buffer[16];
  EXPECT(nal_udp_bind(loop, &server, here, NULL) == NAL_OK);
  EXPECT(nal_udp_connect(loop, &client, NULL, here, NULL) == NAL_OK);
  EXPECT(nal_udp_send(&client, "ping", 4, PATIENCE) == NAL_OK);
  EXPECT(nal_udp_receive(&server, buffer, sizeof buffer, &about, PATIENCE) == 4);
  EXPECT(nal_udp_send_to(&server, &about.local, &about.remote, buffer, 4, PATIENCE) == NAL_OK);
  EXPECT(nal_udp_receive(&client, buffer, sizeof buffer, NULL, PATIENCE) == 4);
  EXPECT(nal_udp_receive(&client, buffer, sizeof buffer, NULL, NAL_NO_WAIT) == NAL_WOULD_BLOCK);
  EXPECT(nal_udp_close(&client) == NAL_OK);
  EXPECT(nal_udp_close(&server) == NAL_OK);
  return 0;
}

int c_calls(nal_loop* loop) {
  nal_endpoint here;
  nal_address addresses[2];
  int line;
  EXPECT(nal_endpoint_parse(&here, "10.0.0.1:7") == NAL_OK);
  /* This stack knows no names, but an address is its own answer. */
  EXPECT(nal_resolve(loop, "10.0.0.1", NAL_ANY_FAMILY, addresses, 2, PATIENCE) == 1);
  EXPECT(nal_address_equal(&addresses[0], &here.address));
  EXPECT(nal_resolve(loop, "10.0.0.1", NAL_V6, addresses, 2, PATIENCE) == NAL_NAME_NOT_FOUND);
  EXPECT(nal_resolve(loop, "a.test", NAL_V4, addresses, 2, PATIENCE) == NAL_NOT_SUPPORTED);
  line = tcp(loop, &here);
  return line != 0 ? line : udp(loop, &here);
}
