#pragma once
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "examples/tools/coap/options.hpp"
#include "nal/result.hpp"

namespace nal_coap {

/// A file that closes itself.
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// How far a long transfer has come, on standard error if that is a terminal: shown after half a second, then ten times
/// a second.
class Progress {
 public:
  explicit Progress(bool wanted);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Leaves the line clear.
  ~Progress() { clear(); }

  /// `what` is "sent" or "received".
  void at(const char* what, std::uint64_t bytes, std::optional<std::uint64_t> total) noexcept;
  void clear() noexcept;
  /// How often `at` was called: whether anything moves.
  std::uint64_t moves() const noexcept { return moves_; }

 private:
  using Clock = std::chrono::steady_clock;
  bool wanted_;
  std::uint64_t moves_ = 0;
  bool shown_ = false;
  Clock::time_point start_;
  Clock::time_point next_;
};

/// What a request sends: a text, a file, all of standard input. A `coap::BodySource`.
class InputBody {
 public:
  explicit InputBody(Progress& progress) : progress_(&progress) {}

  /// False: it cannot be read, which was told.
  bool open(const RequestOptions& options);

  nal::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) noexcept;
  std::optional<std::uint64_t> size() const noexcept { return size_; }

 private:
  Progress* progress_;
  std::string text_;
  File file_;
  std::uint64_t position_ = 0;
  std::uint64_t size_ = 0;
};

/// Where an answer's body goes: a file, which is made when the first byte is there, or standard output. A
/// `coap::BodySink`.
class OutputBody {
 public:
  OutputBody(const RequestOptions& options, Progress& progress) : options_(&options), progress_(&progress) {}

  /// What the body's size will be, where the server tells it.
  void expect(std::optional<std::uint64_t> size) { expected_ = size; }
  nal::Result<> write(std::uint64_t offset, std::span<const std::byte> data) noexcept;
  std::uint64_t written() const { return written_; }
  /// All of a body has come. False: it cannot be written, which was told.
  bool end();

 private:
  bool open() noexcept;
  nal::Result<> fail(const char* what) noexcept;

  const RequestOptions* options_;
  Progress* progress_;
  File file_;
  std::FILE* out_ = nullptr;
  std::uint64_t written_ = 0;
  std::optional<std::uint64_t> expected_;
};

}  // namespace nal_coap
