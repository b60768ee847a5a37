#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "examples/mqtt/property.hpp"

namespace nal_mqtt {

/// Properties of MQTT 5.0 with the texts that they point to.
class PropertyList {
 public:
  PropertyList() = default;
  PropertyList(PropertyList&&) = default;
  PropertyList& operator=(PropertyList&&) = default;

  void add(mqtt::PropertyId id, std::uint32_t number) { list_.push_back(mqtt::Property::of(id, number)); }
  void add(mqtt::PropertyId id, std::string_view text) { list_.push_back(mqtt::Property::of(id, keep(text))); }
  void add_user(std::string_view name, std::string_view value) {
    const std::string_view kept = keep(name);
    list_.push_back(mqtt::Property::user(kept, keep(value)));
  }
  bool empty() const { return list_.empty(); }
  mqtt::Properties view() const { return std::span<const mqtt::Property>(list_); }
  std::span<const mqtt::Property> list() const { return list_; }

 private:
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }

  std::deque<std::string> texts_;  ///< which stay where they are
  std::vector<mqtt::Property> list_;
};

/// What `-D COMMAND PROPERTY VALUE` asks for, by command.
struct CommandProperties {
  PropertyList connect;
  PropertyList publish;
  PropertyList subscribe;
  PropertyList will;

  bool empty() const { return connect.empty() && publish.empty() && subscribe.empty() && will.empty(); }
};

/// Takes every -D with its three or four words out of the arguments. Throws `CLI::ValidationError` for what makes no
/// sense.
CommandProperties take_properties(std::vector<std::string>& arguments);

/// The name that command lines give it, and the standard in other letters: "message-expiry-interval".
std::string_view name_of(mqtt::PropertyId id);

}  // namespace nal_mqtt
