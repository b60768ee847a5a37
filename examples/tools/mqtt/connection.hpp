#pragma once
#include <functional>
#include <random>
#include <vector>

#include "examples/common/exit_status.hpp"
#include "examples/common/interrupt.hpp"
#include "examples/mqtt/client.hpp"
#include "examples/tools/mqtt/options.hpp"
#include "nal/any_stack.hpp"
#include "nal/block_on.hpp"
#include "nal/happy_eyeballs.hpp"

namespace nal_mqtt {

/// Makes connections to the server by its name.
class ConnectByName {
 public:
  ConnectByName(nal::AnyStack& stack, const ConnectionOptions& options) : stack_(&stack), options_(&options) {}
  nal::ConnectByName<nal::AnyStack, nal::AnyStack> operator()() const {
    return nal::connect(*stack_, options_->host, options_->port);
  }

 private:
  nal::AnyStack* stack_;
  const ConnectionOptions* options_;
};

/// A client with its memory and its task, and messages about it for a person.
class Connection {
 public:
  /// `room` is what one message to be published takes at the most. `options` outlives it.
  Connection(nal::Executor& executor, nal::AnyStack stack, const ConnectionOptions& options, std::size_t room);

  mqtt::Session& session() { return client_; }

  /// How `run` ended.
  enum class End { finished, failed, interrupted, deadline };
  /// Runs the client beside a task until that has finished, the client has given up (which was told), Ctrl-C, or the
  /// deadline; then disconnects.
  End run(const nal::TaskSlotBase& task, nal::Instant deadline = nal::Instant::max());

 private:
  static mqtt::Config make_config(const ConnectionOptions& options, Connection& self);
  static nal::Task<> keep_running(mqtt::Client<ConnectByName>& client);
  static void tell(void* self, const mqtt::Notice& notice) noexcept;
  void told(const mqtt::Notice& notice);
  void print_failure() const;

  nal::Executor& executor_;
  const ConnectionOptions& options_;
  nal::AnyStack stack_;
  std::minstd_rand random_{std::random_device()()};
  std::vector<std::byte> receive_;
  std::vector<std::byte> send_;
  std::vector<mqtt::Record> in_flight_;
  std::vector<std::byte> store_;
  std::vector<mqtt::Record> subscriptions_;
  std::vector<std::byte> filters_;
  mqtt::Client<ConnectByName> client_;
  nal::TaskSlot<8192> slot_;
  examples::Interrupt interrupt_;
};

/// What the subcommands give, if all went well or not.
int exit_status(Connection::End end, const nal::Poll<nal::Result<>>& result);

}  // namespace nal_mqtt
