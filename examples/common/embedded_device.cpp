#include "examples/common/embedded_device.hpp"

#include <cstdio>

#include "backends/posix/reactor.hpp"

namespace examples::detail {

namespace {

nal::drivers::Chance chance(double percent) {
  return {static_cast<std::uint32_t>(percent * nal::drivers::Chance::percent(1).per_million)};
}

nal::drivers::TapOffload offload(Device::Offload offload) {
  switch (offload) {
    case Device::Offload::none: return nal::drivers::TapOffload::none;
    case Device::Offload::checksum: return nal::drivers::TapOffload::checksum;
    case Device::Offload::segmentation: return nal::drivers::TapOffload::segmentation;
  }
  return {};
}

/// What to do about a TAP or TUN interface that cannot be opened.
std::string tap_hint(nal::Error why, const std::string& name, bool tap) {
  const std::string mode = tap ? "tap" : "tun";
  switch (why) {
    case nal::Error::permission_denied:
      return "make it yours: sudo ip tuntap add " + name + " mode " + mode + " user $USER && sudo ip link set " + name +
             " up";
    case nal::Error::not_supported: return "Linux has no TUN driver here: sudo modprobe tun";
    case nal::Error::invalid_argument:
      return "there is another kind of interface of this name: ip -details link show " + name;
    case nal::Error::address_in_use: return "another program has it: each wants one of its own";
    default: return "ip tuntap show lists those that there are; each program wants one of its own";
  }
}

std::string packet_hint(nal::Error why) {
  if (why == nal::Error::permission_denied) { return "it takes the right to read raw packets: run this by sudo"; }
  if (why == nal::Error::network_down) { return "there is no such interface: ip link lists those that there are"; }
  return "";
}

void say(void*, std::string_view line) { std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data()); }

}  // namespace

void tell(const std::string& what, nal::Error why, const std::string& hint) {
  std::fprintf(stderr, "error: %s: %s%s%s\n", what.c_str(), nal::to_string(why), hint.empty() ? "" : "; ",
               hint.c_str());
}

bool EmbeddedDevice::open() {
  if (!open_device()) { return false; }
  if (options_.faults.any()) { add_faults(); }
  if (!options_.pcap.empty() && !open_capture()) { return false; }
  if (options_.trace) { driver_ = &tracer_.emplace(*driver_, options_.device.name, say, nullptr); }
  return true;
}

bool EmbeddedDevice::open_device() {
  switch (options_.device.kind) {
    case Device::Kind::tap: return open_tap(nal::driver::Medium::ethernet);
    case Device::Kind::tun: return open_tap(nal::driver::Medium::ip);
    case Device::Kind::packet: return open_packet_socket();
  }
  return false;
}

bool EmbeddedDevice::open_tap(nal::driver::Medium medium) {
  const bool segments = options_.device.offload == Device::Offload::segmentation;
  tap_.emplace(reactor_, nal::drivers::TapConfig{.name = name(),
                                                 .medium = medium,
                                                 .offload = offload(options_.device.offload),
                                                 .long_packets = segments ? &long_packets() : nullptr,
                                                 .address = options_.mac.value_or(nal::MacAddress())});
  driver_ = &*tap_;
  const auto status = tap_->status();
  if (!status) {
    const bool tap = medium == nal::driver::Medium::ethernet;
    tell(std::string("cannot open the ") + (tap ? "TAP" : "TUN") + " interface " + name(), status.error(),
         tap_hint(status.error(), name(), tap));
  }
  return status.has_value();
}

bool EmbeddedDevice::open_packet_socket() {
  packet_socket_.emplace(reactor_, nal::drivers::PacketSocketConfig{.name = name(),
                                                                    .long_packets = &long_packets(),
                                                                    .address = options_.mac.value_or(nal::MacAddress()),
                                                                    .promiscuous = options_.mac.has_value()});
  driver_ = &*packet_socket_;
  const auto status = packet_socket_->status();
  if (!status) {
    tell(std::string("cannot share the interface ") + name(), status.error(), packet_hint(status.error()));
  }
  return status.has_value();
}

bool EmbeddedDevice::open_capture() {
  file_.emplace(options_.pcap.c_str());
  if (const auto status = file_->status(); !status) {
    tell("cannot write " + options_.pcap, status.error(), "");
    return false;
  }
  capture_.emplace(*file_, nal::drivers::PcapFile::Config{.epoch = file_->epoch_of(reactor_.now())});
  driver_ = &writer_.emplace(*driver_, *capture_, options_.device.name);
  return true;
}

void EmbeddedDevice::add_faults() {
  const nal::drivers::Faults each_way{.loss = chance(options_.faults.drop),
                                      .corrupt = chance(options_.faults.corrupt),
                                      .duplicate = chance(options_.faults.duplicate),
                                      .reorder = chance(options_.faults.reorder)};
  late_received_.resize(kLateFrames);
  late_sent_.resize(kLateFrames);
  driver_ = &faults_.emplace(
      *driver_,
      nal::drivers::FaultInjector::Config{.receive = each_way, .transmit = each_way, .seed = options_.faults.seed},
      late_received_, late_sent_);
}

nal::driver::PacketPool& EmbeddedDevice::long_packets() {
  static nal::driver::PacketMemory<64, nal::drivers::PacketSocket::kLongPacketSize> memory;
  return long_packets_.emplace(memory, 0);
}

}  // namespace examples::detail
