#pragma once
#include <span>

#include "backends/embedded/tcp/seq_number.hpp"
#include "nal/assert.hpp"

namespace nal::embedded {

/// What is under way of a connection's data, in order of sequence: when each range was last sent and what is known of
/// it. The ranges follow each other without gaps from `snd_una` to `snd_nxt`; a FIN counts as a byte.
///
/// Its memory is fixed. Ranges sent at one time are one record, and where there are too many, neighbours become one;
/// what is then known less exactly is sent once more than needed, never once less.
class Scoreboard {
 public:
  struct Record {
    SeqNumber end;       ///< behind the last byte; it begins where the one before ends
    std::uint32_t sent;  ///< last sent, microseconds, low 32 bits
    std::uint8_t flags;  ///< of those below
  };
  static constexpr std::uint8_t kSacked = 1;         ///< the peer has it, out of order
  static constexpr std::uint8_t kLost = 2;           ///< given up for lost, not sent again yet
  static constexpr std::uint8_t kRetransmitted = 4;  ///< sent more than once: tells no round-trip time (Karn)
  static constexpr std::size_t kMinRecords = 4;

  struct Range {
    SeqNumber begin;
    SeqNumber end;
    bool empty() const noexcept { return begin == end; }
  };

  /// What an acknowledgement has newly told to have arrived.
  struct Delivered {
    bool any = false;
    SeqNumber newest_end;           ///< of what was sent last among it
    std::uint32_t newest_sent = 0;  ///< when
    bool newest_retransmitted = false;
    bool rtt_known = false;      ///< something among it was sent once only
    bool retransmitted = false;  ///< something else more often: the rest may have waited for that
    std::uint32_t rtt_sent = 0;  ///< when the first of that was sent
    bool reordered = false;      ///< something among it, sent once, lies before what had been told already
    std::uint32_t sacked = 0;    ///< bytes newly told out of order
  };

  Scoreboard() noexcept = default;
  /// At least `kMinRecords` (asserted), which it has for its lifetime.
  explicit Scoreboard(std::span<Record> records) noexcept;

  bool empty() const noexcept { return count_ == 0; }
  std::size_t count() const noexcept { return count_; }
  /// Bytes told out of order.
  std::uint32_t sacked() const noexcept { return sacked_; }
  /// Bytes lost and not sent again.
  std::uint32_t lost() const noexcept { return lost_; }
  void clear() noexcept { count_ = head_ = 0, sacked_ = lost_ = 0; }

  /// [previous end, `end`) was sent for the first time.
  void on_sent(SeqNumber begin, SeqNumber end, std::uint32_t now) noexcept {
    if (count_ != 0) {
      Record& last = at(count_ - 1u);
      NAL_ASSERT(last.end == begin);
      if (last.flags == 0 && last.sent == now) {
        last.end = end;
        return;
      }
      // `una` matters only where two records are left, of which there are more.
      if (count_ >= capacity_) { make_room(begin); }
    }
    ++count_;
    at(count_ - 1u) = {end, now, 0};
  }
  /// `range`, of one record, was sent again.
  void on_retransmitted(SeqNumber una, Range range, std::uint32_t now) noexcept;
  /// Everything from `una` to `ack` has arrived.
  void on_ack(SeqNumber una, SeqNumber ack, Delivered& delivered) noexcept;
  /// The same where all that has arrived belongs to the first record, which was sent once. Otherwise nothing has
  /// happened.
  bool on_usual_ack(SeqNumber ack, Delivered& delivered) noexcept {
    if (count_ == 0 || sacked_ != 0) { return false; }
    const Record& first = records_[head_];
    if (first.flags != 0 || first.end < ack) { return false; }
    delivered.any = delivered.rtt_known = true;
    delivered.newest_end = first.end;
    delivered.newest_sent = delivered.rtt_sent = first.sent;
    if (first.end == ack) { pop_front(); }
    return true;
  }
  /// `block` has arrived, part of [`una`, snd_nxt).
  void on_sack(SeqNumber una, Range block, Delivered& delivered) noexcept;

  /// The first lost range, or an empty one.
  Range next_lost(SeqNumber una) const noexcept;
  /// Gives up everything that the peer is not known to have.
  void mark_all_lost(SeqNumber una) noexcept;
  /// Gives up `bytes` at the front, unless the peer has them.
  void mark_first_lost(SeqNumber una, std::uint32_t bytes) noexcept;
  /// The last one, not more than `bytes` of it, is to be sent again (a probe).
  Range last(SeqNumber una, std::uint32_t bytes) const noexcept;
  /// RFC 2018 §8: what was told out of order may have been thrown away again.
  void forget_sacked() noexcept;
  bool first_is_sacked() const noexcept { return count_ != 0 && (at(0).flags & kSacked) != 0; }
  bool first_is_lost() const noexcept { return count_ != 0 && (at(0).flags & kLost) != 0; }
  /// A part of the first was sent again, and it tells no round-trip time.
  void touch_first() noexcept {
    if (count_ != 0) { at(0).flags |= kRetransmitted; }
  }

  /// RFC 6675 §4: gives up what has more than `bytes` told out of order behind it. Whether something was.
  bool mark_lost_below(SeqNumber una, std::uint32_t bytes) noexcept;
  /// RFC 8985 §6.2: gives up what was sent before `newest` (whose end tells among those sent at one time), `patience`
  /// microseconds ago or more. How long until the next would be due, or 0 for never. `found` is set when something was.
  std::uint32_t mark_lost_before(SeqNumber una, SeqNumber newest_end, std::uint32_t newest_sent, std::uint32_t patience,
                                 std::uint32_t now, bool& found) noexcept;

 private:
  Record& at(std::size_t i) noexcept {
    std::size_t place = head_ + i;
    if (place >= capacity_) { place -= capacity_; }
    return records_[place];
  }
  const Record& at(std::size_t i) const noexcept { return const_cast<Scoreboard*>(this)->at(i); }
  void pop_front() noexcept {
    if (++head_ == capacity_) { head_ = 0; }
    --count_;
  }
  void insert(std::size_t i, const Record& record) noexcept;
  void erase(std::size_t i) noexcept;
  bool split(std::size_t i, SeqNumber where) noexcept;
  void compact() noexcept;
  void make_room(SeqNumber una) noexcept;
  void give_up(Record& record, std::uint32_t size) noexcept {
    record.flags |= kLost;
    lost_ += size;
  }
  static void note(const Record& record, Delivered& delivered) noexcept;

  Record* records_ = nullptr;
  std::uint32_t sacked_ = 0;
  std::uint32_t lost_ = 0;
  std::uint16_t capacity_ = 0;
  std::uint16_t head_ = 0;
  std::uint16_t count_ = 0;
};

}  // namespace nal::embedded
