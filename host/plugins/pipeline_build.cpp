// From an effective configuration to a PluginSet.
#include "config/wiring.h"
#include "endpoints/attributes.h"
#include "plugins/factory.h"
#include "plugins/guarded_call.h"
#include "plugins/pipeline.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace epp::plugins {

namespace {

// Fields of one data key are one node of the graph: "#field" is cut, repeated keys are given once.
template <typename Key>
void add_key(std::vector<Key>& keys, Key key) {
  const auto known = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.key == key.key; });
  if (known == keys.end()) {
    keys.push_back(std::move(key));
    return;
  }
  if constexpr (requires { key.required; }) known->required = known->required || key.required;
}

config::Layer layer_of(const Instance& instance) {
  if (instance.producer != nullptr || instance.request_header != nullptr) return config::Layer::kRequestControl;
  const bool scheduling = instance.filter != nullptr || instance.scorer != nullptr || instance.picker != nullptr ||
                          instance.profile_handler != nullptr;
  return scheduling ? config::Layer::kScheduling : config::Layer::kUnordered;
}

config::DataNode node_of(const Instance& instance) {
  config::DataNode node;
  node.name = instance.name();
  node.type = instance.type();
  node.layer = layer_of(instance);
  node.is_producer = instance.producer != nullptr;
  for (const AttributeUse& use : instance.uses()) {
    std::string key(endpoints::data_key_of(use.key));
    if (use.access == EPP_ACCESS_PRODUCE) {
      add_key(node.produces, config::ProducedKey{std::move(key), {}});
    } else {
      add_key(node.consumes, config::ConsumedKey{std::move(key), {}, use.access == EPP_ACCESS_REQUIRE});
    }
  }
  return node;
}

bool produces(const config::DataNode& node, const std::string& key) {
  return std::any_of(node.produces.begin(), node.produces.end(), [&](const auto& p) { return p.key == key; });
}

}  // namespace

class PluginSetBuilder {
 public:
  PluginSetBuilder(BuildInputs inputs, config::Diagnostics& diagnostics)
      : inputs_(std::move(inputs)), diagnostics_(diagnostics), set_(std::make_shared<PluginSet>()) {}

  std::shared_ptr<const PluginSet> build() {
    const size_t errors_before = diagnostics_.error_count();
    set_->by_index_.resize(inputs_.effective.instances.size());
    for (const config::InstanceIndex index : inputs_.effective.build_order)
      add(index);
    if (diagnostics_.error_count() != errors_before) return nullptr;
    if (!complete_graph()) return nullptr;
    const auto order = config::order_producers(nodes_, diagnostics_);
    if (!order) return nullptr;
    list_instances();
    list_producers(*order);
    return set_;
  }

 private:
  // Builds (or carries over) one instance. False when it was refused; host types are skipped.
  bool add(config::InstanceIndex index) {
    const config::Instance& wanted = inputs_.effective.instances[index];
    if (wanted.library.empty()) return true;
    const Catalogue::Source source = inputs_.catalogue.source(wanted.type, wanted.library);
    if (source.type == nullptr) {
      diagnostics_.error("plugin type \"" + wanted.type + "\" is not offered by \"" + wanted.library + "\"",
                         wanted.pointer);
      return false;
    }
    if (!wanted.sha256.empty() && wanted.sha256 != source.library->sha256()) {
      diagnostics_.error("plugin \"" + wanted.name + "\": library \"" + wanted.library + "\" has SHA-256 " +
                             source.library->sha256() + ", pinned is " + wanted.sha256,
                         wanted.pointer);
      return false;
    }
    InstanceSpec spec;
    spec.name = wanted.name;
    spec.type = wanted.type;
    spec.parameters = wanted.parameters;
    const bool ignore = wanted.on_fault == config::OnFault::kIgnore;
    spec.on_fault = ignore ? OnFault::kIgnore : OnFault::kReject;
    if (wanted.call_budget) spec.call_budget_ns = static_cast<uint64_t>(wanted.call_budget->count());
    spec.library = source.library;
    spec.descriptor = source.type;
    for (const config::InstanceIndex reference : wanted.references) {
      if (InstancePtr instance = set_->at(reference)) spec.references.push_back(std::move(instance));
    }

    PluginSet::Record& record = set_->by_index_[index];
    record.identity = identity_of(spec);
    // A profile handler is told the profiles once.
    if (index == inputs_.effective.profile_handler) record.identity += profile_names();
    record.instance = carried_over(record.identity, spec);
    record.carried_over = record.instance != nullptr;
    if (record.carried_over) return true;
    std::string error;
    record.instance = make_instance(spec, inputs_.environment, error);
    if (record.instance != nullptr) return true;
    diagnostics_.error("failed to load the configuration - plugin instantiation failed: failed to create plugin '" +
                           wanted.name + "' (type: " + wanted.type + "): " + error,
                       wanted.pointer);
    return false;
  }

  // References count by address: one that was rebuilt makes its dependents be rebuilt.
  static std::string identity_of(const InstanceSpec& spec) {
    std::string identity = spec.name + '\n' + spec.type + '\n' + spec.library->path() + '\n' + spec.library->sha256() +
                           '\n' + (spec.on_fault == OnFault::kIgnore ? "ignore" : "reject") + '\n' +
                           (spec.call_budget_ns ? std::to_string(*spec.call_budget_ns) : "");
    for (const InstancePtr& reference : spec.references)
      identity += '\n' + std::to_string(reinterpret_cast<uintptr_t>(reference.get()));
    return identity + '\n' + (spec.parameters ? *spec.parameters : "");
  }

  std::string profile_names() const {
    std::string names;
    for (const config::EffectiveProfile& profile : inputs_.effective.profiles)
      names += '\n' + profile.name;
    return names;
  }

  InstancePtr carried_over(const std::string& identity, const InstanceSpec& spec) const {
    if (inputs_.previous == nullptr) return nullptr;
    for (const PluginSet::Record& record : inputs_.previous->by_index_) {
      if (record.instance == nullptr || record.identity != identity) continue;
      // A bypassed instance gets its new chance, and code that was loaded anew is not the code that runs.
      if (record.instance->bypassed() || spec.library->sha256().empty()) return nullptr;
      return record.instance;
    }
    return nullptr;
  }

  bool complete_graph() {
    nodes_ = inputs_.host_nodes;
    for (const PluginSet::Record& record : set_->by_index_) {
      if (record.instance != nullptr) nodes_.push_back(node_of(*record.instance));
    }
    const auto default_type = [this](const std::string& key) {
      const config::PluginType* type = inputs_.catalogue.default_producer(key);
      return type != nullptr ? type->type : std::string();
    };
    const auto create = [this](const std::string& type) -> std::optional<config::DataNode> {
      const auto index = config::add_default_producer(inputs_.effective, inputs_.catalogue, type, diagnostics_);
      if (!index) return std::nullopt;
      set_->by_index_.resize(inputs_.effective.instances.size());
      if (!add(*index) || set_->at(*index) == nullptr) return std::nullopt;
      return node_of(*set_->at(*index));
    };
    if (!config::complete_data_graph(nodes_, default_type, create, diagnostics_)) return false;
    const size_t errors_before = diagnostics_.error_count();
    config::check_stability(inputs_.effective, {inputs_.allow_experimental_plugins}, diagnostics_);
    return diagnostics_.error_count() == errors_before;
  }

  void list_instances() {
    for (const PluginSet::Record& record : set_->by_index_) {
      const InstancePtr& instance = record.instance;
      if (instance == nullptr) continue;
      set_->instances.push_back(instance);
      if (instance->request_header != nullptr) set_->request_headers.push_back(instance);
      if (instance->screener != nullptr) set_->screeners.push_back(instance);
      if (instance->admitter != nullptr) set_->admitters.push_back(instance);
      if (instance->pre_request != nullptr) set_->pre_requests.push_back(instance);
      if (instance->response_header != nullptr) set_->response_headers.push_back(instance);
      if (instance->response_body != nullptr) set_->response_bodies.push_back(instance);
      if (instance->response_complete != nullptr) set_->response_completes.push_back(instance);
    }
  }

  void list_producers(const std::vector<size_t>& order) {
    std::vector<const config::DataNode*> done;
    for (const size_t index : order) {
      const config::DataNode& node = nodes_[index];
      ProducerStep step;
      step.instance = set_->find(node.name);
      if (step.instance == nullptr) continue;  // inside the host: it needs no call
      step.time_limit_ns = step.instance->producer_limit_ns();
      for (const config::ConsumedKey& consumed : node.consumes) {
        if (!consumed.required) continue;
        for (uint32_t i = 0; i < done.size(); ++i) {
          const bool known = std::find(step.needs.begin(), step.needs.end(), i) != step.needs.end();
          if (!known && produces(*done[i], consumed.key)) step.needs.push_back(i);
        }
      }
      done.push_back(&node);
      set_->producers.push_back(std::move(step));
    }
  }

  BuildInputs inputs_;
  config::Diagnostics& diagnostics_;
  std::shared_ptr<PluginSet> set_;
  std::vector<config::DataNode> nodes_;
};

std::shared_ptr<const PluginSet> build_plugin_set(BuildInputs inputs, config::Diagnostics& diagnostics) {
  return PluginSetBuilder(std::move(inputs), diagnostics).build();
}

}  // namespace epp::plugins
