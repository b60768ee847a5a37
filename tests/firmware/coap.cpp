// CoAP on bare metal: a client and a server of examples/coap in one image, joined by a wire that holds a datagram each
// way. Linked without a C library, so nothing of it can want a heap. Its size is what a device that does all of this
// pays (tests/sizes).
#include "examples/coap/server.hpp"
#include "examples/coap/transfer.hpp"
#include "examples/coap/udp.hpp"
#include "examples/firmware/board.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"

namespace {

using namespace nal::literals;

constexpr nal::Endpoint kServer{nal::Ipv4Address(192, 0, 2, 1), 5683};
constexpr nal::Endpoint kClient{nal::Ipv4Address(192, 0, 2, 2), 40000};
constexpr std::size_t kBody = 5000;

// The program's own functions are not inlined into the library's, whose size is measured.
/// One end of the wire.
class Wire {
 public:
  explicit Wire(const nal::Endpoint& local) noexcept : local_(local) {}
  Wire(Wire&&) noexcept;
  void join(Wire& peer) noexcept {
    peer_ = &peer;
    peer.peer_ = this;
  }

  [[gnu::noinline]] nal::Poll<nal::Result<nal::Received>> poll_receive(nal::Context& context, nal::Waiter& waiter,
                                                                       std::span<std::byte> buffer) noexcept {
    if (size_ == 0) {
      readable_.add(context, waiter, nal::Wait::readable);
      return nal::pending;
    }
    const std::size_t size = std::exchange(size_, 0);
    const std::size_t kept = std::min(size, buffer.size());
    std::copy_n(bytes_.begin(), kept, buffer.begin());
    return nal::Received{
        .size = kept, .datagram_size = size, .remote = peer_->local_, .local = local_, .truncated = kept < size};
  }
  // A wire that holds a datagram already loses the next, as networks do.
  [[gnu::noinline]] nal::Poll<nal::Result<>> poll_send(nal::Context&, nal::Waiter&, const nal::Endpoint&,
                                                       const nal::Endpoint&, std::span<const std::byte> data) noexcept {
    if (data.size() > peer_->bytes_.size()) { return nal::Unexpected(nal::Error::message_size); }
    if (peer_->size_ == 0) {
      std::copy(data.begin(), data.end(), peer_->bytes_.begin());
      peer_->size_ = data.size();
      peer_->readable_.wake_all();
    }
    return nal::Result<>();
  }
  nal::Result<> configure(const nal::UdpOptions&) noexcept { return {}; }
  nal::Endpoint local_endpoint() const noexcept { return local_; }
  nal::Result<> join(const nal::IpAddress&, nal::InterfaceId) noexcept { return {}; }
  nal::Result<> leave(const nal::IpAddress&, nal::InterfaceId) noexcept { return {}; }
  nal::Result<> join_source(const nal::IpAddress&, const nal::IpAddress&, nal::InterfaceId) noexcept { return {}; }
  nal::Result<> leave_source(const nal::IpAddress&, const nal::IpAddress&, nal::InterfaceId) noexcept { return {}; }

 private:
  nal::Endpoint local_;
  Wire* peer_ = nullptr;
  std::array<std::byte, 600> bytes_;
  std::size_t size_ = 0;
  nal::WaitList readable_;
};

std::byte body_at(std::uint64_t i) noexcept { return static_cast<std::byte>(i * 7 + i / 251); }

struct Body {
  [[gnu::noinline]] nal::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) noexcept {
    const std::size_t n =
        offset < kBody ? std::min<std::size_t>(out.size(), kBody - static_cast<std::size_t>(offset)) : 0;
    for (std::size_t i = 0; i < n; ++i) { out[i] = body_at(offset + i); }
    return n;
  }
  [[gnu::noinline]] nal::Result<> write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
    for (std::size_t i = 0; i < data.size(); ++i) {
      if (data[i] != body_at(offset + i)) { return nal::Unexpected(nal::Error::io_error); }
    }
    written = static_cast<std::size_t>(offset) + data.size();
    return {};
  }
  std::optional<std::uint64_t> size() const noexcept { return kBody; }
  std::size_t written = 0;
};

unsigned ticks = 0;
std::size_t uploaded = 0;

coap::Code on_ticks(const coap::Call&, coap::Reply& reply) noexcept {
  const char digit = static_cast<char>('0' + ticks % 10);
  return reply.text({&digit, 1});
}
coap::Code on_body(const coap::Call& call, coap::Reply& reply) noexcept {
  Body body;
  if (call.method() == coap::Code::get) { return reply.body(body); }
  if (!body.write(call.offset(), call.payload())) { return coap::Code::bad_request; }
  uploaded = body.written;
  return coap::Code::changed;
}
#ifndef NAL_COAP_CORE
coap::Deferred waiting;
coap::Code on_slow(const coap::Call&, coap::Reply& reply) noexcept {
  auto later = reply.later();
  if (!later) { return coap::Code::service_unavailable; }
  waiting = *std::move(later);
  return coap::Code::empty;
}
#endif

// With NAL_COAP_CORE only what most devices need: requests, observing and blocks, client and server.
constexpr coap::Route kRoutes[] = {
    {.path = "/ticks", .handler = on_ticks, .attributes = "rt=\"ticks\"", .observable = true},
    {.path = "/body", .methods = coap::Methods::get | coap::Methods::put, .handler = on_body, .streams = true},
#ifndef NAL_COAP_CORE
    {.path = "/slow", .methods = coap::Methods::post, .handler = on_slow, .fresh = coap::by_echo},
    coap::kWellKnownCore,
#endif
};

nal::Task<> run_node(Wire& wire, coap::Node& node) {
  auto ended = co_await coap::run(wire, node);
  co_return ended;
}

void print(const char* what, std::string_view value) {
  board::print(what);
  board::print(value);
  board::print("\n");
}

nal::Task<> observe(coap::Client& client, coap::Server& server) {
  coap::Observation observation(client, {.remote = kServer, .path = "ticks"});
  for (unsigned i = 0; i < 10; ++i) {
    {
      NAL_CO_TRY_SET(const coap::Response news, observation.next());
      if (news.text().front() != static_cast<char>('0' + ticks % 10)) {
        co_return nal::Unexpected(nal::Error::protocol_error);
      }
    }
    ++ticks;
    server.changed("/ticks");
  }
  NAL_CO_TRY(observation.cancel());
  co_return nal::Unit{};
}

#ifndef NAL_COAP_CORE
nal::Task<> answer_slow(coap::Server& server) {
  while (!waiting.valid()) { co_await nal::sleep(1_ms); }
  const coap::Answer answer{.code = coap::Code::changed};
  const nal::Result<> done = co_await server.respond(std::move(waiting), answer);
  co_return done;
}

#endif

nal::Task<> ask(coap::Client& client, coap::Server& server) {
#ifndef NAL_COAP_CORE
  {
    NAL_CO_TRY_SET(const coap::Response links, client.get(kServer, ".well-known/core"));
    print("resources: ", links.text());
  }
  NAL_CO_TRY(client.ping(kServer));
  NAL_CO_TRY(client.post(kServer, "slow", coap::bytes_of("x")));
#endif
  {
    NAL_CO_TRY_SET(const coap::Response answer, client.get(kServer, "ticks"));
    print("ticks: ", answer.text());
  }
  Body body;
  coap::Request request{.method = coap::Code::put, .remote = kServer, .path = "body"};
  NAL_CO_TRY(client.transfer(request, coap::SourceRef(body)));
  request.method = coap::Code::get;
  NAL_CO_TRY(client.transfer(request, coap::SinkRef(body)));
  if (uploaded != kBody || body.written != kBody) { co_return nal::Unexpected(nal::Error::io_error); }
  auto observed = co_await observe(client, server);
  co_return observed;
}

void print_outcome(const char* who, const nal::Poll<nal::Result<>>& outcome) {
  print(who, !outcome.ready() ? "still runs" : (*outcome).has_value() ? "ok" : nal::to_string((*outcome).error()));
}

}  // namespace

int main() {
  static nal::Executor executor(board::platform());
  static Wire client_wire(kClient);
  static Wire server_wire(kServer);
  client_wire.join(server_wire);
  static coap::Buffers<coap::BufferSizes{.receive = 400, .send = 400}> client_buffers;
  static coap::Buffers<coap::BufferSizes{.receive = 400, .send = 400}> server_buffers;
  static coap::Node client_node(coap::NodeConfig{.seed = 1}, client_buffers.memory());
  static coap::Node server_node(coap::NodeConfig{.seed = 2}, server_buffers.memory());
  static coap::Client client(client_node);
  static coap::ServerBuffers<> tables;
  // The wire bears any number of notifications.
  static coap::Server server(server_node, kRoutes, tables.memory(), {.notify_seconds = 0});
  static nal::TaskSlot<512> client_run;
  static nal::TaskSlot<512> server_run;
  static nal::TaskSlot<3072> asker;
  static nal::TaskSlot<1024> slow;
  if (!client_run.start(executor, run_node, client_wire, client_node)) { return 1; }
  if (!server_run.start(executor, run_node, server_wire, server_node)) { return 1; }
  if (!asker.start(executor, ask, client, server)) { return 1; }
#ifndef NAL_COAP_CORE
  if (!slow.start(executor, answer_slow, server)) { return 1; }
#endif
  executor.run_until([] { return !asker.running() && !slow.running(); }, executor.now() + 30_s);
  print_outcome("client: ", asker.result());
#ifndef NAL_COAP_CORE
  print_outcome("later: ", slow.result());
#endif
  const bool good = asker.result().ready() && (*asker.result()).has_value();
  board::print(static_cast<long>(ticks));
  board::print(" ticks\narena peaks: ");
  board::print(static_cast<long>(asker.arena().peak()));
  board::print(" to ask, ");
  board::print(static_cast<long>(client_run.arena().peak()));
  board::print(" to run\n");
  asker.cancel();
  slow.cancel();
  return good ? 0 : 1;
}
