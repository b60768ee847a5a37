#pragma once
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "examples/coap/client.hpp"
#include "examples/coap/server.hpp"
#include "examples/coap/transfer.hpp"
#include "examples/coap/udp.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/examples/coap/data.hpp"
#include "tests/support/fake_stack.hpp"

namespace coap::test {

using namespace nal::literals;

inline constexpr nal::Endpoint kServer = "192.0.2.2:5683"_endpoint;

/// The resources of the tests' server: something small to read and write, something large both ways, something slow.
struct Shop {
  std::string note = "hello";
  std::string large;              ///< what /large gives
  std::string received;           ///< what came to /large
  unsigned executed = 0;          ///< POSTs to /count
  std::vector<Deferred> waiting;  ///< for /slow

  Code operator()(const Call& call, Reply& reply) noexcept {
    const std::string_view path = call.route().path;
    if (path == "/note") { return on_note(call, reply); }
    if (path == "/large") { return on_large(call, reply); }
    if (path == "/count") {
      ++executed;
      return reply.payload(bytes_of(std::string_view(std::to_string(executed))), Code::changed);
    }
    if (path == "/slow") {
      auto later = reply.later();
      if (!later) { return Code::service_unavailable; }
      waiting.push_back(*std::move(later));
      return Code::empty;
    }
    return Code::internal_server_error;
  }

  Code on_note(const Call& call, Reply& reply) noexcept {
    if (call.method() == Code::get) { return reply.text(note); }
    if (call.method() == Code::delete_) {
      note.clear();
      return Code::deleted;
    }
    note = call.text();
    return Code::changed;
  }
  Code on_large(const Call& call, Reply& reply) noexcept {
    if (call.method() == Code::get) {
      const std::byte tag[] = {std::byte{1}, static_cast<std::byte>(large.size())};
      reply.etag(tag);
      return reply.payload(bytes_of(large));
    }
    if (call.offset() == 0) { received.clear(); }
    if (call.offset() != received.size()) { return Code::internal_server_error; }
    received += call.text();
    return Code::changed;
  }
};

inline constexpr Methods kAll =
    Methods::get | Methods::put | Methods::post | Methods::delete_ | Methods::fetch | Methods::patch;

/// A client and a server on the fake network, each with its `run`.
struct World {
  explicit World(const nal::test::FakeConfig& config = {}, const NodeConfig& server_config = {.seed = 2})
      : world(config), server_node(server_config, server_buffers.memory()) {
    REQUIRE(client_run.start(world.executor, run_node, client_socket, client_node).has_value());
    REQUIRE(server_run.start(world.executor, run_node, server_socket, server_node).has_value());
  }

  static nal::Task<> run_node(nal::test::FakeUnconnectedUdp& socket, Node& node) {
    auto ended = co_await run(socket, node);
    co_return ended;
  }

  /// Runs a future to its end.
  template <class F>
  auto wait(F&& future) {
    return nal::block_on(world.executor, future);
  }
  void pass(nal::Duration time) { nal::block_on(world.executor, nal::sleep(time)); }

  nal::test::FakeWorld world;
  nal::test::FakeUnconnectedUdp client_socket =
      *world.client.udp_bind_single({nal::test::FakeWorld::client_address(), 40000}, {});
  nal::test::FakeUnconnectedUdp server_socket = *world.server.udp_bind_multiple({nal::IpAddress(), 5683}, {});
  Buffers<> client_buffers;
  Buffers<> server_buffers;
  Node client_node{NodeConfig{.seed = 1}, client_buffers.memory()};
  Node server_node;
  Client client{client_node};
  Shop shop;
  std::array<Route, 6> routes{
      Route{.path = "/note", .methods = kAll, .handler = shop, .attributes = "rt=\"note\"", .observable = true},
      Route{.path = "/large", .methods = kAll, .handler = shop, .streams = true},
      Route{.path = "/count", .methods = Methods::post, .handler = shop},
      Route{.path = "/slow", .methods = kAll, .handler = shop},
      Route{.path = "/fresh", .methods = kAll, .handler = shop, .fresh = by_echo},
      kWellKnownCore,
  };
  ServerBuffers<ServerSizes{.seen = 16, .observers = 2, .uploads = 2}> tables;
  Server server{server_node, routes, tables.memory()};
  nal::TaskSlot<1024> client_run;
  nal::TaskSlot<1024> server_run;
};

}  // namespace coap::test
