// The DNS resolver on bare metal, over a stack of a few lines with a name server in it. Linked without a C library, so
// nothing of it can want a heap.
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "examples/firmware/board.hpp"
#include "nal/block_on.hpp"
#include "nal/resolver/operations.hpp"
#include "tests/support/desk.hpp"

namespace {

using namespace nal;

const Endpoint kServer{Ipv4Address(192, 0, 2, 53), 53};

/// What the name server has to say: by UDP only that more is there for some names.
std::size_t answer(std::span<const std::byte> query, bool tcp, std::span<std::byte> out) {
  auto message = dns::Message::parse(query);
  dns::Question question;
  dns::Name name;
  if (!message || !message->next(question) || !name.set_wire(query, question.name)) { return 0; }
  dns::Name large;
  static_cast<void>(large.set_text("large.example"));
  const bool cut = !tcp && name == large;
  dns::MessageWriter writer(out, message->header().id,
                            static_cast<std::uint16_t>(dns::Header::kResponse | dns::Header::kRecursionAvailable |
                                                       (cut ? dns::Header::kTruncated : 0)));
  writer.question(name, question.type);
  if (!cut && question.type == dns::Type::a) {
    const std::byte address[] = {std::byte{192}, std::byte{0}, std::byte{2}, std::byte{1}};
    writer.record(dns::Section::answer, name, question.type, 60, address);
  }
  if (question.type == dns::Type::ptr) { writer.record(dns::Section::answer, name, question.type, 60, large.wire()); }
  return writer.finish().value_or(std::span<const std::byte>()).size();
}

void print_addresses(Executor& executor, dns::Resolver<test::Desk>& resolver, std::string_view name) {
  std::array<IpAddress, 2> out;
  const auto count = block_on(executor, lookup(resolver, name, Family::v4, out));
  board::print(name);
  board::print(": ");
  if (count) {
    board::print(to_text(out[0]).view());
  } else {
    board::print(to_string(count.error()));
  }
  board::print("\n");
}

}  // namespace

int main() {
  static Executor executor(board::platform());
  static test::Desk desk(kServer, answer);
  static dns::Resources<test::Desk,
                        dns::Config{.queries = 2, .message_bytes = 512, .cache_entries = 4, .cache_bytes = 256}>
      memory;
  static dns::Resolver resolver(executor, desk, memory, Entropy(std::array<std::byte, Entropy::kSize>{}));
  const Endpoint servers[] = {kServer};
  if (!resolver.configure({.servers = servers})) { return 1; }
  print_addresses(executor, resolver, "a.example");
  print_addresses(executor, resolver, "large.example");
  print_addresses(executor, resolver, "large.example");
  print_addresses(executor, resolver, "printer.local");
  char name[64];
  const auto size = block_on(executor, reverse_lookup(resolver, Ipv4Address(192, 0, 2, 1), name));
  board::print(size ? std::string_view(name, *size) : to_string(size.error()));
  board::print("\n");
  std::array<dns::Service, 2> services;
  const auto none = block_on(executor, dns::lookup_services(resolver, "_x._tcp.example", services));
  board::print(none ? "services" : to_string(none.error()));
  board::print("\n");
  board::print(static_cast<long>(resolver.statistics().asked));
  board::print(" messages\n");
  return desk.taken() ? 1 : 0;
}
