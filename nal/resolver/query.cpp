#include "nal/resolver/query.hpp"

#include <algorithm>
#include <cstring>

namespace nal::dns {
namespace {

/// The size of datagram that passes nearly everywhere in one piece (RFC 9715 §3).
constexpr std::size_t kDatagram = 1232;

/// Types of questions rather than of records (RFC 6895 §3.1).
bool is_record_type(Type type) noexcept {
  const auto number = static_cast<std::uint16_t>(type);
  return number != 0 && type != Type::opt && (number < 128 || number > 255);
}

/// An answer of one record, which stands in `memory`.
Answer one_record(Type type, std::span<const std::byte> data, std::span<std::byte> memory) noexcept {
  WireWriter writer(memory);
  writer.u16(static_cast<std::uint16_t>(data.size()));
  writer.put(data);
  return {.kind = Answer::Kind::records, .type = type, .count = 1, .size = static_cast<std::uint16_t>(writer.size())};
}

Answer address_record(const IpAddress& address, std::span<std::byte> memory) noexcept {
  return one_record(address.is_v4() ? Type::a : Type::aaaa, std::as_bytes(address.bytes()), memory);
}

}  // namespace

Result<> AskedName::set(std::string_view text) noexcept {
  NAL_TRY(name.set_text(text));
  // A dot at the end, unless it is escaped.
  std::size_t slashes = 0;
  while (slashes + 1 < text.size() && text[text.size() - 2 - slashes] == '\\') { ++slashes; }
  absolute = text.back() == '.' && slashes % 2 == 0;
  std::size_t labels = 0;
  for (auto rest = name.wire(); rest[0] != std::byte{0};
       rest = rest.subspan(1 + std::to_integer<std::size_t>(rest[0]))) {
    ++labels;
  }
  dots = static_cast<std::uint8_t>(labels == 0 ? 0 : labels - 1);
  return {};
}

Result<> Query::start(Shared& shared, std::span<std::byte> memory, const AskedName& asked, Type type,
                      Instant now) noexcept {
  if (!is_record_type(type)) { return Unexpected(Error::invalid_argument); }
  const SpecialName special = special_name(asked.name);
  if (special == SpecialName::multicast) { return Unexpected(Error::not_supported); }
  *this = Query();
  shared_ = &shared;
  memory_ = memory;
  base_ = asked;
  type_ = type;
  if (special == SpecialName::localhost && (type == Type::a || type == Type::aaaa)) {
    finish(address_record(IpAddress::loopback(type == Type::a ? Family::v4 : Family::v6), memory));
  } else if (special != SpecialName::none) {
    finish({.kind = special == SpecialName::never ? Answer::Kind::no_name : Answer::Kind::no_records, .type = type});
  } else {
    restart(now);
  }
  return {};
}

void Query::start_literal(std::span<std::byte> memory, const IpAddress& address) noexcept {
  *this = Query();
  memory_ = memory;
  zone_ = address.zone();
  finish(address_record(address, memory));
}

void Query::start_localhost_name(std::span<std::byte> memory) noexcept {
  *this = Query();
  memory_ = memory;
  Name name;
  static_cast<void>(name.set_text("localhost"));
  finish(one_record(Type::ptr, name.wire(), memory));
}

void Query::restart(Instant now) noexcept {
  total_ = now + shared_->options.total;
  candidate_ = 0;
  given_up_ = 0;
  silence_ = false;
  answer_ = {.kind = Answer::Kind::no_name, .type = type_};
  next_candidate(now);
}

bool Query::is(const AskedName& asked, Type type) const noexcept {
  return !done_ && type_ == type && base_.absolute == asked.absolute && base_.name == asked.name;
}

Result<RecordSet> Query::records() const noexcept {
  if (error_ != Error{}) { return Unexpected(error_); }
  if (answer_.kind == Answer::Kind::no_name) { return Unexpected(Error::name_not_found); }
  return answer_.records(memory_);
}

// The `index`th name to ask for: as it is, and with each of the search list. Empty-handed (closed) behind the last.
Result<> Query::make_candidate(std::size_t index, Name& name) const noexcept {
  name = base_.name;
  const bool as_it_is_first = base_.absolute || base_.dots >= shared_->options.ndots;
  if (as_it_is_first && index == 0) { return {}; }
  if (base_.absolute) { return Unexpected(Error::closed); }
  const std::size_t place = as_it_is_first ? index - 1 : index;
  const auto suffix = shared_->search[place];
  if (!suffix.empty()) { return name.append(suffix); }
  const bool behind = as_it_is_first || (place != 0 && shared_->search[place - 1].empty());
  if (behind) { return Unexpected(Error::closed); }
  return {};
}

void Query::next_candidate(Instant now) noexcept {
  for (;; ++candidate_) {
    const auto made = make_candidate(candidate_, asked_);
    if (!made && made.error() == Error::closed) { break; }
    // Too long, or none of the name servers' business.
    if (!made || special_name(asked_) != SpecialName::none) { continue; }
    if (const auto known = shared_->cache.find(asked_, type_, now, memory_)) {
      ++shared_->statistics.cached;
      if (known->kind == Answer::Kind::records) { return finish(*known); }
      if (known->kind == Answer::Kind::no_records) { answer_ = *known; }
      continue;
    }
    aliases_ = kMaxAliases;
    ttl_ = 0x7fff'ffff;
    return ask(now);
  }
  finish(answer_);
}

void Query::ask(Instant now) noexcept {
  round_ = 0;
  tried_ = 0;
  next_server(now);
}

void Query::next_server(Instant now) noexcept {
  if (now >= total_) { return finish(Error::timed_out); }
  auto next = shared_->servers.pick(tried_ | given_up_, now);
  if (!next) {
    ++round_;
    tried_ = 0;
    if (round_ < shared_->options.rounds) { next = shared_->servers.pick(given_up_, now); }
    if (!next) { return finish(silence_ ? Error::timed_out : Error::name_service_failed); }
  }
  server_ = *next;
  tried_ |= std::uint32_t{1} << server_;
  without_edns_ = folds_case_ = false;
  transport_ = shared_->options.tcp_only ? Transport::tcp : Transport::udp;
  begin_attempt(now);
}

void Query::begin_attempt(Instant now) noexcept {
  ++attempt_;
  ignored_ = 0;
  const Options& options = shared_->options;
  const Server& server = shared_->servers[server_];
  deadline_ = std::min(total_, now + options.timeout * (std::int64_t{1} << std::min(round_, 16u)));
  id_ = shared_->random.u16();
  exact_case_ = options.mixed_case && !server.folds_case && !folds_case_;
  if (exact_case_) { mix_case(); }
  // Without, in the last of several rounds: there are networks that lose what they do not know.
  const bool last_resort = round_ != 0 && round_ + 1u == options.rounds;
  edns_ = options.edns && !server.no_edns && !without_edns_ && !last_resort;

  const std::size_t front = transport_ == Transport::tcp ? 2 : 0;
  MessageWriter writer(memory_.subspan(front), id_, Header::kRecursionDesired);
  writer.question(asked_, type_);
  if (edns_) { writer.edns(static_cast<std::uint16_t>(std::min(memory_.size(), kDatagram))); }
  // The memory has room for every question: Resources sees to that.
  const std::size_t size = writer.finish().value_or(std::span<const std::byte>()).size();
  if (front != 0) { WireWriter(memory_).u16(static_cast<std::uint16_t>(size)); }
  message_size_ = front + size;
  ++shared_->statistics.asked;
  if (front != 0) { ++shared_->statistics.asked_tcp; }
}

// Whoever answers without having seen the question has to guess a bit for each letter (draft-vixie-dnsext-dns0x20).
void Query::mix_case() noexcept {
  unsigned left = 0;
  std::uint16_t bits = 0;
  for (std::byte& byte : asked_.wire()) {
    if (!is_letter(byte)) { continue; }
    if (left == 0) {
      bits = shared_->random.u16();
      left = 16;
    }
    byte = (bits & 1) != 0 ? to_lower(byte) : to_lower(byte) & ~std::byte{0x20};
    bits = static_cast<std::uint16_t>(bits >> 1);
    --left;
  }
}

Query::Match Query::match(const Message& given) const noexcept {
  const Header& header = given.header();
  if (header.id != id_ || !header.is(Header::kResponse) || header.opcode() != 0) { return Match::no; }
  if (header.questions == 0) {
    // A server that could not read the question need not repeat it.
    switch (header.code()) {
      case ResponseCode::format_error:
      case ResponseCode::server_failure:
      case ResponseCode::not_implemented:
      case ResponseCode::refused: return Match::bare_error;
      default: return Match::no;
    }
  }
  Message message = given;
  Question question;
  const auto more = message.next(question);
  if (header.questions != 1 || !more || question.type != type_ || question.record_class != kInternet ||
      !asked_.is_at(message.bytes(), question.name)) {
    return Match::no;
  }
  if (!exact_case_) { return Match::yes; }
  // Nothing can stand before it that it could point to, so it is not compressed.
  const auto wire = asked_.wire();
  return std::memcmp(message.bytes().data() + question.name, wire.data(), wire.size()) == 0 ? Match::yes
                                                                                            : Match::other_case;
}

void Query::ignore(Instant now) noexcept {
  ++shared_->statistics.ignored;
  if (transport_ == Transport::tcp) { return give_up_server(now); }
  if (++ignored_ < kMaxIgnored) { return; }
  transport_ = Transport::tcp;
  begin_attempt(now);
}

void Query::heard(std::size_t size, bool cut, Instant now) noexcept {
  const std::span<const std::byte> bytes = memory_.first(size);
  const auto message = Message::parse(bytes);
  const Match matched = message ? match(*message) : Match::no;
  if (matched == Match::no) { return ignore(now); }
  if (matched == Match::other_case) {
    // Perhaps it never keeps the case. Asked again without: whoever guessed must guess once more.
    folds_case_ = true;
    return begin_attempt(now);
  }
  if (transport_ == Transport::udp && (cut || message->header().is(Header::kTruncated))) {
    transport_ = Transport::tcp;
    return begin_attempt(now);
  }
  Name chain = asked_;
  unsigned aliases = aliases_;
  const Reading reading = read_answer(*message, cut, chain, type_, aliases, shared_->scratch.first(memory_.size()));
  take(reading, chain, aliases, now);
}

void Query::take(const Reading& reading, const Name& chain, unsigned aliases, Instant now) noexcept {
  switch (reading.outcome) {
    case Reading::Outcome::answer:
      server_worked();
      if (reading.answer.size != 0) { std::memcpy(memory_.data(), shared_->scratch.data(), reading.answer.size); }
      return settle(reading.answer, now);
    case Reading::Outcome::alias:
      server_worked();
      asked_ = chain;
      aliases_ = aliases;
      ttl_ = std::min(ttl_, reading.answer.ttl);
      // No name server leads to names that are none of its business.
      if (special_name(asked_) != SpecialName::none) { return finish(Error::name_service_failed); }
      if (const auto known = shared_->cache.find(asked_, type_, now, memory_)) { return settle(*known, now); }
      return ask(now);
    case Reading::Outcome::plain:
      if (!edns_) { break; }
      without_edns_ = true;
      return begin_attempt(now);
    default: break;
  }
  give_up_server(now);
}

void Query::server_worked() noexcept {
  Server& server = shared_->servers[server_];
  server.failed_until = Instant::min();
  server.no_edns = server.no_edns || without_edns_;
  server.folds_case = server.folds_case || folds_case_;
}

void Query::give_up_server(Instant now) noexcept {
  shared_->servers[server_].failed_until = now + shared_->options.penalty;
  given_up_ |= std::uint32_t{1} << server_;
  next_server(now);
}

void Query::failed(Error error, Instant now) noexcept {
  if (error == Error::table_full || error == Error::no_memory) { return finish(error); }
  give_up_server(now);
}

void Query::timed_out(Instant now) noexcept {
  shared_->servers[server_].failed_until = now + shared_->options.penalty;
  silence_ = true;
  next_server(now);
}

void Query::settle(Answer answer, Instant now) noexcept {
  const Options& options = shared_->options;
  answer.ttl = std::min(answer.ttl, ttl_);
  answer.aliased = answer.aliased || aliases_ != kMaxAliases;
  if (answer.ttl != 0) {
    Duration kept = std::max(Duration::seconds(answer.ttl), options.min_ttl);
    kept = std::min(kept, answer.kind == Answer::Kind::records ? options.max_ttl : options.max_negative_ttl);
    answer.ttl = static_cast<std::uint32_t>(std::clamp<std::int64_t>(kept.seconds(), 0, 0x7fff'ffff));
  }
  // Under the name that was asked for at first, so that the aliases need not be followed again.
  Name name;
  if (make_candidate(candidate_, name)) { shared_->cache.keep(name, answer, memory_.first(answer.size), now); }
  if (answer.kind == Answer::Kind::records) { return finish(answer); }
  if (answer.kind == Answer::Kind::no_records) { answer_ = answer; }
  ++candidate_;
  next_candidate(now);
}

void Query::finish(const Answer& answer) noexcept {
  answer_ = answer;
  done_ = true;
}

void Query::finish(Error error) noexcept {
  error_ = error;
  answer_ = {};
  done_ = true;
}

}  // namespace nal::dns
