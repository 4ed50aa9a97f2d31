#pragma once

#include <cstdint>

namespace epp::testing {

// A TCP port of 127.0.0.1 that nobody listens on. No other call of this process returns it again, and the kernel does
// not soon hand it out by itself.
std::uint16_t free_port();

// Whether somebody accepts connections on 127.0.0.1:port.
bool accepts(std::uint16_t port);

}  // namespace epp::testing
