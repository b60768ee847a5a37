#include <cstdio>

#include "examples/common/interrupt.hpp"
#include "examples/tools/speed/run.hpp"
#include "nal/block_on.hpp"
#include "nal/combinators.hpp"
#include "nal/happy_eyeballs.hpp"
#include "nal/sleep.hpp"
#include "nal/udp.hpp"

namespace nal_speed {

namespace {

class Client {
 public:
  Client(nal::Executor& executor, nal::AnyStack& stack, const Options& options, Report& report)
      : executor_(executor), stack_(stack), options_(options), report_(report) {}

  static nal::Task<> run(Client& self) {
    const Options& options = self.options_;
    self.doing_ = "reach the server";
    NAL_CO_TRY_SET(auto control,
                   nal::with_timeout(options.timeout, nal::connect(self.stack_, options.host, options.port)));
    const nal::Endpoint server = control.remote_endpoint();
    self.doing_ = "agree with the server";
    NAL_CO_TRY(write_line(control, to_line(options.plan)));
    std::string answer;
    NAL_CO_TRY(nal::with_timeout(options.timeout, read_line(control, answer)));
    const auto token = parse_token("ready", answer);
    if (!token) {
      self.refusal_ = answer;
      co_return nal::Unexpected(nal::Error::protocol_error);
    }
    self.doing_ = "measure";
    const nal::Endpoint here = control.local_endpoint();
    self.exchange_.emplace(self.executor_, std::move(control), self.config(*token));
    self.report_.begin(here, server);
    if (options.plan.udp) {
      auto socket = nal::udp_connect(self.stack_, server);
      if (!socket) { co_return nal::Unexpected(socket.error()); }
      const auto added = self.exchange_->add(*std::move(socket), true);
      if (!added) { co_return nal::Unexpected(added.error()); }
    }
    for (unsigned i = 0; i < options.plan.streams && !options.plan.udp; ++i) {
      NAL_CO_TRY_SET(auto stream, nal::with_timeout(options.timeout, nal::connect(self.stack_, server)));
      NAL_CO_TRY(write_line(stream, to_line("data", *token)));
      const auto added = self.exchange_->add(std::move(stream));
      if (!added) { co_return nal::Unexpected(added.error()); }
    }
    co_return co_await self.exchange_->run();
  }

  const char* doing() const { return doing_; }
  const std::string& refusal() const { return refusal_; }
  Outcome outcome() const { return exchange_ ? exchange_->outcome() : Outcome(); }

 private:
  Exchange::Config config(std::uint64_t token) {
    Exchange::Config config;
    config.plan = options_.plan;
    config.sends = options_.plan.sends;
    config.receives = options_.plan.receives;
    config.token = token;
    config.interval = options_.interval;
    config.timeout = options_.timeout;
    config.tell = [this](nal::Duration at, const Totals& sent, const Totals& received) {
      report_.interval(at, sent, received);
    };
    return config;
  }

  nal::Executor& executor_;
  nal::AnyStack& stack_;
  const Options& options_;
  Report& report_;
  std::optional<Exchange> exchange_;
  const char* doing_ = "";
  std::string refusal_;
};

nal::Task<nal::Result<bool>> until_interrupt(Client& client, nal::Event& interrupt) {
  auto test = Client::run(client);
  auto first = co_await nal::race(std::move(test), nal::wait(interrupt));
  if (first.index() == 1) { co_return true; }
  if (!std::get<0>(first)) { co_return nal::Unexpected(std::get<0>(first).error()); }
  co_return false;
}

}  // namespace

int run_client(nal::Executor& executor, nal::AnyStack& stack, const Options& options,
               const Report::Retransmissions& retransmissions) {
  Report report(options.plan, options.plan.sends, options.plan.receives, options.json, retransmissions);
  Client client(executor, stack, options, report);
  examples::Interrupt interrupt(executor);
  nal::TaskSlot<16'384, nal::Result<bool>> slot;
  const auto interrupted = nal::block_on(executor, slot, until_interrupt, client, interrupt.event());
  if (interrupted && !*interrupted) { return report.end(client.outcome()) ? examples::kDone : examples::kFailed; }
  constexpr int kInterrupted = 130;
  if (interrupted) { return kInterrupted; }
  const char* const why = client.refusal().empty() ? nal::to_string(interrupted.error()) : client.refusal().c_str();
  report.failed(why);
  std::fprintf(stderr, "error: cannot %s at %s port %u: %s\n", client.doing(), options.host.c_str(), options.port, why);
  return examples::kFailed;
}

}  // namespace nal_speed
