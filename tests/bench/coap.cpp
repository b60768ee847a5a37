// What CoAP takes beside the network: a GET and its answer COUNT times, in memory. `client|server COUNT`.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "examples/coap/client.hpp"
#include "examples/coap/server.hpp"
#include "nal/task_slot.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

constexpr nal::Endpoint kPeer{nal::Ipv4Address(192, 0, 2, 1), 5683};
constexpr std::string_view kState = "21.5";

void give(coap::Node& node, std::span<const std::byte> datagram, nal::Instant now) {
  const auto room = node.input_room();
  std::copy(datagram.begin(), datagram.end(), room.begin());
  nal::Received about;
  about.size = about.datagram_size = datagram.size();
  about.remote = kPeer;
  about.local = {nal::Ipv4Address(192, 0, 2, 2), 5683};
  node.received(about, now);
}

nal::Task<> ask(coap::Client& client, unsigned long count) {
  for (unsigned long i = 0; i < count; ++i) {
    const auto answer = co_await client.get(kPeer, "sensors/temp");
    if (!answer || answer->text() != kState) { co_return nal::Unexpected(nal::Error::protocol_error); }
  }
  co_return nal::Unit{};
}

int run_client(unsigned long count) {
  nal::test::VirtualClock platform;
  nal::Executor executor(platform);
  static coap::Buffers<> buffers;
  coap::Node node(coap::NodeConfig{.seed = 1}, buffers.memory());
  coap::Client client(node);
  static nal::TaskSlot<4096> slot;
  if (!slot.start(executor, ask, client, count)) { return 1; }
  // The answer to each request: its id and its token, and the same from there on.
  std::array<std::byte, 64> answer{};
  coap::MessageWriter writer(answer);
  writer.begin(coap::Type::acknowledgement, coap::Code::content, 0, std::array<std::byte, 4>{});
  writer.add_payload(coap::bytes_of(kState));
  const auto bytes = *writer.datagram();
  const std::span datagram =
      std::span(answer).subspan(static_cast<std::size_t>(bytes.data() - answer.data()), bytes.size());
  while (slot.running()) {
    executor.poll_once();
    // As if a request came each second, so that nothing has to be refused.
    platform.advance(nal::Duration::seconds(1));
    const coap::Node::Outgoing* out = node.output(platform.now());
    if (!out) { continue; }
    std::copy_n(out->bytes.begin() + 2, 6, datagram.begin() + 2);
    node.sent({});
    give(node, datagram, platform.now());
  }
  return slot.result().ready() && *slot.result() ? 0 : 1;
}

coap::Code temperature(const coap::Call&, coap::Reply& reply) noexcept { return reply.text(kState); }

int run_server(unsigned long count) {
  static const coap::Route routes[] = {
      {.path = "/sensors/temp", .handler = temperature, .attributes = "rt=\"temperature\";ct=0", .observable = true},
      coap::kWellKnownCore,
  };
  static coap::Buffers<> buffers;
  static coap::ServerBuffers<> tables;
  coap::Node node(coap::NodeConfig{.seed = 1}, buffers.memory());
  coap::Server server(node, routes, tables.memory());
  std::array<std::byte, 64> request{};
  coap::MessageWriter writer(request);
  writer.begin(coap::Type::confirmable, coap::Code::get, 0, std::array<std::byte, 4>{});
  writer.add(coap::OptionNumber::uri_path, "sensors");
  writer.add(coap::OptionNumber::uri_path, "temp");
  const auto bytes = *writer.datagram();
  const std::span datagram =
      std::span(request).subspan(static_cast<std::size_t>(bytes.data() - request.data()), bytes.size());
  nal::Instant now{};
  for (unsigned long i = 0; i < count; ++i) {
    coap::store16(datagram.subspan<2, 2>(), static_cast<std::uint16_t>(i));
    give(node, datagram, now);
    const coap::Node::Outgoing* out = node.output(now);
    if (!out || !coap::equal(out->bytes.last(kState.size()), coap::bytes_of(kState))) { return 1; }
    node.sent({});
    now += nal::Duration::seconds(1);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view side = argc == 3 ? argv[1] : "";
  if (side != "client" && side != "server") {
    std::fprintf(stderr, "usage: %s client|server COUNT\n", argv[0]);
    return 2;
  }
  const unsigned long count = std::strtoul(argv[2], nullptr, 10);
  return side == "client" ? run_client(count) : run_server(count);
}
