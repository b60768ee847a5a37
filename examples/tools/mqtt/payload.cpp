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

bool SourceFile::rewind() { return ::lseek(file_, 0, SEEK_SET) == 0; }

std::size_t SourceFile::read(std::span<std::byte> room) {
  for (;;) {
    const ssize_t got = ::read(file_, room.data(), room.size());
    if (got < 0 && errno == EINTR) { continue; }
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }
}

bool PayloadSource::open(const PayloadOptions& options, std::size_t max_packet) {
  using Source = PayloadOptions::Source;
  if (options.source == Source::message) { text = options.text; }
  if (options.source == Source::all_input) { text = read_all_input(); }
  if (options.source != Source::file) { return true; }
  if (!file.open(options.text)) { return false; }
  streamed = file.size() > max_packet;
  if (streamed) { return true; }
  std::byte piece[65536];
  while (const std::size_t got = file.read(piece)) { text.append(reinterpret_cast<const char*>(piece), got); }
  return true;
}

}  // namespace nal_mqtt
