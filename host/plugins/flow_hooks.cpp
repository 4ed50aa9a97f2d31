#include "plugins/flow_hooks.h"

#include "plugins/sampled_timer.h"

#include <algorithm>
#include <cmath>

namespace epp::plugins {

namespace {

// An optional function of the table; nullptr where the plugin has none.
template <typename Function>
Function optional(const epp_fairness& table, Function epp_fairness::*member) {
  const auto offset = reinterpret_cast<const char*>(&(table.*member)) - reinterpret_cast<const char*>(&table);
  return table.size >= static_cast<size_t>(offset) + sizeof(Function) ? table.*member : nullptr;
}

}  // namespace

void* open_fairness_band(const Instance& instance, int32_t priority, ErrorBuffer& error) {
  void* band = nullptr;
  const epp_status status = instance.fairness->open_band(instance.raw(), priority, &band, error.clear());
  if (status == EPP_OK && band != nullptr) return band;
  instance.count_fault(ExtensionPoint::kFairness, Fault::kError,
                       status == EPP_OK ? "opened a band without a state" : error.message());
  return nullptr;
}

void close_fairness_band(const Instance& instance, void* band) {
  // Never bypassed: it gives back what open_band took.
  if (band != nullptr) instance.fairness->close_band(instance.raw(), band);
}

void tell_flow_added(const Instance& instance, void* band, const epp_flow& flow) {
  if (band == nullptr) return;
  if (const auto tell = optional(*instance.fairness, &epp_fairness::flow_added)) tell(instance.raw(), band, &flow);
}

void tell_flow_removed(const Instance& instance, void* band, const epp_flow& flow) {
  if (band == nullptr) return;
  if (const auto tell = optional(*instance.fairness, &epp_fairness::flow_removed)) tell(instance.raw(), band, &flow);
}

void tell_head_changed(const Instance& instance, void* band, const epp_flow& flow) {
  if (band == nullptr) return;
  if (const auto tell = optional(*instance.fairness, &epp_fairness::head_changed)) tell(instance.raw(), band, &flow);
}

void tell_charged(const Instance& instance, void* band, const epp_flow& flow, uint32_t kind, int64_t tokens) {
  if (band == nullptr) return;
  if (const auto tell = optional(*instance.fairness, &epp_fairness::charged))
    tell(instance.raw(), band, &flow, kind, tokens);
}

bool run_fairness_pick(const Instance& instance, void* band, uint64_t now_ns, ErrorBuffer& error, uint32_t& flow) {
  if (band == nullptr || instance.bypassed()) return false;
  const SampledTimer timer(instance, ExtensionPoint::kFairness);
  if (instance.fairness->pick(instance.raw(), band, now_ns, &flow, error.clear()) == EPP_OK) return true;
  instance.refuse_answer(ExtensionPoint::kFairness, Fault::kError, error.message());
  return false;
}

bool judge_pick(const Instance& instance, bool active) {
  if (active) {
    instance.accept_answer();
  } else {
    instance.refuse_answer(ExtensionPoint::kFairness, Fault::kOutOfRange, "picked a flow that is idle or unknown");
  }
  return active;
}

int64_t run_ordering_key(const Instance& instance, const epp_queued_request& item, ErrorBuffer& error) {
  const auto by_arrival = static_cast<int64_t>(item.enqueued_ns);
  if (instance.bypassed()) return by_arrival;
  int64_t key = by_arrival;
  if (instance.ordering->key(instance.raw(), &item, &key, error.clear()) != EPP_OK) {
    instance.refuse_answer(ExtensionPoint::kOrdering, Fault::kError, error.message());
    return by_arrival;
  }
  instance.accept_answer();
  return key;
}

bool has_comparator(const Instance& instance) {
  return EPP_HAS(instance.ordering, epp_ordering, before) && instance.ordering->before != nullptr;
}

bool runs_before(const Instance& instance, const epp_queued_request& a, const epp_queued_request& b) {
  // Not subject to a bypass: a heap must not change its order while it stands.
  return has_comparator(instance) && instance.ordering->before(instance.raw(), &a, &b) != 0;
}

void run_usage_limits(const Instance& instance, double saturation, std::span<const int32_t> priorities,
                      std::span<double> ceilings, ErrorBuffer& error, uint64_t& again_ns) {
  constexpr double kOpen = 1.0;
  std::fill(ceilings.begin(), ceilings.end(), kOpen);
  again_ns = 0;
  if (instance.bypassed()) return;
  epp_status status = EPP_OK;
  {
    const SampledTimer timer(instance, ExtensionPoint::kUsageLimits);
    status = instance.usage_limits->ceilings(instance.raw(), saturation, priorities.data(), priorities.size(),
                                             ceilings.data(), &again_ns, error.clear());
  }
  if (status != EPP_OK) {
    std::fill(ceilings.begin(), ceilings.end(), kOpen);
    again_ns = 0;
    instance.refuse_answer(ExtensionPoint::kUsageLimits, Fault::kError, error.message());
    return;
  }
  bool all_numbers = true;
  for (double& ceiling : ceilings) {
    if (!std::isnan(ceiling)) continue;
    ceiling = kOpen;
    all_numbers = false;
  }
  if (all_numbers) {
    instance.accept_answer();
  } else {
    instance.refuse_answer(ExtensionPoint::kUsageLimits, Fault::kNotANumber, "a ceiling is NaN");
  }
}

bool accepts_eviction(const Instance& instance, const epp_running_request& request) {
  return !instance.bypassed() && instance.eviction_filter->accept(instance.raw(), &request) != 0;
}

bool evicts_before(const Instance& instance, const epp_running_request& a, const epp_running_request& b) {
  return instance.eviction_ordering->before(instance.raw(), &a, &b) != 0;
}

}  // namespace epp::plugins
