/* The host's options without IPv4. */
#define LWIP_IPV4 0
#include "../host/lwipopts.h"
