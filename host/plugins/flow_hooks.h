// Calling flow-control policies: what a fault is replaced by, and what is counted.
//
// They run up to a million times a second, so that none of them reads the clock for itself: of the picks, ceilings and
// detector readings of a thread every 1024th is timed for the observer, the rest never.
//
// Callers check that the instance serves the point (its table pointer). None of these throws or allocates. [dispatcher]
#pragma once

#include "plugins/instance.h"

#include <cstdint>
#include <span>

namespace epp::plugins {

// ---- fairness ----
// A band is the policy's own; nullptr when it could not be opened, which is counted: every function below then does
// nothing and every pick is unusable.
void* open_fairness_band(const Instance& instance, int32_t priority, ErrorBuffer& error);
void close_fairness_band(const Instance& instance, void* band);
void tell_flow_added(const Instance& instance, void* band, const epp_flow& flow);
void tell_flow_removed(const Instance& instance, void* band, const epp_flow& flow);
void tell_head_changed(const Instance& instance, void* band, const epp_flow& flow);
// `kind` is EPP_CHARGE_*.
void tell_charged(const Instance& instance, void* band, const epp_flow& flow, uint32_t kind, int64_t tokens);

// Writes the index of the flow that goes next; false: no answer, counted. The caller alone knows which flows are active
// and has the answer judged before it uses it.
bool run_fairness_pick(const Instance& instance, void* band, uint64_t now_ns, ErrorBuffer& error, uint32_t& flow);
// Returns `active`; an idle or unknown flow is counted.
bool judge_pick(const Instance& instance, bool active);

// ---- ordering ----
// The sort key; `enqueued_ns` on error.
int64_t run_ordering_key(const Instance& instance, const epp_queued_request& item, ErrorBuffer& error);
// Whether the order needs runs_before; keys say it all otherwise.
bool has_comparator(const Instance& instance);
// `a` goes before `b` by the comparator; false where there is none.
bool runs_before(const Instance& instance, const epp_queued_request& a, const epp_queued_request& b);

// ---- usage limits ----
// Fills `ceilings`, one for each of `priorities` (descending); 1.0 on error and in place of NaN. `again_ns`: see
// usage_limits.h.
void run_usage_limits(const Instance& instance, double saturation, std::span<const int32_t> priorities,
                      std::span<double> ceilings, ErrorBuffer& error, uint64_t& again_ns);

// ---- eviction ----
bool accepts_eviction(const Instance& instance, const epp_running_request& request);
// `a` is evicted before `b`.
bool evicts_before(const Instance& instance, const epp_running_request& a, const epp_running_request& b);

}  // namespace epp::plugins
