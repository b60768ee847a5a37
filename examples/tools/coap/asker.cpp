#include "examples/tools/coap/asker.hpp"

#include <algorithm>
#include <cstdio>
#include <random>

#include "examples/coap/link_format.hpp"
#include "examples/coap/tcp.hpp"
#include "examples/coap/udp.hpp"
#include "examples/common/exit_status.hpp"
#include "examples/tools/coap/names.hpp"
#include "examples/tools/coap/request.hpp"
#include "nal/dns.hpp"
#include "nal/happy_eyeballs.hpp"
#include "nal/sleep.hpp"

namespace nal_coap {

namespace {

using nal::Error;

constexpr std::size_t kLargestMessage = 1 << 16;
/// RFC 7252 §8.2: answers to a group come within the leisure, 5 seconds, and the network takes its time.
constexpr nal::Duration kGroupPatience = nal::Duration::seconds(7);
/// For what is said at the end, whether or not it is heard.
constexpr nal::Duration kLastWords = nal::Duration::milliseconds(500);

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

std::string_view view(std::span<const std::byte> bytes) { return coap::text_of(bytes); }

std::string hexadecimal(std::span<const std::byte> value) {
  std::string text = "0x";
  for (const std::byte byte : value) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text.push_back(kDigits[std::to_integer<std::size_t>(byte) >> 4]);
    text.push_back(kDigits[std::to_integer<std::size_t>(byte) & 15]);
  }
  return text;
}

/// What a server says, without what a terminal would take for orders.
std::string harmless(std::string_view text) {
  std::string made(text);
  std::replace_if(
      made.begin(), made.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, '?');
  return made;
}

/// For messages.
std::string option_value(const coap::Option& option) {
  const coap::OptionRule* rule = coap::find_rule(option.number);
  if (rule && rule->format == coap::OptionFormat::uint) {
    if (const auto number = coap::parse_uint(option.value)) {
      if (option.number == coap::OptionNumber::content_format) { return content_format_text(*number); }
      return std::to_string(*number);
    }
  }
  if (rule && rule->format == coap::OptionFormat::text) { return harmless(view(option.value)); }
  return hexadecimal(option.value);
}

void print_options(const coap::Options& options) {
  for (const coap::Option& option : options) {
    std::fprintf(stderr, "    %s: %s\n", option_text(static_cast<std::uint32_t>(option.number)).c_str(),
                 option_value(option).c_str());
  }
}

/// A body that is wanted as one text.
class TextSink {
 public:
  nal::Result<> write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
    if (offset > text_.size() || offset + data.size() > kMost) { return nal::Unexpected(Error::message_size); }
    text_.resize(static_cast<std::size_t>(offset));
    text_.append(view(data));
    return nal::Unit{};
  }
  const std::string& text() const { return text_; }

 private:
  static constexpr std::size_t kMost = 1 << 24;
  std::string text_;
};

bool try_next_address(Error error) {
  return error == Error::connection_refused || error == Error::host_unreachable ||
         error == Error::network_unreachable || error == Error::address_not_available;
}

/// What a person can do about it.
const char* advice(Error error) {
  switch (error) {
    case Error::connection_refused: return "; is a CoAP server running there?";
    case Error::timed_out: return "; -B waits longer";
    case Error::connection_reset: return "; the server does not want this request";
    default: return "";
  }
}

}  // namespace

Asker::Asker(nal::Executor& executor, nal::AnyStack stack, const RequestOptions& options)
    : executor_(executor),
      stack_(stack),
      options_(options),
      progress_(!options.quiet),
      input_(progress_),
      output_(options, progress_),
      receive_(kLargestMessage),
      send_(kLargestMessage),
      node_(coap::NodeConfig{.seed = random_seed()}, coap::Memory{receive_, send_}),
      client_(node_),
      interrupt_(executor) {}

void Asker::make_options() {
  more_.clear();
  values_.clear();
  std::vector<coap::OptionNumber> numbers;
  const auto take = [&](coap::OptionNumber number, std::string_view value) -> nal::Result<> {
    if (number == coap::OptionNumber::uri_host && options_.no_uri_host) { return nal::Unit{}; }
    numbers.push_back(number);
    values_.emplace_back(value);
    return nal::Unit{};
  };
  static_cast<void>(options_.uri.for_each_option(take));
  if (options_.kind == RequestOptions::Kind::discover && options_.uri.path.empty()) {
    static_cast<void>(take(coap::OptionNumber::uri_path, ".well-known"));
    static_cast<void>(take(coap::OptionNumber::uri_path, "core"));
  }
  for (const ExtraOption& extra : options_.extra) { static_cast<void>(take(extra.number, extra.value)); }
  for (std::size_t i = 0; i < numbers.size(); ++i) { more_.push_back({numbers[i], coap::bytes_of(values_[i])}); }
}

coap::Request Asker::make_request() {
  make_options();
  coap::Request request;
  request.method = options_.method;
  request.remote = remote_;
  request.options = more_;
  request.content_format = options_.content_format;
  request.accept = options_.accept;
  request.confirmable = !options_.non_confirmable;
  if (options_.verbose) {
    std::fprintf(stderr, "> %s %s\n", code_text(static_cast<std::uint8_t>(request.method)).c_str(),
                 options_.url.c_str());
  }
  return request;
}

bool Asker::judge(const coap::Response& answer) {
  const std::string code = code_text(static_cast<std::uint8_t>(answer.code()));
  if (options_.verbose) {
    progress_.clear();
    std::fprintf(stderr, "< %s\n", code.c_str());
    print_options(answer.options());
  }
  if (answer.ok()) { return true; }
  progress_.clear();
  const std::string text = harmless(answer.text());
  std::fprintf(stderr, "error: %s answers %s%s%s\n", options_.url.c_str(), code.c_str(), text.empty() ? "" : ": ",
               text.c_str());
  told_ = true;
  return false;
}

void Asker::explain(Error error) const {
  std::fprintf(stderr, "error: cannot ask %s over %s: %s%s\n", options_.server().c_str(), options_.backend.name.c_str(),
               nal::to_string(error), advice(error));
}

void Asker::print_links(std::string_view text) {
  coap::LinkParser parser(text);
  for (;;) {
    const auto link = parser.next();
    if (!link) {
      std::fprintf(stderr, "error: from here on this is no list of links\n");
      told_ = true;
      return;
    }
    if (!*link) { return; }
    std::printf("%.*s", static_cast<int>((*link)->target.size()), (*link)->target.data());
    auto attributes = (*link)->attributes;
    while (const auto attribute = attributes.next()) {
      std::printf(" %.*s", static_cast<int>(attribute->name.size()), attribute->name.data());
      if (!attribute->value) { continue; }
      const auto raw = attribute->value->raw();
      const char* quote = attribute->value->quoted() ? "\"" : "";
      std::printf("=%s%.*s%s", quote, static_cast<int>(raw.size()), raw.data(), quote);
    }
    std::putchar('\n');
  }
}

nal::Task<> Asker::transfer(Asker& self) {
  if (!self.input_.open(self.options_)) {
    self.told_ = true;
    co_return nal::Unexpected(Error::io_error);
  }
  const coap::Request request = self.make_request();
  const bool has_body = self.options_.body != RequestOptions::Body::none;
  const bool listing = self.options_.kind == RequestOptions::Kind::discover && self.options_.output.empty();
  TextSink text;
  const coap::SinkRef sink = listing ? coap::SinkRef(text) : coap::SinkRef(self.output_);
  const coap::SourceRef source = has_body ? coap::SourceRef(self.input_) : coap::SourceRef();
  auto transfer = self.client_.transfer(request, source, sink);
  if (self.options_.szx) { transfer.limit_blocks(*self.options_.szx); }
  coap::Code code{};
  {
    const auto answer = co_await transfer;
    if (!answer) { co_return nal::Unexpected(answer.error()); }
    if (!self.judge(*answer)) { co_return nal::Unexpected(Error::protocol_error); }
    code = answer->code();
  }
  if (listing) {
    self.print_links(text.text());
  } else if (code == coap::Code::content || self.output_.written() != 0) {
    if (!self.output_.end()) {
      self.told_ = true;
      co_return nal::Unexpected(Error::io_error);
    }
  }
  co_return nal::Unit{};
}

nal::Task<> Asker::fetch_all(Asker& self, const coap::Request& request) {
  auto transfer = self.client_.transfer(request, self.output_);
  const auto answer = co_await transfer;
  if (!answer) { co_return nal::Unexpected(answer.error()); }
  if (!self.judge(*answer)) { co_return nal::Unexpected(Error::protocol_error); }
  co_return nal::Unit{};
}

nal::Task<> Asker::ping(Asker& self) {
  for (std::uint64_t i = 0; i < self.options_.count; ++i) {
    if (i != 0) { co_await nal::sleep(nal::Duration::seconds(1)); }
    const nal::Instant begin = self.executor_.now();
    NAL_CO_TRY(self.client_.ping(self.remote_));
    const auto took = self.executor_.now() - begin;
    std::printf("%s answers after %.1f ms\n", self.options_.server().c_str(),
                static_cast<double>(took.microseconds()) / 1000);
    std::fflush(stdout);
  }
  co_return nal::Unit{};
}

nal::Task<> Asker::ask_group(Asker& self) {
  const coap::Request request = self.make_request();
  const nal::Duration patience = std::min(self.options_.timeout, kGroupPatience);
  coap::GroupRequest asking(self.client_, request, patience);
  bool any = false;
  self.watching_ = true;
  for (;;) {
    const auto answer = co_await asking.next();
    if (!answer && answer.error() == Error::timed_out && any) { co_return nal::Unit{}; }
    if (!answer) { co_return nal::Unexpected(answer.error()); }
    any = true;
    const std::string_view text = answer->text();
    std::printf("%s: %s: %.*s\n", nal::to_text(answer->remote()).c_str(),
                code_text(static_cast<std::uint8_t>(answer->code())).c_str(), static_cast<int>(text.size()),
                text.data());
    std::fflush(stdout);
  }
}

nal::Task<> Asker::observe(Asker& self) {
  const coap::Request request = self.make_request();
  const nal::Instant end =
      self.options_.observe_for ? self.executor_.now() + *self.options_.observe_for : nal::Instant::max();
  coap::Observation observation(self.client_, request);
  for (std::uint64_t count = 0; self.options_.count == 0 || count < self.options_.count; ++count) {
    bool whole = true;
    {
      auto first = co_await nal::race(observation.next(), nal::sleep_until(end), nal::wait(self.interrupt_.event()));
      if (first.index() != 0) { break; }
      const auto& news = std::get<0>(first);
      if (!news) { co_return nal::Unexpected(news.error()); }
      if (!self.judge(*news)) { co_return nal::Unexpected(Error::protocol_error); }
      if (count == 0 && !observation.observing()) {
        std::fprintf(stderr, "warning: the server does not let this be observed\n");
      }
      self.watching_ = observation.observing();
      const auto block = coap::Block::find(news->options(), coap::OptionNumber::block2);
      whole = !block || !block->more;
      if (whole) {
        const auto written = self.output_.write(0, news->payload());
        if (!written) {
          self.told_ = true;
          co_return nal::Unexpected(written.error());
        }
      }
    }
    // A notification has the first block alone (RFC 7959 §2.6).
    if (!whole) { NAL_CO_TRY(fetch_all(self, request)); }
    if (!self.output_.end()) {
      self.told_ = true;
      co_return nal::Unexpected(Error::io_error);
    }
    if (!self.watching_) { co_return nal::Unit{}; }
  }
  // Not more than politeness: it would end with the next notification.
  static_cast<void>(co_await nal::with_timeout(kLastWords, observation.cancel()));
  co_return nal::Unit{};
}

nal::Task<> Asker::ask(Asker& self) {
  using Kind = RequestOptions::Kind;
  if (self.options_.kind == Kind::ping) { co_return co_await ping(self); }
  if (self.remote_.address.is_multicast()) { co_return co_await ask_group(self); }
  if (self.options_.kind == Kind::observe) { co_return co_await observe(self); }
  co_return co_await transfer(self);
}

nal::Task<> Asker::drive_udp(Asker& self) {
  auto ended = co_await coap::run(*self.socket_, self.node_);
  co_return ended;
}

nal::Task<> Asker::ask_over_udp(Asker& self) {
  std::array<nal::IpAddress, 8> addresses;
  NAL_CO_TRY_SET(const std::size_t count,
                 nal::lookup(self.stack_, self.options_.uri.host, nal::Family::any, addresses));
  nal::Result<> done;
  for (std::size_t i = 0; i < count; ++i) {
    self.remote_ = nal::Endpoint(addresses[i], self.options_.uri.port);
    self.driving_.cancel();
    self.socket_.reset();
    const nal::Endpoint anywhere(nal::IpAddress::unspecified(addresses[i].family()), 0);
    auto socket = addresses[i].is_multicast() ? self.stack_.udp_bind_multiple(anywhere, {})
                                              : nal::udp_connect(self.stack_, self.remote_);
    if (!socket) {
      done = nal::Unexpected(socket.error());
      continue;
    }
    self.socket_.emplace(*std::move(socket));
    const auto started = self.driving_.start(self.executor_, drive_udp, self);
    if (!started) { co_return nal::Unexpected(started.error()); }
    done = co_await ask(self);
    if (done || !try_next_address(done.error())) { break; }
  }
  co_return done;
}

nal::Task<> Asker::drive_tcp(Asker& self) {
  auto ended = co_await coap::run(*self.stream_, self.node_);
  co_return ended;
}

nal::Task<> Asker::ask_over_tcp(Asker& self) {
  NAL_CO_TRY_SET(auto stream, nal::connect(self.stack_, self.options_.uri.host, self.options_.uri.port));
  self.remote_ = stream.remote_endpoint();
  self.stream_.emplace(std::move(stream));
  const auto started = self.driving_.start(self.executor_, drive_tcp, self);
  if (!started) { co_return nal::Unexpected(started.error()); }
  const auto done = co_await ask(self);
  // The answer is here already: whether the server hears that we leave is its own affair.
  self.node_.leave();
  static_cast<void>(co_await nal::with_timeout(kLastWords, nal::finished(self.driving_)));
  self.driving_.cancel();
  static_cast<void>(co_await nal::with_timeout(kLastWords, nal::close(*std::move(self.stream_))));
  co_return done;
}

nal::Task<> Asker::find_and_ask(Asker& self) {
  if (coap::is_tcp(self.options_.uri.scheme)) { co_return co_await ask_over_tcp(self); }
  co_return co_await ask_over_udp(self);
}

int Asker::run() {
  if (const auto started = asking_.start(executor_, find_and_ask, *this); !started) {
    explain(started.error());
    return examples::kFailed;
  }
  const auto finished = [this] { return !asking_.running() || (interrupt_.happened() && !watching_); };
  nal::Result<> result = nal::Unexpected(Error::timed_out);
  for (std::uint64_t moved = progress_.moves();; moved = progress_.moves()) {
    const nal::Instant patience = watching_ ? nal::Instant::max() : executor_.now() + options_.timeout;
    if (executor_.run_until(finished, patience)) { break; }
    if (!watching_ && moved == progress_.moves()) { break; }
  }
  if (asking_.result().ready()) { result = *asking_.result(); }
  asking_.cancel();
  // What came last may want to be acknowledged.
  executor_.run_until([this] { return !node_.busy() || !driving_.running(); }, executor_.now() + kLastWords);
  driving_.cancel();
  progress_.clear();
  if (interrupt_.happened()) { return examples::kInterrupted; }
  if (!result && !told_) { explain(result.error()); }
  return result ? examples::kDone : examples::kFailed;
}

int request(nal::Executor& executor, nal::AnyStack stack, const RequestOptions& options) {
  Asker asker(executor, stack, options);
  return asker.run();
}

}  // namespace nal_coap
