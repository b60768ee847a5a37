#pragma once
#include <vector>

#include "backends/drivers/pcap_writer.hpp"

namespace nal::test {

/// A capture in memory; with `limit` a disk that is full after so many bytes.
class MemorySink final : public drivers::ByteSink {
 public:
  explicit MemorySink(std::size_t limit = SIZE_MAX) : limit_(limit) {}
  Result<> write(std::span<const std::byte> more) noexcept override {
    if (bytes_.size() + more.size() > limit_) { return Unexpected(Error::io_error); }
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return {};
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::size_t limit_;
  std::vector<std::byte> bytes_;
};

}  // namespace nal::test
