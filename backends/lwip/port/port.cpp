#include "backends/lwip/port/port.hpp"

#include <lwip/opt.h>
//
#include <lwip/ip_addr.h>
#include <lwip/sys.h>

#include "nal/assert.hpp"
#include "nal/hash.hpp"

namespace nal::lwip::port {

namespace {

struct State {
  Executor* executor = nullptr;
  Random* random = nullptr;
  HashKey isn_key;
  std::uint32_t milliseconds = 0;  ///< lwIP's time when `since` was
  Instant since;
};
State state;

}  // namespace

void begin(Executor& executor, Random& random) noexcept {
  NAL_ASSERT(!state.executor);
  state.executor = &executor;
  state.random = &random;
  state.since = executor.now();
  state.isn_key = {random.u32(), random.u32()};
}

void end() noexcept {
  state.milliseconds = sys_now();
  state.executor = nullptr;
  state.random = nullptr;
}

}  // namespace nal::lwip::port

using nal::lwip::port::state;

extern "C" {

u32_t sys_now() {
  if (!state.executor) { return state.milliseconds; }
  const nal::Duration past = state.executor->now() - state.since;
  return static_cast<u32_t>(state.milliseconds + static_cast<std::uint64_t>(past.milliseconds()));
}

std::uint32_t nal_lwip_random() { return state.random ? state.random->u32() : 4; }

void nal_lwip_assertion_failed(const char* message, const char* file, int line) {
  nal::assertion_failed(message, file, line);
}

void nal_lwip_check_context() {}

// RFC 6528: a clock of 4 µs, moved for each flow by what only this host knows.
u32_t nal_lwip_isn(const ip_addr_t* local, u16_t local_port, const ip_addr_t* remote, u16_t remote_port) {
  nal::Hasher hasher(state.isn_key);
  for (const ip_addr_t* address : {local, remote}) {
#if LWIP_IPV6
    if (IP_IS_V6(address)) {
      for (const u32_t word : ip_2_ip6(address)->addr) { hasher.add(word); }
      continue;
    }
#endif
#if LWIP_IPV4
    hasher.add(ip_2_ip4(address)->addr);
#endif
  }
  hasher.add(static_cast<u32_t>(local_port) << 16 | remote_port);
  const std::int64_t now = state.executor ? state.executor->now().microseconds() : 0;
  return hasher.finish() + static_cast<u32_t>(now / 4);
}
}
