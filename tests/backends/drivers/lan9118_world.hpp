#pragma once
#include "backends/drivers/lan9118/lan9118.hpp"
#include "tests/backends/drivers/lan9118_model.hpp"
#include "tests/backends/drivers/memory_world.hpp"

namespace nal::test {

/// The driver on the model of its chip.
template <bool kNotesOnce>
struct Lan9118World : MemoryWorld {
  static constexpr bool kMoves = false;
  static constexpr bool kBlocks = true;
  Lan9118World() {
    REQUIRE(chip.start());
    model.on_interrupt = [this] { chip.interrupt(); };
  }
  ~Lan9118World() { CHECK(model.mistakes() == 0); }
  driver::Driver& driver() { return chip; }
  bool deliver(const Frame& frame) { return model.deliver(frame); }
  std::optional<Frame> collect() {
    if (!model.has_sent()) { return std::nullopt; }
    return model.take();
  }
  bool set_link(bool up) {
    model.set_link(up);
    return true;
  }

  Pool<> pool;
  Lan9118Model model{kNotesOnce};
  drivers::Lan9118<Lan9118ModelBus> chip{executor_, Lan9118ModelBus{&model}, {.address = {2, 0, 0, 0, 0, 1}}};
};

}  // namespace nal::test
