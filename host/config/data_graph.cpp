#include "config/data_graph.h"

#include "config/graph.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace epp::config {
namespace {

struct Producer {
  std::size_t node = 0;
  const ProducedKey* key = nullptr;
};
using Producers = std::unordered_map<std::string, std::vector<Producer>>;

Producers index_producers(const std::vector<DataNode>& nodes) {
  Producers producers;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& key : nodes[i].produces)
      producers[key.key].push_back({i, &key});
  }
  return producers;
}

struct Missing {
  std::string key;
  std::string consumer;
};

// Required keys without a producer, each once with its first consumer, in order of consumption.
std::vector<Missing> missing_keys(const std::vector<DataNode>& nodes) {
  const Producers producers = index_producers(nodes);
  std::vector<Missing> missing;
  std::set<std::string> seen;
  for (const auto& node : nodes) {
    for (const auto& consumed : node.consumes) {
      if (!consumed.required || producers.contains(consumed.key) || !seen.insert(consumed.key).second) continue;
      missing.push_back({consumed.key, node.name});
    }
  }
  return missing;
}

bool same_type(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() || a == b;
}

std::string layer_name(Layer layer) {
  switch (layer) {
    case Layer::kUnordered:
      return "unordered";
    case Layer::kFlowControl:
      return "flow control";
    case Layer::kRequestControl:
      return "request control";
    case Layer::kScheduling:
      return "scheduling";
  }
  return {};
}

void check_edge(const DataNode& producer, const ProducedKey& produced, const DataNode& consumer,
                const ConsumedKey& consumed, Diagnostics& diagnostics) {
  if (!same_type(produced.value_type, consumed.value_type)) {
    diagnostics.error("data type mismatch between produced and consumed data for key: " + consumed.key, {},
                      "type '" + produced.value_type + "' of " + producer.name + ", while " + consumer.name +
                          " consumes '" + consumed.value_type + "'");
  }
  const bool ordered = producer.layer != Layer::kUnordered && consumer.layer != Layer::kUnordered;
  if (ordered && static_cast<int>(producer.layer) > static_cast<int>(consumer.layer)) {
    diagnostics.error("invalid plugin layer execution order: " + producer.name + "/" + producer.type + " (" +
                      layer_name(producer.layer) + ") produces " + consumed.key + " for " + consumer.name + "/" +
                      consumer.type + " (" + layer_name(consumer.layer) + "), which runs earlier");
  }
}

using Edges = std::vector<std::vector<std::size_t>>;

// Whether `from` needs `to`, directly or not.
bool reaches(const Edges& needs, std::size_t from, std::size_t to) {
  std::vector<std::size_t> pending{from};
  std::vector<bool> seen(needs.size(), false);
  while (!pending.empty()) {
    const std::size_t node = pending.back();
    pending.pop_back();
    if (node == to) return true;
    if (seen[node]) continue;
    seen[node] = true;
    pending.insert(pending.end(), needs[node].begin(), needs[node].end());
  }
  return false;
}

void add_edge(Edges& needs, std::size_t consumer, std::size_t producer) {
  auto& list = needs[consumer];
  if (std::find(list.begin(), list.end(), producer) == list.end()) list.push_back(producer);
}

void add_optional_edges(const std::vector<DataNode>& nodes, const Producers& producers, Edges& needs,
                        Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& consumed : nodes[i].consumes) {
      const auto found = producers.find(consumed.key);
      if (consumed.required || found == producers.end()) continue;
      for (const auto& producer : found->second) {
        if (producer.node == i) continue;
        if (reaches(needs, producer.node, i)) {
          diagnostics.warning(nodes[i].name + " runs before " + nodes[producer.node].name +
                              ", although it optionally uses " + consumed.key + ": the two need each other");
          continue;
        }
        add_edge(needs, i, producer.node);
      }
    }
  }
}

std::string describe_cycle(const std::vector<DataNode>& nodes, const std::vector<std::size_t>& cycle) {
  std::string text;
  for (const std::size_t node : cycle)
    text += nodes[node].name + " needs ";
  return text + nodes[cycle.front()].name;
}

}  // namespace

bool complete_data_graph(std::vector<DataNode>& nodes,
                         const std::function<std::string(const std::string& key)>& default_type,
                         const std::function<std::optional<DataNode>(const std::string& type)>& create,
                         Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  std::set<std::string> created;
  std::set<std::string> hopeless;  // keys that were reported, by us or by `create`
  for (bool progress = true; progress;) {
    progress = false;
    std::set<std::string> created_now;
    for (const auto& [key, consumer] : missing_keys(nodes)) {
      const std::string type = default_type(key);
      if (created_now.contains(type) || hopeless.contains(key)) continue;
      // A default producer that was made and yet does not produce the key is no producer of it.
      if (type.empty() || created.contains(type)) {
        diagnostics.error("failed to create missing data producers - no default producer found for missing data key " +
                          key + ", consumed by " + consumer);
        hopeless.insert(key);
        continue;
      }
      created.insert(type);
      created_now.insert(type);
      if (auto node = create(type)) {
        nodes.push_back(std::move(*node));
        progress = true;
      } else {
        hopeless.insert(key);
      }
    }
  }
  const Producers producers = index_producers(nodes);
  for (const auto& node : nodes) {
    for (const auto& consumed : node.consumes) {
      if (consumed.required || producers.contains(consumed.key)) continue;
      diagnostics.warning("plugin " + node.name + " consumes the optional data key " + consumed.key +
                          ", which no plugin produces");
    }
  }
  return diagnostics.error_count() == errors_before && missing_keys(nodes).empty();
}

std::optional<std::vector<std::size_t>> order_producers(const std::vector<DataNode>& nodes, Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  const Producers producers = index_producers(nodes);
  Edges needs(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& consumed : nodes[i].consumes) {
      const auto found = producers.find(consumed.key);
      if (found == producers.end()) continue;
      for (const auto& producer : found->second) {
        if (producer.node == i) continue;
        check_edge(nodes[producer.node], *producer.key, nodes[i], consumed, diagnostics);
        if (consumed.required) add_edge(needs, i, producer.node);
      }
    }
  }
  if (const auto cycle = find_cycle(needs); !cycle.empty()) {
    diagnostics.error("cycle detected: graph is not a DAG", {}, "no cycle, but " + describe_cycle(nodes, cycle));
  }
  if (diagnostics.error_count() != errors_before) return std::nullopt;

  add_optional_edges(nodes, producers, needs, diagnostics);
  const auto order = topological_order(needs);
  std::vector<std::size_t> result;
  for (const std::size_t node : *order) {
    if (nodes[node].is_producer) result.push_back(node);
  }
  return result;
}

}  // namespace epp::config
