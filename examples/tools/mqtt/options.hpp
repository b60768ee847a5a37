#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/common/backend.hpp"
#include "examples/common/tls.hpp"
#include "examples/mqtt/config.hpp"
#include "examples/tools/mqtt/properties.hpp"
#include "nal/time.hpp"

namespace nal_mqtt {

/// What all subcommands are told on the command line.
struct ConnectionOptions {
  examples::BackendOptions backend;
  std::string url;
  std::string host = "localhost";
  std::uint16_t port = 0;  ///< 0 on the command line: the protocol's own
  examples::TlsOptions tls;
  bool secure = false;  ///< over TLS: the URL's or any of `tls`
  mqtt::Version version = mqtt::Version::mqtt_3_1_1;
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::string client_id;
  std::uint16_t keep_alive = 60;
  bool keep_session = false;
  std::optional<std::uint32_t> session_expiry;  ///< seconds; 0xFFFFFFFF: for ever
  std::string will_topic;
  std::string will_payload;
  unsigned will_qos = 0;
  bool will_retain = false;
  std::vector<std::string> topics;
  unsigned qos = 0;
  CommandProperties properties;
  std::string store;  ///< the file that keeps what is in flight; empty: none
  nal::Duration timeout = nal::Duration::seconds(10);
  std::size_t max_packet = 1 << 20;
  bool verbose = false;
  bool quiet = false;

  /// For messages: "mqtt://host:port".
  std::string server() const;
  mqtt::QoS qos_level() const { return static_cast<mqtt::QoS>(qos); }
  bool version_5() const { return version == mqtt::Version::mqtt_5; }
};

/// What is published, and where it comes from.
struct PayloadOptions {
  enum class Source { none, message, file, lines, all_input, empty };
  Source source = Source::none;
  std::string text;  ///< the message, or the file's name
  bool retain = false;
};

/// What is printed of messages.
struct OutputOptions {
  std::string format;  ///< empty: the payload, behind the topic if that is wanted
  bool with_topic = false;
  bool no_newline = false;
  bool no_retained = false;
  std::optional<nal::Duration> wait;
};

struct PublishOptions : ConnectionOptions {
  PayloadOptions payload;
  std::uint64_t repeat = 1;
  nal::Duration repeat_delay;
};

struct SubscribeOptions : ConnectionOptions {
  OutputOptions output;
  std::uint64_t count = 0;  ///< end after so many; 0: never
  bool only_subscribe = false;
  bool no_local = false;
  bool retain_as_published = false;
  unsigned retain_handling = 0;
  std::vector<std::string> filtered_out;
  std::vector<std::string> unsubscribe;
};

struct RequestOptions : ConnectionOptions {
  PayloadOptions payload;
  OutputOptions output;
  std::string response_topic;
};

struct CommandLine {
  std::optional<PublishOptions> publish;
  std::optional<SubscribeOptions> subscribe;
  std::optional<RequestOptions> request;

  const ConnectionOptions& connection() const;
};

/// After -W has run out before enough messages had come, as mosquitto_sub has it.
inline constexpr int kWaitedInVain = 27;

/// One of the three, or the exit status if the program is over: help was shown, or an error was told on standard error.
std::optional<int> parse(int argc, const char* const* argv, CommandLine& commands);

}  // namespace nal_mqtt
