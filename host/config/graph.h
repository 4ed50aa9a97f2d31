// Ordering of a small directed graph by what each node needs. Internal to the room.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace epp::config {

// needs[i] lists the nodes that must come before i. Always the lowest index that is ready, so that unrelated nodes keep
// their order. nullopt when there is a cycle.
std::optional<std::vector<std::size_t>> topological_order(const std::vector<std::vector<std::size_t>>& needs);

// One cycle, each node needing the next one and the last one the first; empty when there is none.
std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& needs);

}  // namespace epp::config
