#pragma once
#include "nal/time.hpp"

namespace mqtt {

/// The sum. One copy of the arithmetic: it saturates, and a client has a dozen deadlines.
nal::Instant after(nal::Instant instant, nal::Duration duration) noexcept;

/// A random part of a wait of up to a few weeks, from half of it to all: `random` is any number.
nal::Duration jittered(nal::Duration wait, std::uint32_t random) noexcept;

}  // namespace mqtt
