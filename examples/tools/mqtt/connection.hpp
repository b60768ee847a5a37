#pragma once
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "examples/common/exit_status.hpp"
#include "examples/common/interrupt.hpp"
#include "examples/mqtt/client.hpp"
#include "examples/tools/mqtt/file_store.hpp"
#include "examples/tools/mqtt/options.hpp"
#include "nal/any_stack.hpp"
#include "nal/block_on.hpp"
#include "nal/happy_eyeballs.hpp"

namespace nal_mqtt {

/// Makes connections to the server by its name, and goes where a server of MQTT 5 sends it.
class ConnectByName {
 public:
  ConnectByName(nal::AnyStack& stack, const ConnectionOptions& options)
      : stack_(&stack), host_(options.host), port_(options.port), secure_(options.secure) {}
  nal::ConnectByName<nal::AnyStack, nal::AnyStack> operator()() const { return nal::connect(*stack_, host_, port_); }
  /// `server` is a list of `host[:port]`; the first is taken. False if it is none, or if servers send us round in
  /// circles.
  bool redirect(std::string_view server, bool for_good);

 private:
  static constexpr unsigned kMostRedirects = 8;

  nal::AnyStack* stack_;
  std::string host_;
  std::uint16_t port_;
  bool secure_;
  unsigned redirects_ = 0;
};

/// A client with its memory and its task, and messages about it for a person.
class Connection {
 public:
  /// `room` is what one message to be published takes at the most. `options` outlives it.
  Connection(nal::Executor& executor, nal::AnyStack stack, const ConnectionOptions& options, std::size_t room);

  mqtt::Session& session() { return client_; }
  /// Opens the file of --persistence, if it was asked for. False: it cannot be, which was told.
  bool open_store();

  /// How `run` ended.
  enum class End { finished, failed, interrupted, deadline };
  /// Runs the client beside a task until that has finished, the client has given up (which was told), Ctrl-C, or the
  /// deadline; then disconnects.
  End run(const nal::TaskSlotBase& task, nal::Instant deadline = nal::Instant::max());
  /// The same, at most so long; then the task is given up. What the program's exit status is.
  template <class Slot>
  int run_to_status(Slot& task, std::optional<nal::Duration> wait = std::nullopt) {
    const End end = run(task, wait ? executor_.now() + *wait : nal::Instant::max());
    task.cancel();
    return exit_status(end, task.result());
  }

 private:
  static int exit_status(End end, const nal::Poll<nal::Result<>>& result);
  static mqtt::Config make_config(const ConnectionOptions& options, Connection& self);
  static void take_properties(mqtt::Config& config, const ConnectionOptions& options, Connection& self);
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
  std::vector<std::byte> packets_;
  std::vector<mqtt::Record> subscriptions_;
  std::vector<std::byte> filters_;
  std::vector<std::uint16_t> received_;
  std::vector<mqtt::Record> aliases_in_;
  std::vector<std::byte> aliases_in_topics_;
  std::vector<mqtt::Record> aliases_out_;
  std::vector<std::byte> aliases_out_topics_;
  std::vector<std::byte> client_id_;
  std::vector<mqtt::FileStore::Entry> store_table_;
  mqtt::FileStore store_;
  std::vector<mqtt::Property> user_properties_;
  mqtt::Client<ConnectByName> client_;
  nal::TaskSlot<8192> slot_;
  examples::Interrupt interrupt_;
};

}  // namespace nal_mqtt
