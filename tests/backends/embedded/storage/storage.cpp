#include <catch2/catch_test_macros.hpp>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "backends/embedded/storage/byte_ring.hpp"
#include "backends/embedded/storage/deadline_heap.hpp"
#include "backends/embedded/storage/range_set.hpp"
#include "backends/embedded/storage/siphash.hpp"
#include "backends/embedded/tcp/scoreboard.hpp"

namespace nal::embedded {

TEST_CASE("SipHash-2-4 gives what its authors' reference gives", "[storage]") {
  // Key 00..0f; messages 00, 01, 02, ... of 0, 4, 8 and 12 bytes (appendix A of the paper, vectors.h of the reference).
  constexpr SipKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  constexpr std::uint32_t kWords[] = {0x03020100, 0x07060504, 0x0b0a0908};
  CHECK(siphash(kKey, {}) == 0x726fdb47dd0e0e31);
  CHECK(siphash(kKey, std::span(kWords).first(1)) == 0xcf2794e0277187b7);
  CHECK(siphash(kKey, std::span(kWords).first(2)) == 0x93f5f5799a932462);
  CHECK(siphash(kKey, std::span(kWords)) == 0x751e8fbc860ee5fb);
}

TEST_CASE("A ring gives back what was put, across its end", "[storage]") {
  std::byte memory[10];
  ByteRing ring(memory);
  std::vector<std::byte> data(10);
  for (std::size_t i = 0; i < 10; ++i) { data[i] = static_cast<std::byte>(i); }
  for (std::uint32_t front = 0; front < 25; ++front) {
    ring.put(3, std::span(data).first(7));
    ring.put(0, std::span(data).last(3));
    std::byte out[10];
    ring.get(out);
    CHECK(out[0] == std::byte{7});
    CHECK(out[3] == std::byte{0});
    CHECK(out[9] == std::byte{6});
    CHECK(ring.piece(0, 10).size() == 10 - front % 10);
    ring.consume(1);
  }
  ring.consume(10);
  ring.consume(0);
  ring.rewind();
  CHECK(ring.piece(0, 10).size() == 10);
  CHECK(ByteRing().piece(0, 5).empty());
}

TEST_CASE("Ranges join where they touch, and the last that changed is in front", "[storage]") {
  RangeSet::Range memory[3];
  RangeSet set(memory);
  CHECK(set.add(10, 20));
  CHECK(set.add(30, 40));
  CHECK(set.add(50, 60));
  CHECK(set[0] == RangeSet::Range{50, 60});
  CHECK_FALSE(set.add(70, 80));
  CHECK(set.count() == 3);
  CHECK(set.add(20, 30));
  CHECK(set.count() == 2);
  CHECK(set[0] == RangeSet::Range{10, 40});
  CHECK(set.contains(10, 40));
  CHECK_FALSE(set.contains(9, 12));
  CHECK_FALSE(set.contains(39, 51));
  CHECK(set.add(5, 100));
  CHECK(set.count() == 1);
  CHECK(set.advance(4) == 4);
  CHECK(set.advance(5) == 100);
  CHECK(set.empty());
}

TEST_CASE("Ranges are like a set of numbers, also where these wrap", "[storage]") {
  std::mt19937 random(1);
  for (const std::uint32_t base : {0u, 0xffff'ffc0u}) {
    for (int round = 0; round < 200; ++round) {
      RangeSet::Range memory[4];
      RangeSet set(memory);
      std::set<unsigned> numbers;
      unsigned front = 0;
      for (int step = 0; step < 40; ++step) {
        const unsigned begin = front + 1 + static_cast<unsigned>(random() % 100);
        const unsigned end = begin + 1 + static_cast<unsigned>(random() % 20);
        if (set.add(base + begin, base + end)) {
          for (unsigned i = begin; i < end; ++i) { numbers.insert(i); }
        } else {
          CHECK(set.count() == 4);
        }
        if (random() % 8 == 0) {
          unsigned expected = front + static_cast<unsigned>(random() % 30);
          const std::uint32_t reached = set.advance(base + expected);
          while (numbers.count(expected) != 0) { ++expected; }
          CHECK(reached == base + expected);
          front = expected;
          numbers.erase(numbers.begin(), numbers.lower_bound(front));
        }
        std::size_t total = 0;
        for (std::size_t i = 0; i < set.count(); ++i) {
          total += set[i].end - set[i].begin;
          for (std::uint32_t n = set[i].begin; n != set[i].end; ++n) { CHECK(numbers.count(n - base) == 1); }
        }
        CHECK(total == numbers.size());
      }
    }
  }
}

namespace {

struct Items {
  std::vector<DeadlineLinks> all;
  DeadlineLinks& links(std::uint16_t i) { return all[i]; }
};

}  // namespace

TEST_CASE("A heap of deadlines gives the earliest, whatever is put in and taken out, also where the clock wraps",
          "[storage]") {
  Items items{std::vector<DeadlineLinks>(200)};
  DeadlineHeap<Items> heap(items);
  std::mt19937 random(3);
  std::uint32_t base = 0xffff'ff00;
  std::set<std::uint16_t> in;
  for (int step = 0; step < 20'000; ++step) {
    const auto item = static_cast<std::uint16_t>(random() % 200);
    if (items.links(item).linked()) {
      heap.remove(item);
      in.erase(item);
    } else {
      heap.insert(item, base + static_cast<std::uint32_t>(random() % 1000));
      in.insert(item);
    }
    CHECK(heap.empty() == in.empty());
    if (in.empty()) { continue; }
    CHECK(in.count(heap.first()) == 1);
    for (const std::uint16_t other : in) {
      if (static_cast<std::int32_t>(items.links(other).at - items.links(heap.first()).at) < 0) {
        FAIL("not the earliest");
      }
    }
  }
}

TEST_CASE("A scoreboard never thinks that the peer has what it has not, however little room it has", "[storage][tcp]") {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<Scoreboard::Record> memory(4 + random() % 6);
    Scoreboard board(memory);
    SeqNumber una(0xffff'fc00);
    SeqNumber nxt = una;
    std::set<std::uint32_t> has;  // bytes that the peer has told of
    std::uint32_t now = 1;
    for (int step = 0; step < 200; ++step) {
      now += static_cast<std::uint32_t>(random() % 3);
      Scoreboard::Delivered delivered;
      switch (random() % 6) {
        case 0:
        case 1: {
          const SeqNumber begin = nxt;
          nxt += 1 + static_cast<std::uint32_t>(random() % 50);
          board.on_sent(begin, nxt, now);
          break;
        }
        case 2: {
          if (una == nxt) { break; }
          const SeqNumber begin = una + static_cast<std::uint32_t>(random() % (nxt - una));
          const SeqNumber end = begin + 1 + static_cast<std::uint32_t>(random() % (nxt - begin));
          board.on_sack(una, {begin, end}, delivered);
          for (SeqNumber i = begin; i < end; i += 1) { has.insert(i.value()); }
          break;
        }
        case 3: {
          if (una == nxt || random() % 4 != 0) { break; }
          const SeqNumber ack = una + 1 + static_cast<std::uint32_t>(random() % (nxt - una));
          board.on_ack(una, ack, delivered);
          for (; una < ack; una += 1) { has.erase(una.value()); }
          break;
        }
        case 4:
          if (random() % 3 == 0) { board.mark_all_lost(una); }
          board.mark_first_lost(una, 20);
          break;
        default: {
          const Scoreboard::Range lost = board.next_lost(una);
          if (!lost.empty()) {
            const std::uint32_t size = std::min<std::uint32_t>(lost.end - lost.begin, 30);
            board.on_retransmitted(una, {lost.begin, lost.begin + size}, now);
          }
        }
      }
      CHECK(board.sacked() <= has.size());
      CHECK(board.sacked() + board.lost() <= nxt - una);
      CHECK(board.count() <= memory.size());
      CHECK(board.empty() == (una == nxt));
      const Scoreboard::Range lost = board.next_lost(una);
      CHECK(lost.empty() == (board.lost() == 0));
      CHECK(lost.end <= nxt);
    }
    Scoreboard::Delivered delivered;
    board.on_ack(una, nxt, delivered);
    CHECK(board.sacked() == 0);
    CHECK(board.lost() == 0);
  }
}

}  // namespace nal::embedded
