#pragma once
/* The few packets of MQTT 3.1.1 that the programs of this folder send by hand, where a product has a library for it. */
#include <stddef.h>
#include <string.h>

/* CONNECT with a clean session, 30 s of keep-alive and a client identifier of at most 23 characters (3.1.3.1). */
static inline size_t mqtt_connect(unsigned char* out, const char* client) {
  const size_t length = strlen(client);
  const unsigned char head[] = {0x10, (unsigned char)(12 + length), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 30,
                                0,    (unsigned char)length};
  memcpy(out, head, sizeof head);
  memcpy(out + sizeof head, client, length);
  return sizeof head + length;
}

/* What stands before the payload of a PUBLISH with QoS 1 and packet identifier 1; topic and payload are short (their
 * length is one byte). */
static inline size_t mqtt_publish_head(unsigned char* out, const char* topic, size_t payload) {
  const size_t length = strlen(topic);
  out[0] = 0x32;
  out[1] = (unsigned char)(2 + length + 2 + payload);
  out[2] = 0;
  out[3] = (unsigned char)length;
  memcpy(out + 4, topic, length);
  out[4 + length] = 0;
  out[5 + length] = 1;
  return 6 + length;
}

static const unsigned char mqtt_connack[4] = {0x20, 2, 0, 0};
static const unsigned char mqtt_puback[4] = {0x40, 2, 0, 1};
static const unsigned char mqtt_disconnect[2] = {0xe0, 0};
