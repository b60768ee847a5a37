#pragma once
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "nal/mdns/node.hpp"

namespace nal::mdns {

/// See `next_event`.
template <class W>
class [[nodiscard("await it")]] NextEvent {
 public:
  explicit NextEvent(W& watch) noexcept : watch_(&watch) {}
  Poll<Result<RecordEvent>> poll(Context& context) noexcept { return watch_->poll_event(context, waiter_); }

 private:
  W* watch_;
  Waiter waiter_;
};
/// Waits for a record that comes or goes. *Completes* with it; its parts stand until the next await. *Errors*:
/// table_full: something was lost. *Cancellation*: nothing is lost.
template <class W>
NextEvent<W> next_event(W& watch) noexcept {
  return NextEvent<W>(watch);
}

/// See `answered`.
template <class Q>
class [[nodiscard("await it")]] Answered {
 public:
  explicit Answered(Q& query) noexcept : query_(&query) {}
  Poll<Result<>> poll(Context& context) noexcept { return query_->poll_answered(context, waiter_); }

 private:
  Q* query_;
  Waiter waiter_;
};
/// Waits for a question's first answer; `query.next` gives them. *Errors*: name_not_found. *Cancellation*: the question
/// goes on until its handle is dropped.
template <class Q>
Answered<Q> answered(Q& query) noexcept {
  return Answered<Q>(query);
}

/// See `next_change`.
template <class N>
class [[nodiscard("await it")]] NextChange {
 public:
  explicit NextChange(N& node) noexcept : node_(&node) {}
  auto poll(Context& context) noexcept { return node_->poll_change(context, waiter_); }

 private:
  N* node_;
  Waiter waiter_;
};
/// Waits until a name of this host's is its, under the name that it has come to be: `Node::Change`. *Cancellation*:
/// nothing is lost.
template <class Stack, Role kRole>
NextChange<Node<Stack, kRole>> next_change(Node<Stack, kRole>& node) noexcept {
  return NextChange<Node<Stack, kRole>>(node);
}

/// See `stop`.
template <class N>
class [[nodiscard("await it")]] Stop {
 public:
  explicit Stop(N& node) noexcept : node_(&node) {}
  Poll<Result<>> poll(Context& context) noexcept { return node_->poll_stopped(context, waiter_); }

 private:
  N* node_;
  Waiter waiter_;
};
/// Withdraws all names and services. *Completes* when everybody has been told; `run` goes on meanwhile. *Cancellation*:
/// it goes on.
template <class Stack, Role kRole>
Stop<Node<Stack, kRole>> stop(Node<Stack, kRole>& node) noexcept {
  return Stop<Node<Stack, kRole>>(node);
}

/// Where an instance of a service is, and what it says of itself.
struct Instance {
  dns::Name host;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::size_t address_count = 0;
  std::array<IpAddress, 8> addresses{};
  /// A TXT record's data, for `TextReader`; the front of the caller's memory.
  std::span<const std::byte> text{};
  bool text_cut = false;  ///< the caller's memory was too small for it: it is left out
};

/// See `resolve_instance`.
template <class N>
class [[nodiscard("await it")]] ResolveInstance {
 public:
  ResolveInstance(N& node, const dns::Name& name, Instance& out, std::span<std::byte> text) noexcept
      : node_(&node), name_(&name), out_(&out), text_memory_(text) {}

  Poll<Result<>> poll(Context& context) noexcept {
    for (;;) {
      auto done = step(context);
      if (!done.ready()) { return pending; }
      if (!*done || step_ == Step::over) {
        service_.reset();
        text_.reset();
        lookup_.reset();
        return done;
      }
    }
  }

 private:
  enum class Step : std::uint8_t { begin, service, text, host, over };

  Poll<Result<>> step(Context& context) noexcept {
    switch (step_) {
      case Step::begin: {
        const Duration patience = node_->settings().patience;
        NAL_TRY_SET(auto service, node_->query(*name_, dns::Type::srv, patience));
        service_.emplace(std::move(service));
        NAL_TRY_SET(auto text, node_->query(*name_, dns::Type::txt, patience));
        text_.emplace(std::move(text));
        step_ = Step::service;
        return Result<>();
      }
      case Step::service: return take_service(context);
      case Step::text: return take_text(context);
      default: return take_host(context);
    }
  }

  Poll<Result<>> take_service(Context& context) noexcept {
    auto answered = service_->poll_answered(context, waiter_);
    if (!answered.ready() || !*answered) { return answered; }
    std::size_t position = 0;
    dns::Service service;
    while (const auto answer = service_->next(position, context.now())) {
      if (!dns::read_service(answer->data, service)) { continue; }
      out_->host = service.target;
      out_->port = service.port;
      out_->priority = service.priority;
      out_->weight = service.weight;
    }
    step_ = Step::text;
    return Result<>();
  }

  /// None at all is as good as an empty one.
  Poll<Result<>> take_text(Context& context) noexcept {
    auto answered = text_->poll_answered(context, waiter_);
    if (!answered.ready()) { return pending; }
    std::size_t position = 0;
    if (const auto answer = text_->next(position, context.now())) {
      out_->text_cut = answer->data.size() > text_memory_.size();
      if (!out_->text_cut && !answer->data.empty()) {
        std::memcpy(text_memory_.data(), answer->data.data(), answer->data.size());
        out_->text = text_memory_.first(answer->data.size());
      }
    }
    service_.reset();
    text_.reset();
    std::array<char, 4 * dns::Name::kMaxSize> host;
    NAL_TRY_SET(const std::string_view name, out_->host.format_to(host));
    NAL_TRY_SET(auto lookup, node_->start_lookup(name, Family::any));
    lookup_.emplace(std::move(lookup));
    step_ = Step::host;
    return Result<>();
  }

  Poll<Result<>> take_host(Context& context) noexcept {
    auto found = lookup_->poll_addresses(context, waiter_, out_->addresses);
    if (!found.ready()) { return pending; }
    if (!*found) { return Unexpected(found->error()); }
    out_->address_count = **found;
    step_ = Step::over;
    return Result<>();
  }

  N* node_;
  const dns::Name* name_;
  Instance* out_;
  std::span<std::byte> text_memory_;
  std::optional<typename N::Query> service_;
  std::optional<typename N::Query> text_;
  std::optional<typename N::Lookup> lookup_;
  Step step_ = Step::begin;
  Waiter waiter_;
};
/// Asks where an instance is (RFC 6763 §5): SRV and TXT records, then its host's addresses. *Errors*: name_not_found,
/// table_full. *Cancellation*: the questions are withdrawn. *Buffer lifetime*: all until it completes or is destroyed.
template <class Stack, Role kRole>
ResolveInstance<Node<Stack, kRole>> resolve_instance(Node<Stack, kRole>& node, const dns::Name& name, Instance& out,
                                                     std::span<std::byte> text) noexcept {
  return ResolveInstance<Node<Stack, kRole>>(node, name, out, text);
}

}  // namespace nal::mdns
