/* lwIP's port to wherever nal runs, for those who have none of a vendor's. */
#ifndef NAL_LWIP_ARCH_CC_H
#define NAL_LWIP_ARCH_CC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
uint32_t nal_lwip_random(void);
void nal_lwip_assertion_failed(const char* message, const char* file, int line);
#ifdef __cplusplus
}
#endif

// The system's own are there.
#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS
#if defined(__unix__) && !defined(__cplusplus)
uint32_t htonl(uint32_t value);  // nd6.c calls it without having declared it
#endif
#if defined(__unix__) || defined(__APPLE__)
#define LWIP_ERRNO_STDINCLUDE 1
#endif
#define LWIP_RAND() nal_lwip_random()
#define LWIP_PLATFORM_ASSERT(message) nal_lwip_assertion_failed(message, __FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(arguments) ((void)0)
#if !defined(__unix__) && !defined(__APPLE__)
#define LWIP_NO_INTTYPES_H 1
#define X8_F "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "lu"
#define S32_F "ld"
#define X32_F "lx"
#define SZT_F "u"
#endif

#endif
