#include "examples/tools/speed/report.hpp"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

namespace nal_speed {

namespace {

[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

double seconds(nal::Duration duration) { return static_cast<double>(duration.microseconds()) * 1e-6; }
double mbits(std::uint64_t bytes, nal::Duration in) {
  return in.microseconds() == 0 ? 0 : static_cast<double>(bytes) * 8 / static_cast<double>(in.microseconds());
}

std::uint64_t lost(const Totals& sent, const Totals& received) {
  return sent.blocks > received.blocks ? sent.blocks - received.blocks : 0;
}

}  // namespace

Report::Report(const Plan& plan, bool sends, bool receives, bool json, Retransmissions retransmissions)
    : plan_(plan),
      sends_(sends),
      receives_(receives),
      json_(json),
      retransmissions_(std::move(retransmissions)),
      retransmitted_before_(retransmissions_()) {}

std::optional<std::uint64_t> Report::retransmitted() const {
  const auto now = retransmissions_();
  if (plan_.udp || !now) { return std::nullopt; }
  return *now - *retransmitted_before_;
}

void Report::begin(const nal::Endpoint& local, const nal::Endpoint& remote) {
  const std::string here(nal::to_text(local));
  const std::string there(nal::to_text(remote));
  const char* const way = sends_ && receives_ ? "sending and receiving" : sends_ ? "sending" : "receiving";
  const char* const protocol = plan_.udp ? "UDP" : "TCP";
  if (json_) {
    head_ = print(
        "\"protocol\":\"%s\",\"local\":\"%s\",\"remote\":\"%s\",\"streams\":%u,\"length\":%u,\"bitrate\":%" PRIu64,
        protocol, here.c_str(), there.c_str(), plan_.streams, plan_.block, plan_.rate);
    return;
  }
  std::printf("%s to %s: %s %s\n", here.c_str(), there.c_str(), way, protocol);
  std::fflush(stdout);
}

void Report::interval(nal::Duration since_start, const Totals& sent, const Totals& received) {
  const nal::Duration length = since_start - last_;
  const std::uint64_t out = sent.bytes - last_sent_.bytes;
  const std::uint64_t in = received.bytes - last_received_.bytes;
  const auto again = retransmitted();
  if (json_) {
    intervals_ +=
        print("%s{\"from\":%.3f,\"to\":%.3f", intervals_.empty() ? "" : ",", seconds(last_), seconds(since_start));
    if (sends_) { intervals_ += print(",\"sent\":%" PRIu64, out); }
    if (receives_) { intervals_ += print(",\"received\":%" PRIu64, in); }
    if (again) { intervals_ += print(",\"retransmitted\":%" PRIu64, *again); }
    intervals_ += "}";
  } else {
    std::string line = print("%7.2f-%.2f s", seconds(last_), seconds(since_start));
    if (sends_) { line += print("  sent %9.3f MB %10.3f Mbit/s", static_cast<double>(out) * 1e-6, mbits(out, length)); }
    if (receives_) {
      line += print("  received %9.3f MB %10.3f Mbit/s", static_cast<double>(in) * 1e-6, mbits(in, length));
    }
    if (again) { line += print("  %" PRIu64 " retransmitted so far", *again); }
    std::puts(line.c_str());
    std::fflush(stdout);
  }
  last_ = since_start;
  last_sent_ = sent;
  last_received_ = received;
}

bool Report::matches(const Totals& sent, const Totals& received) const {
  return plan_.udp || (sent.bytes == received.bytes && (!plan_.check || sent.crc == received.crc));
}

void Report::tell_direction(const char* who, const Totals& sent, const Totals& received) const {
  std::string line = print("%s: %.6f MB in %.3f s, %.3f Mbit/s", who, static_cast<double>(received.bytes) * 1e-6,
                           received.seconds(), received.mbits());
  if (plan_.udp) {
    const std::uint64_t gone = lost(sent, received);
    line +=
        print("; %" PRIu64 " of %" PRIu64 " datagrams lost (%.2f %%), %" PRIu64 " late, jitter %.3f ms", gone,
              sent.blocks, sent.blocks == 0 ? 0.0 : 100 * static_cast<double>(gone) / static_cast<double>(sent.blocks),
              received.late, static_cast<double>(received.jitter) * 1e-3);
  } else if (!matches(sent, received)) {
    line += print("; NOT WHAT WAS SENT: %" PRIu64 " bytes, CRC %08x, of %" PRIu64 " bytes, CRC %08x", received.bytes,
                  received.crc, sent.bytes, sent.crc);
  } else if (plan_.check) {
    line += print("; all as it was sent, CRC %08x", received.crc);
  }
  std::puts(line.c_str());
}

std::string Report::json_totals(const Totals& totals) const {
  std::string text = print("{\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"mbits_per_second\":%.3f", totals.bytes,
                           totals.seconds(), totals.mbits());
  if (plan_.udp) {
    text += print(",\"datagrams\":%" PRIu64 ",\"late\":%" PRIu64 ",\"jitter_ms\":%.3f", totals.blocks, totals.late,
                  static_cast<double>(totals.jitter) * 1e-3);
  }
  if (plan_.check) { text += print(",\"crc\":\"%08x\"", totals.crc); }
  return text + "}";
}

bool Report::end(const Outcome& outcome) {
  const bool good = (!sends_ || matches(outcome.sent, outcome.peer_received)) &&
                    (!receives_ || matches(outcome.peer_sent, outcome.received));
  const auto again = retransmitted();
  if (!json_) {
    if (sends_) { tell_direction("sent", outcome.sent, outcome.peer_received); }
    if (receives_) { tell_direction("received", outcome.peer_sent, outcome.received); }
    if (again) { std::printf("%" PRIu64 " segments retransmitted\n", *again); }
    std::fflush(stdout);
    return good;
  }
  std::string text = "{" + head_ + ",\"intervals\":[" + intervals_ + "]";
  const auto direction = [&](const char* name, const Totals& sent, const Totals& received) {
    text += print(",\"%s\":{\"sender\":", name) + json_totals(sent) + ",\"receiver\":" + json_totals(received);
    if (plan_.udp) { text += print(",\"lost\":%" PRIu64, lost(sent, received)); }
    text += "}";
  };
  if (sends_) { direction("sent", outcome.sent, outcome.peer_received); }
  if (receives_) { direction("received", outcome.peer_sent, outcome.received); }
  if (again) { text += print(",\"retransmitted\":%" PRIu64, *again); }
  text += print(",\"intact\":%s}", good ? "true" : "false");
  std::puts(text.c_str());
  std::fflush(stdout);
  return good;
}

void Report::failed(const char* why) {
  if (!json_) { return; }
  const std::string begin = head_.empty() ? "{" : "{" + head_ + ",";
  std::printf("%s\"intervals\":[%s],\"error\":\"%s\"}\n", begin.c_str(), intervals_.c_str(), why);
  std::fflush(stdout);
}

}  // namespace nal_speed
