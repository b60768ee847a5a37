// The image of a board that talks TCP and UDP to an echo server, or is one: what a program of the embedded stack takes,
// its Ethernet driver included. It is linked, not run. Polled in a loop, as programs without tasks are.
#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <optional>

#include "backends/embedded/config/dhcpv4_service.hpp"
#include "backends/embedded/stack.hpp"
#include "nal/block_on.hpp"
#include "nal/resolver/small_resolver.hpp"

namespace {

using namespace nal;
namespace features = embedded::features;

constexpr embedded::Config kConfig{
    .packets = 4,
    .large_packets = features::kFragments ? 1 : 0,
    .large_packet_size = 2048,
    .addresses = features::kIpv6 ? 6 : 2,
    .neighbors = features::kIpv6 ? 8 : 4,
    .routes = 2,
    .path_mtus = features::kIcmpErrors ? 2 : 0,
    .partial_packets = features::kFragments ? 1 : 0,
    .groups = features::kIpv6 ? 8 : 0,
    .group_sources = 0,
    .learned_routes = features::kSlaac ? 4 : 0,
    .learned_dns_servers = features::kSlaac ? 2 : 0,
    .learned_search_domains = 0,
    .udp_memberships = features::kMulticast ? 2 : 0,
    .tcp = {.connections = 4,
            .listeners = features::kTcpListener ? 1 : 0,
            .handshakes = features::kTcpListener ? 2 : 0,
            .time_waits = 2,
            .rings = {{{1024, 704, 4}}}},
};
// The smallest client, with four sockets of each kind and their buffers.
static_assert(sizeof(embedded::Resources<kConfig>) + sizeof(embedded::Stack) <= 16384 || NAL_SIZES_SET != 4);

/// Registers of no particular Ethernet controller: one frame each way, in memory that it shares.
struct Registers {
  std::uint32_t status;  ///< bits of those below
  std::uint32_t received;
  std::uint32_t sent;
  std::uint32_t microseconds;
  std::uint32_t microseconds_high;
  std::uint32_t link;
};
constexpr std::uint32_t kReceived = 1;
constexpr std::uint32_t kIdle = 2;
volatile Registers& device() noexcept { return *reinterpret_cast<volatile Registers*>(0x40001000); }
std::byte* frame() noexcept { return reinterpret_cast<std::byte*>(0x20008000); }

class Ethernet final : public driver::Driver {
 public:
  driver::Capabilities capabilities() const noexcept override { return {}; }
  MacAddress hardware_address() const noexcept override { return MacAddress({2, 0, 0, 0, 0, 1}); }
  bool link_up() noexcept override { return device().link != 0; }
  driver::Packet receive(driver::PacketPool& pool, Instant) noexcept override {
    if ((device().status & kReceived) == 0) { return {}; }
    driver::Packet packet = pool.allocate(0);
    const std::size_t size = device().received;
    if (packet && size <= packet.tailroom()) { std::memcpy(packet.append(size).data(), frame(), size); }
    device().received = 0;
    return packet;
  }
  bool can_transmit() noexcept override { return (device().status & kIdle) != 0; }
  Result<> transmit(driver::Packet& packet, Instant) noexcept override {
    if (!can_transmit()) { return Unexpected(Error::would_block); }
    std::memcpy(frame(), packet.data().data(), packet.size());
    device().sent = static_cast<std::uint32_t>(packet.size());
    packet = {};
    return {};
  }
  void wait(Context& context, Waiter&, bool) noexcept override { context.wake_soon(); }
};

class Board final : public Platform {
 public:
  Instant now() noexcept override {
    return Instant::from_microseconds(
        static_cast<std::int64_t>(std::uint64_t{device().microseconds_high} << 32 | device().microseconds));
  }
  void poll(Executor&, Instant) noexcept override {}
  void wake() noexcept override {}
};

constexpr std::string_view kGreeting = "hello";
constexpr std::uint16_t kEcho = 7;

/// Says hello by TCP and by UDP, and again when it has come back.
class Client {
 public:
  void poll(Executor& executor, embedded::Stack& stack, const IpAddress& server) noexcept {
    Context context = Context::probe(executor);
    poll_udp(context, stack, server);
    if constexpr (features::kTcp) { poll_tcp(context, stack, server); }
  }

 private:
  void poll_udp(Context& context, embedded::Stack& stack, const IpAddress& server) noexcept {
    const Endpoint remote(server, kEcho);
    if (!udp_) {
      auto socket = udp_connect(stack, remote);
      if (!socket) { return; }
      udp_.emplace(*std::move(socket));
      udp_waits_ = false;
    }
    if (udp_waits_) {
      const auto received = udp_->poll_receive(context, waiter_, buffer_);
      if (!received.ready()) { return; }
    }
    auto sent = udp_->poll_send(context, waiter_, std::as_bytes(std::span(kGreeting)));
    udp_waits_ = sent.ready() && sent->has_value();
  }

  void poll_tcp(Context& context, embedded::Stack& stack, const IpAddress& server) noexcept {
    if (!tcp_) {
      auto stream = stack.start_tcp({server, kEcho}, {});
      if (!stream) { return; }
      tcp_.emplace(*std::move(stream));
      written_ = read_ = 0;
    }
    const auto connected = tcp_->poll_connected(context, waiter_);
    if (!connected.ready()) { return; }
    if (!*connected) { return tcp_.reset(); }
    if (written_ < kGreeting.size()) {
      const auto written = tcp_->poll_write(context, waiter_, std::as_bytes(std::span(kGreeting)).subspan(written_));
      if (!written.ready()) { return; }
      if (!*written) { return tcp_.reset(); }
      written_ += **written;
      return;
    }
    const auto got = tcp_->poll_read(context, waiter_, buffer_);
    if (!got.ready()) { return; }
    if (!*got || **got == 0) { return tcp_.reset(); }
    read_ += **got;
    if (read_ >= kGreeting.size()) { tcp_.reset(); }
  }

  std::optional<embedded::Stack::ConnectedUdp> udp_;
  std::optional<embedded::Stack::TcpStream> tcp_;
  bool udp_waits_ = false;
  std::size_t written_ = 0;
  std::size_t read_ = 0;
  Waiter waiter_;
  std::array<std::byte, 64> buffer_;
};

/// Sends back what comes.
class Server {
 public:
  void poll(Executor& executor, embedded::Stack& stack, const IpAddress&) noexcept {
    Context context = Context::probe(executor);
    if (!udp_) {
      if (auto socket = stack.udp_bind_multiple({Ipv4Address(), kEcho}, {})) { udp_.emplace(*std::move(socket)); }
    } else {
      const auto received = udp_->poll_receive(context, waiter_, buffer_);
      if (received.ready() && *received) {
        static_cast<void>(udp_->poll_send(context, waiter_, (*received)->local, (*received)->remote,
                                          std::span(buffer_).first((*received)->size)));
      }
    }
    if constexpr (features::kTcpListener) { poll_tcp(context, stack); }
  }

 private:
  void poll_tcp(Context& context, embedded::Stack& stack) noexcept {
    if (!listener_) {
      if (auto listener = stack.listen({Ipv4Address(), kEcho}, {})) { listener_.emplace(*std::move(listener)); }
      return;
    }
    if (!tcp_) {
      auto accepted = listener_->poll_accept(context, waiter_);
      if (!accepted.ready() || !*accepted) { return; }
      tcp_.emplace(**std::move(accepted));
      have_ = 0;
    }
    if (have_ == 0) {
      const auto got = tcp_->poll_read(context, waiter_, buffer_);
      if (!got.ready()) { return; }
      if (!*got || **got == 0) { return tcp_.reset(); }
      have_ = **got;
    }
    const auto written = tcp_->poll_write(context, waiter_, std::span(buffer_).first(have_));
    if (!written.ready()) { return; }
    if (!*written) { return tcp_.reset(); }
    std::memmove(buffer_.data(), buffer_.data() + **written, have_ - **written);
    have_ -= **written;
  }

  std::optional<embedded::Stack::MultiplyBoundUdp> udp_;
  std::optional<embedded::Stack::TcpListener> listener_;
  std::optional<embedded::Stack::TcpStream> tcp_;
  std::size_t have_ = 0;
  Waiter waiter_;
  std::array<std::byte, 64> buffer_;
};

Entropy entropy() noexcept {
  std::array<std::byte, Entropy::kSize> seed;
  for (std::byte& byte : seed) { byte = static_cast<std::byte>(device().microseconds); }
  return Entropy(seed);
}

/// The server's address, by name.
class Name {
 public:
  Name(Executor& executor, embedded::Stack& stack, Random& random) noexcept
      : executor_(executor), resolver_(stack, random) {}
  const IpAddress* poll(const embedded::Dhcpv4Service& dhcp) noexcept {
    if (found_) { return &address_; }
    if (!lookup_) {
      const auto servers = dhcp.client().dns_servers();
      if (servers.size() == 0) { return nullptr; }
      const Endpoint server(servers[0], 53);
      resolver_.configure(std::span(&server, 1));
      auto started = resolver_.start_lookup("echo.example", Family::any);
      if (!started) { return nullptr; }
      lookup_.emplace(*std::move(started));
    }
    Context context = Context::probe(executor_);
    auto count = lookup_->poll_addresses(context, waiter_, std::span(&address_, 1));
    if (!count.ready()) { return nullptr; }
    found_ = count->has_value();
    lookup_.reset();
    return found_ ? &address_ : nullptr;
  }

 private:
  using Resolver = dns::SmallResolver<embedded::Stack, features::kIpv6 ? Family::any : Family::v4>;
  Executor& executor_;
  Resolver resolver_;
  std::optional<Resolver::Lookup> lookup_;
  Waiter waiter_;
  IpAddress address_;
  bool found_ = false;
};

/// Memory for what is made once in `main` and never destroyed, since an image does not end.
template <class T>
class Forever {
 public:
  template <class... Arguments>
  T& make(Arguments&&... arguments) noexcept {
    return *::new (static_cast<void*>(memory_)) T(std::forward<Arguments>(arguments)...);
  }
  T& make() noexcept { return *::new (static_cast<void*>(memory_)) T; }

 private:
  alignas(T) std::byte memory_[sizeof(T)];
};

Board board;
Ethernet ethernet;
Forever<Executor> executor_memory;
Forever<embedded::Resources<kConfig>> resources_memory;
Forever<embedded::Stack> stack_memory;
Forever<std::conditional_t<features::kTcpListener || !features::kTcp, Server, Client>> application_memory;
Forever<Random> random_memory;
std::array<std::byte, 64> options;
Forever<embedded::Dhcpv4Service> dhcp_memory;
Forever<Name> name_memory;

}  // namespace

extern "C" int main() {
  Executor& executor = executor_memory.make(board);
  embedded::Stack& stack = stack_memory.make(executor, resources_memory.make(), entropy());
  auto& application = application_memory.make();

  const auto interface = stack.add_interface(ethernet);
  if (!interface) { return 1; }
  if constexpr (features::kSlaac) {
    static_cast<void>(stack.start_link_local(*interface, Family::v6));
    static_cast<void>(stack.start_slaac(*interface));
  }
  if constexpr (features::kDhcpv4) {
    Random& random = random_memory.make(entropy());
    embedded::Dhcpv4Service& dhcp =
        dhcp_memory.make(stack.ip(), stack.udp(), embedded::interface_index(interface->index()),
                         embedded::Dhcpv4Client::Settings{}, options, random);
    Name& name = name_memory.make(executor, stack, random);
    dhcp.start(board.now());
    for (;;) {
      static_cast<void>(stack.poll(board.now()));
      static_cast<void>(executor.poll_once());
      if (const IpAddress* const server = name.poll(dhcp)) { application.poll(executor, stack, *server); }
    }
  } else {
    static_cast<void>(stack.add_address(*interface, Cidr(Ipv4Address(192, 0, 2, 2), 24)));
    static_cast<void>(stack.add_default_route(*interface, Ipv4Address(192, 0, 2, 1)));
    for (;;) {
      static_cast<void>(stack.poll(board.now()));
      application.poll(executor, stack, Ipv4Address(192, 0, 2, 1));
    }
  }
}
