#pragma once
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/asio/acceptor.hpp"
#include "adapters/asio/loop.hpp"
#include "adapters/asio/spawn.hpp"
#include "adapters/asio/stream.hpp"
#include "adapters/asio/udp.hpp"
#include "backends/drivers/wire_pair.hpp"
#include "backends/embedded/stack.hpp"
#include "backends/posix/stack.hpp"
#include "nal/endpoint.hpp"
#include "nal/sleep.hpp"

namespace nal::test {

using namespace nal::literals;
using with_asio::ErrorCode;
using with_asio::Loop;

inline ::asio::const_buffer text(std::string_view words) { return {words.data(), words.size()}; }

/// POSIX sockets in an Asio program.
struct PosixWorld {
  using Stack = posix::Stack;
  ::asio::io_context context;
  posix::Reactor reactor;
  Loop loop;
  posix::Resources<posix::Config{.sockets = 16, .resolver_threads = 1}> memory;
  Stack stack;
  Loop::Closing closing{loop};

  PosixWorld() : PosixWorld(nullptr) {}
  /// On an Asio executor of the test's: a strand, say.
  template <class MakeExecutor>
  explicit PosixWorld(MakeExecutor make) : loop(executor_of(make), reactor), stack(reactor, loop.executor(), memory) {
    REQUIRE(loop.status());
  }
  Stack& client() { return stack; }
  Stack& server() { return stack; }
  bool stack_is_empty() const { return stack.in_use() == 0; }
  static Endpoint any() { return "127.0.0.1:0"_endpoint; }

 private:
  template <class MakeExecutor>
  Loop::executor_type executor_of(MakeExecutor make) {
    if constexpr (std::is_same_v<MakeExecutor, std::nullptr_t>) {
      return context.get_executor();
    } else {
      return make(context);
    }
  }
};

/// Two embedded stacks on a wire in an Asio program.
struct EmbeddedWorld {
  using Stack = embedded::Stack;
  static constexpr embedded::Config kConfig{.packets = 48};
  static constexpr embedded::Settings kSettings{.addresses = {.ipv6_transmits = 0, .ipv4_probes = 0}};
  ::asio::io_context context;
  Loop loop;
  drivers::WirePair wire;
  embedded::Resources<kConfig> client_memory;
  embedded::Resources<kConfig> server_memory;
  Stack client_stack{loop.executor(), client_memory, entropy(1), kSettings};
  Stack server_stack{loop.executor(), server_memory, entropy(2), kSettings};
  std::optional<with_asio::Drive<Stack>> drive_client;
  std::optional<with_asio::Drive<Stack>> drive_server;
  Loop::Closing closing{loop};

  EmbeddedWorld() : EmbeddedWorld(nullptr) {}
  template <class MakeExecutor>
  explicit EmbeddedWorld(MakeExecutor make) : loop(executor_of(make)) {
    drive_client.emplace(loop, with_address(client_stack, wire.a(), "10.0.0.1"_ip));
    drive_server.emplace(loop, with_address(server_stack, wire.b(), "10.0.0.2"_ip));
  }
  Stack& client() { return client_stack; }
  Stack& server() { return server_stack; }
  /// Nobody has a handle; what lingers lingers.
  bool stack_is_empty() const { return true; }
  static Endpoint any() { return "10.0.0.2:0"_endpoint; }

 private:
  static Entropy entropy(unsigned char seed) {
    std::array<std::byte, Entropy::kSize> bytes{};
    bytes.fill(std::byte{seed});
    return Entropy(bytes);
  }
  static Stack& with_address(Stack& stack, driver::Driver& driver, const IpAddress& address) {
    const InterfaceId interface = stack.add_interface(driver).value();
    REQUIRE(stack.add_address(interface, Cidr(address, 24)));
    return stack;
  }
  template <class MakeExecutor>
  Loop::executor_type executor_of(MakeExecutor make) {
    if constexpr (std::is_same_v<MakeExecutor, std::nullptr_t>) {
      return context.get_executor();
    } else {
      return make(context);
    }
  }
};

template <class World>
using StreamOf = with_asio::Stream<typename World::Stack::TcpStream>;
template <class World>
using AcceptorOf = with_asio::Acceptor<typename World::Stack::TcpListener>;

template <class World>
AcceptorOf<World> listen(World& world) {
  const Loop::Turn turn(world.loop);
  auto listener = world.server().listen(World::any(), {});
  REQUIRE(listener);
  return {world.loop, *std::move(listener)};
}

/// An allocator that counts.
template <class T>
struct CountingAllocator {
  using value_type = T;
  CountingAllocator(std::size_t& live_count, std::size_t& made_count) noexcept : live(&live_count), made(&made_count) {}
  template <class U>
  CountingAllocator(const CountingAllocator<U>& other) noexcept : live(other.live), made(other.made) {}
  T* allocate(std::size_t count) {
    ++*live;
    ++*made;
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* block, std::size_t count) noexcept {
    --*live;
    std::allocator<T>().deallocate(block, count);
  }
  friend bool operator==(const CountingAllocator& a, const CountingAllocator& b) noexcept { return a.live == b.live; }
  std::size_t* live;
  std::size_t* made;
};

/// A handler, movable alone, that has one.
template <class F>
class WithAllocator {
 public:
  using allocator_type = CountingAllocator<char>;
  WithAllocator(F f, std::size_t& live, std::size_t& made) : f_(std::move(f)), allocator_(live, made) {}
  WithAllocator(WithAllocator&&) = default;
  allocator_type get_allocator() const noexcept { return allocator_; }
  template <class... Arguments>
  void operator()(Arguments&&... arguments) {
    f_(std::forward<Arguments>(arguments)...);
  }

 private:
  F f_;
  allocator_type allocator_;
};

/// Both ends of a connection.
template <class World>
struct Connection {
  StreamOf<World> client;
  StreamOf<World> server;
  explicit Connection(World& world) : client(world.loop), server(world.loop) {
    auto acceptor = listen(world);
    ErrorCode accepted = ::asio::error::would_block;
    ErrorCode connected = ::asio::error::would_block;
    acceptor.async_accept(server, [&accepted](ErrorCode error) { accepted = error; });
    client.async_connect(world.client(), acceptor.local_endpoint(),
                         [&connected](ErrorCode error) { connected = error; });
    world.context.restart();
    world.context.run();
    REQUIRE(!accepted);
    REQUIRE(!connected);
  }
};

}  // namespace nal::test
