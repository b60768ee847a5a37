#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "nal/dns.hpp"
#include "nal/resolver/exchange.hpp"

namespace nal::dns {

/// How much a resolver may have at once.
struct Config {
  std::size_t queries = 4;           ///< questions at a time; addresses of both families are two
  std::size_t message_bytes = 1232;  ///< the largest answer; of a larger one, what fits
  std::size_t servers = 3;
  std::size_t search_bytes = 256;  ///< for the names of the search list
  std::size_t cache_entries = 16;  ///< answers to keep; 0: none
  std::size_t cache_bytes = 1024;  ///< for their names and records
};

template <class Stack>
class Resolver;

/// The memory of a resolver, declared once: `static dns::Resources<Stack, dns::Config{.queries = 2}> memory;`
template <class Stack, Config kConfig = Config{}>
class Resources {
  static_assert(kConfig.queries >= 2, "the addresses of both families are two questions");
  static_assert(kConfig.servers >= 1 && kConfig.servers <= Servers::kMost);
  static_assert(kConfig.message_bytes >= 512 && kConfig.message_bytes <= 65535, "RFC 1035 §4.2.1");

 private:
  friend class Resolver<Stack>;
  using Slot = typename Resolver<Stack>::Slot;
  std::array<Slot, kConfig.queries> slots_;
  /// One for each slot, and one to read messages.
  std::array<std::array<std::byte, kConfig.message_bytes>, kConfig.queries + 1> messages_;
  std::array<Server, kConfig.servers> servers_;
  std::array<std::byte, kConfig.search_bytes> search_;
  std::array<CacheEntry, kConfig.cache_entries> entries_;
  std::array<std::byte, kConfig.cache_bytes> bytes_;
};

/// A stub resolver (RFC 1034 §5.3.1) over any stack's UDP and TCP: a model of `nal::Dns`, so that
/// `nal::connect(stack, resolver, "host", port)` works with it.
///
/// It asks the servers of its settings one after the other until one tells, keeps what it may, and asks a question once
/// however many ask it meanwhile. It does so in a task of its own, which the executor has only while something is
/// asked. Ids, source ports and the case of letters are random, and what does not fit in all of them is no answer.
///
/// Names of this host ("localhost") and literal addresses need no server; ".local" is `Error::not_supported`, since
/// only multicast DNS knows it; ".invalid" and ".onion" do not exist.
///
/// Stack, executor and memory outlive it; its handles are gone before it (asserted).
template <class Stack>
class Resolver {
  static_assert(UdpStack<Stack> && TcpConnect<Stack>);
  struct Slot;
  template <class S, Config kConfig>
  friend class Resources;

 public:
  class Question;
  class Lookup;
  class ReverseLookup;

  template <Config kConfig>
  Resolver(Executor& executor, Stack& stack, Resources<Stack, kConfig>& memory, const Entropy& entropy) noexcept
      : executor_(&executor),
        stack_(&stack),
        slots_(memory.slots_),
        shared_{.servers = Servers(memory.servers_),
                .search = SearchList(memory.search_),
                .cache = Cache(memory.entries_, memory.bytes_),
                .random = Random(entropy),
                .scratch = memory.messages_.back()} {
    for (std::size_t i = 0; i < kConfig.queries; ++i) { slots_[i].memory = memory.messages_[i]; }
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver() { NAL_ASSERT(in_use() == 0); }

  /// Whom to ask from now on, and how; before the first call there is nobody. What was kept is forgotten, since another
  /// network may have other names, and what is being asked is asked anew. *Errors*: table_full (more servers than the
  /// memory has room for), buffer_too_small (the search list), invalid_argument; everything is as it was then.
  Result<> configure(const Settings& settings) noexcept {
    NAL_TRY(shared_.servers.check(settings.servers));
    NAL_TRY(shared_.search.assign(settings.search));
    shared_.servers.assign(settings.servers);
    shared_.options = settings.options;
    shared_.cache.clear();
    for (Slot& slot : slots_) {
      if (!slot.under_way()) { continue; }
      slot.query.restart(executor_->now());
      if (slot.query.done()) {
        slot.exchange.give_up();
        slot.answered.wake_all();
      }
      task_.begin(*this);
    }
    return {};
  }

  /// A question about a name's records of one type. A short name is looked for in the search list, too. *Errors*:
  /// invalid_argument (no possible name, or a type that no record has), not_supported (".local"), table_full.
  Result<Question> start_query(std::string_view name, Type type) noexcept {
    AskedName asked;
    NAL_TRY(asked.set(name));
    NAL_TRY_SET(Slot * slot, start(asked, type));
    return Question(*this, slot);
  }
  /// See `nal::Dns`. `Family::any` takes two entries of the table.
  Result<Lookup> start_lookup(std::string_view name, Family family) noexcept {
    if (const auto literal = IpAddress::parse(name)) {
      if (!literal->is(family)) { return Unexpected(Error::name_not_found); }
      NAL_TRY_SET(Slot * slot, free_slot());
      slot->users = 1;
      slot->query.start_literal(slot->memory, *literal);
      return Lookup(*this, slot);
    }
    AskedName asked;
    NAL_TRY(asked.set(name));
    NAL_TRY_SET(Slot * slot, start(asked, family == Family::v4 ? Type::a : Type::aaaa));
    Lookup lookup(*this, slot);
    if (family == Family::any) { NAL_TRY_SET(lookup.slots_[1], start(asked, Type::a)); }
    return lookup;
  }
  /// See `nal::Dns`.
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept {
    const IpAddress plain = address.unmapped();
    // RFC 6762 §4: the names of link-local addresses are multicast DNS's.
    if (plain.is_link_local()) { return Unexpected(Error::not_supported); }
    if (plain.is_loopback()) {
      NAL_TRY_SET(Slot * slot, free_slot());
      slot->users = 1;
      slot->query.start_localhost_name(slot->memory);
      return ReverseLookup(*this, slot);
    }
    AskedName asked;
    asked.name.set_reverse(plain);
    NAL_TRY_SET(Slot * slot, start(asked, Type::ptr));
    return ReverseLookup(*this, slot);
  }

  /// For picking among services.
  Random& random() noexcept { return shared_.random; }
  const Statistics& statistics() const noexcept { return shared_.statistics; }
  /// Questions whose handles are there.
  std::size_t in_use() const noexcept {
    std::size_t count = 0;
    for (const Slot& slot : slots_) { count += slot.users != 0 ? 1 : 0; }
    return count;
  }

 private:
  /// A question, shared by all who ask it.
  struct Slot {
    Query query;
    Exchange<Stack> exchange;
    WaitList answered;
    std::span<std::byte> memory;
    std::uint16_t users = 0;  ///< handles; 0: the slot is free

    bool under_way() const noexcept { return users != 0 && !query.done(); }
  };

  /// What all handles are: they own a use of one or two slots.
  class Handle {
   public:
    Handle(Handle&& other) noexcept
        : resolver_(other.resolver_),
          slots_{std::exchange(other.slots_[0], nullptr), std::exchange(other.slots_[1], nullptr)} {}
    Handle& operator=(Handle&& other) noexcept {
      if (this != &other) {
        drop();
        resolver_ = other.resolver_;
        for (int i = 0; i < 2; ++i) { slots_[i] = std::exchange(other.slots_[i], nullptr); }
      }
      return *this;
    }
    ~Handle() { drop(); }

   protected:
    friend class Resolver;
    Handle(Resolver& resolver, Slot* slot) noexcept : resolver_(&resolver), slots_{slot, nullptr} {}
    void drop() noexcept {
      for (Slot*& slot : slots_) {
        if (slot) { resolver_->release(*slot); }
        slot = nullptr;
      }
    }
    /// The slot's records, once it is done.
    static Poll<Result<RecordSet>> poll_slot(Slot* slot, Context& context, Waiter& waiter) noexcept {
      if (!slot) { return Unexpected(Error::closed); }
      if (!slot->query.done()) {
        slot->answered.add(context, waiter, Wait::name);
        return pending;
      }
      return slot->query.records();
    }

    Resolver* resolver_;
    Slot* slots_[2];
  };

  class Task : public RootTask {
   public:
    Task() noexcept : RootTask(&step, nullptr) { set_name("resolver"); }
    ~Task() { detach(); }
    void begin(Resolver& resolver) noexcept {
      resolver_ = &resolver;
      attach(*resolver.executor_);
    }
    void end() noexcept { detach(); }

   private:
    static void step(RootTask& self, Context& context) { static_cast<Task&>(self).resolver_->run(context); }
    Resolver* resolver_ = nullptr;
  };

  Result<Slot*> free_slot() noexcept {
    for (Slot& slot : slots_) {
      if (slot.users == 0) { return &slot; }
    }
    return Unexpected(Error::table_full);
  }

  Result<Slot*> start(const AskedName& asked, Type type) noexcept {
    for (Slot& slot : slots_) {
      if (slot.under_way() && slot.query.is(asked, type) && slot.users != 0xffff) {
        ++slot.users;
        return &slot;
      }
    }
    NAL_TRY_SET(Slot * slot, free_slot());
    NAL_TRY(slot->query.start(shared_, slot->memory, asked, type, executor_->now()));
    slot->users = 1;
    if (!slot->query.done()) { task_.begin(*this); }
    return slot;
  }

  void release(Slot& slot) noexcept {
    if (--slot.users != 0) { return; }
    slot.exchange.give_up();
    if (!busy()) { task_.end(); }
  }

  bool busy() const noexcept {
    for (const Slot& slot : slots_) {
      if (slot.under_way()) { return true; }
    }
    return false;
  }

  void run(Context& context) noexcept {
    for (Slot& slot : slots_) {
      if (slot.under_way() && slot.exchange.poll(context, *stack_, shared_, slot.query).ready()) {
        slot.answered.wake_all();
      }
    }
    if (!busy()) { task_.end(); }
  }

  Executor* executor_;
  Stack* stack_;
  std::span<Slot> slots_;
  Shared shared_;
  Task task_;
};

/// Any question: a handle. *Errors*: name_not_found (no such name), name_service_failed, timed_out; table_full and
/// no_memory of the stack.
template <class Stack>
class Resolver<Stack>::Question : public Handle {
 public:
  /// Ready with the records of the type, none if the name has none. They stand in the resolver's memory until the
  /// handle is dropped.
  Poll<Result<RecordSet>> poll_records(Context& context, Waiter& waiter) noexcept {
    return this->poll_slot(this->slots_[0], context, waiter);
  }

 private:
  friend class Resolver;
  using Handle::Handle;
};

/// A model of `nal::DnsLookup`.
template <class Stack>
class Resolver<Stack>::Lookup : public Handle {
 public:
  Poll<Result<std::size_t>> poll_addresses(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept {
    std::size_t count = 0;
    bool found = false;
    Error error = Error::name_not_found;
    for (Slot* slot : this->slots_) {
      if (!slot && this->slots_[0]) { break; }
      auto records = this->poll_slot(slot, context, waiter);
      if (!records.ready()) { return pending; }
      if (*records) {
        found = found || !(*records)->empty();
        count += gather(*slot, **records, out.subspan(count));
      } else if (error == Error::name_not_found) {
        // "No such name" is an answer; anything else means that nobody knows.
        error = records->error();
      }
    }
    if (!found) { return Unexpected(error); }
    return count;
  }

 private:
  friend class Resolver;
  using Handle::Handle;
  static std::size_t gather(const Slot& slot, const RecordSet& records, std::span<IpAddress> out) noexcept {
    std::size_t count = 0;
    for (const auto data : records) {
      if (count == out.size()) { break; }
      if (const auto address = read_address(data)) {
        const std::uint32_t zone = slot.query.zone();
        out[count++] = zone == 0 ? *address : Ipv6Address::from_bytes(address->v6().bytes(), zone);
      }
    }
    return count;
  }
};

/// A model of `nal::DnsReverseLookup`.
template <class Stack>
class Resolver<Stack>::ReverseLookup : public Handle {
 public:
  Poll<Result<std::size_t>> poll_name(Context& context, Waiter& waiter, std::span<char> out) noexcept {
    auto records = this->poll_slot(this->slots_[0], context, waiter);
    if (!records.ready()) { return pending; }
    if (!*records) { return Unexpected(records->error()); }
    if ((*records)->empty()) { return Unexpected(Error::name_not_found); }
    Name name;
    NAL_TRY(read_name(*(*records)->begin(), name));
    NAL_TRY_SET(const std::string_view text, name.format_to(out));
    return text.size();
  }

 private:
  friend class Resolver;
  using Handle::Handle;
};

}  // namespace nal::dns
