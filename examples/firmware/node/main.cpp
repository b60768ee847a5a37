// A device on a network, on bare metal: an address by DHCP and from IPv6 routers, or as it is told; it answers pings,
// echoes TCP and UDP, and publishes by MQTT. No operating system, no heap: all memory is declared below.
#include "backends/embedded/config/dhcpv4_service.hpp"
#include "backends/embedded/stack.hpp"
#include "examples/firmware/board.hpp"
#include "examples/firmware/node/echo.hpp"
#include "examples/firmware/node/options.hpp"
#include "examples/firmware/node/publisher.hpp"

namespace {

using nal::embedded::Stack;

constexpr std::uint16_t kEchoPort = 7;  // RFC 862
constexpr std::uint16_t kClients = 2;

constexpr nal::embedded::Config kConfig{
    .packets = 14,
    .large_packets = 0,
    .partial_packets = 0,
    .udp_sockets = 2,
    .tcp = {.connections = kClients + 2, .listeners = 2, .handshakes = 4, .rings = {{{2920, 2920, kClients + 1}}}}};

struct Connector {
  Stack* stack;
  nal::Endpoint broker;
  nal::Connect<Stack> operator()() const noexcept { return nal::connect(*stack, broker); }
};
using Client = mqtt::SmallClient<Connector>;

template <class T>
nal::Task<> run(T& runs) {
  const nal::Result<> ended = co_await runs.run();
  co_return ended;
}

void print(std::string_view what, std::size_t number, std::string_view behind = "\n") {
  board::print(what);
  board::print(static_cast<long>(number));
  board::print(behind);
}

/// The device: all memory there is, but for the executor and the stack that calls and interrupts run on.
class Node {
 public:
  Node(nal::Executor& executor, const nal::Entropy& entropy, const node::Options& options) noexcept
      : executor_(executor),
        options_(options),
        stack_(executor, resources_, entropy),
        client_({&stack_, options.broker.value_or(nal::Endpoint())},
                {.client_id = options.name,
                 .random = {[](void* random) noexcept { return static_cast<nal::Random*>(random)->u32(); },
                            &stack_.random()}},
                mqtt_.memory()) {}

  /// Everything that is to go on by itself from here on. *Errors*: no_memory, table_full when something is declared too
  /// small below.
  nal::Result<> start(nal::driver::Driver& device) noexcept {
    NAL_TRY_SET(ethernet_, stack_.add_interface(device));
    NAL_TRY(configure());
    NAL_TRY(serve(nal::Family::v4));
    NAL_TRY(serve(nal::Family::v6));
    if (options_.broker) { NAL_TRY(start_client()); }
    return {};
  }

  /// Goes on until "stop" is heard, then says good-bye to everybody, for a few seconds at most.
  void run_to_end() noexcept {
    executor_.run_until([this] { return stop_.is_set(); });
    if (goodbye_.start(executor_, node::say_goodbye, client_)) {
      executor_.run_until([this] { return !mqtt_run_.running(); }, executor_.now() + nal::Duration::seconds(3));
    }
    for (Server& server : servers_) { server.stop(); }
    clients_.cancel_all();
    executor_.run_until([this] { return stack_.in_use() == 0; }, executor_.now() + nal::Duration::seconds(3));
    if (dhcp_) {
      dhcp_->release(executor_.now());
      const nal::Instant soon = executor_.now() + nal::Duration::milliseconds(100);
      executor_.run_until([] { return false; }, soon);
    }
  }

  void tell() noexcept {
    const Stack::Statistics statistics = stack_.statistics();
    print("published ", published_);
    print("packets free ", statistics.packets_free, " of ");
    print("", kConfig.packets);
    print("connections left ", statistics.connections);
    const auto arena = [](std::string_view what, auto& slot) { print(what, slot.arena().peak(), ""); };
    arena("arenas: stack ", stack_run_);
    arena(", accept ", servers_[0].accept);
    arena(", client ", clients_[0]);
    arena(", datagrams ", servers_[0].datagrams);
    arena(", addresses ", watch_);
    arena(", mqtt ", mqtt_run_);
    arena(", publish ", publish_);
    arena(", obey ", obey_);
    arena(", goodbye ", goodbye_);
    print("\nslept ", board::sleeps(), " times\n");
  }

 private:
  /// What answers one family.
  struct Server {
    std::optional<Stack::TcpListener> listener;
    std::optional<Stack::MultiplyBoundUdp> socket;
    std::byte datagram[1472];
    // Each as large as its task needs at the most: "arenas" at the end tells.
    nal::TaskSlot<128> accept;
    nal::TaskSlot<384> datagrams;

    void stop() noexcept {
      accept.cancel();
      datagrams.cancel();
      listener.reset();
      socket.reset();
    }
  };

  nal::Result<> configure() noexcept {
    if (options_.ipv4) { NAL_TRY(stack_.add_address(ethernet_, *options_.ipv4)); }
    if (options_.ipv6) { NAL_TRY(stack_.add_address(ethernet_, *options_.ipv6)); }
    if (options_.gateway) { NAL_TRY(stack_.add_default_route(ethernet_, *options_.gateway)); }
    NAL_TRY(stack_.start_link_local(ethernet_, nal::Family::v6));
    if (!options_.ipv6) { NAL_TRY(stack_.start_slaac(ethernet_)); }
    if (!options_.ipv4) {
      dhcp_.emplace(stack_.ip(), stack_.udp(), nal::embedded::interface_index(ethernet_.index()),
                    nal::embedded::Dhcpv4Client::Settings{.host_name = options_.name}, dhcp_options_, stack_.random());
      dhcp_->start(executor_.now());
    }
    NAL_TRY(stack_run_.start(executor_, run<Stack>, stack_));
    return watch_.start(executor_, tell_addresses, *this);
  }

  nal::Result<> serve(nal::Family family) noexcept {
    Server& server = servers_[family == nal::Family::v6];
    const nal::Endpoint here(nal::IpAddress::unspecified(family), kEchoPort);
    NAL_TRY_SET(auto listener, stack_.listen(here, {.backlog = kClients}));
    NAL_TRY_SET(auto socket, stack_.udp_bind_multiple(here, {}));
    server.listener.emplace(std::move(listener));
    server.socket.emplace(std::move(socket));
    NAL_TRY(server.accept.start(executor_, node::accept_clients<Stack::TcpListener, Clients>, executor_,
                                *server.listener, clients_));
    return server.datagrams.start(executor_, node::echo_datagrams<Stack::MultiplyBoundUdp>, *server.socket,
                                  std::span<std::byte>(server.datagram));
  }

  nal::Result<> start_client() noexcept {
    mqtt::SmallSession& session = client_;
    NAL_TRY(mqtt_run_.start(executor_, run<Client>, client_));
    NAL_TRY(publish_.start(executor_, node::publish, session, executor_, options_.name, published_));
    return obey_.start(executor_, node::obey, session, options_.name, stop_);
  }

  /// Prints the addresses whenever something has changed.
  static nal::Task<> tell_addresses(Node& node) {
    for (std::uint32_t seen = node.stack_.configuration_version();;) {
      NAL_CO_TRY_SET(seen, node.stack_.wait_change(seen));
      for (const nal::embedded::InterfaceAddress& own : node.stack_.addresses(node.ethernet_)) {
        if (!own.in_use()) { continue; }
        board::print("address ");
        board::print(nal::to_text(own.address.to_ip()));
        board::print("\n");
      }
    }
  }

  using Clients = nal::TaskPool<kClients, 224>;

  nal::Executor& executor_;
  const node::Options& options_;
  nal::embedded::Resources<kConfig> resources_;
  Stack stack_;
  nal::InterfaceId ethernet_{};
  std::byte dhcp_options_[128];
  std::optional<nal::embedded::Dhcpv4Service> dhcp_;
  mqtt::Buffers<mqtt::BufferSizes{.receive = 256, .send = 128, .in_flight = 4, .store = 256}> mqtt_;
  Client client_;
  Server servers_[2];
  Clients clients_;
  nal::Signal stop_;
  unsigned published_ = 0;
  nal::TaskSlot<128> stack_run_;
  nal::TaskSlot<256> watch_;
  nal::TaskSlot<448> mqtt_run_;
  nal::TaskSlot<480> publish_;
  nal::TaskSlot<384> obey_;
  nal::TaskSlot<128> goodbye_;
};
constexpr std::size_t kMemory = sizeof(Node) + sizeof(nal::Executor);
static_assert(kMemory < 64 * 1024, "a node is to fit into a small microcontroller");

int fail(std::string_view why) {
  board::print("error: ");
  board::print(why);
  board::print("\n");
  return 1;
}

}  // namespace

int main() {
  static std::optional<node::Options> options = node::parse(board::argument());
  if (!options) { return fail("expected words such as ip=192.0.2.5/24 broker=192.0.2.1:1883"); }
  std::byte secret[nal::Entropy::kSize];
  if (!board::entropy(secret)) { return fail("this board has no entropy, without which no stack is safe"); }
  static nal::Executor executor(board::platform());
  nal::driver::Driver* const device = board::network(executor, options->mac);
  if (!device) { return fail("the network device does not answer"); }

  static Node node(executor, nal::Entropy(secret), *options);
  print("memory ", kMemory, " bytes\n");
  const nal::Result<> started = node.start(*device);
  if (!started) { return fail(nal::to_string(started.error())); }
  node.run_to_end();
  node.tell();
  board::print("done\n");
  return 0;
}
