#pragma once
#include <cstdint>

namespace mqtt {

/// What is spoken. The numbers are those on the wire.
enum class Version : std::uint8_t { mqtt_3_1_1 = 4, mqtt_5 = 5 };

}  // namespace mqtt
