#include "nal/resolver/answer.hpp"

#include <algorithm>

namespace nal::dns {
namespace {

/// What has to be known before the records are of interest.
struct Outline {
  ResponseCode code{};
  bool refers = false;  ///< names other name servers
};

/// No SOA record of a zone that the name is in tells how long "no" may be kept.
constexpr std::uint32_t kUntold = 0xffff'ffff;

/// Checks that the whole message adds up.
Result<Outline> outline(const Message& given, bool cut) noexcept {
  Outline found{.code = given.header().code()};
  Message message = given;
  bool edns = false;
  Record record;
  for (unsigned i = 0; i < kMaxRecords; ++i) {
    const auto more = message.next(record);
    if (!more && !cut) { return Unexpected(more.error()); }
    if (!more || !*more) { break; }
    if (record.type == Type::opt) {
      if (edns || record.section != Section::additional) { return Unexpected(Error::protocol_error); }
      edns = true;
      // The upper eight bits of the code (RFC 6891 §6.1.3).
      const std::uint32_t upper = record.ttl >> 24;
      found.code = static_cast<ResponseCode>(static_cast<std::uint32_t>(found.code) | upper << 4);
    }
    found.refers = found.refers || (record.section == Section::authority && record.type == Type::ns);
  }
  return found;
}

/// Seconds, or `kUntold`. *Errors*: protocol_error.
Result<std::uint32_t> negative_ttl(const Message& given, const Name& name) noexcept {
  Message message = given;
  Record record;
  for (unsigned i = 0; i < kMaxRecords; ++i) {
    const auto more = message.next(record);
    if (!more || !*more) { break; }
    if (record.section != Section::authority || record.type != Type::soa || record.record_class != kInternet) {
      continue;
    }
    Name zone;
    NAL_TRY(zone.set_wire(message.bytes(), record.name));
    if (!name.is_under(zone)) { continue; }
    NAL_TRY_SET(const std::uint32_t minimum, read_minimum(message, record));
    return std::min(record.ttl, minimum);  // a time to live has 31 bits
  }
  return kUntold;
}

/// Follows the chain of names and gathers the records at its end.
class Gatherer {
 public:
  Gatherer(const Message& message, Name& name, Type type, unsigned& aliases, std::span<std::byte> out) noexcept
      : message_(message), name_(name), type_(type), aliases_(aliases), writer_(out) {}

  /// *Errors*: protocol_error.
  Result<> gather() noexcept {
    // Once more whenever an alias was met: what it leads to may stand before it.
    do {
      moved_ = cut_ = false;
      count_ = 0;
      writer_.cut(0);
      NAL_TRY(pass());
    } while (moved_);
    return {};
  }

  bool followed() const noexcept { return followed_; }
  Answer answer(Answer::Kind kind) const noexcept {
    return {.kind = kind,
            .type = type_,
            .cut = cut_,
            .aliased = followed_,
            .count = count_,
            .size = static_cast<std::uint16_t>(writer_.size()),
            .ttl = ttl_};
  }
  std::uint16_t count() const noexcept { return count_; }
  void limit_ttl(std::uint32_t ttl) noexcept { ttl_ = std::min(ttl_, ttl); }

 private:
  Result<> pass() noexcept {
    Message message = message_;
    Record record;
    for (unsigned i = 0; i < kMaxRecords; ++i) {
      const auto more = message.next(record);
      if (!more || !*more || record.section != Section::answer) { break; }
      const bool wanted = record.type == type_;
      if ((!wanted && record.type != Type::cname) || record.record_class != kInternet ||
          !name_.is_at(message.bytes(), record.name)) {
        continue;
      }
      NAL_TRY(wanted ? take(message, record) : follow(message, record));
      cut_ = cut_ || i + 1 == kMaxRecords;
    }
    return {};
  }

  Result<> take(const Message& message, const Record& record) noexcept {
    const std::size_t before = writer_.size();
    writer_.u16(0);
    const auto copied = copy_data(message, record, writer_);
    if (!copied && copied.error() != Error::buffer_too_small) { return copied; }
    const std::size_t size = writer_.size() - before;
    if (!copied || size > 0xffff || writer_.size() > 0xffff) {
      writer_.cut(before);
      cut_ = true;
      return {};
    }
    writer_.set_u16(before, static_cast<std::uint16_t>(size - 2));
    ++count_;
    limit_ttl(record.ttl);
    return {};
  }

  Result<> follow(const Message& message, const Record& record) noexcept {
    if (aliases_ == 0) { return Unexpected(Error::protocol_error); }
    --aliases_;
    NAL_TRY_SET(const std::size_t end, name_.set_wire(message.bytes(), record.data));
    if (end != record.data + record.bytes.size()) { return Unexpected(Error::protocol_error); }
    limit_ttl(record.ttl);
    moved_ = followed_ = true;
    return {};
  }

  const Message& message_;
  Name& name_;
  Type type_;
  unsigned& aliases_;
  WireWriter writer_;
  std::uint32_t ttl_ = 0x7fff'ffff;
  std::uint16_t count_ = 0;
  bool cut_ = false;
  bool moved_ = false;
  bool followed_ = false;
};

}  // namespace

Reading read_answer(const Message& message, bool cut, Name& name, Type type, unsigned& aliases,
                    std::span<std::byte> out) noexcept {
  using Outcome = Reading::Outcome;
  const auto found = outline(message, cut);
  if (!found) { return {.outcome = Outcome::malformed}; }
  switch (found->code) {
    case ResponseCode::no_error:
    case ResponseCode::name_error: break;
    case ResponseCode::format_error:
    case ResponseCode::not_implemented:
    case ResponseCode::bad_version: return {.outcome = Outcome::plain};
    default: return {.outcome = Outcome::failed};
  }
  Gatherer gatherer(message, name, type, aliases, out);
  if (!gatherer.gather()) { return {.outcome = Outcome::malformed}; }
  const bool no_name = found->code == ResponseCode::name_error;
  if (gatherer.count() != 0 && !no_name) {
    auto answer = gatherer.answer(Answer::Kind::records);
    answer.cut = answer.cut || cut;
    return {.outcome = Outcome::answer, .answer = answer};
  }
  const auto keep = negative_ttl(message, name);
  if (!keep) { return {.outcome = Outcome::malformed}; }
  if (!no_name && *keep == kUntold) {
    if (gatherer.followed()) { return {.outcome = Outcome::alias, .answer = gatherer.answer(Answer::Kind::records)}; }
    const Header& header = message.header();
    const bool knows = header.is(Header::kAuthoritative) || header.is(Header::kRecursionAvailable);
    if (found->refers || !knows) { return {.outcome = Outcome::lame}; }
  }
  gatherer.limit_ttl(*keep == kUntold ? 0 : *keep);
  auto answer = gatherer.answer(no_name ? Answer::Kind::no_name : Answer::Kind::no_records);
  answer.count = answer.size = 0;
  answer.cut = false;
  return {.outcome = Outcome::answer, .answer = answer};
}

}  // namespace nal::dns
