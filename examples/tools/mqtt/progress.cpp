#include "examples/tools/mqtt/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace nal_mqtt {

Progress::Progress(std::string what, std::size_t total, bool wanted)
    : what_(std::move(what)), total_(total), wanted_(wanted && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) { std::fputs("\r\033[K", stderr); }
}

void Progress::at(std::size_t bytes) {
  done_ = bytes;
  if (!wanted_) { return; }
  const auto now = Clock::now();
  if (now < next_) { return; }
  next_ = now + std::chrono::milliseconds(200);
  shown_ = true;
  constexpr double kMega = 1e6;
  const double taken = std::chrono::duration<double>(now - begin_).count();
  const auto done = static_cast<double>(done_);
  std::fprintf(stderr, "\r\033[K%s %.1f of %.1f MB, %.0f %%, %.1f MB/s", what_.c_str(), done / kMega,
               static_cast<double>(total_) / kMega, total_ == 0 ? 100.0 : 100 * done / static_cast<double>(total_),
               done / kMega / taken);
}

}  // namespace nal_mqtt
