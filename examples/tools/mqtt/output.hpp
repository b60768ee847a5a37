#pragma once
#include <cstdint>
#include <string>

#include "examples/mqtt/operations.hpp"
#include "examples/tools/mqtt/options.hpp"
#include "nal/task.hpp"

namespace nal_mqtt {

/// Prints messages to standard output, as the command line asks.
class Printer {
 public:
  explicit Printer(const OutputOptions& options);

  /// *Completes* when all of the message is printed, piece by piece if it is larger than the receive buffer. *Errors*:
  /// io_error: standard output takes no more, which was told; connection_reset: the rest of the message does not come,
  /// which was told too.
  nal::Task<> print(mqtt::Message& message, bool show_progress);

 private:
  enum class Payload { none, raw, hexadecimal };

  void print_text(const std::string& format, const mqtt::Message& message) const;
  void print_field(char field, const mqtt::Message& message) const;
  void print_payload(std::span<const std::byte> piece, Payload how) const;

  std::string before_;  ///< what is printed before the payload: text with %-fields
  std::string after_;
  Payload payload_ = Payload::raw;
};

}  // namespace nal_mqtt
