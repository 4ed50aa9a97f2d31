/* Flow-control policies in one type, and a saturation detector. */
#include "v1.h"

#include <epp/ext/eviction.h>
#include <epp/ext/fairness.h>
#include <epp/ext/ordering.h>
#include <epp/ext/saturation_detector.h>
#include <epp/ext/usage_limits.h>
#include <epp/keys.h>

#include <stdlib.h>

/* ---- fairness: the active flow that has used least ---- */

#define V1_FLOWS 8u

typedef struct v1_band {
  int64_t used[V1_FLOWS];
  uint32_t active[V1_FLOWS];
} v1_band;

static epp_status open_band(const epp_instance* instance, int32_t priority, void** band, epp_error* error) {
  (void)instance;
  (void)priority;
  *band = calloc(1, sizeof(v1_band));
  return *band != NULL ? EPP_OK : v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
}

static void close_band(const epp_instance* instance, void* band) {
  (void)instance;
  free(band);
}

static void flow_removed(const epp_instance* instance, void* band, const epp_flow* flow) {
  v1_band* const me = (v1_band*)band;
  (void)instance;
  if (flow->index < V1_FLOWS) me->used[flow->index] = 0;
}

static void head_changed(const epp_instance* instance, void* band, const epp_flow* flow) {
  v1_band* const me = (v1_band*)band;
  (void)instance;
  if (flow->index < V1_FLOWS) me->active[flow->index] = flow->head != NULL;
}

static epp_status pick(const epp_instance* instance, void* band, uint64_t now_ns, uint32_t* flow, epp_error* error) {
  const v1_band* const me = (const v1_band*)band;
  uint32_t best = V1_FLOWS;
  (void)instance;
  (void)now_ns;
  for (uint32_t i = 0; i < V1_FLOWS; ++i) {
    if (me->active[i] != 0 && (best == V1_FLOWS || me->used[i] < me->used[best])) best = i;
  }
  if (best == V1_FLOWS) return v1_fail(error, EPP_ERR_UNTYPED, "no active flow");
  *flow = best;
  return EPP_OK;
}

static void charged(const epp_instance* instance, void* band, const epp_flow* flow, uint32_t kind, int64_t tokens) {
  v1_band* const me = (v1_band*)band;
  (void)instance;
  (void)kind;
  if (flow->index < V1_FLOWS) me->used[flow->index] += tokens;
}

static const epp_fairness kFairness = {sizeof(epp_fairness), 0,    open_band, close_band, NULL, flow_removed,
                                       head_changed,         pick, charged};

/* ---- ordering: small requests first ---- */

static epp_status key(const epp_instance* instance, const epp_queued_request* item, int64_t* key_of, epp_error* error) {
  (void)instance;
  (void)error;
  *key_of = item->cost;
  return EPP_OK;
}

static uint32_t before(const epp_instance* instance, const epp_queued_request* a, const epp_queued_request* b) {
  (void)instance;
  return a->cost < b->cost;
}

static const epp_ordering kOrdering = {sizeof(epp_ordering), 0, key, before};

/* ---- usage limits: half for bands below 0, asked again after a second ---- */

static epp_status ceilings(const epp_instance* instance, double saturation, const int32_t* priorities, uint64_t count,
                           double* limits, uint64_t* again_ns, epp_error* error) {
  (void)instance;
  (void)saturation;
  (void)error;
  for (uint64_t i = 0; i < count; ++i)
    limits[i] = priorities[i] < 0 ? 0.5 : 1.0;
  *again_ns = 1000000000;
  return EPP_OK;
}

static const epp_usage_limits kUsageLimits = {sizeof(epp_usage_limits), 0, ceilings};

/* ---- eviction: who started last goes first ---- */

static uint32_t evict_before(const epp_instance* instance, const epp_running_request* a, const epp_running_request* b) {
  (void)instance;
  return a->dispatched_ns > b->dispatched_ns;
}

static const epp_eviction_ordering kEviction = {sizeof(epp_eviction_ordering), 0, evict_before};

static const void* flow_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_FAIRNESS), &kFairness},
                              {V1_STR(EPP_EXT_ORDERING), &kOrdering},
                              {V1_STR(EPP_EXT_USAGE_LIMITS), &kUsageLimits},
                              {V1_STR(EPP_EXT_EVICTION_ORDERING), &kEviction}};
  (void)instance;
  return v1_find(served, sizeof served / sizeof served[0], id);
}

static epp_status make_flow(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                            epp_error* error) {
  (void)type;
  v1_plugin* const me = (v1_plugin*)v1_make(sizeof(v1_plugin), args, flow_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  *instance = &me->instance;
  return EPP_OK;
}

static const epp_str kFlowIds[] = {EPP_STR_INIT(EPP_EXT_FAIRNESS), EPP_STR_INIT(EPP_EXT_ORDERING),
                                   EPP_STR_INIT(EPP_EXT_USAGE_LIMITS), EPP_STR_INIT(EPP_EXT_EVICTION_ORDERING)};
const epp_type v1_flow_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-flow"),
    .version = EPP_STR_INIT("1.0.0"),
    .description = EPP_STR_INIT("least used flow, small requests first"),
    .extensions = {kFlowIds, 4},
    .create = make_flow,
};

/* ---- v1-detector: requests that wait or were let through unseen, ten to an endpoint ---- */

typedef struct v1_detector {
  v1_plugin base;
  epp_attr waiting;
} v1_detector;

static epp_status saturation(const epp_instance* instance, const epp_candidates* candidates,
                             const epp_reservations* reservations, double* full, uint64_t* again_ns, epp_error* error) {
  const v1_detector* const me = (const v1_detector*)instance->data;
  const double* const waiting = v1_attributes->f64(me->base.self, NULL, candidates, me->waiting);
  double sum = reservations != NULL ? (double)reservations->undecided : 0;
  (void)error;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    const uint32_t slot = candidates->slots[i];
    if (waiting[slot] == waiting[slot]) sum += waiting[slot];
    if (reservations != NULL && reservations->unseen != NULL) sum += reservations->unseen[slot];
  }
  *full = candidates->count != 0 ? sum / (10.0 * candidates->count) : 1.0;
  *again_ns = 5000000;
  return EPP_OK;
}

static uint64_t believed_age(const epp_instance* instance) {
  (void)instance;
  return 5000000;
}

static const epp_saturation_detector kDetector = {sizeof(epp_saturation_detector), 0, saturation, believed_age};

static const void* detector_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_SATURATION_DETECTOR), &kDetector}};
  (void)instance;
  return v1_find(served, 1, id);
}

static epp_status make_detector(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                                epp_error* error) {
  (void)type;
  v1_detector* const me = (v1_detector*)v1_make(sizeof(v1_detector), args, detector_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  me->waiting = v1_attributes->declare(args->self, V1_STR(EPP_KEY_WAITING_QUEUE_SIZE), EPP_TYPE_F64, EPP_SCOPE_ENDPOINT,
                                       EPP_ACCESS_OPTIONAL, 0);
  *instance = &me->base.instance;
  return EPP_OK;
}

static const epp_str kDetectorIds[] = {EPP_STR_INIT(EPP_EXT_SATURATION_DETECTOR)};
const epp_type v1_detector_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-detector"),
    .version = EPP_STR_INIT("1.0.0"),
    .description = EPP_STR_INIT("waiting requests, ten to an endpoint"),
    .extensions = {kDetectorIds, 1},
    .create = make_detector,
};
