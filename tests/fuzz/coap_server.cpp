// A CoAP server against clients that say anything, on a clock that jumps, over datagrams and over a stream: it stays
// within its memory, sends nothing but whole messages, none of them to or from a group, obeys no request twice, and is
// never due at once for ever.
//
// An input is a list of steps, each a byte that says what happens, and others that say how.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "examples/coap/server.hpp"
#include "examples/coap/stream_link.hpp"
#include "examples/coap/tcp_frame.hpp"
#include "nal/task_slot.hpp"
#include "tests/fuzz/harness.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

using namespace coap;

using Clock = nal::test::VirtualClock;
using nal::fuzz::require;

/// Gives bytes that tell where they stand.
class Source {
 public:
  explicit Source(std::size_t size) : size_(size) {}
  nal::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) noexcept {
    if (offset >= size_) { return std::size_t{0}; }
    const std::size_t n = std::min<std::size_t>(out.size(), size_ - static_cast<std::size_t>(offset));
    for (std::size_t i = 0; i < n; ++i) { out[i] = static_cast<std::byte>(offset + i); }
    return n;
  }
  std::optional<std::uint64_t> size() const noexcept { return size_; }

 private:
  std::size_t size_;
};

nal::Task<> respond(Server& server, Deferred& request, std::size_t size) {
  const std::array<std::byte, 64> payload{};
  Answer answer;
  answer.payload = std::span(payload).first(size % 65);
  static_cast<void>(co_await server.respond(std::move(request), answer));
  co_return nal::Unit{};
}

/// What the application is, and what it sees.
class Application {
 public:
  explicit Application(Clock& clock) : clock_(&clock) {}

  Code counter(const Call& call, Reply& reply) noexcept {
    look_at(call);
    // RFC 7252 §4.5: not twice, whatever the network does. A fuzzed stream has no ids to go by.
    if (call.method() == Code::post && id_) {
      const auto key = std::make_pair(call.remote(), *id_);
      const auto known = executed_.find(key);
      require(known == executed_.end() || clock_->now() >= known->second);
      // EXCHANGE_LIFETIME and NON_LIFETIME (§4.8.2).
      executed_[key] = clock_->now() + nal::Duration::seconds(confirmable_ ? 247 : 145);
    }
    ++count_;
    reply.etag(std::as_bytes(std::span(&count_, 1)));
    return call.method() == Code::get ? reply.text("a state") : Code::changed;
  }
  Code large(const Call& call, Reply& reply) noexcept {
    look_at(call);
    Source source(300);
    return reply.body(source);
  }
  Code whole(const Call& call, Reply& reply) noexcept {
    look_at(call);
    require(!call.more() && call.offset() == 0);
    return reply.payload(call.payload(), Code::changed);
  }
  Code stream(const Call& call, Reply&) noexcept {
    look_at(call);
    return Code::changed;
  }
  Code later(const Call& call, Reply& reply) noexcept {
    look_at(call);
    auto deferred = reply.later();
    if (!deferred) { return Code::service_unavailable; }
    waiting_.push_back(*std::move(deferred));
    return Code::empty;
  }
  Code failing(const Call& call, Reply& reply) noexcept {
    look_at(call);
    return reply.fail(Code::forbidden, "not for you, and this text is longer than a small block of sixteen bytes");
  }

  std::vector<Deferred>& waiting() { return waiting_; }
  /// Of the message that is being received.
  void receiving(std::optional<std::uint16_t> id, bool confirmable) {
    id_ = id;
    confirmable_ = confirmable;
  }

 private:
  /// Touches all of it, for AddressSanitizer.
  void look_at(const Call& call) {
    unsigned sum = 0;
    for (const std::byte byte : call.payload()) { sum += std::to_integer<unsigned>(byte); }
    for (const Option& option : call.options()) {
      for (const std::byte byte : option.value) { sum += std::to_integer<unsigned>(byte); }
    }
    std::array<char, 64> memory;
    const auto path = call.path(memory);
    if (path) { require(path->size() <= memory.size()); }
    static_cast<void>(call.query("a"));
    static_cast<void>(call.precondition(sum % 2 == 0, bytes_of("one")));
    require(sum < 1'000'000);
  }

  Clock* clock_;
  std::map<std::pair<nal::Endpoint, std::uint16_t>, nal::Instant> executed_;
  std::vector<Deferred> waiting_;
  std::optional<std::uint16_t> id_;
  bool confirmable_ = false;
  unsigned count_ = 0;
};

template <Code (Application::*kMember)(const Call&, Reply&) noexcept>
struct Method {
  Application* application;
  Code operator()(const Call& call, Reply& reply) const noexcept { return (application->*kMember)(call, reply); }
};

constexpr Methods kAll = Methods::get | Methods::put | Methods::post | Methods::delete_ | Methods::fetch;
constexpr ServerSizes kSizes{
    .seen = 4, .answer = 24, .observers = 3, .observer_options = 16, .uploads = 2, .assembly = 100, .later = 2};

class Run {
 public:
  Run(std::span<const std::byte> input, bool over_stream) : input_(input), over_stream_(over_stream) {
    if (over_stream_) { link_.emplace(node_); }
  }

  void go() {
    settle();
    while (!input_.empty() && !(link_ && link_->finished())) {
      step();
      settle();
    }
    responding_.cancel();
    deferred_ = Deferred();
    application_.waiting().clear();
    link_.reset();
  }

 private:
  std::size_t next() { return nal::fuzz::take(input_); }
  std::span<const std::byte> next_bytes() {
    const std::size_t wanted = next() % 160;
    const auto bytes = input_.first(std::min(wanted, input_.size()));
    input_ = input_.subspan(bytes.size());
    return bytes;
  }
  nal::Endpoint peer(std::size_t which) const {
    return {nal::Ipv4Address(192, 0, 2, static_cast<std::uint8_t>(which % 3 + 1)), 40000};
  }

  void step() {
    const std::size_t what = next();
    switch (what % 16) {
      case 0:
      case 1: feed(next_bytes(), peer(what / 16), what >= 224); break;
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
      case 7: ask(what / 16); break;
      case 8: again(what >= 128); break;
      case 9: acknowledge(what >= 128 ? Type::reset : Type::acknowledgement); break;
      case 10: server_.changed(what >= 128 ? "/large" : "/counter"); break;
      case 11: answer_later(next()); break;
      case 12: application_.waiting().clear(); break;
      case 13: responding_.cancel(); break;
      case 14: clock_.advance(nal::Duration::milliseconds(static_cast<std::int64_t>(next() * next() * 4))); break;
      default: fail_next_ = true; break;
    }
  }

  /// A request that makes some sense, so that fuzzing gets behind the codec.
  void ask(std::size_t who) {
    constexpr std::array<Code, 4> kMethods{Code::get, Code::post, Code::put, Code::delete_};
    constexpr std::array<std::string_view, 8> kPaths{"counter", "large",   "whole", "stream",
                                                     "later",   "failing", "fresh", ".well-known"};
    const std::size_t kind = next();
    const std::size_t options = next();
    std::array<std::byte, 256> memory;
    MessageWriter writer(memory);
    const std::array<std::byte, 2> token{static_cast<std::byte>(who), static_cast<std::byte>(kind)};
    writer.begin(kind & 128 ? Type::non_confirmable : Type::confirmable, kMethods[kind / 8 % 4],
                 static_cast<std::uint16_t>(next()), std::span(token).first(options % 3));
    writer.add(OptionNumber::uri_path, kPaths[kind % 8]);
    if (kind % 8 == 7) { writer.add(OptionNumber::uri_path, "core"); }
    if (options & 4) { writer.add_uint(OptionNumber::observe, static_cast<std::uint32_t>(next() % 3)); }
    if (options & 8) { writer.add_uint(OptionNumber::block1, static_cast<std::uint32_t>(next() % 64)); }
    if (options & 16) { writer.add_uint(OptionNumber::block2, static_cast<std::uint32_t>(next())); }
    if (options & 32) { writer.add_uint(OptionNumber::no_response, static_cast<std::uint32_t>(next() % 32)); }
    if (options & 64) { writer.add(OptionNumber::uri_query, options & 128 ? "rt=a*" : "href=/large"); }
    if (echo_.size() != 0 && kind % 8 == 6) { writer.add(OptionNumber::echo, echo_); }
    std::array<std::byte, 64> payload{};
    const std::size_t size = next() % 65;
    if (size != 0) { writer.add_payload(std::span(payload).first(size)); }
    const auto bytes = over_stream_ ? writer.frame() : writer.datagram();
    require(bytes.has_value());
    last_.assign(bytes->begin(), bytes->end());
    last_from_ = peer(who);
    feed(last_, last_from_, !over_stream_ && (kind & 64) != 0);
  }

  /// The same datagram once more.
  void again(bool multicast) {
    if (!last_.empty()) { feed(std::vector<std::byte>(last_), last_from_, multicast); }
  }

  void acknowledge(Type type) {
    if (over_stream_) { return; }
    std::array<std::byte, 16> memory;
    MessageWriter writer(memory);
    writer.begin(type, Code::empty, sent_id_, {});
    feed(*writer.datagram(), sent_to_, false);
  }

  void answer_later(std::size_t size) {
    if (responding_.running() || application_.waiting().empty()) { return; }
    deferred_ = std::move(application_.waiting().front());
    application_.waiting().erase(application_.waiting().begin());
    require(responding_.start(executor_, respond, server_, deferred_, size).has_value());
  }

  void feed(std::span<const std::byte> bytes, const nal::Endpoint& from, bool multicast) {
    if (link_) {
      while (!bytes.empty()) {
        const auto room = link_->input_room();
        if (room.empty()) { return; }
        const std::size_t n = std::min(bytes.size(), room.size());
        std::copy_n(bytes.begin(), n, room.begin());
        bytes = bytes.subspan(n);
        link_->received(n, clock_.now());
        settle();
        if (link_->finished()) { return; }
      }
      return;
    }
    const auto room = node_.input_room();
    if (room.empty()) { return; }
    const std::size_t n = std::min(bytes.size(), room.size());
    std::copy_n(bytes.begin(), n, room.begin());
    nal::Received about;
    about.size = n;
    about.datagram_size = bytes.size();
    about.remote = from;
    about.local = {multicast ? nal::Ipv4Address(224, 0, 1, 187) : nal::Ipv4Address(192, 0, 2, 9), 5683};
    about.truncated = n < bytes.size();
    Message message;
    const auto parsed = Message::parse(bytes, message);
    application_.receiving(parsed ? std::optional(message.id) : std::nullopt, message.type == Type::confirmable);
    node_.received(about, clock_.now());
    application_.receiving(std::nullopt, false);
  }

  /// Everybody who can do something does it, in a bounded number of turns.
  void settle() {
    for (unsigned turn = 0;; ++turn) {
      require(turn < 1000);
      const bool polled = executor_.poll_once();
      const bool sent = link_ ? send_stream() : send_datagram();
      if (!polled && !sent) { break; }
    }
    require(node_.deadline(clock_.now()) > clock_.now());
  }

  bool send_datagram() {
    const Node::Outgoing* out = node_.output(clock_.now());
    if (!out) { return false; }
    Message message;
    require(Message::parse(out->bytes, message).has_value());
    require(!out->ends.remote.address.is_multicast() && !out->ends.local.address.is_multicast());
    check(message);
    if (message.type == Type::confirmable || message.type == Type::non_confirmable) { sent_id_ = message.id; }
    sent_to_ = out->ends.remote;
    node_.sent(std::exchange(fail_next_, false) ? nal::Result<>(nal::Unexpected(nal::Error::network_unreachable))
                                                : nal::Result<>());
    return true;
  }

  bool send_stream() {
    const auto out = link_->output(clock_.now());
    if (out.empty()) { return false; }
    const std::size_t n = fail_next_ ? 1 : out.size();
    fail_next_ = false;
    stream_.insert(stream_.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
    link_->sent(n);
    for (;;) {
      const auto header = TcpHeader::parse(stream_);
      require(header.has_value());
      if (!header->complete() || stream_.size() < header->total()) { return true; }
      Message message;
      message.code = static_cast<Code>(header->code);
      const auto body =
          std::span<const std::byte>(stream_).subspan(header->size + std::size_t{header->token_length}, header->length);
      require(Message::parse_body(body, message).has_value());
      check(message);
      stream_.erase(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(header->total()));
    }
  }

  void check(const Message& message) {
    if (message.code == Code::empty) {
      require(message.type == Type::acknowledgement || message.type == Type::reset);
      return;
    }
    if (is_signal(message.code)) {
      require(over_stream_);
      return;
    }
    require(is_response(message.code));
    // The bad option of a 4.02 must not be given back, and all else is known.
    require(!message.options.first_bad());
    if (const auto echo = message.options.find(OptionNumber::echo)) { echo_ = *echo; }
    const auto block = Block::find(message.options, OptionNumber::block2);
    if (block && block->szx != Block::kBert) { require(message.payload.size() <= block->size()); }
  }

  std::span<const std::byte> input_;
  bool over_stream_;
  Clock clock_;
  nal::Executor executor_{clock_};
  Application application_{clock_};
  Method<&Application::counter> counter_{&application_};
  Method<&Application::large> large_{&application_};
  Method<&Application::whole> whole_{&application_};
  Method<&Application::stream> stream_handler_{&application_};
  Method<&Application::later> later_{&application_};
  Method<&Application::failing> failing_{&application_};
  std::array<Route, 8> routes_{{
      {.path = "/counter", .methods = kAll, .handler = counter_, .attributes = "rt=a", .observable = true},
      {.path = "/large", .methods = kAll, .handler = large_, .observable = true},
      {.path = "/whole", .methods = kAll, .handler = whole_},
      {.path = "/stream", .methods = kAll, .handler = stream_handler_, .subtree = true, .streams = true},
      {.path = "/later", .methods = kAll, .handler = later_, .observable = true},
      {.path = "/failing", .methods = kAll, .handler = failing_, .consumes = std::uint16_t{0}},
      {.path = "/fresh", .methods = kAll, .handler = counter_, .fresh = coap::by_echo},
      kWellKnownCore,
  }};
  std::array<std::byte, 160> receive_;
  std::array<std::byte, 160> send_;
  Node node_{NodeConfig{.seed = 1}, Memory{receive_, send_}};
  ServerBuffers<kSizes> tables_;
  Server server_{node_, routes_, tables_.memory()};
  std::optional<StreamLink> link_;
  Deferred deferred_;
  nal::TaskSlot<4096> responding_;
  std::vector<std::byte> stream_;
  std::vector<std::byte> last_;
  nal::Endpoint last_from_{};
  nal::Endpoint sent_to_{};
  std::uint16_t sent_id_ = 0;
  SmallBytes<40> echo_{};
  bool fail_next_ = false;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                                     reinterpret_cast<const std::byte*>(data) + size);
  Run(bytes, false).go();
  Run(bytes, true).go();
  return 0;
}
