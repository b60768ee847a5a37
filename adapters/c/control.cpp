// The loop's functions and names.
#include "adapters/c/call.hpp"
#include "nal/dns.hpp"
#include "nal/sleep.hpp"

using namespace nal::c;

extern "C" {

void nal_loop_run(nal_loop* loop) { loop->run(); }
int nal_loop_poll(nal_loop* loop) { return loop->executor().poll_once() ? 1 : 0; }
void nal_loop_stop(nal_loop* loop) { loop->stop(); }
int nal_loop_finish(nal_loop* loop, nal_deadline deadline) { return loop->finish(deadline) ? NAL_OK : NAL_TIMED_OUT; }

nal_count nal_cancel(nal_loop* loop, const void* target) {
  if (!loop || !target) { return NAL_INVALID_ARGUMENT; }
  return at_once(*loop, [loop, target]() noexcept -> nal::Result<std::size_t> {
    return loop->end_calls(target, nal::Error::cancelled);
  });
}

int64_t nal_now(nal_loop* loop) {
  if (!loop) { return NAL_INVALID_ARGUMENT; }
  int64_t now = 0;
  const nal_count asked = at_once(*loop, [loop, &now]() noexcept -> nal::Result<std::size_t> {
    now = loop->executor().now().microseconds();
    return std::size_t{0};
  });
  return asked < 0 ? static_cast<int64_t>(asked) : now;
}

int nal_sleep(nal_loop* loop, const void* target, nal_deadline deadline) {
  if (!loop) { return NAL_INVALID_ARGUMENT; }
  const nal_count slept = wait_for(
      *loop, target, deadline,
      [](nal::Context&, nal::Waiter&) noexcept -> nal::Poll<nal::Result<std::size_t>> { return nal::pending; });
  return slept == NAL_TIMED_OUT || slept == NAL_WOULD_BLOCK ? NAL_OK : static_cast<int>(slept);
}

nal_count nal_resolve(nal_loop* loop, const char* name, int family, nal_address* out, size_t room,
                      nal_deadline deadline) {
  if (!loop || !name || !out || room == 0 || (family != NAL_ANY_FAMILY && family != NAL_V4 && family != NAL_V6)) {
    return NAL_INVALID_ARGUMENT;
  }
  // Also on stacks that know no names.
  if (const auto literal = nal::IpAddress::parse(view(name))) {
    if (family != NAL_ANY_FAMILY && (family == NAL_V4) != literal->is_v4()) { return NAL_NAME_NOT_FOUND; }
    *out = to_c(*literal);
    return 1;
  }
  const auto asked = family == NAL_V4 ? nal::Family::v4 : family == NAL_V6 ? nal::Family::v6 : nal::Family::any;
  // More would only be thrown away again by most callers; a longer list takes no stack that they did not ask for.
  nal::IpAddress addresses[8];
  const auto found = std::span(addresses).first(std::min(room, std::size(addresses)));
  const nal_count count =
      wait_for(*loop, out, deadline,
               [lookup = nal::lookup(loop->stack(), view(name), asked, found)](
                   nal::Context& context, nal::Waiter&) mutable noexcept { return lookup.poll(context); });
  for (nal_count i = 0; i < count; ++i) { out[i] = to_c(addresses[i]); }
  return count;
}

nal_count nal_resolve_address(nal_loop* loop, const nal_address* address, char* out, size_t size,
                              nal_deadline deadline) {
  if (!loop || !address || !out) { return NAL_INVALID_ARGUMENT; }
  if (size == 0) { return NAL_BUFFER_TOO_SMALL; }
  const auto asked = from_c(*address);
  if (!asked) { return NAL_INVALID_ARGUMENT; }
  const nal_count length =
      wait_for(*loop, out, deadline,
               [lookup = nal::reverse_lookup(loop->stack(), *asked, std::span(out, size - 1))](
                   nal::Context& context, nal::Waiter&) mutable noexcept { return lookup.poll(context); });
  if (length >= 0) { out[length] = '\0'; }
  return length;
}

}  // extern "C"
