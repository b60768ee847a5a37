/* A program in C that talks to itself over loopback; coreMQTT's transport and Paho's network are compiled with it. */
#include <stdio.h>
#include <string.h>

#include "adapters/c/nal_c.h"
#include "adapters/coremqtt/nal_coremqtt.h"
#include "adapters/paho/nal_paho.h"

extern nal_loop* network_start(void);

int main(void) {
  nal_loop* loop = network_start();
  nal_tcp_listener listener = {0};
  nal_tcp client = {0};
  nal_tcp server = {0};
  nal_endpoint at;
  char word[6] = {0};
  int result = nal_endpoint_parse(&at, "127.0.0.1:0");
  if (result == NAL_OK) { result = nal_tcp_listen(loop, &listener, &at, 1, NULL); }
  if (result == NAL_OK) { result = nal_tcp_listener_local(&listener, &at); }
  if (result == NAL_OK) { result = nal_tcp_connect(loop, &client, &at, NULL, nal_within_s(10)); }
  if (result == NAL_OK) { result = nal_tcp_accept(&listener, &server, nal_within_s(10)); }
  if (result == NAL_OK) { result = nal_tcp_write_all(&client, "works", 5, NULL, nal_within_s(10)); }
  if (result == NAL_OK) { result = nal_tcp_read_exact(&server, word, 5, NULL, nal_within_s(10)); }
  puts(result == NAL_OK ? word : nal_error_text(result));
  nal_tcp_abort(&server);
  nal_tcp_abort(&client);
  nal_tcp_listener_close(&listener);
  return result == NAL_OK && strcmp(word, "works") == 0 ? 0 : 1;
}
