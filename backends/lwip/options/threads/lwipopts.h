/* The host's options with lwIP in a thread of its own (NO_SYS 0), beside which nal's executor has another: each takes
 * the core lock for as long as it is at work in lwIP. An RTOS sets the thread's name, stack and priority as its port
 * wants them. Lower than the executor's is right: lwIP's thread has timers to see to and little else. */
#ifndef NAL_LWIP_THREADS_LWIPOPTS_H
#define NAL_LWIP_THREADS_LWIPOPTS_H

#define NO_SYS 0
/* Without it the backend could not call lwIP from the executor's thread. */
#define LWIP_TCPIP_CORE_LOCKING 1
/* Memory pools may be used without the core lock, by `tcpip_callback` say. */
#define SYS_LIGHTWEIGHT_PROT 1
#define TCPIP_MBOX_SIZE 32
/* lwIP's thread feeds the loop. */
#define LWIP_NETIF_LOOPBACK_MULTITHREADING 1

#include "../host/lwipopts.h"

#endif
