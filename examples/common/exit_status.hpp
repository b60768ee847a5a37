#pragma once

namespace examples {

/// What the example programs tell the shell.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;         ///< the network, the peer or the system did not play along
inline constexpr int kWrongUsage = 2;     ///< the command line makes no sense
inline constexpr int kInterrupted = 130;  ///< by Ctrl-C, as shells have it

}  // namespace examples
