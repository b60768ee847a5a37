#include "backends/embedded/tcp/scoreboard.hpp"

#include <algorithm>

#include "nal/assert.hpp"

namespace nal::embedded {

Scoreboard::Scoreboard(std::span<Record> records) noexcept
    : records_(records.data()), capacity_(static_cast<std::uint16_t>(records.size())) {
  NAL_ASSERT(records.size() >= kMinRecords && records.size() < 0x8000);
}

void Scoreboard::insert(std::size_t i, const Record& record) noexcept {
  ++count_;
  for (std::size_t j = count_ - 1u; j > i; --j) { at(j) = at(j - 1); }
  at(i) = record;
}

void Scoreboard::erase(std::size_t i) noexcept {
  for (; i + 1 < count_; ++i) { at(i) = at(i + 1); }
  --count_;
}

/// The i-th becomes two, the first ending at `where`. False without room.
bool Scoreboard::split(std::size_t i, SeqNumber where) noexcept {
  if (count_ == capacity_) { return false; }
  insert(i, at(i));
  at(i).end = where;
  return true;
}

/// Neighbours that differ in nothing but when they were sent become one, as if both had been sent with the later.
void Scoreboard::compact() noexcept {
  for (std::size_t i = 0; i + 1 < count_;) {
    if (at(i).flags != at(i + 1).flags) {
      ++i;
      continue;
    }
    if (earlier(at(i + 1).sent, at(i).sent)) { at(i + 1).sent = at(i).sent; }
    erase(i);
  }
}

void Scoreboard::make_room(SeqNumber una) noexcept {
  if (count_ < capacity_) { return; }
  compact();
  if (count_ < capacity_) { return; }
  // Still: the last two become one of which nothing is known but that it may have to be sent again.
  const std::size_t last = count_ - 1u;
  const SeqNumber middle = at(last - 1).end;
  const SeqNumber begin = last >= 2 ? at(last - 2).end : una;
  for (std::size_t i = last - 1; i <= last; ++i) {
    const std::uint32_t size = i == last ? at(last).end - middle : middle - begin;
    if ((at(i).flags & kSacked) != 0) { sacked_ -= size; }
    if ((at(i).flags & kLost) != 0) { lost_ -= size; }
  }
  at(last).flags = kRetransmitted;
  if (earlier(at(last).sent, at(last - 1).sent)) { at(last).sent = at(last - 1).sent; }
  erase(last - 1);
}

void Scoreboard::on_retransmitted(SeqNumber una, Range range, std::uint32_t now) noexcept {
  if (count_ + 2u > capacity_) { compact(); }
  SeqNumber begin = una;
  for (std::size_t i = 0; i < count_; ++i) {
    if (range.begin < at(i).end) {
      // Without room for the pieces the whole counts as sent again: what was not is found lost a little later.
      if (begin < range.begin && split(i, range.begin)) { begin = at(i++).end; }
      if (range.end < at(i).end) { split(i, range.end); }
      Record& record = at(i);
      if ((record.flags & kLost) != 0) { lost_ -= record.end - begin; }
      record.flags = static_cast<std::uint8_t>((record.flags & ~kLost) | kRetransmitted);
      record.sent = now;
      return;
    }
    begin = at(i).end;
  }
}

void Scoreboard::note(const Record& record, Delivered& delivered) noexcept {
  const bool retransmitted = (record.flags & kRetransmitted) != 0;
  if (!delivered.any || earlier(delivered.newest_sent, record.sent) ||
      (delivered.newest_sent == record.sent && delivered.newest_end < record.end)) {
    delivered.newest_sent = record.sent;
    delivered.newest_end = record.end;
    delivered.newest_retransmitted = retransmitted;
  }
  delivered.any = true;
  delivered.retransmitted = delivered.retransmitted || retransmitted;
  if (!retransmitted && !delivered.rtt_known) {
    delivered.rtt_known = true;
    delivered.rtt_sent = record.sent;
  }
}

void Scoreboard::on_ack(SeqNumber una, SeqNumber ack, Delivered& delivered) noexcept {
  SeqNumber begin = una;
  while (count_ != 0 && begin < ack) {
    Record& record = at(0);
    const SeqNumber until = min(record.end, ack);
    const std::uint32_t size = until - begin;
    if ((record.flags & kSacked) != 0) {
      sacked_ -= size;
    } else {
      if ((record.flags & kLost) != 0) { lost_ -= size; }
      // RFC 8985 §6.2 step 3: told later than what was sent behind it.
      if ((record.flags & kRetransmitted) == 0 && sacked_ != 0) { delivered.reordered = true; }
      note(record, delivered);
    }
    begin = until;
    if (until == record.end) { pop_front(); }
  }
}

void Scoreboard::on_sack(SeqNumber una, Range block, Delivered& delivered) noexcept {
  if (count_ + 2u > capacity_) { compact(); }
  SeqNumber begin = una;
  for (std::size_t i = 0; i < count_ && begin < block.end; ++i) {
    const SeqNumber end = at(i).end;
    if (block.begin < end && (at(i).flags & kSacked) == 0) {
      if (begin < block.begin) {
        // The part before the block is a record of its own, and this one is looked at again; without room the peer is
        // taken not to have it.
        if (split(i, block.begin)) {
          begin = block.begin;
          continue;
        }
      } else if (end <= block.end || split(i, block.end)) {
        Record& record = at(i);
        const std::uint32_t size = record.end - begin;
        note(record, delivered);
        // The same.
        if ((record.flags & kRetransmitted) == 0) {
          for (std::size_t j = i + 1; j < count_ && !delivered.reordered; ++j) {
            delivered.reordered = (at(j).flags & (kSacked | kRetransmitted)) == kSacked;
          }
        }
        if ((record.flags & kLost) != 0) { lost_ -= size; }
        record.flags = static_cast<std::uint8_t>((record.flags & ~kLost) | kSacked);
        sacked_ += size;
        delivered.sacked += size;
      }
    }
    begin = at(i).end;
  }
}

Scoreboard::Range Scoreboard::next_lost(SeqNumber una) const noexcept {
  if (lost_ == 0) { return {una, una}; }
  SeqNumber begin = una;
  for (std::size_t i = 0; i < count_; ++i) {
    if ((at(i).flags & kLost) != 0) { return {begin, at(i).end}; }
    begin = at(i).end;
  }
  return {una, una};
}

void Scoreboard::mark_all_lost(SeqNumber una) noexcept {
  SeqNumber begin = una;
  for (std::size_t i = 0; i < count_; ++i) {
    Record& record = at(i);
    if ((record.flags & (kSacked | kLost)) == 0) { give_up(record, record.end - begin); }
    begin = record.end;
  }
}

void Scoreboard::mark_first_lost(SeqNumber una, std::uint32_t bytes) noexcept {
  if (count_ == 0 || (at(0).flags & (kSacked | kLost)) != 0) { return; }
  if (at(0).end - una > bytes) {
    if (count_ == capacity_) { compact(); }
    if ((at(0).flags & (kSacked | kLost)) != 0) { return; }
    if (at(0).end - una > bytes) { split(0, una + bytes); }
  }
  give_up(at(0), at(0).end - una);
}

Scoreboard::Range Scoreboard::last(SeqNumber una, std::uint32_t bytes) const noexcept {
  if (count_ == 0) { return {una, una}; }
  const SeqNumber end = at(count_ - 1u).end;
  const SeqNumber begin = count_ == 1 ? una : at(count_ - 2u).end;
  return {end - begin > bytes ? end - bytes : begin, end};
}

void Scoreboard::forget_sacked() noexcept {
  for (std::size_t i = 0; i < count_; ++i) { at(i).flags = static_cast<std::uint8_t>(at(i).flags & ~kSacked); }
  sacked_ = 0;
}

bool Scoreboard::mark_lost_below(SeqNumber una, std::uint32_t bytes) noexcept {
  bool found = false;
  std::uint32_t behind = sacked_;
  SeqNumber begin = una;
  for (std::size_t i = 0; i < count_ && behind > bytes; ++i) {
    Record& record = at(i);
    const std::uint32_t size = record.end - begin;
    if ((record.flags & kSacked) != 0) {
      behind -= size;
    } else if ((record.flags & (kLost | kRetransmitted)) == 0) {
      give_up(record, size);
      found = true;
    }
    begin = record.end;
  }
  return found;
}

std::uint32_t Scoreboard::mark_lost_before(SeqNumber una, SeqNumber newest_end, std::uint32_t newest_sent,
                                           std::uint32_t patience, std::uint32_t now, bool& found) noexcept {
  std::uint32_t wait = 0;
  SeqNumber begin = una;
  for (std::size_t i = 0; i < count_; ++i) {
    Record& record = at(i);
    if ((record.flags & (kSacked | kLost)) == 0 &&
        (earlier(record.sent, newest_sent) || (record.sent == newest_sent && record.end < newest_end))) {
      const std::uint32_t due = record.sent + patience;
      if (!earlier(now, due)) {
        give_up(record, record.end - begin);
        found = true;
      } else {
        wait = std::max(wait, due - now);
      }
    }
    begin = record.end;
  }
  return wait;
}

}  // namespace nal::embedded
