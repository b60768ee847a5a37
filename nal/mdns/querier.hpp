#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "nal/mdns/record_cache.hpp"
#include "nal/random.hpp"

namespace nal::mdns {

/// How long somebody wants to know.
enum class Asking : std::uint8_t {
  once,   ///< until there is an answer, or patience is over (RFC 6762 §5.1, but for the port)
  watch,  ///< for good: everything that comes and goes (§5.2)
};

/// A question: one of a querier's slots, made by its owner for it to fill.
struct QuestionSlot {
  dns::Name name;
  dns::Type type{};
  Asking how = Asking::once;
  bool in_use = false;
  bool over = false;      ///< its patience is
  bool missed = false;    ///< there was no room for an answer
  bool packed = false;    ///< stands in the message that is being sent
  LinkSet asking = 0;     ///< on which it is to be sent now
  LinkSet heard = 0;      ///< on which somebody else has just asked it
  std::uint8_t sent = 0;  ///< so often
  Instant next{};
  Instant deadline{};
  Duration interval{};
};

/// A record that has come or gone. Its parts stand in the querier's memory until that is called again.
struct RecordEvent {
  bool added = false;
  std::span<const std::byte> name{};  ///< uncompressed
  dns::Type type{};
  std::uint32_t ttl = 0;  ///< seconds that are left
  InterfaceId interface {};
  std::span<const std::byte> data{};  ///< names uncompressed
};

struct QuerierStatistics {
  std::uint32_t sent = 0;        ///< messages
  std::uint32_t suppressed = 0;  ///< questions that somebody else asked in time (RFC 6762 §7.3)
  std::uint32_t malformed = 0;   ///< messages
  std::uint32_t ignored = 0;     ///< responses that cannot be one (RFC 6762 §6, §11, §18)
  std::uint32_t dropped = 0;     ///< records that somebody wanted and for which there was no room
};

/// The asking side of multicast DNS (RFC 6762 §5, §7, §10), without sockets or clock: questions that are sent again
/// ever more rarely, and a cache of what everybody says. Questions and records are bounded by the caller's memory; of
/// records, those that nobody asked for make room for others.
class Querier {
 public:
  static constexpr std::size_t kMostQuestions = 32;
  enum class State : std::uint8_t { open, answered, denied, timed_out };

  struct Memory {
    std::span<QuestionSlot> questions;  ///< at most `kMostQuestions` (asserted)
    std::span<CachedRecord> records;
    std::span<std::byte> bytes;
  };
  /// All outlive it.
  Querier(const Network& network, const Memory& memory, Random& random) noexcept;

  /// Whether first questions ask for answers by unicast (§5.4). Only for who has the port for himself (§15.1).
  void prefer_unicast(bool prefer) noexcept { unicast_ = prefer; }

  /// A question from now on until `drop`. *Errors*: table_full.
  Result<std::uint8_t> ask(const dns::Name& name, dns::Type type, Asking how, Duration patience, Instant now) noexcept;
  void drop(std::uint8_t question) noexcept;
  /// Its patience is over at `deadline` at the latest.
  void hurry(std::uint8_t question, Instant deadline) noexcept {
    if (deadline < questions_[question].deadline) { questions_[question].deadline = deadline; }
  }
  std::size_t in_use() const noexcept;

  /// `denied`: whoever has the name says that there are no such records.
  State state(std::uint8_t question, Instant now) const noexcept;
  /// What has changed since the question was asked, or since it was last told. *Errors*: table_full, once, when there
  /// was no room for an answer or for the news that one is gone.
  Result<std::optional<RecordEvent>> take(std::uint8_t question, Instant now) noexcept;
  /// The first of the known answers behind `position`, which is moved behind it.
  std::optional<RecordEvent> next_answer(std::uint8_t question, std::size_t& position, Instant now) const noexcept;

  void input(const dns::Message& message, const Incoming& from, Instant now) noexcept;
  /// The next message to send at `now`, at the front of `out` (512 bytes at least), and on which link; 0: none.
  std::size_t poll(Instant now, std::span<std::byte> out, std::uint8_t& link) noexcept;
  /// When `poll` has something to do.
  Instant poll_at() const noexcept;
  /// Whether anything is new for anybody since this was last asked.
  bool take_news() noexcept { return std::exchange(news_, false); }

  const RecordCache& cache() const noexcept { return cache_; }
  const QuerierStatistics& statistics() const noexcept { return statistics_; }
  /// For a message that could not even be looked at.
  void count_malformed() noexcept { ++statistics_.malformed; }

 private:
  void input_response(dns::Message message, const Incoming& from, Instant now) noexcept;
  void input_query(dns::Message message, const Incoming& from, Instant now) noexcept;
  bool note_known_answers(dns::Message message, const Incoming& from) noexcept;
  void heard_question(const dns::Name& name, dns::Type type, const Incoming& from, bool comparable,
                      Instant now) noexcept;
  void learn(const dns::Message& message, const dns::Record& record, InterfaceId interface, Instant now) noexcept;
  void flush_others(const CachedRecord& fresh, Instant now) noexcept;
  void renew(CachedRecord& record, std::uint32_t ttl, Instant now) noexcept;
  void plan_refresh(CachedRecord& record) noexcept;
  bool make_room(std::size_t bytes, bool wanted) noexcept;
  void tell_missed(std::span<const std::byte> name, dns::Type type) noexcept;

  bool matches(const QuestionSlot& question, std::span<const std::byte> name, dns::Type type) const noexcept;
  bool matches(const QuestionSlot& question, const CachedRecord& record) const noexcept {
    return matches(question, cache_.name(record), record.type);
  }
  bool wanted(std::span<const std::byte> name, dns::Type type) const noexcept;
  bool wanted(const CachedRecord& record) const noexcept { return wanted(cache_.name(record), record.type); }
  bool known_unique(const QuestionSlot& question, Instant now) const noexcept;
  bool denied(const QuestionSlot& question) const noexcept;
  RecordEvent event(const CachedRecord& record, Instant now) const noexcept;

  void tick(Instant now) noexcept;
  void expire(Instant now) noexcept;
  void refresh(Instant now) noexcept;
  void ask_due(Instant now) noexcept;
  bool begin_message(PacketWriter& writer) noexcept;
  bool put_known_answers(PacketWriter& writer, Instant now) noexcept;

  const Network* network_;
  std::span<QuestionSlot> questions_;
  RecordCache cache_;
  Random* random_;
  QuerierStatistics statistics_{};
  std::size_t known_ = 0;  ///< of the cache: those before have been told as known answers
  std::uint8_t link_ = 0;  ///< of the message that is being sent in parts
  bool continuing_ = false;
  bool unicast_ = false;
  bool news_ = false;
};

/// Whether an NSEC record's data (uncompressed) says that there are records of that type.
bool has_type(std::span<const std::byte> nsec, dns::Type type) noexcept;

}  // namespace nal::mdns
