/* Publishes a message through a coreMQTT transport, used as coreMQTT uses one, without coreMQTT.
 *
 *   nal-c-coremqtt HOST PORT TOPIC MESSAGE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/coremqtt/nal_coremqtt.h"
#include "examples/c/mqtt_bytes.h"
#include "examples/c/network.h"

static int failed(const char* what, nal_count error) {
  fprintf(stderr, "%s: %s\n", what, nal_error_text(error));
  return EXIT_FAILURE;
}

/* As coreMQTT receives: what is there, again and again, for so many turns of a loop that waits a little in each. */
static int receive(const TransportInterface_t* transport, const unsigned char* expected, size_t size) {
  unsigned char buffer[8];
  size_t got = 0;
  int turn;
  for (turn = 0; turn < 500 && got < size; ++turn) {
    const int32_t some = transport->recv(transport->pNetworkContext, buffer + got, size - got);
    if (some < 0) { return some; }
    got += (size_t)some;
  }
  if (got < size) { return NAL_TIMED_OUT; }
  return memcmp(buffer, expected, size) == 0 ? NAL_OK : NAL_PROTOCOL_ERROR;
}

static int send_all(const TransportInterface_t* transport, const unsigned char* data, size_t size) {
  size_t sent = 0;
  while (sent < size) {
    const int32_t some = transport->send(transport->pNetworkContext, data + sent, size - sent);
    if (some < 0) { return some; }
    sent += (size_t)some;
  }
  return NAL_OK;
}

/* The head and the payload in one go; what did not fit goes on from where it stopped. */
static int send_pieces(const TransportInterface_t* transport, TransportOutVector_t* pieces, size_t count) {
  while (count > 0) {
    int32_t some = transport->writev(transport->pNetworkContext, pieces, count);
    if (some < 0) { return some; }
    for (; count > 0 && (size_t)some >= pieces->iov_len; ++pieces, --count) { some -= (int32_t)pieces->iov_len; }
    if (count > 0) {
      pieces->iov_base = (const unsigned char*)pieces->iov_base + some;
      pieces->iov_len -= (size_t)some;
    }
  }
  return NAL_OK;
}

static int publish(const TransportInterface_t* transport, const char* topic, const char* message) {
  unsigned char packet[256];
  TransportOutVector_t pieces[2];
  int result = send_all(transport, packet, mqtt_connect(packet, "nal-c-coremqtt"));
  if (result == NAL_OK) { result = receive(transport, mqtt_connack, sizeof mqtt_connack); }
  if (result != NAL_OK) { return result; }
  pieces[0].iov_base = packet;
  pieces[0].iov_len = mqtt_publish_head(packet, topic, strlen(message));
  pieces[1].iov_base = message;
  pieces[1].iov_len = strlen(message);
  result = send_pieces(transport, pieces, 2);
  if (result == NAL_OK) { result = receive(transport, mqtt_puback, sizeof mqtt_puback); }
  if (result == NAL_OK) { result = send_all(transport, mqtt_disconnect, sizeof mqtt_disconnect); }
  return result;
}

int main(int argc, char** argv) {
  static nal_tcp stream;
  static NetworkContext_t network;
  TransportInterface_t transport;
  nal_loop* loop = network_start();
  int result;
  if (argc != 5 || strlen(argv[3]) + strlen(argv[4]) > 100) {
    fprintf(stderr, "usage: %s HOST PORT TOPIC MESSAGE (of 100 characters together)\n", argv[0]);
    return EXIT_FAILURE;
  }
  if (!loop) { return failed("network", NAL_NETWORK_DOWN); }
  result = nal_tcp_connect_name(loop, &stream, argv[1], (uint16_t)atoi(argv[2]), NULL, nal_within_s(10));
  if (result < 0) { return failed(argv[1], result); }
  nal_coremqtt_init(&network, &stream);
  network.nal.receive_wait = nal_within_ms(10);
  network.nal.send_wait = nal_within_ms(10);
  transport = nal_coremqtt_transport(&network);
  result = publish(&transport, argv[3], argv[4]);
  if (result < 0) {
    nal_tcp_abort(&stream);
    return failed("publish", result);
  }
  result = nal_tcp_close(&stream, nal_within_s(10));
  if (result < 0) { return failed("close", result); }
  printf("published\n");
  return EXIT_SUCCESS;
}
