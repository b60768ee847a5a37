#pragma once
/// An application as it is shipped in binary form: a library that knows `nal::AnyStack` and no network stack. Who links
/// it brings one; see on_posix.cpp, on_embedded.cpp and on_lwip.cpp.
#include "nal/any_stack.hpp"
#include "nal/executor.hpp"

namespace shipped {

/// A collector of readings at `address`, which is one of `there`'s, and a meter that reports to it from `here` over TCP
/// and asks it for a total over UDP; the two stacks may be one. Gives the exit status, and tells on standard output
/// what came over `name`.
int run(const char* name, nal::Executor& executor, nal::AnyStack& here, nal::AnyStack& there,
        const nal::IpAddress& address);

}  // namespace shipped
