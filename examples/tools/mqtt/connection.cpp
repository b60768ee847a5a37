#include "examples/tools/mqtt/connection.hpp"

#include <cinttypes>
#include <cstdio>

#include "examples/mqtt/url.hpp"

namespace nal_mqtt {

namespace {

constexpr std::size_t kInFlight = 64;
constexpr std::size_t kReceived = 256;
constexpr std::size_t kAliasesOut = 16;
constexpr std::size_t kLongestText = 65'535;

std::size_t property_bytes(const PropertyList& list) {
  std::size_t bytes = 0;
  for (const mqtt::Property& property : list.list()) { bytes += 8 + property.bytes.size() + property.value.size(); }
  return bytes;
}

std::size_t filter_bytes(const ConnectionOptions& options) {
  constexpr std::size_t kLengthSize = 4;
  std::size_t bytes = 0;
  for (const std::string& filter : options.topics) {
    bytes += filter.size() + kLengthSize + property_bytes(options.properties.subscribe);
  }
  return bytes;
}

/// What CONNECT, or a SUBSCRIBE, takes at the most.
std::size_t connect_bytes(const ConnectionOptions& options) {
  // Identifier, user, password, will topic and will payload may each be of the largest size.
  std::size_t bytes = 5 * (kLongestText + 2) + 256;
  for (const PropertyList* list :
       {&options.properties.connect, &options.properties.will, &options.properties.subscribe}) {
    bytes += property_bytes(*list);
  }
  return bytes;
}

const char* advice(mqtt::Reason reason) {
  switch (reason) {
    case mqtt::Reason::client_identifier_not_valid: return "; choose another client identifier with -i";
    case mqtt::Reason::bad_user_name_or_password:
    case mqtt::Reason::not_authorized: return "; check -u and -P";
    case mqtt::Reason::unsupported_protocol_version: return "; -V mqttv311 speaks the older version";
    case mqtt::Reason::session_taken_over: return "; is another client with the same -i running?";
    case mqtt::Reason::qos_not_supported: return "; choose a lower --will-qos";
    case mqtt::Reason::retain_not_supported: return "; leave out --will-retain";
    case mqtt::Reason::use_another_server:
    case mqtt::Reason::server_moved: return "; ask whoever runs it where, and choose that with -h and -p";
    default: return "";
  }
}

/// What a person can do about it; empty: nothing that this program knows.
const char* advice(const mqtt::Failure& failure) {
  using nal::Error;
  switch (failure.cause) {
    case mqtt::Failure::Cause::refused:
      return advice(failure.code != mqtt::ConnectCode::accepted ? mqtt::reason_of(failure.code) : failure.reason);
    case mqtt::Failure::Cause::disconnected: return advice(failure.reason);
    case mqtt::Failure::Cause::protocol:
    case mqtt::Failure::Cause::no_answer: return "; is that an MQTT server, and of this version? -V chooses another";
    case mqtt::Failure::Cause::transport:
      switch (failure.error) {
        case Error::connection_refused: return "; is a server running there? -h and -p choose another";
        case Error::name_not_found: return "; check the name behind -h";
        case Error::timed_out: return "; --timeout waits longer";
        case Error::untrusted_peer: return "; --cafile names those who vouch for it";
        default: return "";
      }
    case mqtt::Failure::Cause::store: return "; what --persistence has kept does not fit, or its disk is full";
    default: return "";
  }
}

/// What a server of MQTT 5 gives as its reason, to stand behind a sentence.
std::string why(const mqtt::Notice& notice) {
  std::string text;
  if (mqtt::is_failure(notice.reason)) { text = std::string(": ") + mqtt::to_string(notice.reason); }
  const std::string_view said = notice.properties.text(mqtt::PropertyId::reason_string);
  if (!said.empty()) { text += ", '" + std::string(said) + "'"; }
  return text;
}

void print_properties(const mqtt::Properties& properties) {
  for (const mqtt::Property& property : properties) {
    const std::string name(name_of(property.id));
    const std::string text(property.text());
    switch (mqtt::type_of(property.id)) {
      case mqtt::PropertyType::text:
      case mqtt::PropertyType::binary: std::fprintf(stderr, "  %s: %s\n", name.c_str(), text.c_str()); break;
      case mqtt::PropertyType::text_pair:
        std::fprintf(stderr, "  %s: %s=%s\n", name.c_str(), text.c_str(), std::string(property.value_text()).c_str());
        break;
      default: std::fprintf(stderr, "  %s: %" PRIu32 "\n", name.c_str(), property.number);
    }
  }
}

std::size_t aliases_in(const ConnectionOptions& options) {
  return options.properties.connect.view().number(mqtt::PropertyId::topic_alias_maximum);
}

}  // namespace

bool ConnectByName::redirect(std::string_view server, bool) {
  if (++redirects_ > kMostRedirects) { return false; }
  server = server.substr(0, server.find(' '));
  std::string url = (secure_ ? "mqtts://" : "mqtt://") + std::string(server);
  std::string decoded(url.size(), '\0');
  const auto parsed = mqtt::Url::parse(url, decoded);
  if (!parsed) { return false; }
  host_ = parsed->host;
  port_ = parsed->port;
  return true;
}

Connection::Connection(nal::Executor& executor, nal::AnyStack stack, const ConnectionOptions& options, std::size_t room)
    : executor_(executor),
      options_(options),
      stack_(stack),
      receive_(options.max_packet),
      send_(connect_bytes(options)),
      in_flight_(kInFlight),
      packets_(room),
      subscriptions_(options.topics.size() + 1),
      filters_(filter_bytes(options) + kLongestText),
      received_(kReceived),
      aliases_in_(aliases_in(options)),
      aliases_in_topics_(aliases_in_.empty() ? 0 : kLongestText + 256 * aliases_in_.size()),
      aliases_out_(kAliasesOut),
      aliases_out_topics_(kLongestText),
      client_id_(kLongestText),
      store_table_(kInFlight + kReceived),
      store_(store_table_),
      client_(ConnectByName(stack_, options), make_config(options, *this),
              mqtt::Memory{receive_, send_, in_flight_, packets_, subscriptions_, filters_, received_, aliases_in_,
                           aliases_in_topics_, aliases_out_, aliases_out_topics_, client_id_}),
      interrupt_(executor) {}

bool Connection::open_store() {
  if (options_.store.empty()) { return true; }
  const auto opened = store_.open(options_.store);
  if (opened) { return true; }
  const char* why = nal::to_string(opened.error());
  if (opened.error() == nal::Error::address_in_use) { why = "another program has it open"; }
  if (opened.error() == nal::Error::invalid_argument) { why = "it holds something else; choose another file"; }
  if (opened.error() == nal::Error::name_not_found) { why = "its folder does not exist"; }
  std::fprintf(stderr, "error: cannot keep what is in flight in '%s': %s\n", options_.store.c_str(), why);
  return false;
}

mqtt::Config Connection::make_config(const ConnectionOptions& options, Connection& self) {
  mqtt::Config config;
  config.client_id = options.client_id;
  config.clean_session = !options.keep_session;
  config.keep_alive = options.keep_alive;
  if (!options.will_topic.empty()) {
    config.will =
        mqtt::Will{options.will_topic, mqtt::bytes_of(options.will_payload), static_cast<mqtt::QoS>(options.will_qos),
                   options.will_retain, options.properties.will.view()};
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
  config.version = options.version;
  if (!options.store.empty()) { config.persistence = mqtt::Persistence(self.store_); }
  take_properties(config, options, self);
  return config;
}

void Connection::take_properties(mqtt::Config& config, const ConnectionOptions& options, Connection& self) {
  using Id = mqtt::PropertyId;
  const mqtt::Properties properties = options.properties.connect.view();
  config.session_expiry = options.session_expiry.value_or(properties.number(Id::session_expiry));
  config.receive_maximum = static_cast<std::uint16_t>(properties.number(Id::receive_maximum));
  config.maximum_packet_size = properties.number(Id::maximum_packet_size);
  config.request_problem_information = properties.number(Id::request_problem_information, 1) != 0;
  config.request_response_information = properties.number(Id::request_response_information) != 0;
  for (const mqtt::Property& property : properties) {
    if (property.id == Id::user_property) { self.user_properties_.push_back(property); }
  }
  config.user_properties = self.user_properties_;
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
  std::fprintf(stderr, "error: %s %s over %s: %s%s\n", what, options_.server().c_str(), options_.backend.name.c_str(),
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
        std::fprintf(stderr, "connecting to %s over %s\n", server.c_str(), options_.backend.name.c_str());
      }
      return;
    case Kind::connected:
      if (options_.verbose) {
        std::fprintf(stderr, "connected%s\n", notice.session_present ? "; the server has kept the session" : "");
        print_properties(notice.properties);
      }
      return;
    case Kind::lost:
      if (notice.retry_in.is_never()) { return; }  // told as an error when the run ends
      std::fprintf(stderr, "warning: no connection to %s: %s; trying again in %.1f s\n", server.c_str(),
                   notice.failure.text(), static_cast<double>(notice.retry_in.milliseconds()) / 1000);
      return;
    case Kind::subscription_refused:
      std::fprintf(stderr, "warning: the server refused the subscription to '%.*s'%s\n",
                   static_cast<int>(notice.filter.size()), notice.filter.data(), why(notice).c_str());
      return;
    case Kind::oversized:
      std::fprintf(stderr, "warning: a message of %zu bytes was dropped; --max-packet makes room for it\n",
                   notice.size);
      return;
    case Kind::message_refused:
      std::fprintf(stderr, "warning: the server did not take a message%s\n", why(notice).c_str());
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

int Connection::exit_status(End end, const nal::Poll<nal::Result<>>& result) {
  switch (end) {
    case End::finished: return result.ready() && *result ? examples::kDone : examples::kFailed;
    case End::failed: return examples::kFailed;
    case End::interrupted: return examples::kInterrupted;
    case End::deadline: return kWaitedInVain;
  }
  return examples::kFailed;
}

}  // namespace nal_mqtt
