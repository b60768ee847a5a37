/* The host's options without IPv6. */
#define LWIP_IPV6 0
#include "../host/lwipopts.h"
