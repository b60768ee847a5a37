#include "backends/drivers/file_sink.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace nal::drivers {

namespace {

Error error_of(int number) noexcept {
  switch (number) {
    case EACCES:
    case EPERM:
    case EROFS: return Error::permission_denied;
    case EMFILE:
    case ENFILE: return Error::table_full;
    case ENOMEM: return Error::no_memory;
    default: return Error::io_error;
  }
}

}  // namespace

FileSink::FileSink(const char* path) noexcept : fd_(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (fd_ < 0) { status_ = Unexpected(error_of(errno)); }
}

FileSink::~FileSink() {
  static_cast<void>(flush());
  if (fd_ >= 0) { ::close(fd_); }
}

Result<> FileSink::write(std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), buffer_.size() - size_);
    std::copy_n(bytes.begin(), size, buffer_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += size;
    bytes = bytes.subspan(size);
    if (size_ == buffer_.size()) { NAL_TRY(flush()); }
  }
  return status_;
}

Result<> FileSink::flush() noexcept {
  std::size_t written = 0;
  while (status_ && written < size_) {
    const ssize_t size = ::write(fd_, buffer_.data() + written, size_ - written);
    if (size >= 0) {
      written += static_cast<std::size_t>(size);
    } else if (errno != EINTR) {
      status_ = Unexpected(error_of(errno));
    }
  }
  size_ = 0;
  return status_;
}

std::int64_t FileSink::epoch_of(Instant now) noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000 - now.microseconds();
}

}  // namespace nal::drivers
