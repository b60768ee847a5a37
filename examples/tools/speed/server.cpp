#include <cstdio>
#include <list>
#include <random>

#include "examples/common/interrupt.hpp"
#include "examples/tools/speed/run.hpp"
#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "nal/udp.hpp"

namespace nal_speed {

namespace {

using namespace nal::literals;

/// For a new connection to say what it is.
constexpr nal::Duration kPatience = 10_s;

std::uint64_t random_token() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

class Server {
 public:
  Server(nal::Executor& executor, nal::AnyStack& stack, const Options& options,
         const Report::Retransmissions& retransmissions)
      : executor_(executor), stack_(stack), options_(options), retransmissions_(retransmissions) {}

  /// At all addresses that can be had, which must be one at least.
  nal::Result<> start() {
    nal::Result<> started = nal::Unexpected(nal::Error::invalid_argument);
    for (const nal::IpAddress& address : options_.local) {
      auto listener = stack_.listen({address, options_.port}, {.backlog = 32});
      if (!listener) {
        if (listeners_.empty()) { started = nal::Unexpected(listener.error()); }
        continue;
      }
      listeners_.emplace_back(*std::move(listener));
      if (!options_.json) {
        std::printf("listening on %s\n", std::string(nal::to_text(listeners_.back().local_endpoint())).c_str());
        std::fflush(stdout);
      }
      started = accepting_.start(executor_, accept_all, *this, listeners_.back());
      if (!started) { break; }
    }
    return started;
  }
  /// Set behind the only test of --one-off.
  nal::Signal& over() noexcept { return over_; }
  bool good() const noexcept { return good_; }

 private:
  static nal::Task<> accept_all(Server& self, nal::AnyTcpListener& listener) {
    for (;;) {
      auto stream = co_await nal::accept(listener);
      if (!stream) {
        std::fprintf(stderr, "warning: a connection was lost: %s\n", nal::to_string(stream.error()));
        continue;
      }
      // One too many is dropped, which resets it.
      static_cast<void>(self.arrivals_.start(self.executor_, receive_client, self, *std::move(stream)));
    }
  }

  /// A new connection says what it is: of the test that runs, or the wish for one.
  static nal::Task<> receive_client(Server& self, nal::AnyTcpStream stream) {
    std::string line;
    NAL_CO_TRY(nal::with_timeout(kPatience, read_line(stream, line)));
    if (const auto token = parse_token("data", line)) {
      if (self.exchange_ && self.exchange_->incomplete() && self.exchange_->token() == *token) {
        co_return self.exchange_->add(std::move(stream));
      }
      co_return nal::Unexpected(nal::Error::protocol_error);
    }
    const auto plan = parse_plan(line);
    if (!plan || self.exchange_) {
      auto refusal = write_line(stream, plan ? "refused busy\n" : "refused not understood\n");
      NAL_CO_TRY(nal::with_timeout(kPatience, std::move(refusal)));
      co_return co_await nal::with_timeout(kPatience, nal::close(std::move(stream)));
    }
    const std::uint64_t token = random_token();
    const nal::Endpoint local = stream.local_endpoint();
    const nal::Endpoint remote = stream.remote_endpoint();
    self.report_.emplace(*plan, plan->receives, plan->sends, self.options_.json, self.retransmissions_);
    self.report_->begin(local, remote);
    self.exchange_.emplace(self.executor_, std::move(stream), self.config(*plan, token));
    const auto done = co_await measure(self, *plan, token, local);
    self.end(done);
    co_return nal::Unit{};
  }

  static nal::Task<> measure(Server& self, Plan plan, std::uint64_t token, nal::Endpoint here) {
    if (plan.udp) {
      auto socket = self.stack_.udp_bind_single(here, {});
      if (!socket) { co_return nal::Unexpected(socket.error()); }
      const auto added = self.exchange_->add(*std::move(socket), false);
      if (!added) { co_return nal::Unexpected(added.error()); }
    }
    NAL_CO_TRY(self.exchange_->say(to_line("ready", token)));
    co_return co_await self.exchange_->run();
  }

  Exchange::Config config(const Plan& plan, std::uint64_t token) {
    Exchange::Config config;
    config.plan = plan;
    config.sends = plan.receives;
    config.receives = plan.sends;
    config.token = token;
    config.interval = options_.interval;
    config.timeout = options_.timeout;
    config.tell = [this](nal::Duration at, const Totals& sent, const Totals& received) {
      report_->interval(at, sent, received);
    };
    return config;
  }

  void end(const nal::Result<>& done) {
    if (done) {
      good_ = report_->end(exchange_->outcome()) && good_;
    } else {
      good_ = false;
      report_->failed(nal::to_string(done.error()));
      std::fprintf(stderr, "error: the test broke off: %s\n", nal::to_string(done.error()));
    }
    exchange_.reset();
    report_.reset();
    if (options_.once) { over_.set(); }
  }

  nal::Executor& executor_;
  nal::AnyStack& stack_;
  const Options& options_;
  Report::Retransmissions retransmissions_;
  std::list<nal::AnyTcpListener> listeners_;
  std::optional<Report> report_;
  std::optional<Exchange> exchange_;
  nal::Signal over_;
  bool good_ = true;
  nal::TaskPool<2, 2048> accepting_;
  nal::TaskPool<32, 8192> arrivals_;
};

nal::Task<> until_over(nal::Signal& over, nal::Event& interrupt) {
  static_cast<void>(co_await nal::race(nal::wait(over), nal::wait(interrupt)));
  co_return nal::Unit{};
}

}  // namespace

int run_server(nal::Executor& executor, nal::AnyStack& stack, const Options& options,
               const Report::Retransmissions& retransmissions) {
  Server server(executor, stack, options, retransmissions);
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "error: cannot listen on port %u: %s\n", options.port, nal::to_string(started.error()));
    return examples::kFailed;
  }
  examples::Interrupt interrupt(executor);
  nal::TaskSlot<2048> slot;
  static_cast<void>(nal::block_on(executor, slot, until_over, server.over(), interrupt.event()));
  return server.good() ? examples::kDone : examples::kFailed;
}

}  // namespace nal_speed
