/// Shows what goes over an interface, or stands in a capture, a line a packet.
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/drivers/file_sink.hpp"
#include "backends/drivers/linux/packet_socket.hpp"
#include "backends/drivers/pcap_reader.hpp"
#include "backends/drivers/trace/describe.hpp"
#include "examples/common/command_line.hpp"
#include "examples/common/exit_status.hpp"
#include "examples/common/interrupt.hpp"
#include "examples/tools/dump/filter.hpp"
#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/task_slot.hpp"

namespace {

using Bytes = std::span<const std::byte>;

struct Options {
  std::string interface;
  std::string read;
  std::string write;
  std::uint64_t count = 0;  ///< 0: no end
  std::uint32_t snap_length = 0;
  bool link_header = false;
  bool hex = false;
  bool hex_and_text = false;
  bool in_place = false;  ///< not promiscuous
  unsigned times = 0;     ///< -t: none, -tt: seconds, -tttt: with the date
  std::vector<std::string> expression;
  dump::Filter filter;
};

/// A frame, wherever it comes from.
struct Frame {
  Bytes bytes;
  std::size_t size;  ///< on the wire
  nal::driver::Medium medium;
  nal::drivers::Direction direction;
  std::uint32_t interface;
  std::int64_t time;  ///< microseconds since 1970
  bool checksums_made;
};

class Dump {
 public:
  explicit Dump(const Options& options) : options_(options) {
    if (options.write.empty()) { return; }
    sink_ = std::make_unique<nal::drivers::FileSink>(options.write.c_str());
    file_ = std::make_unique<nal::drivers::PcapFile>(
        *sink_, nal::drivers::PcapFile::Config{.epoch = 0, .snap_length = options.snap_length});
  }

  nal::Result<> status() const { return sink_ ? sink_->status() : nal::Result<>(); }
  bool enough() const { return options_.count != 0 && shown_ >= options_.count; }
  std::uint64_t shown() const { return shown_; }

  void take(const Frame& frame) {
    if (enough() || !options_.filter.matches(dump::look_at(frame.bytes, frame.medium, frame.size))) { return; }
    ++shown_;
    if (file_) {
      const auto known = interfaces_.try_emplace(frame.interface, 0);
      if (known.second) { known.first->second = file_->add_interface(options_.interface, frame.medium); }
      file_->write(known.first->second, frame.direction, frame.bytes, {}, nal::Instant::from_microseconds(frame.time));
      return;
    }
    print(frame);
  }
  nal::Result<> finish() { return sink_ ? sink_->flush() : nal::Result<>(); }

 private:
  void print(const Frame& frame) {
    const Bytes kept = options_.snap_length != 0 && options_.snap_length < frame.bytes.size()
                           ? frame.bytes.first(options_.snap_length)
                           : frame.bytes;
    const bool whole = kept.size() == frame.size;
    char room[nal::drivers::kDescriptionSize];
    std::string_view text = nal::drivers::describe(kept, frame.medium, frame.checksums_made && whole, room);
    const bool ethernet = frame.medium == nal::driver::Medium::ethernet;
    if (ethernet && !options_.link_header) {
      const std::size_t end = text.find(", ");
      if (end != std::string_view::npos) { text.remove_prefix(end + 2); }
    }
    print_time(frame.time);
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (!whole) { std::printf(" [%zu of %zu bytes]", kept.size(), frame.size); }
    std::putchar('\n');
    if (options_.hex || options_.hex_and_text) {
      print_bytes(ethernet && !options_.link_header ? kept.subspan(std::min<std::size_t>(14, kept.size())) : kept);
    }
    std::fflush(stdout);
  }
  void print_time(std::int64_t microseconds) const {
    const auto seconds = static_cast<std::time_t>(microseconds / 1'000'000);
    const auto rest = static_cast<long>(microseconds % 1'000'000);
    if (options_.times == 1) { return; }
    if (options_.times == 2) {
      std::printf("%lld.%06ld ", static_cast<long long>(seconds), rest);
      return;
    }
    std::tm local{};
    localtime_r(&seconds, &local);
    char text[32];
    text[std::strftime(text, sizeof text, options_.times > 3 ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &local)] = '\0';
    std::printf("%s.%06ld ", text, rest);
  }
  void print_bytes(Bytes bytes) const {
    for (std::size_t at = 0; at < bytes.size(); at += 16) {
      const Bytes row = bytes.subspan(at, std::min<std::size_t>(16, bytes.size() - at));
      std::printf("\t0x%04zx: ", at);
      for (std::size_t i = 0; i < 16; ++i) {
        if (i % 2 == 0) { std::putchar(' '); }
        i < row.size() ? std::printf("%02x", std::to_integer<unsigned>(row[i])) : std::printf("  ");
      }
      if (options_.hex_and_text) {
        std::printf("  ");
        for (const std::byte byte : row) {
          const auto c = std::to_integer<int>(byte);
          std::putchar(c >= 0x20 && c < 0x7f ? c : '.');
        }
      }
      std::putchar('\n');
    }
  }

  const Options& options_;
  std::unique_ptr<nal::drivers::FileSink> sink_;
  std::unique_ptr<nal::drivers::PcapFile> file_;
  std::map<std::uint32_t, std::uint32_t> interfaces_;
  std::uint64_t shown_ = 0;
};

int failed(const std::string& what, nal::Error why) {
  std::cerr << "error: cannot " << what << ": " << nal::to_string(why) << '\n';
  return examples::kFailed;
}

int read_capture(const Options& options, Dump& dump) {
  std::ifstream file;
  if (options.read != "-") { file.open(options.read, std::ios::binary); }
  std::istream& in = options.read == "-" ? std::cin : file;
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (options.read != "-" && !file.is_open()) {
    std::cerr << "error: cannot read " << options.read << '\n';
    return examples::kFailed;
  }
  nal::drivers::PcapReader reader(std::as_bytes(std::span(text.data(), text.size())));
  nal::drivers::CapturedFrame frame;
  while (!dump.enough() && reader.next(frame)) {
    dump.take({frame.bytes, frame.size, frame.medium, frame.direction, frame.interface, frame.time, true});
  }
  if (!dump.enough() && !reader.status()) { return failed("read on in " + options.read, reader.status().error()); }
  return examples::kDone;
}

/// The next frame of a device.
class NextFrame {
 public:
  NextFrame(nal::driver::Driver& device, nal::driver::PacketPool& pool) : device_(&device), pool_(&pool) {}
  nal::Poll<nal::driver::Packet> poll(nal::Context& context) noexcept {
    nal::driver::Packet packet = device_->receive(*pool_, context.now());
    if (packet) { return packet; }
    device_->wait(context, waiter_, false);
    return nal::pending;
  }

 private:
  nal::driver::Driver* device_;
  nal::driver::PacketPool* pool_;
  nal::Waiter waiter_;
};

nal::Task<nal::Result<>> listen(nal::Executor& executor, nal::drivers::PacketSocket& device,
                                nal::driver::PacketPool& pool, examples::Interrupt& interrupt, Dump& dump) {
  const std::int64_t epoch = nal::drivers::FileSink::epoch_of(executor.now());
  const nal::driver::Medium medium = device.capabilities().medium;
  while (!dump.enough()) {
    auto first = co_await nal::race(NextFrame(device, pool), nal::wait(interrupt.event()));
    auto* const packet = std::get_if<0>(&first);
    if (!packet) { break; }
    const nal::driver::Offload& offload = packet->offload();
    const bool made = !offload.checksum_verified && offload.unfinished_start == 0;
    const Bytes bytes = std::as_const(*packet).data();
    dump.take({bytes, bytes.size(), medium, nal::drivers::Direction::unknown, 0, epoch + executor.now().microseconds(),
               made});
  }
  co_return nal::Result<>();
}

int watch(const Options& options, Dump& dump) {
  static nal::driver::PacketMemory<32, nal::drivers::PacketSocket::kLongPacketSize> memory;
  nal::driver::PacketPool pool(memory, 0);
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  nal::drivers::PacketSocket device(
      reactor, {.name = options.interface.c_str(), .promiscuous = !options.in_place, .outgoing = true});
  if (!device.status()) { return failed("listen on " + options.interface, device.status().error()); }
  examples::Interrupt interrupt(executor);
  std::cerr << "listening on " << options.interface << '\n';
  nal::TaskSlot<4096> slot;
  const nal::Result<> done = nal::block_on(executor, slot, listen, executor, device, pool, interrupt, dump);
  static_cast<void>(done);
  std::cerr << dump.shown() << " packets captured\n" << device.counters().no_packet << " packets dropped\n";
  device.give_back(pool);
  return examples::kDone;
}

std::optional<int> parse_options(Options& options, int argc, const char* const* argv) {
  CLI::App app("Shows what goes over an interface, or stands in a capture, a line a packet.", "nal-dump");
  app.footer(
      "EXPRESSION as tcpdump has it: host, net, port, portrange, proto, ether, vlan, less, greater, protocols, "
      "and, or, not, parentheses. Exit status: 0 done, 1 it could not be done, 2 wrong usage.");
  auto* const interface = app.add_option("-i,--interface", options.interface, "where to listen")->type_name("NAME");
  app.add_option("-r,--read", options.read, "a capture, pcapng or pcap; - is standard input")
      ->type_name("FILE")
      ->excludes(interface);
  app.add_option("-w,--write", options.write, "write pcapng and show nothing")->type_name("FILE");
  app.add_option("-c,--count", options.count, "end after so many packets")->type_name("COUNT");
  app.add_option("-s,--snapshot-length", options.snap_length, "keep no more of each packet; 0: all")
      ->type_name("BYTES");
  bool as_ever = false;
  app.add_flag("-n,--numeric", as_ever, "no names: as ever");
  app.add_flag("-l,--line-buffered", as_ever, "each line at once: as ever");
  app.add_flag("-e", options.link_header, "show the link's header");
  app.add_flag("-p,--no-promiscuous-mode", options.in_place, "only what is for this host");
  app.add_flag("-x", options.hex, "show the bytes behind the link's header");
  app.add_flag("-X", options.hex_and_text, "show them as text as well");
  app.add_flag("-t", options.times, "no times; -tt: seconds since 1970; -tttt: with the date");
  app.add_option("EXPRESSION", options.expression, "which packets")->type_name("");
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  if (options.interface.empty() == options.read.empty()) {
    std::cerr << "error: one of --interface and --read is needed\n";
    return examples::kWrongUsage;
  }
  std::string text;
  for (const std::string& word : options.expression) { text += word + ' '; }
  auto filter = dump::Filter::parse(text);
  if (const auto* const why = std::get_if<std::string>(&filter)) {
    std::cerr << "error: " << *why << " of the expression\n";
    return examples::kWrongUsage;
  }
  options.filter = std::get<dump::Filter>(std::move(filter));
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse_options(options, argc, argv)) { return *status; }
  Dump dump(options);
  if (!dump.status()) { return failed("write " + options.write, dump.status().error()); }
  const int status = options.read.empty() ? watch(options, dump) : read_capture(options, dump);
  const nal::Result<> written = dump.finish();
  return written ? status : failed("write " + options.write, written.error());
}
