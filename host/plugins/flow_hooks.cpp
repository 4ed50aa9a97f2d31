#include "plugins/flow_hooks.h"

#include "plugins/guarded_call.h"
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

// Calls one of the functions that cannot fail.
template <typename Tell>
void tell(const Instance& instance, Tell&& call) {
  guarded(instance, ExtensionPoint::kFairness, nullptr, call);
}

}  // namespace

void* open_fairness_band(const Instance& instance, int32_t priority, ErrorBuffer& error) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kFairness;
  if (instance.bypassed()) return nullptr;
  void* band = nullptr;
  epp_status status = EPP_OK;
  const bool answered = guarded(instance, kPoint, &error, [&] {
    status = instance.fairness->open_band(instance.raw(), priority, &band, error.clear());
  });
  if (!answered) return nullptr;
  if (status == EPP_OK && band != nullptr) return band;
  instance.count_fault(kPoint, Fault::kError, status == EPP_OK ? "opened a band without a state" : error.message());
  return nullptr;
}

void close_fairness_band(const Instance& instance, void* band) {
  // Never bypassed: it gives back what open_band took.
  if (band != nullptr) tell(instance, [&] { instance.fairness->close_band(instance.raw(), band); });
}

// A bypassed policy is not picked from any more: what it is not told of it need not know.

void tell_flow_added(const Instance& instance, void* band, const epp_flow& flow) {
  if (band == nullptr || instance.bypassed()) return;
  if (const auto added = optional(*instance.fairness, &epp_fairness::flow_added))
    tell(instance, [&] { added(instance.raw(), band, &flow); });
}

void tell_flow_removed(const Instance& instance, void* band, const epp_flow& flow) {
  if (band == nullptr || instance.bypassed()) return;
  if (const auto removed = optional(*instance.fairness, &epp_fairness::flow_removed))
    tell(instance, [&] { removed(instance.raw(), band, &flow); });
}

void tell_head_changed(const Instance& instance, void* band, const epp_flow& flow) {
  if (band == nullptr || instance.bypassed()) return;
  if (const auto changed = optional(*instance.fairness, &epp_fairness::head_changed))
    tell(instance, [&] { changed(instance.raw(), band, &flow); });
}

void tell_charged(const Instance& instance, void* band, const epp_flow& flow, uint32_t kind, int64_t tokens) {
  if (band == nullptr || instance.bypassed()) return;
  if (const auto charged = optional(*instance.fairness, &epp_fairness::charged))
    tell(instance, [&] { charged(instance.raw(), band, &flow, kind, tokens); });
}

bool run_fairness_pick(const Instance& instance, void* band, uint64_t now_ns, ErrorBuffer& error, uint32_t& flow) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kFairness;
  if (band == nullptr || passed_over(instance, kPoint)) return false;
  const SampledTimer timer(instance, kPoint);
  epp_status status = EPP_OK;
  const bool answered = guarded(instance, kPoint, &error, [&] {
    status = instance.fairness->pick(instance.raw(), band, now_ns, &flow, error.clear());
  });
  if (answered && status == EPP_OK) return true;
  if (answered) instance.refuse_answer(kPoint, Fault::kError, error.message());
  return false;
}

bool judge_pick(const Instance& instance, bool active) {
  if (active) {
    instance.accept_answer(ExtensionPoint::kFairness);
  } else {
    instance.refuse_answer(ExtensionPoint::kFairness, Fault::kOutOfRange, "picked a flow that is idle or unknown");
  }
  return active;
}

int64_t run_ordering_key(const Instance& instance, const epp_queued_request& item, ErrorBuffer& error) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kOrdering;
  const auto by_arrival = static_cast<int64_t>(item.enqueued_ns);
  if (passed_over(instance, kPoint)) return by_arrival;
  int64_t key = by_arrival;
  epp_status status = EPP_OK;
  const bool answered = guarded(instance, kPoint, &error,
                                [&] { status = instance.ordering->key(instance.raw(), &item, &key, error.clear()); });
  if (!answered || status != EPP_OK) {
    if (answered) instance.refuse_answer(kPoint, Fault::kError, error.message());
    return by_arrival;
  }
  instance.accept_answer(kPoint);
  return key;
}

bool has_comparator(const Instance& instance) {
  return EPP_HAS(instance.ordering, epp_ordering, before) && instance.ordering->before != nullptr;
}

bool runs_before(const Instance& instance, const epp_queued_request& a, const epp_queued_request& b) {
  // Those that wait when the policy is bypassed go on in an order that is partly its own.
  if (!has_comparator(instance) || instance.bypassed()) return false;
  bool before = false;
  guarded(instance, ExtensionPoint::kOrdering, nullptr,
          [&] { before = instance.ordering->before(instance.raw(), &a, &b) != 0; });
  return before;
}

void run_usage_limits(const Instance& instance, double saturation, std::span<const int32_t> priorities,
                      std::span<double> ceilings, ErrorBuffer& error, uint64_t& again_ns) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kUsageLimits;
  constexpr double kOpen = 1.0;
  std::fill(ceilings.begin(), ceilings.end(), kOpen);
  again_ns = 0;
  if (passed_over(instance, kPoint)) return;
  epp_status status = EPP_OK;
  bool answered = false;
  {
    const SampledTimer timer(instance, kPoint);
    answered = guarded(instance, kPoint, &error, [&] {
      status = instance.usage_limits->ceilings(instance.raw(), saturation, priorities.data(), priorities.size(),
                                               ceilings.data(), &again_ns, error.clear());
    });
  }
  if (!answered || status != EPP_OK) {
    std::fill(ceilings.begin(), ceilings.end(), kOpen);
    again_ns = 0;
    if (answered) instance.refuse_answer(kPoint, Fault::kError, error.message());
    return;
  }
  bool all_numbers = true;
  for (double& ceiling : ceilings) {
    if (!std::isnan(ceiling)) continue;
    ceiling = kOpen;
    all_numbers = false;
  }
  if (all_numbers) {
    instance.accept_answer(kPoint);
  } else {
    instance.refuse_answer(kPoint, Fault::kNotANumber, "a ceiling is NaN");
  }
}

bool accepts_eviction(const Instance& instance, const epp_running_request& request) {
  constexpr ExtensionPoint kPoint = ExtensionPoint::kEvictionFilter;
  if (passed_over(instance, kPoint)) return false;
  bool accepted = false;
  notify(instance, kPoint, nullptr,
         [&] { accepted = instance.eviction_filter->accept(instance.raw(), &request) != 0; });
  return accepted;
}

bool evicts_before(const Instance& instance, const epp_running_request& a, const epp_running_request& b) {
  if (instance.bypassed()) return false;
  bool before = false;
  guarded(instance, ExtensionPoint::kEvictionOrdering, nullptr,
          [&] { before = instance.eviction_ordering->before(instance.raw(), &a, &b) != 0; });
  return before;
}

}  // namespace epp::plugins
