#include "examples/tools/mqtt/options.hpp"

#include <unistd.h>

#include "examples/common/command_line.hpp"
#include "examples/common/exit_status.hpp"
#include "examples/mqtt/topic.hpp"
#include "examples/mqtt/url.hpp"

namespace nal_mqtt {

namespace {

constexpr const char* kFooter =
    "Exit status: 0 done, 1 the network or the server did not play along, 2 wrong usage, 27 -W ran out,\n"
    "130 interrupted.";

void add_connection_options(CLI::App& app, ConnectionOptions& options) {
  app.set_help_flag("--help", "print this and exit");
  app.footer(kFooter);
  app.add_option("URL,-L,--url", options.url, "mqtt://[user[:password]@]host[:port]/topic, in place of -u -P -h -p -t")
      ->type_name("URL");
  app.add_option("-h,--host", options.host, "the server's name or address")->type_name("HOST")->capture_default_str();
  app.add_option("-p,--port", options.port, "its port")
      ->type_name("PORT")
      ->check(CLI::Range(1, 65535).description(""))
      ->capture_default_str();
  app.add_option("-q,--qos", options.qos, "quality of service: 0 at most once, 1 at least once")
      ->type_name("QOS")
      ->check(CLI::Range(0, 1).description(""))
      ->capture_default_str();
  app.add_option("-i,--id", options.client_id, "client identifier; without one the server chooses it")->type_name("ID");
  app.add_option("-k,--keepalive", options.keep_alive, "seconds of silence after which the server is pinged; 0: never")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("-u,--username", options.user, "user name")->type_name("NAME");
  app.add_option("-P,--pw", options.password, "password; needs -u")->type_name("PASSWORD");
  app.add_flag("-c,--disable-clean-session", options.keep_session,
               "have the server keep subscriptions and messages while the client is away; needs -i");
  auto* will =
      app.add_option("--will-topic", options.will_topic, "what the server publishes when the client vanishes: topic")
          ->type_name("TOPIC");
  app.add_option("--will-payload", options.will_payload, "its payload")->type_name("TEXT")->needs(will);
  app.add_option("--will-qos", options.will_qos, "its quality of service")
      ->type_name("QOS")
      ->check(CLI::Range(0, 2).description(""))
      ->needs(will);
  app.add_flag("--will-retain", options.will_retain, "have it retained")->needs(will);
  app.add_option("--max-packet", options.max_packet,
                 "the largest packet to receive, and room for messages on their way")
      ->type_name("BYTES")
      ->check(CLI::Range(std::size_t{1024}, mqtt::kMaxRemaining + mqtt::kMaxHeaderSize).description(""))
      ->capture_default_str();
  examples::add_timeout_option(app, options.timeout, "how long to wait for the server to connect and to answer");
  examples::add_backend_option(app, options.backend);
  auto* verbose = app.add_flag("-d,--debug,--verbose", options.verbose, "say what happens, on standard error");
  app.add_flag("--quiet", options.quiet, "say nothing but errors that end the program")->excludes(verbose);
}

/// Puts what the URL says in place.
void take_url(ConnectionOptions& options) {
  if (options.url.empty()) { return; }
  std::string decoded(options.url.size(), '\0');
  const auto url = mqtt::Url::parse(options.url, decoded);
  if (!url) {
    throw CLI::ValidationError("'" + options.url +
                               "' is no URL of the form mqtt://[user[:password]@]host[:port]/topic");
  }
  options.host = url->host;
  options.port = url->port;
  if (url->user) { options.user = std::string(*url->user); }
  if (url->password) { options.password = std::string(*url->password); }
  if (!url->topic.empty()) { options.topics.emplace_back(url->topic); }
}

void check_connection(const ConnectionOptions& options) {
  if (options.keep_session && options.client_id.empty()) {
    throw CLI::ValidationError("-c needs a client identifier (-i), which the server knows the session by");
  }
  if (options.password && !options.user) { throw CLI::ValidationError("-P needs a user name (-u)"); }
  if (!options.will_topic.empty() && !mqtt::is_topic_name(options.will_topic)) {
    throw CLI::ValidationError("'" + options.will_topic + "' is no topic that a will can be published to");
  }
}

void check_publish(PublishOptions& options) {
  take_url(options);
  check_connection(options);
  if (options.topics.size() != 1) { throw CLI::ValidationError("one topic is needed: -t TOPIC, or in the URL"); }
  if (!mqtt::is_topic_name(options.topics[0])) {
    throw CLI::ValidationError("'" + options.topics[0] + "' is no topic name: wildcards stand in filters only");
  }
  if (options.source == PublishOptions::Source::none) {
    throw CLI::ValidationError("nothing to publish: one of -m, -f, -l, -s and -n is needed");
  }
}

void check_subscribe(SubscribeOptions& options) {
  take_url(options);
  check_connection(options);
  if (options.topics.empty()) { throw CLI::ValidationError("a topic filter is needed: -t FILTER, or in the URL"); }
  for (const std::string& filter : options.topics) {
    if (mqtt::is_topic_filter(filter)) { continue; }
    throw CLI::ValidationError("'" + filter + "' is no topic filter: + stands alone in its level, # in the last");
  }
}

CLI::App* add_publish(CLI::App& app, PublishOptions& options) {
  using Source = PublishOptions::Source;
  auto* pub = app.add_subcommand("pub", "publish messages");
  add_connection_options(*pub, options);
  pub->add_option("-t,--topic", options.topics, "the topic to publish to")->type_name("TOPIC")->take_last();
  auto* what = pub->add_option_group("message", "What to publish, one of:");
  const auto take_text = [&options](Source source) {
    return [&options, source](const std::string& text) {
      options.source = source;
      options.text = text;
    };
  };
  const auto take_flag = [&options](Source source) { return [&options, source] { options.source = source; }; };
  what->add_option_function<std::string>("-m,--message", take_text(Source::message), "this text")->type_name("TEXT");
  what->add_option_function<std::string>("-f,--file", take_text(Source::file), "a file's content")
      ->type_name("FILE")
      ->check(CLI::ExistingFile.description(""));
  what->add_flag_callback("-l,--stdin-line", take_flag(Source::lines), "each line of standard input, as a message");
  what->add_flag_callback("-s,--stdin-file", take_flag(Source::all_input), "all of standard input, as one message");
  what->add_flag_callback("-n,--null-message", take_flag(Source::empty), "an empty message");
  what->require_option(0, 1);
  pub->add_flag("-r,--retain", options.retain, "have the server keep it for later subscribers");
  return pub;
}

CLI::App* add_subscribe(CLI::App& app, SubscribeOptions& options) {
  auto* sub = app.add_subcommand("sub", "subscribe, and print messages");
  add_connection_options(*sub, options);
  sub->add_option("-t,--topic", options.topics, "a topic filter; may be repeated")
      ->type_name("FILTER")
      ->allow_extra_args(false);
  sub->add_option("-C,--count", options.count, "end after so many messages")
      ->type_name("COUNT")
      ->check(CLI::PositiveNumber.description(""));
  sub->add_option_function<double>(
         "-W,--wait",
         [&options](double seconds) {
           options.wait = nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
         },
         "end after so long")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 1e9).description(""));
  sub->add_flag("-v,--print-topic", options.with_topic, "print the topic before each message");
  sub->add_flag("-N", options.no_newline, "print no newline behind each message");
  sub->add_flag("-R", options.no_retained, "leave out messages that the server had retained");
  return sub;
}

}  // namespace

std::string ConnectionOptions::server() const {
  const bool brackets = host.find(':') != std::string::npos;
  return "mqtt://" + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<int> parse(int argc, const char* const* argv, CommandLine& commands) {
  CLI::App app(
      "An MQTT 3.1.1 client over any network stack of nal, with the habits of mosquitto_pub and mosquitto_sub.",
      "nal-mqtt");
  app.set_help_flag("--help", "print this and exit; also behind pub and sub");
  app.footer(kFooter);
  app.require_subcommand(1);
  PublishOptions publish;
  SubscribeOptions subscribe;
  CLI::App* pub = add_publish(app, publish);
  CLI::App* sub = add_subscribe(app, subscribe);
  pub->final_callback([&publish] { check_publish(publish); });
  sub->final_callback([&subscribe] { check_subscribe(subscribe); });
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  if (pub->parsed()) { commands.publish = std::move(publish); }
  if (sub->parsed()) { commands.subscribe = std::move(subscribe); }
  return std::nullopt;
}

}  // namespace nal_mqtt
