#include "backends/drivers/trace/tracer.hpp"

#include <array>

#include "backends/drivers/trace/describe.hpp"
#include "nal/text.hpp"

namespace nal::drivers {

using driver::Packet;
using driver::PacketPool;

namespace {

/// A line under way: the head, and what the frame is.
class Line {
 public:
  Line(Instant now, std::string_view name, std::string_view way, const Packet& packet, driver::Medium medium) noexcept {
    TextWriter head{std::span<char>(text_).first(kHead)};
    const std::int64_t us = now.microseconds();
    head.put_decimal(static_cast<std::uint32_t>(us / 1'000'000));
    head.put('.');
    const auto part = static_cast<std::uint32_t>(us % 1'000'000);
    for (std::uint32_t digit = 100'000; digit > part && digit > 1; digit /= 10) { head.put('0'); }
    head.put_decimal(part);
    head.put(' ');
    head.put(name.substr(0, 32));
    head.put(' ');
    head.put(way);
    head.put(' ');
    size_ = head.text().value_or(std::string_view(text_.data(), kHead)).size();
    size_ += describe(packet, medium, std::span<char>(text_).subspan(size_, kDescriptionSize)).size();
  }
  void add(std::string_view words) noexcept {
    TextWriter tail{std::span<char>(text_).subspan(size_)};
    tail.put(words);
    if (const auto text = tail.text()) { size_ += text->size(); }
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  static constexpr std::size_t kHead = 64;
  std::array<char, kHead + kDescriptionSize + 64> text_;
  std::size_t size_ = 0;
};

}  // namespace

Packet Tracer::receive(PacketPool& pool, Instant now) noexcept {
  Packet packet = inner_->receive(pool, now);
  if (packet) { sink_(context_, Line(now, name_, "in", packet, inner_->capabilities().medium).text()); }
  return packet;
}

Result<> Tracer::transmit(Packet& packet, Instant now) noexcept {
  // Before it goes, since then it is gone.
  Line line(now, name_, "out", packet, inner_->capabilities().medium);
  const Result<> result = inner_->transmit(packet, now);
  if (result == Unexpected(Error::would_block)) { return result; }
  if (!result) {
    line.add(": ");
    line.add(to_string(result.error()));
  }
  sink_(context_, line.text());
  return result;
}

}  // namespace nal::drivers
