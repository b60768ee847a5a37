#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "examples/coap/transfer.hpp"
#include "examples/common/interrupt.hpp"
#include "examples/tools/coap/body.hpp"
#include "examples/tools/coap/options.hpp"
#include "nal/any_stack.hpp"
#include "nal/task_slot.hpp"

namespace nal_coap {

/// A client with its memory, its socket or connection, and its tasks: does what the command line says, once.
class Asker {
 public:
  /// `options` outlives it.
  Asker(nal::Executor& executor, nal::AnyStack stack, const RequestOptions& options);

  /// Gives the exit status.
  int run();

 private:
  /// Finds the server and asks it, at one of its addresses after the other until one answers.
  static nal::Task<> find_and_ask(Asker& self);
  static nal::Task<> ask_over_tcp(Asker& self);
  static nal::Task<> ask_over_udp(Asker& self);
  static nal::Task<> drive_udp(Asker& self);
  static nal::Task<> drive_tcp(Asker& self);

  static nal::Task<> ask(Asker& self);
  static nal::Task<> transfer(Asker& self);
  /// A whole state of a resource, to the output.
  static nal::Task<> fetch_all(Asker& self, const coap::Request& request);
  static nal::Task<> observe(Asker& self);
  static nal::Task<> ping(Asker& self);
  static nal::Task<> ask_group(Asker& self);

  coap::Request make_request();
  void make_options();
  /// Tells of an answer; false: it is an error.
  bool judge(const coap::Response& answer);
  void print_links(std::string_view text);
  void explain(nal::Error error) const;

  nal::Executor& executor_;
  nal::AnyStack stack_;
  const RequestOptions& options_;
  Progress progress_;
  InputBody input_;
  OutputBody output_;
  std::vector<std::string> values_;  ///< of options
  std::vector<coap::Option> more_;   ///< options
  std::vector<std::byte> receive_;
  std::vector<std::byte> send_;
  coap::Node node_;
  coap::Client client_;
  nal::Endpoint remote_{};
  std::optional<nal::AnyUdpSocket> socket_;
  std::optional<nal::AnyTcpStream> stream_;
  nal::TaskSlot<16384> asking_;
  nal::TaskSlot<4096> driving_;
  examples::Interrupt interrupt_;
  bool watching_ = false;  ///< silence is no failure
  bool told_ = false;      ///< what went wrong
};

}  // namespace nal_coap
