// nal-mdns: this host's name and services for its neighbours, and theirs for this one.
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "examples/common/interrupt.hpp"
#include "examples/common/neighbours.hpp"
#include "examples/common/record_text.hpp"
#include "examples/tools/mdns/options.hpp"
#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/hosted/format.hpp"
#include "nal/mdns/operations.hpp"
#include "nal/sleep.hpp"

namespace {

namespace dns = nal::dns;
namespace mdns = nal::mdns;
using examples::MdnsNode;
using namespace nal::literals;

struct Program {
  const Options& options;
  examples::Neighbours& neighbours;
  examples::Interrupt& interrupt;
  MdnsNode& node() const { return neighbours.node(); }
};

int fail(const std::string& what, nal::Error why) {
  std::fprintf(stderr, "error: %s: %s\n", what.c_str(), nal::to_string(why));
  return examples::kFailed;
}

// Announcing.

/// What the node is lent of a service.
struct Lent {
  std::vector<std::byte> text;
  std::vector<std::string_view> subtypes;
};

nal::Result<> offer(MdnsNode& node, const Offer& offer, Lent& lent) {
  lent.text.resize(8000);
  mdns::TextBuilder builder(lent.text);
  for (const std::string& pair : offer.text) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      NAL_TRY(builder.add(pair));
    } else {
      NAL_TRY(builder.add(std::string_view(pair).substr(0, equals), std::string_view(pair).substr(equals + 1)));
    }
  }
  lent.subtypes.assign(offer.subtypes.begin(), offer.subtypes.end());
  const auto added = node.add_service({.instance = offer.instance,
                                       .type = offer.type,
                                       .port = offer.port,
                                       .text = builder.data(),
                                       .subtypes = lent.subtypes});
  if (!added) { return nal::Unexpected(added.error()); }
  return {};
}

nal::Task<> tell_changes(MdnsNode& node) {
  for (;;) {
    const auto change = co_await mdns::next_change(node);
    if (!change) { co_return nal::Unexpected(change.error()); }
    std::printf("%s %s\n", change->renamed ? "renamed" : "established", examples::readable(change->name).c_str());
    std::fflush(stdout);
  }
}

nal::Task<> stop(MdnsNode& node) { co_return co_await nal::with_timeout(2_s, mdns::stop(node)); }

int announce(nal::Executor& executor, Program& program) {
  MdnsNode& node = program.node();
  if (const auto named = node.set_host(program.options.host); !named) {
    return fail("the name " + program.options.host, named.error());
  }
  std::vector<std::unique_ptr<Lent>> lent;
  for (const Offer& one : program.options.offers) {
    lent.push_back(std::make_unique<Lent>());
    if (const auto offered = offer(node, one, *lent.back()); !offered) {
      return fail("the service " + one.instance, offered.error());
    }
  }
  nal::TaskSlot<2048> slot;
  if (const auto started = slot.start(executor, tell_changes, node); !started) {
    return fail("cannot start", started.error());
  }
  const nal::Duration how_long = program.options.timeout.value_or(nal::Duration::max());
  static_cast<void>(nal::block_on(executor, nal::with_timeout(how_long, nal::wait(program.interrupt.event()))));
  slot.cancel();
  nal::TaskSlot<2048> last;
  const auto stopped = nal::block_on(executor, last, stop, node);
  return stopped ? examples::kDone : fail("the neighbours were not told of the end", stopped.error());
}

// Asking.

void print_text(std::span<const std::byte> data) {
  mdns::TextReader reader(data);
  while (const auto pair = reader.next()) {
    const std::string value = pair->value ? "=" + std::string(*pair->value) : "";
    std::printf("  \"%s\"\n", examples::printable(std::string(pair->key) + value).c_str());
  }
}

nal::Task<> resolve(MdnsNode& node, const dns::Name& name) {
  mdns::Instance instance;
  std::array<std::byte, 1400> text;
  const auto found = co_await mdns::resolve_instance(node, name, instance, text);
  if (!found) { co_return nal::Unexpected(found.error()); }
  std::printf("= %s %s:%u", examples::readable(name).c_str(), examples::readable(instance.host).c_str(),
              static_cast<unsigned>(instance.port));
  for (std::size_t i = 0; i < instance.address_count; ++i) {
    std::printf(" %s", nal::to_text(instance.addresses[i]).c_str());
  }
  std::printf("\n");
  print_text(instance.text);
  if (instance.text_cut) { std::fputs("warning: its text is too long to be shown\n", stderr); }
  std::fflush(stdout);
  co_return nal::Unit{};
}

int resolve_all(nal::Executor& executor, Program& program) {
  int status = examples::kDone;
  for (const std::string& text : program.options.instances) {
    const auto [instance, type] = split_instance(text);
    dns::Name name;
    auto done = mdns::set_service_name(name, instance, type);
    if (done) {
      nal::TaskSlot<8192> slot;
      done = nal::block_on(executor, slot, resolve, program.node(), name);
    }
    if (!done) { status = fail("'" + text + "'", done.error()); }
  }
  return status;
}

/// Tells what comes and goes.
nal::Task<> browse(Program& program, MdnsNode::Watch& watch) {
  const nal::Duration patience = program.options.terminate ? 2_s : nal::Duration::max();
  for (;;) {
    const auto event = co_await nal::with_timeout(patience, mdns::next_event(watch));
    if (!event && event.error() == nal::Error::timed_out) { co_return nal::Unit{}; }
    if (!event) {
      std::fprintf(stderr, "warning: something was lost: %s\n", nal::to_string(event.error()));
      continue;
    }
    dns::Name name;
    if (!dns::read_name(event->data, name)) { continue; }
    const bool added = event->added;
    std::printf("%c %s %s\n", added ? '+' : '-',
                examples::interface_name(program.neighbours.interfaces(), event->interface).c_str(),
                examples::readable(name).c_str());
    std::fflush(stdout);
    if (!added || !program.options.resolve) { continue; }
    const auto resolved = co_await resolve(program.node(), name);
    if (!resolved) { std::fprintf(stderr, "warning: it does not tell where it is\n"); }
  }
}

int browse_all(nal::Executor& executor, Program& program) {
  const Options& options = program.options;
  dns::Name name;
  const std::string type = options.subtype.empty() ? options.type : options.subtype + "._sub." + options.type;
  const auto named = options.mode == Mode::types ? name.set_text("_services._dns-sd._udp.local")
                                                 : mdns::set_service_name(name, "", type);
  if (!named) { return fail("'" + type + "'", named.error()); }
  auto watch = program.node().watch(name, dns::Type::ptr);
  if (!watch) { return fail("cannot ask", watch.error()); }
  nal::TaskSlot<16384> slot;
  if (const auto started = slot.start(executor, browse, program, *watch); !started) {
    return fail("cannot ask", started.error());
  }
  const nal::Duration how_long = options.timeout.value_or(nal::Duration::max());
  static_cast<void>(nal::block_on(
      executor, nal::with_timeout(how_long, nal::race(nal::finished(slot), nal::wait(program.interrupt.event())))));
  slot.cancel();
  return examples::kDone;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse_options(options, argc, argv)) { return *status; }
  return examples::run_on(options.backend, [&options](examples::Machine& machine) {
    examples::Neighbours neighbours(machine, options.timeout.value_or(3_s));
    if (!neighbours.start(options.interfaces)) { return examples::kFailed; }
    examples::Interrupt interrupt(machine.executor);
    Program program{options, neighbours, interrupt};
    switch (options.mode) {
      case Mode::announce: return announce(machine.executor, program);
      case Mode::resolve: return resolve_all(machine.executor, program);
      default: return browse_all(machine.executor, program);
    }
  });
}
