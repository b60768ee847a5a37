#pragma once
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "nal/dns.hpp"
#include "tests/support/fake_host.hpp"

namespace nal::test {

class FakeDns;

/// A question under way: a handle of two words.
class FakeQuestion {
 public:
  FakeQuestion(FakeQuestion&& other) noexcept
      : dns_(std::exchange(other.dns_, nullptr)), slot_(other.slot_), generation_(other.generation_) {}
  FakeQuestion& operator=(FakeQuestion&& other) noexcept;
  ~FakeQuestion() { drop(); }

 protected:
  friend class FakeDns;
  FakeQuestion(FakeDns& dns, std::uint16_t slot, std::uint16_t generation) noexcept
      : dns_(&dns), slot_(slot), generation_(generation) {}
  void drop() noexcept;

  FakeDns* dns_;
  std::uint16_t slot_;
  std::uint16_t generation_;
};

class FakeLookup : public FakeQuestion {
 public:
  Poll<Result<std::size_t>> poll_addresses(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept;

 private:
  friend class FakeDns;
  using FakeQuestion::FakeQuestion;
};

class FakeReverseLookup : public FakeQuestion {
 public:
  Poll<Result<std::size_t>> poll_name(Context& context, Waiter& waiter, std::span<char> out) noexcept;

 private:
  friend class FakeDns;
  using FakeQuestion::FakeQuestion;
};

/// The resolver of one fake stack: it answers from a table, as late and as wrong as a test wants it.
class FakeDns {
 public:
  /// What is answered about the addresses of one family.
  struct Answer {
    std::vector<IpAddress> addresses{};
    Duration delay{};  ///< `Duration::max()`: never
    Error error{};     ///< instead of the addresses
  };

  explicit FakeDns(FakeHost& host) : host_(host), slots_(host.config.lookups) {}

  Result<FakeLookup> start_lookup(std::string_view name, Family family) noexcept;
  Result<FakeReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept;

  /// The answer about a name's addresses of `family` (v4 or v6), for tests to fill.
  Answer& answer(std::string_view name, Family family) { return answers_[{std::string(name), family}]; }
  /// What an address is called.
  void name(const IpAddress& address, std::string_view name) { names_[address] = name; }
  /// How long a reverse lookup takes.
  Duration reverse_delay{};

  bool step() noexcept;
  Instant next_event() const noexcept;
  std::size_t slots_in_use() const noexcept;
  bool nobody_waits() const noexcept;
  /// Questions asked so far.
  unsigned asked() const noexcept { return asked_; }

 private:
  friend class FakeQuestion;
  friend class FakeLookup;
  friend class FakeReverseLookup;
  struct Slot {
    bool used = false;
    std::uint16_t generation = 0;
    Instant ready_at;
    std::vector<IpAddress> addresses;
    std::string name;
    Error error{};
    WaitList answered;
  };
  Result<std::uint16_t> take() noexcept;
  Slot* find(std::uint16_t slot, std::uint16_t generation) noexcept;
  void release(Slot& slot) noexcept;
  void add_answer(Slot& slot, const std::string& name, Family family);
  /// The question, once its answer is there.
  Slot* ready(const FakeQuestion& question, Context& context, Waiter& waiter) noexcept;

  FakeHost& host_;
  std::vector<Slot> slots_;
  std::map<std::pair<std::string, Family>, Answer> answers_;
  std::map<IpAddress, std::string> names_;
  unsigned asked_ = 0;
};

}  // namespace nal::test
