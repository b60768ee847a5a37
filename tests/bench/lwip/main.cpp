// What lwIP takes for what embedded.cpp has the embedded stack do: two hosts on an Ethernet wire, MTU 1500, every
// checksum made and verified, windows and send buffers of 44 segments, in one thread.
// `raw|copying|driver|device|nal bulk|ping-pong|active|udp COUNT [IDLE]`: a program on lwIP's raw API, the same whose
// port copies what it receives, the same on nal's executor and driver contract, the first with checksums left to the
// device, or nal over lwIP.
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/drivers/wire_pair.hpp"
#include "tests/bench/lwip/side.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

using namespace nal;
using bench::Side;

constexpr std::size_t kSegment = 1460;
constexpr unsigned long kActive = Side::kMostIdle;

/// A module is loaded once, whatever it is called by, so there is one for each side. They stay loaded.
Side* load(std::string_view kind, char letter, Executor& executor, driver::Driver& driver, unsigned number) {
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::string file = folder / ("libbench-lwip-" + std::string(kind) + "-" + letter + ".so");
  void* const module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const make = module ? ::dlsym(module, "nal_bench_side") : nullptr;
  if (!make) {
    std::fprintf(stderr, "%s\n", ::dlerror());
    std::exit(2);
  }
  return reinterpret_cast<bench::MakeSide>(make)(executor, driver, number);
}

class World {
  void turn() {
    clock_.advance(Duration::microseconds(1));
    client_->poll();
    server_->poll();
  }
  template <class F>
  void until(F done) {
    while (!done()) { turn(); }
  }

 public:
  explicit World(std::string_view kind)
      : client_(load(kind, 'a', executor_, wire_.a(), 1)), server_(load(kind, 'b', executor_, wire_.b(), 2)) {
    client_->join(*server_);
    server_->join(*client_);
  }

  void crowd(unsigned long idle) {
    if (idle == 0) { return; }
    server_->listen(9);
    for (unsigned long i = 0; i < idle; ++i) {
      server_->udp(0, 0);
      client_->udp(0, 0);
      streams_.push_back(connect(9));
    }
  }
  void bulk(unsigned long segments) {
    server_->listen(7);
    const Pair pair = connect(7);
    static std::array<std::byte, 16 * kSegment> data{};
    static std::array<std::byte, 65536> taken{};
    std::size_t to_send = segments * kSegment;
    std::size_t to_take = to_send;
    while (to_take > 0) {
      while (to_send > 0) {
        const std::size_t sent = client_->write(pair.near, std::span(data).first(std::min(to_send, data.size())));
        if (sent == 0) { break; }
        to_send -= sent;
      }
      while (const std::size_t got = server_->read(pair.far, taken)) { to_take -= got; }
      turn();
    }
  }
  void ping_pong(unsigned long count) {
    server_->listen(7);
    const Pair pair = connect(7);
    for (unsigned long i = 0; i < count; ++i) { round_trip(pair); }
  }
  void active(unsigned long count) {
    for (unsigned long i = 0; i < count; ++i) { round_trip(streams_[i % kActive]); }
  }
  void udp(unsigned long count) {
    const int server = server_->udp(7, 0);
    const int client = client_->udp(0, 7);
    std::array<std::byte, 64> data{};
    for (unsigned long i = 0; i < count; ++i) {
      until([&] { return client_->send(client, data); });
      until([&] { return server_->receive(server, data) != 0; });
      until([&] { return server_->answer(server, data); });
      until([&] { return client_->receive(client, data) != 0; });
    }
  }

 private:
  struct Pair {
    int near;
    int far;
  };
  Pair connect(std::uint16_t port) {
    Pair pair{.near = client_->connect(port), .far = -1};
    until([&] { return client_->connected(pair.near); });
    until([&] {
      pair.far = server_->accept();
      return pair.far >= 0;
    });
    return pair;
  }
  void round_trip(Pair pair) {
    std::array<std::byte, 1> byte{};
    until([&] { return client_->write(pair.near, byte) != 0; });
    until([&] { return server_->read(pair.far, byte) != 0; });
    until([&] { return server_->write(pair.far, byte) != 0; });
    until([&] { return client_->read(pair.near, byte) != 0; });
  }

  test::VirtualClock clock_;
  Executor executor_{clock_};
  drivers::WirePair wire_{drivers::WireConfig{.queue = 128}};
  Side* client_;  // they end with the process, as their modules do
  Side* server_;
  std::vector<Pair> streams_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc > 3 ? argv[1] : "";
  const std::string_view what = argc > 3 ? argv[2] : "";
  const unsigned long count = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0;
  const unsigned long idle = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : what == "active" ? kActive : 0;
  constexpr std::array<std::string_view, 5> kKinds{"raw", "copying", "driver", "device", "nal"};
  if (std::ranges::find(kKinds, kind) == kKinds.end() || idle > Side::kMostIdle) {
    std::fprintf(stderr, "usage: %s raw|copying|driver|device|nal bulk|ping-pong|active|udp COUNT [IDLE]\n", argv[0]);
    return 2;
  }
  World world(kind);
  world.crowd(idle);
  if (what == "bulk") {
    world.bulk(count);
  } else if (what == "active" && idle == kActive) {
    world.active(count);
  } else if (what == "ping-pong") {
    world.ping_pong(count);
  } else if (what == "udp") {
    world.udp(count);
  } else {
    return 2;
  }
  // Without the sides' ends: their modules are never unloaded.
  std::fflush(stdout);
  std::_Exit(0);
}
