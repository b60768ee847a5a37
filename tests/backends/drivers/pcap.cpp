#include <catch2/catch_test_macros.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "backends/drivers/file_sink.hpp"
#include "backends/drivers/pcap_reader.hpp"
#include "backends/drivers/replayer.hpp"
#include "tests/backends/drivers/driving.hpp"
#include "tests/backends/drivers/memory_sink.hpp"
#include "tests/backends/drivers/memory_world.hpp"

namespace nal::test {
namespace {

using driver::Medium;
using drivers::CapturedFrame;
using drivers::Direction;
using drivers::PcapFile;
using drivers::PcapReader;
using drivers::PcapWriter;
using drivers::Replayer;
using namespace literals;

using Bytes = std::vector<std::byte>;

const Instant kStart = Instant::from_microseconds(5'000'000);

struct Read {
  Frame bytes;
  std::uint32_t interface;
  Direction direction;
  std::int64_t time;
  bool operator==(const Read&) const = default;
};

/// All that a reader finds; its status after that.
std::pair<std::vector<Read>, Result<>> read_all(std::span<const std::byte> capture) {
  PcapReader reader(capture);
  std::vector<Read> all;
  CapturedFrame frame;
  while (reader.next(frame)) {
    all.push_back({{frame.bytes.begin(), frame.bytes.end()}, frame.interface, frame.direction, frame.time});
  }
  return {all, reader.status()};
}

/// Two interfaces, one frame each way and sizes of every remainder.
Bytes sample(const PcapFile::Config& config = {}) {
  MemorySink sink;
  PcapFile file(sink, config);
  const std::uint32_t eth = file.add_interface("eth0", Medium::ethernet);
  const std::uint32_t tun = file.add_interface("tunnel1", Medium::ip);
  for (unsigned i = 0; i < 4; ++i) {
    file.write(eth, Direction::received, ethernet_frame(60 + i, i), {}, kStart + Duration::microseconds(i));
    file.write(tun, Direction::transmitted, ip_packet(40 + i, i), {}, kStart + Duration::milliseconds(i));
  }
  file.write(eth, Direction::unknown, {}, {}, kStart);
  CHECK(file.status());
  CHECK(file.frames() == 9);
  return sink.bytes();
}

/// Big-endian or little-endian bytes of a capture that this program does not write.
struct Builder {
  bool big_endian;
  Bytes bytes{};
  Builder& u16(unsigned value) {
    const auto low = static_cast<std::byte>(value & 0xff);
    const auto high = static_cast<std::byte>(value >> 8 & 0xff);
    bytes.push_back(big_endian ? high : low);
    bytes.push_back(big_endian ? low : high);
    return *this;
  }
  Builder& u32(std::uint32_t value) {
    return big_endian ? u16(value >> 16).u16(value & 0xffff) : u16(value & 0xffff).u16(value >> 16);
  }
  Builder& raw(const Frame& frame) {
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    while (bytes.size() % 4 != 0) { bytes.push_back(std::byte{0}); }
    return *this;
  }
};

std::string said_by(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char part[256];
  while (std::fgets(part, sizeof part, pipe) != nullptr) { text += part; }
  CHECK(::pclose(pipe) == 0);
  return text;
}

/// A file that goes with the test.
struct ScratchFile {
  ScratchFile() {
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::close(fd);
  }
  ~ScratchFile() { std::remove(path); }
  char path[32] = "/tmp/nal-capture-XXXXXX";
};

}  // namespace

TEST_CASE("a capture is read back as it was written: bytes, interface, direction and time", "[drivers][pcap]") {
  constexpr std::int64_t kEpoch = 1'700'000'000'000'000;
  for (const bool nanoseconds : {false, true}) {
    const auto [read, status] = read_all(sample({.epoch = kEpoch, .nanoseconds = nanoseconds}));
    CHECK(status);
    REQUIRE(read.size() == 9);
    for (unsigned i = 0; i < 4; ++i) {
      CHECK(read[2 * i] == Read{ethernet_frame(60 + i, i), 0, Direction::received, kEpoch + 5'000'000 + i});
      CHECK(read[2 * i + 1] == Read{ip_packet(40 + i, i), 1, Direction::transmitted, kEpoch + 5'000'000 + i * 1000});
    }
    CHECK(read[8] == Read{{}, 0, Direction::unknown, kEpoch + 5'000'000});
  }
}

TEST_CASE("a capture that is cut off anywhere gives the frames before the cut and an error", "[drivers][pcap]") {
  const Bytes whole = sample();
  const auto all = read_all(whole).first;
  std::size_t clean = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // Memory of exactly that size, for a sanitizer to see what is read behind it.
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto [read, status] = read_all(part);
    REQUIRE(read.size() <= all.size());
    CHECK(std::equal(read.begin(), read.end(), all.begin()));
    clean += status ? 1U : 0U;
  }
  CHECK(clean == 1 + 2 + 8);  // behind each block but the last one
}

TEST_CASE("every byte of a capture may be wrong", "[drivers][pcap]") {
  const Bytes whole = sample();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) {
      Bytes wrong = whole;
      wrong[at] = static_cast<std::byte>(value);
      CHECK(read_all(wrong).first.size() <= whole.size() / 28);
    }
  }
}

TEST_CASE("captures of the older format and of the other byte order are read", "[drivers][pcap]") {
  const Frame frame = ethernet_frame(60, 1);
  for (const bool big_endian : {false, true}) {
    for (const bool nanoseconds : {false, true}) {
      Builder old{big_endian};
      old.u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(1);
      old.u32(1000).u32(nanoseconds ? 123'456'000 : 123'456).u32(60).u32(60).raw(frame);
      const auto [read, status] = read_all(old.bytes);
      CHECK(status);
      REQUIRE(read.size() == 1);
      CHECK(read[0] == Read{frame, 0, Direction::unknown, 1'000'123'456});
      for (std::size_t size = 0; size < old.bytes.size(); ++size) {
        const Bytes part(old.bytes.begin(), old.bytes.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK(read_all(part).first.empty());
      }
    }
    Builder next{big_endian};
    next.u32(0x0a0d0d0a).u32(28).u32(0x1a2b3c4d).u16(1).u16(0).u32(0xffffffff).u32(0xffffffff).u32(28);
    next.u32(1).u32(28).u16(1).u16(0).u32(0).u16(9).u16(1).raw({std::byte{0x8a}}).u32(28);  // units of 2^-10 s
    next.u32(6).u32(92).u32(0).u32(0).u32(3 * 1024 + 512).u32(60).u32(60).raw(frame).u32(92);
    next.u32(3).u32(76).u32(60).raw(frame).u32(76);  // without a time
    next.u32(0x0bad).u32(12).u32(12);
    const auto [read, status] = read_all(next.bytes);
    CHECK(status);
    REQUIRE(read.size() == 2);
    CHECK(read[0] == Read{frame, 0, Direction::unknown, 3'500'000});
    CHECK(read[1].bytes == frame);
  }
}

TEST_CASE("frames of a link type that nobody knows are passed over and counted", "[drivers][pcap]") {
  Builder old{false};
  old.u32(0xa1b2c3d4).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(105);  // 802.11
  for (int i = 0; i < 3; ++i) { old.u32(1).u32(0).u32(60).u32(60).raw(ethernet_frame(60, 1)); }
  PcapReader reader(old.bytes);
  CapturedFrame frame;
  CHECK_FALSE(reader.next(frame));
  CHECK(reader.status());
  CHECK(reader.skipped() == 3);
}

TEST_CASE("a driver under capture is as it is without, and both ways are in the file", "[drivers][pcap]") {
  WireWorld<> world;
  MemorySink sink;
  PcapFile file(sink);
  PcapWriter writer(world.wire.a(), file, "wire");
  for (unsigned i = 0; i < 3; ++i) {
    REQUIRE(world.deliver(ethernet_frame(60, i)));
    CHECK(writer.receive(world.pool, kStart));
    driver::Packet packet = to_packet(world.pool, ethernet_frame(70, i));
    REQUIRE(writer.transmit(packet, kStart));
  }
  const auto [read, status] = read_all(sink.bytes());
  REQUIRE(read.size() == 6);
  CHECK(read[0] == Read{ethernet_frame(60, 0), 0, Direction::received, 5'000'000});
  CHECK(read[5] == Read{ethernet_frame(70, 2), 0, Direction::transmitted, 5'000'000});
}

TEST_CASE("a frame that the device does not take is written down once, when it goes", "[drivers][pcap]") {
  WireWorld<> world;
  MemorySink sink;
  PcapFile file(sink);
  PcapWriter writer(world.wire.a(), file, "wire");
  for (unsigned i = 0; i < 20; ++i) {
    driver::Packet packet = to_packet(world.pool, ethernet_frame(60, i));
    REQUIRE(writer.transmit(packet, kStart));
  }
  driver::Packet packet = to_packet(world.pool, ethernet_frame(60, 20));
  for (int i = 0; i < 3; ++i) { CHECK(writer.transmit(packet, kStart) == Unexpected(Error::would_block)); }
  CHECK(file.frames() == 20);
  CHECK(world.collect());
  REQUIRE(writer.transmit(packet, kStart));
  CHECK(file.frames() == 21);
}

TEST_CASE("a checksum that is left to the device is right in the file and untouched in the packet", "[drivers][pcap]") {
  // UDP from 192.0.2.1 to 192.0.2.2, ports 1 and 2, "hi": the pseudo header's sum stands in the checksum field.
  Frame frame = ip_packet(30, 1);
  frame[9] = std::byte{17};
  const unsigned char udp[] = {0, 1, 0, 2, 0, 10, 0, 0, 'h', 'i'};
  for (std::size_t i = 0; i < sizeof udp; ++i) { frame[20 + i] = static_cast<std::byte>(udp[i]); }
  std::uint32_t pseudo = 0xc000 + 0x0202 + 0xc000 + 0x0201 + 17 + 10;
  pseudo = (pseudo & 0xffff) + (pseudo >> 16);
  frame[26] = static_cast<std::byte>(pseudo >> 8);
  frame[27] = static_cast<std::byte>(pseudo & 0xff);
  const std::uint32_t payload = 1 + 2 + 10 + ('h' << 8 | 'i');
  const std::uint32_t sum = pseudo + payload;
  const auto expected = static_cast<std::uint16_t>(~((sum & 0xffff) + (sum >> 16)) & 0xffff);

  MemorySink sink;
  PcapFile file(sink);
  const std::uint32_t interface = file.add_interface("tun", Medium::ip);
  const Frame before = frame;
  driver::Offload offload;
  offload.checksum_start = 20;
  offload.checksum_offset = 6;
  file.write(interface, Direction::transmitted, frame, offload, kStart);
  offload.checksum_start = 0;
  offload.unfinished_start = 20;
  file.write(interface, Direction::received, frame, offload, kStart);
  offload.unfinished_start = 25;  // outside the frame: nothing is made
  file.write(interface, Direction::received, frame, offload, kStart);
  CHECK(frame == before);
  const auto [read, status] = read_all(sink.bytes());
  REQUIRE(read.size() == 3);
  for (const std::size_t i : {0U, 1U}) {
    CHECK(read[i].bytes[26] == static_cast<std::byte>(expected >> 8));
    CHECK(read[i].bytes[27] == static_cast<std::byte>(expected & 0xff));
  }
  CHECK(read[2].bytes == before);
}

TEST_CASE("a full disk ends the capture and not the network", "[drivers][pcap]") {
  WireWorld<> world;
  MemorySink sink(300);
  PcapFile file(sink);
  PcapWriter writer(world.wire.a(), file, "wire");
  for (unsigned i = 0; i < 10; ++i) {
    driver::Packet packet = to_packet(world.pool, ethernet_frame(60, i));
    CHECK(writer.transmit(packet, kStart));
    CHECK(world.collect() == ethernet_frame(60, i));
  }
  CHECK(file.status() == Unexpected(Error::io_error));
  CHECK(file.frames() < 10);
}

TEST_CASE("a snap length cuts frames off in the file and tells how long they were", "[drivers][pcap]") {
  MemorySink sink;
  PcapFile file(sink, {.snap_length = 20});
  file.write(file.add_interface("e", Medium::ethernet), Direction::received, ethernet_frame(100, 1), {}, kStart);
  PcapReader reader(sink.bytes());
  CapturedFrame frame;
  REQUIRE(reader.next(frame));
  CHECK(frame.bytes.size() == 20);
  CHECK(frame.size == 100);
}

TEST_CASE("tshark opens a capture and finds interface, direction and time in it", "[drivers][pcap]") {
  if (std::system("tshark --version >/dev/null 2>&1") != 0) { SKIP("tshark is not there"); }
  const ScratchFile scratch;
  {
    drivers::FileSink sink(scratch.path);
    REQUIRE(sink.status());
    REQUIRE(sink.write(sample({.epoch = 1'700'000'000'000'000, .nanoseconds = true})));
  }
  const std::string said =
      said_by("tshark -r " + std::string(scratch.path) +
              " -T fields -e frame.time_epoch -e frame.interface_name -e frame.packet_flags_direction"
              " -e frame.len -e _ws.malformed 2>/dev/null | head -4");
  CHECK(said ==
        "1700000005.000000000\teth0\t0x00000001\t60\t\n1700000005.000000000\ttunnel1\t0x00000002\t40\t\n"
        "1700000005.000001000\teth0\t0x00000001\t61\t\n1700000005.001000000\ttunnel1\t0x00000002\t41\t\n");
}

TEST_CASE("a file that cannot be made says so, and a large capture reaches the disk whole", "[drivers][pcap]") {
  CHECK_FALSE(drivers::FileSink("/nowhere/at/all").status());
  const ScratchFile scratch;
  {
    drivers::FileSink sink(scratch.path);
    PcapFile file(sink, {.epoch = drivers::FileSink::epoch_of(kStart)});
    const std::uint32_t interface = file.add_interface("big", Medium::ethernet);
    for (unsigned i = 0; i < 100; ++i) {
      file.write(interface, Direction::received, ethernet_frame(1000 + i, i), {}, kStart);
    }
    CHECK(file.status());
  }
  std::ifstream in(scratch.path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto [read, status] = read_all(std::as_bytes(std::span(text.data(), text.size())));
  CHECK(status);
  REQUIRE(read.size() == 100);
  for (unsigned i = 0; i < 100; ++i) { CHECK(read[i].bytes == ethernet_frame(1000 + i, i)); }
  CHECK(read[0].time > 1'600'000'000'000'000);
}

TEST_CASE("a capture is played at its own intervals, and poll_at says when", "[drivers][replayer]") {
  MemorySink sink;
  PcapFile file(sink);
  const std::uint32_t eth = file.add_interface("eth", Medium::ethernet);
  const std::uint32_t tun = file.add_interface("tun", Medium::ip);
  file.write(tun, Direction::received, ip_packet(60, 9), {}, kStart);
  file.write(eth, Direction::received, ethernet_frame(60, 1), {}, kStart + 1_ms);
  file.write(eth, Direction::transmitted, ethernet_frame(60, 2), {}, kStart + 2_ms);
  file.write(eth, Direction::received, ethernet_frame(60, 3), {}, kStart + 5_ms);
  file.write(eth, Direction::unknown, ethernet_frame(60, 4), {}, kStart + 4_ms);  // clocks go back
  Pool<> pool;
  Replayer replayer(sink.bytes(), Replayer::Config{});
  Instant now = Instant::from_microseconds(77);
  CHECK(to_frame(replayer.receive(pool, now)) == ethernet_frame(60, 1));
  CHECK_FALSE(replayer.receive(pool, now));
  CHECK(replayer.poll_at() == now + 4_ms);
  now += 4_ms;
  CHECK(to_frame(replayer.receive(pool, now)) == ethernet_frame(60, 3));
  CHECK(to_frame(replayer.receive(pool, now)) == ethernet_frame(60, 4));
  CHECK_FALSE(replayer.receive(pool, now));
  CHECK(replayer.done());
  CHECK(replayer.poll_at().is_never());
  CHECK(replayer.status());
  CHECK(replayer.counters().received == 3);
  CHECK(replayer.counters().passed_over == 2);
}

TEST_CASE("a replay without a packet sleeps until the pool has one again", "[drivers][replayer]") {
  const Bytes capture = sample();
  VirtualClock clock;
  Executor executor(clock);
  Pool<1, 256> pool;
  Replayer replayer(capture, {.at_once = true});
  driver::Packet held = replayer.receive(pool, executor.now());
  REQUIRE(held);
  CHECK_FALSE(replayer.receive(pool, executor.now()));
  const Watcher watcher(executor, replayer);
  run_ready(executor, 20);
  CHECK(watcher.polls() == 1);
  held = {};
  run_ready(executor, 1);
  CHECK(watcher.polls() == 2);
  CHECK(replayer.receive(pool, executor.now()));
}

TEST_CASE("a capture is played at once where that is asked for, and nothing is lost for want of packets",
          "[drivers][replayer]") {
  const Bytes capture = sample();
  Pool<1, 256> pool;
  Replayer replayer(capture, {.at_once = true, .received_only = false, .medium = Medium::ip});
  driver::Packet held = replayer.receive(pool, kStart);
  REQUIRE(held);
  CHECK_FALSE(replayer.receive(pool, kStart));
  CHECK(replayer.poll_at().is_never());  // a full pool is no reason to spin
  held = {};
  unsigned count = 1;
  while (const driver::Packet packet = replayer.receive(pool, kStart)) {
    CHECK(to_frame(packet) == ip_packet(40 + count, count));
    ++count;
  }
  CHECK(count == 4);
  driver::Packet packet = to_packet(pool, ip_packet(40, 1));
  CHECK(replayer.transmit(packet, kStart));
  CHECK_FALSE(packet);
}

}  // namespace nal::test
