#pragma once
#include "examples/common/backend.hpp"
#include "examples/tools/serve/report.hpp"

namespace nal_serve {

class Server;

/// What there is to tell now of the services and of the stack.
Report make_report(Server& server);

#ifdef NAL_EXAMPLES_EMBEDDED
/// Of a stack of our own.
void report_embedded(nal::embedded::Stack& stack, nal::Instant now, Report& report);
#endif

}  // namespace nal_serve
