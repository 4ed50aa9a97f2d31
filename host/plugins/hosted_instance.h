// An instance and the host's record of it (the plugin's epp_self). Internal to the room.
#pragma once

#include "endpoints/endpoint_table.h"
#include "plugins/environment.h"
#include "plugins/factory.h"
#include "plugins/instance.h"
#include "plugins/parameter_tree.h"

#include <epp/abi.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace epp::plugins {
class HostedInstance;
}

// What an instance shows when it asks the host for something. Valid until destroy has returned.
struct epp_self {
  const epp::plugins::Environment* environment = nullptr;
  epp::plugins::HostedInstance* instance = nullptr;
};

namespace epp::plugins {

// Timers that an instance started, under ids of ours: those of the service may come after the first call.
class InstanceTimers {
 public:
  InstanceTimers(const Instance& instance, TimerService* service) : instance_(instance), service_(service) {}
  uint64_t start(uint64_t delay_ns, uint64_t period_ns, void (*fn)(void*), void* arg);
  void stop(uint64_t id);
  // No timer is started any more; returns when none runs.
  void stop_all();

 private:
  void forget(uint64_t id);

  const Instance& instance_;
  TimerService* service_;
  std::mutex mutex_;
  std::condition_variable started_;
  std::unordered_map<uint64_t, uint64_t> running_;  // ours -> the service's; 0 while it is being started
  uint64_t last_id_ = 0;
  bool closed_ = false;
};

class HostedInstance final : public Instance, private endpoints::EndpointListener {
 public:
  HostedInstance(const InstanceSpec& spec, const Environment& environment);
  // Stops timers and endpoint events, then calls destroy. [main]
  ~HostedInstance() override;

  // Calls create, resolves the tables and starts endpoint events. False with the reason in `error`. [main]
  bool create(const InstanceSpec& spec, std::string& error);

  // ---- for the host services ----
  epp_attr declare(std::string_view key, uint32_t type, uint32_t scope, uint32_t access, uint32_t kind);
  // nullptr once create has returned.
  const ParameterTree* parameters() const { return parameters_.get(); }
  InstanceTimers& timers() { return timers_; }
  // [main]
  epp_metric* hold(MetricFamily& family);
  // The table of an extension that a referenced instance serves, and that instance; nullptr when there is none.
  const void* extension_of(std::string_view reference, std::string_view id, const epp_instance*& instance) const;

 private:
  bool resolve_tables(const epp_type& type, std::string& error);
  void ask_once();
  void on_endpoint_added(const endpoints::EndpointPtr& endpoint) override;
  void on_endpoint_removed(const endpoints::EndpointPtr& endpoint) override;

  // Released after everything else: our code may be the library's last user.
  LibraryPtr library_;
  std::vector<InstancePtr> references_;
  const Environment& environment_;
  epp_self self_;
  epp_instance* instance_ = nullptr;
  std::unique_ptr<ParameterTree> parameters_;
  std::string declaration_error_;
  InstanceTimers timers_;
  std::vector<std::unique_ptr<epp_metric>> metrics_;
  bool listening_ = false;
};

// The host as every library sees it.
const epp_host& abi_host();

}  // namespace epp::plugins
