#pragma once
#include <array>
#include <cstdint>

#include "backends/drivers/pcap_writer.hpp"

namespace nal::drivers {

/// A file of the host to write a capture to. Writes block, in large pieces; what the buffer holds is written when it is
/// full, by `flush`, and at the end.
class FileSink final : public ByteSink {
 public:
  /// Makes the file, or empties it.
  explicit FileSink(const char* path) noexcept;
  ~FileSink();
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  /// What went wrong when the file was made, or first after that.
  Result<> status() const noexcept { return status_; }
  Result<> write(std::span<const std::byte> bytes) noexcept override;
  Result<> flush() noexcept;

  /// For `PcapFile::Config::epoch`: microseconds from 1970 to the zero of the clock that says `now` now.
  static std::int64_t epoch_of(Instant now) noexcept;

 private:
  int fd_;
  std::size_t size_ = 0;
  Result<> status_;
  std::array<std::byte, 16384> buffer_;
};

}  // namespace nal::drivers
