// The whole embedded stack on two links, an Ethernet and a tunnel: any frames, among them such as are aimed at what it
// has under way; an application that opens, closes, joins, writes, reads and gives up anything, with futures that are
// dropped at any poll; devices without room; addresses that come and go; DHCP; and a clock that jumps. Between any two
// steps: what it sends is well-formed, it does not spin, its numbers fit together. At the end, when everything is
// closed and time has passed, every packet, buffer and entry has come back.
//
// An input is a list of steps, each a byte that says what happens, and others that say how.
#include "backends/embedded/stack.hpp"

#include <memory>
#include <optional>

#include "backends/embedded/config/dhcpv4_service.hpp"
#include "backends/embedded/config/dhcpv6_service.hpp"
#include "backends/embedded/ping/ping.hpp"
#include "backends/embedded/raw/frames.hpp"
#include "backends/embedded/raw/packets.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "tests/fuzz/stack_frames.hpp"
#include "tests/fuzz/tcp_invariants.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

using namespace nal;
using embedded::Stack;
using fuzz::Bytes;
using fuzz::FuzzDevice;
using fuzz::require;
using fuzz::take;

constexpr embedded::Config kConfig{.packets = 20,
                                   .large_packets = 2,
                                   .large_packet_size = 4224,
                                   .interfaces = 2,
                                   .addresses = 5,
                                   .neighbors = 4,
                                   .routes = 3,
                                   .path_mtus = 2,
                                   .partial_packets = 2,
                                   .groups = 10,
                                   .group_sources = 3,
                                   .learned_routes = 4,
                                   .udp_sockets = 4,
                                   .udp_memberships = 3,
                                   .udp_queue = 3,
                                   .tcp = {.connections = 4,
                                           .listeners = 2,
                                           .handshakes = 2,
                                           .time_waits = 2,
                                           .rings = {{{600, 500, 3}, {70'000, 9'000, 1}}}}};

// What an application is, as coroutines: dropped at any await.

Task<Result<>> serve(Stack& stack, Endpoint local) {
  ListenOptions options;
  options.backlog = 2;
  auto listener = stack.listen(local, options);
  if (!listener) { co_return Unexpected(listener.error()); }
  for (;;) {
    NAL_CO_TRY_SET(auto stream, accept(*listener));
    for (;;) {
      std::array<std::byte, 64> buffer;
      const Result<std::size_t> got = co_await read(stream, buffer);
      if (!got || *got == 0) { break; }
      const Result<> echoed = co_await write_all(stream, std::span(buffer).first(*got));
      if (!echoed) { break; }
    }
    const Result<> ended = co_await close(std::move(stream));
    static_cast<void>(ended);
  }
}

Task<Result<>> talk(Stack& stack, Endpoint remote) {
  NAL_CO_TRY_SET(auto stream, with_timeout(Duration::seconds(20), connect(stack, remote)));
  std::array<std::byte, 700> data{};
  NAL_CO_TRY(write_all(stream, std::span<const std::byte>(data)));
  NAL_CO_TRY(shutdown(stream));
  for (;;) {
    NAL_CO_TRY_SET(const auto got, with_timeout(Duration::seconds(60), read(stream, data)));
    if (got == 0) { break; }
  }
  co_return Result<>();
}

Task<Result<>> reflect(Stack& stack, Endpoint local) {
  UdpOptions options;
  options.share_port = true;
  auto socket = stack.udp_bind_multiple(local, options);
  if (!socket) { co_return Unexpected(socket.error()); }
  std::array<std::byte, 100> buffer;
  // Not for ever: what it answers may come from itself.
  for (int left = 50; left > 0; --left) {
    const Result<Received> got = co_await receive(*socket, buffer);
    if (!got) { continue; }
    const Result<> sent = co_await send_to(*socket, got->local, got->remote, std::span(buffer).first(got->size));
    static_cast<void>(sent);
  }
  co_return Result<>();
}

Task<Result<>> drive(Stack& stack) { co_return co_await stack.run(); }

class World {
 public:
  explicit World(std::span<const std::byte>& input) : input_(input), mode_(take(input)) {
    embedded::Settings settings;
    settings.tcp.sack = (mode_ & 2) == 0;
    settings.tcp.syn_cookies = (mode_ & 4) == 0;
    settings.tcp.ecn = (mode_ & 8) == 0;
    settings.addresses.ipv4_probes = (mode_ & 16) == 0 ? 0 : 3;
    settings.addresses.ipv6_transmits = (mode_ & 16) == 0 ? 0 : 1;
    stack_.emplace(executor_, *memory_, entropy(1), settings);
    modules_.emplace(*stack_);
    for (FuzzDevice* const device : devices_) { ids_[count_++] = *stack_->add_interface(*device); }
    const auto add = [&](std::size_t i, const IpAddress& address, unsigned length) {
      require(stack_->add_address(ids_[i], Cidr(address, length)).has_value());
    };
    add(0, Ipv4Address(10, 0, 0, 1), 24);
    add(0, Ipv6Address(0xfd00, 0, 0, 0, 0, 0, 0, 1), 64);
    add(1, Ipv4Address(10, 1, 0, 1), 24);
    add(1, Ipv6Address(0xfd00, 1, 0, 0, 0, 0, 0, 1), 64);
    if ((mode_ & 32) != 0) {
      require(stack_->add_default_route(ids_[0], Ipv4Address(10, 0, 0, 254)).has_value());
      require(stack_->add_default_route(ids_[1], IpAddress(Ipv6Address())).has_value());
    }
    if ((mode_ & 1) != 0) { require(driver_.start(executor_, drive, *stack_).has_value()); }
    frames_.emplace(input_, *stack_);
    settle();
  }

  void run() {
    for (int steps = 0; !input_.empty() && steps < 500; ++steps) {
      step();
      settle();
    }
    finish();
  }

 private:
  static Entropy entropy(unsigned seed) {
    std::array<std::byte, Entropy::kSize> bytes{};
    bytes[0] = static_cast<std::byte>(seed);
    return Entropy(bytes);
  }

  void step() {
    const std::size_t what = take(input_);
    const std::size_t which = what >> 5;
    switch (what & 31) {
      case 0: pass(Duration::milliseconds(static_cast<std::int64_t>(take(input_)) << which)); break;
      case 1: pass(Duration::seconds(static_cast<std::int64_t>(take(input_)) << which)); break;
      case 2: open_stream(which); break;
      case 3: open_listener(which); break;
      case 4: listeners_[which % 2].reset(); break;
      case 5: accept_one(which); break;
      case 6: use_stream(which); break;
      case 7: end_stream(which); break;
      case 8: open_udp(which); break;
      case 9: end_udp(which); break;
      case 10: use_udp(which); break;
      case 11: membership(which); break;
      case 12: addresses(which); break;
      case 13: routes(which); break;
      case 14: link(which); break;
      case 15: dhcp(which); break;
      case 16: start_task(which); break;
      case 17: tasks_[which % tasks_.size()].cancel(); break;
      case 18: starve(which); break;
      case 19: crowd(which); break;
      case 20: probes(which); break;
      case 21: raw(which); break;
      default: arrive(which % 2, frames_->next(interface(which % 2)));
    }
  }
  embedded::Interface& interface(std::size_t i) { return *stack_->ip().interface(static_cast<std::uint8_t>(i + 1)); }
  void arrive(std::size_t i, Bytes frame) {
    devices_[i]->arriving.push_back(std::move(frame));
    devices_[i]->wake();
  }
  /// Several at once, which the stack finds in one poll.
  void crowd(std::size_t which) {
    for (std::size_t i = 0; i < 2 + which; ++i) { arrive(i % 2, frames_->next(interface(i % 2))); }
  }

  Endpoint endpoint(bool local) {
    const std::size_t bits = take(input_);
    interface(bits >> 1 & 1);
    frames_->aim(interface(bits >> 1 & 1));
    const bool v4 = (bits & 1) != 0;
    const embedded::Address address = frames_->address(v4);
    const auto port = static_cast<std::uint16_t>(local ? 7000 + (bits >> 5) : 7001 + (bits >> 5));
    IpAddress ip = address.to_ip(bits >> 1 & 1 ? 2 : 1);
    if (local && (bits & 4) != 0) { ip = IpAddress::unspecified(v4 ? Family::v4 : Family::v6); }
    return {ip, (bits & 24) == 24 ? std::uint16_t{0} : port};
  }
  TcpOptions tcp_options() {
    const std::size_t bits = take(input_);
    TcpOptions out;
    out.no_delay = (bits & 1) != 0;
    if ((bits & 2) != 0) {
      out.keep_alive = KeepAlive{
          .enabled = (bits & 4) != 0, .idle = Duration::seconds(5), .interval = Duration::seconds(1), .probes = 2};
    }
    if ((bits & 8) != 0) { out.user_timeout = Duration::seconds(20); }
    if ((bits & 32) != 0) { out.hop_limit = 3; }
    if ((bits & 64) != 0) { out.traffic_class = 0xb9; }
    out.ring_class = (bits & 16) != 0 ? 1 : 0;
    return out;
  }

  void open_stream(std::size_t which) {
    const Endpoint remote = endpoint(false);
    auto started = stack_->start_tcp(remote, tcp_options());
    if (started) { streams_[which % kStreams] = *std::move(started); }
  }
  void open_listener(std::size_t which) {
    const Endpoint local = endpoint(true);
    ListenOptions options;
    options.backlog = static_cast<std::uint16_t>(1 + which);
    options.share_port = true;
    options.accepted = tcp_options();
    auto made = stack_->listen(local, options);
    if (made) { listeners_[which % 2] = *std::move(made); }
  }
  void accept_one(std::size_t which) {
    Context context = Context::probe(executor_);
    Waiter waiter;
    auto& listener = listeners_[which % 2];
    if (!listener) { return; }
    auto accepted = listener->poll_accept(context, waiter);
    if (accepted.ready() && *accepted) { streams_[which % kStreams] = std::move(**accepted); }
  }
  void use_stream(std::size_t which) {
    auto& stream = streams_[which % kStreams];
    if (!stream) { return; }
    Context context = Context::probe(executor_);
    Waiter waiter;
    const std::size_t bits = take(input_);
    switch (bits & 7) {
      case 0:
      case 1: static_cast<void>(stream->poll_write(context, waiter, Bytes((bits >> 3) * 50))); break;
      case 2: {
        Bytes buffer((bits >> 3) * 50);
        static_cast<void>(stream->poll_read(context, waiter, buffer));
        break;
      }
      case 3: {
        auto filled = stream->poll_fill(context, waiter);
        if (filled.ready() && *filled) { stream->consume(std::min((*filled)->size(), (bits >> 3) * std::size_t{9})); }
        break;
      }
      case 4: {
        auto room = stream->poll_reserve(context, waiter);
        if (room.ready() && *room) { stream->commit(std::min((*room)->size(), (bits >> 3) * std::size_t{30})); }
        break;
      }
      case 5: static_cast<void>(stream->configure(tcp_options())); break;
      case 6: static_cast<void>(stream->poll_flush(context, waiter)); break;
      default:
        static_cast<void>(stream->poll_connected(context, waiter));
        static_cast<void>(stream->local_endpoint());
        static_cast<void>(stream->remote_endpoint());
    }
  }
  void end_stream(std::size_t which) {
    auto& stream = streams_[which % kStreams];
    if (!stream) { return; }
    Context context = Context::probe(executor_);
    Waiter waiter;
    switch (take(input_) % 3) {
      case 0: static_cast<void>(stream->poll_shutdown(context, waiter)); break;
      case 1: stream->abort(); break;
      default: stream.reset();
    }
  }

  UdpOptions udp_options() {
    const std::size_t bits = take(input_);
    UdpOptions out;
    if ((bits & 1) != 0) { out.broadcast = true; }
    if ((bits & 2) != 0) { out.hop_limit = static_cast<std::uint8_t>(bits); }
    if ((bits & 4) != 0) { out.multicast_loopback = (bits & 8) != 0; }
    if ((bits & 16) != 0) { out.multicast_interface = ids_[bits >> 5 & 1]; }
    out.share_port = (bits & 64) != 0;
    return out;
  }
  void open_udp(std::size_t which) {
    const Endpoint local = endpoint(true);
    const UdpOptions options = udp_options();
    if (which < 2) {
      auto made = stack_->udp_connect_from(local, endpoint(false), options);
      if (made) { connected_[which] = *std::move(made); }
    } else {
      auto made = which % 2 == 0 ? stack_->udp_bind_single(local, options) : stack_->udp_bind_multiple(local, options);
      if (made) { unconnected_[which % 3] = *std::move(made); }
    }
  }
  void end_udp(std::size_t which) {
    if (which < 2) {
      connected_[which].reset();
    } else {
      unconnected_[which % 3].reset();
    }
  }
  void use_udp(std::size_t which) {
    Context context = Context::probe(executor_);
    Waiter waiter;
    const std::size_t bits = take(input_);
    const auto use = [&](auto& socket, auto send) {
      if (!socket) { return; }
      if ((bits & 3) == 0) {
        Bytes buffer(bits >> 2);
        static_cast<void>(socket->poll_receive(context, waiter, buffer));
      } else if ((bits & 3) == 1) {
        auto taken = socket->poll_take(context, waiter);
        static_cast<void>(taken);
      } else {
        send(*socket, Bytes((bits >> 2) * ((bits & 3) == 3 ? 80u : 1u)));
      }
    };
    if (which < 2) {
      use(connected_[which],
          [&](auto& socket, const Bytes& data) { static_cast<void>(socket.poll_send(context, waiter, data)); });
    } else {
      use(unconnected_[which % 3], [&](auto& socket, const Bytes& data) {
        const Endpoint to = endpoint(false);
        static_cast<void>(socket.poll_send(context, waiter, socket.local_endpoint(), to, data));
      });
    }
  }
  void membership(std::size_t which) {
    auto& socket = unconnected_[which % 3];
    if (!socket) { return; }
    const std::size_t bits = take(input_);
    frames_->aim(interface(bits & 1));
    const IpAddress group = frames_->address((bits & 2) != 0).to_ip();
    const IpAddress source = frames_->address((bits & 2) != 0).to_ip();
    const InterfaceId id = (bits & 4) != 0 ? InterfaceId() : ids_[bits & 1];
    switch (bits >> 3 & 3) {
      case 0: static_cast<void>(socket->join(group, id)); break;
      case 1: static_cast<void>(socket->leave(group, id)); break;
      case 2: static_cast<void>(socket->join_source(group, source, id)); break;
      default: static_cast<void>(socket->leave_source(group, source, id));
    }
  }

  void addresses(std::size_t which) {
    const InterfaceId id = ids_[which & 1];
    switch (which >> 1) {
      case 0: static_cast<void>(stack_->start_slaac(id)); break;
      case 1: static_cast<void>(stack_->start_link_local(id, (take(input_) & 1) != 0 ? Family::v4 : Family::v6)); break;
      default: {
        const Endpoint any = endpoint(true);
        const std::size_t length = take(input_) % (any.address.is_v4() ? 33 : 129);
        if (which >> 1 == 2) {
          static_cast<void>(stack_->add_address(id, Cidr(any.address, static_cast<unsigned>(length))));
        } else {
          static_cast<void>(stack_->remove_address(id, any.address));
        }
      }
    }
  }
  void routes(std::size_t which) {
    const InterfaceId id = ids_[which & 1];
    const IpAddress prefix = endpoint(false).address;
    const auto length = static_cast<unsigned>(take(input_) % (prefix.is_v4() ? 33 : 129));
    if ((which & 2) != 0) {
      static_cast<void>(stack_->add_route(id, Cidr(prefix, length), endpoint(false).address));
    } else {
      static_cast<void>(stack_->remove_route(id, Cidr(prefix, length)));
    }
  }
  void link(std::size_t which) {
    FuzzDevice& device = *devices_[which & 1];
    if ((which & 2) != 0) {
      device.up = !device.up;
    } else {
      room_[which & 1] = (which & 4) != 0 ? 1000 : take(input_) % 4;
    }
    device.wake();
  }
  void dhcp(std::size_t which) {
    const embedded::InterfaceIndex index = 1;
    switch (which) {
      case 0:
      case 1:
        dhcpv4_.reset();
        dhcpv4_.emplace(stack_->ip(), stack_->udp(), index, embedded::Dhcpv4Client::Settings{.host_name = "a"},
                        options4_, random_);
        dhcpv4_->start(clock_.now(), which == 0 ? Ipv4Address() : Ipv4Address(10, 0, 0, 101));
        break;
      case 2:
        if (dhcpv4_) { dhcpv4_->release(clock_.now()); }
        break;
      case 3: dhcpv4_.reset(); break;
      case 4:
      case 5:
        dhcpv6_.reset();
        dhcpv6_.emplace(stack_->ip(), stack_->udp(), index, embedded::Dhcpv6Client::Settings{}, options6_, random_);
        dhcpv6_->start();
        break;
      case 6:
        if (dhcpv6_) { dhcpv6_->release(clock_.now()); }
        break;
      default: dhcpv6_.reset();
    }
    // What a service is told from outside it does when the stack is polled.
    static_cast<void>(stack_->poll(clock_.now()));
  }
  void probes(std::size_t which) {
    Context context = Context::probe(executor_);
    Waiter waiter;
    const std::size_t bits = take(input_);
    auto& socket = probes_[which & 1];
    switch (which >> 1) {
      case 0: {
        const ProbeOptions options{
            .local = IpAddress::unspecified((bits & 1) != 0 ? Family::v4 : Family::v6),
            .kind = (bits & 2) != 0 ? ProbeKind::udp : ProbeKind::echo,
            .identifier = static_cast<std::uint16_t>(bits >> 2 & 3),
            .broadcast = (bits & 16) != 0,
        };
        auto made = modules_->ping.open_probe(options);
        if (made) { socket = *std::move(made); }
        break;
      }
      case 1: socket.reset(); break;
      case 2: {
        if (!socket) { break; }
        const Probe probe{.destination = endpoint(false).address,
                          .sequence = static_cast<std::uint16_t>(bits),
                          .hop_limit = static_cast<std::uint8_t>(bits & 15),
                          .dont_fragment = (bits & 64) != 0};
        static_cast<void>(socket->poll_send(context, waiter, probe, Bytes((bits & 31) * 60)));
        break;
      }
      default: {
        if (!socket) { break; }
        Bytes buffer(bits);
        static_cast<void>(socket->poll_receive(context, waiter, buffer));
      }
    }
  }
  void raw(std::size_t which) {
    Context context = Context::probe(executor_);
    Waiter waiter;
    const std::size_t bits = take(input_);
    Bytes buffer(bits);
    switch (which) {
      case 0: raw_socket_.reset(); break;
      case 1: frame_socket_.reset(); break;
      case 2:
      case 3: {
        constexpr std::uint8_t kProtocols[] = {1, 6, 17, 58, 200, 60};
        embedded::RawIpOptions options{.family = (bits & 1) != 0 ? Family::v4 : Family::v6};
        if (which == 2) { options.protocol = kProtocols[(bits >> 1) % std::size(kProtocols)]; }
        auto made = modules_->raw_ip.open(options);
        if (made) { raw_socket_ = *std::move(made); }
        break;
      }
      case 4: {
        auto made = modules_->raw_frames.open({.interface = ids_[bits & 1], .outgoing = (bits & 2) != 0});
        if (made) { frame_socket_ = *std::move(made); }
        break;
      }
      case 5:
        if (raw_socket_) { static_cast<void>(raw_socket_->poll_receive(context, waiter, buffer)); }
        break;
      case 6:
        if (frame_socket_) { static_cast<void>(frame_socket_->poll_receive(context, waiter, buffer)); }
        break;
      default:
        if (raw_socket_) {
          static_cast<void>(raw_socket_->poll_send(context, waiter, endpoint(false).address, buffer));
        }
    }
  }
  void start_task(std::size_t which) {
    auto& slot = tasks_[which % tasks_.size()];
    if (slot.running()) { return; }
    const std::size_t kind = take(input_) % 3;
    const Endpoint any = endpoint(kind != 1);
    switch (kind) {
      case 0: static_cast<void>(slot.start(executor_, serve, *stack_, any)); break;
      case 1: static_cast<void>(slot.start(executor_, talk, *stack_, any)); break;
      default: static_cast<void>(slot.start(executor_, reflect, *stack_, any));
    }
  }
  /// Somebody else holds packets.
  void starve(std::size_t which) {
    if (which < 4) {
      taken_.clear();
      return;
    }
    for (std::size_t i = 0; i < 1U << (which & 3) * 2; ++i) {
      if (driver::Packet packet = stack_->packets().allocate(0)) { taken_.push_back(std::move(packet)); }
    }
  }

  /// Until nothing is left to do at once.
  void settle() {
    for (int turns = 0;; ++turns) {
      require(turns < 3000);
      const unsigned rounds = nal::test::run_ready(executor_, 2000);
      require(rounds < 2000);
      bool again = rounds > 0;
      if (driver_.running()) {
        // Who waits has been woken: nothing is due that the task does not know of.
        require(stack_->poll_at() > clock_.now());
      } else {
        again |= stack_->poll(clock_.now());
        again |= stack_->poll_at() <= clock_.now();
      }
      again |= look_at_sent();
      if (!again) { break; }
    }
    fuzz::check_connections(stack_->tcp());
  }
  bool look_at_sent() {
    bool any = false;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      std::vector<Bytes> sent;
      std::swap(sent, devices_[i]->sent);
      // A poll looks at so many frames and connections, and so many follow from it.
      require(sent.size() < 400);
      for (const Bytes& frame : sent) {
        any = true;
        const auto packet = fuzz::check_sent(*devices_[i], frame);
        if (!packet.empty()) { frames_->note(packet); }
      }
      // A device with little room has it again when what it had is gone.
      devices_[i]->room = room_[i];
      if (!sent.empty()) { devices_[i]->wake(); }
    }
    return any;
  }
  void pass(Duration duration) {
    const Instant end = clock_.now() + duration;
    for (int turns = 0; turns < 3000; ++turns) {
      settle();
      const Instant at = next();
      if (at >= end) { break; }
      require(at > clock_.now());
      clock_.advance(at - clock_.now());
    }
    if (end > clock_.now()) { clock_.advance(end - clock_.now()); }
    settle();
  }
  Instant next() { return std::min(stack_->poll_at(), executor_.next_timer()); }

  void finish() {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      devices_[i]->up = true;
      devices_[i]->room = room_[i] = 1000;
      devices_[i]->wake();
    }
    for (auto& task : tasks_) { task.cancel(); }
    for (auto& stream : streams_) { stream.reset(); }
    for (auto& listener : listeners_) { listener.reset(); }
    for (auto& socket : connected_) { socket.reset(); }
    for (auto& socket : unconnected_) { socket.reset(); }
    for (auto& socket : probes_) { socket.reset(); }
    raw_socket_.reset();
    frame_socket_.reset();
    dhcpv4_.reset();
    dhcpv6_.reset();
    taken_.clear();
    settle();
    pass(Duration::minutes(30));
    require(stack_->in_use() == 0);
    require(modules_->ping.in_use() == 0 && modules_->raw_ip.in_use() == 0 && modules_->raw_frames.in_use() == 0);
    require(stack_->tcp().connections_in_use() == 0 && stack_->tcp().handshakes_in_use() == 0);
    require(stack_->tcp().time_waits_in_use() == 0 && stack_->tcp().listeners_in_use() == 0);
    require(stack_->tcp().rings_free() == kConfig.tcp.ring_count());
    require(stack_->packets().available() == stack_->packets().count());
    require(stack_->large_packets().available() == stack_->large_packets().count());
    still_works();
  }
  /// The next good packet is answered.
  void still_works() {
    frames_->aim(interface(1));
    const embedded::Address here = Ipv4Address(10, 1, 0, 1);
    const auto own = interface(1).find(here);
    if (!own || !own->in_use()) { return; }
    embedded::test::Bytes message = embedded::test::icmpv4(wire_type(), 0, 1, Bytes(10));
    arrive(1, embedded::test::ipv4({Ipv4Address(10, 1, 0, 9), here, 1}, message));
    const auto before = stack_->ip().statistics().sent;
    settle();
    require(stack_->ip().statistics().sent > before);
  }
  static embedded::wire::Icmpv4Type wire_type() { return embedded::wire::Icmpv4Type::echo_request; }

  static constexpr std::size_t kStreams = 4;
  std::span<const std::byte>& input_;
  std::size_t mode_;
  nal::test::VirtualClock clock_;
  Executor executor_{clock_};
  FuzzDevice ethernet_{driver::Medium::ethernet, 1500, 1, false};
  FuzzDevice tunnel_{driver::Medium::ip, 1280, 2, true};
  std::array<FuzzDevice*, 2> devices_{&ethernet_, &tunnel_};
  std::array<std::size_t, 2> room_{1000, 1000};
  std::array<InterfaceId, 2> ids_;
  std::size_t count_ = 0;
  Random random_{entropy(2)};
  std::unique_ptr<embedded::Resources<kConfig>> memory_ = std::make_unique<embedded::Resources<kConfig>>();
  std::optional<Stack> stack_;
  /// What is made beside a stack.
  struct Modules {
    explicit Modules(Stack& stack)
        : ping(stack, ping_memory, 3), raw_ip(stack, raw_ip_memory, 3), raw_frames(stack, raw_frames_memory, 3) {}
    embedded::PingMemory<2> ping_memory;
    embedded::RawIpMemory<1> raw_ip_memory;
    embedded::RawFramesMemory<1> raw_frames_memory;
    embedded::Ping ping;
    embedded::RawIp raw_ip;
    embedded::RawFrames raw_frames;
  };
  std::optional<Modules> modules_;
  std::optional<fuzz::Frames> frames_;
  std::array<std::byte, 200> options4_;
  std::array<std::byte, 200> options6_;
  std::optional<embedded::Dhcpv4Service> dhcpv4_;
  std::optional<embedded::Dhcpv6Service> dhcpv6_;
  std::vector<driver::Packet> taken_;
  std::optional<Stack::TcpStream> streams_[kStreams];
  std::optional<Stack::TcpListener> listeners_[2];
  std::optional<Stack::ConnectedUdp> connected_[2];
  std::optional<Stack::UniquelyBoundUdp> unconnected_[3];
  std::optional<embedded::ProbeSocket> probes_[2];
  std::optional<embedded::RawIpSocket> raw_socket_;
  std::optional<embedded::FrameSocket> frame_socket_;
  TaskSlot<1024> driver_;
  std::array<TaskSlot<4096>, 3> tasks_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::byte> input(reinterpret_cast<const std::byte*>(data), size);
  World world(input);
  world.run();
  return 0;
}
