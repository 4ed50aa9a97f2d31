#pragma once

#include <cstdint>

namespace epp::testing {

// A TCP port of 127.0.0.1 that nobody listens on. No other call of this process returns it again, and the kernel does
// not soon hand it out by itself.
std::uint16_t free_port();

// One that the kernel gives to nobody by itself, so that it stays free while its owner is down, and a client of
// 127.0.0.1 that tries again and again cannot end up connected to itself.
std::uint16_t free_fixed_port();

// Whether somebody accepts connections on 127.0.0.1:port.
bool accepts(std::uint16_t port);

}  // namespace epp::testing
