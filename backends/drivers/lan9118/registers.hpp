#pragma once
#include <cstdint>

/// What a LAN9118 has in its registers, as far as the driver uses it: SMSC's data sheet "LAN9118 High Performance
/// Single-Chip 10/100 Non-PCI Ethernet Controller", §5. The LAN9115 to 9118, 9210, 9215 to 9218 and 9220, 9221 are the
/// same for it.
namespace nal::drivers::lan9118 {

// Offsets from where the chip stands in memory.
inline constexpr std::uint32_t kRxData = 0x00;
inline constexpr std::uint32_t kTxData = 0x20;
inline constexpr std::uint32_t kRxStatus = 0x40;
inline constexpr std::uint32_t kTxStatus = 0x48;
inline constexpr std::uint32_t kIdRevision = 0x50;
inline constexpr std::uint32_t kInterruptPin = 0x54;
inline constexpr std::uint32_t kInterruptStatus = 0x58;
inline constexpr std::uint32_t kInterruptEnable = 0x5c;
inline constexpr std::uint32_t kByteTest = 0x64;
inline constexpr std::uint32_t kFifoLevels = 0x68;
inline constexpr std::uint32_t kRxConfig = 0x6c;
inline constexpr std::uint32_t kTxConfig = 0x70;
inline constexpr std::uint32_t kHardwareConfig = 0x74;
inline constexpr std::uint32_t kRxFifo = 0x7c;
inline constexpr std::uint32_t kTxFifo = 0x80;
inline constexpr std::uint32_t kPower = 0x84;
inline constexpr std::uint32_t kRxDropped = 0xa0;  ///< cleared by reading
inline constexpr std::uint32_t kMacCommand = 0xa4;
inline constexpr std::uint32_t kMacData = 0xa8;
inline constexpr std::uint32_t kFlowControl = 0xac;

inline constexpr std::uint32_t kByteTestValue = 0x8765'4321;

/// Of `kInterruptPin`.
namespace pin {
inline constexpr std::uint32_t kEnable = 1u << 8;
inline constexpr std::uint32_t kActiveHigh = 1u << 4;
inline constexpr std::uint32_t kPushPull = 1u << 0;
}  // namespace pin

/// Of `kInterruptStatus` and `kInterruptEnable`.
namespace interrupt {
inline constexpr std::uint32_t kPhy = 1u << 18;
inline constexpr std::uint32_t kTxRoom = 1u << 9;    ///< more room for data to be sent than its level
inline constexpr std::uint32_t kRxFrames = 1u << 3;  ///< more frames received than its level
}  // namespace interrupt

/// Of the words in the status FIFOs.
namespace rx_status {
inline constexpr std::uint32_t kError = 1u << 15;
constexpr std::uint32_t length(std::uint32_t status) noexcept { return status >> 16 & 0x3fff; }
}  // namespace rx_status
namespace tx_status {
inline constexpr std::uint32_t kError = 1u << 15;
}

/// The two words in front of each frame to be sent.
namespace tx_command {
inline constexpr std::uint32_t kFirst = 1u << 13;
inline constexpr std::uint32_t kLast = 1u << 12;
inline constexpr std::uint32_t kTagShift = 16;
}  // namespace tx_command

/// Of other registers above.
inline constexpr std::uint32_t kTxOn = 1u << 1;              // kTxConfig
inline constexpr std::uint32_t kSoftReset = 1u << 0;         // kHardwareConfig
inline constexpr std::uint32_t kStoreAndForward = 1u << 20;  // kHardwareConfig: "must be one"
inline constexpr std::uint32_t kTxFifoSizeShift = 16;        // kHardwareConfig, in KB
inline constexpr std::uint32_t kReady = 1u << 0;             // kPower
inline constexpr std::uint32_t kRxOffsetShift = 8;           // kRxConfig
inline constexpr std::uint32_t kTxLevelShift = 24;           // kFifoLevels, in 64 bytes
constexpr std::uint32_t used(std::uint32_t fifo) noexcept {  // status words in kRxFifo, kTxFifo
  return fifo >> 16 & 0xff;
}
constexpr std::uint32_t room(std::uint32_t fifo) noexcept { return fifo & 0xffff; }  // bytes in kTxFifo

/// Registers of the MAC, by `kMacCommand` and `kMacData`.
namespace mac {
inline constexpr std::uint32_t kBusy = 1u << 31;
inline constexpr std::uint32_t kRead = 1u << 30;

inline constexpr std::uint32_t kControl = 1;
inline constexpr std::uint32_t kAddressHigh = 2;
inline constexpr std::uint32_t kAddressLow = 3;
inline constexpr std::uint32_t kHashHigh = 4;
inline constexpr std::uint32_t kHashLow = 5;
inline constexpr std::uint32_t kMiiAccess = 6;
inline constexpr std::uint32_t kMiiData = 7;
inline constexpr std::uint32_t kFlow = 8;
inline constexpr std::uint32_t kVlan = 9;

// Of kControl.
inline constexpr std::uint32_t kIgnoreOwn = 1u << 23;  ///< with half duplex, what is sent here is not received
inline constexpr std::uint32_t kFullDuplex = 1u << 20;
inline constexpr std::uint32_t kHashedGroups = 1u << 13;  ///< groups by the hash, single stations by the address
inline constexpr std::uint32_t kTransmit = 1u << 3;
inline constexpr std::uint32_t kReceive = 1u << 2;
// Of kFlow.
inline constexpr std::uint32_t kPauseForever = 0xffff'0000;
inline constexpr std::uint32_t kPauseOn = 1u << 1;
// Of kMiiAccess.
inline constexpr std::uint32_t kMiiPhy = 1u << 11;  ///< the one inside
inline constexpr std::uint32_t kMiiRegisterShift = 6;
inline constexpr std::uint32_t kMiiWrite = 1u << 1;
inline constexpr std::uint32_t kMiiBusy = 1u << 0;
}  // namespace mac

/// Registers of the PHY (IEEE 802.3 §22.2.4, and two of the chip's own), by the MAC.
namespace phy {
inline constexpr std::uint32_t kControl = 0;
inline constexpr std::uint32_t kStatus = 1;
inline constexpr std::uint32_t kAdvertised = 4;
inline constexpr std::uint32_t kPartner = 5;
inline constexpr std::uint32_t kInterruptSource = 29;  ///< cleared by reading
inline constexpr std::uint32_t kInterruptMask = 30;

inline constexpr std::uint32_t kReset = 1u << 15;         // kControl
inline constexpr std::uint32_t kNegotiate = 1u << 12;     // kControl
inline constexpr std::uint32_t kNegotiateAnew = 1u << 9;  // kControl
inline constexpr std::uint32_t kLink = 1u << 2;           // kStatus: stays clear until read when it was lost
inline constexpr std::uint32_t kPause = 1u << 10;         // kAdvertised, kPartner
inline constexpr std::uint32_t k100Full = 1u << 8;        // kAdvertised, kPartner
inline constexpr std::uint32_t k100Half = 1u << 7;        // kAdvertised, kPartner
inline constexpr std::uint32_t k10Full = 1u << 6;         // kAdvertised, kPartner
inline constexpr std::uint32_t kAllSpeeds = 0x01e1;       // kAdvertised: 10 and 100 Mbit/s, half and full duplex
inline constexpr std::uint32_t kNegotiated = 1u << 6;     // kInterruptSource, kInterruptMask
inline constexpr std::uint32_t kLinkDown = 1u << 4;       // kInterruptSource, kInterruptMask
}  // namespace phy

}  // namespace nal::drivers::lan9118
