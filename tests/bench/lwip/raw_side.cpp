// A program on lwIP's raw API, as lean as it can be: it takes what arrives in the callbacks, and its device lets lwIP
// read frames where they lie; with NAL_BENCH_COPYING it copies them into lwIP's buffers, as most ports do. With
// NAL_BENCH_DRIVER it does that on nal's executor and driver contract: what is nal's, and not the backend's.
#include <lwip/etharp.h>
#include <lwip/inet_chksum.h>
#include <lwip/init.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "backends/lwip/port/port.hpp"
#include "nal/task_slot.hpp"
#include "tests/bench/lwip/side.hpp"

namespace nal::bench {
namespace {

constexpr std::size_t kFrames = 512;
constexpr std::size_t kLongest = 1514;

class RawSide;

struct Frame {
  pbuf_custom buffer;  // first, since lwIP gives this back
  RawSide* owner;
  Frame* next;
  u16_t size;
  std::array<std::byte, kLongest> bytes;
};

struct Connection {
  tcp_pcb* pcb;
  std::size_t arrived = 0;
  bool connected = false;
};

struct Socket {
  udp_pcb* pcb;
  std::size_t arrived = 0;
  ip_addr_t sender{};
  u16_t port = 0;
};

/// What was received last; the application looks at it no further.
std::array<std::byte, 65536> taken;

void take(const pbuf& data) {
  std::size_t at = 0;
  for (const pbuf* part = &data; part; part = part->next) {
    std::memcpy(taken.data() + at, part->payload, part->len);
    at += part->len;
  }
}

class RawSide final : public Side {
 public:
  RawSide([[maybe_unused]] Executor& executor, [[maybe_unused]] driver::Driver& driver, unsigned number)
      :
#ifdef NAL_BENCH_DRIVER
        executor_(executor.platform()),
        driver_(driver),
#else
        executor_(executor),
#endif
        number_(number),
        random_(entropy(number)) {
    lwip::port::begin(executor_, random_);
    lwip_init();
    for (Frame& frame : frames_) {
      frame.owner = this;
      frame.buffer.custom_free_function = &free_frame;
      give_back(frame);
    }
    const ip4_addr_t own = address(number);
    ip4_addr_t mask;
    IP4_ADDR(&mask, 255, 255, 255, 0);
    if (!netif_add(&netif_, &own, &mask, IP4_ADDR_ANY4, this, &configure, &ethernet_input)) { std::abort(); }
    netif_set_default(&netif_);
    netif_set_up(&netif_);
    netif_set_link_up(&netif_);
#ifdef NAL_BENCH_DRIVER
    if (!running_.start(executor_, run, *this)) { std::abort(); }
#endif
  }
  ~RawSide() override { lwip::port::end(); }

  void join(Side& peer) override { peer_ = static_cast<RawSide*>(&peer); }
#ifdef NAL_BENCH_DRIVER
  void poll() override { executor_.poll_once(); }
#else
  void poll() override {
    while (Frame* const frame = arriving_) {
      arriving_ = frame->next;
      if (!arriving_) { last_ = nullptr; }
      pbuf* const buffer = to_pbuf(*frame);
      if (netif_.input(buffer, &netif_) != ERR_OK) { pbuf_free(buffer); }
    }
    sys_check_timeouts();
  }
#endif

  void listen(std::uint16_t port) override {
    tcp_pcb* const pcb = tcp_new();
    const ip4_addr_t own = address(number_);
    if (tcp_bind(pcb, &as_ip(own), port) != ERR_OK) { std::abort(); }
    tcp_pcb* const listener = tcp_listen_with_backlog(pcb, 64);
    tcp_arg(listener, this);
    tcp_accept(listener, [](void* self, tcp_pcb* accepted, err_t) -> err_t {
      static_cast<RawSide*>(self)->add(accepted).connected = true;
      return ERR_OK;
    });
    accepted_ = connections_.size();
  }
  int accept() override { return accepted_ < connections_.size() ? static_cast<int>(accepted_++) : -1; }
  int connect(std::uint16_t port) override {
    tcp_pcb* const pcb = tcp_new();
    add(pcb);
    const ip4_addr_t to = address(3 - number_);
    const err_t error = tcp_connect(pcb, &as_ip(to), port, [](void* connection, tcp_pcb*, err_t) -> err_t {
      static_cast<Connection*>(connection)->connected = true;
      return ERR_OK;
    });
    if (error != ERR_OK) { std::abort(); }
    return static_cast<int>(connections_.size()) - 1;
  }
  bool connected(int stream) override { return at(connections_, stream).connected; }
  std::size_t write(int stream, std::span<const std::byte> data) override {
    tcp_pcb* const pcb = at(connections_, stream).pcb;
    const std::size_t size = std::min<std::size_t>(data.size(), tcp_sndbuf(pcb));
    if (size == 0 || tcp_write(pcb, data.data(), static_cast<u16_t>(size), TCP_WRITE_FLAG_COPY) != ERR_OK) { return 0; }
    tcp_output(pcb);
    return size;
  }
  std::size_t read(int stream, std::span<std::byte> /*buffer: `taken`*/) override {
    return std::exchange(at(connections_, stream).arrived, 0);
  }

  int udp(std::uint16_t local, std::uint16_t remote) override {
    udp_pcb* const pcb = udp_new();
    sockets_.push_back({.pcb = pcb});
    if (udp_bind(pcb, IP4_ADDR_ANY, local) != ERR_OK) { std::abort(); }
    const ip4_addr_t to = address(3 - number_);
    if (remote != 0 && udp_connect(pcb, &as_ip(to), remote) != ERR_OK) { std::abort(); }
    udp_recv(pcb, &on_datagram, &sockets_.back());
    return static_cast<int>(sockets_.size()) - 1;
  }
  bool send(int socket, std::span<const std::byte> data) override {
    udp_pcb* const pcb = at(sockets_, socket).pcb;
    return send_to(*pcb, pcb->remote_ip, pcb->remote_port, data);
  }
  std::size_t receive(int socket, std::span<std::byte> /*buffer: `taken`*/) override {
    return std::exchange(at(sockets_, socket).arrived, 0);
  }
  bool answer(int socket, std::span<const std::byte> data) override {
    const Socket& from = at(sockets_, socket);
    return send_to(*from.pcb, from.sender, from.port, data);
  }

 private:
  static Entropy entropy(unsigned seed) {
    std::array<std::byte, Entropy::kSize> bytes{};
    bytes[0] = static_cast<std::byte>(seed);
    return Entropy(bytes);
  }
  static ip4_addr_t address(unsigned number) {
    ip4_addr_t address;
    IP4_ADDR(&address, 10, 0, 0, number);
    return address;
  }
  static const ip_addr_t& as_ip(const ip4_addr_t& address) {
    static ip_addr_t either;
    ip_addr_copy_from_ip4(either, address);
    return either;
  }
  template <class T>
  static T& at(std::deque<T>& all, int number) {
    return all[static_cast<std::size_t>(number)];
  }

  static err_t configure(netif* netif) {
    const auto* const self = static_cast<const RawSide*>(netif->state);
    netif->name[0] = 'r';
    netif->name[1] = 'w';
    netif->mtu = 1500;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->hwaddr[0] = 2;
    netif->hwaddr[5] = static_cast<u8_t>(self->number_);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = &etharp_output;
    netif->linkoutput = [](::netif* one, pbuf* data) -> err_t {
      return static_cast<RawSide*>(one->state)->transmit(*data);
    };
    return ERR_OK;
  }
#ifdef NAL_BENCH_DRIVER
  /// As a port to nal's drivers has it: woken by the device and by lwIP's timers.
  class Drive {
   public:
    explicit Drive(RawSide& side) : side_(&side) {}
    Poll<Result<>> poll(Context& context) {
      side_->turn(context, waiter_, timer_);
      return pending;
    }

   private:
    RawSide* side_;
    Waiter waiter_;
    Timer timer_;
  };
  static Task<> run(RawSide& side) { co_return co_await Drive(side); }

  void turn(Context& context, Waiter& waiter, Timer& timer) {
    const Instant now = context.now();
    for (;;) {
      driver::Packet packet = driver_.receive(pool_, now);
      if (!packet) { break; }
      const std::span<const std::byte> frame = packet.data();
      pbuf* const buffer = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(frame.size()), PBUF_POOL);
      if (!buffer) { std::abort(); }
      pbuf_take(buffer, frame.data(), static_cast<u16_t>(frame.size()));
      packet = {};
      if (netif_.input(buffer, &netif_) != ERR_OK) { pbuf_free(buffer); }
    }
    sys_check_timeouts();
    driver_.wait(context, waiter, false);
    // Whole milliseconds from now: what is armed already may be as good.
    const Instant next = now + Duration::milliseconds(sys_timeouts_sleeptime());
    if (!timer.armed() || next < timer.at() || next - timer.at() >= Duration::milliseconds(1)) {
      context.arm(timer, next);
    }
  }
  err_t transmit(const pbuf& data) {
    driver::Packet packet = pool_.allocate_to_send(0);
    if (!packet) { return ERR_MEM; }
    pbuf_copy_partial(&data, packet.append(data.tot_len).data(), data.tot_len, 0);
    return driver_.transmit(packet, executor_.now()) ? ERR_OK : ERR_MEM;
  }
#else
  err_t transmit(const pbuf& data) {
    Frame* const frame = free_;
    if (!frame || data.tot_len > kLongest) { return ERR_MEM; }
    free_ = std::exchange(frame->next, nullptr);
    frame->size = pbuf_copy_partial(&data, frame->bytes.data(), data.tot_len, 0);
    (peer_->last_ ? peer_->last_->next : peer_->arriving_) = frame;
    peer_->last_ = frame;
    return ERR_OK;
  }
#endif
  pbuf* to_pbuf(Frame& frame) {
#ifdef NAL_BENCH_COPYING
    pbuf* const buffer = pbuf_alloc(PBUF_RAW, frame.size, PBUF_POOL);
    if (!buffer) { std::abort(); }
    pbuf_take(buffer, frame.bytes.data(), frame.size);
    frame.owner->give_back(frame);
    return buffer;
#else
    return pbuf_alloced_custom(PBUF_RAW, frame.size, PBUF_REF, &frame.buffer, frame.bytes.data(), kLongest);
#endif
  }
  static void free_frame(pbuf* buffer) {
    auto* const frame = reinterpret_cast<Frame*>(buffer);
    frame->owner->give_back(*frame);
  }
  void give_back(Frame& frame) { frame.next = std::exchange(free_, &frame); }

  Connection& add(tcp_pcb* pcb) {
    Connection& connection = connections_.emplace_back(Connection{.pcb = pcb});
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, &connection);
    tcp_recv(pcb, [](void* argument, tcp_pcb* from, pbuf* data, err_t) -> err_t {
      if (!data) { return ERR_OK; }
      take(*data);
      static_cast<Connection*>(argument)->arrived += data->tot_len;
      tcp_recved(from, data->tot_len);
      pbuf_free(data);
      return ERR_OK;
    });
    return connection;
  }
  static void on_datagram(void* argument, udp_pcb*, pbuf* data, const ip_addr_t* sender, u16_t port) {
    auto& socket = *static_cast<Socket*>(argument);
    take(*data);
    socket.arrived = data->tot_len;
    socket.sender = *sender;
    socket.port = port;
    pbuf_free(data);
  }
  static bool send_to(udp_pcb& pcb, const ip_addr_t& to, u16_t port, std::span<const std::byte> data) {
    pbuf* const datagram = pbuf_alloc(PBUF_TRANSPORT, static_cast<u16_t>(data.size()), PBUF_RAM);
    if (!datagram) { return false; }
    std::memcpy(datagram->payload, data.data(), data.size());
    const err_t error = udp_sendto(&pcb, datagram, &to, port);
    pbuf_free(datagram);
    return error == ERR_OK;
  }

#ifdef NAL_BENCH_DRIVER
  Executor executor_;
  driver::Driver& driver_;
  driver::PacketMemory<256, 2048> packets_;
  driver::PacketPool pool_{packets_};
  TaskSlot<512> running_;
#else
  Executor& executor_;
#endif
  unsigned number_;
  Random random_;
  netif netif_{};
  RawSide* peer_ = nullptr;
  std::array<Frame, kFrames> frames_{};
  Frame* free_ = nullptr;
  Frame* arriving_ = nullptr;
  Frame* last_ = nullptr;
  std::deque<Connection> connections_;  // whose elements stay where they are
  std::size_t accepted_ = 0;
  std::deque<Socket> sockets_;
};

}  // namespace
}  // namespace nal::bench

// A router by hand: none here.
extern "C" const ip6_addr_t* nal_lwip_ip6_gateway(netif* /*netif*/) { return nullptr; }

nal::bench::Side* nal_bench_side(nal::Executor& executor, nal::driver::Driver& driver, unsigned number) {
  return new nal::bench::RawSide(executor, driver, number);
}
