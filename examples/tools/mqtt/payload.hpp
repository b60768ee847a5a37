#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "examples/tools/mqtt/options.hpp"

namespace nal_mqtt {

/// A file that is read from its front, again and again.
class SourceFile {
 public:
  SourceFile() = default;
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;
  ~SourceFile();

  /// False: it cannot be read, which was told. `size()` is 0 for what has none, as a pipe.
  bool open(const std::string& path);
  std::size_t size() const { return size_; }
  bool rewind();
  /// As much as there is, up to the room; 0 at the end or where it cannot be read on.
  std::size_t read(std::span<std::byte> room);

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
