#include "adapters/coremqtt/nal_coremqtt.h"

#include <string.h>

#include "tests/adapters/c/transports.h"

#define EXPECT(condition) \
  if (!(condition)) { return __LINE__; }

static NetworkContext_t network;

static TransportInterface_t transport_of(const c_pair* pair) {
  nal_coremqtt_init(&network, pair->near);
  return nal_coremqtt_transport(&network);
}

int coremqtt_moves_bytes(const c_pair* pair) {
  const TransportInterface_t transport = transport_of(pair);
  char buffer[16];
  TransportOutVector_t pieces[10];
  size_t i;
  size_t first = 0;
  int32_t sent = 0;
  EXPECT(transport.send(transport.pNetworkContext, "hello", 5) == 5);
  EXPECT(nal_tcp_read_exact(pair->far, buffer, 5, NULL, pair->patience) == NAL_OK);
  EXPECT(memcmp(buffer, "hello", 5) == 0);
  /* More pieces than go at once: what is left out is told by the number. */
  for (i = 0; i < 10; ++i) {
    pieces[i].iov_base = i == 3 ? NULL : &"abcdefghij"[i];
    pieces[i].iov_len = i == 3 ? 0 : 1;
  }
  sent = transport.writev(transport.pNetworkContext, pieces, 10);
  EXPECT(sent == (pair->gathers ? 8 : 1));
  /* As coreMQTT goes on: with the pieces that are left. */
  for (first = (size_t)sent; sent < 8; first = (size_t)sent + (sent >= 3 ? 1 : 0)) {
    const int32_t more = transport.writev(transport.pNetworkContext, pieces + first, 10 - first);
    EXPECT(more > 0);
    sent += more;
  }
  EXPECT(nal_tcp_read_exact(pair->far, buffer, 8, NULL, pair->patience) == NAL_OK);
  EXPECT(memcmp(buffer, "abcefghi", 8) == 0);
  EXPECT(transport.writev(transport.pNetworkContext, pieces + 3, 1) == 0);
  EXPECT(transport.send(transport.pNetworkContext, "", 0) == 0);
  EXPECT(transport.recv(transport.pNetworkContext, buffer, 0) == 0);
  /* Fewer bytes than were asked for, and the rest later. */
  EXPECT(nal_tcp_write_all(pair->far, "xyz", 3, NULL, pair->patience) == NAL_OK);
  network.nal.receive_wait = pair->patience;
  EXPECT(transport.recv(transport.pNetworkContext, buffer, 2) == 2);
  EXPECT(transport.recv(transport.pNetworkContext, buffer + 2, 14) == 1);
  EXPECT(memcmp(buffer, "xyz", 3) == 0);
  EXPECT(network.nal.error == NAL_OK);
  return 0;
}

int coremqtt_would_block_is_zero(const c_pair* pair) {
  const TransportInterface_t transport = transport_of(pair);
  char byte;
  int64_t before;
  EXPECT(transport.recv(transport.pNetworkContext, &byte, 1) == 0);
  before = nal_now(pair->loop);
  network.nal.receive_wait = nal_within_ms(10);
  EXPECT(transport.recv(transport.pNetworkContext, &byte, 1) == 0);
  EXPECT(nal_now(pair->loop) >= before + 10000);
  EXPECT(network.nal.error == NAL_OK);
  return 0;
}

int coremqtt_writes_in_part(const c_pair* pair) {
  static char data[4000];
  const TransportInterface_t transport = transport_of(pair);
  size_t sent = 0;
  size_t received = 0;
  TransportOutVector_t piece;
  int32_t some;
  while ((some = transport.send(transport.pNetworkContext, data, sizeof data)) > 0) { sent += (size_t)some; }
  EXPECT(some == 0);
  EXPECT(sent > 0);
  network.nal.send_wait = nal_within_ms(1);
  piece.iov_base = data;
  piece.iov_len = sizeof data;
  while ((some = transport.writev(transport.pNetworkContext, &piece, 1)) > 0) { sent += (size_t)some; }
  EXPECT(some == 0);
  EXPECT(network.nal.error == NAL_OK);
  while (received < sent) {
    const nal_count got = nal_tcp_read(pair->far, data, sizeof data, pair->patience);
    EXPECT(got > 0);
    received += (size_t)got;
  }
  EXPECT(received == sent);
  return 0;
}

int coremqtt_end_of_stream_is_negative(const c_pair* pair) {
  const TransportInterface_t transport = transport_of(pair);
  char buffer[4];
  EXPECT(nal_tcp_write_all(pair->far, "ab", 2, NULL, pair->patience) == NAL_OK);
  EXPECT(nal_tcp_shutdown(pair->far, pair->patience) == NAL_OK);
  network.nal.receive_wait = pair->patience;
  EXPECT(transport.recv(transport.pNetworkContext, buffer, 4) == 2);
  EXPECT(transport.recv(transport.pNetworkContext, buffer, 4) == NAL_END_OF_STREAM);
  EXPECT(transport.recv(transport.pNetworkContext, buffer, 4) == NAL_END_OF_STREAM);
  EXPECT(network.nal.error == NAL_END_OF_STREAM);
  return 0;
}

int coremqtt_half_close(const c_pair* pair) {
  const TransportInterface_t transport = transport_of(pair);
  char buffer[4];
  /* The peer has ended its direction: ours goes on. */
  EXPECT(nal_tcp_shutdown(pair->far, pair->patience) == NAL_OK);
  EXPECT(transport.send(transport.pNetworkContext, "bye", 3) == 3);
  EXPECT(nal_tcp_read_exact(pair->far, buffer, 3, NULL, pair->patience) == NAL_OK);
  /* And when we have ended ours. */
  EXPECT(nal_tcp_shutdown(pair->near, pair->patience) == NAL_OK);
  EXPECT(transport.send(transport.pNetworkContext, "x", 1) == NAL_BROKEN_PIPE);
  EXPECT(network.nal.error == NAL_BROKEN_PIPE);
  return 0;
}

int coremqtt_reset_is_negative(const c_pair* pair) {
  const TransportInterface_t transport = transport_of(pair);
  TransportOutVector_t piece;
  char byte;
  EXPECT(nal_tcp_abort(pair->far) == NAL_OK);
  network.nal.receive_wait = pair->patience;
  EXPECT(transport.recv(transport.pNetworkContext, &byte, 1) == NAL_CONNECTION_RESET);
  EXPECT(network.nal.error == NAL_CONNECTION_RESET);
  EXPECT(transport.send(transport.pNetworkContext, "x", 1) < 0);
  piece.iov_base = "x";
  piece.iov_len = 1;
  EXPECT(transport.writev(transport.pNetworkContext, &piece, 1) < 0);
  return 0;
}

static void cancel(const c_pair* pair) { nal_cancel(pair->loop, pair->near); }
static void abort_it(const c_pair* pair) { nal_tcp_abort(pair->near); }

int coremqtt_cancelled_is_negative(const c_pair* pair, void (*meanwhile)(void (*act)(const c_pair* pair))) {
  const TransportInterface_t transport = transport_of(pair);
  char byte;
  network.nal.receive_wait = NAL_FOREVER;
  meanwhile(&cancel);
  EXPECT(transport.recv(transport.pNetworkContext, &byte, 1) == NAL_CANCELLED);
  meanwhile(&abort_it);
  EXPECT(transport.recv(transport.pNetworkContext, &byte, 1) == NAL_CLOSED);
  return 0;
}

int coremqtt_closed_is_negative(const c_pair* pair) {
  const TransportInterface_t transport = transport_of(pair);
  TransportOutVector_t piece;
  char byte;
  EXPECT(nal_tcp_abort(pair->near) == NAL_OK);
  piece.iov_base = "x";
  piece.iov_len = 1;
  EXPECT(transport.recv(transport.pNetworkContext, &byte, 1) == NAL_CLOSED);
  EXPECT(transport.send(transport.pNetworkContext, "x", 1) == NAL_CLOSED);
  EXPECT(transport.writev(transport.pNetworkContext, &piece, 1) == NAL_CLOSED);
  return 0;
}
