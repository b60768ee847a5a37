#pragma once
#include <cstdint>
#include <span>

#include "backends/drivers/around.hpp"

namespace nal::drivers {

/// How often something happens, in parts of a million.
struct Chance {
  std::uint32_t per_million = 0;

  static constexpr Chance percent(std::uint32_t n) noexcept { return {n * 10'000}; }
  constexpr bool never() const noexcept { return per_million == 0; }
};

/// What happens to frames on their way in one direction. Each frame, in this order: it may be lost; corrupted;
/// doubled; and each of the two is late by `delay` and what `rate` adds, and, where that is its lot, by
/// `reorder_delay`, so that others overtake it.
struct Faults {
  Chance loss{};
  Chance corrupt{};    ///< one bit of it, anywhere, is the other way round
  Chance duplicate{};  ///< it arrives twice
  Chance reorder{};
  Duration reorder_delay = Duration::milliseconds(10);
  Duration delay{};
  Duration jitter{};       ///< at most this much more delay, for each frame; the order stays
  std::uint32_t rate = 0;  ///< bytes a second; 0: as fast as they come
};

/// A frame that is late. Memory for a `FaultInjector`.
struct LateFrame {
  driver::Packet packet;
  Instant due;
  std::uint32_t order = 0;
};

/// A bad network: a driver around a driver. What it does follows from the seed, the frames and the `now` of each call
/// alone.
///
/// Frames that are late wait in memory of the caller's; what finds that full is lost, as in a router. Late frames to
/// send leave when the stack calls anything at or after `poll_at()`. Where bits are corrupted, checksums are made and
/// checked in software: they are what must tell.
class FaultInjector final : public Around {
 public:
  struct Counters {
    std::uint32_t passed = 0;
    std::uint32_t lost = 0;
    std::uint32_t corrupted = 0;
    std::uint32_t duplicated = 0;
    std::uint32_t reordered = 0;
    std::uint32_t overflowed = 0;  ///< late frames for which there was no memory
  };
  struct Config {
    Faults receive{};
    Faults transmit{};
    std::uint64_t seed = 1;
  };

  /// All of them outlive it; no memory means that nothing is ever late.
  FaultInjector(driver::Driver& inner, const Config& config, std::span<LateFrame> receive_memory = {},
                std::span<LateFrame> transmit_memory = {}) noexcept;

  /// From the next frame on. What the device can do changes when corruption comes or goes, so that is for the start.
  void configure_receive(const Faults& faults) noexcept { receive_.faults = faults; }
  void configure_transmit(const Faults& faults) noexcept { transmit_.faults = faults; }
  const Counters& receive_counters() const noexcept { return receive_.counters; }
  const Counters& transmit_counters() const noexcept { return transmit_.counters; }

  driver::Capabilities capabilities() const noexcept override;
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override;
  Instant poll_at() const noexcept override;
  void give_back(driver::PacketPool& pool) noexcept override;

 private:
  /// One direction: the frames that are late, as a heap by time and order of arrival.
  struct Way {
    Faults faults;
    std::span<LateFrame> memory;
    std::size_t count = 0;
    std::uint32_t order = 0;
    Instant wire_free;  ///< when the rate allows the next frame to begin
    Instant last_due;   ///< of the last one that keeps the order
    Counters counters;

    bool due(Instant now) const noexcept { return count > 0 && memory[0].due <= now; }
    Instant next() const noexcept { return count > 0 ? memory[0].due : Instant::max(); }
    void put(driver::Packet&& packet, Instant at) noexcept;
    void put_back(LateFrame&& late) noexcept;
    LateFrame take() noexcept;
    void remove(const driver::PacketPool& pool) noexcept;
  };

  bool happens(Chance chance) noexcept;
  std::uint64_t draw() noexcept;
  Instant due_time(Way& way, std::size_t size, Instant now) noexcept;
  void corrupt(Way& way, driver::Packet& packet) noexcept;
  /// A copy of the frame where it is one that comes twice; else null.
  driver::Packet twin(Way& way, const driver::Packet& packet, driver::PacketPool& pool) noexcept;
  /// Gives the frame back when it is not late; else null.
  driver::Packet make_late(Way& way, driver::Packet&& packet, Instant now) noexcept;
  driver::Packet next_received(driver::PacketPool& pool, Instant now) noexcept;
  void send_late(Instant now) noexcept;
  Result<> pass_on(driver::Packet& packet, Instant now) noexcept;

  std::uint64_t state_;
  Way receive_;
  Way transmit_;
  driver::Packet twin_received_;  ///< comes next
};

}  // namespace nal::drivers
