#pragma once
/* Contracts of the function pointers that coreMQTT and Paho call, tested from C: each function is 0, or the line of its
 * file that does not hold. */
#include "adapters/c/nal_c.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a test works with: a connection from `near` to `far`, and a deadline that only what is broken misses. `many` is
 * more than the connection holds in its buffers. */
typedef struct c_pair {
  nal_loop* loop;
  nal_tcp* near;
  nal_tcp* far;
  nal_deadline patience;
  size_t many;
  int gathers; /* several pieces go at once; TLS makes a record of each */
} c_pair;

int coremqtt_moves_bytes(const c_pair* pair);
int coremqtt_would_block_is_zero(const c_pair* pair);
int coremqtt_writes_in_part(const c_pair* pair);
int coremqtt_end_of_stream_is_negative(const c_pair* pair);
int coremqtt_half_close(const c_pair* pair);
int coremqtt_reset_is_negative(const c_pair* pair);
int coremqtt_cancelled_is_negative(const c_pair* pair, void (*meanwhile)(void (*act)(const c_pair* pair)));
int coremqtt_closed_is_negative(const c_pair* pair);

int paho_moves_bytes(const c_pair* pair);
int paho_nothing_in_time_is_zero(const c_pair* pair);
int paho_keeps_packets_whole(const c_pair* pair, void (*meanwhile)(void (*act)(const c_pair* pair)));
int paho_gives_up_in_a_packet(const c_pair* pair);
int paho_writes_whole_packets(const c_pair* pair);
int paho_end_of_stream_is_negative(const c_pair* pair);
int paho_half_close(const c_pair* pair);
int paho_reset_is_negative(const c_pair* pair);
int paho_cancelled_is_negative(const c_pair* pair, void (*meanwhile)(void (*act)(const c_pair* pair)));
int paho_closed_is_negative(const c_pair* pair);
int paho_timers(const c_pair* pair);

int plain_c_use(const c_pair* pair);

#ifdef __cplusplus
}
#endif
