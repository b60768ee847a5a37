#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "examples/coap/body.hpp"
#include "examples/coap/node.hpp"
#include "examples/coap/route.hpp"
#include "nal/detail/list.hpp"
#include "nal/future.hpp"

namespace coap {

class Responding;
class Server;

/// A message that was received, so that the same one is not obeyed twice (RFC 7252 §4.5).
struct Seen {
  /// What may become of it when the table is full.
  enum class Keep : std::uint8_t {
    free,        ///< nothing is here
    if_room,     ///< may go at any time: executing it again changes nothing, or something else guards it
    while_sent,  ///< may go when the client sends it no more: once more it does what it did
    always,      ///< until its time is over
  };
  enum class Answer : std::uint8_t { none, acknowledged, stored };

  Keep keep = Keep::free;
  Answer answer = Answer::none;
  std::uint16_t id = 0;
  std::uint16_t size = 0;  ///< of the stored answer
  nal::Endpoint remote{};
  nal::Instant since{};
  nal::Instant until{};
};

/// A request that is kept to be answered again (an observer) or later (asked of a group).
struct Stored {
  enum class Kind : std::uint8_t { free, observer, group };
  Kind kind = Kind::free;
  bool dirty = false;            ///< the resource has changed
  bool outstanding = false;      ///< a confirmable notification has not been acknowledged yet
  std::uint8_t unconfirmed = 0;  ///< notifications since one had to be acknowledged
  std::uint16_t options_size = 0;
  std::uint32_t sequence = 0;
  const Route* route = nullptr;
  Retransmission retransmission{};
  nal::Instant confirmed{};  ///< when the client last acknowledged something
  Token token{};
  Ends ends{};
};

/// A body that arrives in blocks (RFC 7959 §2.3).
struct Upload {
  bool used = false;
  std::uint16_t first_id = 0;
  std::uint32_t resource = 0;  ///< hash of path and query
  std::uint32_t next = 0;      ///< bytes that have come
  std::uint32_t last = 0;      ///< where the last block began
  const Route* route = nullptr;
  nal::Instant until{};
  nal::Endpoint remote{};
  SmallBytes<8> tag{};  ///< Request-Tag
};

/// A request that is to be answered by a message of its own.
struct Pending {
  Ends ends{};
  Token token{};
  std::uint16_t generation = 0;
  std::uint8_t no_response = 0;
  bool used = false;
  bool confirmable = false;
};

/// Memory of a server. The caller's; outlives it.
struct ServerMemory {
  std::span<Seen> seen;
  std::span<std::byte> answers;  ///< of what was seen, in equal parts: as large as the answers to POST, PUT… may be
  std::span<Stored> stored;
  std::span<std::byte> stored_options;  ///< of those, in equal parts: path, query, Accept
  std::span<Upload> uploads;
  std::span<std::byte> assembly;  ///< of those, in equal parts: bodies for routes that do not stream
  std::span<Pending> pending;
};

struct ServerSizes {
  std::size_t seen = 16;  ///< requests that change something within EXCHANGE_LIFETIME (247 s); more are told to wait
  std::size_t answer = 64;
  std::size_t observers = 4;  ///< and requests to a group that wait for their leisure
  std::size_t observer_options = 64;
  std::size_t uploads = 1;
  std::size_t assembly = 0;
  std::size_t later = 2;  ///< requests that are answered later
};

/// Memory for one server, declared as one object.
template <ServerSizes Sizes = ServerSizes{}>
class ServerBuffers {
 public:
  ServerMemory memory() noexcept { return {seen_, answers_, stored_, stored_options_, uploads_, assembly_, pending_}; }

 private:
  std::array<Seen, Sizes.seen> seen_{};
  std::array<std::byte, Sizes.seen * Sizes.answer> answers_;
  std::array<Stored, Sizes.observers> stored_{};
  std::array<std::byte, Sizes.observers * Sizes.observer_options> stored_options_;
  std::array<Upload, Sizes.uploads> uploads_{};
  std::array<std::byte, Sizes.uploads * Sizes.assembly> assembly_;
  std::array<Pending, Sizes.later> pending_{};
};

struct ServerConfig {
  std::uint8_t block_szx = 6;      ///< the largest blocks of answers: 16 << szx bytes
  std::uint8_t confirm_every = 8;  ///< of so many notifications one must be acknowledged
  /// Least time between two notifications to a client that it need not acknowledge (RFC 7641 §4.5.1); what has changed
  /// meanwhile is told then, as it is then. 0 where the network is known to bear more.
  std::uint8_t notify_seconds = 3;
  std::uint8_t echo_seconds = 60;    ///< for how long an Echo proves that a request is new
  std::uint32_t retry_seconds = 30;  ///< what clients are told when a table is full (Max-Age of 5.03)
};

/// A request as its handler sees it: views that end with the call.
class Call {
 public:
  Call(const Arrival& arrival, const Route& route) noexcept : arrival_(&arrival), route_(&route) {}

  Code method() const noexcept { return arrival_->message.code; }
  const Options& options() const noexcept { return arrival_->message.options; }
  std::span<const std::byte> payload() const noexcept { return payload_; }
  std::string_view text() const noexcept { return text_of(payload_); }
  const nal::Endpoint& remote() const noexcept { return arrival_->ends.remote; }
  const Route& route() const noexcept { return *route_; }
  nal::Instant now() const noexcept { return arrival_->now; }
  std::optional<std::uint32_t> content_format() const noexcept {
    return options().find_uint(OptionNumber::content_format);
  }

  /// Where the payload stands in the body, and whether more of the body follows (`Route::streams`). A body begins anew
  /// with offset 0; one that is cut off is never heard of again.
  std::uint32_t offset() const noexcept { return offset_; }
  bool more() const noexcept { return more_; }
  /// The client looks at the state because it observes it, or asked for it some time ago.
  bool notification() const noexcept { return notification_; }
  bool multicast() const noexcept { return arrival_->multicast; }

  /// The path, "/files/a/b", in `out`. *Errors*: buffer_too_small; invalid_argument: a segment holds a slash or a zero,
  /// or is "." or "..".
  nal::Result<std::string_view> path(std::span<char> out) const noexcept;
  /// What follows `name=` in the query; empty for a bare `name`.
  std::optional<std::string_view> query(std::string_view name) const noexcept;
  /// Whether the preconditions (If-Match, If-None-Match: RFC 7252 §5.10.8) hold for a resource that is there with that
  /// entity-tag, or with none is not. Otherwise the answer is `Code::precondition_failed`.
  bool precondition(bool exists, std::span<const std::byte> etag) const noexcept;

 private:
  friend class Reply;
  friend class Server;
  const Arrival* arrival_;
  const Route* route_;
  std::span<const std::byte> payload_{};
  std::uint32_t offset_ = 0;
  bool more_ = false;
  bool notification_ = false;
};

/// A request to be answered later: `Server::respond` takes it. Dropped, the request is never answered. Goes with its
/// server.
class Deferred {
 public:
  Deferred() noexcept = default;
  Deferred(Deferred&& other) noexcept
      : server_(std::exchange(other.server_, nullptr)), index_(other.index_), generation_(other.generation_) {}
  Deferred& operator=(Deferred&& other) noexcept {
    if (this != &other) {
      drop();
      server_ = std::exchange(other.server_, nullptr);
      index_ = other.index_;
      generation_ = other.generation_;
    }
    return *this;
  }
  ~Deferred() { drop(); }
  bool valid() const noexcept { return server_ != nullptr; }

 private:
  friend class Reply;
  friend class Server;
  friend class Responding;
  Deferred(Server& server, std::uint16_t index, std::uint16_t generation) noexcept
      : server_(&server), index_(index), generation_(generation) {}
  void drop() noexcept;
  /// Null: its connection is lost.
  Pending* find() const noexcept;
  Server* server_ = nullptr;
  std::uint16_t index_ = 0;
  std::uint16_t generation_ = 0;
};

/// The answer that a handler makes, in place in the message that is sent. Options first, then at most one of `text`,
/// `payload` and `body`, whose code the handler returns.
class Reply {
 public:
  Reply(Server& server, MessageWriter& out, const Call& call) noexcept : server_(&server), out_(&out), call_(&call) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  void add(OptionNumber number, std::span<const std::byte> value) noexcept { out_->add(number, value); }
  void add(OptionNumber number, std::string_view value) noexcept { out_->add(number, value); }
  void add_uint(OptionNumber number, std::uint32_t value) noexcept { out_->add_uint(number, value); }
  void content_format(std::uint16_t format) noexcept { add_uint(OptionNumber::content_format, format); }
  /// Seconds for which the answer holds; 60 unless said otherwise.
  void max_age(std::uint32_t seconds) noexcept { add_uint(OptionNumber::max_age, seconds); }
  /// Tells the state that is answered. A client that has it already (ETag in the request) is told so: `body` and the
  /// others then give `Code::valid`.
  void etag(std::span<const std::byte> tag) noexcept;

  /// 2.05 with that text as `text/plain`, in blocks if it must be.
  Code text(std::string_view text) noexcept;
  /// 2.05, or another code, with that payload, in blocks if it must be.
  Code payload(std::span<const std::byte> payload, Code code = Code::content) noexcept;
  /// The same from a source, of which only the block that was asked for is read, at once: it may be a local variable.
  Code body(const SourceRef& source, Code code = Code::content) noexcept;
  /// An error and a text that says more (RFC 7252 §5.5.2).
  Code fail(Code code, std::string_view diagnostic) noexcept;

  /// The request is to be answered later; what the handler returns does not matter then. *Errors*: table_full;
  /// not_supported: of notifications and requests to a group.
  nal::Result<Deferred> later() noexcept;

  Server& server() noexcept { return *server_; }

 private:
  friend class Server;
  void finish_options(Code code) noexcept;
  /// What cannot be sent, or is no answer, is an internal error.
  void finish(Code code) noexcept;

  Server* server_;
  MessageWriter* out_;
  const Call* call_;
  Stored* observer_ = nullptr;  ///< whose notification this is
  bool later_ = false;
  bool valid_ = false;     ///< the client has what is answered
  bool finished_ = false;  ///< the options are complete
};

/// What is answered later. Views: they outlive `Server::respond`'s operation.
struct Answer {
  Code code = Code::content;
  std::span<const std::byte> payload{};
  std::optional<std::uint16_t> content_format{};
  std::span<const Option> options{};
};

/// Told of bodies that were coming in blocks and will not be completed: see `Server::watch_uploads`.
class UploadWatch {
 public:
  /// The client has begun anew, has sent nothing more for the time that the standard gives it, or its connection is
  /// lost. `size` bytes had come and been taken; a route that streams has seen them, and drops what it kept of them. A
  /// body that its handler itself refused is not told. Must not wait, and leaves the server and its node alone.
  virtual void dropped(const Route& route, const nal::Endpoint& remote, std::uint32_t size) noexcept = 0;

 protected:
  UploadWatch() = default;
  ~UploadWatch() = default;
};

/// Answers requests from a table of routes. Needs a `run` of its node to make progress.
///
/// A request that changes something is executed once, however often it arrives: its answer is kept for
/// EXCHANGE_LIFETIME and given again. When there is no room to remember another, it is refused (5.03), not risked.
/// Answers to GET and FETCH are kept as long as there is room.
///
/// A response may be larger than its request: who can send datagrams with forged addresses makes a server multiply
/// them. Keep answers to strangers small, or ask them for an Echo (`Route::fresh`), or speak TCP.
class Server : public Role {
 public:
  /// `routes` and what `memory` names outlive the server.
  Server(Node& node, std::span<const Route> routes, const ServerMemory& memory,
         const ServerConfig& config = {}) noexcept;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// The resources at that path, and all below it if it is a subtree's, have changed: their observers are told.
  void changed(std::string_view path) noexcept;
  /// Answers a request that was put off. *Completes* when the client has acknowledged it, or when it was sent if the
  /// request was non-confirmable. *Errors*: timed_out; connection_reset: the client does not want it any more;
  /// message_size; closed: the request is gone (a connection lost). *Cancellation*: it may have been answered or not.
  Responding respond(Deferred request, const Answer& answer) noexcept;

  /// `watch` is told of bodies that end before they are complete, as soon as they do. It outlives the server. Without
  /// it a body whose client fell silent takes its place in the table until another one needs it.
  void watch_uploads(UploadWatch& watch) noexcept;

  std::size_t observers() const noexcept;
  std::span<const Route> routes() const noexcept { return routes_; }
  Node& node() const noexcept { return node_; }
  const ServerConfig& config() const noexcept { return config_; }

  bool receive(const Arrival& arrival) noexcept override;
  bool fill(nal::Instant now) noexcept override;
  nal::Instant deadline(nal::Instant now) const noexcept override;
  void undeliverable(const nal::Endpoint& remote, std::optional<std::uint16_t> id, nal::Error error) noexcept override;
  void disconnected(nal::Error error) noexcept override;

 private:
  friend class Deferred;
  friend class Reply;
  friend class Responding;

  static void release(Stored& stored) noexcept { stored.kind = Stored::Kind::free; }

  // server.cpp
  bool receive_empty(const Arrival& arrival) noexcept;
  void execute(const Arrival& arrival) noexcept;
  const Route* find_route(const Options& options) const noexcept;
  Code check(const Arrival& arrival, const Route* route) const noexcept;
  MessageWriter& begin(const Arrival& arrival, std::size_t limit) noexcept;
  void refuse(const Arrival& arrival, Code code) noexcept;
  void explain(const Arrival& arrival, Code code, MessageWriter& out) const noexcept;
  void conclude(const Arrival& arrival, Reply& reply, Code code, Seen* seen) noexcept;
  bool suppressed(std::uint32_t no_response, Code code) const noexcept {
    return (no_response >> (class_of(code) - 1) & 1) != 0;
  }

  // server_seen.cpp
  Seen* find_seen(const Arrival& arrival) noexcept;
  Seen* remember(const Arrival& arrival, Seen::Keep keep) noexcept;
  void replay(const Seen& seen, const Arrival& arrival) noexcept;
  void store(Seen* seen, const Arrival& arrival, bool answered) noexcept;
  std::span<std::byte> answer_of(const Seen& seen) noexcept;
  std::size_t answer_size() const noexcept;

  // server_upload.cpp
  Code take_block(Call& call, const Block& block, Upload*& upload) noexcept;
  std::uint32_t resource_of(const Options& options) const noexcept;
  std::span<std::byte> assembly_of(const Upload& upload) noexcept;
  void drop(Upload& upload) noexcept;

  // server_observe.cpp
  Stored* keep(const Arrival& arrival, const Route& route, Stored::Kind kind) noexcept;
  Stored* find_observer(const Ends& ends, const Token& token) noexcept;
  bool observe(Reply& reply, const Call& call) noexcept;
  bool advance(Stored& stored, nal::Instant now) noexcept;
  bool notify(Stored& stored, nal::Instant now) noexcept;
  void pace(const nal::Endpoint& client, nal::Instant now) noexcept;
  std::span<std::byte> options_room(const Stored& stored) noexcept;
  Options options_of(const Stored& stored) noexcept;

  /// A share in what a role does that only some servers need: who does not ask for it does not link it.
  struct Part {
    bool (*receive_empty)(Server& server, const Arrival& arrival) noexcept;
    bool (*fill)(Server& server, nal::Instant now) noexcept;
    nal::Instant (*deadline)(const Server& server) noexcept;
    void (*undeliverable)(Server& server, std::uint16_t id, nal::Error error) noexcept;
    void (*disconnected)(Server& server) noexcept;
  };

  // server_watch.cpp
  /// A watch's, which asks the other one in its turn.
  static const Part kWatch;

  // server_later.cpp
  /// That of answers that come by themselves.
  static const Part kLater;
  void answers_later() noexcept { (watch_ ? behind_watch_ : part_) = &kLater; }
  static bool receive_later(Server& server, const Arrival& arrival) noexcept;
  static bool fill_later(Server& server, nal::Instant now) noexcept;
  static nal::Instant later_deadline(const Server& server) noexcept;
  static void undeliverable_later(Server& server, std::uint16_t id, nal::Error error) noexcept;
  static void disconnect_later(Server& server) noexcept;
  bool advance(Responding& responding, nal::Instant now) noexcept;

  using List = nal::detail::List<Responding, Responding>;
  Node& node_;
  std::span<const Route> routes_;
  ServerMemory memory_;
  ServerConfig config_;
  std::uint32_t sequence_ = 0;  ///< of notifications
  std::size_t next_stored_ = 0;
  List responding_;
  const Part* part_ = nullptr;          ///< the one in use
  const Part* behind_watch_ = nullptr;  ///< the other one, where that is the watch's
  UploadWatch* watch_ = nullptr;
};

/// See `Server::respond`.
class [[nodiscard("await it")]] Responding : public nal::detail::ListNode<Responding> {
 public:
  Responding(Server& server, Deferred request, const Answer& answer) noexcept
      : server_(&server), request_(std::move(request)), answer_(answer) {}
  Responding(Responding&& other) noexcept
      : server_(other.server_), request_(std::move(other.request_)), answer_(other.answer_) {
    NAL_ASSERT(other.phase_ == Phase::idle);
  }
  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept;

 private:
  friend class Server;
  enum class Phase : std::uint8_t { idle, queued, sent, over };
  void finish(nal::Result<> result) noexcept;

  Server* server_;
  Deferred request_;
  Answer answer_;
  Phase phase_ = Phase::idle;
  nal::Result<> result_{};
  Retransmission retransmission_{};
  nal::WaitList changed_;
  nal::Waiter waiter_;
};

/// Tells what resources the server has (RFC 6690), those that the query picks, in blocks if it must.
Code well_known_core(const Call& call, Reply& reply) noexcept;
/// Put it into the table of routes to be discovered.
inline constexpr Route kWellKnownCore{
    .path = "/.well-known/core", .handler = well_known_core, .attributes = "ct=40", .hidden = true};

}  // namespace coap
