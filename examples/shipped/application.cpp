#include "examples/shipped/application.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "nal/block_on.hpp"
#include "nal/sleep.hpp"
#include "nal/task_slot.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"

namespace shipped {

namespace {

using namespace nal::literals;

constexpr nal::Duration kPatience = 10_s;

struct Collector {
  nal::AnyTcpListener listener;
  nal::AnyUdpSocket questions;
  std::uint32_t total = 0;
};

/// Readings are bytes; each is acknowledged by itself, once it is counted.
nal::Task<> collect(Collector& collector) {
  NAL_CO_TRY_SET(auto meter, nal::accept(collector.listener));
  for (;;) {
    std::byte reading[1];
    NAL_CO_TRY_SET(const std::size_t size, nal::read(meter, reading));
    if (size == 0) { break; }
    collector.total += std::to_integer<std::uint32_t>(reading[0]);
    NAL_CO_TRY(nal::write_all(meter, reading));
  }
  co_return co_await nal::close(std::move(meter));
}

nal::Task<> answer(Collector& collector) {
  for (;;) {
    std::byte question[16];
    NAL_CO_TRY_SET(const auto asked, nal::receive(collector.questions, question));
    NAL_CO_TRY(
        nal::send_to(collector.questions, asked.local, asked.remote, std::as_bytes(std::span(&collector.total, 1))));
  }
}

nal::Task<> report(nal::AnyStack& stack, nal::Endpoint server) {
  NAL_CO_TRY_SET(auto stream, nal::with_timeout(kPatience, nal::connect(stack, server)));
  for (const unsigned reading : {20u, 21u, 23u}) {
    const std::byte told[]{std::byte(reading)};
    NAL_CO_TRY(nal::write_all(stream, told));
    std::byte counted[1];
    NAL_CO_TRY(nal::with_timeout(kPatience, nal::read_exact(stream, counted)));
  }
  co_return co_await nal::with_timeout(kPatience, nal::close(std::move(stream)));
}

nal::Task<nal::Result<std::uint32_t>> ask(nal::AnyStack& stack, nal::Endpoint server) {
  auto connected = nal::udp_connect(stack, server);
  if (!connected) { co_return nal::Unexpected(connected.error()); }
  nal::AnyUdpSocket socket = *std::move(connected);
  const std::byte question[1]{};
  NAL_CO_TRY(nal::send(socket, question));
  std::byte answer[sizeof(std::uint32_t)];
  NAL_CO_TRY(nal::with_timeout(kPatience, nal::receive(socket, answer)));
  std::uint32_t total = 0;
  std::memcpy(&total, answer, sizeof(total));
  co_return total;
}

nal::Result<std::uint32_t> measure(nal::Executor& executor, nal::AnyStack& here, nal::AnyStack& there,
                                   const nal::IpAddress& address) {
  NAL_TRY_SET(auto listener, there.listen({address, 0}, {}));
  NAL_TRY_SET(auto questions, there.udp_bind_single({address, 0}, {}));
  Collector collector{std::move(listener), std::move(questions)};
  nal::TaskSlot<4096> collecting;
  nal::TaskSlot<4096> answering;
  NAL_TRY(collecting.start(executor, collect, collector));
  NAL_TRY(answering.start(executor, answer, collector));
  nal::TaskSlot<8192> meter;
  NAL_TRY(nal::block_on(executor, meter, report, here, collector.listener.local_endpoint()));
  nal::TaskSlot<8192, nal::Result<std::uint32_t>> asking;
  return nal::block_on(executor, asking, ask, here, collector.questions.local_endpoint());
}

}  // namespace

int run(const char* name, nal::Executor& executor, nal::AnyStack& here, nal::AnyStack& there,
        const nal::IpAddress& address) {
  const auto total = measure(executor, here, there, address);
  if (!total) {
    std::fprintf(stderr, "error: %s: %s\n", name, nal::to_string(total.error()));
    return EXIT_FAILURE;
  }
  std::printf("%s: the readings come to %u\n", name, static_cast<unsigned>(*total));
  return *total == 64 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace shipped
