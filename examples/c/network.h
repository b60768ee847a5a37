#pragma once
/* Where the programs of this folder get their network: on a product, its own start-up code in C++. */
#include "adapters/c/nal_c.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The network, ready to be used by this thread; null if it cannot be had. Once a program. */
nal_loop* network_start(void);

#ifdef __cplusplus
}
#endif
