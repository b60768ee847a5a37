#include "tests/adapters/c/transports.h"

#include "tests/adapters/c/desk.hpp"

using namespace nal;
using namespace nal::test;

namespace {

// C has no closures: what is done meanwhile finds its desk here.
std::function<void(void (*)(const c_pair*))> start_meanwhile;
void meanwhile(void (*act)(const c_pair*)) { start_meanwhile(act); }

/// Has a test in C run over a connection of its own; the line that does not hold, or 0.
template <class Fixture, class Test>
int over(Test test) {
  Desk<Fixture> desk;
  desk.connect();
  const c_pair pair{&desk.client,        &desk.near,
                    &desk.far,           Desk<Fixture>::patience(),
                    Fixture::kManyBytes, nal::GatherWriter<typename Fixture::Stack::TcpStream>};
  start_meanwhile = [&](void (*act)(const c_pair*)) { desk.meanwhile([act, &pair] { act(&pair); }); };
  return test(pair);
}
template <class Fixture>
int over(int (*test)(const c_pair*)) {
  return over<Fixture>([test](const c_pair& pair) { return test(&pair); });
}
template <class Fixture>
int over(int (*test)(const c_pair*, void (*)(void (*)(const c_pair*)))) {
  return over<Fixture>([test](const c_pair& pair) { return test(&pair, &meanwhile); });
}

}  // namespace

#ifndef NAL_TEST_C_STREAMS_ALONE
TEMPLATE_TEST_CASE("C: every kind of call works as a C compiler calls it", "[c]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(plain_c_use) == 0);
}
#endif

TEMPLATE_TEST_CASE("coreMQTT's transport moves bytes, in pieces too", "[c][coremqtt]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(coremqtt_moves_bytes) == 0);
}
TEMPLATE_TEST_CASE("coreMQTT's transport tells 0 where it would have to wait", "[c][coremqtt]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(coremqtt_would_block_is_zero) == 0);
}
TEMPLATE_TEST_CASE("coreMQTT's transport takes what fits and loses nothing", "[c][coremqtt]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(coremqtt_writes_in_part) == 0);
}
TEMPLATE_TEST_CASE("coreMQTT's transport tells the end of the stream as an error", "[c][coremqtt]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(coremqtt_end_of_stream_is_negative) == 0);
}
TEMPLATE_TEST_CASE("coreMQTT's transport goes on in one direction when the other has ended", "[c][coremqtt]",
                   NAL_TEST_C_OVER) {
  CHECK(over<TestType>(coremqtt_half_close) == 0);
}
TEMPLATE_TEST_CASE("coreMQTT's transport tells a reset as an error", "[c][coremqtt]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(coremqtt_reset_is_negative) == 0);
}
TEMPLATE_TEST_CASE("coreMQTT's transport tells as an error that its call was ended", "[c][coremqtt]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(coremqtt_cancelled_is_negative) == 0);
}
TEMPLATE_TEST_CASE("coreMQTT's transport tells as an error that its stream is closed", "[c][coremqtt]",
                   NAL_TEST_C_OVER) {
  CHECK(over<TestType>(coremqtt_closed_is_negative) == 0);
}

TEMPLATE_TEST_CASE("Paho's network moves bytes", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_moves_bytes) == 0);
}
TEMPLATE_TEST_CASE("Paho's network tells 0 when nothing came in time", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_nothing_in_time_is_zero) == 0);
}
TEMPLATE_TEST_CASE("Paho's network never leaves a packet in the middle", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_keeps_packets_whole) == 0);
  CHECK(over<TestType>(paho_gives_up_in_a_packet) == 0);
}
TEMPLATE_TEST_CASE("Paho's network writes a packet whole, or not at all, or has failed", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_writes_whole_packets) == 0);
}
TEMPLATE_TEST_CASE("Paho's network tells the end of the stream as an error", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_end_of_stream_is_negative) == 0);
}
TEMPLATE_TEST_CASE("Paho's network goes on in one direction when the other has ended", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_half_close) == 0);
}
TEMPLATE_TEST_CASE("Paho's network tells a reset as an error", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_reset_is_negative) == 0);
}
TEMPLATE_TEST_CASE("Paho's network tells as an error that its call was ended", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_cancelled_is_negative) == 0);
}
TEMPLATE_TEST_CASE("Paho's network tells as an error that its stream is closed", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_closed_is_negative) == 0);
}
TEMPLATE_TEST_CASE("Paho's timers go by the loop's clock", "[c][paho]", NAL_TEST_C_OVER) {
  CHECK(over<TestType>(paho_timers) == 0);
}
