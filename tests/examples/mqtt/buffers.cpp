#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <random>

#include "examples/mqtt/inbox.hpp"
#include "examples/mqtt/outbox.hpp"
#include "examples/mqtt/records.hpp"
#include "tests/examples/mqtt/bytes.hpp"

using namespace mqtt;
using namespace mqtt::test;

TEST_CASE("Records stay in their order, and holes are closed when room is needed", "[mqtt]") {
  std::array<Record, 4> records;
  Bytes memory(10);
  RecordStore store(records, memory);
  CHECK(store.could_hold(10));
  CHECK_FALSE(store.could_hold(11));

  const auto add = [&](std::string_view text) -> std::uint32_t {
    Record* record = store.add(text.size());
    if (!record) { return 0; }
    std::copy_n(bytes_of(text).begin(), text.size(), store.bytes(*record).begin());
    return record->serial;
  };
  const auto text = [&](std::uint32_t serial) { return text_of(store.bytes(*store.with_serial(serial))); };
  const auto first = add("aaa");
  const auto second = add("bbb");
  const auto third = add("ccc");
  CHECK(add("dd") == 0);  // a byte too many
  const auto fourth = add("d");
  CHECK(add("") == 0);  // no record left
  store.remove(*store.with_serial(second));
  CHECK_FALSE(store.with_serial(second));
  CHECK(add("eeee") == 0);
  const auto fifth = add("eee");
  REQUIRE(fifth != 0);
  CHECK(text(first) == "aaa");
  CHECK(text(third) == "ccc");
  CHECK(text(fourth) == "d");
  CHECK(text(fifth) == "eee");
  CHECK(store.all()[0].serial == first);
  CHECK(store.all()[3].serial == fifth);
  store.clear();
  CHECK(store.count() == 0);
  CHECK(add("0123456789") != 0);
}

TEST_CASE("Records keep their bytes through any order of adding and removing", "[mqtt]") {
  std::array<Record, 8> records;
  Bytes memory(100);
  RecordStore store(records, memory);
  std::vector<std::pair<std::uint32_t, Bytes>> expected;
  std::mt19937 random(1);
  for (unsigned round = 0; round < 20'000; ++round) {
    if (random() % 2 == 0) {
      const Bytes content(random() % 40, static_cast<std::byte>(round));
      std::size_t used = 0;
      for (const auto& [serial, bytes] : expected) { used += bytes.size(); }
      Record* record = store.add(content.size());
      // Room is never lost.
      REQUIRE((record != nullptr) == (expected.size() < 8 && used + content.size() <= memory.size()));
      if (record) {
        std::copy(content.begin(), content.end(), store.bytes(*record).begin());
        expected.emplace_back(record->serial, content);
      }
    } else if (!expected.empty()) {
      const auto gone = expected.begin() + static_cast<std::ptrdiff_t>(random() % expected.size());
      store.remove(*store.with_serial(gone->first));
      expected.erase(gone);
    }
    REQUIRE(store.count() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      REQUIRE(store.all()[i].serial == expected[i].first);
      const auto bytes = store.bytes(store.all()[i]);
      REQUIRE(Bytes(bytes.begin(), bytes.end()) == expected[i].second);
    }
  }
}

TEST_CASE("A store without records holds nothing", "[mqtt]") {
  RecordStore store({}, {});
  CHECK_FALSE(store.could_hold(0));
  CHECK_FALSE(store.add(0));
}

TEST_CASE("The outbox gives its bytes in order and uses all its room", "[mqtt]") {
  Bytes memory(8);
  Outbox outbox(memory);
  CHECK(outbox.capacity() == 8);
  CHECK(outbox.reserve(9).empty());
  std::deque<std::byte> expected;
  std::mt19937 random(2);
  unsigned next = 0;
  for (unsigned round = 0; round < 10'000; ++round) {
    const std::size_t size = 1 + random() % 4;
    const auto room = outbox.reserve(size);
    REQUIRE(room.empty() == (size > 8 - expected.size()));
    for (std::byte& byte : room) {
      byte = static_cast<std::byte>(next++);
      expected.push_back(byte);
    }
    outbox.commit(room.size());
    const std::size_t taken = random() % (outbox.front().size() + 1);
    for (std::size_t i = 0; i < taken; ++i) {
      REQUIRE(outbox.front()[i] == expected.front());
      expected.pop_front();
    }
    outbox.consume(taken);
    REQUIRE(outbox.empty() == expected.empty());
  }
}

TEST_CASE("The inbox keeps what is held while everything behind it moves", "[mqtt]") {
  Bytes memory(64);
  Inbox inbox(memory);
  const auto arrive = [&](std::string_view text) {
    const auto room = inbox.room();
    REQUIRE(room.size() >= text.size());
    std::copy_n(bytes_of(text).begin(), text.size(), room.begin());
    inbox.commit(text.size());
  };
  arrive(std::string(50, 'x') + "held");
  inbox.consume(50);
  inbox.keep(4);
  inbox.prepare_hold();  // too near the end to stay where it is
  const auto held = inbox.kept();
  inbox.hold(4);
  CHECK(text_of(held) == "held");
  CHECK(inbox.holding());
  CHECK(inbox.room().size() == 60);
  for (unsigned i = 0; i < 100; ++i) {
    arrive("abcdefg");
    CHECK(text_of(inbox.unread()) == "abcdefg");
    inbox.consume(7);
    CHECK(text_of(held) == "held");
  }
  arrive(std::string(60, 'y'));
  CHECK(inbox.room().empty());
  inbox.consume(10);
  CHECK(inbox.room().size() == 10);
  CHECK(text_of(held) == "held");
  inbox.release();
  CHECK(inbox.unread().size() == 50);
  CHECK(inbox.room().size() >= 10);
  inbox.restart();
  CHECK(inbox.unread().empty());
  CHECK(inbox.room().size() == 64);
}

TEST_CASE("The inbox keeps packets in their order while those behind them are read and taken off", "[mqtt]") {
  Bytes memory(64);
  Inbox inbox(memory);
  std::deque<std::string> kept;
  std::string held;
  std::span<const std::byte> held_bytes;
  std::mt19937 random(4);
  for (unsigned round = 0; round < 20'000; ++round) {
    const std::string text(1 + random() % 12, static_cast<char>('a' + round % 26));
    if (inbox.room().size() >= text.size()) {
      std::copy_n(bytes_of(text).begin(), text.size(), inbox.room().begin());
      inbox.commit(text.size());
      REQUIRE(text_of(inbox.unread()) == text);
      if (random() % 2 == 0) {
        inbox.keep(text.size());
        kept.push_back(text);
      } else {
        inbox.consume(text.size());
      }
    } else {
      REQUIRE_FALSE((kept.empty() && held.empty()));
    }
    if (random() % 3 == 0 && inbox.holding()) {
      inbox.release();
      held.clear();
    }
    if (random() % 3 == 0 && !inbox.holding() && !kept.empty()) {
      held = kept.front();
      inbox.prepare_hold();
      held_bytes = inbox.kept().first(held.size());
      inbox.hold(held.size());
      kept.pop_front();
    }
    if (random() % 9 == 0 && !kept.empty()) {
      inbox.drop(kept.front().size());
      kept.pop_front();
    }
    std::string all;
    for (const std::string& one : kept) { all += one; }
    REQUIRE(text_of(inbox.kept()) == all);
    if (!held.empty()) { REQUIRE(text_of(held_bytes) == held); }
  }
}

TEST_CASE("The inbox skips bytes that have not arrived yet", "[mqtt]") {
  Bytes memory(64);
  Inbox inbox(memory);
  inbox.commit(10);
  inbox.skip(100);
  CHECK(inbox.skipping());
  inbox.commit(inbox.room().size());
  inbox.skip_on();
  CHECK(inbox.skipping());
  CHECK(inbox.unread().empty());
  CHECK(inbox.room().size() == 64);
  inbox.commit(30);
  inbox.skip_on();
  CHECK_FALSE(inbox.skipping());
  CHECK(inbox.unread().size() == 4);
}
