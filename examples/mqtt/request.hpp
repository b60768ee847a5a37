#pragma once
#include <algorithm>
#include <cstring>
#include <iterator>

#include "examples/mqtt/operations.hpp"
#include "examples/mqtt/routes.hpp"

namespace mqtt {

template <Features F>
class Requesting;

/// Asks over MQTT 5.0 and gets the answer (§4.10): each request says where its answer is to go, and carries a number
/// that comes back with it. The client is subscribed to the response topic by its owner, and gives what arrives there
/// to `take`, by a `Route` for example. Outlives its requests.
template <Features F>
class Requester {
 public:
  /// The topic is the caller's, and of this client alone. Where the numbers begin may be random, so that an answer to
  /// an earlier life is not taken for one of this.
  Requester(BasicSession<F>& session, std::string_view response_topic, std::uint32_t first = 0) noexcept
      : session_(&session), response_topic_(response_topic), last_(first) {}
  Requester(const Requester&) = delete;
  Requester& operator=(const Requester&) = delete;

  std::string_view response_topic() const noexcept { return response_topic_; }
  Route route() noexcept { return Route::to<&Requester::take>(response_topic_, *this); }

  /// Publishes a request and waits for its answer, which is copied to `answer`. *Completes* with its size. *Errors*:
  /// not_supported: 3.1.1 is spoken; buffer_too_small: the answer is larger; the others as `publish`. A request that
  /// nobody answers waits for ever: `with_timeout`. *Cancellation*: it may be sent, and its answer is ignored. *Buffer
  /// lifetime*: topic and payload until it is accepted, the answer's until the end.
  Requesting<F> request(std::string_view topic, std::span<const std::byte> payload, std::span<std::byte> answer,
                        QoS qos = QoS::at_least_once) noexcept {
    return Requesting<F>(*this, topic, payload, answer, qos);
  }
  /// What has arrived at the response topic; an answer that nobody waits for is ignored.
  void take(const Publish& message) noexcept {
    const auto data = message.properties.bytes(PropertyId::correlation_data);
    for (Requesting<F>* waiting = first_; waiting; waiting = waiting->next_) {
      const bool mine = std::equal(data.begin(), data.end(), std::begin(waiting->number_), std::end(waiting->number_));
      if (!mine) { continue; }
      waiting->arrived(message.payload);
      answered_.wake_all();
      return;
    }
  }

 private:
  friend class Requesting<F>;
  BasicSession<F>* session_;
  std::string_view response_topic_;
  std::uint32_t last_;
  Requesting<F>* first_ = nullptr;
  nal::WaitList answered_;
};

/// See `Requester::request`.
template <Features F>
class [[nodiscard("await it")]] Requesting {
 public:
  Requesting(Requester<F>& requester, std::string_view topic, std::span<const std::byte> payload,
             std::span<std::byte> answer, QoS qos) noexcept
      : requester_(&requester), topic_(topic), payload_(payload), answer_(answer), qos_(qos) {}
  /// Until the first poll.
  Requesting(Requesting&& other) noexcept
      : Requesting(*other.requester_, other.topic_, other.payload_, other.answer_, other.qos_) {
    NAL_ASSERT(!other.link_);
  }
  ~Requesting() {
    if (!link_) { return; }
    *link_ = next_;
    if (next_) { next_->link_ = link_; }
  }

  nal::Poll<nal::Result<std::size_t>> poll(nal::Context& context) noexcept {
    BasicSession<F>& session = *requester_->session_;
    if (!session.version_5()) { return nal::Unexpected(nal::Error::not_supported); }
    if (!link_) { link(); }
    if (arrived_) {
      if (size_ > answer_.size()) { return nal::Unexpected(nal::Error::buffer_too_small); }
      return nal::Result<std::size_t>(size_);
    }
    if (!sent_) {
      const Property list[] = {Property::of(PropertyId::response_topic, requester_->response_topic_),
                               Property::of(PropertyId::correlation_data, std::span<const std::byte>(number_))};
      Enqueuing<F> enqueuing = session.enqueue(topic_, payload_, qos_, Retain::no, list);
      const auto accepted = enqueuing.poll(context, waiter_);
      if (!accepted.ready()) { return nal::pending; }
      if (!*accepted) { return nal::Unexpected((*accepted).error()); }
      sent_ = true;
    }
    if (session.stopped()) { return nal::Unexpected(nal::Error::closed); }
    requester_->answered_.add(context, waiter_, nal::Wait::other);
    return nal::pending;
  }

 private:
  friend class Requester<F>;

  void link() noexcept {
    const std::uint32_t number = ++requester_->last_;
    std::memcpy(number_, &number, sizeof number_);
    link_ = &requester_->first_;
    next_ = *link_;
    if (next_) { next_->link_ = &next_; }
    *link_ = this;
  }
  void arrived(std::span<const std::byte> payload) noexcept {
    if (arrived_) { return; }
    arrived_ = true;
    size_ = payload.size();
    if (size_ != 0 && size_ <= answer_.size()) { std::memcpy(answer_.data(), payload.data(), size_); }
  }

  Requester<F>* requester_;
  std::string_view topic_;
  std::span<const std::byte> payload_;
  std::span<std::byte> answer_;
  QoS qos_;
  bool sent_ = false;
  bool arrived_ = false;
  std::size_t size_ = 0;
  std::byte number_[4]{};
  Requesting* next_ = nullptr;
  Requesting** link_ = nullptr;
  nal::Waiter waiter_;
};

}  // namespace mqtt
