// A resolver against name servers that say anything, over a network that does anything, on a clock that jumps: it uses
// no answer that does not repeat the question's id, letters and server, asks nothing but whole questions, ends every
// question in time, spins on nothing, and gives every socket back.
//
// An input is a list of steps, each a byte that says what happens, and for some others that say how.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "nal/block_on.hpp"
#include "nal/resolver/operations.hpp"
#include "tests/fuzz/harness.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

using namespace nal;
using Bytes = std::vector<std::byte>;

using Clock = nal::test::VirtualClock;
using nal::fuzz::require;

constexpr std::size_t kSockets = 6;

/// One socket of the puppet stack, which the input moves.
struct Socket {
  bool open = false;
  bool tcp = false;
  bool connected = false;
  bool ended = false;
  unsigned generation = 0;
  Endpoint remote;
  Bytes sent;  ///< the last datagram, or everything by TCP
  std::vector<std::pair<Endpoint, Bytes>> arrived;
  Bytes stream;
  Error error{};
  WaitList changed;
};

struct Puppet {
  Socket sockets[kSockets];
  bool full = false;
  bool blocked = false;  ///< nothing can be sent

  Result<Socket*> open(const Endpoint& remote, bool tcp) {
    if (full) { return Unexpected(Error::table_full); }
    for (Socket& socket : sockets) {
      if (socket.open) { continue; }
      socket.open = true;
      socket.tcp = tcp;
      socket.connected = socket.ended = false;
      ++socket.generation;
      socket.remote = remote;
      socket.sent.clear();
      socket.arrived.clear();
      socket.stream.clear();
      socket.error = Error{};
      return &socket;
    }
    return Unexpected(Error::table_full);
  }
};

/// Both kinds of UDP socket and the TCP stream: a handle.
class Handle {
 public:
  Handle(Puppet& puppet, Socket& socket) : puppet_(&puppet), socket_(&socket) {}
  Handle(Handle&& other) noexcept : puppet_(other.puppet_), socket_(std::exchange(other.socket_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      abort();
      puppet_ = other.puppet_;
      socket_ = std::exchange(other.socket_, nullptr);
    }
    return *this;
  }
  ~Handle() { abort(); }

  void abort() noexcept {
    if (socket_) {
      require(socket_->changed.empty());
      socket_->open = false;
    }
    socket_ = nullptr;
  }
  Poll<Result<Received>> poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if (auto error = take_error()) { return Unexpected(*error); }
    if (socket_->arrived.empty()) { return wait<Received>(context, waiter); }
    const auto [remote, data] = std::move(socket_->arrived.front());
    socket_->arrived.erase(socket_->arrived.begin());
    const std::size_t size = std::min(data.size(), buffer.size());
    std::copy_n(data.begin(), size, buffer.begin());
    return Received{.size = size, .datagram_size = data.size(), .remote = remote, .truncated = size < data.size()};
  }
  Poll<Result<>> poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    if (puppet_->blocked) { return wait<Unit>(context, waiter); }
    if (auto error = take_error()) { return Unexpected(*error); }
    socket_->sent.assign(data.begin(), data.end());
    return Result<>();
  }
  Poll<Result<>> poll_send(Context&, Waiter&, const Endpoint&, const Endpoint&, std::span<const std::byte>) noexcept {
    return Unexpected(Error::not_supported);
  }
  Poll<Result<>> poll_connected(Context& context, Waiter& waiter) noexcept {
    if (auto error = take_error()) { return Unexpected(*error); }
    if (!socket_->connected) { return wait<Unit>(context, waiter); }
    return Result<>();
  }
  Poll<Result<std::size_t>> poll_read(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
    if (auto error = take_error()) { return Unexpected(*error); }
    const std::size_t size = std::min(buffer.size(), socket_->stream.size());
    if (size == 0 && !socket_->ended) { return wait<std::size_t>(context, waiter); }
    std::copy_n(socket_->stream.begin(), size, buffer.begin());
    socket_->stream.erase(socket_->stream.begin(), socket_->stream.begin() + static_cast<std::ptrdiff_t>(size));
    return size;
  }
  Poll<Result<std::size_t>> poll_write(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
    if (puppet_->blocked) { return wait<std::size_t>(context, waiter); }
    if (auto error = take_error()) { return Unexpected(*error); }
    const std::size_t size = std::min<std::size_t>(data.size(), 20);
    socket_->sent.insert(socket_->sent.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    return size;
  }
  Poll<Result<>> poll_flush(Context&, Waiter&) noexcept { return Result<>(); }
  Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept { return Result<>(); }
  Result<> configure(const UdpOptions&) noexcept { return {}; }
  Result<> configure(const TcpOptions&) noexcept { return {}; }
  Result<> join(const IpAddress&, InterfaceId) noexcept { return {}; }
  Result<> leave(const IpAddress&, InterfaceId) noexcept { return {}; }
  Result<> join_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept { return {}; }
  Result<> leave_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept { return {}; }
  Endpoint local_endpoint() const noexcept { return {}; }
  Endpoint remote_endpoint() const noexcept { return socket_->remote; }

 private:
  template <class T>
  Poll<Result<T>> wait(Context& context, Waiter& waiter) noexcept {
    socket_->changed.add(context, waiter, Wait::other);
    return pending;
  }
  std::optional<Error> take_error() noexcept {
    if (socket_->error == Error{}) { return std::nullopt; }
    return std::exchange(socket_->error, Error{});
  }
  Puppet* puppet_;
  Socket* socket_;
};

class Stack {
 public:
  using ConnectedUdp = Handle;
  using UniquelyBoundUdp = Handle;
  using MultiplyBoundUdp = Handle;
  using TcpStream = Handle;

  Result<Handle> udp_connect_from(const Endpoint& local, const Endpoint& remote, const UdpOptions&) noexcept {
    require(local.port >= 32768 || local.port == 0);
    return make(puppet.open(remote, false));
  }
  Result<Handle> udp_bind_single(const Endpoint&, const UdpOptions&) noexcept {
    return Unexpected(Error::not_supported);
  }
  Result<Handle> udp_bind_multiple(const Endpoint&, const UdpOptions&) noexcept {
    return Unexpected(Error::not_supported);
  }
  Result<Handle> start_tcp(const Endpoint& remote, const TcpOptions&) noexcept {
    return make(puppet.open(remote, true));
  }

  Puppet puppet;

 private:
  Result<Handle> make(Result<Socket*> socket) {
    if (!socket) { return Unexpected(socket.error()); }
    return Handle(puppet, **socket);
  }
};

using Resolver = dns::Resolver<Stack>;

/// In whatever may not be used.
constexpr std::uint8_t kForged = 66;

class Run {
 public:
  explicit Run(std::span<const std::byte> input)
      : input_(input), resolver_(executor_, stack_, memory_, Entropy(std::array<std::byte, 32>{})) {
    configure(0);
  }
  ~Run() {
    for (auto& question : questions_) { question.reset(); }
    require(resolver_.in_use() == 0);
    for (const Socket& socket : stack_.puppet.sockets) { require(!socket.open && socket.changed.empty()); }
    require(executor_.next_timer().is_never());
  }

  void go() {
    while (!input_.empty()) {
      step();
      settle();
      check();
    }
    // Whatever is left ends in time, even if nobody ever says anything again.
    stack_.puppet.blocked = false;
    const Instant end = clock_.now() + kTotal;
    for (unsigned i = 0; clock_.now() <= end; ++i) {
      require(i < 10'000);
      const Instant next = std::min(executor_.next_timer(), end + Duration::microseconds(1));
      clock_.advance(std::max(next - clock_.now(), Duration::zero()));
      settle();
    }
    for (auto& question : questions_) {
      if (question) { require(look(*question)); }
    }
    for (const Socket& socket : stack_.puppet.sockets) { require(!socket.open); }
  }

 private:
  static constexpr Duration kTotal = Duration::seconds(20);
  static constexpr dns::Config kConfig{
      .queries = 3, .message_bytes = 512, .servers = 2, .search_bytes = 32, .cache_entries = 3, .cache_bytes = 96};

  std::size_t next() { return nal::fuzz::take(input_); }

  void step() {
    const std::size_t what = next();
    switch (what % 16) {
      case 0:
      case 1: ask(what / 16); break;
      case 2: questions_[what / 16 % questions_.size()].reset(); break;
      case 3:
      case 4:
      case 5: deliver(true); break;
      case 6: deliver(false); break;
      case 7: clock_.advance(Duration::milliseconds(static_cast<std::int64_t>(next() * 50))); break;
      case 8: fail(); break;
      case 9: connect(); break;
      case 10: stream(true); break;
      case 11: stream(false); break;
      case 12: end(); break;
      case 13: stack_.puppet.full = what >= 128; break;
      case 14: block(what >= 128); break;
      default: configure(what / 16); break;
    }
  }

  /// Runs until everybody waits: a resolver that spins never does.
  void settle() {
    unsigned rounds = 0;
    while (executor_.poll_once()) { require(++rounds < 1000); }
    std::size_t open = 0;
    for (const Socket& socket : stack_.puppet.sockets) {
      open += socket.open ? 1 : 0;
      if (socket.open && !socket.sent.empty()) { check_sent(socket); }
    }
    require(open <= resolver_.in_use());
  }

  /// A whole question and nothing else; by TCP the front of one.
  static void check_sent(const Socket& socket) {
    std::span<const std::byte> bytes = socket.sent;
    if (socket.tcp) {
      if (bytes.size() < 2) { return; }
      const std::size_t size = dns::WireReader(bytes).u16();
      bytes = bytes.subspan(2);
      require(bytes.size() <= size);
      if (bytes.size() < size) { return; }
    }
    auto message = dns::Message::parse(bytes);
    require(message.has_value() && message->header().flags == dns::Header::kRecursionDesired);
    dns::Question question;
    const auto asked = message->next(question);
    require(asked && *asked);
    dns::Name name;
    require(name.set_wire(bytes, question.name).has_value());
    require(dns::special_name(name) == dns::SpecialName::none);
    dns::Record record;
    auto more = message->next(record);
    require(more.has_value());
    if (*more) {
      require(record.type == dns::Type::opt);
      more = message->next(record);
    }
    require(more && !*more);
  }

  void ask(std::size_t what) {
    auto& question = questions_[what % questions_.size()];
    question.reset();
    static constexpr std::string_view kNames[] = {"a", "b.c", "a.x", "host.example.", "localhost", "x.local"};
    static constexpr dns::Type kTypes[] = {dns::Type::a, dns::Type::aaaa, dns::Type::srv, dns::Type::txt};
    const std::size_t choice = next();
    auto started = resolver_.start_query(kNames[choice % 6], kTypes[choice / 6 % 4]);
    if (started) { question.emplace(*std::move(started)); }
  }

  Socket* pick(bool tcp) {
    const std::size_t choice = next();
    std::vector<Socket*> fitting;
    for (Socket& socket : stack_.puppet.sockets) {
      if (socket.open && socket.tcp == tcp) { fitting.push_back(&socket); }
    }
    return fitting.empty() ? nullptr : fitting[choice % fitting.size()];
  }

  Bytes take(std::size_t size) {
    size = std::min(size, input_.size());
    Bytes bytes(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
    input_ = input_.subspan(size);
    // What is forged is told by this.
    std::replace(bytes.begin(), bytes.end(), std::byte{kForged}, std::byte{1});
    return bytes;
  }

  /// An answer to what was sent, right or forged, with what the input says behind the question.
  Bytes answer(const Bytes& asked, bool forged) {
    const std::size_t flaw = next();
    const std::size_t flags = next();
    const std::size_t counts = next();
    Bytes message(asked);
    if (message.size() < 17) { return message; }
    message.resize(message.size() - (message[11] != std::byte{0} ? 11 : 0));  // without the OPT record
    message[2] |= std::byte{0x80};
    message[2] |= static_cast<std::byte>(flags >> 6 & 2) | static_cast<std::byte>(flags >> 4 & 4);
    message[3] = static_cast<std::byte>(0x80 | (flags & 0x0f));
    message[7] = static_cast<std::byte>(counts & 3);
    message[9] = static_cast<std::byte>(counts >> 2 & 3);
    message[11] = static_cast<std::byte>(counts >> 4 & 1);
    // One bit off, of the id or of the name.
    constexpr std::size_t kFirstLetter = 13;
    const std::size_t at = flaw % 3 == 0 ? 0 : flaw % 3 == 1 ? 1 : kFirstLetter;
    if (forged) { message[at] ^= std::byte{1}; }
    // A server that does not keep the case.
    if (!forged && flaw % 8 == 7) { message[kFirstLetter] ^= std::byte{0x20}; }
    const std::size_t records = next() % 8;
    for (std::size_t i = 0; i < records; ++i) { append_record(message, forged); }
    const Bytes tail = take(next() % 32);
    if (!forged) { message.insert(message.end(), tail.begin(), tail.end()); }
    return message;
  }

  void append_record(Bytes& message, bool forged) {
    const std::size_t kind = next();
    const auto put = [&message](std::initializer_list<unsigned> bytes) {
      for (const unsigned byte : bytes) { message.push_back(static_cast<std::byte>(byte)); }
    };
    put({0xc0, 12});
    const unsigned ttl = static_cast<unsigned>(kind >> 4);
    switch (kind % 5) {
      case 0: put({0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, 192, 0, 2, forged ? kForged : 1u}); break;
      case 1: put({0, 5, 0, 1, 0, 0, 0, ttl, 0, 3, 1, 'a' + ttl, 0}); break;
      case 2:
        put({0, 6, 0, 1, 0, 0, 0, ttl, 0, 22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ttl});
        break;
      case 3: put({0, 16, 0, 1, 0, 0, 0, ttl, 0, 2, 1, forged ? kForged : 1u}); break;
      default: put({0, 33, 0, 1, 0, 0, 0, ttl, 0, 8, 0, 0, 0, 0, 0, forged ? kForged : 1u, 0xc0, 12}); break;
    }
  }

  void deliver(bool right) {
    Socket* socket = pick(false);
    if (!socket) { return; }
    const bool elsewhere = !right && next() % 2 == 0;
    Bytes message = answer(socket->sent, !right && !elsewhere);
    Endpoint remote = socket->remote;
    if (elsewhere) {
      remote.port ^= 1;
      // An answer that is right but for where it comes from.
      for (std::size_t i = 0; i + 3 < message.size(); ++i) {
        if (message[i] == std::byte{192} && message[i + 2] == std::byte{2}) { message[i + 3] = std::byte{kForged}; }
      }
    }
    const std::size_t times = next() % 64 == 63 ? 40 : 1;
    for (std::size_t i = 0; i < times; ++i) { socket->arrived.emplace_back(remote, message); }
    socket->changed.wake_all();
  }

  void fail() {
    static constexpr Error kErrors[] = {Error::connection_refused, Error::connection_reset, Error::host_unreachable,
                                        Error::no_memory};
    Socket* socket = pick(next() % 2 == 0);
    if (!socket) { return; }
    socket->error = kErrors[next() % 4];
    socket->changed.wake_all();
  }

  void connect() {
    Socket* socket = pick(true);
    if (!socket) { return; }
    socket->connected = true;
    socket->changed.wake_all();
  }

  void stream(bool right) {
    Socket* socket = pick(true);
    if (!socket || socket->sent.size() < 2) { return; }
    if (right) {
      const Bytes message = answer(Bytes(socket->sent.begin() + 2, socket->sent.end()), false);
      socket->stream.push_back(static_cast<std::byte>(message.size() >> 8));
      socket->stream.push_back(static_cast<std::byte>(message.size() & 0xff));
      socket->stream.insert(socket->stream.end(), message.begin(), message.end());
    } else {
      const Bytes bytes = take(next() % 64);
      socket->stream.insert(socket->stream.end(), bytes.begin(), bytes.end());
    }
    socket->changed.wake_all();
  }

  void end() {
    Socket* socket = pick(true);
    if (!socket) { return; }
    socket->ended = true;
    socket->changed.wake_all();
  }

  void block(bool blocked) {
    stack_.puppet.blocked = blocked;
    for (Socket& socket : stack_.puppet.sockets) { socket.changed.wake_all(); }
  }

  void configure(std::size_t what) {
    const Endpoint servers[] = {{Ipv4Address(192, 0, 2, 53), 53}, {Ipv6Address(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 53}};
    const std::string_view search[] = {"x", "y.z"};
    dns::Settings settings{.servers = std::span(servers).first(1 + what % 2),
                           .search = std::span(search).first(what / 2 % 3)};
    settings.options.tcp_only = what == 15;
    settings.options.total = kTotal;
    require(resolver_.configure(settings).has_value());
  }

  /// Whether it is done; what was forged is in no answer.
  bool look(Resolver::Question& question) {
    const auto found = try_once(executor_, dns::records(question));
    if (!found) { return found.error() != Error::would_block; }
    for (const auto data : *found) {
      const bool forged = !data.empty() && data.back() == std::byte{kForged} && found->type() != dns::Type::srv;
      require(!forged);
    }
    return true;
  }
  void check() {
    for (auto& question : questions_) {
      if (question) { look(*question); }
    }
  }

  std::span<const std::byte> input_;
  Clock clock_;
  Executor executor_{clock_};
  Stack stack_;
  dns::Resources<Stack, kConfig> memory_;
  Resolver resolver_;
  std::array<std::optional<Resolver::Question>, 4> questions_;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  Run run(bytes);
  run.go();
  return 0;
}
