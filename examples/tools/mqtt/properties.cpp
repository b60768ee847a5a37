#include "examples/tools/mqtt/properties.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <utility>

#include "examples/mqtt/packet.hpp"

namespace nal_mqtt {

namespace {

using mqtt::PropertyId;
using mqtt::PropertyType;
using Id = PropertyId;

constexpr std::pair<std::string_view, Id> kNames[] = {
    {"payload-format-indicator", Id::payload_format},
    {"message-expiry-interval", Id::message_expiry},
    {"content-type", Id::content_type},
    {"response-topic", Id::response_topic},
    {"correlation-data", Id::correlation_data},
    {"subscription-identifier", Id::subscription_id},
    {"session-expiry-interval", Id::session_expiry},
    {"assigned-client-identifier", Id::assigned_client_id},
    {"server-keep-alive", Id::server_keep_alive},
    {"authentication-method", Id::authentication_method},
    {"authentication-data", Id::authentication_data},
    {"request-problem-information", Id::request_problem_information},
    {"will-delay-interval", Id::will_delay},
    {"request-response-information", Id::request_response_information},
    {"response-information", Id::response_information},
    {"server-reference", Id::server_reference},
    {"reason-string", Id::reason_string},
    {"receive-maximum", Id::receive_maximum},
    {"topic-alias-maximum", Id::topic_alias_maximum},
    {"topic-alias", Id::topic_alias},
    {"maximum-qos", Id::maximum_qos},
    {"retain-available", Id::retain_available},
    {"user-property", Id::user_property},
    {"maximum-packet-size", Id::maximum_packet_size},
    {"wildcard-subscription-available", Id::wildcard_available},
    {"subscription-identifier-available", Id::subscription_ids_available},
    {"shared-subscription-available", Id::shared_available},
};

struct Command {
  std::string_view name;
  mqtt::PacketType in;
  PropertyList CommandProperties::*list;
  /// Of those that the standard allows there, which this program leaves to the library or has another option for.
  std::array<Id, 3> not_here;
};
constexpr Command kCommands[] = {
    {"connect",
     mqtt::PacketType::connect,
     &CommandProperties::connect,
     {Id::authentication_method, Id::authentication_data}},
    {"publish", mqtt::PacketType::publish, &CommandProperties::publish, {Id::topic_alias, Id::subscription_id}},
    {"subscribe", mqtt::PacketType::subscribe, &CommandProperties::subscribe, {}},
    {"will", mqtt::kWillProperties, &CommandProperties::will, {}},
};

[[noreturn]] void refuse(const std::string& why) { throw CLI::ValidationError("-D: " + why); }

const Command& command_of(const std::string& name) {
  for (const Command& command : kCommands) {
    if (command.name == name) { return command; }
  }
  refuse("no command '" + name + "': there is connect, publish, subscribe and will");
}

Id id_of(const Command& command, const std::string& name) {
  for (const auto& [known, id] : kNames) {
    if (known != name) { continue; }
    bool allowed = mqtt::is_allowed(id, command.in);
    for (const Id not_here : command.not_here) { allowed = allowed && id != not_here; }
    if (allowed) { return id; }
    break;
  }
  std::string which;
  for (const auto& [known, id] : kNames) {
    bool allowed = mqtt::is_allowed(id, command.in);
    for (const Id not_here : command.not_here) { allowed = allowed && id != not_here; }
    if (allowed) { which += (which.empty() ? "" : ", ") + std::string(known); }
  }
  refuse("no property '" + name + "' for " + std::string(command.name) + ": there is " + which);
}

std::uint32_t number_of(const std::string& name, const std::string& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) { refuse("'" + text + "' is no number for " + name); }
  return number;
}

void add(PropertyList& list, Id id, const std::string& name, const std::vector<std::string>& values) {
  switch (mqtt::type_of(id)) {
    case PropertyType::text_pair: list.add_user(values.at(0), values.at(1)); return;
    case PropertyType::text:
    case PropertyType::binary: list.add(id, values.at(0)); return;
    default: list.add(id, number_of(name, values.at(0)));
  }
}

}  // namespace

std::string_view name_of(PropertyId id) {
  for (const auto& [name, known] : kNames) {
    if (known == id) { return name; }
  }
  return "unknown property";
}

CommandProperties take_properties(std::vector<std::string>& arguments) {
  CommandProperties properties;
  std::vector<std::string> others;
  for (std::size_t i = 0; i < arguments.size();) {
    if (arguments[i] != "-D" && arguments[i] != "--property") {
      others.push_back(std::move(arguments[i++]));
      continue;
    }
    if (arguments.size() - i < 4) { refuse("it takes a command, a property and a value"); }
    const Command& command = command_of(arguments[i + 1]);
    const std::string& name = arguments[i + 2];
    const Id id = id_of(command, name);
    const std::size_t values = id == Id::user_property ? 2 : 1;
    if (arguments.size() - i < 3 + values) { refuse("user-property takes a name and a value"); }
    const auto first = arguments.begin() + static_cast<std::ptrdiff_t>(i + 3);
    PropertyList& list = properties.*command.list;
    add(list, id, name, std::vector<std::string>(first, first + static_cast<std::ptrdiff_t>(values)));
    i += 3 + values;
  }
  // Written and read once, they are known to be what the standard allows.
  for (const Command& command : kCommands) {
    const PropertyList& list = properties.*command.list;
    if (list.empty()) { continue; }
    std::vector<std::byte> out(3'000'000);
    mqtt::Connect connect{.client_id = "c"};
    mqtt::Publish publish{"t", {}};
    const mqtt::FilterEntry entry{"t"};
    nal::Result<std::size_t> written = std::size_t{0};
    switch (command.in) {
      case mqtt::PacketType::connect:
        connect.properties = list.view();
        written = encode5(out, connect);
        break;
      case mqtt::PacketType::publish:
        publish.properties = list.view();
        written = encode5(out, publish);
        break;
      case mqtt::PacketType::subscribe: written = mqtt::encode_subscribe5(out, 1, {&entry, 1}, list.view()); break;
      default: connect.will = mqtt::Will{"t", {}, {}, false, list.view()}; written = encode5(out, connect);
    }
    if (!written) {
      refuse("the properties of " + std::string(command.name) +
             " have a value that is not allowed, or one twice that must stand there once");
    }
  }
  arguments = std::move(others);
  return properties;
}

}  // namespace nal_mqtt
