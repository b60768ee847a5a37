// The DNS resolver on bare metal, over a stack of a few lines with a name server in it. Linked without a C library, so
// nothing of it can want a heap.
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "examples/firmware/board.hpp"
#include "nal/block_on.hpp"
#include "nal/resolver/operations.hpp"

namespace {

using namespace nal;

struct Desk;

/// What the name server has to say: by UDP only that more is there for some names.
std::size_t answer(std::span<const std::byte> query, bool tcp, std::span<std::byte> out);

/// The one socket that is open, of either kind.
class Socket {
 public:
  Socket(Desk& desk, bool tcp) : desk_(&desk), tcp_(tcp) {}
  Socket(Socket&& other) noexcept : desk_(std::exchange(other.desk_, nullptr)), tcp_(other.tcp_) {}
  Socket& operator=(Socket&& other) noexcept {
    abort();
    desk_ = std::exchange(other.desk_, nullptr);
    tcp_ = other.tcp_;
    return *this;
  }
  ~Socket() { abort(); }
  void abort() noexcept;

  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Poll<Result<>> poll_send(Context&, Waiter&, const Endpoint&, const Endpoint&, std::span<const std::byte>) noexcept {
    return Unexpected(Error::not_supported);
  }
  Poll<Result<>> poll_connected(Context&, Waiter&) noexcept { return Result<>(); }
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept;
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept;
  Poll<Result<>> poll_flush(Context&, Waiter&) noexcept { return Result<>(); }
  Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept { return Result<>(); }
  Result<> configure(const UdpOptions&) noexcept { return {}; }
  Result<> configure(const TcpOptions&) noexcept { return {}; }
  Result<> join(const IpAddress&, InterfaceId) noexcept { return Unexpected(Error::not_supported); }
  Result<> leave(const IpAddress&, InterfaceId) noexcept { return Unexpected(Error::not_supported); }
  Result<> join_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept {
    return Unexpected(Error::not_supported);
  }
  Result<> leave_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept {
    return Unexpected(Error::not_supported);
  }
  Endpoint local_endpoint() const noexcept { return {}; }
  Endpoint remote_endpoint() const noexcept { return {}; }

 private:
  Desk* desk_;
  bool tcp_;
};

const Endpoint kServer{Ipv4Address(192, 0, 2, 53), 53};

struct Desk {
  using ConnectedUdp = Socket;
  using UniquelyBoundUdp = Socket;
  using MultiplyBoundUdp = Socket;
  using TcpStream = Socket;

  Result<Socket> udp_connect_from(const Endpoint&, const Endpoint&, const UdpOptions&) noexcept { return open(false); }
  Result<Socket> udp_bind_single(const Endpoint&, const UdpOptions&) noexcept { return Unexpected(Error::table_full); }
  Result<Socket> udp_bind_multiple(const Endpoint&, const UdpOptions&) noexcept {
    return Unexpected(Error::table_full);
  }
  Result<Socket> start_tcp(const Endpoint&, const TcpOptions&) noexcept { return open(true); }
  Result<Socket> open(bool tcp) noexcept {
    if (std::exchange(taken, true)) { return Unexpected(Error::table_full); }
    size = 0;
    return Socket(*this, tcp);
  }

  std::array<std::byte, 600> bytes{};
  std::size_t size = 0;
  bool taken = false;
  WaitList changed;
};

void Socket::abort() noexcept {
  if (desk_) { desk_->taken = false; }
  desk_ = nullptr;
}

Poll<Result<>> Socket::poll_send(Context&, Waiter&, std::span<const std::byte> data) noexcept {
  desk_->size = answer(data, false, desk_->bytes);
  desk_->changed.wake_all();
  return Result<>();
}

Poll<Result<Received>> Socket::poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  const auto got = poll_read(context, waiter, buffer);
  if (!got.ready()) { return pending; }
  return Received{.size = **got, .datagram_size = **got, .remote = kServer};
}

Poll<Result<std::size_t>> Socket::poll_write(Context&, Waiter&, std::span<const std::byte> data) noexcept {
  const std::size_t size = answer(data.subspan(2), true, std::span(desk_->bytes).subspan(2));
  dns::WireWriter(desk_->bytes).u16(static_cast<std::uint16_t>(size));
  desk_->size = 2 + size;
  desk_->changed.wake_all();
  return data.size();
}

Poll<Result<std::size_t>> Socket::poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  const std::size_t size = std::min(buffer.size(), desk_->size);
  if (size == 0) {
    desk_->changed.add(context, waiter, Wait::readable);
    return pending;
  }
  std::copy_n(desk_->bytes.begin(), size, buffer.begin());
  std::copy(desk_->bytes.begin() + static_cast<std::ptrdiff_t>(size), desk_->bytes.end(), desk_->bytes.begin());
  desk_->size -= size;
  return size;
}

std::size_t answer(std::span<const std::byte> query, bool tcp, std::span<std::byte> out) {
  auto message = dns::Message::parse(query);
  dns::Question question;
  dns::Name name;
  if (!message || !message->next(question) || !name.set_wire(query, question.name)) { return 0; }
  dns::Name large;
  static_cast<void>(large.set_text("large.example"));
  const bool cut = !tcp && name == large;
  dns::MessageWriter writer(out, message->header().id,
                            static_cast<std::uint16_t>(dns::Header::kResponse | dns::Header::kRecursionAvailable |
                                                       (cut ? dns::Header::kTruncated : 0)));
  writer.question(name, question.type);
  if (!cut && question.type == dns::Type::a) {
    const std::byte address[] = {std::byte{192}, std::byte{0}, std::byte{2}, std::byte{1}};
    writer.record(dns::Section::answer, name, question.type, 60, address);
  }
  if (question.type == dns::Type::ptr) { writer.record(dns::Section::answer, name, question.type, 60, large.wire()); }
  return writer.finish().value_or(std::span<const std::byte>()).size();
}

void print_addresses(Executor& executor, dns::Resolver<Desk>& resolver, std::string_view name) {
  std::array<IpAddress, 2> out;
  const auto count = block_on(executor, lookup(resolver, name, Family::v4, out));
  board::print(name);
  board::print(": ");
  if (count) {
    board::print(to_text(out[0]).view());
  } else {
    board::print(to_string(count.error()));
  }
  board::print("\n");
}

}  // namespace

int main() {
  static Executor executor(board::platform());
  static Desk desk;
  static dns::Resources<Desk, dns::Config{.queries = 2, .message_bytes = 512, .cache_entries = 4, .cache_bytes = 256}>
      memory;
  static dns::Resolver resolver(executor, desk, memory, Entropy(std::array<std::byte, Entropy::kSize>{}));
  const Endpoint servers[] = {kServer};
  if (!resolver.configure({.servers = servers})) { return 1; }
  print_addresses(executor, resolver, "a.example");
  print_addresses(executor, resolver, "large.example");
  print_addresses(executor, resolver, "large.example");
  print_addresses(executor, resolver, "printer.local");
  char name[64];
  const auto size = block_on(executor, reverse_lookup(resolver, Ipv4Address(192, 0, 2, 1), name));
  board::print(size ? std::string_view(name, *size) : to_string(size.error()));
  board::print("\n");
  std::array<dns::Service, 2> services;
  const auto none = block_on(executor, dns::lookup_services(resolver, "_x._tcp.example", services));
  board::print(none ? "services" : to_string(none.error()));
  board::print("\n");
  board::print(static_cast<long>(resolver.statistics().asked));
  board::print(" messages\n");
  return desk.taken ? 1 : 0;
}
