// Inside of a PluginHarness.
#pragma once

#include "config/diagnostics.h"
#include "config/parameters.h"
#include "plugins/factory.h"
#include "unit/plugin_harness/fakes.h"
#include "unit/plugin_harness/plugin_harness.h"
#include "unit/plugin_harness/test_request.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace epp::testing {

using plugins::InstancePtr;

inline std::string_view view(epp_str text) {
  return {text.data, static_cast<size_t>(text.size)};
}

// Keeps completions until the test asks for them.
class Mailbox final : public plugins::CompletionReceiver {
 public:
  void on_completion(uint64_t token, plugins::Completion completion) override {
    const std::scoped_lock lock(mutex_);
    arrived_.emplace(token, std::move(completion));
    changed_.notify_all();
  }
  std::optional<plugins::Completion> wait(uint64_t token, std::chrono::milliseconds deadline) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, deadline, [&] { return arrived_.contains(token); })) return std::nullopt;
    auto node = arrived_.extract(token);
    return std::move(node.mapped());
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, plugins::Completion> arrived_;
};

struct PluginHarness::Impl {
  Impl() : table(attributes), timers(clock), mailbox(std::make_shared<Mailbox>()) {
    plugins::install_clock(&clock);
    environment.attributes = &attributes;
    environment.table = &table;
    environment.completions = &completions;
    environment.graveyard = std::make_shared<plugins::Graveyard>();
    environment.log = &log;
    environment.timers = &timers;
    environment.metrics = &metrics;
  }
  ~Impl() {
    environment.graveyard->collect();
    plugins::install_clock(nullptr);
  }

  const endpoints::EndpointPtr& endpoint(std::string_view name) {
    table.publish();
    snapshot = table.snapshot();
    const endpoints::Endpoint* found = snapshot->find("default/" + std::string(name));
    if (found == nullptr) throw std::runtime_error("no endpoint " + std::string(name));
    return snapshot->endpoint(found->slot());
  }
  uint32_t slot(std::string_view name) { return endpoint(name)->slot(); }
  std::string name_at(uint32_t slot_of) const { return snapshot->endpoint(slot_of)->spec().name; }

  const epp_type& type(std::string_view name, plugins::LibraryPtr& library) const {
    for (const plugins::LibraryPtr& candidate : libraries) {
      if (const epp_type* found = candidate->find(name)) {
        library = candidate;
        return *found;
      }
    }
    throw std::runtime_error("no loaded library offers type " + std::string(name));
  }

  // Builds an instance, or says why not.
  InstancePtr make(std::string_view type_name, std::string_view parameters, std::string_view name, std::string& error) {
    plugins::InstanceSpec spec;
    spec.type = type_name;
    spec.name = name.empty() ? type_name : name;
    spec.descriptor = &type(type_name, spec.library);
    config::Diagnostics diagnostics;
    config::ParameterCheck check;
    check.schema = view(spec.descriptor->parameters_schema);
    spec.parameters = config::check_parameters(std::string(parameters), check, diagnostics);
    if (diagnostics.has_errors()) {
      error = diagnostics.all().front().text;
      return nullptr;
    }
    return plugins::make_instance(spec, environment, error);
  }

  // Publishes what tests set up, pins it for the request and shows the candidates.
  epp_candidates stage(TestRequest::Impl& request) {
    table.publish();
    snapshot = table.snapshot();
    plugins::RequestContext& context = request.context;
    context.snapshot = snapshot;
    context.table = &table;
    context.sync();
    for (const ColumnSetup& column : request.columns) {
      for (const auto& [name, value] : column.values)
        context.write_element(column.attr, slot(name), value);
    }
    return candidates();
  }

  epp_candidates candidates() {
    table.publish();
    snapshot = table.snapshot();
    candidate_slots.assign(snapshot->slots().begin(), snapshot->slots().end());
    if (!chosen.empty()) {
      candidate_slots.clear();
      for (const std::string& name : chosen)
        candidate_slots.push_back(slot(name));
    }
    epp_candidates result{};
    result.size = sizeof result;
    result.count = static_cast<uint32_t>(candidate_slots.size());
    result.slots = candidate_slots.data();
    result.endpoints = snapshot->endpoints().data();
    result.slot_limit = snapshot->slot_limit();
    result.snapshot = snapshot.get();
    return result;
  }

  // The profile results of a request, over its current candidates.
  struct Results {
    struct Item {
      std::vector<uint32_t> targets;
      std::vector<uint32_t> candidates;
      std::vector<double> scores;
    };
    std::vector<ResultSetup> setups;
    std::vector<Item> data;
    std::vector<epp_profile_result> items;
    epp_profile_results abi{};
  };
  void fill(const TestRequest::Impl& request, const epp_candidates& all, Results& out) {
    out.setups = request.results;
    if (out.setups.empty() && all.count != 0) {
      out.setups.push_back({"default", EPP_PROFILE_SUCCEEDED, {name_at(all.slots[0])}, {}, EPP_OK, {}});
    }
    out.data.resize(out.setups.size());
    out.items.resize(out.setups.size());
    for (size_t i = 0; i < out.setups.size(); ++i) {
      const ResultSetup& setup = out.setups[i];
      Results::Item& data = out.data[i];
      for (const std::string& target : setup.targets)
        data.targets.push_back(slot(target));
      for (const auto& [name, score] : setup.candidates) {
        data.candidates.push_back(slot(name));
        data.scores.push_back(score);
      }
      if (setup.candidates.empty() && setup.state == EPP_PROFILE_SUCCEEDED) {
        data.candidates.assign(all.slots, all.slots + all.count);
        data.scores.assign(all.count, 0.0);
      }
      epp_profile_result& item = out.items[i];
      item = {};
      item.size = sizeof item;
      item.state = setup.state;
      item.name = {setup.profile.data(), setup.profile.size()};
      item.targets = data.targets.data();
      item.target_count = data.targets.size();
      item.candidates = data.candidates.data();
      item.scores = data.scores.data();
      item.candidate_count = data.candidates.size();
      item.status = setup.status;
      item.message = {setup.message.data(), setup.message.size()};
      if (setup.profile == request.primary) out.abi.primary = static_cast<uint32_t>(i);
    }
    out.abi.size = sizeof out.abi;
    out.abi.items = out.items.data();
    out.abi.count = out.items.size();
    out.abi.stride = sizeof(epp_profile_result);
    out.abi.endpoints = all.endpoints;
  }

  epp_response response(TestRequest::Impl& request, const TestResponse& setup) {
    const epp_candidates all = stage(request);
    epp_response result{};
    result.size = sizeof result;
    result.flags = setup.stream ? EPP_RESPONSE_STREAM : 0u;
    result.status = setup.status;
    if (!setup.target.empty()) {
      result.target = &endpoint(setup.target)->abi();
    } else {
      Results results;
      fill(request, all, results);
      if (!results.data.empty() && !results.data[results.abi.primary].targets.empty()) {
        result.target = all.endpoints[results.data[results.abi.primary].targets[0]];
      }
    }
    if (setup.usage) {
      usage = *setup.usage;
      result.usage = &usage;
    }
    return result;
  }

  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table;
  FakeClock clock;
  FakeTimers timers;
  FakeMetrics metrics;
  FakeLog log;
  plugins::CompletionTable completions;
  std::shared_ptr<Mailbox> mailbox;
  plugins::Environment environment;
  std::vector<plugins::LibraryPtr> libraries;
  std::vector<endpoints::EndpointSpec> specs;  // in the order of addition
  std::vector<std::string> chosen;
  endpoints::SnapshotPtr snapshot;
  std::vector<uint32_t> candidate_slots;
  epp_usage usage{};
};

}  // namespace epp::testing
