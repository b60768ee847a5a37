#include "adapters/paho/nal_paho.h"

#include <string.h>

#include "tests/adapters/c/transports.h"

#define EXPECT(condition) \
  if (!(condition)) { return __LINE__; }

static Network network;
static nal_loop* clock_loop;

nal_loop* nal_paho_loop(void) { return clock_loop; }

/* Has a packet of 200 bytes behind its head of three. */
static unsigned char packet[203] = {0x30, 200, 1};

static void begin(const c_pair* pair) {
  clock_loop = pair->loop;
  nal_paho_init(&network, pair->near);
  packet[0] = 0x30;
  packet[1] = 0xc8; /* 200 is two bytes of length: 0xc8 0x01 */
  packet[2] = 1;
}

int paho_moves_bytes(const c_pair* pair) {
  unsigned char buffer[256];
  unsigned char out[] = "hello";
  begin(pair);
  EXPECT(network.mqttwrite(&network, out, 5, 1000) == 5);
  EXPECT(nal_tcp_read_exact(pair->far, buffer, 5, NULL, pair->patience) == NAL_OK);
  EXPECT(memcmp(buffer, "hello", 5) == 0);
  EXPECT(network.mqttwrite(&network, out, 0, 1000) == 0);
  /* Two packets, the first of which has no more than its head. */
  EXPECT(nal_tcp_write_all(pair->far, "\xd0\x00", 2, NULL, pair->patience) == NAL_OK);
  EXPECT(nal_tcp_write_all(pair->far, packet, sizeof packet, NULL, pair->patience) == NAL_OK);
  EXPECT(network.mqttread(&network, buffer, 1, 1000) == 1);
  EXPECT(network.mqttread(&network, buffer + 1, 1, 1000) == 1);
  EXPECT(buffer[0] == 0xd0 && buffer[1] == 0);
  EXPECT(network.mqttread(&network, buffer, 3, 1000) == 3);
  EXPECT(network.mqttread(&network, buffer + 3, 200, 1000) == 200);
  EXPECT(memcmp(buffer, packet, sizeof packet) == 0);
  EXPECT(network.error == NAL_OK);
  return 0;
}

int paho_nothing_in_time_is_zero(const c_pair* pair) {
  unsigned char byte;
  int64_t before;
  begin(pair);
  before = nal_now(pair->loop);
  EXPECT(network.mqttread(&network, &byte, 1, 0) == 0);
  EXPECT(network.mqttread(&network, &byte, 1, -5) == 0);
  EXPECT(network.mqttread(&network, &byte, 1, 20) == 0);
  EXPECT(nal_now(pair->loop) >= before + 20000);
  EXPECT(network.error == NAL_OK);
  return 0;
}

static void send_rest(const c_pair* pair) { nal_tcp_write(pair->far, packet + 2, sizeof packet - 2, NAL_NO_WAIT); }

int paho_keeps_packets_whole(const c_pair* pair, void (*meanwhile)(void (*act)(const c_pair* pair))) {
  unsigned char buffer[256];
  begin(pair);
  EXPECT(nal_tcp_write_all(pair->far, packet, 2, NULL, pair->patience) == NAL_OK);
  EXPECT(network.mqttread(&network, buffer, 1, 1000) == 1);
  EXPECT(network.mqttread(&network, buffer + 1, 1, 1000) == 1);
  /* The caller's time is up long before the rest comes: it comes all the same. */
  meanwhile(&send_rest);
  EXPECT(network.mqttread(&network, buffer + 2, 1, 0) == 1);
  EXPECT(network.mqttread(&network, buffer + 3, 200, 0) == 200);
  EXPECT(memcmp(buffer, packet, sizeof packet) == 0);
  /* Between packets the caller's time counts again. */
  EXPECT(network.mqttread(&network, buffer, 1, 0) == 0);
  /* So it is in the middle of one read. */
  EXPECT(nal_tcp_write_all(pair->far, packet, 2, NULL, pair->patience) == NAL_OK);
  meanwhile(&send_rest);
  EXPECT(network.mqttread(&network, buffer, 203, 1) == 203);
  return 0;
}

int paho_gives_up_in_a_packet(const c_pair* pair) {
  unsigned char buffer[8];
  unsigned char out[] = "x";
  begin(pair);
  network.rest_ms = 10;
  EXPECT(nal_tcp_write_all(pair->far, packet, 2, NULL, pair->patience) == NAL_OK);
  EXPECT(network.mqttread(&network, buffer, 1, 1000) == 1);
  EXPECT(network.mqttread(&network, buffer, 1, 1000) == 1);
  EXPECT(network.mqttread(&network, buffer, 1, 0) == -1);
  EXPECT(network.error == NAL_TIMED_OUT);
  /* What is out of step stays out. */
  EXPECT(nal_tcp_write_all(pair->far, packet, 2, NULL, pair->patience) == NAL_OK);
  EXPECT(network.mqttread(&network, buffer, 1, 1000) == -1);
  EXPECT(network.mqttwrite(&network, out, 1, 1000) == -1);
  return 0;
}

int paho_writes_whole_packets(const c_pair* pair) {
  static unsigned char data[4000];
  size_t sent = 0;
  size_t received = 0;
  size_t last = 0;
  int some;
  begin(pair);
  network.rest_ms = 10;
  while ((some = network.mqttwrite(&network, data, sizeof data, 1)) > 0) {
    EXPECT(some == (int)sizeof data);
    sent += sizeof data;
    EXPECT(sent < 4 * pair->many);
  }
  /* None of the last one went, or the connection has failed. */
  EXPECT(some == 0 || (some == -1 && network.error == NAL_TIMED_OUT));
  do {
    const nal_count got = nal_tcp_read(pair->far, data, sizeof data, nal_within_ms(50));
    last = got > 0 ? (size_t)got : 0;
    received += last;
  } while (last != 0);
  EXPECT(some == 0 ? received == sent : received > sent && received < sent + sizeof data);
  return 0;
}

int paho_end_of_stream_is_negative(const c_pair* pair) {
  unsigned char buffer[4];
  begin(pair);
  EXPECT(nal_tcp_write_all(pair->far, "\xd0", 1, NULL, pair->patience) == NAL_OK);
  EXPECT(nal_tcp_shutdown(pair->far, pair->patience) == NAL_OK);
  EXPECT(network.mqttread(&network, buffer, 1, 1000) == 1);
  EXPECT(network.mqttread(&network, buffer, 1, 1000) == -1);
  EXPECT(network.error == NAL_END_OF_STREAM);
  EXPECT(network.mqttread(&network, buffer, 1, 1000) == -1);
  return 0;
}

int paho_half_close(const c_pair* pair) {
  unsigned char buffer[4];
  unsigned char out[] = "bye";
  begin(pair);
  EXPECT(nal_tcp_shutdown(pair->far, pair->patience) == NAL_OK);
  EXPECT(network.mqttwrite(&network, out, 3, 1000) == 3);
  EXPECT(nal_tcp_read_exact(pair->far, buffer, 3, NULL, pair->patience) == NAL_OK);
  EXPECT(nal_tcp_shutdown(pair->near, pair->patience) == NAL_OK);
  EXPECT(network.mqttwrite(&network, out, 3, 1000) == -1);
  EXPECT(network.error == NAL_BROKEN_PIPE);
  return 0;
}

int paho_reset_is_negative(const c_pair* pair) {
  unsigned char byte;
  begin(pair);
  EXPECT(nal_tcp_abort(pair->far) == NAL_OK);
  EXPECT(network.mqttread(&network, &byte, 1, 10000) == -1);
  EXPECT(network.error == NAL_CONNECTION_RESET);
  EXPECT(network.mqttwrite(&network, &byte, 1, 1000) == -1);
  return 0;
}

static void cancel(const c_pair* pair) { nal_cancel(pair->loop, pair->near); }
static void abort_it(const c_pair* pair) { nal_tcp_abort(pair->near); }

int paho_cancelled_is_negative(const c_pair* pair, void (*meanwhile)(void (*act)(const c_pair* pair))) {
  unsigned char byte;
  begin(pair);
  meanwhile(&cancel);
  EXPECT(network.mqttread(&network, &byte, 1, INT32_MAX) == -1);
  EXPECT(network.error == NAL_CANCELLED);
  begin(pair);
  meanwhile(&abort_it);
  EXPECT(network.mqttread(&network, &byte, 1, INT32_MAX) == -1);
  EXPECT(network.error == NAL_CLOSED);
  return 0;
}

int paho_closed_is_negative(const c_pair* pair) {
  unsigned char byte = 0;
  begin(pair);
  EXPECT(nal_tcp_abort(pair->near) == NAL_OK);
  EXPECT(network.mqttread(&network, &byte, 1, 1000) == -1);
  EXPECT(network.error == NAL_CLOSED);
  begin(pair);
  EXPECT(network.mqttwrite(&network, &byte, 1, 1000) == -1);
  EXPECT(network.error == NAL_CLOSED);
  return 0;
}

int paho_timers(const c_pair* pair) {
  Timer timer;
  begin(pair);
  TimerInit(&timer);
  EXPECT(TimerIsExpired(&timer) == 1);
  EXPECT(TimerLeftMS(&timer) == 0);
  TimerCountdownMS(&timer, 1000);
  EXPECT(TimerIsExpired(&timer) == 0);
  EXPECT(TimerLeftMS(&timer) > 0 && TimerLeftMS(&timer) <= 1000);
  TimerCountdown(&timer, 3);
  EXPECT(TimerLeftMS(&timer) > 1000 && TimerLeftMS(&timer) <= 3000);
  TimerCountdown(&timer, UINT32_MAX);
  EXPECT(TimerLeftMS(&timer) == INT32_MAX);
  TimerCountdownMS(&timer, 5);
  EXPECT(nal_sleep(pair->loop, NULL, nal_within_ms(6)) == NAL_OK);
  EXPECT(TimerIsExpired(&timer) == 1);
  /* Without a clock nothing is waited for. */
  TimerCountdown(&timer, 10);
  clock_loop = NULL;
  EXPECT(TimerIsExpired(&timer) == 1);
  EXPECT(TimerLeftMS(&timer) == 0);
  return 0;
}
