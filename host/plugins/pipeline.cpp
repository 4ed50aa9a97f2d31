#include "plugins/pipeline.h"

#include "plugins/guarded_call.h"
#include "plugins/host_tables.h"

#include <ctime>
#include <map>

#include <nlohmann/json.hpp>

namespace epp::plugins {

namespace {

using Json = nlohmann::ordered_json;

// "state", or "message" for what keeps it from being shown.
void dump_state(const Instance& instance, Json& entry) {
  if (instance.state_dump == nullptr) {
    entry["message"] = "plugin does not support state collection";
    return;
  }
  if (!instance.in_service()) {
    instance.pass_over(ExtensionPoint::kStateDump);
    entry["message"] = "the plugin is out of service";
    return;
  }
  std::string text;
  ErrorBuffer error;
  epp_status status = EPP_ERR_UNTYPED;
  const auto sink = [](void* context, epp_str piece) { static_cast<std::string*>(context)->append(view(piece)); };
  notify(instance, ExtensionPoint::kStateDump, &error,
         [&] { status = instance.state_dump->dump(instance.raw(), sink, &text, error.abi()); });
  if (status != EPP_OK) {
    entry["message"] = std::string(error.message());
    return;
  }
  Json state = Json::parse(text, nullptr, false);
  if (state.is_discarded()) {
    entry["message"] = "the state dump is not JSON";
  } else {
    entry["state"] = std::move(state);
  }
}

std::string rfc3339(uint64_t wall_ns) {
  const auto seconds = static_cast<std::time_t>(wall_ns / 1'000'000'000u);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

// Where the instance comes from and what the host thinks of it.
void add_account(const Instance& instance, Json& entry) {
  const FaultLedger& ledger = instance.ledger();
  if (!instance.library_path().empty()) entry["library"] = instance.library_path();
  if (!instance.library_sha256().empty()) entry["sha256"] = instance.library_sha256();
  entry["suspended"] = ledger.suspended();
  entry["bypassed"] = ledger.bypassed();
  entry["passedOver"] = ledger.passed_over_count();
  Json faults = Json::object();
  for (size_t i = 0; i < kFaultCount; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (const uint64_t count = ledger.count(fault); count != 0) faults[std::string(to_string(fault))] = count;
  }
  entry["faults"] = std::move(faults);
  if (const auto last = ledger.last()) {
    entry["lastFault"] = {{"reason", to_string(last->fault)},
                          {"extensionPoint", to_string(last->point)},
                          {"message", last->message},
                          {"time", rfc3339(last->wall_ns)}};
  }
}

// While it is out of service its last answer counts, so that one that hangs does not take the EPP with it.
bool is_ready(const Instance& instance) {
  if (!instance.in_service()) {
    instance.pass_over(ExtensionPoint::kReadiness);
    return instance.was_ready();
  }
  bool ready = false;
  notify(instance, ExtensionPoint::kReadiness, nullptr,
         [&] { ready = instance.readiness->ready(instance.raw()) != 0; });
  instance.set_ready(ready);
  return ready;
}

}  // namespace

InstancePtr PluginSet::find(std::string_view name) const {
  for (const InstancePtr& instance : instances) {
    if (instance->name() == name) return instance;
  }
  return nullptr;
}

InstancePtr PluginSet::at(config::InstanceIndex index) const {
  return index < by_index_.size() ? by_index_[index].instance : nullptr;
}

bool PluginSet::carried_over(config::InstanceIndex index) const {
  return index < by_index_.size() && by_index_[index].carried_over;
}

std::string PluginSet::state_json() const {
  std::map<std::string_view, Json> by_name;
  for (const InstancePtr& instance : instances) {
    Json& entry = by_name[instance->name()];
    entry["name"] = instance->name();
    entry["type"] = instance->type();
    dump_state(*instance, entry);
    add_account(*instance, entry);
  }
  Json all = Json::object();
  for (auto& [name, entry] : by_name)
    all[std::string(name)] = std::move(entry);
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::string> PluginSet::not_ready() const {
  std::vector<std::string> names;
  for (const InstancePtr& instance : instances) {
    if (instance->readiness != nullptr && !is_ready(*instance)) names.push_back(instance->name());
  }
  return names;
}

}  // namespace epp::plugins
