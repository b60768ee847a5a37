#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "examples/mqtt/failure.hpp"
#include "examples/mqtt/packet.hpp"
#include "examples/mqtt/persistence.hpp"
#include "examples/mqtt/records.hpp"
#include "examples/mqtt/version.hpp"
#include "nal/result.hpp"
#include "nal/time.hpp"

namespace mqtt {

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

/// Enhanced authentication (5.0 §4.12): what a method says to the server, with CONNECT, with every challenge, and when
/// it is asked to authenticate anew. An error ends the connection for good. What it gives must live until the next
/// call.
struct Authenticator {
  enum class Step : std::uint8_t {
    begin,    ///< `data` is empty; gives the first data
    proceed,  ///< `data` is the server's challenge; gives the answer
    finish,   ///< `data` is what the server said last, to be checked; nothing is sent
  };
  std::string_view method{};  ///< the caller's, as `Config`'s texts
  nal::Result<std::span<const std::byte>> (*answer)(void* context, Step step,
                                                    std::span<const std::byte> data) noexcept =
      nullptr;  ///< null: none
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
  std::string_view client_id{};  ///< empty (with a clean session): the server chooses one
  /// False: the server keeps subscriptions and messages while the client is away. In 5.0: the first connection of a run
  /// starts without a session; how long one is kept, `session_expiry` says.
  bool clean_session = true;
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

  Version version = Version::mqtt_3_1_1;  ///< 5.0 needs the feature
  /// Needs the feature. What was kept in one version is invalid_argument for a run in the other.
  Persistence persistence{};

  // Of 5.0 alone.
  std::uint32_t session_expiry = 0;       ///< seconds that the session outlives its connection; 0xFFFFFFFF: for ever
  std::uint16_t receive_maximum = 0;      ///< messages of QoS 1 and 2 on their way here at most; 0: no limit but memory
  std::uint32_t maximum_packet_size = 0;  ///< to be received; 0: what the buffer holds, or streams
  bool request_problem_information = true;      ///< reason strings and user properties with every answer
  bool request_response_information = false;    ///< CONNACK is to tell where responses are to go
  std::span<const Property> user_properties{};  ///< of CONNECT, 8 at most
  Authenticator authenticator{};
};

/// All memory that a client uses beside itself. The caller's; outlives the client.
struct Memory {
  std::span<std::byte> receive;     ///< the largest packet to be received, 64 bytes at least
  std::span<std::byte> send;        ///< the largest packet to be sent with QoS 0, and CONNECT
  std::span<Record> in_flight;      ///< how many messages of QoS 1 may wait for their PUBACK
  std::span<std::byte> store;       ///< their packets
  std::span<Record> subscriptions;  ///< how many
  std::span<std::byte> filters;     ///< their filters; with 5.0, a byte more each, and their properties

  // What a feature or a use of 5.0 needs; may be empty.
  std::span<std::uint16_t> received{};       ///< messages of QoS 2 that were received and not yet released
  std::span<Record> aliases_in{};            ///< topic aliases that the server may use
  std::span<std::byte> aliases_in_topics{};  ///< their topics
  std::span<Record> aliases_out{};           ///< topic aliases to be used for messages of QoS 0
  std::span<std::byte> aliases_out_topics{};
  std::span<std::byte> client_id{};  ///< the identifier that the server assigned
};

struct BufferSizes {
  std::size_t receive = 1024;
  std::size_t send = 256;
  std::size_t in_flight = 8;
  std::size_t store = 1024;
  std::size_t subscriptions = 4;
  std::size_t filters = 256;
  std::size_t received = 8;
  std::size_t aliases_in = 0;
  std::size_t aliases_in_topics = 0;
  std::size_t aliases_out = 0;
  std::size_t aliases_out_topics = 0;
  std::size_t client_id = 0;
};

/// Memory for one client, declared as one object: `static mqtt::Buffers<mqtt::BufferSizes{.receive = 512}> buffers;`
template <BufferSizes Sizes = BufferSizes{}>
class Buffers {
 public:
  Memory memory() noexcept {
    return {receive_,  send_,       in_flight_,         store_,       subscriptions_,      filters_,
            received_, aliases_in_, aliases_in_topics_, aliases_out_, aliases_out_topics_, client_id_};
  }

 private:
  std::array<std::byte, Sizes.receive> receive_;
  std::array<std::byte, Sizes.send> send_;
  std::array<Record, Sizes.in_flight> in_flight_;
  std::array<std::byte, Sizes.store> store_;
  std::array<Record, Sizes.subscriptions> subscriptions_;
  std::array<std::byte, Sizes.filters> filters_;
  std::array<std::uint16_t, Sizes.received> received_;
  [[no_unique_address]] std::array<Record, Sizes.aliases_in> aliases_in_;
  [[no_unique_address]] std::array<std::byte, Sizes.aliases_in_topics> aliases_in_topics_;
  [[no_unique_address]] std::array<Record, Sizes.aliases_out> aliases_out_;
  [[no_unique_address]] std::array<std::byte, Sizes.aliases_out_topics> aliases_out_topics_;
  [[no_unique_address]] std::array<std::byte, Sizes.client_id> client_id_;
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
    message_refused,       ///< the server did not take a message: `reason` (5.0); it is not sent again
    redirected,            ///< the connector was given `server` (5.0)
  };
  Kind kind{};
  bool session_present = false;
  Failure failure{};
  nal::Duration retry_in{};
  std::string_view filter{};
  std::size_t size = 0;
  Reason reason = Reason::success;  ///< what the server said (5.0)
  /// What it said beside it, reason string and user properties among it (5.0). Ends with the call.
  Properties properties{};
  std::string_view server{};
};

}  // namespace mqtt
