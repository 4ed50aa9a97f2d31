// Counts what operator new gives, in the program and in the plugins that it loads. A test's program that uses it
// compiles allocation_counter.cpp into itself, which replaces the operators.
#pragma once

#include <cstdint>

namespace epp::testing {

// From zero, until stop_counting_allocations(). [any thread]
void count_allocations();
void stop_counting_allocations();
std::uint64_t counted_allocations();

}  // namespace epp::testing
