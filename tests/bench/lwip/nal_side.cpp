// nal over lwIP: what the backend adds is what this takes more than raw_side.cpp.
#include <cstdlib>
#include <deque>
#include <optional>

#include "backends/lwip/stack.hpp"
#include "nal/task_slot.hpp"
#include "tests/bench/lwip/side.hpp"

namespace nal::bench {
namespace {

using lwip::Stack;

constexpr lwip::Config kConfig{
    .connections = Side::kMostIdle + 2,
    .udp_sockets = Side::kMostIdle + 2,
    .packets = 256,
    .packet_size = 2048,
};

Entropy entropy(unsigned seed) {
  std::array<std::byte, Entropy::kSize> bytes{};
  bytes[0] = static_cast<std::byte>(seed);
  return Entropy(bytes);
}

IpAddress address(unsigned number) { return Ipv4Address(10, 0, 0, static_cast<std::uint8_t>(number)); }

class NalSide final : public Side {
 public:
  NalSide(Executor& executor, driver::Driver& driver, unsigned number)
      : executor_(executor.platform()), number_(number), stack_(executor_, memory(), entropy(number)) {
    const InterfaceId interface = stack_.add_interface(driver).value();
    if (!stack_.add_address(interface, Cidr(address(number), 24))) { std::abort(); }
    if (!running_.start(executor_, run, stack_)) { std::abort(); }
  }
  void join(Side& /*peer*/) override {}
  void poll() override { executor_.poll_once(); }

  void listen(std::uint16_t port) override {
    listener_.emplace(stack_.listen({address(number_), port}, {.backlog = 64}).value());
  }
  int accept() override {
    auto stream = listener_->poll_accept(context_, waiter_);
    if (!stream.ready()) { return -1; }
    return add(streams_, std::move(*stream).value());
  }
  int connect(std::uint16_t port) override {
    return add(streams_, stack_.start_tcp({address(3 - number_), port}, {}).value());
  }
  bool connected(int stream) override { return at(streams_, stream).poll_connected(context_, waiter_).ready(); }
  std::size_t write(int stream, std::span<const std::byte> data) override {
    auto sent = at(streams_, stream).poll_write(context_, waiter_, data);
    return sent.ready() ? sent->value() : 0;
  }
  std::size_t read(int stream, std::span<std::byte> buffer) override {
    auto got = at(streams_, stream).poll_read(context_, waiter_, buffer);
    return got.ready() ? got->value() : 0;
  }

  int udp(std::uint16_t local, std::uint16_t remote) override {
    if (remote == 0) { return add(bound_, stack_.udp_bind_multiple({Ipv4Address(), local}, {}).value()); }
    connected_.emplace(stack_.udp_connect_from({Ipv4Address(), local}, {address(3 - number_), remote}, {}).value());
    return -1;
  }
  bool send(int /*socket: the connected one*/, std::span<const std::byte> data) override {
    return connected_->poll_send(context_, waiter_, data).ready();
  }
  std::size_t receive(int socket, std::span<std::byte> buffer) override {
    auto got = socket < 0 ? connected_->poll_receive(context_, waiter_, buffer)
                          : at(bound_, socket).poll_receive(context_, waiter_, buffer);
    if (!got.ready()) { return 0; }
    about_ = got->value();
    return about_.size;
  }
  bool answer(int socket, std::span<const std::byte> data) override {
    return at(bound_, socket).poll_send(context_, waiter_, about_.local, about_.remote, data).ready();
  }

 private:
  static lwip::Resources<kConfig>& memory() {
    static lwip::Resources<kConfig> memory;
    return memory;
  }
  template <class T>
  static int add(std::deque<T>& all, T&& one) {
    all.push_back(std::move(one));
    return static_cast<int>(all.size()) - 1;
  }
  template <class T>
  static T& at(std::deque<T>& all, int number) {
    return all[static_cast<std::size_t>(number)];
  }

  static Task<> run(Stack& stack) { co_return co_await stack.run(); }

  Executor executor_;
  Context context_ = Context::probe(executor_);
  Waiter waiter_;
  unsigned number_;
  Stack stack_;
  TaskSlot<512> running_;
  std::optional<Stack::TcpListener> listener_;
  std::deque<Stack::TcpStream> streams_;
  std::deque<Stack::MultiplyBoundUdp> bound_;
  std::optional<Stack::ConnectedUdp> connected_;
  Received about_;
};

}  // namespace
}  // namespace nal::bench

nal::bench::Side* nal_bench_side(nal::Executor& executor, nal::driver::Driver& driver, unsigned number) {
  return new nal::bench::NalSide(executor, driver, number);
}
