// What a querier makes of the messages of others.
#include <utility>

#include "nal/assert.hpp"
#include "nal/mdns/querier.hpp"

namespace nal::mdns {
namespace {

using namespace nal::literals;

/// More records or questions of one message are not looked at.
constexpr unsigned kMostRecords = 256;
constexpr unsigned kMostQuestionsHeard = 32;
/// A question that was to be sent so soon has been sent by whoever asks it now (RFC 6762 §7.3).
constexpr Duration kSoon = 500_ms;
/// RFC 6762 §10.1, §10.2: what is withdrawn lives on for so long.
constexpr Duration kLastSecond = 1_s;
/// RFC 6762 §10.5: so many questions in vain, and how long an answer may take.
constexpr std::uint8_t kFailures = 2;
/// In `CachedRecord::failures`: whoever asks now knows it.
constexpr std::uint8_t kListed = 0x80;
constexpr Duration kAnswerTime = 10_s;

}  // namespace

void Querier::input(const dns::Message& message, const Incoming& from, Instant now) noexcept {
  const dns::Header& header = message.header();
  // RFC 6762 §18.3, §18.11, §6: other operations, errors, and answers from elsewhere are none of ours.
  if (header.opcode() != 0 || header.code() != dns::ResponseCode::no_error || from.remote.port != kPort) {
    if (header.is(dns::Header::kResponse)) { ++statistics_.ignored; }
    return;
  }
  if (header.is(dns::Header::kResponse)) {
    input_response(message, from, now);
  } else {
    input_query(message, from, now);
  }
}

void Querier::input_response(dns::Message message, const Incoming& from, Instant now) noexcept {
  const InterfaceId interface = from.interface;
  dns::Record record;
  for (unsigned i = 0; i < kMostRecords; ++i) {
    const auto more = message.next(record);
    if (!more) { ++statistics_.malformed; }
    if (!more || !*more) { return; }
    if ((record.record_class & ~kTopBit) != dns::kInternet || record.section == dns::Section::authority) { continue; }
    learn(message, record, interface, now);
  }
}

void Querier::learn(const dns::Message& message, const dns::Record& record, InterfaceId interface,
                    Instant now) noexcept {
  dns::Name name;
  RecordData read;
  if (record.type == dns::Type::opt || record.type == dns::Type::any || !name.set_wire(message.bytes(), record.name) ||
      !read.read(message, record)) {
    return;
  }
  const Data& data = read.data();
  CachedRecord* known = cache_.find(name.wire(), record.type, interface, data);
  if (record.ttl == 0) {
    if (known && !known->gone && known->expires > now + kLastSecond) { known->expires = now + kLastSecond; }
    return;
  }
  if (!known) {
    const std::size_t size = name.wire().size() + data.front.size() + data.name.size() + data.back.size();
    const bool is_wanted = wanted(name.wire(), record.type);
    if (!make_room(size, is_wanted)) {
      if (is_wanted) { tell_missed(name.wire(), record.type); }
      return;
    }
    known = &cache_.add(name.wire(), record.type, interface, data);
    news_ = true;
  }
  // Somebody who has been told that it is gone, or will be, need not be: it is back.
  if (std::exchange(known->gone, false)) { news_ = true; }
  known->unique = (record.record_class & kTopBit) != 0;
  renew(*known, record.ttl, now);
  if (known->unique) { flush_others(*known, now); }
}

void Querier::renew(CachedRecord& record, std::uint32_t ttl, Instant now) noexcept {
  record.ttl = ttl;
  record.received = now;
  record.expires = now + Duration::seconds(ttl);
  record.refreshes = record.failures = 0;
  plan_refresh(record);
}

/// RFC 6762 §10.2: what was received more than a second ago, and is not said again, is over in a second.
void Querier::flush_others(const CachedRecord& fresh, Instant now) noexcept {
  for (CachedRecord& record : cache_.records()) {
    if (&record == &fresh || record.type != fresh.type || record.interface != fresh.interface ||
        now - record.received <= kLastSecond || record.expires <= now + kLastSecond ||
        !cache_.is_named(record, cache_.name(fresh))) {
      continue;
    }
    record.expires = now + kLastSecond;
    record.refresh = Instant::max();
  }
}

bool Querier::make_room(std::size_t bytes, bool is_wanted) noexcept {
  if (!cache_.could_hold(bytes)) { return false; }
  while (!cache_.has_room(bytes)) {
    CachedRecord* victim = nullptr;
    for (CachedRecord& record : cache_.records()) {
      if (!record.gone && !wanted(record) && (!victim || record.expires < victim->expires)) { victim = &record; }
    }
    if (!victim && is_wanted) {
      for (CachedRecord& record : cache_.records()) {
        if (record.gone) { victim = &record; }
      }
    }
    if (!victim) { return false; }
    // Who has not been told that it is gone will never be.
    for (std::size_t i = 0; i < questions_.size(); ++i) {
      if ((victim->told & 1U << i) != 0) { questions_[i].missed = news_ = true; }
    }
    cache_.remove(*victim);
  }
  return true;
}

void Querier::tell_missed(std::span<const std::byte> name, dns::Type type) noexcept {
  ++statistics_.dropped;
  for (QuestionSlot& question : questions_) {
    if (matches(question, name, type)) { question.missed = news_ = true; }
  }
}

// What others ask.

/// Marks what the asker knows already. False: it knows something that is not known here, or has more to say.
bool Querier::note_known_answers(dns::Message message, const Incoming& from) noexcept {
  const InterfaceId interface = from.interface;
  bool comparable = !message.header().is(dns::Header::kTruncated);
  dns::Record record;
  for (unsigned i = 0; i < kMostRecords; ++i) {
    const auto more = message.next(record);
    if (!more) { ++statistics_.malformed; }
    if (!more || !*more || record.section != dns::Section::answer) { return comparable && more.has_value(); }
    dns::Name name;
    RecordData data;
    if (!name.set_wire(message.bytes(), record.name) || !data.read(message, record)) { continue; }
    CachedRecord* known = cache_.find(name.wire(), record.type, interface, data.data());
    if (known && !known->gone) {
      known->failures |= kListed;
    } else if (wanted(name.wire(), record.type)) {
      comparable = false;
    }
  }
  return false;
}

void Querier::input_query(dns::Message message, const Incoming& from, Instant now) noexcept {
  // What this host asks comes back to it.
  if (network_->is_own(from.remote.address)) { return; }
  const bool comparable = note_known_answers(message, from);
  dns::Question question;
  for (unsigned i = 0; i < kMostQuestionsHeard; ++i) {
    const auto more = message.next(question);
    if (!more || !*more) { break; }
    dns::Name name;
    if ((question.record_class & ~kTopBit) != dns::kInternet || (question.record_class & kTopBit) != 0 ||
        !name.set_wire(message.bytes(), question.name)) {
      continue;
    }
    heard_question(name, question.type, from, comparable, now);
  }
  for (CachedRecord& record : cache_.records()) {
    record.failures = static_cast<std::uint8_t>(record.failures & ~kListed);
  }
}

void Querier::heard_question(const dns::Name& name, dns::Type type, const Incoming& from, bool comparable,
                             Instant now) noexcept {
  for (QuestionSlot& question : questions_) {
    if (comparable && question.type == type && matches(question, name.wire(), type) && question.next <= now + kSoon) {
      question.heard = static_cast<LinkSet>(question.heard | link_bit(from.link));
    }
  }
  // An asker who has more to say may know it.
  if (!comparable || network_->addresses().empty()) { return; }
  const InterfaceId interface = from.interface;
  for (CachedRecord& record : cache_.records()) {
    if (record.gone || record.type != type || record.interface != interface || (record.failures & kListed) != 0 ||
        (record.failures != 0 && now - record.unanswered < kLastSecond) || !cache_.is_named(record, name.wire())) {
      continue;
    }
    record.unanswered = now;
    if (++record.failures >= kFailures) {
      record.failures = 0;
      if (record.expires > now + kAnswerTime) { record.expires = now + kAnswerTime; }
    }
  }
}

}  // namespace nal::mdns
