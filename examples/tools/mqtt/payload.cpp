#include "examples/tools/mqtt/payload.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "examples/tools/mqtt/lines.hpp"

namespace nal_mqtt {

SourceFile::~SourceFile() {
  if (file_ >= 0) { ::close(file_); }
}

bool SourceFile::open(const std::string& path) {
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat about {};
  const bool opened = file_ >= 0 && ::fstat(file_, &about) == 0 && !S_ISDIR(about.st_mode);
  if (!opened) {
    std::fprintf(stderr, "error: cannot read '%s': %s\n", path.c_str(),
                 S_ISDIR(about.st_mode) ? "it is a folder" : std::strerror(errno));
    return false;
  }
  if (S_ISREG(about.st_mode)) { size_ = static_cast<std::size_t>(about.st_size); }
  return true;
}

nal::Result<std::size_t> SourceFile::read(std::size_t offset, std::span<std::byte> room) noexcept {
  for (;;) {
    const ssize_t got = ::pread(file_, room.data(), room.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) { continue; }
    if (got < 0) { return nal::Unexpected(nal::Error::io_error); }
    if (got == 0) { return nal::Unexpected(nal::Error::end_of_stream); }
    return static_cast<std::size_t>(got);
  }
}

std::string SourceFile::read_all() { return nal_mqtt::read_all(file_); }

bool PayloadSource::open(const PayloadOptions& options, std::size_t max_packet) {
  using Source = PayloadOptions::Source;
  if (options.source == Source::message) { text = options.text; }
  if (options.source == Source::all_input) { text = read_all(STDIN_FILENO); }
  if (options.source != Source::file) { return true; }
  if (!file.open(options.text)) { return false; }
  streamed = file.size() > max_packet;
  if (streamed) { return true; }
  text = file.read_all();
  return true;
}

}  // namespace nal_mqtt
