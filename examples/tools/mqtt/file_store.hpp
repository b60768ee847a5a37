#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "examples/mqtt/persistence.hpp"
#include "nal/result.hpp"

namespace mqtt {

/// Keeps what is in flight in a file of a POSIX system, where it survives a crash of the program, and of the system: a
/// log that is only ever appended to, each entry behind its size and before its checksum, so that what was cut off by a
/// crash is told from what is whole. When most of it is obsolete the rest is written to a new file that takes the old
/// one's place at once. A `mqtt::Store`, for one client and one thread. Which entry stands where is kept in the
/// caller's memory; entries themselves in the file alone.
class FileStore {
 public:
  /// Whether `put`, and whatever must not be forgotten, waits for the disk. Without, it survives a crash of the program
  /// but not that of the system.
  enum class Sync : bool { no, yes };

  /// Where an entry stands.
  struct Entry {
    StoreKey key{};
    std::uint64_t offset = 0;  ///< of its bytes
    std::uint32_t size = 0;
  };

  explicit FileStore(std::span<Entry> table) noexcept : table_(table) {}
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;
  ~FileStore() { close(); }

  /// Opens the file, or makes it, for its user alone; what a crash left half written is dropped. *Errors*:
  /// invalid_argument: it holds something else, and is left as it is; address_in_use: another store has it open;
  /// table_full: it has more entries than the table; those of the system.
  nal::Result<> open(const std::string& path, Sync sync = Sync::yes);
  void close() noexcept;
  std::size_t count() const noexcept { return count_; }
  /// Of the file, obsolete entries with it.
  std::uint64_t file_size() const noexcept { return end_; }

  // See `mqtt::Store`. After an error of the disk's that leaves the file's state unknown every `put` fails.
  nal::Result<> put(StoreKey key, nal::ConstBuffers pieces) noexcept;
  void remove(StoreKey key) noexcept;
  void clear() noexcept;
  nal::Result<> load(const StoreVisitor& visitor) noexcept;

 private:
  enum class Action : std::uint8_t;

  nal::Result<> lock() noexcept;
  nal::Result<> scan() noexcept;
  nal::Result<> append(Action action, StoreKey key, nal::ConstBuffers pieces, bool sync) noexcept;
  nal::Result<> compact() noexcept;
  nal::Result<> apply(Action action, StoreKey key, std::uint64_t offset, std::uint32_t size) noexcept;
  void forget(Entry* entry) noexcept;
  Entry* find(StoreKey key) noexcept;
  std::uint64_t live_size() const noexcept;

  std::span<Entry> table_;
  std::size_t count_ = 0;
  std::string path_;
  int file_ = -1;
  std::uint64_t end_ = 0;  ///< of what is whole
  bool sync_ = true;
  bool broken_ = false;
};

}  // namespace mqtt
