#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace mqtt {

/// One message in flight, or one subscription. The caller declares how many; what is in them is the library's.
struct Record {
  enum class State : std::uint8_t {
    queued,     ///< to be sent as soon as there is a connection
    sending,    ///< partly sent
    sent,       ///< waits for its acknowledgement
    streaming,  ///< a message whose payload comes from whoever publishes it
    done,       ///< a message that the server has answered; whoever waits for the answer takes it
    active,     ///< a subscription that the server has granted
    refused,    ///< a subscription that the server has not granted
    leaving,    ///< a subscription to be cancelled as soon as there is a connection
    left,       ///< a subscription whose UNSUBSCRIBE was sent
    kept,       ///< a subscription that the server would not cancel
  };
  std::uint32_t serial = 0;     ///< never used twice, unlike packet identifiers
  std::uint32_t offset = 0;     ///< of its bytes in the store
  std::uint32_t size = 0;       ///< of its bytes
  std::uint16_t packet_id = 0;  ///< 0: none now
  State state = State::queued;
  std::uint8_t qos = 0;     ///< of a subscription: asked for, with its options
  std::uint8_t answer = 0;  ///< what the server said
  bool awaited = false;     ///< of a message: somebody wants to know the answer
};

/// Records in the order they were added, each with some bytes, in memory of the caller's. Removing one leaves a hole
/// that is closed when its room is needed.
class RecordStore {
 public:
  RecordStore(std::span<Record> records, std::span<std::byte> bytes) noexcept : records_(records), bytes_(bytes) {}
  RecordStore(const RecordStore&) = delete;
  RecordStore& operator=(const RecordStore&) = delete;

  /// Whether `size` bytes fit when the store is empty.
  bool could_hold(std::size_t size) const noexcept { return !records_.empty() && size <= bytes_.size(); }
  /// A new record with room for `size` bytes at the end; null when there is no room now. Moves bytes: spans given by
  /// `bytes` before are void.
  Record* add(std::size_t size) noexcept;
  /// Void: every pointer to a record and span of bytes.
  void remove(Record& record) noexcept;
  void clear() noexcept { count_ = 0; }

  std::span<Record> all() noexcept { return records_.first(count_); }
  std::size_t count() const noexcept { return count_; }
  std::size_t capacity() const noexcept { return records_.size(); }
  std::span<std::byte> bytes(const Record& record) noexcept { return {bytes_.data() + record.offset, record.size}; }
  Record* with_serial(std::uint32_t serial) noexcept;
  /// The one with this packet identifier, which is not 0.
  Record* with_packet_id(std::uint16_t packet_id) noexcept;
  /// The oldest in this state.
  Record* in_state(Record::State state) noexcept;

 private:
  std::size_t end() const noexcept {
    return count_ == 0 ? 0 : std::size_t{records_[count_ - 1].offset} + records_[count_ - 1].size;
  }
  void close_holes() noexcept;

  std::span<Record> records_;
  std::span<std::byte> bytes_;
  std::size_t count_ = 0;
  std::uint32_t serial_ = 0;
};

}  // namespace mqtt
