#include "config/graph.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>

namespace epp::config {

std::optional<std::vector<std::size_t>> topological_order(const std::vector<std::vector<std::size_t>>& needs) {
  std::vector<std::size_t> waiting_for(needs.size());
  std::vector<std::vector<std::size_t>> needed_by(needs.size());
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < needs.size(); ++i) {
    waiting_for[i] = needs[i].size();
    for (const std::size_t need : needs[i])
      needed_by[need].push_back(i);
    if (needs[i].empty()) ready.push(i);
  }
  std::vector<std::size_t> order;
  order.reserve(needs.size());
  while (!ready.empty()) {
    const std::size_t next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const std::size_t dependent : needed_by[next]) {
      if (--waiting_for[dependent] == 0) ready.push(dependent);
    }
  }
  if (order.size() != needs.size()) return std::nullopt;
  return order;
}

std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& needs) {
  enum class Mark : std::uint8_t { kNew, kOnPath, kDone };
  std::vector<Mark> marks(needs.size(), Mark::kNew);
  std::vector<std::size_t> path;
  std::vector<std::size_t> next_edge(needs.size(), 0);
  for (std::size_t root = 0; root < needs.size(); ++root) {
    if (marks[root] != Mark::kNew) continue;
    path.push_back(root);
    marks[root] = Mark::kOnPath;
    while (!path.empty()) {
      const std::size_t node = path.back();
      if (next_edge[node] == needs[node].size()) {
        marks[node] = Mark::kDone;
        path.pop_back();
        continue;
      }
      const std::size_t need = needs[node][next_edge[node]++];
      if (marks[need] == Mark::kOnPath) return {std::find(path.begin(), path.end(), need), path.end()};
      if (marks[need] == Mark::kNew) {
        marks[need] = Mark::kOnPath;
        path.push_back(need);
      }
    }
  }
  return {};
}

}  // namespace epp::config
