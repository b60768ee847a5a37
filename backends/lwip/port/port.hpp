#pragma once
#include "nal/executor.hpp"
#include "nal/random.hpp"

namespace nal::lwip::port {

/// Where lwIP's clock and random numbers come from, while a stack lives: with our `arch/cc.h`; a vendor's port has its
/// own. lwIP's time goes on from one stack to the next.
void begin(Executor& executor, Random& random) noexcept;
void end() noexcept;

}  // namespace nal::lwip::port
