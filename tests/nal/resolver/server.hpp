#pragma once
#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "nal/resolver/operations.hpp"
#include "nal/sleep.hpp"
#include "tests/nal/resolver/bytes.hpp"
#include "tests/support/fake_stack.hpp"

namespace nal::dns::test {

using namespace nal::literals;
using nal::test::FakeConfig;
using nal::test::FakeStack;
using nal::test::FakeWorld;

/// A question as it reached a name server.
struct Heard {
  std::string name;
  Type type{};
  std::uint16_t id = 0;
  std::uint16_t port = 0;  ///< of the resolver's
  bool tcp = false;
  std::optional<std::uint16_t> edns{};
  Instant at{};
  Bytes message{};
};

inline std::string lower(std::string text) {
  for (char& c : text) { c = static_cast<char>(to_lower(static_cast<std::byte>(c))); }
  return text;
}

/// A name server on a host of a fake network. It answers what `answer` says: any messages, any number of them.
class NameServer : public RootTask {
 public:
  using Answer = std::function<std::vector<Bytes>(const Heard& heard)>;

  NameServer(Executor& executor, FakeStack& stack, const IpAddress& address, Answer how)
      : RootTask(&step, nullptr), answer(std::move(how)) {
    set_name("name server");
    auto bound = stack.udp_bind_single({address, kPort}, {});
    REQUIRE(bound);
    udp_.emplace(*std::move(bound));
    auto listening = stack.listen({address, kPort}, {});
    REQUIRE(listening);
    listener_.emplace(*std::move(listening));
    attach(executor);
  }
  ~NameServer() { detach(); }

  Answer answer;
  std::vector<Heard> heard;
  /// By TCP, it writes so many bytes at a time.
  std::size_t chunk = SIZE_MAX;
  /// By TCP, it ends the connection behind so many bytes.
  std::size_t end_after = SIZE_MAX;
  /// Leaves out or changes the length before a message by TCP.
  std::optional<std::uint16_t> length;

 private:
  static void step(RootTask& task, Context& context) { static_cast<NameServer&>(task).serve(context); }

  void serve(Context& context) {
    std::array<std::byte, 2000> buffer;
    for (;;) {
      auto got = udp_->poll_receive(context, udp_waiter_, buffer);
      if (!got.ready()) { break; }
      REQUIRE(*got);
      const auto remote = (*got)->remote;
      for (const Bytes& reply : hear(context, std::span(buffer).first((*got)->size), remote.port, false)) {
        static_cast<void>(udp_->poll_send(context, send_waiter_, (*got)->local, remote, reply));
      }
    }
    serve_tcp(context);
  }

  void serve_tcp(Context& context) {
    for (;;) {
      if (!stream_) {
        auto accepted = listener_->poll_accept(context, accept_waiter_);
        if (!accepted.ready()) { return; }
        if (!*accepted) { return; }
        stream_.emplace(*std::move(*accepted));
        received_.clear();
        sending_.clear();
        sent_ = 0;
      }
      if (!serve_stream(context)) { return; }
      stream_waiter_.unlink();
      stream_.reset();
    }
  }

  /// Whether the stream is done with.
  bool serve_stream(Context& context) {
    for (;;) {
      if (!sending_.empty()) {
        if (sent_ >= end_after) { return true; }
        const std::size_t size = std::min({chunk, sending_.size(), end_after - sent_});
        auto taken = stream_->poll_write(context, stream_waiter_, std::span(sending_).first(size));
        if (!taken.ready()) { return false; }
        if (!*taken) { return true; }
        sent_ += **taken;
        sending_.erase(sending_.begin(), sending_.begin() + static_cast<std::ptrdiff_t>(**taken));
        continue;
      }
      std::array<std::byte, 500> buffer;
      auto got = stream_->poll_read(context, stream_waiter_, buffer);
      if (!got.ready()) { return false; }
      if (!*got || **got == 0) { return true; }
      received_.insert(received_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(**got));
      if (received_.size() < 2) { continue; }
      const std::size_t size = WireReader(received_).u16();
      if (received_.size() < 2 + size) { continue; }
      const Bytes message(std::span<const std::byte>(received_).subspan(2, size));
      received_.clear();
      for (const Bytes& reply : hear(context, message, stream_->remote_endpoint().port, true)) {
        sending_.u16(length.value_or(static_cast<std::uint16_t>(reply.size()))).put(reply);
      }
    }
  }

  std::vector<Bytes> hear(Context& context, std::span<const std::byte> query, std::uint16_t port, bool tcp) {
    auto message = Message::parse(query);
    REQUIRE(message);
    CHECK(message->header().flags == Header::kRecursionDesired);
    Question question;
    REQUIRE(message->next(question) == true);
    Name name;
    REQUIRE(name.set_wire(query, question.name));
    Heard asked{.name = text_of(name),
                .type = question.type,
                .id = message->header().id,
                .port = port,
                .tcp = tcp,
                .at = context.now(),
                .message = Bytes(query)};
    Record record;
    for (auto more = message->next(record); more && *more; more = message->next(record)) {
      CHECK(record.type == Type::opt);
      asked.edns = record.record_class;
    }
    heard.push_back(asked);
    return answer ? answer(asked) : std::vector<Bytes>{};
  }

  std::optional<FakeStack::UniquelyBoundUdp> udp_;
  std::optional<FakeStack::TcpListener> listener_;
  std::optional<FakeStack::TcpStream> stream_;
  Waiter udp_waiter_;
  Waiter send_waiter_;
  Waiter accept_waiter_;
  Waiter stream_waiter_;
  Bytes received_;
  Bytes sending_;
  std::size_t sent_ = 0;
};

/// Answers from a list of records: those of the name and type, and of the names that it is an alias for; else there is
/// no such name.
inline NameServer::Answer zone(std::vector<Rr> records) {
  return [records](const Heard& heard) -> std::vector<Bytes> {
    std::vector<Rr> found;
    bool exists = false;
    std::string name = lower(heard.name);
    for (bool moved = true; moved;) {
      moved = false;
      for (const Rr& record : records) {
        if (lower(record.name) != name) { continue; }
        exists = true;
        if (record.type == heard.type) { found.push_back(record); }
        if (record.type == Type::cname && heard.type != Type::cname) {
          found.push_back(record);
          Name target;
          REQUIRE(read_name(record.data, target));
          name = lower(text_of(target));
          moved = true;
          break;
        }
      }
    }
    if (found.empty()) { found.push_back(authority_record("example", 60, 60)); }
    return {reply(heard.message, found, exists ? 0 : 3)};
  };
}
/// Answers everything with a code.
inline NameServer::Answer code(unsigned code) {
  return [code](const Heard& heard) -> std::vector<Bytes> { return {reply(heard.message, {}, code)}; };
}
/// Says nothing.
inline std::vector<Bytes> silence(const Heard&) { return {}; }

inline Entropy test_entropy(unsigned seed = 1) {
  std::array<std::byte, Entropy::kSize> bytes{};
  bytes[0] = static_cast<std::byte>(seed & 0xff);
  bytes[1] = static_cast<std::byte>(seed >> 8);
  return Entropy(bytes);
}

inline constexpr Config kTestConfig{.queries = 4, .message_bytes = 600, .servers = 3, .search_bytes = 64};

/// Two hosts: on the one a resolver, on the other up to two name servers, at 192.0.2.2 and 192.0.2.3.
struct ResolverTest : FakeWorld {
  using TestResolver = Resolver<FakeStack>;
  static constexpr Duration kForever = Duration::hours(1);

  explicit ResolverTest(NameServer::Answer how = zone({}), const FakeConfig& config = {}, unsigned seed = 1)
      : FakeWorld(config),
        server_task(executor, server, server_address(), std::move(how)),
        resolver(executor, client, memory, test_entropy(seed)) {
    configure();
  }
  ~ResolverTest() { CHECK(resolver.in_use() == 0); }

  NameServer& add_second(NameServer::Answer how) {
    second.emplace(executor, server, other_server_address(), std::move(how));
    servers.push_back({other_server_address(), kPort});
    configure();
    return *second;
  }
  void configure() { REQUIRE(resolver.configure({.servers = servers, .search = search, .options = options})); }

  template <class F>
  auto block(F&& future) {
    return block_on(executor, with_timeout(kForever, std::forward<F>(future)));
  }
  /// The addresses of a name, or why there are none.
  Result<std::vector<std::string>> addresses(std::string_view name, Family family = Family::v4) {
    std::array<IpAddress, 8> out;
    NAL_TRY_SET(const std::size_t count, block(lookup(resolver, name, family, out)));
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) { texts.push_back(to_string(out[i])); }
    return texts;
  }
  Error failure(std::string_view name, Family family = Family::v4) { return addresses(name, family).error_or(Error{}); }
  std::vector<std::string> good(std::string_view name, Family family = Family::v4) {
    auto found = addresses(name, family);
    INFO(name);
    REQUIRE(found);
    return *found;
  }
  std::size_t heard() const { return server_task.heard.size(); }
  void pass(Duration duration) {
    executor.run_until([] { return false; }, executor.now() + duration);
  }
  /// Nothing of the resolver's is open, waits, or is armed.
  void check_nothing_left() {
    CHECK(resolver.in_use() == 0);
    CHECK(client.udp().slots_in_use() == 0);
    CHECK(client.nobody_waits());
    pass(30_s);
    CHECK(client.in_use() == 0);
    CHECK(executor.next_timer().is_never());
  }

  NameServer server_task;
  std::optional<NameServer> second;
  std::vector<Endpoint> servers{{server_address(), kPort}};
  std::vector<std::string_view> search;
  Options options;
  Resources<FakeStack, kTestConfig> memory;
  TestResolver resolver;
};

using Texts = std::vector<std::string>;

}  // namespace nal::dns::test
