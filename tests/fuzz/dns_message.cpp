// The DNS codec on arbitrary bytes: it stays within them, ends, gives only names that are names, and writes what it has
// read so that it is read again the same. Beside it the texts: names and resolv.conf.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nal/resolver/answer.hpp"
#include "nal/resolver/cache.hpp"
#include "nal/resolver/operations.hpp"
#include "nal/resolver/resolv_conf.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal::dns;
using Bytes = std::vector<std::byte>;

using nal::fuzz::require;

/// A name that was read holds what a name may hold.
void check_name(const Name& name) {
  const auto wire = name.wire();
  require(!wire.empty() && wire.size() <= Name::kMaxSize && wire.back() == std::byte{0});
  std::size_t position = 0;
  while (wire[position] != std::byte{0}) {
    require(std::to_integer<std::size_t>(wire[position]) <= Name::kMaxLabel);
    position += 1 + std::to_integer<std::size_t>(wire[position]);
    require(position < wire.size());
  }
  require(position + 1 == wire.size());
  char text[1100];
  const auto formatted = name.format_to(text);
  require(formatted.has_value());
  Name again;
  require(again.set_text(*formatted).has_value());
  require(again == name && again.wire().size() == wire.size());
  static_cast<void>(special_name(name));
}

void walk(std::span<const std::byte> bytes) {
  auto message = Message::parse(bytes);
  if (!message) { return; }
  Question question;
  for (auto more = message->next(question); more && *more; more = message->next(question)) {
    Name name;
    require(name.set_wire(bytes, question.name).has_value());
    check_name(name);
    require(name.is_at(bytes, question.name));
  }
  Record record;
  std::size_t records = 0;
  for (auto more = message->next(record); more && *more; more = message->next(record)) {
    require(++records <= bytes.size());
    Name name;
    require(name.set_wire(bytes, record.name).has_value());
    check_name(name);
    require(record.data + record.bytes.size() <= bytes.size());
    Bytes out(1024);
    WireWriter writer(out);
    if (!copy_data(*message, record, writer)) { continue; }
    const auto data = std::span<const std::byte>(out).first(writer.size());
    switch (record.type) {
      case Type::a:
      case Type::aaaa: require(read_address(data).has_value()); break;
      case Type::ptr:
      case Type::cname:
      case Type::ns: require(read_name(data, name).has_value()); break;
      case Type::srv: {
        Service service;
        require(read_service(data, service).has_value());
        check_name(service.target);
        break;
      }
      case Type::txt: {
        Strings strings(data);
        std::size_t size = 0;
        while (const auto string = strings.next()) { size += 1 + string->size(); }
        require(size == data.size());
        break;
      }
      default: break;
    }
  }
}

/// The message as the answer to its own question.
void answer(std::span<const std::byte> bytes, bool cut) {
  auto message = Message::parse(bytes);
  if (!message) { return; }
  Question question;
  const auto more = message->next(question);
  if (!more || !*more) { return; }
  for (const std::size_t room : {std::size_t{30}, std::size_t{600}}) {
    Name name;
    require(name.set_wire(bytes, question.name).has_value());
    const Name asked = name;
    unsigned aliases = kMaxAliases;
    Bytes out(room);
    const Reading reading = read_answer(*message, cut, name, question.type, aliases, out);
    require(aliases <= kMaxAliases && reading.answer.size <= room);
    if (reading.outcome != Reading::Outcome::answer) { continue; }
    check_name(name);
    std::size_t count = 0;
    for (const auto data : reading.answer.records(out)) {
      require(data.data() >= out.data() && data.data() + data.size() <= out.data() + reading.answer.size);
      ++count;
    }
    require(count == reading.answer.count);
    std::vector<CacheEntry> entries(2);
    Bytes memory(200);
    Cache cache(entries, memory);
    const nal::Instant now{};
    cache.keep(asked, reading.answer, out, now);
    Bytes back(room);
    const auto found = cache.find(asked, question.type, now, back);
    if (found) {
      require(found->ttl == reading.answer.ttl && found->size == reading.answer.size);
      require(std::equal(back.begin(), back.begin() + found->size, out.begin()));
    }
  }
}

/// What was read of a message is written again, and read the same.
void write_again(std::span<const std::byte> bytes) {
  auto message = Message::parse(bytes);
  if (!message) { return; }
  Bytes out(65535);
  MessageWriter writer(out, message->header().id, message->header().flags);
  Question question;
  for (;;) {
    const auto more = message->next(question);
    if (!more) { return; }
    if (!*more) { break; }
    Name name;
    require(name.set_wire(bytes, question.name).has_value());
    writer.question(name, question.type, question.record_class);
  }
  std::vector<Record> records;
  Record record;
  for (;;) {
    const auto more = message->next(record);
    if (!more) { return; }
    if (!*more) { break; }
    Name name;
    require(name.set_wire(bytes, record.name).has_value());
    writer.record(record.section, name, record.type, record.ttl, record.bytes, record.record_class);
    records.push_back(record);
  }
  const auto written = writer.finish();
  if (!written) { return; }
  auto again = Message::parse(*written);
  require(again.has_value() && again->header().id == message->header().id);
  for (const Record& first : records) {
    Record second;
    const auto more = again->next(second);
    require(more && *more);
    require(second.section == first.section && second.type == first.type && second.ttl == first.ttl);
    require(second.record_class == first.record_class);
    require(std::equal(first.bytes.begin(), first.bytes.end(), second.bytes.begin(), second.bytes.end()));
  }
}

void texts(std::string_view text) {
  AskedName asked;
  if (asked.set(text)) { check_name(asked.name); }
  const ResolvConf settings(text);
  const Settings read = settings.settings();
  require(!read.servers.empty() && read.servers.size() <= ResolvConf::kMostServers);
  std::array<Server, ResolvConf::kMostServers> memory;
  Servers servers(memory);
  require(servers.check(read.servers).has_value());
  Bytes names(256 * ResolvConf::kMostNames);
  SearchList search(names);
  require(search.assign(read.search).has_value());
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of just the right size, so that AddressSanitizer sees a byte too many.
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  walk(bytes);
  answer(bytes, false);
  answer(bytes, true);
  write_again(bytes);
  texts({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return 0;
}
