#include "examples/tools/mqtt/lines.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace nal_mqtt {

namespace {

/// Lines that may wait for the network; beyond them the thread naps.
constexpr std::size_t kAhead = 1024;

}  // namespace

Lines::Lines(nal::Executor& executor) : event_(executor) {
  if (::pipe2(stop_, O_CLOEXEC) != 0) {
    ended_ = true;
    return;
  }
  thread_ = std::thread([this] { read_all(); });
}

Lines::~Lines() {
  if (!thread_.joinable()) { return; }
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
}

bool Lines::wait_for_input() const {
  std::array<pollfd, 2> files{{{STDIN_FILENO, POLLIN, 0}, {stop_[0], 0, 0}}};
  while (::poll(files.data(), files.size(), -1) < 0 && errno == EINTR) {}
  return files[1].revents == 0;
}

void Lines::read_all() {
  std::string partial;
  std::array<char, 65536> buffer;
  while (wait_for_input()) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) { continue; }
    if (got <= 0) { break; }
    partial.append(buffer.data(), static_cast<std::size_t>(got));
    split(partial);
  }
  if (!partial.empty()) { put(std::move(partial)); }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  event_.raise();
}

void Lines::split(std::string& partial) {
  std::size_t first = 0;
  for (std::size_t end; (end = partial.find('\n', first)) != std::string::npos; first = end + 1) {
    const bool carriage_return = end > first && partial[end - 1] == '\r';
    put(partial.substr(first, end - first - (carriage_return ? 1 : 0)));
  }
  partial.erase(0, first);
}

void Lines::put(std::string line) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (lines_.size() < kAhead) {
        lines_.push_back(std::move(line));
        break;
      }
    }
    // Full: the network is slower than the input. Asked to stop, it must not wait.
    pollfd stop{stop_[0], 0, 0};
    if (::poll(&stop, 1, 5) > 0) { return; }
  }
  event_.raise();
}

nal::Poll<nal::Result<std::string>> Lines::Next::poll(nal::Context& context) {
  for (;;) {
    {
      const std::lock_guard lock(lines_->mutex_);
      if (!lines_->lines_.empty()) {
        nal::Result<std::string> line(std::move(lines_->lines_.front()));
        lines_->lines_.pop_front();
        return line;
      }
      if (lines_->ended_) { return nal::Unexpected(nal::Error::end_of_stream); }
    }
    // What was raised before this is seen above in the next turn.
    if (!lines_->event_.poll_raised(context, waiter_).ready()) { return nal::pending; }
  }
}

std::string read_all(int file) {
  std::string all;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) { continue; }
    if (got <= 0) { return all; }
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace nal_mqtt
