#pragma once
#include <algorithm>
#include <optional>

#include "examples/mqtt/operations.hpp"

namespace mqtt {

/// A payload that can be read from any place, again and again: a file, a flash.
///
/// *Syntax*: `s.size()` gives a `std::size_t`, `s.read(offset, buffer)` a `nal::Result<std::size_t>`.
/// *Semantics*: `read` puts at least one byte at the front of `buffer` and tells how many; it is not asked beyond the
/// size, which stays as it is. Must not wait.
template <class S>
concept PayloadSource = requires(S& s, std::size_t offset, std::span<std::byte> buffer) {
  { s.size() } -> std::convertible_to<std::size_t>;
  { s.read(offset, buffer) } -> std::same_as<nal::Result<std::size_t>>;
};

/// See `publish_from`.
template <Features F, PayloadSource S>
class [[nodiscard("await it")]] PublishingFrom {
 public:
  PublishingFrom(BasicSession<F>& session, const Publish& packet, S& source, std::span<std::byte> buffer) noexcept
      : message_(session, packet, source.size()), source_(&source), buffer_(buffer) {}

  nal::Poll<nal::Result<>> poll(nal::Context& context) noexcept {
    for (unsigned turn = 0; turn < kTurnsPerPoll; ++turn) {
      switch (step_) {
        case Step::begin: {
          if (!begin_) { begin_.emplace(message_); }
          const auto begun = begin_->poll(context);
          if (!begun.ready()) { return nal::pending; }
          begin_.reset();
          if (!*begun) { return begun; }
          offset_ = 0;
          step_ = Step::read;
          break;
        }
        case Step::read: {
          if (offset_ == message_.size()) {
            step_ = Step::finish;
            break;
          }
          const auto got = source_->read(offset_, buffer_.first(std::min(buffer_.size(), message_.size() - offset_)));
          if (!got) { return nal::Unexpected(got.error()); }
          if (*got == 0) { return nal::Unexpected(nal::Error::end_of_stream); }
          offset_ += *got;
          write_.emplace(message_, buffer_.first(*got));
          step_ = Step::write;
          break;
        }
        case Step::write: {
          const auto written = write_->poll(context);
          if (!written.ready()) { return nal::pending; }
          write_.reset();
          step_ = Step::read;
          if (!*written && !again((*written).error())) { return written; }
          break;
        }
        case Step::finish: {
          if (!finish_) { finish_.emplace(message_); }
          const auto finished = finish_->poll(context);
          if (!finished.ready()) { return nal::pending; }
          finish_.reset();
          if (*finished || !again((*finished).error())) { return finished; }
          break;
        }
      }
    }
    context.wake_soon();
    return nal::pending;
  }

  /// For a progress bar: bytes sent, of the connection that there is.
  std::size_t written() const noexcept { return message_.written(); }
  Reason reason() const noexcept { return message_.reason(); }

 private:
  enum class Step : std::uint8_t { begin, read, write, finish };
  static constexpr unsigned kTurnsPerPoll = 16;

  bool again(nal::Error error) noexcept {
    if (error != nal::Error::connection_reset) { return false; }
    step_ = Step::begin;
    return true;
  }

  Streaming<F> message_;
  S* source_;
  std::span<std::byte> buffer_;
  std::size_t offset_ = 0;
  Step step_ = Step::begin;
  std::optional<typename Streaming<F>::Begin> begin_;
  std::optional<typename Streaming<F>::Write> write_;
  std::optional<typename Streaming<F>::Finish> finish_;
};

/// Publishes a payload larger than any buffer, over however many connections it takes: from its start again when one
/// ends. *Completes* as `publish`. *Errors*: the source's; end_of_stream: it has less than it said; as `publish`.
/// *Cancellation*: in the middle it ends the connection, as that of `Session::stream`. *Buffer lifetime*: topic,
/// properties, source and buffer until it completes or is destroyed.
template <Features F, PayloadSource S>
PublishingFrom<F, S> publish_from(BasicSession<F>& session, std::string_view topic, S& source,
                                  std::span<std::byte> buffer, QoS qos = QoS::at_least_once, Retain retain = Retain::no,
                                  const Properties& properties = {}) noexcept {
  return {session, Publish{topic, {}, qos, retain == Retain::yes, false, 0, 0, properties}, source, buffer};
}

}  // namespace mqtt
