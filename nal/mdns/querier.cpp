#include "nal/mdns/querier.hpp"

#include <utility>

#include "nal/assert.hpp"

namespace nal::mdns {
namespace {

using namespace nal::literals;

constexpr Duration kFirstInterval = 1_s;      // RFC 6762 §5.2
constexpr Duration kLongestInterval = 1_h;    // RFC 6762 §5.2
constexpr std::uint32_t kDelayFrom = 20'000;  // µs, RFC 6762 §5.2
constexpr std::uint32_t kDelaySpan = 100'001;
constexpr std::uint8_t kRefreshes = 4;
constexpr std::uint32_t kFirstRefresh = 80;  // per cent, RFC 6762 §5.2
constexpr std::uint32_t kRefreshStep = 5;

}  // namespace

Querier::Querier(const Network& network, const Memory& memory, Random& random) noexcept
    : network_(&network), questions_(memory.questions), cache_(memory.records, memory.bytes), random_(&random) {
  NAL_ASSERT(questions_.size() <= kMostQuestions);
}

Result<std::uint8_t> Querier::ask(const dns::Name& name, dns::Type type, Asking how, Duration patience,
                                  Instant now) noexcept {
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    QuestionSlot& slot = questions_[i];
    if (slot.in_use) { continue; }
    const bool watch = how == Asking::watch;
    slot.name = name;
    slot.type = type;
    slot.how = how;
    slot.in_use = true;
    slot.over = slot.missed = slot.packed = false;
    slot.asking = slot.heard = 0;
    slot.sent = 0;
    slot.next = watch ? now + Duration::microseconds(kDelayFrom + random_->below(kDelaySpan)) : now;
    slot.deadline = now + patience;
    slot.interval = kFirstInterval;
    return static_cast<std::uint8_t>(i);
  }
  return Unexpected(Error::table_full);
}

void Querier::drop(std::uint8_t question) noexcept {
  questions_[question].in_use = false;
  const std::uint32_t mask = ~(1U << question);
  for (std::size_t i = 0; i < cache_.records().size();) {
    CachedRecord& record = cache_.records()[i];
    record.told &= mask;
    if (record.gone && record.told == 0) {
      cache_.remove(record);
    } else {
      ++i;
    }
  }
}

std::size_t Querier::in_use() const noexcept {
  std::size_t count = 0;
  for (const QuestionSlot& slot : questions_) { count += slot.in_use ? 1 : 0; }
  return count;
}

bool Querier::matches(const QuestionSlot& question, std::span<const std::byte> name, dns::Type type) const noexcept {
  const bool of_type = question.type == type || (question.type == dns::Type::any && type != dns::Type::nsec);
  return question.in_use && of_type && same_name(question.name.wire(), name);
}

bool Querier::wanted(std::span<const std::byte> name, dns::Type type) const noexcept {
  for (const QuestionSlot& question : questions_) {
    if (!question.in_use || question.over) { continue; }
    // A denial is wanted by whoever asks for anything of that name.
    if (matches(question, name, type) || (type == dns::Type::nsec && same_name(question.name.wire(), name))) {
      return true;
    }
  }
  return false;
}

bool Querier::known_unique(const QuestionSlot& question, Instant now) const noexcept {
  if (question.type == dns::Type::any) { return false; }  // of one type it is all, not of a name
  for (const CachedRecord& record : cache_.records()) {
    if (!record.gone && record.unique && record.expires > now && record.refreshes == 0 && matches(question, record)) {
      return true;
    }
  }
  return false;
}

bool has_type(std::span<const std::byte> nsec, dns::Type type) noexcept {
  dns::WireReader reader(split(dns::Type::nsec, nsec).back);
  const auto number = static_cast<std::uint16_t>(type);
  while (!reader.at_end()) {
    const std::uint8_t window = reader.u8();
    const auto bits = reader.take(reader.u8());
    if (window != number >> 8) { continue; }
    const std::size_t byte = (number & 0xffU) / 8;
    if (byte < bits.size() && (bits[byte] & std::byte(0x80 >> (number & 7U))) != std::byte{0}) { return true; }
  }
  return false;
}

bool Querier::denied(const QuestionSlot& question) const noexcept {
  for (const CachedRecord& record : cache_.records()) {
    if (record.type == dns::Type::nsec && !record.gone && cache_.is_named(record, question.name.wire()) &&
        !has_type(cache_.data(record), question.type)) {
      return true;
    }
  }
  return false;
}

Querier::State Querier::state(std::uint8_t question, Instant now) const noexcept {
  const QuestionSlot& slot = questions_[question];
  std::size_t position = 0;
  if (next_answer(question, position, now)) { return State::answered; }
  if (slot.type != dns::Type::any && denied(slot)) { return State::denied; }
  return slot.over ? State::timed_out : State::open;
}

RecordEvent Querier::event(const CachedRecord& record, Instant now) const noexcept {
  const Duration left = record.expires - now;
  return {.added = !record.gone,
          .name = cache_.name(record),
          .type = record.type,
          .ttl = left > Duration::zero() ? static_cast<std::uint32_t>(left.seconds()) : 0,
          .interface = record.interface,
          .data = cache_.data(record)};
}

std::optional<RecordEvent> Querier::next_answer(std::uint8_t question, std::size_t& position,
                                                Instant now) const noexcept {
  const QuestionSlot& slot = questions_[question];
  while (position < cache_.records().size()) {
    const CachedRecord& record = cache_.records()[position++];
    if (!record.gone && record.expires > now && matches(slot, record)) { return event(record, now); }
  }
  return std::nullopt;
}

Result<std::optional<RecordEvent>> Querier::take(std::uint8_t question, Instant now) noexcept {
  QuestionSlot& slot = questions_[question];
  if (std::exchange(slot.missed, false)) { return Unexpected(Error::table_full); }
  const std::uint32_t bit = 1U << question;
  // Those whose last news was taken are of no use any more.
  for (std::size_t i = 0; i < cache_.records().size();) {
    CachedRecord& record = cache_.records()[i];
    if (record.gone && record.told == 0) {
      cache_.remove(record);
    } else {
      ++i;
    }
  }
  for (CachedRecord& record : cache_.records()) {
    const bool told = (record.told & bit) != 0;
    if (told != record.gone || (!told && !matches(slot, record))) { continue; }
    record.told ^= bit;
    return std::optional<RecordEvent>(event(record, now));
  }
  return std::optional<RecordEvent>();
}

void Querier::plan_refresh(CachedRecord& record) noexcept {
  if (record.refreshes >= kRefreshes) {
    record.refresh = Instant::max();
    return;
  }
  const Duration percent = Duration::seconds(record.ttl) / 100;
  const auto jitter = static_cast<std::uint32_t>(2 * percent.milliseconds() + 1);  // RFC 6762 §5.2
  record.refresh = record.received + percent * (kFirstRefresh + kRefreshStep * record.refreshes) +
                   Duration::milliseconds(random_->below(jitter == 0 ? 1 : jitter));
}

void Querier::tick(Instant now) noexcept {
  expire(now);
  refresh(now);
  ask_due(now);
}

void Querier::expire(Instant now) noexcept {
  for (std::size_t i = 0; i < cache_.records().size();) {
    CachedRecord& record = cache_.records()[i];
    if (record.gone || record.expires > now) {
      ++i;
      continue;
    }
    news_ = true;
    for (QuestionSlot& question : questions_) {
      // It was content with what it knew.
      if (question.next.is_never() && matches(question, record)) {
        question.next = now + Duration::microseconds(kDelayFrom + random_->below(kDelaySpan));
        question.interval = kFirstInterval;
      }
    }
    if (record.told == 0) {
      cache_.remove(record);
    } else {
      record.gone = true;
      ++i;
    }
  }
}

void Querier::refresh(Instant now) noexcept {
  for (CachedRecord& record : cache_.records()) {
    if (record.gone || record.refresh > now) { continue; }
    while (record.refresh <= now) {
      ++record.refreshes;
      plan_refresh(record);
    }
    for (QuestionSlot& question : questions_) {
      if (question.how == Asking::watch && matches(question, record)) {
        question.asking = static_cast<LinkSet>(question.asking | network_->links_of(record.interface));
      }
    }
  }
}

void Querier::ask_due(Instant now) noexcept {
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    QuestionSlot& question = questions_[i];
    if (!question.in_use || question.over) { continue; }
    if (question.deadline <= now) {
      question.over = news_ = true;
      question.asking = 0;
      continue;
    }
    if (question.next > now) { continue; }
    const bool settled = question.how == Asking::once ? state(static_cast<std::uint8_t>(i), now) != State::open
                                                      : known_unique(question, now);
    if (settled) {
      question.next = Instant::max();
      continue;
    }
    const LinkSet suppressed = question.heard & network_->all_links();
    if (suppressed != 0) { ++statistics_.suppressed; }
    question.asking = static_cast<LinkSet>(question.asking | (network_->all_links() & ~suppressed));
    question.heard = 0;
    question.next = now + question.interval;
    question.interval = question.interval * 2 > kLongestInterval ? kLongestInterval : question.interval * 2;
  }
}

bool Querier::begin_message(PacketWriter& writer) noexcept {
  for (link_ = 0; link_ < network_->links().size(); ++link_) {
    for (QuestionSlot& question : questions_) {
      if (!question.in_use || (question.asking & link_bit(link_)) == 0) { continue; }
      const bool unicast = unicast_ && question.sent == 0;
      if (!writer.question(question.name.wire(), question.type,
                           static_cast<std::uint16_t>(dns::kInternet | (unicast ? kTopBit : 0)))) {
        break;
      }
      question.asking = static_cast<LinkSet>(question.asking & ~link_bit(link_));
      question.packed = true;
    }
    if (!writer.empty()) { return true; }
  }
  return false;
}

/// False: there are more than fit. RFC 6762 §7.1: what has more than half its time left, and without the top bit.
bool Querier::put_known_answers(PacketWriter& writer, Instant now) noexcept {
  const LinkSet link = link_bit(link_);
  for (; known_ < cache_.records().size(); ++known_) {
    const CachedRecord& record = cache_.records()[known_];
    const Duration left = record.expires - now;
    if (record.gone || left * 2 <= Duration::seconds(record.ttl) ||
        (network_->links_of(record.interface) & link) == 0) {
      continue;
    }
    bool answers = false;
    for (const QuestionSlot& question : questions_) {
      answers = answers || (question.packed && matches(question, record));
    }
    if (!answers) { continue; }
    const bool alone = writer.empty();
    if (!writer.record(dns::Section::answer, cache_.name(record), record.type, dns::kInternet,
                       static_cast<std::uint32_t>(left.seconds()), split(record.type, cache_.data(record))) &&
        !alone) {
      return false;
    }
  }
  return true;
}

std::size_t Querier::poll(Instant now, std::span<std::byte> out, std::uint8_t& link) noexcept {
  tick(now);
  for (;;) {
    PacketWriter writer(out, 0, 0);
    if (!continuing_) {
      if (!begin_message(writer)) { return 0; }
      known_ = 0;
    }
    link = link_;
    if (!put_known_answers(writer, now)) {
      writer.set_truncated();
      continuing_ = true;
    } else {
      continuing_ = false;
      for (QuestionSlot& question : questions_) {
        if (std::exchange(question.packed, false) && question.sent != 0xff) { ++question.sent; }
      }
    }
    if (!writer.empty()) {
      ++statistics_.sent;
      return writer.message().size();
    }
  }
}

Instant Querier::poll_at() const noexcept {
  Instant at = Instant::max();
  const auto sooner = [&at](Instant when) { at = when < at ? when : at; };
  if (continuing_) { return Instant::min(); }
  for (const QuestionSlot& question : questions_) {
    if (!question.in_use || question.over) { continue; }
    if (question.asking != 0) { return Instant::min(); }
    sooner(question.next);
    sooner(question.deadline);
  }
  for (const CachedRecord& record : cache_.records()) {
    if (record.gone) { continue; }
    sooner(record.expires);
    if (record.refresh < at && wanted(record)) { sooner(record.refresh); }
  }
  return at;
}

}  // namespace nal::mdns
