#include "tests/adapters/c/transports.h"

#include <string.h>

#define EXPECT(condition) \
  if (!(condition)) { return __LINE__; }

/* Each kind of call once, as C compiles and calls it. */
int plain_c_use(const c_pair* pair) {
  static nal_tcp_listener listener;
  static nal_tcp near;
  static nal_tcp far;
  static nal_udp server;
  static nal_udp client;
  nal_tcp_options options = {0};
  nal_endpoint endpoint;
  nal_endpoint from;
  nal_datagram about;
  nal_address addresses[4];
  nal_piece pieces[2];
  char text[NAL_ENDPOINT_TEXT_SIZE];
  char buffer[16];
  nal_loop* const loop = pair->loop;

  EXPECT(nal_tcp_local(pair->near, &endpoint) == NAL_OK);
  EXPECT(nal_endpoint_print(&endpoint, text, sizeof text) == (nal_count)strlen(text));
  EXPECT(nal_endpoint_parse(&from, text) == NAL_OK);
  EXPECT(nal_endpoint_equal(&from, &endpoint));
  EXPECT(nal_address_print(&endpoint.address, text, sizeof text) > 0);
  EXPECT(nal_resolve(loop, text, NAL_ANY_FAMILY, addresses, 4, pair->patience) == 1);
  EXPECT(nal_address_equal(&addresses[0], &endpoint.address));

  endpoint.port = 0;
  options.no_delay = 1;
  EXPECT(nal_tcp_listen(loop, &listener, &endpoint, 1, &options) == NAL_OK);
  EXPECT(nal_tcp_listener_local(&listener, &endpoint) == NAL_OK);
  EXPECT(nal_tcp_connect(loop, &near, &endpoint, &options, pair->patience) == NAL_OK);
  EXPECT(nal_tcp_accept(&listener, &far, pair->patience) == NAL_OK);
  EXPECT(nal_tcp_listener_close(&listener) == NAL_OK);
  pieces[0].data = "ab";
  pieces[0].size = 2;
  pieces[1].data = "c";
  pieces[1].size = 1;
  EXPECT(nal_tcp_write_pieces(&near, pieces, 2, pair->patience) == 3);
  EXPECT(nal_tcp_read_exact(&far, buffer, 3, NULL, pair->patience) == NAL_OK);
  EXPECT(memcmp(buffer, "abc", 3) == 0);
  EXPECT(nal_tcp_drop(&far) == NAL_OK);
  EXPECT(nal_tcp_close(&near, pair->patience) == NAL_OK);

  endpoint.port = 0;
  EXPECT(nal_udp_bind(loop, &server, &endpoint, NULL) == NAL_OK);
  EXPECT(nal_udp_local(&server, &endpoint) == NAL_OK);
  EXPECT(nal_udp_connect(loop, &client, NULL, &endpoint, NULL) == NAL_OK);
  EXPECT(nal_udp_send(&client, "ping", 4, pair->patience) == NAL_OK);
  EXPECT(nal_udp_receive(&server, buffer, sizeof buffer, &about, pair->patience) == 4);
  EXPECT(nal_udp_send_to(&server, &about.local, &about.remote, "pong", 4, pair->patience) == NAL_OK);
  EXPECT(nal_udp_receive(&client, buffer, sizeof buffer, NULL, pair->patience) == 4);
  EXPECT(nal_udp_close(&client) == NAL_OK);
  EXPECT(nal_udp_close(&server) == NAL_OK);
  EXPECT(nal_now(loop) >= 0);
  EXPECT(nal_sleep(loop, NULL, NAL_NO_WAIT) == NAL_OK);
  EXPECT(strcmp(nal_error_name(NAL_CLOSED), "NAL_CLOSED") == 0);
  return 0;
}
