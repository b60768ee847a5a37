#include "examples/tools/mqtt/connection.hpp"

#include <cstdio>

namespace nal_mqtt {

namespace {

constexpr std::size_t kInFlight = 64;

std::size_t filter_bytes(const ConnectionOptions& options) {
  std::size_t bytes = 0;
  for (const std::string& filter : options.topics) { bytes += filter.size(); }
  return bytes;
}

/// What a person can do about it; empty: nothing that this program knows.
const char* advice(const mqtt::Failure& failure) {
  using nal::Error;
  switch (failure.cause) {
    case mqtt::Failure::Cause::refused:
      switch (failure.code) {
        case mqtt::ConnectCode::client_id: return "; choose another client identifier with -i";
        case mqtt::ConnectCode::user_or_password:
        case mqtt::ConnectCode::not_authorized: return "; check -u and -P";
        default: return "";
      }
    case mqtt::Failure::Cause::protocol:
    case mqtt::Failure::Cause::no_answer: return "; is that an MQTT 3.1.1 server?";
    case mqtt::Failure::Cause::transport:
      switch (failure.error) {
        case Error::connection_refused: return "; is a server running there? -h and -p choose another";
        case Error::name_not_found: return "; check the name behind -h";
        case Error::timed_out: return "; --timeout waits longer";
        default: return "";
      }
    default: return "";
  }
}

}  // namespace

Connection::Connection(nal::Executor& executor, nal::AnyStack stack, const ConnectionOptions& options, std::size_t room)
    : executor_(executor),
      options_(options),
      stack_(stack),
      receive_(options.max_packet),
      // CONNECT may have identifier, user, password, will topic and will payload of the largest size.
      send_(room + 5 * 65'537 + 64),
      in_flight_(kInFlight),
      store_(room),
      subscriptions_(options.topics.size()),
      filters_(filter_bytes(options)),
      client_(ConnectByName(stack_, options), make_config(options, *this),
              mqtt::Memory{receive_, send_, in_flight_, store_, subscriptions_, filters_}),
      interrupt_(executor) {}

mqtt::Config Connection::make_config(const ConnectionOptions& options, Connection& self) {
  mqtt::Config config;
  config.client_id = options.client_id;
  config.clean_session = !options.keep_session;
  config.keep_alive = options.keep_alive;
  if (!options.will_topic.empty()) {
    config.will = mqtt::Will{options.will_topic, mqtt::bytes_of(options.will_payload),
                             static_cast<mqtt::QoS>(options.will_qos), options.will_retain};
  }
  if (options.user) { config.user = *options.user; }
  if (options.password) { config.password = mqtt::bytes_of(*options.password); }
  config.reconnect.first_attempts = 1;
  config.connect_timeout = options.timeout;
  config.answer_timeout = options.timeout;
  config.random = {
      [](void* random) noexcept { return static_cast<std::uint32_t>((*static_cast<std::minstd_rand*>(random))()); },
      &self.random_};
  config.observer = {&Connection::tell, &self};
  return config;
}

nal::Task<> Connection::keep_running(mqtt::Client<ConnectByName>& client) {
  auto ended = co_await client.run();
  co_return ended;
}

Connection::End Connection::run(const nal::TaskSlotBase& task, nal::Instant deadline) {
  if (const auto started = slot_.start(executor_, &Connection::keep_running, client_); !started) {
    std::fprintf(stderr, "error: cannot start the client: %s\n", nal::to_string(started.error()));
    return End::failed;
  }
  const bool in_time =
      executor_.run_until([&] { return !task.running() || !slot_.running() || interrupt_.happened(); }, deadline);
  const bool gave_up = !slot_.running();
  if (gave_up && slot_.result().ready() && !*slot_.result()) {
    print_failure();
    return End::failed;
  }
  static_cast<void>(nal::block_on(executor_, client_.disconnect()));
  if (interrupt_.happened()) { return End::interrupted; }
  return in_time ? End::finished : End::deadline;
}

void Connection::print_failure() const {
  const mqtt::Failure& failure = client_.failure();
  std::string text = failure.text();
  const char* what = "could not connect to";
  if (failure.cause == mqtt::Failure::Cause::none) {
    text = nal::to_string((*slot_.result()).error());
    what = "cannot make a CONNECT for";
  }
  if (failure.cause == mqtt::Failure::Cause::refused) { what = "the server refused the connection:"; }
  std::fprintf(stderr, "error: %s %s over %s: %s%s\n", what, options_.server().c_str(), options_.backend.c_str(),
               text.c_str(), advice(failure));
}

void Connection::tell(void* self, const mqtt::Notice& notice) noexcept { static_cast<Connection*>(self)->told(notice); }

void Connection::told(const mqtt::Notice& notice) {
  using Kind = mqtt::Notice::Kind;
  const std::string server = options_.server();
  if (options_.quiet) { return; }
  switch (notice.kind) {
    case Kind::connecting:
      if (options_.verbose) {
        std::fprintf(stderr, "connecting to %s over %s\n", server.c_str(), options_.backend.c_str());
      }
      return;
    case Kind::connected:
      if (options_.verbose) {
        std::fprintf(stderr, "connected%s\n", notice.session_present ? "; the server has kept the session" : "");
      }
      return;
    case Kind::lost:
      if (notice.retry_in.is_never()) { return; }  // told as an error when the run ends
      std::fprintf(stderr, "warning: no connection to %s: %s; trying again in %.1f s\n", server.c_str(),
                   notice.failure.text(), static_cast<double>(notice.retry_in.milliseconds()) / 1000);
      return;
    case Kind::subscription_refused:
      std::fprintf(stderr, "warning: the server refused the subscription to '%.*s'\n",
                   static_cast<int>(notice.filter.size()), notice.filter.data());
      return;
    case Kind::oversized:
      std::fprintf(stderr, "warning: a message of %zu bytes was dropped; --max-packet makes room for it\n",
                   notice.size);
      return;
    case Kind::message_refused:
      std::fprintf(stderr, "warning: the server did not take a message: %s\n", mqtt::to_string(notice.reason));
      return;
    case Kind::redirected:
      std::fprintf(stderr, "warning: the server sends its clients to %.*s\n", static_cast<int>(notice.server.size()),
                   notice.server.data());
      return;
    case Kind::closed:
      if (options_.verbose) { std::fprintf(stderr, "disconnected\n"); }
      return;
  }
}

int exit_status(Connection::End end, const nal::Poll<nal::Result<>>& result) {
  switch (end) {
    case Connection::End::finished: return result.ready() && *result ? examples::kDone : examples::kFailed;
    case Connection::End::failed: return examples::kFailed;
    case Connection::End::interrupted: return examples::kInterrupted;
    case Connection::End::deadline: return kWaitedInVain;
  }
  return examples::kFailed;
}

}  // namespace nal_mqtt
