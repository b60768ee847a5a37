#pragma once
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "nal/event.hpp"
#include "nal/future.hpp"

namespace nal_mqtt {

/// The lines of standard input for a task: a thread of its own waits for them, since no stack of nal waits for files.
class Lines {
 public:
  explicit Lines(nal::Executor& executor);
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  /// Does not wait for input that nobody will give.
  ~Lines();

  /// See `next`.
  class [[nodiscard("await it")]] Next {
   public:
    explicit Next(Lines& lines) noexcept : lines_(&lines) {}
    nal::Poll<nal::Result<std::string>> poll(nal::Context& context);

   private:
    Lines* lines_;
    nal::Waiter waiter_;
  };
  /// *Completes* with the next line, without its end. *Errors*: end_of_stream. *Cancellation*: takes nothing.
  Next next() noexcept { return Next(*this); }

 private:
  void read_all();
  bool wait_for_input() const;
  void split(std::string& partial);
  void put(std::string line);

  nal::Event event_;
  std::mutex mutex_;
  std::deque<std::string> lines_;
  bool ended_ = false;
  int stop_[2] = {-1, -1};  ///< a pipe whose end tells the thread to stop
  std::thread thread_;
};

/// All that a descriptor gives. Blocks until its end.
std::string read_all(int file);

}  // namespace nal_mqtt
