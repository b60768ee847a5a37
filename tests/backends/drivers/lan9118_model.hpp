#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "nal/mac_address.hpp"
#include "tests/backends/drivers/frames.hpp"

namespace nal::test {

/// A LAN9118 as its data sheet has it, register by register: FIFOs that are read and written a word at a time, the MAC
/// behind its command register, the PHY behind the MAC. What a driver must not do (read an empty FIFO, write into a
/// full one, leave words behind, use the MAC while it is busy) is counted as a mistake. It is the test's to put frames
/// in and take them out.
class Lan9118Model {
 public:
  /// `notes_once`: a note of the interrupt status is set when its condition begins (as QEMU does), and not again while
  /// it lasts (as the chip does).
  explicit Lan9118Model(bool notes_once = false) : notes_once_(notes_once) { reset(); }

  // The outside.

  /// Called while the interrupt pin is active.
  std::function<void()> on_interrupt;
  /// False when the MAC drops it: no room, or not for this station.
  bool deliver(std::span<const std::byte> frame, bool damaged = false) {
    if (!hears(frame)) { return false; }
    const std::size_t words = (offset() + frame.size() + 4 + 3) / 4;
    if (rx_data_.size() + words > kRxWords || rx_status_.size() == 127) {
      ++dropped_;
      return false;
    }
    std::vector<std::byte> bytes(offset(), std::byte{0xee});
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    bytes.resize(words * 4, std::byte{0xfc});
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      std::uint32_t word = 0;
      for (std::size_t k = 0; k < 4; ++k) { word |= std::to_integer<std::uint32_t>(bytes[i + k]) << 8 * k; }
      rx_data_.push_back(word);
    }
    rx_status_.push_back(static_cast<std::uint32_t>(frame.size() + 4) << 16 | (damaged ? 1u << 15 | 1u << 1 : 0));
    note(kRxFrames);
    return true;
  }
  /// The oldest frame that was written whole, as it was written; nothing where there is none.
  Frame take(bool failed = false) {
    if (tx_frames_.empty()) { return {}; }
    Sent sent = tx_frames_.front();
    tx_frames_.pop_front();
    tx_used_ -= sent.words;
    tx_status_.push_back(sent.tag << 16 | (failed ? 1u << 15 : 0));
    note(kTxRoom);
    return std::move(sent.frame);
  }
  bool has_sent() const { return !tx_frames_.empty(); }
  void set_link(bool up) {
    link_ = up;
    if (!up) { link_was_lost_ = true; }
    phy_[29] |= up ? 1u << 6 : 1u << 4;
    update();
  }
  void set_partner(std::uint32_t abilities) { phy_[5] = abilities; }
  void set_present(bool present) { present_ = present; }

  // What is to be looked at.
  unsigned mistakes() const { return mistakes_; }
  std::uint32_t mac(std::size_t which) const { return mac_[which]; }
  std::uint32_t phy(std::size_t which) const { return phy_[which]; }
  std::size_t words_left() const { return rx_data_.size(); }

  // The bus.

  std::uint32_t read(std::uint32_t offset) {
    if (!present_) { return 0xffff'ffff; }
    switch (offset) {
      case 0x00: return pop(rx_data_);
      case 0x40: return pop(rx_status_);
      case 0x48: return pop(tx_status_);
      case 0x50: return 0x0118'0001;
      case 0x54: return registers_[offset / 4] | (pin() ? 1u << 12 : 0);
      case 0x58: return status();
      case 0x64: return 0x8765'4321;
      case 0x74: return registers_[offset / 4] & ~1u;
      case 0x7c: return static_cast<std::uint32_t>(rx_status_.size() << 16 | rx_data_.size() * 4);
      case 0x80: return static_cast<std::uint32_t>(tx_status_.size() << 16 | (kTxWords - tx_used_) * 4);
      case 0x84: return 1;
      case 0xa0: return std::exchange(dropped_, 0);
      case 0xa4: return std::exchange(mac_busy_, 0) | command_;
      default: return registers_[offset / 4 % registers_.size()];
    }
  }
  void write(std::uint32_t offset, std::uint32_t value) {
    if (!present_) { return; }
    switch (offset) {
      case 0x20: write_frame(value); return;
      case 0x58: notes_ &= ~value; break;
      case 0x74:
        if ((value & 1) != 0) { reset(); }
        registers_[offset / 4] = value;
        break;
      case 0xa4: mac_command(value); break;
      default: registers_[offset / 4 % registers_.size()] = value;
    }
    update();
  }

 private:
  static constexpr std::uint32_t kRxFrames = 1u << 3, kTxRoom = 1u << 9, kPhyNote = 1u << 18;
  static constexpr std::size_t kTxWords = 4608 / 4, kRxWords = 10560 / 4;

  struct Sent {
    Frame frame;
    std::uint32_t tag;
    std::size_t words;
  };

  void reset() {
    registers_ = {};
    registers_[0x68 / 4] = 0x4800'0000;
    mac_ = {};
    mac_[1] = 0x0004'0000;
    rx_data_.clear();
    rx_status_.clear();
    tx_status_.clear();
    tx_frames_.clear();
    tx_used_ = words_to_come_ = 0;
    notes_ = 0;
    reset_phy();
  }
  void reset_phy() {
    const std::uint32_t partner = phy_[5];
    phy_ = {};
    phy_[4] = 0x01e1;
    phy_[5] = partner;
  }

  std::size_t offset() const { return registers_[0x6c / 4] >> 8 & 0x1f; }
  std::uint32_t pop(std::deque<std::uint32_t>& fifo) {
    if (fifo.empty()) {
      ++mistakes_;
      return 0xdead'dead;
    }
    const std::uint32_t word = fifo.front();
    fifo.pop_front();
    // A frame has been read to its end before the next one's status is asked for.
    if (&fifo == &rx_status_) {
      if (unread_ != 0) { ++mistakes_; }
      unread_ = ((word >> 16 & 0x3fff) + offset() + 3) / 4;
    }
    if (&fifo == &rx_data_) { unread_ == 0 ? ++mistakes_ : --unread_; }
    return word;
  }

  void write_frame(std::uint32_t word) {
    if ((registers_[0x70 / 4] & 2) == 0 || tx_used_ == kTxWords) { ++mistakes_; }
    ++tx_used_;
    ++tx_words_;
    if (tx_words_ == 1) {
      // One piece, no offset, no alignment at its end; the length stands in both commands.
      if ((word & 0xffff'f000) != 0x3000) { ++mistakes_; }
      tx_size_ = word & 0x7ff;
      return;
    }
    if (tx_words_ == 2) {
      // Padding and check sequence are the chip's.
      if ((word & 0x7ff) != tx_size_ || (word & 0x3000) != 0 || tx_size_ == 0) { ++mistakes_; }
      tx_tag_ = word >> 16;
      words_to_come_ = (tx_size_ + 3) / 4;
      return;
    }
    for (unsigned i = 0; i < 4 && tx_frame_.size() < tx_size_; ++i) {
      tx_frame_.push_back(static_cast<std::byte>(word >> 8 * i & 0xff));
    }
    if (--words_to_come_ > 0) { return; }
    tx_frames_.push_back({std::exchange(tx_frame_, {}), tx_tag_, tx_words_});
    tx_words_ = 0;
  }

  void mac_command(std::uint32_t value) {
    if (mac_busy_ != 0) { ++mistakes_; }
    mac_busy_ = 1u << 31;
    command_ = value & 0x7fff'ffff;
    const std::uint32_t which = value & 0xf;
    if ((value & 1u << 30) != 0) {
      registers_[0xa8 / 4] = mac_[which];
      if (which == 6) { mac_[6] &= ~1u; }
      return;
    }
    mac_[which] = registers_[0xa8 / 4];
    if (which == 6 && (mac_[6] & 1) != 0) { mii(); }
  }
  void mii() {
    if ((mac_[6] >> 11 & 0x1f) != 1) {
      ++mistakes_;
      return;
    }
    const std::uint32_t which = mac_[6] >> 6 & 0x1f;
    if ((mac_[6] & 2) != 0) {
      phy_[which] = mac_[7] & 0xffff;
      if (which == 0 && (phy_[0] & 1u << 15) != 0) { reset_phy(); }
      return;
    }
    mac_[7] = phy_[which];
    if (which == 1) { mac_[7] = link_ && !std::exchange(link_was_lost_, false) ? 1u << 2 : 0; }
    if (which == 29) { phy_[29] = 0; }
  }

  bool hears(std::span<const std::byte> frame) const {
    if ((mac_[1] & 4) == 0 || frame.size() < 14) { return false; }
    std::array<std::uint8_t, 6> to{};
    std::transform(frame.begin(), frame.begin() + 6, to.begin(),
                   [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    if (to == std::array<std::uint8_t, 6>{255, 255, 255, 255, 255, 255}) { return true; }
    if ((to[0] & 1) != 0) {
      return (mac_[1] & 1u << 13) != 0 && (mac_[4 + (bucket(to) < 32)] >> bucket(to) % 32 & 1) != 0;
    }
    for (unsigned i = 0; i < 6; ++i) {
      if (to[i] != (mac_[i < 4 ? 3 : 2] >> 8 * (i % 4) & 0xff)) { return false; }
    }
    return true;
  }
  // As a division of polynomials whose bits stand the other way round.
  static unsigned bucket(const std::array<std::uint8_t, 6>& address) {
    std::uint32_t remainder = ~0u;
    for (const std::uint8_t byte : address) {
      remainder ^= byte;
      for (int i = 0; i < 8; ++i) { remainder = remainder >> 1 ^ ((remainder & 1) != 0 ? 0xedb8'8320u : 0); }
    }
    unsigned reversed = 0;
    for (unsigned i = 0; i < 6; ++i) { reversed |= (remainder >> i & 1) << (5 - i); }
    return reversed;
  }

  // Interrupts.
  void note(std::uint32_t bit) {
    notes_ |= bit;
    update();
  }
  std::uint32_t status() {
    if (!notes_once_) {
      const std::uint32_t levels = registers_[0x68 / 4];
      if (rx_status_.size() > (levels & 0xff)) { notes_ |= kRxFrames; }
      if ((kTxWords - tx_used_) * 4 > (levels >> 24) * 64) { notes_ |= kTxRoom; }
    }
    return (notes_ & ~kPhyNote) | ((phy_[29] & phy_[30]) != 0 ? kPhyNote : 0);
  }
  bool pin() { return (registers_[0x54 / 4] & 1u << 8) != 0 && (status() & registers_[0x5c / 4]) != 0; }
  void update() {
    // A handler that leaves the pin as it is would be called for ever.
    for (int i = 0; i < 4 && pin() && on_interrupt; ++i) { on_interrupt(); }
    if (on_interrupt && pin()) { ++mistakes_; }
  }

  bool notes_once_;
  bool present_ = true;
  bool link_ = true;
  bool link_was_lost_ = false;
  std::array<std::uint32_t, 64> registers_{};
  std::array<std::uint32_t, 16> mac_{};
  std::array<std::uint32_t, 32> phy_{0, 0, 0, 0, 0, 0x45e1};
  std::deque<std::uint32_t> rx_data_, rx_status_, tx_status_;
  std::deque<Sent> tx_frames_;
  Frame tx_frame_;
  std::size_t tx_used_ = 0, tx_words_ = 0, words_to_come_ = 0, tx_size_ = 0, unread_ = 0;
  std::uint32_t tx_tag_ = 0, notes_ = 0, command_ = 0, mac_busy_ = 0;
  std::uint32_t dropped_ = 0;
  unsigned mistakes_ = 0;
};

/// The driver's way to the model.
struct Lan9118ModelBus {
  Lan9118Model* model;
  std::uint32_t read(std::uint32_t offset) noexcept { return model->read(offset); }
  void write(std::uint32_t offset, std::uint32_t value) noexcept { model->write(offset, value); }
};

}  // namespace nal::test
