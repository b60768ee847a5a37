#pragma once
#include <chrono>
#include <cstddef>
#include <string>

namespace nal_mqtt {

/// Shows on a terminal how far a long transfer is: on standard error, from half a second on, a few times a second. Its
/// end wipes the line out.
class Progress {
 public:
  Progress(std::string what, std::size_t total, bool wanted);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// So much is done, which may be less than before.
  void at(std::size_t bytes);
  void add(std::size_t bytes) { at(done_ + bytes); }

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  std::size_t total_;
  std::size_t done_ = 0;
  bool wanted_;
  bool shown_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_ + std::chrono::milliseconds(500);
};

}  // namespace nal_mqtt
