#pragma once
#include "examples/tools/speed/options.hpp"
#include "examples/tools/speed/report.hpp"
#include "nal/executor.hpp"

namespace nal_speed {

/// Both give the exit status.
int run_client(nal::Executor& executor, nal::AnyStack& stack, const Options& options,
               const Report::Retransmissions& retransmissions);
int run_server(nal::Executor& executor, nal::AnyStack& stack, const Options& options,
               const Report::Retransmissions& retransmissions);

}  // namespace nal_speed
