#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nal/random.hpp"
#include "nal/resolver/answer.hpp"
#include "nal/resolver/cache.hpp"
#include "nal/resolver/settings.hpp"
#include "nal/result.hpp"

namespace nal::dns {

/// What a resolver did, counted since it was made.
struct Statistics {
  std::uint32_t asked = 0;      ///< messages to name servers
  std::uint32_t asked_tcp = 0;  ///< of those, by TCP
  std::uint32_t cached = 0;     ///< questions that the cache answered
  std::uint32_t ignored = 0;    ///< datagrams that were no answer to what was asked
};

/// What all questions of a resolver share.
struct Shared {
  Servers servers;
  SearchList search;
  Cache cache;
  Random random;
  std::span<std::byte> scratch;  ///< as large as a question's memory; nobody's between two calls
  Options options{};
  Statistics statistics{};
};

/// A name as a user gives it.
struct AskedName {
  /// *Errors*: invalid_argument.
  Result<> set(std::string_view text) noexcept;

  Name name;
  bool absolute = true;   ///< a dot stands at its end: nothing is appended
  std::uint8_t dots = 0;  ///< within it
};

/// One question on its way from server to server until it is answered, without sockets and without a clock: whoever
/// drives it sends `message()` to `server()`, and tells what it heard, that this failed, or that `deadline()` has
/// passed. Each of these may begin another attempt, which shows in `attempt()` and wants a new socket.
///
/// Ends within `Options::total`, and within `rounds` times `servers` attempts for each name of the search list and of a
/// chain of aliases, whatever it hears.
class Query {
 public:
  enum class Transport : std::uint8_t { udp, tcp };
  /// Datagrams that are no answer before it asks by TCP, where nobody can guess (RFC 5452 §9.3).
  static constexpr unsigned kMaxIgnored = 32;

  /// Begins. Names that need no server, and those in the cache, are answered at once. `memory` holds the message that
  /// is sent, the one that is received, and in the end the answer's records; it and `shared` outlive the query.
  /// *Errors*: invalid_argument for types that no record has; not_supported for names of multicast DNS.
  Result<> start(Shared& shared, std::span<std::byte> memory, const AskedName& asked, Type type, Instant now) noexcept;
  /// Is answered from the beginning: with the address itself, or its name if it is of this host.
  void start_literal(std::span<std::byte> memory, const IpAddress& address) noexcept;
  void start_localhost_name(std::span<std::byte> memory) noexcept;
  /// From the beginning again: the servers are others.
  void restart(Instant now) noexcept;

  /// Whether this is that question, and not yet answered.
  bool is(const AskedName& asked, Type type) const noexcept;

  bool done() const noexcept { return done_; }
  /// Once it is done: the records, none if the name has none of that type. *Errors*: name_not_found,
  /// name_service_failed, timed_out; what `failed` was told of this host's own tables. *Buffer lifetime*: in the
  /// query's memory.
  Result<RecordSet> records() const noexcept;
  /// Of a literal address.
  std::uint32_t zone() const noexcept { return zone_; }

  // While it is not done.
  unsigned attempt() const noexcept { return attempt_; }
  Transport transport() const noexcept { return transport_; }
  const Endpoint& server() const noexcept { return shared_->servers[server_].endpoint; }
  /// What to send; by TCP with its length in front (RFC 1035 §4.2.2). In the query's memory, which is overwritten by
  /// what is received.
  std::span<const std::byte> message() const noexcept { return memory_.first(message_size_); }
  /// Where to receive.
  std::span<std::byte> memory() const noexcept { return memory_; }
  /// When the attempt is given up.
  Instant deadline() const noexcept { return deadline_; }

  /// The first `size` bytes of its memory came from the server. `cut`: there were more.
  void heard(std::size_t size, bool cut, Instant now) noexcept;
  /// The attempt failed. table_full and no_memory are this host's own fault and end the query.
  void failed(Error error, Instant now) noexcept;
  void timed_out(Instant now) noexcept;

 private:
  enum class Match : std::uint8_t { yes, no, other_case, bare_error };

  Result<> make_candidate(std::size_t index, Name& name) const noexcept;
  void next_candidate(Instant now) noexcept;
  void ask(Instant now) noexcept;
  void next_server(Instant now) noexcept;
  void begin_attempt(Instant now) noexcept;
  void mix_case() noexcept;
  Match match(const Message& message) const noexcept;
  void ignore(Instant now) noexcept;
  void give_up_server(Instant now) noexcept;
  void server_worked() noexcept;
  void take(const Reading& reading, const Name& chain, unsigned aliases, Instant now) noexcept;
  void settle(Answer answer, Instant now) noexcept;
  void finish(const Answer& answer) noexcept;
  void finish(Error error) noexcept;

  Shared* shared_ = nullptr;
  std::span<std::byte> memory_;
  AskedName base_;  ///< as the user asked
  Name asked_;      ///< of the search list, or an alias's target; its letters as they were sent last
  Instant total_{};
  Instant deadline_{};
  Answer answer_{};
  Error error_{};
  Type type_{};
  std::uint32_t ttl_ = 0;       ///< the least of the aliases that led to `asked_`
  std::uint32_t tried_ = 0;     ///< servers asked in this round
  std::uint32_t given_up_ = 0;  ///< servers that have answered, and cannot help
  std::uint32_t zone_ = 0;
  std::size_t candidate_ = 0;
  std::size_t server_ = 0;
  std::size_t message_size_ = 0;
  unsigned attempt_ = 0;
  unsigned aliases_ = 0;  ///< how many may still be followed
  unsigned ignored_ = 0;  ///< in this attempt
  unsigned round_ = 0;
  std::uint16_t id_ = 0;
  Transport transport_ = Transport::udp;
  bool done_ = false;
  bool silence_ = false;       ///< a server did not answer at all
  bool edns_ = false;          ///< in this attempt
  bool exact_case_ = false;    ///< in this attempt
  bool without_edns_ = false;  ///< this server, having said so
  bool folds_case_ = false;    ///< this server, having shown so
};

}  // namespace nal::dns
