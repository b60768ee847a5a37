#pragma once
/* Paho's embedded MQTT client for C on nal: its platform header, with the `Network` and the `Timer` that it asks for.
 * C99.
 *
 * Paho is compiled with -DMQTTCLIENT_PLATFORM_HEADER=adapters/paho/nal_paho.h; a program without Paho includes this
 * header by itself and needs nothing of Paho's to compile.
 *
 *   static nal_tcp stream;                    // connected by nal_tcp_connect_name; may be a TLS stream (nal::c::adopt)
 *   static Network network;
 *   nal_loop* nal_paho_loop(void) { return loop; }
 *   nal_paho_init(&network, &stream);
 *   MQTTClientInit(&client, &network, 5000, out, sizeof out, in, sizeof in);
 *
 * `mqttread` and `mqttwrite` give the number of bytes asked for, 0 if nothing came (or went) in time, or -1; what went
 * wrong stands in `Network.error`, and stays: after it the program closes the stream and begins anew.
 *
 * Paho cannot go on in the middle of a packet: what a call has read is lost to it when the next part comes late, and it
 * repeats a packet from where a write stopped, but with its whole length. So a packet is never left in the middle here:
 * once its first byte has been read or written, the rest may take `rest_ms` beyond the caller's time, and if that is
 * not enough the connection has failed (NAL_TIMED_OUT). For the same reason there is no partial write. */
#include <stddef.h>
#include <stdint.h>

#include "adapters/c/nal_c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Network Network;
struct Network {
  int (*mqttread)(Network* network, unsigned char* buffer, int size, int timeout_ms);
  int (*mqttwrite)(Network* network, unsigned char* data, int size, int timeout_ms);
  nal_tcp* stream;
  uint32_t rest_ms; /* 5000 unless set after nal_paho_init */
  nal_count error;  /* an `enum nal_error`; 0: none so far */
  uint32_t left_;   /* bytes of the packet that is being read */
  uint8_t part_;    /* which part of it comes next: 0 its first byte, 1 its length, 2 those bytes */
  uint8_t shift_;   /* how far the length has been read, in bits */
};

/* Keeps count of where in a packet the reader is. */
static inline void nal_paho_follow(Network* network, const unsigned char* data, size_t size) {
  while (size != 0) {
    if (network->part_ == 0) {
      network->part_ = 1;
      network->shift_ = 0;
      network->left_ = 0;
    } else if (network->part_ == 1) {
      network->left_ |= (uint32_t)(*data & 127u) << network->shift_;
      network->shift_ = (uint8_t)(network->shift_ + 7);
      /* A fifth byte of length is the peer's mistake, which Paho finds. */
      if ((*data & 128u) == 0 || network->shift_ > 21) { network->part_ = network->left_ != 0 ? 2 : 0; }
    } else {
      const uint32_t here = size < network->left_ ? (uint32_t)size : network->left_;
      network->left_ -= here;
      if (network->left_ == 0) { network->part_ = 0; }
      data += here;
      size -= here;
      continue;
    }
    ++data;
    --size;
  }
}

static inline int nal_paho_failed(Network* network, nal_count error) {
  network->error = error;
  return -1;
}
static inline int nal_paho_late(nal_count result) { return result == NAL_TIMED_OUT || result == NAL_WOULD_BLOCK; }

/* What `Network.mqttread` points to. */
static inline int nal_paho_read(Network* network, unsigned char* buffer, int size, int timeout_ms) {
  const size_t wanted = size > 0 ? (size_t)size : 0;
  uint32_t wait = timeout_ms > 0 ? (uint32_t)timeout_ms : 0;
  size_t got = 0;
  int result;
  if (network->error != NAL_OK) { return -1; }
  if (network->part_ != 0 && wait < network->rest_ms) { wait = network->rest_ms; }
  result = nal_tcp_read_exact(network->stream, buffer, wanted, &got, nal_within_ms(wait));
  nal_paho_follow(network, buffer, got);
  if (nal_paho_late(result) && got != 0) {
    size_t more = 0;
    result = nal_tcp_read_exact(network->stream, buffer + got, wanted - got, &more, nal_within_ms(network->rest_ms));
    nal_paho_follow(network, buffer + got, more);
  } else if (nal_paho_late(result) && network->part_ == 0) {
    return 0;
  }
  if (result == NAL_OK) { return size > 0 ? size : 0; }
  return nal_paho_failed(network, nal_paho_late(result) ? (nal_count)NAL_TIMED_OUT : (nal_count)result);
}

/* What `Network.mqttwrite` points to. */
static inline int nal_paho_write(Network* network, unsigned char* data, int size, int timeout_ms) {
  const size_t wanted = size > 0 ? (size_t)size : 0;
  size_t written = 0;
  int result;
  if (network->error != NAL_OK) { return -1; }
  result = nal_tcp_write_all(network->stream, data, wanted, &written,
                             nal_within_ms(timeout_ms > 0 ? (uint32_t)timeout_ms : 0));
  if (nal_paho_late(result)) {
    if (written == 0) { return 0; }
    result =
        nal_tcp_write_all(network->stream, data + written, wanted - written, NULL, nal_within_ms(network->rest_ms));
  }
  if (result == NAL_OK) { return size > 0 ? size : 0; }
  return nal_paho_failed(network, nal_paho_late(result) ? (nal_count)NAL_TIMED_OUT : (nal_count)result);
}

/* `stream` outlives its use. */
static inline void nal_paho_init(Network* network, nal_tcp* stream) {
  network->mqttread = &nal_paho_read;
  network->mqttwrite = &nal_paho_write;
  network->stream = stream;
  network->rest_ms = 5000;
  network->error = NAL_OK;
  network->left_ = 0;
  network->part_ = 0;
  network->shift_ = 0;
}

/* A program with timers of its own defines NAL_PAHO_OWN_TIMER and declares `Timer` before. */
#ifndef NAL_PAHO_OWN_TIMER
/* The program's: the loop whose clock Paho's timers go by. Paho gives its timers nothing to find one with. */
nal_loop* nal_paho_loop(void);

typedef struct Timer {
  int64_t end; /* microseconds on the loop's clock */
} Timer;

static inline void TimerInit(Timer* timer) { timer->end = 0; }
static inline void TimerCountdownMS(Timer* timer, unsigned int milliseconds) {
  timer->end = nal_now(nal_paho_loop()) + (int64_t)milliseconds * 1000;
}
static inline void TimerCountdown(Timer* timer, unsigned int seconds) {
  timer->end = nal_now(nal_paho_loop()) + (int64_t)seconds * 1000000;
}
/* Rounded up, so that who waits so long does not come too early. */
static inline int TimerLeftMS(Timer* timer) {
  const int64_t now = nal_now(nal_paho_loop());
  const int64_t left = now < 0 || now >= timer->end ? 0 : (timer->end - now + 999) / 1000;
  return left > INT32_MAX ? (int)INT32_MAX : (int)left;
}
/* A clock that cannot be asked ends every wait. */
static inline char TimerIsExpired(Timer* timer) {
  const int64_t now = nal_now(nal_paho_loop());
  return (char)(now < 0 || now >= timer->end);
}
#endif

#ifdef __cplusplus
}
#endif
