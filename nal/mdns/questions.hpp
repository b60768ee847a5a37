#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "nal/mdns/node.hpp"

// What a node gives to those who ask it. Part of nal/mdns/node.hpp, which includes it.

namespace nal::mdns {

/// Everything of a name and type, as it comes and goes.
template <class Stack, Role kRole>
class Node<Stack, kRole>::Watch : public Handle {
 public:
  /// Ready with what has changed, whose parts stand until the node is polled or asked again. *Errors*: table_full, when
  /// something was lost since there was no room for it; it goes on.
  Poll<Result<RecordEvent>> poll_event(Context& context, Waiter& waiter) noexcept {
    auto event = this->node_->querier_.take(this->ids_[0], context.now());
    if (!event) { return Unexpected(event.error()); }
    if (*event) { return **event; }
    return this->wait(context, waiter);
  }

 private:
  friend class Node;
  using Handle::Handle;
};

/// One question until it is answered.
template <class Stack, Role kRole>
class Node<Stack, kRole>::Query : public Handle {
 public:
  /// Ready when there is an answer. *Errors*: name_not_found (denied, or nobody answered).
  Poll<Result<>> poll_answered(Context& context, Waiter& waiter) noexcept {
    switch (this->node_->querier_.state(this->ids_[0], context.now())) {
      case Querier::State::open: return this->wait(context, waiter);
      case Querier::State::answered: return Result<>();
      default: return Unexpected(Error::name_not_found);
    }
  }
  /// The answers, one by one, from a position of 0 on.
  std::optional<RecordEvent> next(std::size_t& position, Instant now) const noexcept {
    return this->node_->querier_.next_answer(this->ids_[0], position, now);
  }

 private:
  friend class Node;
  using Handle::Handle;
};

/// A model of `nal::DnsLookup`.
template <class Stack, Role kRole>
class Node<Stack, kRole>::Lookup : public Handle {
 public:
  Poll<Result<std::size_t>> poll_addresses(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept {
    Querier& querier = this->node_->querier_;
    bool open = false;
    bool answered = false;
    for (const std::uint8_t id : this->ids_) {
      if (id == kNone) { continue; }
      const auto state = querier.state(id, context.now());
      open = open || state == Querier::State::open;
      answered = answered || state == Querier::State::answered;
    }
    if (open) {
      // Who has told the one family tells the other at once, if there is any.
      for (const std::uint8_t id : this->ids_) {
        if (id != kNone && answered) {
          querier.hurry(id, context.now() + kGrace);
          this->node_->kick_.wake_all();
        }
      }
      return this->wait(context, waiter);
    }
    if (!answered) { return Unexpected(Error::name_not_found); }
    return gather(querier, context.now(), out);
  }

 private:
  friend class Node;
  using Handle::Handle;
  /// Those that need no zone first.
  std::size_t gather(const Querier& querier, Instant now, std::span<IpAddress> out) const noexcept {
    std::size_t count = 0;
    for (const bool local : {false, true}) {
      for (const std::uint8_t id : this->ids_) {
        std::size_t position = 0;
        while (id != kNone) {
          const auto answer = querier.next_answer(id, position, now);
          if (!answer) { break; }
          auto address = dns::read_address(answer->data);
          if (!address || (address->is_v6() && address->is_link_local()) != local) { continue; }
          if (local) { address = Ipv6Address::from_bytes(address->v6().bytes(), answer->interface.index()); }
          bool known = count == out.size();
          for (const IpAddress& other : out.first(count)) { known = known || other == *address; }
          if (!known) { out[count++] = *address; }
        }
      }
    }
    return count;
  }
};

/// A model of `nal::DnsReverseLookup`.
template <class Stack, Role kRole>
class Node<Stack, kRole>::ReverseLookup : public Handle {
 public:
  Poll<Result<std::size_t>> poll_name(Context& context, Waiter& waiter, std::span<char> out) noexcept {
    const Querier& querier = this->node_->querier_;
    const auto state = querier.state(this->ids_[0], context.now());
    if (state == Querier::State::open) { return this->wait(context, waiter); }
    std::size_t position = 0;
    const auto answer = querier.next_answer(this->ids_[0], position, context.now());
    dns::Name name;
    if (!answer || !dns::read_name(answer->data, name)) { return Unexpected(Error::name_not_found); }
    NAL_TRY_SET(const std::string_view text, name.format_to(out));
    return text.size();
  }

 private:
  friend class Node;
  using Handle::Handle;
};

}  // namespace nal::mdns
