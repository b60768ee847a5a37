/* Publishes a message through the `Network` and `Timer` of Paho's embedded client, used as Paho uses them, without
 * Paho.
 *
 *   nal-c-paho HOST PORT TOPIC MESSAGE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/paho/nal_paho.h"
#include "examples/c/mqtt_bytes.h"
#include "examples/c/network.h"

static nal_loop* loop;

nal_loop* nal_paho_loop(void) { return loop; }

/* As Paho sends: until its timer has run out. */
static int send_packet(Network* network, unsigned char* packet, size_t size, Timer* timer) {
  int sent = 0;
  while (sent < (int)size && !TimerIsExpired(timer)) {
    const int some = network->mqttwrite(network, packet + sent, (int)size - sent, TimerLeftMS(timer));
    if (some < 0) { return (int)network->error; }
    sent += some;
  }
  return sent == (int)size ? NAL_OK : NAL_TIMED_OUT;
}

/* As Paho receives: the first byte, the length, and the rest. */
static int receive(Network* network, const unsigned char* expected, Timer* timer) {
  unsigned char packet[4];
  int i;
  const int parts[] = {1, 1, 2};
  size_t at = 0;
  for (i = 0; i < 3; ++i) {
    const int got = network->mqttread(network, packet + at, parts[i], TimerLeftMS(timer));
    if (got < 0) { return (int)network->error; }
    if (got != parts[i]) { return NAL_TIMED_OUT; }
    at += (size_t)got;
  }
  return memcmp(packet, expected, sizeof packet) == 0 ? NAL_OK : NAL_PROTOCOL_ERROR;
}

static int publish(Network* network, const char* topic, const char* message) {
  unsigned char packet[256];
  size_t size;
  int result;
  Timer timer;
  TimerInit(&timer);
  TimerCountdownMS(&timer, 5000);
  result = send_packet(network, packet, mqtt_connect(packet, "nal-c-paho"), &timer);
  if (result == NAL_OK) { result = receive(network, mqtt_connack, &timer); }
  if (result != NAL_OK) { return result; }
  size = mqtt_publish_head(packet, topic, strlen(message));
  memcpy(packet + size, message, strlen(message));
  TimerCountdown(&timer, 5);
  result = send_packet(network, packet, size + strlen(message), &timer);
  if (result == NAL_OK) { result = receive(network, mqtt_puback, &timer); }
  memcpy(packet, mqtt_disconnect, sizeof mqtt_disconnect);
  if (result == NAL_OK) { result = send_packet(network, packet, sizeof mqtt_disconnect, &timer); }
  return result;
}

int main(int argc, char** argv) {
  static nal_tcp stream;
  static Network network;
  int result;
  if (argc != 5 || strlen(argv[3]) + strlen(argv[4]) > 100) {
    fprintf(stderr, "usage: %s HOST PORT TOPIC MESSAGE (of 100 characters together)\n", argv[0]);
    return EXIT_FAILURE;
  }
  loop = network_start();
  if (!loop) {
    fprintf(stderr, "there is no network\n");
    return EXIT_FAILURE;
  }
  result = nal_tcp_connect_name(loop, &stream, argv[1], (uint16_t)atoi(argv[2]), NULL, nal_within_s(10));
  if (result == NAL_OK) {
    nal_paho_init(&network, &stream);
    result = publish(&network, argv[3], argv[4]);
    if (result == NAL_OK) {
      result = nal_tcp_close(&stream, nal_within_s(10));
    } else {
      nal_tcp_abort(&stream);
    }
  }
  printf("%s\n", result == NAL_OK ? "published" : nal_error_text(result));
  return result == NAL_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
