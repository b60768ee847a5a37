#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "examples/mqtt/packet.hpp"
#include "examples/mqtt/records.hpp"
#include "nal/result.hpp"
#include "nal/time.hpp"

namespace mqtt {

class Session;
struct Notice;

/// Where random numbers come from, to spread reconnects: any generator that differs from device to device will do.
struct Random {
  std::uint32_t (*next)(void* context) noexcept = nullptr;  ///< null: no jitter
  void* context = nullptr;
};

/// Who takes messages as they arrive, from inside `run`: must not wait, may call `try_publish`. `message.error()` is
/// message_size for one that was larger than the receive buffer and was thrown away. The views end with the call.
struct Handler {
  void (*take)(void* context, const nal::Result<Publish>& message) noexcept = nullptr;  ///< null: `receive` takes them
  void* context = nullptr;
};

/// Who is told what becomes of the connection, from inside `run`: for logs.
struct Observer {
  void (*tell)(void* context, const Notice& notice) noexcept = nullptr;
  void* context = nullptr;
};

/// When to try again. The wait doubles with each attempt from `initial` to `maximum`, and a random half of it is left
/// out, so that a thousand clients do not come back as one. A connection that lasted for `initial` starts it anew; one
/// that the server takes and drops at once does not.
struct Reconnect {
  bool enabled = true;
  unsigned first_attempts = 0;  ///< give up when none of so many succeeded at the start; 0: never
  nal::Duration initial = nal::Duration::seconds(1);
  nal::Duration maximum = nal::Duration::minutes(2);
};

/// What a client is told once. Texts and bytes are the caller's and outlive the client.
struct Config {
  std::string_view client_id{};   ///< empty (with a clean session): the server chooses one
  bool clean_session = true;      ///< false: the server keeps subscriptions and messages while the client is away
  std::uint16_t keep_alive = 60;  ///< seconds without a packet after which PINGREQ is sent; 0: never
  std::optional<Will> will{};
  std::optional<std::string_view> user{};
  std::optional<std::span<const std::byte>> password{};
  Reconnect reconnect{};
  nal::Duration connect_timeout = nal::Duration::seconds(10);  ///< for the transport to connect
  nal::Duration answer_timeout = nal::Duration::seconds(10);   ///< for CONNACK and PINGRESP
  nal::Duration close_timeout = nal::Duration::seconds(2);     ///< for the last bytes to reach the server at the end
  Random random{};
  Handler handler{};
  Observer observer{};
};

/// All memory that a client uses beside itself. The caller's; outlives the client.
struct Memory {
  std::span<std::byte> receive;     ///< the largest packet to be received, 64 bytes at least
  std::span<std::byte> send;        ///< the largest packet to be sent with QoS 0, and CONNECT
  std::span<Record> in_flight;      ///< how many messages of QoS 1 may wait for their PUBACK
  std::span<std::byte> store;       ///< their packets
  std::span<Record> subscriptions;  ///< how many
  std::span<std::byte> filters;     ///< their filters
};

struct BufferSizes {
  std::size_t receive = 1024;
  std::size_t send = 256;
  std::size_t in_flight = 8;
  std::size_t store = 1024;
  std::size_t subscriptions = 4;
  std::size_t filters = 256;
};

/// Memory for one client, declared as one object: `static mqtt::Buffers<mqtt::BufferSizes{.receive = 512}> buffers;`
template <BufferSizes Sizes = BufferSizes{}>
class Buffers {
 public:
  Memory memory() noexcept { return {receive_, send_, in_flight_, store_, subscriptions_, filters_}; }

 private:
  std::array<std::byte, Sizes.receive> receive_;
  std::array<std::byte, Sizes.send> send_;
  std::array<Record, Sizes.in_flight> in_flight_;
  std::array<std::byte, Sizes.store> store_;
  std::array<Record, Sizes.subscriptions> subscriptions_;
  std::array<std::byte, Sizes.filters> filters_;
};

/// What an observer is told.
struct Notice {
  enum class Kind : std::uint8_t {
    connecting,            ///< an attempt begins
    connected,             ///< CONNACK: the session is up
    lost,                  ///< the connection, or the attempt, ended: `failure`; `retry_in`, or never
    subscription_refused,  ///< the server refused `filter`; it is asked for again with the next connection
    oversized,             ///< a message of `size` bytes did not fit the receive buffer and was thrown away
    closed,                ///< `run` ends because it was asked to
  };
  Kind kind{};
  bool session_present = false;
  Failure failure{};
  nal::Duration retry_in{};
  std::string_view filter{};
  std::size_t size = 0;
};

}  // namespace mqtt
