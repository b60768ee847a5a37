#pragma once
#include <csignal>

#include "nal/event.hpp"

namespace examples {

/// Turns Ctrl-C and SIGTERM into an event to race against, so that a program can leave cleanly:
///     auto first = co_await nal::race(serve(...), nal::wait(interrupt.event()));
/// One at a time. A second signal ends the program at once, as if nobody had asked.
class Interrupt {
 public:
  explicit Interrupt(nal::Executor& executor) noexcept;
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  nal::Event& event() noexcept { return event_; }
  /// Whether a signal has come.
  bool happened() const noexcept { return signal_ != 0; }

 private:
  static void on_signal(int signal) noexcept;

  static Interrupt* current_;
  nal::Event event_;
  volatile std::sig_atomic_t signal_ = 0;
};

}  // namespace examples
