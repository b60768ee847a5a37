#include "examples/tools/coap/serve.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <list>
#include <random>
#include <string>
#include <vector>

#include "examples/coap/tcp.hpp"
#include "examples/coap/udp.hpp"
#include "examples/coap/uri.hpp"
#include "examples/common/exit_status.hpp"
#include "examples/common/interrupt.hpp"
#include "examples/tools/coap/file_server.hpp"
#include "nal/block_on.hpp"
#include "nal/sleep.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"

namespace nal_coap {

namespace {

constexpr coap::ServerSizes kUdpSizes{
    .seen = 1024, .answer = 128, .observers = 64, .observer_options = 256, .uploads = 16, .later = 1};
/// A stream doubles nothing, and has one client.
constexpr coap::ServerSizes kTcpSizes{
    .seen = 1, .answer = 64, .observers = 16, .observer_options = 256, .uploads = 4, .later = 1};

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

/// Large enough for a block and all options that go with it (RFC 7252 §4.6), and for many blocks at once over TCP.
constexpr std::size_t kDatagram = 2048;
constexpr std::size_t kStreamMessage = 32768;

/// A node with a server on it, and their memory.
template <coap::ServerSizes kSizes>
class Service {
 public:
  Service(FileServer& files, std::size_t message)
      : files_(&files),
        receive_(message),
        send_(message),
        node_(coap::NodeConfig{.seed = random_seed()}, coap::Memory{receive_, send_}),
        server_(node_, files.routes(), tables_.memory()) {
    files.add(server_);
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() { files_->remove(server_); }

  coap::Node& node() { return node_; }

 private:
  FileServer* files_;
  std::vector<std::byte> receive_;
  std::vector<std::byte> send_;
  coap::ServerBuffers<kSizes> tables_;
  coap::Node node_;
  coap::Server server_;
};

/// One address, over UDP.
class UdpService {
 public:
  UdpService(FileServer& files, nal::AnyUdpSocket socket) : socket_(std::move(socket)), service_(files, kDatagram) {}

  nal::Result<> start(nal::Executor& executor) { return slot_.start(executor, run, *this); }
  nal::Endpoint local() const { return socket_.local_endpoint(); }
  /// The groups of all CoAP nodes (RFC 7252 §12.8), as far as the machine has networks that know groups.
  void join_groups() {
    for (const char* group : {"224.0.1.187", "ff02::fd", "ff05::fd"}) {
      const auto address = nal::IpAddress::parse(group);
      if (address->family() == local().address.family()) { static_cast<void>(socket_.join(*address, {})); }
    }
  }

 private:
  static nal::Task<> run(UdpService& self) {
    auto ended = co_await coap::run(self.socket_, self.service_.node());
    co_return ended;
  }

  nal::AnyUdpSocket socket_;
  Service<kUdpSizes> service_;
  nal::TaskSlot<4096> slot_;
};

/// One connection.
class Connection {
 public:
  Connection(FileServer& files, nal::AnyTcpStream stream)
      : stream_(std::move(stream)), service_(files, kStreamMessage) {}

  nal::Result<> start(nal::Executor& executor) { return slot_.start(executor, run, *this); }
  bool ended() const { return !slot_.running(); }

 private:
  static nal::Task<> run(Connection& self) {
    const auto ended = co_await coap::run(self.stream_, self.service_.node());
    static_cast<void>(co_await nal::with_timeout(kPatience, nal::close(std::move(self.stream_))));
    co_return ended;
  }
  static constexpr nal::Duration kPatience = nal::Duration::seconds(5);

  nal::AnyTcpStream stream_;
  Service<kTcpSizes> service_;
  nal::TaskSlot<4096> slot_;
};

/// One address, over TCP.
class TcpService {
 public:
  TcpService(FileServer& files, nal::AnyTcpListener listener) : files_(files), listener_(std::move(listener)) {}

  nal::Result<> start(nal::Executor& executor) { return slot_.start(executor, accept_all, *this, executor); }
  nal::Endpoint local() const { return listener_.local_endpoint(); }

 private:
  static nal::Task<> accept_all(TcpService& self, nal::Executor& executor) {
    for (;;) {
      auto stream = co_await nal::accept(self.listener_);
      self.connections_.remove_if([](const Connection& connection) { return connection.ended(); });
      if (!stream) {
        std::fprintf(stderr, "warning: a connection was lost: %s\n", nal::to_string(stream.error()));
        continue;
      }
      // A client too many is dropped, which resets its connection.
      if (self.connections_.size() == kConnections) { continue; }
      self.connections_.emplace_back(self.files_, *std::move(stream));
      static_cast<void>(self.connections_.back().start(executor));
    }
  }
  static constexpr std::size_t kConnections = 64;

  FileServer& files_;
  nal::AnyTcpListener listener_;
  std::list<Connection> connections_;
  nal::TaskSlot<2048> slot_;
};

nal::Task<> tick(FileServer& files) {
  for (;;) {
    co_await nal::sleep(nal::Duration::seconds(1));
    files.tick();
  }
}

void announce(coap::Scheme scheme, const nal::Endpoint& local) {
  std::printf("listening on %s://%s\n", std::string(coap::to_string(scheme)).c_str(), nal::to_text(local).c_str());
  std::fflush(stdout);
}

int failed(const char* what, const std::string& on, const char* why) {
  std::fprintf(stderr, "error: cannot %s %s: %s\n", what, on.c_str(), why);
  return examples::kFailed;
}

}  // namespace

int serve(nal::Executor& executor, nal::AnyStack stack, const ServeOptions& options) {
  auto directory = Directory::open(options.directory);
  if (!directory) { return failed("serve", "'" + options.directory + "'", std::strerror(errno)); }
  FileServer files(*std::move(directory), options.read_only, options.verbose);
  std::list<UdpService> datagrams;
  std::list<TcpService> streams;
  const coap::Scheme over_udp = options.secure() ? coap::Scheme::coaps : coap::Scheme::coap;
  const coap::Scheme over_tcp = options.secure() ? coap::Scheme::coaps_tcp : coap::Scheme::coap_tcp;
  for (const nal::IpAddress& address : options.addresses) {
    const nal::Endpoint local(address, options.port.value_or(coap::default_port(over_udp)));
    auto socket = stack.udp_bind_multiple(local, {});
    if (!socket) { return failed("listen at", nal::to_text(local).c_str(), nal::to_string(socket.error())); }
    UdpService& udp = datagrams.emplace_back(files, *std::move(socket));
    udp.join_groups();
    const nal::Endpoint same(address, udp.local().port);
    auto listener = stack.listen(same, {});
    if (!listener) { return failed("listen at", nal::to_text(same).c_str(), nal::to_string(listener.error())); }
    TcpService& tcp = streams.emplace_back(files, *std::move(listener));
    for (const auto& started : {udp.start(executor), tcp.start(executor)}) {
      if (!started) { return failed("serve", options.directory, nal::to_string(started.error())); }
    }
    announce(over_udp, udp.local());
    announce(over_tcp, tcp.local());
  }
  if (!options.read_only) {
    std::printf("whoever can reach this can change what is in '%s'; --read-only prevents it\n",
                options.directory.c_str());
    std::fflush(stdout);
  }
  nal::TaskSlot<1024> ticking;
  if (const auto started = ticking.start(executor, tick, files); !started) {
    return failed("serve", options.directory, nal::to_string(started.error()));
  }
  examples::Interrupt interrupt(executor);
  nal::block_on(executor, nal::wait(interrupt.event()));
  return examples::kDone;
}

}  // namespace nal_coap
