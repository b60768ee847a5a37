#include "examples/tools/mqtt/options.hpp"

#include <unistd.h>

#include "examples/common/command_line.hpp"
#include "examples/common/exit_status.hpp"
#include "examples/mqtt/topic.hpp"
#include "examples/mqtt/url.hpp"

namespace nal_mqtt {

namespace {

using Source = PayloadOptions::Source;

constexpr std::uint32_t kForEver = 0xFFFFFFFF;

constexpr const char* kFooter =
    "Exit status: 0 done, 1 the network or the server did not play along, 2 wrong usage, 27 -W ran out,\n"
    "130 interrupted.";

constexpr const char* kFormats =
    "With -F: %t topic, %p payload, %x payload in hexadecimal, %l its length, %q QoS, %r retained, and of MQTT 5\n"
    "%A topic alias, %C content type, %D correlation data, %E expiry, %F payload format, %P user properties,\n"
    "%R response topic, %S subscription identifiers; %% a percent sign, \\n a new line, \\t a tab, \\0 a zero byte.\n";

void add_version_option(CLI::App& app, ConnectionOptions& options) {
  app.add_option_function<std::string>(
         "-V,--protocol-version",
         [&options](const std::string& text) {
           if (text == "5" || text == "mqttv5") {
             options.version = mqtt::Version::mqtt_5;
           } else if (text == "311" || text == "3.1.1" || text == "mqttv311") {
             options.version = mqtt::Version::mqtt_3_1_1;
           } else {
             throw CLI::ValidationError("-V: '" + text + "' is not spoken here: there is mqttv5 and mqttv311");
           }
         },
         "the protocol's version: mqttv5 (5) or mqttv311 (311)")
      ->type_name("VERSION")
      ->default_str(options.version_5() ? "mqttv5" : "mqttv311");
}

void add_session_options(CLI::App& app, ConnectionOptions& options) {
  app.add_option("-i,--id", options.client_id, "client identifier; without one the server chooses it")->type_name("ID");
  app.add_option("-k,--keepalive", options.keep_alive, "seconds of silence after which the server is pinged; 0: never")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("-u,--username", options.user, "user name")->type_name("NAME");
  app.add_option("-P,--pw", options.password, "password; needs -u unless MQTT 5 is spoken")->type_name("PASSWORD");
  app.add_flag("-c,--disable-clean-session", options.keep_session,
               "have the server keep subscriptions and messages while the client is away; needs -i");
  app.add_option_function<std::string>(
         "-x,--session-expiry-interval",
         [&options](const std::string& text) {
           std::uint32_t seconds = kForEver;
           if (text != "-1" && text != "∞" && !CLI::detail::lexical_cast(text, seconds)) {
             throw CLI::ValidationError("-x: '" + text + "' is no number of seconds; -1 is for ever");
           }
           options.session_expiry = seconds;
         },
         "how long the server keeps the session of a client that is away; -1: for ever, which is what -c alone means "
         "(MQTT 5)")
      ->type_name("SECONDS");
  app.add_option("--persistence", options.store,
                 "keep what is in flight in this file, so that a later run goes on with it; needs -i and -c")
      ->type_name("FILE");
  auto* will =
      app.add_option("--will-topic", options.will_topic, "what the server publishes when the client vanishes: topic")
          ->type_name("TOPIC");
  app.add_option("--will-payload", options.will_payload, "its payload")->type_name("TEXT")->needs(will);
  app.add_option("--will-qos", options.will_qos, "its quality of service")
      ->type_name("QOS")
      ->check(CLI::Range(0, 2).description(""))
      ->needs(will);
  app.add_flag("--will-retain", options.will_retain, "have it retained")->needs(will);
}

void add_connection_options(CLI::App& app, ConnectionOptions& options) {
  app.set_help_flag("--help", "print this and exit");
  app.footer(kFooter);
  app.add_option("URL,-L,--url", options.url,
                 "mqtt[s]://[user[:password]@]host[:port]/topic, in place of -u -P -h -p -t")
      ->type_name("URL");
  app.add_option("-h,--host", options.host, "the server's name or address")->type_name("HOST")->capture_default_str();
  app.add_option("-p,--port", options.port, "its port; 1883 if left out, or 8883 with TLS")
      ->type_name("PORT")
      ->check(CLI::Range(1, 65535).description(""));
  add_version_option(app, options);
  app.add_option("-q,--qos", options.qos, "quality of service: 0 at most once, 1 at least once, 2 exactly once")
      ->type_name("QOS")
      ->check(CLI::Range(0, 2).description(""))
      ->capture_default_str();
  add_session_options(app, options);
  // Taken out of the arguments before; here for --help.
  app.add_option("-D,--property",
                 "a property of MQTT 5 for COMMAND connect, publish, subscribe or will; may be repeated. VALUE of "
                 "user-property: two words")
      ->type_name("COMMAND PROPERTY VALUE")
      ->expected(0);
  app.add_option("--max-packet", options.max_packet,
                 "room for messages on their way; what is larger goes through it piece by piece")
      ->type_name("BYTES")
      ->check(CLI::Range(std::size_t{1024}, mqtt::kMaxRemaining + mqtt::kMaxHeaderSize).description(""))
      ->capture_default_str();
  examples::add_timeout_option(app, options.timeout, "how long to wait for the server to connect and to answer");
  examples::add_tls_options(app, options.tls, "Any of these asks for TLS, as a URL of mqtts:// does:");
  examples::add_backend_options(app, options.backend);
  auto* verbose = app.add_flag("-d,--debug,--verbose", options.verbose, "say what happens, on standard error");
  app.add_flag("--quiet", options.quiet, "say nothing but errors that end the program")->excludes(verbose);
}

void add_payload_options(CLI::App& app, PayloadOptions& options, bool with_lines) {
  auto* what = app.add_option_group("message", "What to publish, one of:");
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
  if (with_lines) {
    what->add_flag_callback("-l,--stdin-line", take_flag(Source::lines), "each line of standard input, as a message");
  }
  what->add_flag_callback("-s,--stdin-file", take_flag(Source::all_input), "all of standard input, as one message");
  what->add_flag_callback("-n,--null-message", take_flag(Source::empty), "an empty message");
  what->require_option(0, 1);
  app.add_flag("-r,--retain", options.retain, "have the server keep it for later subscribers");
}

nal::Duration seconds(double value) { return nal::Duration::microseconds(static_cast<std::int64_t>(value * 1e6)); }

void add_output_options(CLI::App& app, OutputOptions& options) {
  app.add_option("-F", options.format, "print each message so; see below")->type_name("FORMAT");
  app.add_flag("-v,--print-topic", options.with_topic, "print the topic before each message");
  app.add_flag("-N", options.no_newline, "print no newline behind each message");
  app.add_flag("-R", options.no_retained, "leave out messages that the server had retained");
  app.add_option_function<double>(
         "-W,--wait", [&options](double value) { options.wait = seconds(value); }, "end after so long")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 1e9).description(""));
  app.footer(std::string(kFormats) + kFooter);
}

/// Puts what the URL says in place.
void take_url(ConnectionOptions& options) {
  if (options.url.empty()) { return; }
  std::string decoded(options.url.size(), '\0');
  const auto url = mqtt::Url::parse(options.url, decoded);
  if (!url) {
    throw CLI::ValidationError("'" + options.url +
                               "' is no URL of the form mqtt[s]://[user[:password]@]host[:port]/topic");
  }
  options.host = url->host;
  options.port = url->port;
  options.secure = url->secure;
  if (url->user) { options.user = std::string(*url->user); }
  if (url->password) { options.password = std::string(*url->password); }
  if (!url->topic.empty()) { options.topics.emplace_back(url->topic); }
}

void check_connection(ConnectionOptions& options) {
  take_url(options);
  options.secure = options.secure || options.tls.any();
  if (options.port == 0) { options.port = options.secure ? mqtt::kDefaultTlsPort : mqtt::kDefaultPort; }
  if (options.keep_session && options.client_id.empty()) {
    throw CLI::ValidationError("-c needs a client identifier (-i), which the server knows the session by");
  }
  if (!options.store.empty() && (!options.keep_session || options.client_id.empty())) {
    throw CLI::ValidationError(
        "--persistence needs -c and a client identifier (-i): it is of use to a session that "
        "the server keeps too");
  }
  if (options.password && !options.user && !options.version_5()) {
    throw CLI::ValidationError("-P needs a user name (-u), or -V mqttv5");
  }
  if (!options.will_topic.empty() && !mqtt::is_topic_name(options.will_topic)) {
    throw CLI::ValidationError("'" + options.will_topic + "' is no topic that a will can be published to");
  }
  if (options.version_5()) {
    if (!options.session_expiry && options.keep_session) { options.session_expiry = kForEver; }
  } else if (!options.properties.empty() || options.session_expiry) {
    throw CLI::ValidationError("properties (-D) and -x are of MQTT 5: add -V mqttv5");
  }
  if (options.will_topic.empty() && !options.properties.will.empty()) {
    throw CLI::ValidationError("-D will: there is no will; --will-topic makes one");
  }
}

void check_topic(const ConnectionOptions& options) {
  if (options.topics.size() != 1) { throw CLI::ValidationError("one topic is needed: -t TOPIC, or in the URL"); }
  if (!mqtt::is_topic_name(options.topics[0])) {
    throw CLI::ValidationError("'" + options.topics[0] + "' is no topic name: wildcards stand in filters only");
  }
}

void check_filter(const std::string& filter) {
  if (mqtt::is_topic_filter(filter)) { return; }
  throw CLI::ValidationError("'" + filter + "' is no topic filter: + stands alone in its level, # in the last");
}

void check_publish(PublishOptions& options) {
  check_connection(options);
  check_topic(options);
  if (options.payload.source == Source::none) {
    throw CLI::ValidationError("nothing to publish: one of -m, -f, -l, -s and -n is needed");
  }
  if (options.repeat != 1 && options.payload.source == Source::lines) {
    throw CLI::ValidationError("--repeat does not go with -l, whose lines come once");
  }
}

void check_subscribe(SubscribeOptions& options) {
  check_connection(options);
  if (options.topics.empty() && options.unsubscribe.empty()) {
    throw CLI::ValidationError("a topic filter is needed: -t FILTER, or in the URL");
  }
  for (const auto* filters : {&options.topics, &options.filtered_out, &options.unsubscribe}) {
    for (const std::string& filter : *filters) { check_filter(filter); }
  }
  const bool has_options = options.no_local || options.retain_as_published || options.retain_handling != 0;
  if (has_options && !options.version_5()) {
    throw CLI::ValidationError("--no-local, --retain-as-published and --retain-handling are of MQTT 5: add -V mqttv5");
  }
}

void check_request(RequestOptions& options) {
  check_connection(options);
  check_topic(options);
  if (options.payload.source == Source::none) {
    throw CLI::ValidationError("nothing to ask: one of -m, -f, -s and -n is needed");
  }
  if (!mqtt::is_topic_name(options.response_topic)) {
    throw CLI::ValidationError("'" + options.response_topic + "' is no topic that an answer can be published to");
  }
}

CLI::App* add_publish(CLI::App& app, PublishOptions& options) {
  auto* pub = app.add_subcommand("pub", "publish messages");
  add_connection_options(*pub, options);
  pub->add_option("-t,--topic", options.topics, "the topic to publish to")->type_name("TOPIC")->take_last();
  add_payload_options(*pub, options.payload, true);
  pub->add_option("--repeat", options.repeat, "publish the message so often")
      ->type_name("COUNT")
      ->check(CLI::PositiveNumber.description(""));
  pub->add_option_function<double>(
         "--repeat-delay", [&options](double value) { options.repeat_delay = seconds(value); },
         "with so long between two of them")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 1e6).description(""));
  return pub;
}

CLI::App* add_subscribe(CLI::App& app, SubscribeOptions& options) {
  auto* sub = app.add_subcommand("sub", "subscribe, and print messages");
  add_connection_options(*sub, options);
  sub->add_option("-t,--topic", options.topics, "a topic filter; may be repeated")
      ->type_name("FILTER")
      ->allow_extra_args(false);
  add_output_options(*sub, options.output);
  sub->add_option("-C,--count", options.count, "end after so many messages")
      ->type_name("COUNT")
      ->check(CLI::PositiveNumber.description(""));
  sub->add_flag("-E", options.only_subscribe, "end when the server has granted the subscriptions");
  sub->add_option("-T,--filter-out", options.filtered_out, "print no messages of this filter; may be repeated")
      ->type_name("FILTER")
      ->allow_extra_args(false);
  sub->add_option("-U,--unsubscribe", options.unsubscribe,
                  "take back a subscription that the server has kept; may be repeated")
      ->type_name("FILTER")
      ->allow_extra_args(false);
  sub->add_flag("--no-local", options.no_local, "nothing that this client publishes itself (MQTT 5)");
  sub->add_flag("--retain-as-published", options.retain_as_published,
                "have messages say whether they were published as retained (MQTT 5)");
  sub->add_option("--retain-handling", options.retain_handling,
                  "of retained messages send 0 all, 1 those of new subscriptions, 2 none (MQTT 5)")
      ->type_name("0|1|2")
      ->check(CLI::Range(0, 2).description(""));
  return sub;
}

CLI::App* add_request(CLI::App& app, RequestOptions& options) {
  auto* rr = app.add_subcommand("rr", "publish a request, and print the response");
  options.version = mqtt::Version::mqtt_5;
  add_connection_options(*rr, options);
  rr->add_option("-t,--topic", options.topics, "the topic to publish the request to")->type_name("TOPIC")->take_last();
  rr->add_option("-e,--response-topic", options.response_topic, "the topic that the response is to come to")
      ->type_name("TOPIC")
      ->required();
  add_payload_options(*rr, options.payload, false);
  add_output_options(*rr, options.output);
  return rr;
}

}  // namespace

std::string ConnectionOptions::server() const {
  const bool brackets = host.find(':') != std::string::npos;
  return (secure ? "mqtts://" : "mqtt://") + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

const ConnectionOptions& CommandLine::connection() const {
  if (publish) { return *publish; }
  if (subscribe) { return *subscribe; }
  return *request;
}

std::optional<int> parse(int argc, const char* const* argv, CommandLine& commands) {
  CLI::App app(
      "An MQTT client of versions 3.1.1 and 5 over any network stack of nal, with the habits of mosquitto_pub,\n"
      "mosquitto_sub and mosquitto_rr.",
      "nal-mqtt");
  app.set_help_flag("--help", "print this and exit; also behind pub, sub and rr");
  app.footer(kFooter);
  app.require_subcommand(1);
  PublishOptions publish;
  SubscribeOptions subscribe;
  RequestOptions request;
  CLI::App* pub = add_publish(app, publish);
  CLI::App* sub = add_subscribe(app, subscribe);
  CLI::App* rr = add_request(app, request);

  std::vector<std::string> arguments(argv + 1, argv + argc);
  CommandProperties properties;
  try {
    properties = take_properties(arguments);
  } catch (const CLI::ParseError& error) {
    app.failure_message(CLI::FailureMessage::simple);
    return app.exit(error) == 0 ? examples::kDone : examples::kWrongUsage;
  }
  const auto checked = [&properties](auto& options, void (*check)(decltype(options))) {
    return [&properties, &options, check] {
      options.properties = std::move(properties);
      check(options);
    };
  };
  pub->final_callback(checked(publish, check_publish));
  sub->final_callback(checked(subscribe, check_subscribe));
  rr->final_callback(checked(request, check_request));

  std::vector<const char*> words{argv[0]};
  for (const std::string& argument : arguments) { words.push_back(argument.c_str()); }
  if (const auto status = examples::parse(app, static_cast<int>(words.size()), words.data())) { return status; }
  if (pub->parsed()) { commands.publish = std::move(publish); }
  if (sub->parsed()) { commands.subscribe = std::move(subscribe); }
  if (rr->parsed()) { commands.request = std::move(request); }
  return std::nullopt;
}

}  // namespace nal_mqtt
