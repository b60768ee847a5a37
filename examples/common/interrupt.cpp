#include "examples/common/interrupt.hpp"

#include <cerrno>

namespace examples {

namespace {
constexpr int kSignals[] = {SIGINT, SIGTERM};
}

Interrupt* Interrupt::current_ = nullptr;

Interrupt::Interrupt(nal::Executor& executor) noexcept : event_(executor) {
  current_ = this;
  struct sigaction action {};
  action.sa_handler = &Interrupt::on_signal;
  // The second one meets the system's own handler.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : kSignals) { ::sigaction(signal, &action, nullptr); }
}

Interrupt::~Interrupt() {
  for (const int signal : kSignals) { std::signal(signal, SIG_DFL); }
  current_ = nullptr;
}

void Interrupt::on_signal(int signal) noexcept {
  const int error = errno;
  current_->signal_ = signal;
  current_->event_.raise();  // atomics and a write: safe in a signal handler
  errno = error;
}

}  // namespace examples
