#pragma once
/* nal for C: blocking calls over any network stack, without a heap. Plain C99.
 *
 * A loop. Everything happens in a `nal_loop`: a network stack and what drives it. C++ makes it (adapters/c/loop.hpp, a
 * few lines for each product); C is given a pointer. The loop belongs to the thread that made it.
 *
 * Where calls may come from.
 * - From the loop's own thread (firmware without an operating system has no other): a call that waits drives the stack
 *   and all else that runs on the loop until it is done, and sleeps by the platform's idle in between.
 * - From any other thread, where the loop was made with a `nal_thread_port`: the call is carried out by the loop's
 * thread while the caller sleeps. The loop's thread has to be in `nal_loop_run`, or in a call that waits, or come by
 * often with `nal_loop_poll`. Without a port such a call is NAL_NOT_SUPPORTED.
 * - From inside a C++ task of the loop: calls that do not wait, and those with NAL_NO_WAIT; others are
 *   NAL_INVALID_ARGUMENT, since they would stop what they wait for.
 * - Never from an interrupt, but for `nal_loop_stop`.
 * Several threads may use one handle at once: one reads while another writes, say. Calls on one handle are carried out
 * in the order in which they came.
 *
 * Memory. The caller gives all of it: handles are structs, and calls stand on the caller's stack, most with 200 to 350
 * bytes of it on a Cortex-M3, `nal_tcp_connect` with 750, `nal_tcp_connect_name` with 1,850. A handle is all zeros
 * before its first use (`nal_tcp stream = {0};`, or static) and is neither copied nor moved while it is open. Data and
 * text that are passed in are used until the call returns, no longer.
 *
 * Errors are negative numbers of `enum nal_error`, whose values never change; 0 or more is success. An error of a
 * stream is told by each later call too.
 *
 * Deadlines. A call that may wait takes a `nal_deadline`. When it passes, the call is NAL_TIMED_OUT (or NAL_WOULD_BLOCK
 * if it was NAL_NO_WAIT) and has done no more than its comment says; the handle goes on.
 *
 * Cancelling. `nal_cancel` ends the calls that wait on one handle, from any thread, with NAL_CANCELLED; closing a
 * handle ends those with NAL_CLOSED; `nal_loop_stop` all of a loop with NAL_CANCELLED. A cancelled call has done as
 * little as one whose deadline passed. */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A number of bytes or things, or a negative `enum nal_error`. */
typedef ptrdiff_t nal_count;

enum nal_error {
  NAL_OK = 0,
  NAL_END_OF_STREAM = -1,          /* the peer finished sending before what was asked for had arrived */
  NAL_CONNECTION_RESET = -2,       /* the peer ended the connection abruptly; data may be lost */
  NAL_CONNECTION_REFUSED = -3,     /* nobody listens there */
  NAL_CONNECTION_ABORTED = -4,     /* this side ended the connection before the call was done */
  NAL_BROKEN_PIPE = -5,            /* written after the shutdown, or to a peer that reads no more */
  NAL_NOT_CONNECTED = -6,          /* not connected (yet, or any more); a UDP socket without a remote endpoint */
  NAL_CLOSED = -7,                 /* the handle is closed, or was while the call waited */
  NAL_TIMED_OUT = -8,              /* the deadline passed, or the transport gave the peer up */
  NAL_WOULD_BLOCK = -9,            /* NAL_NO_WAIT, and it would have to wait */
  NAL_CANCELLED = -10,             /* `nal_cancel`, `nal_loop_stop` */
  NAL_HOST_UNREACHABLE = -11,      /* no way to the remote host */
  NAL_NETWORK_UNREACHABLE = -12,   /* no route to the remote network */
  NAL_NETWORK_DOWN = -13,          /* the interface is down or gone */
  NAL_ADDRESS_IN_USE = -14,        /* the local endpoint is taken */
  NAL_ADDRESS_NOT_AVAILABLE = -15, /* the local address is not of this host, or no port is left */
  NAL_NO_MEMORY = -16,             /* a pool or the system has no memory left for this */
  NAL_TABLE_FULL = -17,            /* every socket of the stack is taken */
  NAL_BUFFER_TOO_SMALL = -18,      /* the answer does not fit */
  NAL_MESSAGE_SIZE = -19,          /* the datagram is larger than the transport takes */
  NAL_INVALID_ARGUMENT = -20,      /* the arguments make no sense, or the call may not wait here */
  NAL_NOT_SUPPORTED = -21,         /* this stack or build cannot do it */
  NAL_PERMISSION_DENIED = -22,     /* the system forbids it */
  NAL_NAME_NOT_FOUND = -23,        /* the name, or one with addresses of that family, does not exist */
  NAL_NAME_SERVICE_FAILED = -24,   /* the name servers did not answer; asking again later may help */
  NAL_PROTOCOL_ERROR = -25,        /* the peer broke the protocol */
  NAL_IO_ERROR = -26,              /* the system reported an error that has no other name here */
  NAL_UNTRUSTED_PEER = -27         /* the peer did not prove to be who it should be (TLS) */
};

/* "NAL_TIMED_OUT", for logs; "NAL_OK" for 0 and more, "unknown" for what is no error. Static storage; never null. */
const char* nal_error_name(nal_count error);
/* The same in words for a person, without a full stop: "timed out". Static storage; never null. */
const char* nal_error_text(nal_count error);

/* ---- Time ---- */

/* How long a call may wait, in microseconds: a point of time on the loop's clock (`nal_now`), or, if negative, so long
 * from when the call begins. NAL_NO_WAIT (and any point that has passed) asks once. */
typedef int64_t nal_deadline;
#define NAL_NO_WAIT ((nal_deadline)0)
#define NAL_FOREVER ((nal_deadline)INT64_MAX)
static inline nal_deadline nal_within_ms(uint32_t milliseconds) { return -(nal_deadline)milliseconds * 1000; }
static inline nal_deadline nal_within_s(uint32_t seconds) { return -(nal_deadline)seconds * 1000000; }

/* ---- The loop ---- */

typedef struct nal_loop nal_loop;

/* How a thread that is not the loop's sleeps until its call is done: what an RTOS calls a task notification or a binary
 * semaphore. Hosted systems have one in adapters/c/hosted_threads.hpp. */
typedef struct nal_thread_port {
  /* Names the calling thread to the other two. */
  void* (*self)(void);
  /* Called by `thread` itself: sleeps until `wake(thread)` was called, once for each time; returns for nothing else.
   * What the waking thread did before is seen by the one that was woken. */
  void (*wait)(void* thread);
  /* Called by the loop's thread, once for each `wait`, perhaps before it. After it the thread may end. */
  void (*wake)(void* thread);
} nal_thread_port;

/* Drives the loop until `nal_loop_stop`. From the loop's thread. All calls that wait have ended when it returns. */
void nal_loop_run(nal_loop* loop);
/* Does what can be done without waiting, and returns whether that was anything (1 or 0). From the loop's thread: for a
 * super-loop with work of its own. */
int nal_loop_poll(nal_loop* loop);
/* Ends every call that waits with NAL_CANCELLED, now and for good; only closing handles goes on working. From anywhere,
 * interrupts too. Takes effect when the loop's thread drives the loop. */
void nal_loop_stop(nal_loop* loop);
/* After `nal_loop_stop`, from the loop's thread: lets other threads close what they have, until no handle of the loop
 * is open any more (0) or the deadline passes (NAL_TIMED_OUT). The loop may go when no thread will call it any more. */
int nal_loop_finish(nal_loop* loop, nal_deadline deadline);
/* Ends the calls that wait on `target` now with NAL_CANCELLED; the handle stays as it is. `target` is the handle of the
 * call; of a call that makes a handle, where that is to be put; of `nal_resolve` and `nal_resolve_address`, `out`. From
 * any thread. Returns how many calls it ended: one that had not begun yet is not among them. */
nal_count nal_cancel(nal_loop* loop, const void* target);
/* Microseconds on the loop's clock, which never goes back and says nothing of the date; negative if it cannot be asked.
 */
int64_t nal_now(nal_loop* loop);
/* Waits while the loop goes on: NAL_OK once the deadline has passed. `target` is what `nal_cancel` names it by. */
int nal_sleep(nal_loop* loop, const void* target, nal_deadline deadline);

/* ---- Addresses ---- */

enum nal_family { NAL_ANY_FAMILY = 0, NAL_V4 = 4, NAL_V6 = 6 };

typedef struct nal_address {
  uint8_t family;    /* NAL_V4 or NAL_V6 */
  uint8_t bytes[16]; /* in network order; of IPv4 the first four, the rest does not matter */
  uint32_t zone;     /* the interface of an IPv6 link-local address; 0: not told */
} nal_address;

typedef struct nal_endpoint {
  nal_address address;
  uint16_t port; /* in the machine's order */
} nal_endpoint;

/* What any text form fits into, its terminating zero included. */
#define NAL_ADDRESS_TEXT_SIZE 51
#define NAL_ENDPOINT_TEXT_SIZE 59

/* From "192.0.2.1", "2001:db8::1", "fe80::1%2"; NAL_INVALID_ARGUMENT for anything else, `out` untouched. */
int nal_address_parse(nal_address* out, const char* text);
/* Writes that form with a terminating zero, and returns its length without; NAL_BUFFER_TOO_SMALL, NAL_INVALID_ARGUMENT.
 */
nal_count nal_address_print(const nal_address* address, char* out, size_t size);
/* From "192.0.2.1:80", "[2001:db8::1]:80"; NAL_INVALID_ARGUMENT for anything else, `out` untouched. */
int nal_endpoint_parse(nal_endpoint* out, const char* text);
nal_count nal_endpoint_print(const nal_endpoint* endpoint, char* out, size_t size);
/* 1 if both are the same, else 0. */
int nal_address_equal(const nal_address* a, const nal_address* b);
int nal_endpoint_equal(const nal_endpoint* a, const nal_endpoint* b);

/* ---- Names ---- */

/* The addresses of a name, the best first, of one family or both (NAL_ANY_FAMILY): how many, at least 1, at most `room`
 * and at most 8; more are left out. A text that is an address is its own answer. NAL_NAME_NOT_FOUND,
 * NAL_NAME_SERVICE_FAILED, NAL_NOT_SUPPORTED (the stack knows no names). Timed out or cancelled: the question is
 * withdrawn. */
nal_count nal_resolve(nal_loop* loop, const char* name, int family, nal_address* out, size_t room,
                      nal_deadline deadline);
/* The name of an address with a terminating zero; its length without. NAL_BUFFER_TOO_SMALL. */
nal_count nal_resolve_address(nal_loop* loop, const nal_address* address, char* out, size_t size,
                              nal_deadline deadline);

/* ---- TCP ---- */

/* A connection. Its members are nal's. */
typedef struct nal_tcp {
  nal_loop* loop_;
  uintptr_t open_;
  void* handle_[4];
} nal_tcp;

typedef struct nal_tcp_listener {
  nal_loop* loop_;
  uintptr_t open_;
  void* handle_[4];
} nal_tcp_listener;

/* What may be set on a connection. All zeros leaves everything as it is. */
typedef struct nal_tcp_options {
  int8_t no_delay;                /* 1: no Nagle's algorithm (so unless said otherwise); -1: Nagle's algorithm */
  int8_t keep_alive;              /* 1: a silent peer is probed; -1: it is not (so unless said otherwise) */
  uint8_t keep_alive_probes;      /* given up after so many; 0: 5 */
  uint8_t hop_limit;              /* TTL or hop limit */
  uint8_t set_traffic_class;      /* 1: `traffic_class` counts */
  uint8_t traffic_class;          /* DSCP and ECN octet */
  uint8_t ring_class;             /* which of its buffer sizes an embedded stack lends; others ignore it */
  uint32_t keep_alive_idle_s;     /* the first probe after so long; 0: 60 s */
  uint32_t keep_alive_interval_s; /* and the next; 0: 10 s */
  uint32_t user_timeout_ms;       /* unacknowledged so long: NAL_TIMED_OUT (RFC 5482) */
} nal_tcp_options;

/* Connects. `stream` is closed (asked only of all zeros or what was closed: else NAL_INVALID_ARGUMENT) and open when
 * this is NAL_OK. NAL_CONNECTION_REFUSED, NAL_HOST_UNREACHABLE, NAL_TABLE_FULL... Timed out or cancelled: the attempt
 * is aborted. `options` may be null. */
int nal_tcp_connect(nal_loop* loop, nal_tcp* stream, const nal_endpoint* remote, const nal_tcp_options* options,
                    nal_deadline deadline);
/* The same to a name, which may have several addresses of both families: they are tried by turns (Happy Eyeballs, RFC
 * 8305). */
int nal_tcp_connect_name(nal_loop* loop, nal_tcp* stream, const char* name, uint16_t port,
                         const nal_tcp_options* options, nal_deadline deadline);

/* Listens. Port 0 picks a free one (`nal_tcp_listener_local` tells it); an address of all zeros means every address of
 * its family. `backlog` connections may wait to be accepted; 0 means 8. NAL_ADDRESS_IN_USE, NAL_PERMISSION_DENIED... */
int nal_tcp_listen(nal_loop* loop, nal_tcp_listener* listener, const nal_endpoint* local, uint16_t backlog,
                   const nal_tcp_options* accepted);
/* Takes the oldest connection that waits. An error (NAL_TABLE_FULL) leaves the listener usable. Timed out or cancelled:
 * no connection is taken or lost. */
int nal_tcp_accept(nal_tcp_listener* listener, nal_tcp* stream, nal_deadline deadline);
int nal_tcp_listener_local(nal_tcp_listener* listener, nal_endpoint* out);
/* Refuses those that wait; accepted connections go on. Never waits. */
int nal_tcp_listener_close(nal_tcp_listener* listener);

/* Reads what is there, at least a byte: how many bytes. 0: the peer has ended its direction, now and always (or `size`
 * is 0). Timed out or cancelled: nothing was read. */
nal_count nal_tcp_read(nal_tcp* stream, void* buffer, size_t size, nal_deadline deadline);
/* Reads all of `size` bytes: NAL_OK. `got` (may be null) tells how many were read in any case: those stand in `buffer`
 * and come no second time. NAL_END_OF_STREAM if the peer ended before. */
int nal_tcp_read_exact(nal_tcp* stream, void* buffer, size_t size, size_t* got, nal_deadline deadline);
/* Writes at least a byte and perhaps less than all: how many bytes were taken. Timed out or cancelled: none. */
nal_count nal_tcp_write(nal_tcp* stream, const void* data, size_t size, nal_deadline deadline);
/* Writes everything: NAL_OK. `written` (may be null) tells how many bytes were taken in any case. */
int nal_tcp_write_all(nal_tcp* stream, const void* data, size_t size, size_t* written, nal_deadline deadline);

typedef struct nal_piece {
  const void* data;
  size_t size;
} nal_piece;
/* `nal_tcp_write` of the concatenation of the pieces, in as few segments as the stack can. */
nal_count nal_tcp_write_pieces(nal_tcp* stream, const nal_piece* pieces, size_t count, nal_deadline deadline);
/* Returns when all that was written was handed to the transport: no promise that the peer has it. */
int nal_tcp_flush(nal_tcp* stream, nal_deadline deadline);
/* Ends this direction behind the written data; reading goes on. Writing after it is NAL_BROKEN_PIPE. */
int nal_tcp_shutdown(nal_tcp* stream, nal_deadline deadline);
/* Ends the connection so that nothing is lost: `nal_tcp_shutdown`, then what the peer still sends is read and dropped
 * up to its end. NAL_OK is the one portable proof that the peer got everything. The handle is closed in any case; timed
 * out or cancelled, the connection is reset. */
int nal_tcp_close(nal_tcp* stream, nal_deadline deadline);
/* Closes the handle; the stack goes on sending what was written, for a bounded time, and resets the connection if
 * something was left unread. Never waits. */
int nal_tcp_drop(nal_tcp* stream);
/* Resets the connection and closes the handle. Never waits. */
int nal_tcp_abort(nal_tcp* stream);

int nal_tcp_configure(nal_tcp* stream, const nal_tcp_options* options);
int nal_tcp_local(nal_tcp* stream, nal_endpoint* out);
int nal_tcp_remote(nal_tcp* stream, nal_endpoint* out);

/* ---- UDP ---- */

typedef struct nal_udp {
  nal_loop* loop_;
  uintptr_t open_;
  void* handle_[4];
} nal_udp;

/* What may be set on a socket. All zeros leaves everything as it is. */
typedef struct nal_udp_options {
  int8_t broadcast;             /* 1: may send to broadcast addresses; -1: may not (so unless said otherwise) */
  int8_t multicast_loopback;    /* 1: own multicast datagrams come back (so unless said otherwise); -1: they do not */
  uint8_t hop_limit;            /* TTL or hop limit */
  uint8_t multicast_hop_limit;  /* the same of multicast; 1 unless said otherwise */
  uint8_t set_traffic_class;    /* 1: `traffic_class` counts */
  uint8_t traffic_class;        /* DSCP and ECN octet */
  uint8_t share_port;           /* 1, and only at binding: several sockets share the port, as multicast needs */
  uint32_t multicast_interface; /* where multicast leaves */
} nal_udp_options;

/* A socket that speaks with one remote endpoint and hears nobody else. `local` may be null: the stack picks. None of
 * these waits. `options` may be null. */
int nal_udp_connect(nal_loop* loop, nal_udp* socket, const nal_endpoint* local, const nal_endpoint* remote,
                    const nal_udp_options* options);
/* A socket that speaks with anybody from one address; an address of all zeros picks the one that the default route
 * would use. Port 0 picks a free one. */
int nal_udp_bind(nal_loop* loop, nal_udp* socket, const nal_endpoint* local, const nal_udp_options* options);
/* The same, where an address of all zeros means every address of its family. */
int nal_udp_bind_all(nal_loop* loop, nal_udp* socket, const nal_endpoint* local, const nal_udp_options* options);
/* Never waits. */
int nal_udp_close(nal_udp* socket);

/* What a datagram tells beside its bytes. */
typedef struct nal_datagram {
  size_t size;         /* of the whole datagram, where the system tells it; else what was received */
  nal_endpoint remote; /* who sent it */
  nal_endpoint local;  /* where it was sent to: answer from there */
  uint32_t interface_index;
  uint8_t hop_limit; /* as it arrived; 0: not told */
  uint8_t truncated; /* 1: `buffer` was too small, and the rest is gone */
} nal_datagram;

/* Receives one datagram: how many bytes stand in `buffer`. 0 is an empty datagram. `about` may be null. An error
 * (NAL_CONNECTION_REFUSED: nobody heard an earlier one) is told once. Timed out or cancelled: nothing was received. */
nal_count nal_udp_receive(nal_udp* socket, void* buffer, size_t size, nal_datagram* about, nal_deadline deadline);
/* Sends one datagram to the endpoint that the socket is connected to; it waits for room only. NAL_MESSAGE_SIZE,
 * NAL_NOT_CONNECTED. */
int nal_udp_send(nal_udp* socket, const void* data, size_t size, nal_deadline deadline);
/* The same to `remote`, from `local` (null: the socket's own address; a server answers from `nal_datagram.local`). */
int nal_udp_send_to(nal_udp* socket, const nal_endpoint* local, const nal_endpoint* remote, const void* data,
                    size_t size, nal_deadline deadline);
/* Multicast groups of a bound socket. Interface 0: the stack's choice. NAL_ADDRESS_IN_USE when joined already. */
int nal_udp_join(nal_udp* socket, const nal_address* group, uint32_t interface_index);
int nal_udp_leave(nal_udp* socket, const nal_address* group, uint32_t interface_index);
int nal_udp_configure(nal_udp* socket, const nal_udp_options* options);
int nal_udp_local(nal_udp* socket, nal_endpoint* out);
int nal_udp_remote(nal_udp* socket, nal_endpoint* out);

#ifdef __cplusplus
}
#endif
