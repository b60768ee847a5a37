#include "examples/tools/mqtt/file_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "backends/posix/error.hpp"

namespace mqtt {

using nal::Error;
using nal::Result;
using nal::Unexpected;

enum class FileStore::Action : std::uint8_t { put = 1, remove = 2, clear = 3 };

namespace {

/// The file begins with this; the last byte is the format's version.
constexpr std::array<char, 8> kMagic{'n', 'a', 'l', 'm', 'q', 't', 't', 1};
/// Size of the bytes, action, kind of key, packet identifier; numbers with the least significant byte first.
constexpr std::size_t kHeadSize = 8;
constexpr std::size_t kChecksumSize = 4;
/// Less is not worth a new file.
constexpr std::uint64_t kCompactFrom = 64 * 1024;
constexpr std::size_t kMaxPieces = 14;

using Head = std::array<std::byte, kHeadSize>;

constexpr std::array<std::uint32_t, 256> make_checksum_table() noexcept {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) { value = value >> 1 ^ ((value & 1) != 0 ? 0xEDB88320U : 0U); }
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kChecksumTable = make_checksum_table();

/// CRC-32 as IEEE 802.3 has it, of several pieces one behind the other.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes) noexcept {
    for (const std::byte byte : bytes) {
      value_ = value_ >> 8 ^ kChecksumTable[(value_ ^ std::to_integer<unsigned>(byte)) & 0xFF];
    }
  }
  std::array<std::byte, kChecksumSize> bytes() const noexcept {
    std::array<std::byte, kChecksumSize> out{};
    for (std::size_t i = 0; i < out.size(); ++i) { out[i] = static_cast<std::byte>(~value_ >> 8 * i); }
    return out;
  }

 private:
  std::uint32_t value_ = 0xFFFFFFFF;
};

Unexpected system_error() noexcept {
  switch (errno) {
    case ENOENT: return Unexpected(Error::name_not_found);
    case EFBIG:
    case EDQUOT: return Unexpected(Error::table_full);
    default: return Unexpected(nal::posix::error_from_errno(errno));
  }
}

/// All of the pieces, at an offset.
Result<> write_all(int file, std::span<iovec> pieces, std::uint64_t offset) noexcept {
  while (!pieces.empty()) {
    const ssize_t written = ::pwritev(file, pieces.data(), static_cast<int>(pieces.size()), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) { continue; }
    if (written < 0) { return system_error(); }
    offset += static_cast<std::uint64_t>(written);
    auto left = static_cast<std::size_t>(written);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (!pieces.empty()) {
      pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + left;
      pieces.front().iov_len -= left;
    }
  }
  return {};
}

iovec piece_of(std::span<const std::byte> bytes) noexcept {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

/// A file's content, to be read.
class Mapping {
 public:
  Mapping(int file, std::size_t size) noexcept : size_(size) {
    if (size != 0) { memory_ = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0); }
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (memory_ != MAP_FAILED) { ::munmap(memory_, size_); }
  }
  bool failed() const noexcept { return size_ != 0 && memory_ == MAP_FAILED; }
  std::span<const std::byte> bytes() const noexcept {
    return memory_ == MAP_FAILED ? std::span<const std::byte>()
                                 : std::span(static_cast<const std::byte*>(memory_), size_);
  }

 private:
  void* memory_ = MAP_FAILED;
  std::size_t size_;
};

/// A file's name lasts once its folder is on the disk.
Result<> sync_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) { return system_error(); }
  const int status = ::fsync(opened);
  const Result<> result = status == 0 ? Result<>() : Result<>(system_error());
  ::close(opened);
  return result;
}

}  // namespace

Result<> FileStore::open(const std::string& path, Sync sync) {
  close();
  path_ = path;
  sync_ = sync == Sync::yes;
  auto opened = lock();
  if (opened) { opened = scan(); }
  if (opened && end_ > kMagic.size() + live_size()) { opened = compact(); }
  if (!opened) { close(); }
  return opened;
}

void FileStore::close() noexcept {
  if (file_ >= 0) { ::close(std::exchange(file_, -1)); }
  count_ = 0;
  end_ = 0;
  broken_ = false;
}

Result<> FileStore::lock() noexcept {
  for (;;) {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file_ < 0) { return system_error(); }
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) { return Unexpected(Error::address_in_use); }
      return system_error();
    }
    // Whoever had it open may have put another in its place meanwhile.
    struct stat ours {};
    struct stat there {};
    if (::fstat(file_, &ours) != 0) { return system_error(); }
    if (::stat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) { return {}; }
    ::close(std::exchange(file_, -1));
  }
}

Result<> FileStore::scan() noexcept {
  struct stat about {};
  if (::fstat(file_, &about) != 0) { return system_error(); }
  const Mapping mapping(file_, static_cast<std::size_t>(about.st_size));
  if (mapping.failed()) { return system_error(); }
  const auto all = mapping.bytes();
  const auto magic = std::as_bytes(std::span(kMagic));
  const std::size_t shown = std::min(all.size(), magic.size());
  if (!std::equal(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), magic.begin())) {
    return Unexpected(Error::invalid_argument);
  }
  if (shown < magic.size()) {  // new, or made by a run that ended at once
    iovec piece = piece_of(magic);
    NAL_TRY(write_all(file_, {&piece, 1}, 0));
    if (sync_ && (::fdatasync(file_) != 0)) { return system_error(); }
    if (sync_) { NAL_TRY(sync_folder(path_)); }
    end_ = magic.size();
    return {};
  }
  end_ = magic.size();
  while (all.size() - end_ >= kHeadSize + kChecksumSize) {
    const auto entry = all.subspan(end_);
    const auto at = [&entry](std::size_t i) { return std::to_integer<std::uint32_t>(entry[i]); };
    const std::uint32_t size = at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
    if (size > entry.size() - kHeadSize - kChecksumSize) { break; }
    Checksum checksum;
    checksum.add(entry.first(kHeadSize + size));
    const auto right = checksum.bytes();
    if (!std::equal(right.begin(), right.end(), entry.begin() + static_cast<std::ptrdiff_t>(kHeadSize + size))) {
      break;
    }
    const StoreKey key{static_cast<StoreKey::Kind>(at(5)), static_cast<std::uint16_t>(at(6) | at(7) << 8)};
    NAL_TRY(apply(static_cast<Action>(at(4)), key, end_ + kHeadSize, size));
    end_ += kHeadSize + size + kChecksumSize;
  }
  // What stands behind was not whole when it was cut off.
  if (end_ != all.size() && ::ftruncate(file_, static_cast<off_t>(end_)) != 0) { return system_error(); }
  return {};
}

Result<> FileStore::apply(Action action, StoreKey key, std::uint64_t offset, std::uint32_t size) noexcept {
  switch (action) {
    case Action::put: {
      Entry* entry = find(key);
      if (!entry) {
        if (count_ == table_.size()) { return Unexpected(Error::table_full); }
        entry = &table_[count_++];
      }
      *entry = {key, offset, size};
      return {};
    }
    case Action::remove:
      if (Entry* entry = find(key)) { forget(entry); }
      return {};
    case Action::clear: {
      const auto kept = std::remove_if(table_.begin(), table_.begin() + static_cast<std::ptrdiff_t>(count_),
                                       [](const Entry& entry) { return entry.key.kind == StoreKey::Kind::received; });
      count_ = static_cast<std::size_t>(kept - table_.begin());
      return {};
    }
  }
  return Unexpected(Error::invalid_argument);  // of a later version of this program
}

void FileStore::forget(Entry* entry) noexcept {
  std::copy(entry + 1, table_.data() + count_, entry);
  --count_;
}

FileStore::Entry* FileStore::find(StoreKey key) noexcept {
  for (Entry& entry : table_.first(count_)) {
    if (entry.key == key) { return &entry; }
  }
  return nullptr;
}

std::uint64_t FileStore::live_size() const noexcept {
  std::uint64_t size = 0;
  for (const Entry& entry : table_.first(count_)) { size += kHeadSize + entry.size + kChecksumSize; }
  return size;
}

Result<> FileStore::append(Action action, StoreKey key, nal::ConstBuffers pieces, bool sync) noexcept {
  if (broken_ || file_ < 0) { return Unexpected(Error::io_error); }
  if (pieces.size() > kMaxPieces) { return Unexpected(Error::invalid_argument); }
  std::size_t size = 0;
  for (const auto& piece : pieces) { size += piece.size(); }
  if (size > 0xFFFF'FFFF) { return Unexpected(Error::message_size); }
  Head head{};
  for (std::size_t i = 0; i < 4; ++i) { head[i] = static_cast<std::byte>(size >> 8 * i); }
  head[4] = static_cast<std::byte>(action);
  head[5] = static_cast<std::byte>(key.kind);
  head[6] = static_cast<std::byte>(key.packet_id);
  head[7] = static_cast<std::byte>(key.packet_id >> 8);
  Checksum checksum;
  checksum.add(head);
  std::array<iovec, kMaxPieces + 2> all{};
  std::size_t count = 0;
  all[count++] = piece_of(head);
  for (const auto& piece : pieces) {
    checksum.add(piece);
    all[count++] = piece_of(piece);
  }
  const auto sum = checksum.bytes();
  all[count++] = piece_of(sum);
  if (const auto written = write_all(file_, std::span(all).first(count), end_); !written) {
    // The next entry is to stand where this one broke off.
    broken_ = ::ftruncate(file_, static_cast<off_t>(end_)) != 0;
    return written;
  }
  // What the disk has after it has failed once nobody can tell.
  if (sync && sync_ && ::fdatasync(file_) != 0) {
    broken_ = true;
    return system_error();
  }
  NAL_TRY(apply(action, key, end_ + kHeadSize, static_cast<std::uint32_t>(size)));
  end_ += kHeadSize + size + kChecksumSize;
  return {};
}

Result<> FileStore::put(StoreKey key, nal::ConstBuffers pieces) noexcept {
  if (!find(key) && count_ == table_.size()) { return Unexpected(Error::table_full); }
  NAL_TRY(append(Action::put, key, pieces, true));
  // It stands in the file, whether or not a shorter one can be made.
  if (end_ > kCompactFrom && end_ / 2 > kMagic.size() + live_size()) { static_cast<void>(compact()); }
  return {};
}

void FileStore::remove(StoreKey key) noexcept {
  if (!find(key)) { return; }
  // A message sent may be sent once more; one received under an identifier that is used anew must not be taken for the
  // old one.
  const bool must_last = key.kind == StoreKey::Kind::received;
  if (!append(Action::remove, key, {}, must_last)) { broken_ = true; }
}

void FileStore::clear() noexcept {
  const auto all = table_.first(count_);
  const auto received = [](const Entry& entry) { return entry.key.kind == StoreKey::Kind::received; };
  if (std::none_of(all.begin(), all.end(), received)) { return; }
  if (!append(Action::clear, {}, {}, true)) { broken_ = true; }
}

Result<> FileStore::load(const StoreVisitor& visitor) noexcept {
  if (file_ < 0) { return Unexpected(Error::io_error); }
  const Mapping mapping(file_, end_);
  if (mapping.failed()) { return system_error(); }
  for (const Entry& entry : table_.first(count_)) {
    NAL_TRY(visitor.take(visitor.context, entry.key, mapping.bytes().subspan(entry.offset, entry.size)));
  }
  return {};
}

Result<> FileStore::compact() noexcept {
  const Mapping mapping(file_, end_);
  if (mapping.failed()) { return system_error(); }
  const std::string fresh = path_ + ".new";
  const int file = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) { return system_error(); }
  const auto give_up = [&](Error error) {
    ::close(file);
    ::unlink(fresh.c_str());
    return Unexpected(error);
  };
  // Before it has the name that others may open.
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) { return give_up(Error::address_in_use); }
  iovec magic = piece_of(std::as_bytes(std::span(kMagic)));
  if (const auto written = write_all(file, {&magic, 1}, 0); !written) { return give_up(written.error()); }
  std::uint64_t end = kMagic.size();
  for (const Entry& entry : table_.first(count_)) {
    const std::size_t size = kHeadSize + entry.size + kChecksumSize;
    iovec whole = piece_of(mapping.bytes().subspan(entry.offset - kHeadSize, size));
    if (const auto written = write_all(file, {&whole, 1}, end); !written) { return give_up(written.error()); }
    end += size;
  }
  if (sync_ && ::fsync(file) != 0) { return give_up(Error::io_error); }
  if (::rename(fresh.c_str(), path_.c_str()) != 0) { return give_up(system_error().error()); }
  ::close(std::exchange(file_, file));
  end = kMagic.size();
  for (Entry& entry : table_.first(count_)) {
    entry.offset = end + kHeadSize;
    end += kHeadSize + entry.size + kChecksumSize;
  }
  end_ = end;
  // Until the folder is on the disk a crash may bring the old file back: whole, but without what comes next.
  if (sync_ && !sync_folder(path_)) { broken_ = true; }
  return {};
}

}  // namespace mqtt
