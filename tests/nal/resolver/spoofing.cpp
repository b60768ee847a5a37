#include "tests/nal/resolver/server.hpp"

namespace nal::dns::test {
namespace {

Rr right() { return address_record("abcdefghijkl.example", "192.0.2.11", 0); }
Rr wrong() { return address_record("abcdefghijkl.example", "192.0.2.66", 0); }
constexpr std::string_view kName = "abcdefghijkl.example";

/// A wrong answer, and the right one behind it.
NameServer::Answer behind(std::function<Bytes(const Heard&)> first) {
  return [=](const Heard& heard) -> std::vector<Bytes> { return {first(heard), reply(heard.message, {right()})}; };
}

}  // namespace

TEST_CASE("Whatever is not the answer to just this question is ignored", "[dns][spoofing]") {
  const auto changed = [](std::size_t at, unsigned bits) {
    return [=](const Heard& heard) {
      Bytes answer = reply(heard.message, {wrong()});
      answer[at] ^= static_cast<std::byte>(bits);
      return answer;
    };
  };
  constexpr std::size_t kQuestionEnd = 12 + 22;  // behind the name
  const std::vector<std::pair<std::string, std::function<Bytes(const Heard&)>>> answers{
      {"another id", changed(0, 1)},
      {"another id's low byte", changed(1, 1)},
      {"a question", changed(2, 0x80)},
      {"another operation", changed(2, 0x08)},
      {"another name", changed(13, 0x01)},
      {"another type", changed(kQuestionEnd + 1, 0x1d)},
      {"another class", changed(kQuestionEnd + 3, 0x02)},
      {"two questions", changed(5, 0x03)},
      {"no question", [](const Heard& heard) { return Bytes().header(heard.id, kAnswered, 0, 0); }},
      {"no question, and no such name",
       [](const Heard& heard) { return Bytes().header(heard.id, kAnswered | 3, 0, 0); }},
      {"a question that is not there", [](const Heard& heard) { return Bytes().header(heard.id, kAnswered, 1, 0); }},
      {"nothing", [](const Heard&) { return Bytes(); }},
      {"half a header", [](const Heard& heard) { return Bytes(std::span<const std::byte>(heard.message).first(11)); }},
      {"the question itself", [](const Heard& heard) { return heard.message; }},
  };
  for (const auto& [what, answer] : answers) {
    INFO(what);
    ResolverTest test(behind(answer));
    const Instant start = test.executor.now();
    CHECK(test.good(kName) == Texts{"192.0.2.11"});
    CHECK(test.executor.now() == start);
    CHECK(test.heard() == 1);
    CHECK(test.resolver.statistics().ignored == 1);
  }
}

TEST_CASE("A server that keeps no case is asked again without it, and known from then on", "[dns][spoofing]") {
  const auto folding = [](const Heard& heard) -> std::vector<Bytes> {
    Bytes answer = reply(heard.message, {right()});
    for (std::size_t i = 13; i < 32; ++i) { answer[i] = to_lower(answer[i]); }
    return {answer};
  };
  ResolverTest test(folding);
  CHECK(test.good(kName) == Texts{"192.0.2.11"});
  CHECK(test.heard() == 2);
  CHECK(test.server_task.heard[0].id != test.server_task.heard[1].id);
  CHECK(test.server_task.heard[0].port != test.server_task.heard[1].port);
  CHECK(test.good(kName) == Texts{"192.0.2.11"});
  CHECK(test.heard() == 3);
}

TEST_CASE("One wrong guess of the case does not end the protection", "[dns][spoofing]") {
  unsigned asked = 0;
  const auto guessed = [&asked](const Heard& heard) -> std::vector<Bytes> {
    Bytes forged = reply(heard.message, {wrong()});
    forged[13] ^= std::byte{0x20};
    std::vector<Bytes> answers;
    if (++asked == 1) { answers.push_back(forged); }
    answers.push_back(reply(heard.message, {right()}));
    return answers;
  };
  ResolverTest test(guessed);
  CHECK(test.good(kName) == Texts{"192.0.2.11"});
  CHECK(test.heard() == 2);
}

TEST_CASE("A flood of wrong answers neither moves the deadline nor keeps others from their turn", "[dns][spoofing]") {
  ResolverTest test(silence, {.udp_queue = 64});
  // Each wrong answer that is taken makes room for another one.
  unsigned rounds = 0;
  const auto forged = [](const Heard& heard) {
    Bytes answer = reply(heard.message, {wrong()});
    answer[0] ^= std::byte{1};
    return answer;
  };
  test.server_task.answer = [&](const Heard& heard) -> std::vector<Bytes> {
    if (heard.tcp) { return {}; }
    return std::vector<Bytes>(Query::kMaxIgnored - 1, forged(heard));
  };
  std::array<IpAddress, 2> out;
  auto asked = lookup(test.resolver, kName, Family::v4, out);
  auto counted = [&rounds, &test] {
    ++rounds;
    return test.resolver.statistics().ignored >= Query::kMaxIgnored - 1;
  };
  static_cast<void>(try_once(test.executor, asked));
  test.executor.run_until(counted);
  CHECK(rounds >= 3);  // a bounded number of them a round
  const Instant start = test.executor.now();
  CHECK(test.block(asked) == Unexpected(Error::timed_out));
  CHECK(test.executor.now() - start <= test.options.total);
  CHECK(test.heard() == test.options.rounds);
  test.check_nothing_left();
}

TEST_CASE("Behind very many wrong answers the server is asked by TCP", "[dns][spoofing]") {
  const auto flood = [](const Heard& heard) -> std::vector<Bytes> {
    if (heard.tcp) { return {reply(heard.message, {right()})}; }
    Bytes answer = reply(heard.message, {wrong()});
    answer[0] ^= std::byte{1};
    return std::vector<Bytes>(Query::kMaxIgnored, answer);
  };
  ResolverTest test(flood, {.udp_queue = 64});
  const Instant start = test.executor.now();
  CHECK(test.good(kName) == Texts{"192.0.2.11"});
  CHECK(test.executor.now() == start);
  CHECK(test.heard() == 2);
  CHECK(test.resolver.statistics().ignored == Query::kMaxIgnored);
}

TEST_CASE("An answer that comes when another server is asked already is nobody's", "[dns][spoofing]") {
  ResolverTest test(silence);
  test.add_second([](const Heard& heard) -> std::vector<Bytes> { return {reply(heard.message, {right()})}; });
  CHECK(test.good(kName) == Texts{"192.0.2.11"});
  // The late one arrives at a socket that is gone.
  CHECK(test.client.udp().slots_in_use() == 0);
}

}  // namespace nal::dns::test
