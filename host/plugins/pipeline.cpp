#include "plugins/pipeline.h"

#include "plugins/host_tables.h"

#include <map>

#include <nlohmann/json.hpp>

namespace epp::plugins {

InstancePtr PluginSet::find(std::string_view name) const {
  for (const InstancePtr& instance : instances) {
    if (instance->name() == name) return instance;
  }
  return nullptr;
}

InstancePtr PluginSet::at(config::InstanceIndex index) const {
  return index < by_index_.size() ? by_index_[index].instance : nullptr;
}

std::string PluginSet::state_json() const {
  using Json = nlohmann::ordered_json;
  std::map<std::string_view, Json> by_name;
  for (const InstancePtr& instance : instances) {
    Json& entry = by_name[instance->name()];
    entry["name"] = instance->name();
    entry["type"] = instance->type();
    if (instance->state_dump == nullptr) {
      entry["message"] = "plugin does not support state collection";
      continue;
    }
    std::string text;
    ErrorBuffer error;
    const auto sink = [](void* context, epp_str piece) { static_cast<std::string*>(context)->append(view(piece)); };
    const epp_status status = instance->state_dump->dump(instance->raw(), sink, &text, error.abi());
    Json state = Json::parse(text, nullptr, false);
    if (status != EPP_OK) {
      entry["message"] = std::string(error.message());
    } else if (state.is_discarded()) {
      entry["message"] = "the state dump is not JSON";
    } else {
      entry["state"] = std::move(state);
    }
  }
  Json all = Json::object();
  for (auto& [name, entry] : by_name)
    all[std::string(name)] = std::move(entry);
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::string> PluginSet::not_ready() const {
  std::vector<std::string> names;
  for (const InstancePtr& instance : instances) {
    if (instance->readiness != nullptr && instance->readiness->ready(instance->raw()) == 0) {
      names.push_back(instance->name());
    }
  }
  return names;
}

}  // namespace epp::plugins
