#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nal/any_stack.hpp"
#include "nal/task.hpp"
#include "nal/time.hpp"

namespace nal_speed {

/// What two of these programs say to each other, in lines of words and NAME=NUMBER on a TCP connection that carries
/// nothing else:
///
///     client: nal-speed 1 tcp both bytes=0 us=10000000 block=131072 rate=0 streams=1 check=0
///     server: ready 0123456789abcdef                   or: refused busy
///
/// The client then makes `streams` connections to the same port, each of which begins with the line
/// "data 0123456789abcdef"; what follows is data, ended by whoever sends it. Over UDP it sends datagrams to that port,
/// see `DatagramHeader`. When either end has sent all it says so, and when it has received all what that was:
///
///     sent bytes=... us=... blocks=... crc=...
///     received bytes=... us=... blocks=... crc=... late=... jitter=...
///
/// The bytes are those of `Pattern`. With `check` both sides tell their CRC-32, over several streams their sum.
inline constexpr std::string_view kVersion = "nal-speed 1 ";
inline constexpr std::uint16_t kPort = 5201;  ///< as iperf3 has it
inline constexpr std::size_t kTokenDigits = 16;

/// One test, as the client sees it.
struct Plan {
  bool udp = false;
  bool sends = true;  ///< the client to the server
  bool receives = false;
  std::uint64_t bytes = 0;  ///< for each stream and direction; 0: as much as goes in `time`
  nal::Duration time = nal::Duration::seconds(10);
  std::uint32_t block = 128 * 1024;  ///< bytes of a write, or of a datagram
  std::uint64_t rate = 0;            ///< bits a second of each stream; 0: as fast as it goes
  std::uint32_t streams = 1;
  bool check = false;
};

/// What went in one direction.
struct Totals {
  std::uint64_t bytes = 0;
  std::uint64_t microseconds = 0;
  std::uint64_t blocks = 0;  ///< datagrams
  std::uint32_t crc = 0;
  std::uint64_t late = 0;    ///< datagrams that came behind one that was sent later, or twice
  std::uint64_t jitter = 0;  ///< microseconds, RFC 3550 §6.4.1

  double seconds() const noexcept { return static_cast<double>(microseconds) * 1e-6; }
  double mbits() const noexcept {
    return microseconds == 0 ? 0 : static_cast<double>(bytes) * 8 / static_cast<double>(microseconds);
  }
};

/// In front of each datagram's data, numbers in network byte order.
struct DatagramHeader {
  static constexpr std::size_t kSize = 24;
  /// Of a datagram without data, by which a client that receives shows where it is.
  static constexpr std::uint64_t kHello = ~std::uint64_t{0};

  std::uint64_t token = 0;
  std::uint64_t number = 0;        ///< from 0
  std::uint64_t microseconds = 0;  ///< when it was sent, by the sender's clock

  void write(std::span<std::byte, kSize> to) const noexcept;
  static DatagramHeader read(std::span<const std::byte, kSize> from) noexcept;
};

std::string to_line(const Plan& plan);
std::optional<Plan> parse_plan(std::string_view line);
/// `verb` is "sent" or "received".
std::string to_line(std::string_view verb, const Totals& totals);
std::optional<Totals> parse_totals(std::string_view verb, std::string_view line);
std::string to_line(std::string_view verb, std::uint64_t token);
std::optional<std::uint64_t> parse_token(std::string_view verb, std::string_view line);

/// A line without its end into `line`. *Errors*: protocol_error when it is too long; end_of_stream; the stream's.
nal::Task<> read_line(nal::AnyTcpStream& stream, std::string& line);
/// A line as the functions above make them.
nal::Task<> write_line(nal::AnyTcpStream& stream, std::string line);

}  // namespace nal_speed
