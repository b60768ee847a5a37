#pragma once
/// The device that the options ask for, with what is to be around it.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/drivers/fault_injector.hpp"
#include "backends/drivers/file_sink.hpp"
#include "backends/drivers/linux/packet_socket.hpp"
#include "backends/drivers/linux/tap.hpp"
#include "backends/drivers/pcap_writer.hpp"
#include "backends/drivers/trace/tracer.hpp"
#include "examples/common/backend.hpp"

namespace examples::detail {

/// A device of Linux; around it a bad network, around that a capture, and around that a trace, so that both show what
/// the stack has seen.
class EmbeddedDevice {
 public:
  /// The options and the reactor outlive it.
  EmbeddedDevice(nal::posix::Reactor& reactor, const BackendOptions& options) : reactor_(reactor), options_(options) {}
  EmbeddedDevice(const EmbeddedDevice&) = delete;
  EmbeddedDevice& operator=(const EmbeddedDevice&) = delete;

  /// False: what went wrong was told on standard error.
  bool open();
  nal::driver::Driver& driver() noexcept { return *driver_; }
  /// Of the interface.
  const char* name() const noexcept { return options_.device.name.c_str(); }

 private:
  static constexpr std::size_t kLateFrames = 64;

  bool open_device();
  bool open_tap(nal::driver::Medium medium);
  bool open_packet_socket();
  bool open_capture();
  void add_faults();
  nal::driver::PacketPool& long_packets();

  nal::posix::Reactor& reactor_;
  const BackendOptions& options_;
  nal::driver::Driver* driver_ = nullptr;
  std::optional<nal::driver::PacketPool> long_packets_;
  std::optional<nal::drivers::Tap> tap_;
  std::optional<nal::drivers::PacketSocket> packet_socket_;
  std::vector<nal::drivers::LateFrame> late_received_;
  std::vector<nal::drivers::LateFrame> late_sent_;
  std::optional<nal::drivers::FaultInjector> faults_;
  std::optional<nal::drivers::FileSink> file_;
  std::optional<nal::drivers::PcapFile> capture_;
  std::optional<nal::drivers::PcapWriter> writer_;
  std::optional<nal::drivers::Tracer> tracer_;
};

/// "error: WHAT: WHY; HINT" on standard error.
void tell(const std::string& what, nal::Error why, const std::string& hint);

}  // namespace examples::detail
