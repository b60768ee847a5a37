/* Beside Mbed TLS's own configuration, where nal builds the library for hosts: what its memory is can be said. */
#define MBEDTLS_PLATFORM_MEMORY
