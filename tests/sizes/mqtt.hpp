#pragma once
// An application that uses all of an MQTT client, to see what the client takes. It is linked, not run: its connections
// lead nowhere, and take no more code than calls of a stack do.
#include "examples/firmware/board.hpp"
#include "examples/mqtt/client.hpp"
#include "nal/task_slot.hpp"

namespace nal::sizes {

#define NAL_SIZES_CALL [[gnu::noipa]]

class Nowhere {
 public:
  Nowhere() noexcept {}
  NAL_SIZES_CALL Nowhere(Nowhere&& other) noexcept : state_(other.state_) {}
  NAL_SIZES_CALL Nowhere& operator=(Nowhere&& other) noexcept {
    state_ = other.state_;
    return *this;
  }
  NAL_SIZES_CALL ~Nowhere() {}
  NAL_SIZES_CALL Poll<Result<std::size_t>> poll_read(Context&, Waiter&, std::span<std::byte>) noexcept {
    return pending;
  }
  NAL_SIZES_CALL Poll<Result<std::size_t>> poll_write(Context&, Waiter&, std::span<const std::byte>) noexcept {
    return pending;
  }
  NAL_SIZES_CALL Poll<Result<std::size_t>> poll_write_gather(Context&, Waiter&, ConstBuffers) noexcept {
    return pending;
  }
  NAL_SIZES_CALL Poll<Result<>> poll_flush(Context&, Waiter&) noexcept { return pending; }
  NAL_SIZES_CALL Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept { return pending; }
  NAL_SIZES_CALL Poll<Result<>> poll_connected(Context&, Waiter&) noexcept { return pending; }
  NAL_SIZES_CALL void abort() noexcept {}
  NAL_SIZES_CALL Result<> configure(const TcpOptions&) noexcept { return {}; }
  NAL_SIZES_CALL Endpoint local_endpoint() const noexcept { return {}; }
  NAL_SIZES_CALL Endpoint remote_endpoint() const noexcept { return {}; }

 private:
  void* state_ = nullptr;
};
class Connect {
 public:
  NAL_SIZES_CALL Poll<Result<Nowhere>> poll(Context&) noexcept { return pending; }
};
struct Connector {
  Connect operator()() const noexcept { return {}; }
};

template <mqtt::Features F>
Task<> run_client(mqtt::Client<Connector, F>& client) {
  const Result<> ended = co_await client.run();
  co_return ended;
}

template <mqtt::Features F>
Task<> use_client(mqtt::BasicSession<F>& session) {
  NAL_CO_TRY(session.subscribe("a/#", mqtt::QoS::at_least_once));
  NAL_CO_TRY(session.publish("a", "x"));
  NAL_CO_TRY(session.publish("a", "x", mqtt::QoS::at_least_once));
  {
    NAL_CO_TRY_SET(const mqtt::BasicMessage<F> message, session.receive());
    board::print(static_cast<long>(message.payload().size()));
  }
  NAL_CO_TRY(session.unsubscribe("a/#"));
  NAL_CO_TRY(session.drained());
  NAL_CO_TRY(session.disconnect());
  co_return Unit{};
}

}  // namespace nal::sizes
