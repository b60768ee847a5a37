#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/mqtt/config.hpp"
#include "nal/time.hpp"

namespace nal_mqtt {

/// What both subcommands are told on the command line.
struct ConnectionOptions {
  std::string backend;
  std::string url;
  std::string host = "localhost";
  std::uint16_t port = 1883;
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::string client_id;
  std::uint16_t keep_alive = 60;
  bool keep_session = false;
  std::string will_topic;
  std::string will_payload;
  unsigned will_qos = 0;
  bool will_retain = false;
  std::vector<std::string> topics;
  unsigned qos = 0;
  nal::Duration timeout = nal::Duration::seconds(10);
  std::size_t max_packet = 1 << 20;
  bool verbose = false;
  bool quiet = false;

  /// For messages: "mqtt://host:port".
  std::string server() const;
  mqtt::QoS qos_level() const { return static_cast<mqtt::QoS>(qos); }
};

struct PublishOptions : ConnectionOptions {
  enum class Source { none, message, file, lines, all_input, empty };
  Source source = Source::none;
  std::string text;  ///< the message, or the file's name
  bool retain = false;
};

struct SubscribeOptions : ConnectionOptions {
  std::uint64_t count = 0;  ///< end after so many; 0: never
  std::optional<nal::Duration> wait;
  bool with_topic = false;
  bool no_newline = false;
  bool no_retained = false;
};

struct CommandLine {
  std::optional<PublishOptions> publish;
  std::optional<SubscribeOptions> subscribe;
};

/// After -W has run out before enough messages had come, as mosquitto_sub has it.
inline constexpr int kWaitedInVain = 27;

/// One of the two, or the exit status if the program is over: help was shown, or an error was told on standard error.
std::optional<int> parse(int argc, const char* const* argv, CommandLine& commands);

}  // namespace nal_mqtt
