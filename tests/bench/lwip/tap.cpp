// lwIP through its raw API on the TAP driver that nal's stacks use, against the kernel's TCP: what bench-tap does with
// the embedded stack, with windows and send buffers of 64 KiB and checksums in software. `send|receive BYTES none`.
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "backends/drivers/linux/tap.hpp"
#include "backends/lwip/port/port.hpp"
#include "backends/posix/reactor.hpp"
#include "nal/block_on.hpp"
#include "nal/hosted/entropy.hpp"

// A router by hand: none here.
extern "C" const ip6_addr_t* nal_lwip_ip6_gateway(netif* /*netif*/) { return nullptr; }

namespace {

using namespace nal;

constexpr u16_t kPort = 9;
constexpr std::size_t kBlock = 256 * 1024;

/// The exchange, and what drives lwIP meanwhile: a future.
class Exchange {
 public:
  Exchange(drivers::Tap& tap, driver::PacketPool& pool, bool sends, unsigned long bytes)
      : tap_(&tap), pool_(&pool), left_(bytes), sends_(sends), block_(kBlock) {
    ip4_addr_t own;
    ip4_addr_t mask;
    IP4_ADDR(&own, 10, 9, 0, 2);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    if (!netif_add(&netif_, &own, &mask, IP4_ADDR_ANY4, this, &configure, &ethernet_input)) { std::abort(); }
    netif_set_default(&netif_);
    netif_set_up(&netif_);
    netif_set_link_up(&netif_);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Poll<Result<>> poll(Context& context) {
    if (!pcb_ && tap_->link_up()) { connect(); }
    for (;;) {
      const driver::Packet packet = tap_->receive(*pool_, context.now());
      if (!packet) { break; }
      input(packet.data());
    }
    sys_check_timeouts();
    if (connected_ && sends_) { write(); }
    if (failed_) { return Unexpected(Error::connection_reset); }
    if (connected_ && left_ == 0 && pcb_->snd_queuelen == 0) {
      if (tcp_close(pcb_) != ERR_OK) { tcp_abort(pcb_); }
      return Result<>();
    }
    tap_->wait(context, waiter_, false);
    context.arm(timer_, std::min(context.now() + Duration::milliseconds(sys_timeouts_sleeptime()), tap_->poll_at()));
    return pending;
  }

 private:
  static Exchange& of(const netif& netif) { return *static_cast<Exchange*>(netif.state); }
  static err_t configure(netif* netif) {
    netif->name[0] = 't';
    netif->name[1] = 'p';
    netif->mtu = 1500;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    std::ranges::copy(of(*netif).tap_->hardware_address().bytes(), netif->hwaddr);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = &etharp_output;
    netif->linkoutput = [](::netif* one, pbuf* frame) { return of(*one).output(*frame); };
    return ERR_OK;
  }
  err_t output(const pbuf& frame) {
    if (!tap_->can_transmit()) { return ERR_MEM; }
    driver::Packet packet = pool_->allocate_to_send(tap_->capabilities().headroom);
    if (!packet) { return ERR_MEM; }
    pbuf_copy_partial(&frame, packet.append(frame.tot_len).data(), frame.tot_len, 0);
    return tap_->transmit(packet, Instant()) ? ERR_OK : ERR_IF;
  }
  void input(std::span<const std::byte> frame) {
    const auto size = static_cast<u16_t>(frame.size());
    pbuf* const buffer = pbuf_alloc(PBUF_RAW, size, PBUF_POOL);
    if (!buffer) { return; }
    pbuf_take(buffer, frame.data(), size);
    if (netif_.input(buffer, &netif_) != ERR_OK) { pbuf_free(buffer); }
  }

  void connect() {
    pcb_ = tcp_new();
    tcp_arg(pcb_, this);
    tcp_nagle_disable(pcb_);
    tcp_err(pcb_, [](void* self, err_t) { static_cast<Exchange*>(self)->failed_ = true; });
    tcp_recv(pcb_, [](void* self, tcp_pcb* pcb, pbuf* data, err_t) -> err_t {
      if (data) { static_cast<Exchange*>(self)->take(pcb, *data); }
      return ERR_OK;
    });
    ip_addr_t peer;
    IP_ADDR4(&peer, 10, 9, 0, 1);
    const err_t error = tcp_connect(pcb_, &peer, kPort, [](void* self, tcp_pcb*, err_t) -> err_t {
      static_cast<Exchange*>(self)->connected_ = true;
      return ERR_OK;
    });
    if (error != ERR_OK) { std::abort(); }
  }
  void take(tcp_pcb* pcb, pbuf& data) {
    pbuf_copy_partial(&data, block_.data(), data.tot_len, 0);
    left_ -= std::min<unsigned long>(left_, data.tot_len);
    tcp_recved(pcb, data.tot_len);
    pbuf_free(&data);
  }
  void write() {
    while (left_ > 0) {
      const auto size = static_cast<u16_t>(std::min<unsigned long>({left_, tcp_sndbuf(pcb_), 0xffff}));
      if (size == 0 || tcp_write(pcb_, block_.data(), size, TCP_WRITE_FLAG_COPY) != ERR_OK) { break; }
      left_ -= size;
    }
    tcp_output(pcb_);
  }

  drivers::Tap* tap_;
  driver::PacketPool* pool_;
  netif netif_{};
  tcp_pcb* pcb_ = nullptr;
  unsigned long left_;
  bool sends_;
  bool connected_ = false;
  bool failed_ = false;
  std::vector<std::byte> block_;
  Waiter waiter_;
  Timer timer_;
};

/// By reference, since the exchange stays where lwIP's callbacks know it.
class Drive {
 public:
  explicit Drive(Exchange& exchange) : exchange_(&exchange) {}
  Poll<Result<>> poll(Context& context) { return exchange_->poll(context); }

 private:
  Exchange* exchange_;
};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc > 2 ? argv[1] : "";
  if (way != "send" && way != "receive") {
    std::fprintf(stderr, "usage: %s send|receive BYTES none\n", argv[0]);
    return 2;
  }
  const unsigned long bytes = std::strtoul(argv[2], nullptr, 10);
  static driver::PacketMemory<256, 2048> memory;
  driver::PacketPool pool(memory);
  posix::Reactor reactor;
  Executor executor(reactor);
  drivers::Tap tap(reactor, {.name = "nal0"});
  if (!tap.status()) {
    std::fprintf(stderr, "cannot make nal0: %s\n", to_string(tap.status().error()));
    return 1;
  }
  Random random(system_entropy());
  lwip::port::begin(executor, random);
  lwip_init();
  int status = 0;
  {
    Exchange exchange(tap, pool, way == "send", bytes);
    std::puts("up");
    std::fflush(stdout);
    const Instant begin = executor.now();
    const auto done = block_on(executor, Drive(exchange));
    const Duration took = executor.now() - begin;
    if (!done) {
      std::fprintf(stderr, "cannot exchange: %s\n", to_string(done.error()));
      status = 1;
    }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("%lu %.6f %.6f %.6f %u %u\n", bytes, static_cast<double>(took.microseconds()) * 1e-6,
                seconds(usage.ru_utime), seconds(usage.ru_stime), tap.counters().received, tap.counters().transmitted);
  }
  tap.give_back(pool);
  lwip::port::end();
  return status;
}
