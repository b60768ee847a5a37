#include "backends/lwip/port/port.hpp"

#include <lwip/opt.h>
//
#include <lwip/ip_addr.h>
#include <lwip/sys.h>
#if !NO_SYS
#include <lwip/tcpip.h>

#include "backends/lwip/port/threads.hpp"
#endif

#include "nal/assert.hpp"
#include "nal/hash.hpp"

namespace nal::lwip::port {

namespace {

struct State {
  Random* random = nullptr;
  HashKey isn_key;
#if NO_SYS
  Executor* executor = nullptr;
  FrameArena** thread = nullptr;  ///< the slot's address tells threads apart
  /// Of lwIP's time, which goes on from one executor to the next, from the executor's; in microseconds.
  std::int64_t offset = 0;
#endif
};
State state;

#if NO_SYS
/// Since lwIP first had a stack, in microseconds.
std::int64_t now() noexcept {
  return state.executor ? state.offset + (state.executor->now() - Instant()).microseconds() : state.offset;
}
#else
/// Of any thread.
std::int64_t now() noexcept { return (thread_time().now() - Instant()).microseconds(); }
#endif

}  // namespace

void begin(Executor& executor, Random& random) noexcept {
  NAL_ASSERT(!state.random);
  state.random = &random;
  state.isn_key = {random.u32(), random.u32()};
#if NO_SYS
  state.executor = &executor;
  state.thread = &platform::current_arena();
  state.offset -= (executor.now() - Instant()).microseconds();
#else
  static_cast<void>(executor);
#endif
}

void end() noexcept {
#if NO_SYS
  state.offset = now();
  state.executor = nullptr;
  state.thread = nullptr;
#endif
  state.random = nullptr;
}

}  // namespace nal::lwip::port

using nal::lwip::port::state;

extern "C" {

u32_t sys_now() { return static_cast<u32_t>(nal::detail::divided_by<1000>(nal::lwip::port::now())); }

std::uint32_t nal_lwip_random() { return state.random ? state.random->u32() : 4; }

void nal_lwip_assertion_failed(const char* message, const char* file, int line) {
  nal::assertion_failed(message, file, line);
}

void nal_lwip_check_context() {
#if NO_SYS
  NAL_ASSERT(!state.thread || state.thread == &nal::platform::current_arena());
#else
  // Before lwIP's thread there is no lock.
  NAL_ASSERT(!lock_tcpip_core || nal_lwip_holds(lock_tcpip_core));
#endif
}

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
  return hasher.finish() + static_cast<u32_t>(nal::lwip::port::now() / 4);
}
}
