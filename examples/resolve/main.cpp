// nal-resolve: the addresses of names, the names of addresses, and any other records; asked of the system's resolver,
// of name servers, or by multicast DNS of the neighbours.
#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "examples/common/backend.hpp"
#include "examples/common/neighbours.hpp"
#include "examples/common/record_text.hpp"
#include "examples/resolve/options.hpp"
#include "nal/dns.hpp"
#include "nal/hosted/resolver.hpp"
#include "nal/mdns/dot_local.hpp"
#include "nal/mdns/operations.hpp"
#include "nal/resolver/operations.hpp"
#include "nal/resolver/resolv_conf.hpp"
#include "nal/sleep.hpp"

namespace {

namespace dns = nal::dns;
namespace mdns = nal::mdns;
using Names = std::vector<std::string>;
using namespace nal::literals;

void print(const Options& options, const std::string& asked, std::string_view answer) {
  if (!options.brief) { std::printf("%s ", asked.c_str()); }
  std::printf("%.*s\n", static_cast<int>(answer.size()), answer.data());
}

std::string what_failed(const Options& options, bool is_name, nal::Error error) {
  switch (error) {
    case nal::Error::invalid_argument: return "this cannot be a name";
    case nal::Error::not_supported: return "name servers do not know such names, only neighbours do";
    case nal::Error::name_not_found:
      if (!is_name) { return "no name is known for it"; }
      return options.family == nal::Family::any
                 ? "name not found"
                 : std::string("no such name, or none with ") + nal::to_string(options.family) + " addresses";
    case nal::Error::name_service_failed: return "the name servers failed or cannot be reached; try again later";
    default: return nal::to_string(error);
  }
}

template <nal::Dns N>
nal::Task<> resolve_name(N& names, const Options& options, const std::string& name) {
  std::array<nal::IpAddress, 16> addresses;
  NAL_CO_TRY_SET(const std::size_t count,
                 nal::with_timeout(options.timeout, nal::lookup(names, name, options.family, addresses)));
  for (std::size_t i = 0; i < count; ++i) { print(options, name, nal::to_text(addresses[i])); }
  co_return nal::Unit{};
}

template <nal::Dns N>
nal::Task<> resolve_address(N& names, const Options& options, const std::string& text, nal::IpAddress address) {
  std::array<char, 256> name;
  NAL_CO_TRY_SET(const std::size_t size, nal::with_timeout(options.timeout, nal::reverse_lookup(names, address, name)));
  print(options, text, {name.data(), size});
  co_return nal::Unit{};
}

template <class Stack>
nal::Task<> resolve_records(dns::Resolver<Stack>& resolver, const Options& options, const std::string& name) {
  auto question = resolver.start_query(name, *options.type);
  if (!question) { co_return nal::Unexpected(question.error()); }
  NAL_CO_TRY_SET(const dns::RecordSet records, nal::with_timeout(options.timeout, dns::records(*question)));
  for (const auto data : records) { print(options, name, examples::text_of_record(records.type(), data)); }
  if (records.empty()) { co_return nal::Unexpected(nal::Error::name_not_found); }
  if (options.verbose) {
    std::fprintf(stderr, "%s: may be kept for %u seconds%s\n", name.c_str(), static_cast<unsigned>(records.ttl()),
                 records.cut() ? "; there is more, for which there was no room" : "");
  }
  co_return nal::Unit{};
}

/// Whose `ask(slot, name, address)` answers one of the names.
template <class Ask>
int resolve_all(const Options& options, const std::vector<std::string>& names, Ask ask) {
  int status = examples::kDone;
  for (const std::string& name : names) {
    nal::TaskSlot<4096> slot;
    const auto address = nal::IpAddress::parse(name);
    const auto done = ask(slot, name, address);
    if (!done) {
      const std::string what = what_failed(options, !address, done.error());
      std::fprintf(stderr, "error: '%s': %s\n", name.c_str(), what.c_str());
      status = examples::kFailed;
    }
  }
  return status;
}

/// The names of addresses, when their records are asked for.
std::string asked_name(const Options& options, const std::string& name, const nal::Result<nal::IpAddress>& address) {
  if (!address || *options.type != dns::Type::ptr) { return name; }
  dns::Name reverse;
  reverse.set_reverse(address->unmapped());
  std::array<char, dns::Name::kMaxSize> text;
  return std::string(*reverse.format_to(text)) + ".";
}

template <nal::Dns N>
int ask_addresses(nal::Executor& executor, N& names, const Options& options, const Names& asked) {
  return resolve_all(options, asked, [&](auto& slot, const std::string& name, const auto& address) {
    return address ? nal::block_on(executor, slot, resolve_address<N>, names, options, name, *address)
                   : nal::block_on(executor, slot, resolve_name<N>, names, options, name);
  });
}

template <class Stack>
int ask_records(nal::Executor& executor, dns::Resolver<Stack>& resolver, const Options& options, const Names& names) {
  return resolve_all(options, names, [&](auto& slot, const std::string& name, const auto& address) {
    const std::string asked = asked_name(options, name, address);
    return nal::block_on(executor, slot, resolve_records<Stack>, resolver, options, asked);
  });
}

constexpr dns::Config kConfig{.message_bytes = 4096, .servers = dns::ResolvConf::kMostServers, .search_bytes = 1024};

template <class Stack>
int ask_with_own(nal::Executor& executor, Stack& stack, const Options& options, const Names& names) {
  static dns::Resources<Stack, kConfig> memory;
  dns::Resolver<Stack> resolver(executor, stack, memory, nal::system_entropy());
  const std::string text = dns::system_resolv_conf();
  const dns::ResolvConf system(text);
  dns::Settings settings = system.settings();
  if (!options.servers.empty()) { settings.servers = options.servers; }
  settings.options.tcp_only = settings.options.tcp_only || options.tcp;
  if (const auto configured = resolver.configure(settings); !configured) {
    std::fprintf(stderr, "error: these name servers cannot be asked: %s\n", nal::to_string(configured.error()));
    return examples::kFailed;
  }
  const int status = options.type ? ask_records(executor, resolver, options, names)
                                  : ask_addresses(executor, resolver, options, names);
  if (options.verbose) {
    const dns::Statistics& did = resolver.statistics();
    std::fprintf(stderr,
                 "messages to name servers: %u (by TCP: %u); answers from the cache: %u; datagrams ignored: %u\n",
                 static_cast<unsigned>(did.asked), static_cast<unsigned>(did.asked_tcp),
                 static_cast<unsigned>(did.cached), static_cast<unsigned>(did.ignored));
  }
  return status;
}

// By multicast DNS.

/// How long the answers of others may take behind the first one, where there may be several: until they were asked a
/// second time, since nobody repeats what he has said to all within a second.
constexpr nal::Duration kOthers = nal::Duration::milliseconds(1500);

bool has_one_answer(dns::Type type) {
  return type == dns::Type::a || type == dns::Type::aaaa || type == dns::Type::srv || type == dns::Type::txt;
}

/// Answers, until no more come: an owner of a name tells all of its own at once, of others there may be any number.
nal::Task<> ask_neighbours(examples::MdnsNode& node, const Options& options, const std::string& text) {
  dns::Name name;
  if (!name.set_text(text)) { co_return nal::Unexpected(nal::Error::invalid_argument); }
  auto watch = node.watch(name, *options.type);
  if (!watch) { co_return nal::Unexpected(watch.error()); }
  bool any = false;
  for (;;) {
    const nal::Duration others = has_one_answer(*options.type) ? 50_ms : kOthers;
    const nal::Duration patience = any ? others : options.timeout;
    const auto event = co_await nal::with_timeout(patience, mdns::next_event(*watch));
    if (!event) {
      if (event.error() == nal::Error::timed_out && any) { co_return nal::Unit{}; }
      co_return nal::Unexpected(event.error() == nal::Error::timed_out ? nal::Error::name_not_found : event.error());
    }
    if (!event->added) { continue; }
    any = true;
    const std::string type = *options.type == dns::Type::any ? examples::text_of_type(event->type) + " " : "";
    print(options, text, type + examples::text_of_record(event->type, event->data));
  }
}

int ask_all_neighbours(examples::Machine& machine, const Options& options, const Names& names) {
  examples::Neighbours neighbours(machine, options.timeout < 3_s ? options.timeout : 3_s);
  if (!neighbours.start(options.interfaces)) { return examples::kFailed; }
  if (!options.type) { return ask_addresses(machine.executor, neighbours.node(), options, names); }
  return resolve_all(options, names, [&](auto& slot, const std::string& name, const auto& address) {
    const std::string asked = asked_name(options, name, address);
    return nal::block_on(machine.executor, slot, ask_neighbours, neighbours.node(), options, asked);
  });
}

bool is_for_neighbours(const Options& options, const std::string& name) {
  const auto address = nal::IpAddress::parse(name);
  if (options.neighbours || options.servers_only) { return options.neighbours; }
  return address ? address->unmapped().is_link_local() : mdns::is_local(name);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse_options(options, argc, argv)) { return *status; }
  Names near;
  Names far;
  for (const std::string& name : options.names) { (is_for_neighbours(options, name) ? near : far).push_back(name); }
  return examples::run_on(options.backend, [&](examples::Machine& machine) {
    int status = examples::kDone;
    if (!far.empty()) {
      status = options.own_resolver ? ask_with_own(machine.executor, machine.stack, options, far)
                                    : ask_addresses(machine.executor, machine.stack, options, far);
    }
    if (near.empty()) { return status; }
    const int nearer = ask_all_neighbours(machine, options, near);
    return status == examples::kDone ? nearer : status;
  });
}
