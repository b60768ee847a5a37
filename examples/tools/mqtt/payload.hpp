#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "examples/tools/mqtt/options.hpp"
#include "nal/result.hpp"

namespace nal_mqtt {

/// A file whose size is known, or that is read to its end: a `mqtt::PayloadSource`.
class SourceFile {
 public:
  SourceFile() = default;
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;
  ~SourceFile();

  /// False: it cannot be read, which was told. `size()` is 0 for what has none, as a pipe.
  bool open(const std::string& path);
  std::size_t size() const { return size_; }
  /// end_of_stream: it has become shorter.
  nal::Result<std::size_t> read(std::size_t offset, std::span<std::byte> room) noexcept;
  std::string read_all();

 private:
  int file_ = -1;
  std::size_t size_ = 0;
};

/// What is to be published as one message: in memory, or if it is larger than `max_packet`, in a file that is sent
/// piece by piece.
struct PayloadSource {
  std::string text;
  SourceFile file;
  bool streamed = false;

  std::size_t size() const { return streamed ? file.size() : text.size(); }
  /// False: it cannot be read, which was told.
  bool open(const PayloadOptions& options, std::size_t max_packet);
};

}  // namespace nal_mqtt
