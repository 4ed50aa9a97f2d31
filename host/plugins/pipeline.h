// The plugin instances of one configuration, listed by what they do.
//
// Lists per extension point are in manifest order (file order, then injected ones). A PluginSet is immutable once
// built; a reload builds another beside it, which shares the instances whose type, name, parameters, library and
// references are unchanged.
#pragma once

#include "config/data_graph.h"
#include "config/diagnostics.h"
#include "config/effective_config.h"
#include "plugins/catalogue.h"
#include "plugins/environment.h"
#include "plugins/instance.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::plugins {

// A producer and when it can run.
struct ProducerStep {
  InstancePtr instance;
  uint64_t time_limit_ns = kDefaultProducerLimitNs;
  // Indices (all lower) of the steps that write keys this one requires. It is skipped when one of them failed or was
  // skipped; steps that do not depend on a failure still run.
  std::vector<uint32_t> needs;
};

class PluginSet {
 public:
  std::vector<InstancePtr> instances;  // all, in manifest order

  std::vector<InstancePtr> request_headers;
  std::vector<InstancePtr> screeners;
  std::vector<ProducerStep> producers;  // in data-dependency order
  std::vector<InstancePtr> admitters;
  std::vector<InstancePtr> pre_requests;
  std::vector<InstancePtr> response_headers;
  std::vector<InstancePtr> response_bodies;
  std::vector<InstancePtr> response_completes;

  // By instance name; nullptr when there is none (or it lives inside the host).
  InstancePtr find(std::string_view name) const;
  // By index into EffectiveConfig::instances; nullptr for host types.
  InstancePtr at(config::InstanceIndex index) const;
  // The instance of this index runs in the set that this one was built beside, too.
  bool carried_over(config::InstanceIndex index) const;

  // All state dumps as one JSON object by name, the `plugins` member of GET /debug/plugins/state:
  // {"<name>": {"name": ..., "type": ..., "state": ...}}, with "message" for "state" when there is none. [any thread]
  std::string state_json() const;
  // Names of the instances that are not ready yet. [any thread]
  std::vector<std::string> not_ready() const;

 private:
  friend class PluginSetBuilder;
  struct Record {
    InstancePtr instance;
    std::string identity;  // all that must be equal for the instance to be carried over
    bool carried_over = false;
  };
  std::vector<Record> by_index_;
};

struct BuildInputs {
  const Catalogue& catalogue;
  const Environment& environment;
  // Default producers that were needed are appended to it.
  config::EffectiveConfig& effective;
  // What host types of the configuration produce and consume (scraped keys, mostly).
  std::vector<config::DataNode> host_nodes;
  // The running set, whose unchanged instances are carried over; may be nullptr.
  const PluginSet* previous = nullptr;
  bool allow_experimental_plugins = false;
};

// Builds every instance in order of references, completes and orders the data graph. nullptr, with errors in
// `diagnostics`, when anything is wrong; nothing is left behind then. [main]
std::shared_ptr<const PluginSet> build_plugin_set(BuildInputs inputs, config::Diagnostics& diagnostics);

}  // namespace epp::plugins
