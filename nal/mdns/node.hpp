#pragma once
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "nal/dns.hpp"
#include "nal/mdns/querier.hpp"
#include "nal/mdns/responder.hpp"
#include "nal/mdns/service.hpp"
#include "nal/timer.hpp"
#include "nal/udp.hpp"

namespace nal::mdns {

/// How much a node may have at once.
struct Config {
  std::size_t links = 2;            ///< each family of each interface is one; at most 8
  std::size_t addresses = 4;        ///< of this host's, all interfaces together
  std::size_t questions = 8;        ///< at most 32; addresses of both families are two
  std::size_t records = 32;         ///< of others', kept
  std::size_t record_bytes = 2048;  ///< for their names and data
  std::size_t services = 2;         ///< of this host's
  std::size_t subtypes = 2;         ///< all services together
  /// For messages in and out. RFC 6762 §17 allows up to 9000; what is sent stays below 1453, but for single records.
  std::size_t message_bytes = 1472;
};

/// What a node does. What it does not do is not linked.
enum class Role : std::uint8_t { resolver, responder, both };

struct Settings {
  /// Nobody else on this host listens to the port, so answers by unicast reach us (RFC 6762 §15.1).
  bool alone = false;
  /// For `lookup` and its like.
  Duration patience = Duration::seconds(3);
};

template <class Stack, Role kRole>
class Node;

/// The memory of a node, declared once: `static mdns::Resources<mdns::Config{.services = 1}> memory;`
template <Config kConfig = Config{}>
class Resources {
  static_assert(kConfig.links >= 1 && kConfig.links <= kMaxLinks);
  static_assert(kConfig.questions <= Querier::kMostQuestions && kConfig.services <= 254);
  static_assert(kConfig.message_bytes >= 512);

 private:
  template <class Stack, Role kRole>
  friend class Node;
  static constexpr std::size_t kOwn = Responder::records_of_host(kConfig.addresses) +
                                      kConfig.services * Responder::records_of_service(0) + kConfig.subtypes;
  std::array<Link, kConfig.links> links_;
  std::array<LocalAddress, kConfig.addresses> addresses_;
  std::array<QuestionSlot, kConfig.questions> questions_;
  std::array<CachedRecord, kConfig.records> records_;
  std::array<std::byte, kConfig.record_bytes> bytes_;
  std::array<ServiceSlot, kConfig.services> services_;
  std::array<OwnRecord, kOwn> own_;
  std::array<Responder::LinkState, kConfig.links> link_states_;
  std::array<std::uint32_t, kOwn * kConfig.links> last_;
  std::array<std::byte, kConfig.message_bytes> in_;
  std::array<std::byte, kConfig.message_bytes> out_;
};

/// A host's part in multicast DNS, over any stack that has UDP and multicast: it asks, and answers. A model of
/// `nal::Dns` for names under ".local" (`DotLocal` and `StackWithMdns` join it with another).
///
///     static mdns::Resources<> memory;
///     mdns::Node<Stack> node(executor, stack, memory, entropy);
///     node.add_interface({});
///     node.set_addresses({}, addresses);
///     node.set_host("kitchen");
///     node.add_service({.instance = "Kitchen light", .type = "_http._tcp", .port = 80});
///     // in a task of its own, for as long as the node is used:
///     co_await node.run();
///
/// Executor, stack and memory outlive it; its handles are gone before it (asserted). Confined to its executor's thread.
template <class Stack, Role kRole = Role::both>
class Node {
  static_assert(UdpStack<Stack>);
  static constexpr bool kAsks = kRole != Role::responder;
  static constexpr bool kAnswers = kRole != Role::resolver;

 public:
  class Watch;
  class Query;
  class Lookup;
  class ReverseLookup;

  template <Config kConfig>
  Node(Executor& executor, Stack& stack, Resources<kConfig>& memory, const Entropy& entropy,
       const Settings& settings = {}) noexcept
      : executor_(&executor),
        stack_(&stack),
        settings_(settings),
        network_(memory.links_, memory.addresses_),
        random_(entropy),
        querier_(network_, {memory.questions_, memory.records_, memory.bytes_}, random_),
        responder_(network_, {memory.services_, memory.own_, memory.link_states_, memory.last_}, random_),
        in_(memory.in_),
        out_(memory.out_) {
    if constexpr (kAsks) { querier_.prefer_unicast(settings.alone); }
    if constexpr (kAnswers) { responder_.prefer_unicast(settings.alone); }
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() {
    if constexpr (kAsks) { NAL_ASSERT(querier_.in_use() == 0); }
  }

  // What this host has. `run` takes over what is changed.

  /// An interface to speak on, with a family or both; "any" is the stack's choice. Before `run` (asserted). *Errors*:
  /// table_full, address_in_use.
  Result<> add_interface(InterfaceId interface, Family family = Family::any) noexcept {
    NAL_ASSERT(!opened_);
    for (const Family one : {Family::v4, Family::v6}) {
      if (family == one || family == Family::any) { NAL_TRY(network_.add_link({interface, one})); }
    }
    return {};
  }
  /// The addresses of an interface that this host tells, and whose prefixes are its neighbours'; again when they have
  /// changed. *Errors*: table_full.
  Result<> set_addresses(InterfaceId interface, std::span<const Cidr> addresses) noexcept {
    NAL_TRY(network_.set_addresses(interface, addresses));
    kick_.wake_all();
    if constexpr (kAnswers) { return responder_.addresses_changed(executor_->now()); }
    return {};
  }
  /// See `Responder`.
  Result<> set_host(std::string_view label) noexcept
    requires(kAnswers)
  {
    kick_.wake_all();
    return responder_.set_host(label, executor_->now());
  }
  Result<std::uint8_t> add_service(const Service& service) noexcept
    requires(kAnswers)
  {
    kick_.wake_all();
    return responder_.add_service(service, executor_->now());
  }
  void set_text(std::uint8_t service, std::span<const std::byte> text) noexcept
    requires(kAnswers)
  {
    kick_.wake_all();
    responder_.set_text(service, text, executor_->now());
  }
  void remove_service(std::uint8_t service) noexcept
    requires(kAnswers)
  {
    kick_.wake_all();
    responder_.remove_service(service, executor_->now());
  }
  /// After a link was down.
  void restart() noexcept
    requires(kAnswers)
  {
    kick_.wake_all();
    responder_.restart(executor_->now());
  }

  /// A name of this host's that is its now, or has been changed since somebody else has it.
  struct Change {
    std::size_t claim = 0;  ///< 0: the host; else a service's number and 1
    bool renamed = false;
    dns::Name name;
  };
  /// Ready when there is a change that nobody was told of.
  Poll<Result<Change>> poll_change(Context& context, Waiter& waiter) noexcept
    requires(kAnswers)
  {
    const auto number = responder_.take_change();
    if (!number) {
      changed_.add(context, waiter, Wait::name);
      return pending;
    }
    Change change{.claim = *number, .renamed = responder_.claim(*number).number != 0, .name = {}};
    responder_.name_of(*number, change.name);
    return change;
  }
  /// Withdraws everything; ready when that has been sent. `run` goes on meanwhile.
  Poll<Result<>> poll_stopped(Context& context, Waiter& waiter) noexcept
    requires(kAnswers)
  {
    if (!stopping_) {
      stopping_ = true;
      responder_.stop(context.now());
      kick_.wake_all();
    }
    if (responder_.stopped() && out_size_ == 0) {
      stopping_ = false;
      return Result<>();
    }
    changed_.add(context, waiter, Wait::name);
    return pending;
  }

  // Questions.

  /// Everything of that name and type, now and later. *Errors*: table_full.
  Result<Watch> watch(const dns::Name& name, dns::Type type) noexcept
    requires(kAsks)
  {
    NAL_TRY_SET(const std::uint8_t question, ask(name, type, Asking::watch, Duration::max()));
    return Watch(*this, question);
  }
  /// The first answer, or none within `patience`. *Errors*: table_full.
  Result<Query> query(const dns::Name& name, dns::Type type, Duration patience) noexcept
    requires(kAsks)
  {
    NAL_TRY_SET(const std::uint8_t question, ask(name, type, Asking::once, patience));
    return Query(*this, question);
  }
  /// See `nal::Dns`: any name; only those under ".local" are of use. `Family::any` takes two questions. *Errors*:
  /// invalid_argument, table_full.
  Result<Lookup> start_lookup(std::string_view text, Family family) noexcept
    requires(kAsks)
  {
    dns::Name name;
    NAL_TRY(name.set_text(text));
    Lookup lookup(*this, kNone);
    if (family != Family::v4) {
      NAL_TRY_SET(lookup.ids_[0], ask(name, dns::Type::aaaa, Asking::once, settings_.patience));
    }
    if (family != Family::v6) {
      NAL_TRY_SET(lookup.ids_[1], ask(name, dns::Type::a, Asking::once, settings_.patience));
    }
    return lookup;
  }
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept
    requires(kAsks)
  {
    dns::Name name;
    name.set_reverse(address.unmapped());
    NAL_TRY_SET(const std::uint8_t question, ask(name, dns::Type::ptr, Asking::once, settings_.patience));
    return ReverseLookup(*this, question);
  }

  /// Drives the node as long as it is polled; see `run`.
  class [[nodiscard("await it")]] Run {
   public:
    explicit Run(Node& node) noexcept : node_(&node) {}
    Run(Run&&) noexcept = default;
    ~Run() {
      for (Channel& channel : node_->channels_) {
        channel.receives.unlink();
        channel.sends.unlink();
      }
    }
    Poll<Result<>> poll(Context& context) noexcept { return node_->poll_run(context, timer_, waiter_); }

   private:
    Node* node_;
    Timer timer_;
    Waiter waiter_;
  };
  /// The future that does everything: one task awaits it, one at a time. *Completes* only with an error. *Errors*: of
  /// the stack, when neither family can be spoken on any link. *Cancellation*: the node stands still until it is run
  /// again, and says nothing: `poll_stopped` first.
  Run run() noexcept { return Run(*this); }

  const Network& network() const noexcept { return network_; }
  Querier& querier() noexcept
    requires(kAsks)
  {
    return querier_;
  }
  Responder& responder() noexcept
    requires(kAnswers)
  {
    return responder_;
  }
  const Settings& settings() const noexcept { return settings_; }
  Executor& executor() noexcept { return *executor_; }
  /// Messages that could not be sent, and the last reason.
  std::uint32_t unsent() const noexcept { return unsent_; }
  Error send_error() const noexcept { return send_error_; }

 private:
  static constexpr std::uint8_t kNone = 0xff;
  static constexpr unsigned kTurns = 32;
  static constexpr std::size_t kLargestSent = 1452;  ///< IPv6 over Ethernet
  static constexpr Duration kGrace = Duration::milliseconds(250);
  struct Nothing {
    Nothing(const Network&, const Querier::Memory&, Random&) noexcept {}
    Nothing(const Network&, const Responder::Memory&, Random&) noexcept {}
  };

  /// What all handles are: they own one or two questions.
  class Handle {
   public:
    Handle(Handle&& other) noexcept
        : node_(other.node_), ids_{std::exchange(other.ids_[0], kNone), std::exchange(other.ids_[1], kNone)} {}
    Handle& operator=(Handle&& other) noexcept {
      if (this != &other) {
        drop();
        node_ = other.node_;
        for (int i = 0; i < 2; ++i) { ids_[i] = std::exchange(other.ids_[i], kNone); }
      }
      return *this;
    }
    ~Handle() { drop(); }

   protected:
    friend class Node;
    Handle(Node& node, std::uint8_t id) noexcept : node_(&node), ids_{id, kNone} {}
    void drop() noexcept {
      for (std::uint8_t& id : ids_) {
        if (id != kNone) { node_->querier_.drop(id); }
        id = kNone;
      }
    }
    Pending wait(Context& context, Waiter& waiter) noexcept {
      node_->changed_.add(context, waiter, Wait::name);
      return pending;
    }

    Node* node_;
    std::uint8_t ids_[2];
  };

  struct Channel {
    std::optional<typename Stack::MultiplyBoundUdp> socket;
    Waiter receives;
    Waiter sends;
  };

  Result<std::uint8_t> ask(const dns::Name& name, dns::Type type, Asking how, Duration patience) noexcept {
    kick_.wake_all();
    return querier_.ask(name, type, how, patience, executor_->now());
  }

  Channel& channel(Family family) noexcept { return channels_[family == Family::v4 ? 0 : 1]; }

  static IpAddress group(const Link& link) noexcept {
    return link.family == Family::v4 ? kGroupV4 : group_v6(link.interface.index());
  }

  Result<> open() noexcept {
    Result<> done = Unexpected(Error::invalid_argument);
    bool any = false;
    for (const Link& link : network_.links()) {
      const auto joined = open_link(link);
      any = any || joined.has_value();
      if (!joined) { done = joined; }
    }
    opened_ = any;
    return any ? Result<>() : done;
  }
  Result<> open_link(const Link& link) noexcept {
    Channel& channel = this->channel(link.family);
    if (!channel.socket) {
      UdpOptions options;
      options.share_port = true;
      options.multicast_hop_limit = std::uint8_t{255};  // RFC 6762 §11
      options.hop_limit = std::uint8_t{255};
      options.multicast_loopback = true;  // for others on this host
      auto bound = stack_->udp_bind_multiple({IpAddress::unspecified(link.family), kPort}, options);
      if (!bound) { return Unexpected(bound.error()); }
      channel.socket.emplace(*std::move(bound));
    }
    const auto joined = channel.socket->join(link.family == Family::v4 ? kGroupV4 : group_v6(), link.interface);
    if (!joined && joined.error() != Error::address_in_use) { return joined; }
    return {};
  }

  Poll<Result<>> poll_run(Context& context, Timer& timer, Waiter& waiter) noexcept {
    if (!opened_) {
      if (const auto done = open(); !done) { return Unexpected(done.error()); }
    }
    bool idle = false;
    for (unsigned turn = 0; turn < kTurns && !idle; ++turn) { idle = !step(context); }
    bool news = false;
    if constexpr (kAsks) { news = querier_.take_news(); }
    if constexpr (kAnswers) { news = responder_.take_news() || news || (stopping_ && out_size_ == 0); }
    if (news) { changed_.wake_all(); }
    if (!idle) {
      context.wake_soon();
      return pending;
    }
    kick_.add(context, waiter, Wait::name);
    Instant at = Instant::max();
    // What is due waits for room to send; that wakes the task.
    if (out_size_ == 0) {
      if constexpr (kAsks) { at = querier_.poll_at(); }
      if constexpr (kAnswers) { at = responder_.poll_at() < at ? responder_.poll_at() : at; }
    }
    if (!at.is_never()) { context.arm(timer, at); }
    return pending;
  }

  /// False: it waits.
  bool step(Context& context) noexcept {
    if (out_size_ == 0) { prepare(context.now()); }
    if (out_size_ != 0) { return send(context); }
    for (Channel& channel : channels_) {
      if (!channel.socket) { continue; }
      auto got = channel.socket->poll_receive(context, channel.receives, in_);
      if (!got.ready()) { continue; }
      if (*got && !(*got)->truncated) { hear(**got, context.now()); }
      return true;
    }
    return false;
  }

  void prepare(Instant now) noexcept {
    const auto out = out_.first(out_.size() < kLargestSent ? out_.size() : kLargestSent);
    std::uint8_t link = 0;
    std::size_t size = 0;
    if constexpr (kAnswers) { size = responder_.poll(now, out, link); }
    if constexpr (kAsks) {
      if (size == 0) { size = querier_.poll(now, out, link); }
    }
    if (size == 0) { return; }
    out_size_ = size;
    const Link& to = network_.links()[link];
    out_to_ = {group(to), kPort};
    if (to.family == Family::v4 && !to.interface.is_any() && channel(Family::v4).socket) {
      UdpOptions options;
      options.multicast_interface = to.interface;
      if (const auto set = channel(Family::v4).socket->configure(options); !set) { give_up(set.error()); }
    }
  }

  void give_up(Error error) noexcept {
    out_size_ = 0;
    send_error_ = error;
    ++unsent_;
  }

  bool send(Context& context) noexcept {
    Channel& channel = this->channel(out_to_.address.family());
    if (!channel.socket) {
      out_size_ = 0;
      return true;
    }
    const Endpoint local = channel.socket->local_endpoint();
    auto sent = channel.socket->poll_send(context, channel.sends, local, out_to_, out_.first(out_size_));
    if (!sent.ready()) { return false; }
    if (!*sent) {
      give_up(sent->error());
    } else {
      out_size_ = 0;
    }
    return true;
  }

  void hear(const Received& received, Instant now) noexcept {
    const auto link = network_.find_link(received.interface, received.remote.address.family());
    const bool to_group = received.local.address.is_multicast();
    if (!link || (!to_group && !network_.on_link(*link, received.remote.address, received.hop_limit))) { return; }
    const auto bytes = std::span<const std::byte>(in_).first(received.size);
    const auto message = dns::Message::parse(bytes);
    if (!message) {
      if constexpr (kAsks) { querier_.count_malformed(); }
      return;
    }
    const Incoming from{.bytes = bytes,
                        .link = *link,
                        .interface = received.interface,
                        .remote = received.remote,
                        .to_group = to_group};
    if constexpr (kAsks) { querier_.input(*message, from, now); }
    if constexpr (kAnswers) {
      const auto out = out_.first(out_.size() < kLargestSent ? out_.size() : kLargestSent);
      out_size_ = responder_.input(*message, from, now, out);
      out_to_ = received.remote;
    }
  }

  Executor* executor_;
  Stack* stack_;
  Settings settings_;
  Network network_;
  Random random_;
  [[no_unique_address]] std::conditional_t<kAsks, Querier, Nothing> querier_;
  [[no_unique_address]] std::conditional_t<kAnswers, Responder, Nothing> responder_;
  std::span<std::byte> in_;
  std::span<std::byte> out_;
  std::array<Channel, 2> channels_;
  WaitList changed_;  ///< those who wait for news
  WaitList kick_;     ///< `run`, for something to do
  Endpoint out_to_{};
  std::size_t out_size_ = 0;  ///< of the message that is being sent
  std::uint32_t unsent_ = 0;
  Error send_error_{};
  bool opened_ = false;
  bool stopping_ = false;
};

}  // namespace nal::mdns

#include "nal/mdns/questions.hpp"
