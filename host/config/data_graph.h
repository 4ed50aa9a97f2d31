// Who produces what for whom: pure algorithms over the data keys that built instances declare.
#pragma once

#include "config/diagnostics.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace epp::config {

// The phases of a request, in order of execution. Unordered plugins (data sources, extractors) run beside requests.
enum class Layer : int { kUnordered = -1, kFlowControl = 0, kRequestControl = 1, kScheduling = 2 };

struct ConsumedKey {
  std::string key;         // "type/producer", or "type/" without a producer part
  std::string value_type;  // "" matches any
  bool required = true;
};

struct ProducedKey {
  std::string key;
  std::string value_type;
};

// What one instance declares.
struct DataNode {
  std::string name;
  std::string type;
  Layer layer = Layer::kUnordered;
  bool is_producer = false;  // takes part in the execution order
  std::vector<ConsumedKey> consumes;
  std::vector<ProducedKey> produces;
};

// Creates default producers until every required key has one. `default_type` names the type for a key ("" = none);
// `create` builds an instance of it and returns what it declares (nullopt after it reported why not). New nodes are
// appended. Keys that nobody can produce, and optional keys without a producer (a warning each), are reported.
// Returns whether every required key has a producer.
bool complete_data_graph(std::vector<DataNode>& nodes,
                         const std::function<std::string(const std::string& key)>& default_type,
                         const std::function<std::optional<DataNode>(const std::string& type)>& create,
                         Diagnostics& diagnostics);

// Indices of the producers in execution order: a producer runs after those whose required keys it consumes, and
// after those of its optional keys unless that would close a cycle; otherwise in the order of `nodes`.
// Reports cycles, mismatched value types and consumers in an earlier layer than their producer; nullopt then.
std::optional<std::vector<std::size_t>> order_producers(const std::vector<DataNode>& nodes, Diagnostics& diagnostics);

}  // namespace epp::config
