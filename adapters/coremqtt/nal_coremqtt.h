#pragma once
/* coreMQTT on nal: the functions of a `TransportInterface_t` over a `nal_tcp`, which may be a TLS stream
 * (nal::c::adopt).
 *
 * Header only, C99. Where coreMQTT's transport_interface.h is in the include path (or was included before), its types
 * are used; elsewhere the same types are declared here, so that a program compiles without coreMQTT.
 *
 *   static nal_tcp stream;                    // connected by nal_tcp_connect_name
 *   static NetworkContext_t network;
 *   nal_coremqtt_init(&network, &stream);
 *   const TransportInterface_t transport = nal_coremqtt_transport(&network);
 *   MQTT_Init(&mqtt, &transport, get_time_ms, on_event, &buffer);
 *
 * What coreMQTT asks of them, and what they do:
 * - nothing there (or no room): 0, and it asks again;
 * - the end of the stream is no 0 but an error;
 * - errors are negative: an `enum nal_error`, which `nal_coremqtt.error` keeps;
 * - fewer bytes than asked for, in either direction, are normal.
 * The stream stays the program's: after an error it closes it.
 *
 * By default neither recv nor send waits. coreMQTT calls recv in a loop, so a program that waits in MQTT_ProcessLoop
 * lets recv wait a little (`receive_wait`): then the processor sleeps, and the loop goes on, until bytes arrive. */
#include <stddef.h>
#include <stdint.h>

#include "adapters/c/nal_c.h"

#if !defined(TRANSPORT_INTERFACE_H_) && defined(__has_include)
#if __has_include("transport_interface.h")
#include "transport_interface.h"
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TRANSPORT_INTERFACE_H_
/* coreMQTT is not here: what its transports are made of, by its names. */
typedef struct NetworkContext NetworkContext_t;
typedef struct TransportOutVector {
  const void* iov_base;
  size_t iov_len;
} TransportOutVector_t;
typedef int32_t (*TransportRecv_t)(NetworkContext_t* context, void* buffer, size_t size);
typedef int32_t (*TransportSend_t)(NetworkContext_t* context, const void* data, size_t size);
typedef int32_t (*TransportWritev_t)(NetworkContext_t* context, TransportOutVector_t* pieces, size_t count);
typedef struct TransportInterface {
  TransportRecv_t recv;
  TransportSend_t send;
  TransportWritev_t writev;
  NetworkContext_t* pNetworkContext;
} TransportInterface_t;
#endif

typedef struct nal_coremqtt {
  nal_tcp* stream;
  nal_deadline receive_wait; /* how long recv may wait for a first byte: NAL_NO_WAIT, `nal_within_ms(10)` */
  nal_deadline send_wait;    /* how long send and writev may wait for room */
  nal_count error;           /* the last one that was told; 0: none */
} nal_coremqtt;

/* coreMQTT leaves this type to the program. One that has its own defines NAL_COREMQTT_OWN_CONTEXT and makes a
 * `nal_coremqtt` the first member of it. */
#ifndef NAL_COREMQTT_OWN_CONTEXT
struct NetworkContext {
  nal_coremqtt nal;
};
#endif

static inline nal_coremqtt* nal_coremqtt_of(NetworkContext_t* context) { return (nal_coremqtt*)(void*)context; }

/* `stream` outlives its use. */
static inline void nal_coremqtt_init(NetworkContext_t* context, nal_tcp* stream) {
  nal_coremqtt* nal = nal_coremqtt_of(context);
  nal->stream = stream;
  nal->receive_wait = NAL_NO_WAIT;
  nal->send_wait = NAL_NO_WAIT;
  nal->error = NAL_OK;
}

/* What coreMQTT is told of a call's result. */
static inline int32_t nal_coremqtt_told(nal_coremqtt* nal, nal_count result) {
  if (result == NAL_WOULD_BLOCK || result == NAL_TIMED_OUT) { return 0; }
  if (result < 0) { nal->error = result; }
  return (int32_t)result;
}

static inline size_t nal_coremqtt_at_most(size_t size) { return size > INT32_MAX ? (size_t)INT32_MAX : size; }

/* A TransportRecv_t. */
static inline int32_t nal_coremqtt_recv(NetworkContext_t* context, void* buffer, size_t size) {
  nal_coremqtt* nal = nal_coremqtt_of(context);
  nal_count got = nal_tcp_read(nal->stream, buffer, nal_coremqtt_at_most(size), nal->receive_wait);
  if (got == 0 && size != 0) { got = NAL_END_OF_STREAM; }
  return nal_coremqtt_told(nal, got);
}

/* A TransportSend_t. */
static inline int32_t nal_coremqtt_send(NetworkContext_t* context, const void* data, size_t size) {
  nal_coremqtt* nal = nal_coremqtt_of(context);
  return nal_coremqtt_told(nal, nal_tcp_write(nal->stream, data, nal_coremqtt_at_most(size), nal->send_wait));
}

/* coreMQTT before 2.0 has no writev; its users define NAL_COREMQTT_NO_WRITEV. */
#ifndef NAL_COREMQTT_NO_WRITEV
/* A TransportWritev_t: the pieces leave in as few segments as the stack can. */
static inline int32_t nal_coremqtt_writev(NetworkContext_t* context, TransportOutVector_t* pieces, size_t count) {
  nal_coremqtt* nal = nal_coremqtt_of(context);
  nal_piece some[8];
  size_t used = 0;
  size_t room = INT32_MAX;
  size_t i;
  for (i = 0; i < count && used < sizeof some / sizeof some[0] && room != 0; ++i) {
    if (pieces[i].iov_len != 0) {
      some[used].data = pieces[i].iov_base;
      some[used].size = pieces[i].iov_len < room ? pieces[i].iov_len : room;
      room -= some[used].size;
      ++used;
    }
  }
  return nal_coremqtt_told(nal, nal_tcp_write_pieces(nal->stream, some, used, nal->send_wait));
}
#endif

static inline TransportInterface_t nal_coremqtt_transport(NetworkContext_t* context) {
  TransportInterface_t transport;
  transport.recv = &nal_coremqtt_recv;
  transport.send = &nal_coremqtt_send;
#ifndef NAL_COREMQTT_NO_WRITEV
  transport.writev = &nal_coremqtt_writev;
#endif
  transport.pNetworkContext = context;
  return transport;
}

#ifdef __cplusplus
}
#endif
