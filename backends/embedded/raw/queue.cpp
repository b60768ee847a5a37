#include "backends/embedded/raw/queue.hpp"

namespace nal::embedded {

void RawQueue::push(Packet&& copy, std::size_t limit) noexcept {
  if (!copy || packets.count() >= limit) {
    ++dropped;
    return;
  }
  packets.push(std::move(copy));
  readable.wake_all();
}

void RawQueue::release() noexcept {
  readable.wake_all();
  packets.clear();
  used = false;
  dropped = 0;
  ++generation;
}

Packet allocate_copy(const Packet& original, std::size_t headroom, std::size_t size) noexcept {
  driver::PacketPool& pool = *original.buffer()->pool;
  if (headroom + size > pool.capacity()) { return {}; }
  Packet copy = pool.allocate_to_send(headroom);
  if (copy) { copy.append(size); }
  return copy;
}

}  // namespace nal::embedded
