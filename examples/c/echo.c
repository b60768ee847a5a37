/* A TCP echo server and its client in C, on whatever network `network_start` gives.
 *
 *   nal-c-echo serve ADDRESS:PORT COUNT        serves COUNT connections, one after the other
 *   nal-c-echo ask HOST PORT TEXT...           sends each text and prints what comes back */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/c/network.h"

/* What waits for a peer waits so long. */
#define PATIENCE nal_within_s(10)

static int failed(const char* what, nal_count error) {
  fprintf(stderr, "%s: %s\n", what, nal_error_text(error));
  return EXIT_FAILURE;
}

/* Sends back what comes, up to the end. */
static int serve_one(nal_tcp* stream) {
  char buffer[512];
  for (;;) {
    const nal_count got = nal_tcp_read(stream, buffer, sizeof buffer, PATIENCE);
    int sent;
    if (got == 0) { return nal_tcp_close(stream, PATIENCE); }
    sent = got < 0 ? (int)got : nal_tcp_write_all(stream, buffer, (size_t)got, NULL, PATIENCE);
    if (sent < 0) {
      nal_tcp_abort(stream);
      return sent;
    }
  }
}

static int serve(nal_loop* loop, const char* where, int count) {
  nal_tcp_listener listener = {0};
  nal_endpoint local;
  char text[NAL_ENDPOINT_TEXT_SIZE];
  int result = nal_endpoint_parse(&local, where);
  if (result == NAL_OK) { result = nal_tcp_listen(loop, &listener, &local, 4, NULL); }
  if (result < 0) { return failed(where, result); }
  nal_tcp_listener_local(&listener, &local);
  nal_endpoint_print(&local, text, sizeof text);
  printf("listening on %s\n", text);
  fflush(stdout);
  for (; count > 0; --count) {
    nal_tcp stream = {0};
    result = nal_tcp_accept(&listener, &stream, NAL_FOREVER);
    if (result < 0) { break; }
    result = serve_one(&stream);
    /* One client's trouble is not the next one's. */
    if (result < 0) { failed("a connection", result); }
  }
  nal_tcp_listener_close(&listener);
  return EXIT_SUCCESS;
}

static int ask(nal_loop* loop, const char* host, uint16_t port, char** texts) {
  nal_tcp stream = {0};
  int result = nal_tcp_connect_name(loop, &stream, host, port, NULL, PATIENCE);
  if (result < 0) { return failed(host, result); }
  for (; *texts && result == NAL_OK; ++texts) {
    char answer[512];
    const size_t size = strlen(*texts) < sizeof answer ? strlen(*texts) : sizeof answer;
    result = nal_tcp_write_all(&stream, *texts, size, NULL, PATIENCE);
    if (result == NAL_OK) { result = nal_tcp_read_exact(&stream, answer, size, NULL, PATIENCE); }
    if (result == NAL_OK) { printf("%.*s\n", (int)size, answer); }
  }
  if (result < 0) {
    nal_tcp_abort(&stream);
    return failed(host, result);
  }
  result = nal_tcp_close(&stream, PATIENCE);
  return result < 0 ? failed(host, result) : EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  nal_loop* loop = network_start();
  if (!loop) { return failed("network", NAL_NETWORK_DOWN); }
  if (argc == 4 && strcmp(argv[1], "serve") == 0) { return serve(loop, argv[2], atoi(argv[3])); }
  if (argc > 4 && strcmp(argv[1], "ask") == 0) { return ask(loop, argv[2], (uint16_t)atoi(argv[3]), argv + 4); }
  fprintf(stderr, "usage: %s serve ADDRESS:PORT COUNT | ask HOST PORT TEXT...\n", argv[0]);
  return EXIT_FAILURE;
}
