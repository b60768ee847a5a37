// A capture of arbitrary bytes: reading ends and stays within it, its frames can be described and replayed, and what is
// written of them is read again the same. The bytes are a frame as well.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/drivers/pcap_reader.hpp"
#include "backends/drivers/replayer.hpp"
#include "backends/drivers/trace/describe.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal;
using drivers::CapturedFrame;
using fuzz::require;

class Memory final : public drivers::ByteSink {
 public:
  Result<> write(std::span<const std::byte> more) noexcept override {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  std::vector<std::byte> bytes;
};

void check_description(std::span<const std::byte> frame, driver::Medium medium) {
  std::array<char, drivers::kDescriptionSize> room;
  for (const bool made : {false, true}) {
    const auto text = drivers::describe(frame, medium, made, room);
    require(!text.empty());
    for (const char c : text) { require(c >= ' ' && c <= '~'); }
  }
}

void check_capture(std::span<const std::byte> capture) {
  Memory memory;
  drivers::PcapFile file(memory);
  const std::uint32_t interfaces[] = {file.add_interface("e", driver::Medium::ethernet),
                                      file.add_interface("i", driver::Medium::ip)};
  drivers::PcapReader reader(capture);
  std::vector<CapturedFrame> frames;
  CapturedFrame frame;
  while (reader.next(frame)) {
    require(frame.size >= frame.bytes.size());
    require(frame.bytes.empty() || (frame.bytes.data() >= capture.data() &&
                                    frame.bytes.data() + frame.bytes.size() <= capture.data() + capture.size()));
    check_description(frame.bytes, frame.medium);
    file.write(interfaces[frame.medium == driver::Medium::ip ? 1 : 0], frame.direction, frame.bytes, {},
               Instant::from_microseconds(static_cast<std::int64_t>(frames.size())));
    frames.push_back(frame);
  }
  require(!reader.next(frame));

  drivers::PcapReader again(memory.bytes);
  std::int64_t time = 0;
  for (const CapturedFrame& expected : frames) {
    require(again.next(frame));
    require(std::ranges::equal(frame.bytes, expected.bytes) && frame.medium == expected.medium);
    require(frame.direction == expected.direction && frame.time == time++);
  }
  require(!again.next(frame) && again.status().has_value());
}

void check_replay(std::span<const std::byte> capture) {
  driver::PacketMemory<2, 256> packets;
  driver::PacketPool pool(packets, 0);
  drivers::Replayer replayer(capture, {});
  Instant now = Instant::from_microseconds(1);
  for (int i = 0; i < 1000 && !replayer.done(); ++i) {
    if (!replayer.receive(pool, now) && replayer.poll_at() > now && !replayer.poll_at().is_never()) {
      now = replayer.poll_at();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  check_capture(bytes);
  check_replay(bytes);
  check_description(bytes, driver::Medium::ethernet);
  check_description(bytes, driver::Medium::ip);
  return 0;
}
