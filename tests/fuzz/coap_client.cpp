// A CoAP client against peers that say anything, over datagrams and over a stream, with an application that begins and
// gives up anything, on a clock that jumps: it stays within its memory, sends nothing but whole messages, each no
// oftener than it may, hands bodies on in order without gaps, and is never due at once for ever.
//
// An input is a list of steps, each a byte that says what happens, and others that say how.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "examples/coap/client.hpp"
#include "examples/coap/stream_link.hpp"
#include "examples/coap/tcp_frame.hpp"
#include "examples/coap/transfer.hpp"
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
    require(offset <= size_);
    const std::size_t n = std::min<std::size_t>(out.size(), size_ - static_cast<std::size_t>(offset));
    for (std::size_t i = 0; i < n; ++i) { out[i] = static_cast<std::byte>(offset + i); }
    return n;
  }

 private:
  std::size_t size_;
};

/// Takes bytes that must come one behind the other, or again from the start.
class Sink {
 public:
  nal::Result<> write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
    require(offset == 0 || offset == size_);
    size_ = offset + data.size();
    for (const std::byte byte : data) { sum_ += std::to_integer<unsigned>(byte); }
    return nal::Unit{};
  }

 private:
  std::uint64_t size_ = 0;
  unsigned sum_ = 0;
};

/// Touches all of it, for AddressSanitizer.
void look_at(const Response& response) {
  unsigned sum = 0;
  for (const std::byte byte : response.payload()) { sum += std::to_integer<unsigned>(byte); }
  for (const Option& option : response.options()) {
    for (const std::byte byte : option.value) { sum += std::to_integer<unsigned>(byte); }
  }
  require(sum < 1'000'000);
}

nal::Task<> ask(Client& client, nal::Endpoint remote, bool confirmable, std::uint8_t no_response) {
  const Request request{.method = Code::post,
                        .remote = remote,
                        .path = "a/b",
                        .query = "c&d",
                        .payload = bytes_of("hello"),
                        .confirmable = confirmable,
                        .no_response = no_response};
  const auto answer = co_await client.request(request);
  if (answer) { look_at(*answer); }
  co_return nal::Unit{};
}

nal::Task<> send_body(Client& client, nal::Endpoint remote, std::size_t size, std::uint8_t szx) {
  Source source(size);
  Sink sink;
  const Request request{.method = Code::put, .remote = remote, .path = "body"};
  auto transfer = client.transfer(request, source, sink);
  transfer.limit_blocks(szx);
  const auto answer = co_await transfer;
  if (answer) { look_at(*answer); }
  require(transfer.sent() <= size);
  co_return nal::Unit{};
}

nal::Task<> fetch_body(Client& client, nal::Endpoint remote) {
  Sink sink;
  const Request request{.remote = remote, .path = "body"};
  auto transfer = client.transfer(request, sink);
  const auto answer = co_await transfer;
  if (answer) { look_at(*answer); }
  co_return nal::Unit{};
}

nal::Task<> observe(Client& client, nal::Endpoint remote, unsigned most) {
  const Request request{.remote = remote, .path = "state"};
  Observation observation(client, request);
  for (unsigned i = 0; i < most; ++i) {
    const auto news = co_await observation.next();
    if (news) { look_at(*news); }
  }
  const auto last = co_await observation.cancel();
  if (last) { look_at(*last); }
  co_return nal::Unit{};
}

nal::Task<> ask_group(Client& client, nal::Duration patience) {
  const Request request{.remote = {nal::Ipv4Address(224, 0, 1, 187), 5683}, .path = "state"};
  GroupRequest asking(client, request, patience);
  for (;;) {
    const auto answer = co_await asking.next();
    if (!answer) { break; }
    look_at(*answer);
  }
  co_return nal::Unit{};
}

nal::Task<> ping(Client& client, nal::Endpoint remote) {
  static_cast<void>(co_await client.ping(remote));
  co_return nal::Unit{};
}

class Run {
 public:
  Run(std::span<const std::byte> input, bool over_stream) : input_(input) {
    if (over_stream) { link_.emplace(node_); }
  }

  void go() {
    settle();
    while (!input_.empty() && !(link_ && link_->finished())) {
      step();
      settle();
    }
    for (auto& slot : slots_) { slot.cancel(); }
    link_.reset();
    require(client_.in_flight() == 0);
  }

 private:
  std::size_t next() { return nal::fuzz::take(input_); }
  std::span<const std::byte> next_bytes() {
    const std::size_t wanted = next() % 96;
    const auto bytes = input_.first(std::min(wanted, input_.size()));
    input_ = input_.subspan(bytes.size());
    return bytes;
  }
  nal::Endpoint peer(std::size_t which) const {
    return {nal::Ipv4Address(192, 0, 2, static_cast<std::uint8_t>(which % 3 + 1)), 5683};
  }

  void step() {
    const std::size_t what = next();
    auto& slot = slots_[what / 16 % slots_.size()];
    const auto begin = [&](auto function, auto... arguments) {
      if (!slot.running()) { require(slot.start(executor_, function, client_, arguments...).has_value()); }
    };
    switch (what % 16) {
      case 0:
      case 1: feed(next_bytes(), peer(what / 16)); break;
      case 2:
      case 3:
      case 4:
      case 5:
      case 6: answer(next()); break;
      case 7:
        begin(ask, peer(what), next() % 2 == 0, std::uint8_t{what >= 240 ? std::uint8_t{26} : std::uint8_t{0}});
        break;
      case 8: begin(send_body, peer(what), next() * 2, static_cast<std::uint8_t>(what / 32)); break;
      case 9: begin(fetch_body, peer(what)); break;
      case 10: begin(observe, peer(what), static_cast<unsigned>(next() % 8)); break;
      case 11: begin(ask_group, nal::Duration::seconds(static_cast<std::int64_t>(next()))); break;
      case 12: begin(ping, peer(what)); break;
      case 13: slot.cancel(); break;
      case 14: clock_.advance(nal::Duration::milliseconds(static_cast<std::int64_t>(next() * next()))); break;
      default:
        if (what < 128) {
          fail_next_ = true;
        } else if (!link_) {
          node_.refused(peer(what), nal::Error::connection_refused);
        }
        break;
    }
  }

  void feed(std::span<const std::byte> bytes, const nal::Endpoint& from) {
    if (link_) {
      feed_stream(bytes);
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
    about.local = {nal::Ipv4Address(192, 0, 2, 9), 40000};
    about.truncated = n < bytes.size();
    node_.received(about, clock_.now());
  }

  void feed_stream(std::span<const std::byte> bytes) {
    while (!bytes.empty() && !link_->finished()) {
      const auto room = link_->input_room();
      if (room.empty()) { return; }
      const std::size_t n = std::min(bytes.size(), room.size());
      std::copy_n(bytes.begin(), n, room.begin());
      bytes = bytes.subspan(n);
      link_->received(n, clock_.now());
      settle();
    }
  }

  /// What a server would say to the last message, more or less, so that fuzzing gets behind ids and tokens.
  void answer(std::size_t which) {
    constexpr std::array<Code, 8> kCodes{Code::content,   Code::changed,
                                         Code::continue_, Code::valid,
                                         Code::not_found, Code::request_entity_too_large,
                                         Code::empty,     Code::request_entity_incomplete};
    constexpr std::array<Type, 4> kTypes{Type::acknowledgement, Type::acknowledgement, Type::confirmable,
                                         Type::non_confirmable};
    if (recent_.empty()) { return; }
    const Recent& to = recent_[next() % recent_.size()];
    Type type = kTypes[which / 8 % 4];
    const Code code = kCodes[which % 8];
    if (code == Code::empty && which >= 128) { type = Type::reset; }
    const bool replies = type == Type::acknowledgement || type == Type::reset;
    std::array<std::byte, 256> memory;
    MessageWriter writer(memory);
    writer.begin(type, code, replies ? to.id : static_cast<std::uint16_t>(next()),
                 code == Code::empty ? Token{} : to.token);
    if (code != Code::empty) {
      const std::size_t options = next();
      if (options & 1) { writer.add(OptionNumber::etag, bytes_of(options & 128 ? "one" : "two")); }
      if (options & 2) { writer.add_uint(OptionNumber::observe, static_cast<std::uint32_t>(next())); }
      if (options & 4) {
        const bool same = (options & 64) != 0 && to.block1;
        writer.add_uint(OptionNumber::block1, same ? to.block1->value() : static_cast<std::uint32_t>(next()));
      }
      if (options & 8) {
        Block block = to.block2.value_or(Block{0, false, static_cast<std::uint8_t>(next() % 8)});
        block.more = (options & 32) != 0;
        writer.add_uint(OptionNumber::block2, block.value());
      }
      if (options & 16) { writer.add(static_cast<OptionNumber>(next() * 2), next_bytes().first(0)); }
      std::array<std::byte, 64> payload{};
      writer.add_payload(std::span(payload).first(next() % 65));
    }
    const auto bytes = link_ ? writer.frame() : writer.datagram();
    if (bytes) { feed(*bytes, to.remote); }
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
    check(message, out->ends.remote);
    node_.sent(std::exchange(fail_next_, false) ? nal::Result<>(nal::Unexpected(nal::Error::network_unreachable))
                                                : nal::Result<>());
    return true;
  }

  bool send_stream() {
    const auto out = link_->output(clock_.now());
    if (out.empty()) { return false; }
    const std::size_t n = std::exchange(fail_next_, false) ? 1 : out.size();
    stream_.insert(stream_.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
    link_->sent(n);
    for (;;) {
      const auto header = TcpHeader::parse(stream_);
      require(header.has_value());
      if (!header->complete() || stream_.size() < header->total()) { return true; }
      const auto rest = std::span<const std::byte>(stream_).subspan(header->size);
      Message message;
      message.code = static_cast<Code>(header->code);
      message.token = rest.first(header->token_length);
      require(Message::parse_body(rest.subspan(header->token_length, header->length), message).has_value());
      if (!is_signal(message.code)) { check(message, peer(0)); }
      stream_.erase(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(header->total()));
    }
  }

  void check(const Message& message, const nal::Endpoint& remote) {
    require(!message.options.first_bad());
    if (message.code == Code::empty) { return; }
    require(is_request(message.code) && !message.token.empty());
    require(message.type == Type::confirmable || message.type == Type::non_confirmable);
    if (!link_) { count(message); }
    Recent recent{remote, message.id, message.token, Block::find(message.options, OptionNumber::block1),
                  Block::find(message.options, OptionNumber::block2)};
    if (recent.remote.address.is_multicast()) { recent.remote = peer(0); }
    recent_.insert(recent_.begin(), recent);
    if (recent_.size() > 4) { recent_.pop_back(); }
  }

  /// RFC 7252 §4.8: sent once and four times again.
  void count(const Message& message) {
    auto& [first, times] = sent_[message.id];
    if (times == 0 || clock_.now() - first > nal::Duration::seconds(247)) {
      first = clock_.now();
      times = 0;
    }
    require(++times <= (message.type == Type::confirmable ? 5 : 1));
  }

  struct Recent {
    nal::Endpoint remote;
    std::uint16_t id;
    Token token;
    std::optional<Block> block1;
    std::optional<Block> block2;
  };
  struct Times {
    nal::Instant first{};
    unsigned count = 0;
  };

  std::span<const std::byte> input_;
  Clock clock_;
  nal::Executor executor_{clock_};
  std::array<std::byte, 128> receive_;
  std::array<std::byte, 128> send_;
  Node node_{NodeConfig{.seed = 1}, Memory{receive_, send_}};
  Client client_{node_};
  std::optional<StreamLink> link_;
  std::array<nal::TaskSlot<4096>, 4> slots_;
  std::vector<std::byte> stream_;
  std::vector<Recent> recent_;
  std::map<std::uint16_t, Times> sent_;
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
