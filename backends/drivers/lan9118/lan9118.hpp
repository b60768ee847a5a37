#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>
#include <utility>

#include "backends/drivers/lan9118/registers.hpp"
#include "nal/driver/driver.hpp"
#include "nal/event.hpp"

namespace nal::drivers {

/// How a driver reaches the registers of its chip: 32 bits each, at offsets from the chip's base. What a board has
/// between the processor and the chip (a bus of 16 bits, swapped bytes) is a class like `MemoryMapped`; a test's is a
/// model of the chip.
template <class B>
concept RegisterBus = std::is_nothrow_copy_constructible_v<B> && requires(B bus, std::uint32_t value) {
  { bus.read(value) } noexcept -> std::same_as<std::uint32_t>;
  { bus.write(value, value) } noexcept;
};

/// Registers that stand in memory from an address on.
class MemoryMapped {
 public:
  explicit MemoryMapped(std::uintptr_t base) noexcept : base_(base) {}
  std::uint32_t read(std::uint32_t offset) const noexcept { return *at(offset); }
  void write(std::uint32_t offset, std::uint32_t value) const noexcept { *at(offset) = value; }

 private:
  volatile std::uint32_t* at(std::uint32_t offset) const noexcept {
    return reinterpret_cast<volatile std::uint32_t*>(base_ + offset);  // NOLINT(*-reinterpret-cast,*-int-to-ptr)
  }
  std::uintptr_t base_;
};

/// What a board has to tell the driver.
struct Lan9118Config {
  MacAddress address;
  /// How the chip's interrupt pin is wired: `pin::kActiveHigh`, `pin::kPushPull`, both or neither.
  std::uint32_t interrupt_pin = lan9118::pin::kActiveHigh | lan9118::pin::kPushPull;
};

/// An SMSC (Microchip) LAN9118 or one of its family: 10 and 100 Mbit/s Ethernet with MAC, PHY and FIFOs in one chip on
/// the memory bus. QEMU's Arm boards of the MPS2 family have one.
///
///     drivers::Lan9118 ethernet(executor, drivers::MemoryMapped(0x4020'0000), {.address = "02:00:00:00:00:01"_mac});
///     if (!ethernet.start()) { … }
///     void ethernet_handler() { ethernet.interrupt(); }
///
/// The processor moves the bytes, nothing goes by DMA. The interrupt's handler only holds the interrupt off and raises
/// an event; `wait` lets it come again. What finds no packet stays in the chip's FIFO, which drops what comes when it
/// is full; `Counters` tells.
template <RegisterBus Bus>
class Lan9118 final : public driver::Driver {
 public:
  /// They wrap.
  struct Counters {
    std::uint32_t received = 0;
    std::uint32_t transmitted = 0;
    std::uint32_t too_long = 0;       ///< received: fitted into no packet
    std::uint32_t damaged = 0;        ///< received with an error
    std::uint32_t not_sent = 0;       ///< the chip tells that they did not go out
    std::uint32_t fifo_overruns = 0;  ///< dropped by the chip
  };

  /// The executor outlives it. Nothing is done to the chip.
  Lan9118(Executor& executor, Bus bus, const Lan9118Config& config) noexcept
      : event_(executor), bus_(bus), config_(config) {}
  Lan9118(const Lan9118&) = delete;
  Lan9118& operator=(const Lan9118&) = delete;

  /// Resets the chip and starts it, for the first time or anew; takes some milliseconds. *Errors*: not_supported (there
  /// is no such chip), timed_out (it does not come to its senses). Then it is a device without a link.
  Result<> start() noexcept;

  /// From the chip's interrupt. Touches one register that nothing else writes meanwhile, and the event.
  void interrupt() noexcept {
    bus_.write(lan9118::kInterruptEnable, 0);
    event_.raise();
  }

  Counters counters() noexcept {
    counters_.fifo_overruns += bus_.read(lan9118::kRxDropped);
    return counters_;
  }

  driver::Capabilities capabilities() const noexcept override { return {}; }
  MacAddress hardware_address() const noexcept override { return config_.address; }
  bool link_up() noexcept override {
    if ((bus_.read(lan9118::kInterruptStatus) & lan9118::interrupt::kPhy) != 0) { look_at_link(); }
    return link_;
  }
  driver::Packet receive(driver::PacketPool& pool, Instant now) noexcept override;
  bool can_transmit() noexcept override;
  Result<> transmit(driver::Packet& packet, Instant now) noexcept override;
  void wait(Context& context, Waiter& waiter, bool for_transmit) noexcept override;
  Result<> join(const MacAddress& group) noexcept override;
  void leave(const MacAddress& group) noexcept override;

  /// Which of the chip's 64 hashes a station's address has: the upper bits of Ethernet's check sequence of it.
  static constexpr unsigned hash(const MacAddress& address) noexcept;

 private:
  /// The chip puts so many bytes in front of what it receives: the IP header is then aligned, in the FIFO's words too.
  static constexpr std::uint32_t kPadding = 2;
  static constexpr std::uint32_t kCheckSequence = 4;
  /// More room than this is enough for the longest frame, in words behind its two commands; in units of the register.
  static constexpr std::uint32_t kTxLevel = 24;
  static constexpr std::uint32_t kTxLevelUnit = 64;
  static_assert(kTxLevel * kTxLevelUnit >= 8 + 1520);
  static constexpr unsigned kPatience = 100'000;   ///< reads of a register until a thing is given up: milliseconds
  static constexpr unsigned kPhyPatience = 1'000;  ///< of the PHY, which take 25 us each

  static constexpr std::uint32_t words(std::size_t bytes) noexcept { return static_cast<std::uint32_t>(bytes + 3) / 4; }

  template <class Done>
  bool until(Done done) noexcept {
    for (unsigned i = 0; i < kPatience; ++i) {
      if (done()) { return true; }
    }
    return false;
  }
  bool has_frame() noexcept { return lan9118::used(bus_.read(lan9118::kRxFifo)) != 0; }

  // Of the MAC and the PHY. One that is not ready in time reads as zeros, and has no link.
  bool mac_idle() noexcept {
    return until([&] { return (bus_.read(lan9118::kMacCommand) & lan9118::mac::kBusy) == 0; });
  }
  std::uint32_t mac_read(std::uint32_t which) noexcept;
  void mac_write(std::uint32_t which, std::uint32_t value) noexcept;
  std::uint32_t phy_read(std::uint32_t which) noexcept;
  void phy_write(std::uint32_t which, std::uint32_t value) noexcept;
  void mii(std::uint32_t which, std::uint32_t write) noexcept;

  Result<> reset() noexcept;
  Result<> reset_phy() noexcept;
  void set_address() noexcept;
  void look_at_link() noexcept;
  void take(std::span<std::byte> frame) noexcept;
  void skip(std::size_t size) noexcept;

  Event event_;
  Bus bus_;
  Lan9118Config config_;
  bool link_ = false;
  bool starved_ = false;    ///< a frame is in the chip that found no packet
  std::uint16_t next_ = 0;  ///< frame to be sent: the chip tells its number with its end
  std::uint32_t mac_control_ = 0;
  std::array<std::uint8_t, 64> groups_{};  ///< that were joined, by their hash
  Counters counters_;
};

template <RegisterBus Bus>
Result<> Lan9118<Bus>::start() noexcept {
  using namespace lan9118;
  link_ = starved_ = false;
  NAL_TRY(reset());
  bus_.write(kFlowControl, 0x006e'3740);  // as its data sheet advises
  bus_.write(kInterruptEnable, 0);
  bus_.write(kInterruptStatus, ~0u);
  bus_.write(kInterruptPin, pin::kEnable | config_.interrupt_pin);
  // One frame received, and room for one to be sent, are worth an interrupt.
  bus_.write(kFifoLevels, kTxLevel << kTxLevelShift);
  NAL_TRY(reset_phy());
  set_address();
  mac_write(mac::kVlan, 0x8100);  // frames with this tag may be four bytes longer
  bus_.write(kRxConfig, kPadding << kRxOffsetShift);
  bus_.write(kTxConfig, kTxOn);
  mac_control_ = mac::kHashedGroups | mac::kTransmit | mac::kReceive | mac::kIgnoreOwn;
  mac_write(mac::kControl, mac_control_);
  look_at_link();
  return {};
}

template <RegisterBus Bus>
Result<> Lan9118<Bus>::reset() noexcept {
  using namespace lan9118;
  // Asleep, the chip answers nothing but this; a write wakes it.
  bus_.write(kByteTest, 0);
  if (!until([&] { return (bus_.read(kPower) & kReady) != 0; })) { return Unexpected(Error::not_supported); }
  if (bus_.read(kByteTest) != kByteTestValue) { return Unexpected(Error::not_supported); }
  bus_.write(kHardwareConfig, kSoftReset);
  if (!until([&] { return (bus_.read(kHardwareConfig) & kSoftReset) == 0; })) { return Unexpected(Error::timed_out); }
  bus_.write(kHardwareConfig, kStoreAndForward | 5u << kTxFifoSizeShift);
  return {};
}

template <RegisterBus Bus>
Result<> Lan9118<Bus>::reset_phy() noexcept {
  using namespace lan9118;
  phy_write(phy::kControl, phy::kReset);
  unsigned reads = 0;
  while ((phy_read(phy::kControl) & phy::kReset) != 0) {
    if (++reads == kPhyPatience) { return Unexpected(Error::timed_out); }
  }
  phy_write(phy::kAdvertised, phy::kAllSpeeds | phy::kPause);
  phy_write(phy::kInterruptMask, phy::kNegotiated | phy::kLinkDown);
  phy_write(phy::kControl, phy::kNegotiate | phy::kNegotiateAnew);
  return {};
}

template <RegisterBus Bus>
void Lan9118<Bus>::set_address() noexcept {
  const auto& bytes = config_.address.bytes();
  mac_write(lan9118::mac::kAddressLow, std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 |
                                           std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[3]} << 24);
  mac_write(lan9118::mac::kAddressHigh, std::uint32_t{bytes[4]} | std::uint32_t{bytes[5]} << 8);
}

template <RegisterBus Bus>
void Lan9118<Bus>::look_at_link() noexcept {
  using namespace lan9118;
  static_cast<void>(phy_read(phy::kInterruptSource));
  static_cast<void>(phy_read(phy::kStatus));  // whether it was lost meanwhile
  link_ = (phy_read(phy::kStatus) & phy::kLink) != 0;
  if (!link_) { return; }
  // The best that both ends can (IEEE 802.3 §28B.3).
  const std::uint32_t both = phy_read(phy::kAdvertised) & phy_read(phy::kPartner);
  const bool full = (both & phy::k100Full) != 0 || (both & (phy::k100Half | phy::k10Full)) == phy::k10Full;
  const std::uint32_t duplex = full ? mac::kFullDuplex : mac::kIgnoreOwn;
  mac_control_ = (mac_control_ & ~(mac::kFullDuplex | mac::kIgnoreOwn)) | duplex;
  mac_write(mac::kControl, mac_control_);
  mac_write(mac::kFlow, full && (both & phy::kPause) != 0 ? mac::kPauseForever | mac::kPauseOn : 0);
}

template <RegisterBus Bus>
driver::Packet Lan9118<Bus>::receive(driver::PacketPool& pool, Instant) noexcept {
  starved_ = false;
  while (has_frame()) {
    driver::Packet packet = pool.allocate(kPadding);
    if (!packet) {
      starved_ = true;
      return {};
    }
    const std::uint32_t status = bus_.read(lan9118::kRxStatus);
    const std::size_t length = lan9118::rx_status::length(status);
    const std::size_t size = length - std::min<std::size_t>(length, kCheckSequence);
    const bool damaged = (status & lan9118::rx_status::kError) != 0 || size == 0;
    if (!damaged && size <= packet.tailroom()) {
      take(packet.append(size));
      ++counters_.received;
      return packet;
    }
    ++(damaged ? counters_.damaged : counters_.too_long);
    skip(length);
  }
  return {};
}

template <RegisterBus Bus>
void Lan9118<Bus>::take(std::span<std::byte> frame) noexcept {
  const std::uint32_t all = words(kPadding + frame.size() + kCheckSequence);
  std::uint32_t word = bus_.read(lan9118::kRxData) >> 8 * kPadding;
  std::uint32_t taken = 1;
  std::size_t usable = sizeof word - kPadding;
  for (;;) {
    const std::size_t size = std::min(usable, frame.size());
    // Its bytes stand in a word in the order of the wire, the first one lowest.
    if (size == sizeof word && std::endian::native == std::endian::little) {
      std::memcpy(frame.data(), &word, sizeof word);
    } else {
      for (std::size_t i = 0; i < size; ++i) { frame[i] = static_cast<std::byte>(word >> 8 * i & 0xff); }
    }
    frame = frame.subspan(size);
    if (frame.empty()) { break; }
    word = bus_.read(lan9118::kRxData);
    usable = sizeof word;
    ++taken;
  }
  for (; taken < all; ++taken) { static_cast<void>(bus_.read(lan9118::kRxData)); }
}

template <RegisterBus Bus>
void Lan9118<Bus>::skip(std::size_t size) noexcept {
  for (std::uint32_t i = words(kPadding + size); i > 0; --i) { static_cast<void>(bus_.read(lan9118::kRxData)); }
}

template <RegisterBus Bus>
bool Lan9118<Bus>::can_transmit() noexcept {
  using namespace lan9118;
  const std::uint32_t fifo = bus_.read(kTxFifo);
  for (std::uint32_t ended = used(fifo); ended > 0; --ended) {
    const bool failed = (bus_.read(kTxStatus) & tx_status::kError) != 0;
    ++(failed ? counters_.not_sent : counters_.transmitted);
  }
  return room(fifo) > kTxLevel * kTxLevelUnit;
}

template <RegisterBus Bus>
Result<> Lan9118<Bus>::transmit(driver::Packet& packet, Instant) noexcept {
  using namespace lan9118;
  const bool up = link_up();
  if (up && !can_transmit()) { return Unexpected(Error::would_block); }
  const driver::Packet sent = std::move(packet);
  if (!up) { return Unexpected(Error::network_down); }
  std::span<const std::byte> frame = sent.data();
  if (frame.size() > max_frame_size(capabilities())) { return Unexpected(Error::message_size); }
  constexpr std::size_t kHeader = 14;
  if (frame.size() < kHeader) { return Unexpected(Error::io_error); }
  const auto size = static_cast<std::uint32_t>(frame.size());
  bus_.write(kTxData, tx_command::kFirst | tx_command::kLast | size);
  bus_.write(kTxData, std::uint32_t{next_++} << tx_command::kTagShift | size);
  for (; frame.size() >= sizeof(std::uint32_t); frame = frame.subspan(sizeof(std::uint32_t))) {
    std::uint32_t word = 0;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(&word, frame.data(), sizeof word);
    } else {
      for (std::size_t i = 0; i < sizeof word; ++i) { word |= std::to_integer<std::uint32_t>(frame[i]) << 8 * i; }
    }
    bus_.write(kTxData, word);
  }
  if (!frame.empty()) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < frame.size(); ++i) { word |= std::to_integer<std::uint32_t>(frame[i]) << 8 * i; }
    bus_.write(kTxData, word);
  }
  return {};
}

template <RegisterBus Bus>
void Lan9118<Bus>::wait(Context& context, Waiter& waiter, bool for_transmit) noexcept {
  using namespace lan9118;
  // The chip's notes are of what has been looked at by now: cleared before they may interrupt and before the last look,
  // so that whatever comes is in one of the two. A frame that has no packet would interrupt for ever.
  bus_.write(kInterruptStatus, interrupt::kRxFrames | interrupt::kTxRoom);
  bus_.write(kInterruptEnable,
             interrupt::kPhy | (starved_ ? 0 : interrupt::kRxFrames) | (for_transmit ? interrupt::kTxRoom : 0));
  if ((!starved_ && has_frame()) || (for_transmit && can_transmit())) { context.wake_soon(); }
  if (event_.poll_raised(context, waiter, Wait::device).ready()) { context.wake_soon(); }
}

template <RegisterBus Bus>
Result<> Lan9118<Bus>::join(const MacAddress& group) noexcept {
  const unsigned bit = hash(group);
  if (groups_[bit] == 0xff) { return Unexpected(Error::table_full); }
  if (groups_[bit]++ > 0) { return {}; }
  const std::uint32_t which = bit < 32 ? lan9118::mac::kHashLow : lan9118::mac::kHashHigh;
  mac_write(which, mac_read(which) | 1u << bit % 32);
  return {};
}

template <RegisterBus Bus>
void Lan9118<Bus>::leave(const MacAddress& group) noexcept {
  const unsigned bit = hash(group);
  if (groups_[bit] == 0 || --groups_[bit] > 0) { return; }
  const std::uint32_t which = bit < 32 ? lan9118::mac::kHashLow : lan9118::mac::kHashHigh;
  mac_write(which, mac_read(which) & ~(1u << bit % 32));
}

template <RegisterBus Bus>
constexpr unsigned Lan9118<Bus>::hash(const MacAddress& address) noexcept {
  std::uint32_t remainder = ~0u;
  for (const std::uint8_t byte : address.bytes()) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const bool divide = (remainder >> 31 ^ (byte >> bit & 1u)) != 0;
      remainder = remainder << 1 ^ (divide ? 0x04c1'1db7u : 0u);
    }
  }
  return remainder >> 26;
}

template <RegisterBus Bus>
std::uint32_t Lan9118<Bus>::mac_read(std::uint32_t which) noexcept {
  if (!mac_idle()) { return 0; }
  bus_.write(lan9118::kMacCommand, lan9118::mac::kBusy | lan9118::mac::kRead | which);
  return mac_idle() ? bus_.read(lan9118::kMacData) : 0;
}

template <RegisterBus Bus>
void Lan9118<Bus>::mac_write(std::uint32_t which, std::uint32_t value) noexcept {
  if (!mac_idle()) { return; }
  bus_.write(lan9118::kMacData, value);
  bus_.write(lan9118::kMacCommand, lan9118::mac::kBusy | which);
}

template <RegisterBus Bus>
void Lan9118<Bus>::mii(std::uint32_t which, std::uint32_t write) noexcept {
  using namespace lan9118::mac;
  mac_write(kMiiAccess, kMiiPhy | which << kMiiRegisterShift | write | kMiiBusy);
  until([&] { return (mac_read(kMiiAccess) & kMiiBusy) == 0; });
}

template <RegisterBus Bus>
std::uint32_t Lan9118<Bus>::phy_read(std::uint32_t which) noexcept {
  mii(which, 0);
  return mac_read(lan9118::mac::kMiiData) & 0xffff;
}

template <RegisterBus Bus>
void Lan9118<Bus>::phy_write(std::uint32_t which, std::uint32_t value) noexcept {
  mac_write(lan9118::mac::kMiiData, value);
  mii(which, lan9118::mac::kMiiWrite);
}

}  // namespace nal::drivers
