#pragma once
#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <sstream>
#include <string>

#include "tests/backends/embedded/tcp/network.hpp"
#include "tests/support/virtual_clock.hpp"

namespace nal::embedded::test {

/// One TCP whose peer is the test, which writes segments down and reads them as lines:
///
///     FLAGS SEQ[+LENGTH] [ack N] [win N] [mss N] [ws N] [sackok] [ts VALUE ECHO] [sack A-B ...]
///
/// Flags are those of "SFRPUEW" that are set, and "." for ACK. Numbers count from each side's initial one. What is sent
/// is compared in the fields that the line has; blocks and flags always.
class Script {
 public:
  static constexpr TcpConfig kConfig{.connections = 3,
                                     .listeners = 3,
                                     .handshakes = 3,
                                     .time_waits = 2,
                                     .rings = {{{4000, 4000, 3}, {200'000, 200'000, 1}}}};
  static constexpr std::uint16_t kPeerPort = 7777;
  static constexpr std::uint32_t kPeerIss = 0xffff'ff00;  ///< its numbers wrap early

  explicit Script(const TcpTuning& tuning = plain(), Address local = kHere4, Address remote = kThere4)
      : network(local), tcp(resources->memory(), network, random, tuning), local_(local), remote_(remote) {}

  /// Nothing that adds options to segments, so that a line says what a test is about.
  static TcpTuning plain() {
    TcpTuning tuning;
    tuning.sack = tuning.timestamps = tuning.window_scale = tuning.ecn = tuning.cubic = tuning.syn_cookies = false;
    return tuning;
  }

  /// A connection that this end has opened, with an answer of the peer as given.
  void connect(const std::string& answer = "S. 0 ack 1 win 4000 mss 1000", const TcpOptions& options = {}) {
    start(options);
    in(answer);
    out(". 1 ack 1");
    REQUIRE(connected());
  }
  void start(const TcpOptions& options = {}) {
    auto started = tcp.start_tcp({remote_.to_ip(), kPeerPort}, options);
    REQUIRE(started);
    stream.emplace(*std::move(started));
    local_port = stream->local_endpoint().port;
    poll();
    REQUIRE(network.sent.size() == 1);
    learn(network.sent.front().view());
    last = render(network.sent.front(), "");
    network.sent.pop_front();
  }
  /// A listener at port 80, which the peer's segments go to from now on.
  void listen(const ListenOptions& options = {}) {
    auto made = tcp.listen({IpAddress::unspecified(local_.family()), 80}, options);
    REQUIRE(made);
    listener.emplace(*std::move(made));
    local_port = 80;
  }
  /// A connection that the peer has opened, and that was accepted.
  void be_connected_to(const std::string& syn = "S 0 win 4000 mss 1000", const ListenOptions& options = {}) {
    listen(options);
    in(syn);
    out("S. 0 ack 1");
    in(". 1 ack 1 win 4000");
    REQUIRE(accept());
  }
  bool accept() {
    Context context = Context::probe(executor_);
    Waiter waiter;
    auto got = listener->poll_accept(context, waiter);
    if (!got.ready() || !*got) { return false; }
    stream.emplace(std::move(**got));
    return true;
  }

  /// The peer sends a segment.
  void in(const std::string& line) {
    const Bytes bytes = parse(line);
    in(bytes);
  }
  void in(const Bytes& bytes) {
    Ingress ingress{};
    ingress.source = remote_;
    ingress.destination = local_;
    ingress.interface = 1;
    ingress.protocol = Protocol::tcp;
    ingress.hop_limit = 64;
    ingress.traffic_class = traffic_class;
    ingress.to_many = to_many;
    Packet packet = network.packet(bytes);
    REQUIRE(packet);
    tcp.input(ingress, std::move(packet), clock);
    poll();
  }
  /// The next that was sent is this.
  void out(const std::string& line) {
    INFO("expected: " << line);
    REQUIRE_FALSE(network.sent.empty());
    const Sent sent = std::move(network.sent.front());
    network.sent.pop_front();
    learn(sent.view());
    check_checksum(sent);
    last_traffic_class = sent.egress.traffic_class;
    last = render(sent, line);
    CHECK(last == normal(line));
  }
  void nothing() {
    poll();
    if (!network.sent.empty()) { FAIL("sent: " << render(network.sent.front(), "win ")); }
  }
  /// Everything that was sent, one line each.
  std::string all(const std::string& fields = "") {
    poll();
    std::string lines;
    while (!network.sent.empty()) {
      lines += render(network.sent.front(), fields) + "\n";
      learn(network.sent.front().view());
      network.sent.pop_front();
    }
    return lines;
  }

  void poll() {
    for (int i = 0; tcp.poll(clock, 50); ++i) { REQUIRE(i < 1000); }
  }
  /// Lets time pass, the timers being served when they are due.
  void pass(Duration duration) {
    const Instant end = clock + duration;
    int turns = 0;
    for (;;) {
      poll();
      const Instant at = tcp.poll_at();
      if (at > end) { break; }
      REQUIRE(at > clock);
      REQUIRE(++turns < 100'000);
      clock = at;
    }
    clock = end;
    poll();
  }
  /// Lets time pass until something is sent; how long, or never within `limit`.
  Duration until_sent(Duration limit = Duration::minutes(10)) {
    const Instant begin = clock;
    poll();
    while (network.sent.empty()) {
      const Instant at = tcp.poll_at();
      if (at > begin + limit) { return Duration::max(); }
      REQUIRE(at > clock);
      clock = at;
      poll();
    }
    return clock - begin;
  }

  std::size_t write(std::size_t size) {
    const Bytes data = pattern(size, written);
    Context context = Context::probe(executor_);
    Waiter waiter;
    auto result = stream->poll_write(context, waiter, data);
    const std::size_t taken = result.ready() && *result ? **result : 0;
    written += taken;
    poll();
    return taken;
  }
  /// Reads up to `size` bytes and checks them; how many, or how it ended.
  std::optional<Result<std::size_t>> read(std::size_t size = 100'000) {
    Bytes buffer(size);
    Context context = Context::probe(executor_);
    Waiter waiter;
    auto result = stream->poll_read(context, waiter, buffer);
    if (!result.ready()) { return {}; }
    if (*result) {
      for (std::size_t i = 0; i < **result; ++i) {
        if (buffer[i] != pattern_at(was_read + i)) { FAIL("byte " << was_read + i << " is wrong"); }
      }
      was_read += **result;
    }
    poll();
    return *result;
  }
  /// How much there is to read, and what comes behind it.
  std::string read_all() {
    std::size_t total = 0;
    for (;;) {
      const auto got = read();
      if (!got) { return std::to_string(total); }
      if (!*got) { return std::to_string(total) + " " + to_string(got->error()); }
      if (**got == 0) { return std::to_string(total) + " end"; }
      total += **got;
    }
  }
  void shutdown() {
    Context context = Context::probe(executor_);
    Waiter waiter;
    auto result = stream->poll_shutdown(context, waiter);
    CHECK(result.ready());
    poll();
  }
  void drop() {
    stream.reset();
    poll();
  }
  void abort() {
    stream->abort();
    poll();
  }
  bool connected() {
    Context context = Context::probe(executor_);
    Waiter waiter;
    auto result = stream->poll_connected(context, waiter);
    return result.ready() && *result;
  }
  Error connect_error() {
    Context context = Context::probe(executor_);
    Waiter waiter;
    auto result = stream->poll_connected(context, waiter);
    return result.ready() ? result->error_or(Error{}) : Error::would_block;
  }
  const Connection& connection() const {
    for (const Connection& c : tcp.connections()) {
      if (c.state != TcpState::free) { return c; }
    }
    FAIL("there is no connection");
    return tcp.connections().front();
  }

  TestNetwork network;
  Random random{entropy(7)};
  std::unique_ptr<TcpResources<kConfig>> resources = std::make_unique<TcpResources<kConfig>>();
  Tcp tcp;
  Instant clock = Instant::from_microseconds(1'000'000'000);
  std::optional<TcpStream> stream;
  std::optional<TcpListener> listener;
  std::uint16_t local_port = 80;
  std::uint16_t peer_port = kPeerPort;
  std::uint8_t traffic_class = 0;
  std::uint8_t last_traffic_class = 0;
  bool to_many = false;
  bool timestamps = false;  ///< the peer's segments have them, unless the line says which
  std::uint32_t iss = 0;    ///< ours
  std::string last;
  std::size_t written = 0;
  std::size_t was_read = 0;

  /// The bytes of a segment of the peer.
  Bytes parse(const std::string& line) {
    std::istringstream words(line);
    std::string flags;
    std::string place;
    words >> flags >> place;
    wire::TcpHeader header{peer_port, local_port, 0, 0, 0, 4000};
    constexpr std::string_view kFlags = "FSRP.UEW";
    for (const char c : flags) { header.flags = static_cast<std::uint8_t>(header.flags | 1u << kFlags.find(c)); }
    const std::size_t plus = place.find('+');
    const auto seq = static_cast<std::uint32_t>(std::stoll(place.substr(0, plus)));
    const std::size_t length = plus == std::string::npos ? 0 : std::stoul(place.substr(plus + 1));
    header.sequence = kPeerIss + seq;
    wire::TcpSegmentOptions options;
    if (timestamps) {
      options.timestamps = true;
      options.tsval = static_cast<std::uint32_t>(clock.microseconds() / 1000);
      options.tsecr = seen_tsval_;
    }
    std::string word;
    while (words >> word) {
      if (word == "ack") {
        long long n = 0;
        words >> n;
        header.acknowledgment = iss + static_cast<std::uint32_t>(n);
      } else if (word == "win") {
        words >> header.window;
      } else if (word == "mss") {
        words >> options.mss;
      } else if (word == "ws") {
        unsigned n = 0;
        words >> n;
        options.window_scale = static_cast<std::uint8_t>(n);
      } else if (word == "sackok") {
        options.sack_permitted = true;
      } else if (word == "ts") {
        options.timestamps = true;
        words >> options.tsval >> options.tsecr;
      } else if (word == "nots") {
        options.timestamps = false;
      } else if (word == "sack") {
        while (words >> word) {
          const std::size_t dash = word.find('-');
          options.sack[options.block_count++] = {iss + static_cast<std::uint32_t>(std::stoul(word.substr(0, dash))),
                                                 iss + static_cast<std::uint32_t>(std::stoul(word.substr(dash + 1)))};
        }
      } else {
        FAIL("what is " << word << "?");
      }
    }
    Bytes bytes(wire::kTcpHeaderSize + options.size());
    wire::emit_tcp(bytes, header, options);
    // The first byte of data has number 1.
    const Bytes payload = pattern(length, seq - 1);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    seal(bytes);
    return bytes;
  }
  void seal(Bytes& bytes) const {
    wire::store_be16(&bytes[wire::kTcpChecksum], 0);
    const std::uint16_t sum =
        (wire::pseudo_header_sum(remote_.wire(), local_.wire(), 6, bytes.size()) + wire::sum(bytes)).checksum();
    wire::store_be16(&bytes[wire::kTcpChecksum], sum);
  }

 private:
  static std::string normal(const std::string& line) {
    std::istringstream words(line);
    std::string out;
    std::string word;
    while (words >> word) { out += (out.empty() ? "" : " ") + word; }
    return out;
  }
  void learn(const wire::TcpView& view) {
    if (view.has(wire::tcp_flag::syn)) { iss = view.sequence(); }
    const auto options = view.parse_options();
    if (options.timestamps) { seen_tsval_ = options.tsval; }
  }
  void check_checksum(const Sent& sent) const {
    CHECK(
        (wire::pseudo_header_sum(local_.wire(), remote_.wire(), 6, sent.bytes.size()) + wire::sum(sent.bytes)).valid());
    const auto view = sent.view();
    CHECK(view.source_port() == local_port);
    CHECK(view.destination_port() == peer_port);
    // The data are what was written.
    const std::uint32_t first = view.sequence() - iss - 1;
    for (std::size_t i = 0; i < view.payload().size(); ++i) {
      if (view.payload()[i] != pattern_at(first + i)) { FAIL("sent byte " << first + i << " is wrong"); }
    }
  }
  /// As a line with those fields that `like` has.
  std::string render(const Sent& sent, const std::string& like) const {
    const auto view = sent.view();
    const auto options = view.parse_options();
    std::ostringstream out;
    constexpr std::string_view kOrder = "SFRPUEW.";
    constexpr std::uint8_t kBits[] = {2, 1, 4, 8, 0x20, 0x40, 0x80, 0x10};
    for (std::size_t i = 0; i < kOrder.size(); ++i) {
      if ((view.flags() & kBits[i]) != 0) { out << kOrder[i]; }
    }
    // A reset to a stranger has the stranger's number.
    out << ' ' << static_cast<std::int32_t>(view.sequence() - iss);
    if (!view.payload().empty()) { out << '+' << view.payload().size(); }
    const auto wants = [&](const char* field) { return like.find(field) != std::string::npos; };
    if (view.has(wire::tcp_flag::ack)) {
      out << " ack " << static_cast<std::int32_t>(view.acknowledgment() - kPeerIss);
    }
    if (wants("win ")) { out << " win " << view.window(); }
    if (wants("mss ")) { out << " mss " << options.mss; }
    if (wants("ws ")) { out << " ws " << unsigned{options.window_scale}; }
    if (wants("sackok") && options.sack_permitted) { out << " sackok"; }
    if (wants("ts ")) { out << " ts " << options.tsval << ' ' << options.tsecr; }
    if (options.block_count != 0) { out << " sack"; }
    for (std::size_t i = 0; i < options.block_count; ++i) {
      out << ' ' << options.sack[i].begin - kPeerIss << '-' << options.sack[i].end - kPeerIss;
    }
    return out.str();
  }

  nal::test::VirtualClock unused_;
  Executor executor_{unused_};
  Address local_;
  Address remote_;
  std::uint32_t seen_tsval_ = 0;
};

}  // namespace nal::embedded::test
