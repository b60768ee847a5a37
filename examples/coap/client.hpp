#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "examples/coap/body.hpp"
#include "examples/coap/node.hpp"
#include "nal/detail/list.hpp"
#include "nal/future.hpp"

namespace coap {

class Asking;
class Client;
class Exchange;
class Pinging;
class Transfer;

/// What to ask. Views: they outlive the operation that asks.
struct Request {
  Code method = Code::get;
  nal::Endpoint remote{};   ///< whom; on a TCP connection of no matter
  std::string_view path{};  ///< as in a URI: "sensors/temp"; a slash in front does not count, "%2F" is one in a segment
  std::string_view query{};              ///< "rt=light&if=a", percent-encoded too
  std::span<const Option> options{};     ///< others, in any order
  std::span<const std::byte> payload{};  ///< up to a block; larger ones: `Client::transfer`
  std::optional<std::uint16_t> content_format{};
  std::optional<std::uint16_t> accept{};
  bool confirmable = true;
  nal::IpAddress local{};  ///< where to ask from; unspecified: the stack's choice
  /// Which answers are not wanted (RFC 7967): 2 successes, 8 client errors, 16 server errors, or several of them. With
  /// all of them (26), asking completes when the request is sent or acknowledged, with the code `empty`.
  std::uint8_t no_response = 0;

  static constexpr std::uint8_t kNoResponseAtAll = 26;
};

/// An answer: views into the node's receive buffer, which it holds until it is destroyed. While it lives, the node
/// receives nothing else; do not await anything of this node's before it is gone. The node outlives it.
class [[nodiscard("it holds the receive buffer")]] Response {
 public:
  explicit Response(Node& node) noexcept : node_(&node) {}
  Response(Response&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Response& operator=(Response&& other) noexcept {
    if (this != &other) {
      release();
      node_ = std::exchange(other.node_, nullptr);
    }
    return *this;
  }
  ~Response() { release(); }
  /// None came, since none was asked for.
  static Response none() noexcept { return Response(); }

  Code code() const noexcept { return message().code; }
  bool ok() const noexcept { return is_success(code()); }
  const Options& options() const noexcept { return message().options; }
  std::span<const std::byte> payload() const noexcept { return message().payload; }
  /// The payload as text; of a failure, what the server says of it (RFC 7252 §5.5.2).
  std::string_view text() const noexcept { return text_of(payload()); }
  std::optional<std::uint32_t> content_format() const noexcept {
    return options().find_uint(OptionNumber::content_format);
  }
  /// Seconds for which it holds.
  std::uint32_t max_age() const noexcept { return options().uint_or(OptionNumber::max_age, 60); }
  std::span<const std::byte> etag() const noexcept { return options().value_of(OptionNumber::etag); }
  /// Who answered: with a request to a group, a member.
  nal::Endpoint remote() const noexcept { return node_ ? node_->held().ends.remote : nal::Endpoint{}; }
  const Message& message() const noexcept;

 private:
  Response() noexcept : node_(nullptr) {}
  void release() noexcept {
    if (node_) { std::exchange(node_, nullptr)->release(); }
  }
  static const Message kNone;
  Node* node_;
};

/// One request on its way, with what it takes to send it again. Not for applications: they have operations made of it.
class Exchange : public nal::detail::ListNode<Exchange> {
 public:
  enum class Phase : std::uint8_t {
    idle,     ///< not asked yet
    queued,   ///< to be sent as soon as the peer may be asked (§4.7)
    sent,     ///< neither acknowledged nor answered
    acked,    ///< acknowledged: the answer comes by itself
    waiting,  ///< answered at least once, and more may come: observing, or asking a group
    over,     ///< answered, or failed
  };
  enum class Kind : std::uint8_t { single, ping, observe, group };

  Exchange(Client& client, const Request& what, Kind the_kind = Kind::single) noexcept;
  /// Until it is started.
  Exchange(Exchange&& other) noexcept;
  ~Exchange() { give_up(); }

  /// Sends it (again, as a new request). The answer of the last time must have been taken.
  void start(bool same_token = false) noexcept;
  /// Nobody waits for an answer any more; one that comes late is rejected.
  void give_up() noexcept;
  /// Links the waiter if there is no answer yet.
  nal::Poll<nal::Result<Response>> poll(nal::Context& context) noexcept;
  /// Whether a task waits in `poll`.
  bool awaited() const noexcept { return !changed_.empty(); }
  Phase phase() const noexcept { return phase_; }
  Client& client() const noexcept { return *client_; }

  // Flags first and the request last: small offsets make short instructions.
  Kind kind;
  bool bert = false;  ///< blocks of several KiB, where both sides have them

 private:
  friend class Client;
  friend class Observation;

  Phase phase_ = Phase::idle;
  bool answered_ = false;                       ///< an answer is held for whoever polls
  bool echoed_ = false;                         ///< the server has been sent the Echo that it wanted
  bool fresh_ = false;                          ///< a non-confirmable request that still counts as outstanding
  bool missed_ = false;                         ///< a notification came while nobody waited for one
  nal::Result<> error_{};                       ///< why it is over
  nal::Error trouble_ = nal::Error::timed_out;  ///< the last thing that went wrong in sending it
  Client* client_;
  Retransmission retransmission_{};
  std::uint32_t sequence_ = 0;                ///< of the last notification (RFC 7641 §3.4)
  nal::Instant heard_ = nal::Instant::min();  ///< when it came
  Token token_{};
  nal::WaitList changed_;
  nal::Waiter waiter_;

 public:
  std::optional<std::uint32_t> observe{};
  std::optional<Block> block1{};
  std::optional<Block> block2{};
  SourceRef source{};         ///< of the block that `block1` names, instead of the request's payload
  std::uint32_t tag = 0;      ///< Request-Tag; 0: none
  std::size_t sent_size = 0;  ///< bytes of the payload that was sent
  nal::Duration patience{};   ///< how long to wait for an answer to come by itself; for a group, for all of them
  Request request;

 private:
  SmallBytes<40> echo_{};
};

/// Asks servers. Needs a `run` of its node to make progress; operations may be begun before it and outlive it.
///
/// Requests to one peer go out one after the other (NSTART, RFC 7252 §4.7), those to different ones at once. Any number
/// may be in flight: each is its operation's own memory.
class Client : public Role {
 public:
  /// How long to wait for an answer after the request was acknowledged, or when it is non-confirmable.
  explicit Client(Node& node, nal::Duration patience = nal::Duration::seconds(100)) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// Asks one thing. *Completes* with the answer, whatever its code. *Errors*: timed_out: no acknowledgement, or no
  /// answer; connection_reset: the peer rejected it; protocol_error: the answer has a critical option that nobody
  /// knows; message_size: it does not fit the send buffer, or the answer not the receive buffer; what sending failed
  /// with. *Cancellation*: nothing more is sent; a late answer is rejected. Whether the server did it is unknown.
  Asking request(const Request& request) noexcept;
  Asking get(const nal::Endpoint& remote, std::string_view path) noexcept;
  Asking put(const nal::Endpoint& remote, std::string_view path, std::span<const std::byte> payload,
             std::optional<std::uint16_t> content_format = {}) noexcept;
  Asking post(const nal::Endpoint& remote, std::string_view path, std::span<const std::byte> payload,
              std::optional<std::uint16_t> content_format = {}) noexcept;
  Asking remove(const nal::Endpoint& remote, std::string_view path) noexcept;

  /// Asks with bodies of any size both ways, block by block (RFC 7959): see `Transfer`, in transfer.hpp.
  Transfer transfer(const Request& request, SinkRef sink) noexcept;
  Transfer transfer(const Request& request, const SourceRef& source, SinkRef sink = {}) noexcept;

  /// Whether somebody is there. *Completes* when the peer has answered. *Errors*: as `request`.
  Pinging ping(const nal::Endpoint& remote) noexcept;

  Node& node() noexcept { return node_; }
  std::size_t in_flight() const noexcept;

  bool receive(const Arrival& arrival) noexcept override;
  bool fill(nal::Instant now) noexcept override;
  nal::Instant deadline(nal::Instant now) const noexcept override;
  void undeliverable(const nal::Endpoint& remote, std::optional<std::uint16_t> id, nal::Error error) noexcept override;
  void disconnected(nal::Error error) noexcept override;

 private:
  friend class Exchange;

  Exchange* find(const Arrival& arrival) noexcept;
  bool receive_empty(const Arrival& arrival) noexcept;
  void receive_response(Exchange& exchange, const Arrival& arrival) noexcept;
  void deliver(Exchange& exchange, const Arrival& arrival) noexcept;
  bool is_news(Exchange& exchange, const Arrival& arrival, const std::optional<std::uint32_t>& observe) noexcept;
  bool may_send(const Exchange& exchange, nal::Instant now) const noexcept;
  bool advance(Exchange& exchange, nal::Instant now) noexcept;
  bool send(Exchange& exchange) noexcept;
  nal::Result<> encode(Exchange& exchange, MessageWriter& out) noexcept;
  void finish(Exchange& exchange) noexcept;
  void fail(Exchange& exchange, nal::Error error) noexcept;

  using List = nal::detail::List<Exchange, Exchange>;
  Node& node_;
  nal::Duration patience_;
  List exchanges_;
};

/// See `Client::request`.
class [[nodiscard("await it")]] Asking {
 public:
  Asking(Client& client, const Request& request) noexcept : exchange_(client, request) {}
  nal::Poll<nal::Result<Response>> poll(nal::Context& context) noexcept {
    if (exchange_.phase() == Exchange::Phase::idle) { exchange_.start(); }
    return exchange_.poll(context);
  }

 private:
  Exchange exchange_;
};

/// See `Client::ping`.
class [[nodiscard("await it")]] Pinging {
 public:
  Pinging(Client& client, const nal::Endpoint& remote) noexcept
      : exchange_(client, Request{.method = Code::empty, .remote = remote}, Exchange::Kind::ping) {}
  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept;

 private:
  Exchange exchange_;
};

/// Asks a group (RFC 7252 §8): non-confirmable, and everybody who has something to say answers within the leisure.
///
///     coap::GroupRequest asking(client, {.remote = all_nodes, .path = ".well-known/core"}, 7_s);
///     for (;;) { NAL_CO_TRY_SET(const coap::Response answer, asking.next()); ... }
class GroupRequest {
 public:
  /// Waits for answers for `time`, counted from the first `next`.
  GroupRequest(Client& client, const Request& request, nal::Duration time) noexcept
      : exchange_(client, request, Exchange::Kind::group) {
    exchange_.patience = time;
    exchange_.request.confirmable = false;
  }

  class [[nodiscard("await it")]] Next {
   public:
    explicit Next(Exchange& exchange) noexcept : exchange_(&exchange) {}
    nal::Poll<nal::Result<Response>> poll(nal::Context& context) noexcept {
      if (exchange_->phase() == Exchange::Phase::idle) { exchange_->start(); }
      return exchange_->poll(context);
    }

   private:
    Exchange* exchange_;
  };
  /// The next answer; those that come while nobody awaits one are lost. *Errors*: timed_out: the time is over; others
  /// as `Client::request`. One at a time; the request outlives it.
  Next next() noexcept { return Next(exchange_); }

 private:
  Exchange exchange_;
};

/// Watches a resource (RFC 7641): its state now, and each that it has later, as far as the network carries them.
///
///     coap::Observation observation(client, {.remote = server, .path = "sensors/temp"});
///     for (;;) { NAL_CO_TRY_SET(const coap::Response news, observation.next()); ... }
///
/// What comes while nobody awaits `next` is asked for anew by the next `next`; what is older than what was seen is left
/// out (§3.4); when the last state has expired without news, the server is asked again (§3.3.1). Destroying it
/// forgets the resource: the next notification is rejected, which ends it at the server (§3.6).
class Observation {
 public:
  Observation(Client& client, const Request& request) noexcept : exchange_(client, request, Exchange::Kind::observe) {
    exchange_.observe = 0;
  }

  class [[nodiscard("await it")]] Next {
   public:
    explicit Next(Observation& observation) noexcept : observation_(&observation) {}
    nal::Poll<nal::Result<Response>> poll(nal::Context& context) noexcept;

   private:
    Observation* observation_;
    bool begun_ = false;
  };
  /// The next state. *Completes* with an answer of any code; one that is no success, or has no Observe, is the last one
  /// of this registration (see `observing`), and the next `next` registers anew. *Errors*: as `Client::request`; the
  /// next `next` registers anew. *Cancellation*: no state is lost for good. One at a time.
  Next next() noexcept { return Next(*this); }

  class [[nodiscard("await it")]] Cancel {
   public:
    explicit Cancel(Observation& observation) noexcept : observation_(&observation) {}
    nal::Poll<nal::Result<Response>> poll(nal::Context& context) noexcept;

   private:
    Observation* observation_;
    bool started_ = false;
  };
  /// Tells the server that no more is wanted (§3.6). *Completes* with its answer, the state now. *Errors*: as
  /// `Client::request`.
  Cancel cancel() noexcept { return Cancel(*this); }

  /// The server has registered us and not ended it.
  bool observing() const noexcept { return exchange_.phase() == Exchange::Phase::waiting; }

 private:
  Exchange exchange_;
};

}  // namespace coap
