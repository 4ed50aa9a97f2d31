#include "plugins/factory.h"

#include "plugins/graveyard.h"
#include "plugins/guarded_call.h"
#include "plugins/host_tables.h"
#include "plugins/hosted_instance.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace epp::plugins {

namespace {

// Dense numbers for the per-request state tables; a number is free again when its instance is destroyed, which is
// after the last request with state of it.
class StateIndexes {
 public:
  uint32_t take() {
    const std::scoped_lock lock(mutex_);
    const auto free = std::find(taken_.begin(), taken_.end(), false);
    const auto index = static_cast<uint32_t>(free - taken_.begin());
    if (free == taken_.end()) {
      taken_.push_back(true);
    } else {
      *free = true;
    }
    return index;
  }
  void give_back(uint32_t index) {
    const std::scoped_lock lock(mutex_);
    taken_[index] = false;
  }

 private:
  std::mutex mutex_;
  std::vector<bool> taken_;
};

// Libraries that must not be unloaded. Never freed: the process's end would unload them.
void keep_for_good(const LibraryPtr& library) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<LibraryPtr>;
  const std::scoped_lock lock(mutex);
  kept->push_back(library);
}

StateIndexes& state_indexes() {
  static StateIndexes indexes;
  return indexes;
}

// Asks for the table of one extension point. False when the table lacks what every version of it has.
template <typename Table, typename Function>
bool resolve(const epp_instance& instance, std::string_view id, Function Table::*required, const Table*& table) {
  const auto* const answer = static_cast<const Table*>(instance.get_extension(&instance, to_abi(id)));
  if (answer == nullptr) return true;
  const auto* const base = reinterpret_cast<const char*>(answer);
  const auto offset = reinterpret_cast<const char*>(&(answer->*required)) - base;
  if (answer->size < static_cast<size_t>(offset) + sizeof(Function) || answer->*required == nullptr) return false;
  table = answer;
  return true;
}

}  // namespace

uint64_t InstanceTimers::start(uint64_t delay_ns, uint64_t period_ns, void (*fn)(void*), void* arg) {
  if (service_ == nullptr || fn == nullptr) return 0;
  uint64_t id = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return 0;
    id = ++last_id_;
    running_.emplace(id, 0);
  }
  const uint64_t started = service_->start(delay_ns, period_ns, [this, id, period_ns, fn, arg] {
    if (!instance_.bypassed()) notify(instance_, ExtensionPoint::kTimer, nullptr, [&] { fn(arg); });
    if (period_ns == 0) forget(id);
  });
  {
    const std::scoped_lock lock(mutex_);
    if (const auto at = running_.find(id); at != running_.end()) at->second = started;
  }
  started_.notify_all();
  return id;
}

void InstanceTimers::stop(uint64_t id) {
  uint64_t started = 0;
  {
    const std::scoped_lock lock(mutex_);
    const auto at = running_.find(id);
    if (at == running_.end()) return;
    started = at->second;
  }
  // Not under the mutex: this may wait for a running call, which may itself start or stop timers.
  service_->stop(started);
  forget(id);
}

void InstanceTimers::stop_all() {
  for (;;) {
    uint64_t id = 0;
    {
      std::unique_lock lock(mutex_);
      closed_ = true;
      // One that is being started has no id yet by which it could be stopped.
      started_.wait(lock, [this] {
        return std::none_of(running_.begin(), running_.end(), [](const auto& timer) { return timer.second == 0; });
      });
      if (running_.empty()) return;
      id = running_.begin()->first;
    }
    stop(id);
  }
}

void InstanceTimers::forget(uint64_t id) {
  const std::scoped_lock lock(mutex_);
  running_.erase(id);
}

HostedInstance::HostedInstance(const InstanceSpec& spec, const Environment& environment)
    : library_(spec.library),
      references_(spec.references),
      environment_(environment),
      timers_(*this, environment.timers) {
  name_ = spec.name;
  type_ = spec.type;
  on_fault_ = spec.on_fault;
  observer_ = environment.observer;
  call_budget_ns_ = spec.call_budget_ns.value_or(environment.call_budget_ns);
  library_path_ = library_->path();
  library_sha256_ = library_->sha256();
  state_index_ = state_indexes().take();
  self_ = {&environment_, this};
}

HostedInstance::~HostedInstance() {
  if (listening_) environment_.table->remove_listener(this);
  timers_.stop_all();
  if (instance_ != nullptr) {
    const bool destroyed = guarded(*this, ExtensionPoint::kDestroy, nullptr, [this] { instance_->destroy(instance_); });
    // Nobody knows what it left behind: its code stays.
    if (!destroyed) keep_for_good(library_);
  }
  CallBoard::get().forget(*this);
  state_indexes().give_back(state_index_);
}

bool HostedInstance::create(const InstanceSpec& spec, std::string& error) {
  parameters_ = std::make_unique<ParameterTree>(spec.parameters);
  if (!parameters_->ok()) {
    error = "parameters are not a JSON object";
    return false;
  }
  const std::string text = spec.parameters.value_or("{}");
  epp_create_args args{};
  args.size = sizeof args;
  args.host = &abi_host();
  args.self = &self_;
  args.name = to_abi(name_);
  args.type = to_abi(type_);
  args.parameters = to_abi(text);

  ErrorBuffer reason;
  epp_status status = EPP_ERR_INTERNAL;
  const bool created = guarded(*this, ExtensionPoint::kCreate, &reason, [&] {
    status = spec.descriptor->create(spec.descriptor, &args, &instance_, reason.abi());
  });
  if (!created) keep_for_good(library_);
  parameters_.reset();
  if (status != EPP_OK) {
    instance_ = nullptr;
    error = !reason.message().empty() ? std::string(reason.message()) : declaration_error_;
    if (error.empty()) error = "create failed without a message";
    return false;
  }
  if (instance_ == nullptr || instance_->size < offsetof(epp_instance, destroy) + sizeof(instance_->destroy) ||
      instance_->get_extension == nullptr || instance_->destroy == nullptr) {
    instance_ = nullptr;
    error = "create returned an instance without get_extension or destroy";
    return false;
  }
  raw_ = instance_;
  if (!declaration_error_.empty()) {
    error = declaration_error_;
    return false;
  }
  bool resolved = false;
  const bool answered =
      guarded(*this, ExtensionPoint::kCreate, &reason, [&] { resolved = resolve_tables(*spec.descriptor, error); });
  if (!answered) error = "get_extension failed: " + std::string(reason.message());
  if (!answered || !resolved) return false;
  ask_once();
  if (endpoint_events != nullptr && environment_.table != nullptr) {
    environment_.table->add_listener(this);
    listening_ = true;
  }
  return true;
}

bool HostedInstance::resolve_tables(const epp_type& type, std::string& error) {
  const epp_instance& self = *instance_;
  for (uint64_t i = 0; i < type.extensions.count; ++i) {
    const std::string_view id = view(type.extensions.items[i]);
    bool good = true;
    if (id == EPP_EXT_FILTER) {
      good = resolve(self, id, &epp_filter::filter, filter);
    } else if (id == EPP_EXT_SCREENER) {
      good = resolve(self, id, &epp_filter::filter, screener);
    } else if (id == EPP_EXT_SCORER) {
      good = resolve(self, id, &epp_scorer::score, scorer);
    } else if (id == EPP_EXT_PICKER) {
      good = resolve(self, id, &epp_picker::pick, picker);
    } else if (id == EPP_EXT_PRODUCER) {
      good = resolve(self, id, &epp_producer::produce, producer);
    } else if (id == EPP_EXT_REQUEST_HEADER) {
      good = resolve(self, id, &epp_request_header::on_request_header, request_header);
    } else if (id == EPP_EXT_ADMITTER) {
      good = resolve(self, id, &epp_admitter::admit, admitter);
    } else if (id == EPP_EXT_PRE_REQUEST) {
      good = resolve(self, id, &epp_pre_request::pre_request, pre_request);
    } else if (id == EPP_EXT_RESPONSE_HEADER) {
      good = resolve(self, id, &epp_response_header::on_response_header, response_header);
    } else if (id == EPP_EXT_RESPONSE_BODY) {
      good = resolve(self, id, &epp_response_body::on_response_body, response_body);
    } else if (id == EPP_EXT_RESPONSE_COMPLETE) {
      good = resolve(self, id, &epp_response_complete::on_response_complete, response_complete);
    } else if (id == EPP_EXT_PROFILE_HANDLER) {
      good = resolve(self, id, &epp_profile_handler::process, profile_handler) &&
             (profile_handler == nullptr || profile_handler->pick != nullptr);
    } else if (id == EPP_EXT_SATURATION_DETECTOR) {
      good = resolve(self, id, &epp_saturation_detector::saturation, detector);
    } else if (id == EPP_EXT_FAIRNESS) {
      good = resolve(self, id, &epp_fairness::pick, fairness) &&
             (fairness == nullptr || (fairness->open_band != nullptr && fairness->close_band != nullptr));
    } else if (id == EPP_EXT_ORDERING) {
      good = resolve(self, id, &epp_ordering::key, ordering);
    } else if (id == EPP_EXT_USAGE_LIMITS) {
      good = resolve(self, id, &epp_usage_limits::ceilings, usage_limits);
    } else if (id == EPP_EXT_EVICTION_FILTER) {
      good = resolve(self, id, &epp_eviction_filter::accept, eviction_filter);
    } else if (id == EPP_EXT_EVICTION_ORDERING) {
      good = resolve(self, id, &epp_eviction_ordering::before, eviction_ordering);
    } else if (id == EPP_EXT_ENDPOINT_EVENTS) {
      good = resolve(self, id, &epp_endpoint_events::on_endpoint_removed, endpoint_events) &&
             (endpoint_events == nullptr || endpoint_events->on_endpoint_added != nullptr);
    } else if (id == EPP_EXT_STATE_DUMP) {
      good = resolve(self, id, &epp_state_dump::dump, state_dump);
    } else if (id == EPP_EXT_READINESS) {
      good = resolve(self, id, &epp_readiness::ready, readiness);
    }
    if (!good) {
      error = "the table of " + std::string(id) + " lacks a mandatory function";
      return false;
    }
  }
  return true;
}

void HostedInstance::ask_once() {
  if (producer != nullptr && EPP_HAS(producer, epp_producer, time_limit) && producer->time_limit != nullptr) {
    constexpr uint64_t kLongest = 86'400'000'000'000;  // a day: for ever, but no clock overflows
    uint64_t limit = 0;
    guarded(*this, ExtensionPoint::kCreate, nullptr, [&] { limit = producer->time_limit(raw_); });
    if (limit != 0) producer_limit_ns_ = std::min(limit, kLongest);
  }
  if (detector != nullptr && EPP_HAS(detector, epp_saturation_detector, believed_age) &&
      detector->believed_age != nullptr) {
    uint64_t age = 0;
    const bool said = guarded(*this, ExtensionPoint::kCreate, nullptr, [&] { age = detector->believed_age(raw_); });
    if (said) believed_age_ns_ = age;
  }
}

epp_attr HostedInstance::declare(std::string_view key, uint32_t type, uint32_t scope, uint32_t access, uint32_t kind) {
  const auto refuse = [&](std::string_view why) {
    if (declaration_error_.empty()) declaration_error_ = "attribute " + std::string(key) + ' ' + std::string(why);
    return EPP_ATTR_NONE;
  };
  if (parameters_ == nullptr) return EPP_ATTR_NONE;  // create has returned
  if (type < EPP_TYPE_F64 || type > EPP_TYPE_U32_LIST) return refuse("has an unknown type");
  if (scope != EPP_SCOPE_ENDPOINT && scope != EPP_SCOPE_REQUEST) return refuse("has an unknown scope");
  if (scope == EPP_SCOPE_ENDPOINT && type == EPP_TYPE_U32_LIST) return refuse("cannot be a column of its type");
  if (access < EPP_ACCESS_PRODUCE || access > EPP_ACCESS_OPTIONAL) return refuse("has an unknown access");

  endpoints::AttributeRegistry& registry = *environment_.attributes;
  epp_attr id = EPP_ATTR_NONE;
  if (access != EPP_ACCESS_PRODUCE) {
    id = registry.intern_consumed(key, type, scope);
  } else if (scope == EPP_SCOPE_REQUEST) {
    id = registry.intern(key, type, endpoints::Storage::kRequest);
  } else if (kind == EPP_COLUMN_PER_REQUEST) {
    id = registry.intern(key, type, endpoints::Storage::kPerRequest);
  } else if (kind == EPP_COLUMN_LIVE && type == EPP_TYPE_I64) {
    id = registry.intern(key, type, endpoints::Storage::kLive);
  }
  if (id == EPP_ATTR_NONE) return refuse("is known with another type, scope or kind");

  uses_.push_back({id, std::string(key), type, scope, access, kind});
  // A producer may read back what it writes.
  if (read_types_.size() <= id) read_types_.resize(id + 1, 0);
  read_types_[id] = static_cast<uint8_t>(type);
  if (access == EPP_ACCESS_PRODUCE) {
    if (writable_.size() <= id / 64) writable_.resize(id / 64 + 1, 0);
    writable_[id / 64] |= uint64_t{1} << (id % 64);
  }
  return id;
}

epp_metric* HostedInstance::hold(MetricFamily& family) {
  for (const auto& held : metrics_) {
    if (held->is_of(family)) return held.get();
  }
  return metrics_.emplace_back(std::make_unique<epp_metric>(family)).get();
}

const void* HostedInstance::extension_of(std::string_view reference, std::string_view id,
                                         const epp_instance*& instance) const {
  for (const InstancePtr& other : references_) {
    if (other->name() != reference) continue;
    const void* table = nullptr;
    guarded(*other, ExtensionPoint::kCreate, nullptr,
            [&] { table = other->raw()->get_extension(other->raw(), to_abi(id)); });
    if (table != nullptr) instance = other->raw();
    return table;
  }
  return nullptr;
}

void HostedInstance::on_endpoint_added(const endpoints::EndpointPtr& endpoint) {
  if (bypassed()) return;
  notify(*this, ExtensionPoint::kEndpointEvents, nullptr,
         [&] { endpoint_events->on_endpoint_added(raw_, &endpoint->abi()); });
}

void HostedInstance::on_endpoint_removed(const endpoints::EndpointPtr& endpoint) {
  if (bypassed()) return;
  notify(*this, ExtensionPoint::kEndpointEvents, nullptr,
         [&] { endpoint_events->on_endpoint_removed(raw_, &endpoint->abi()); });
}

InstancePtr make_instance(const InstanceSpec& spec, const Environment& environment, std::string& error) {
  auto fresh = std::make_unique<HostedInstance>(spec, environment);
  if (!fresh->create(spec, error)) return nullptr;
  return InstancePtr(fresh.release(), [graveyard = environment.graveyard](Instance* instance) {
    graveyard->bury(std::unique_ptr<const Instance>(instance));
  });
}

}  // namespace epp::plugins
