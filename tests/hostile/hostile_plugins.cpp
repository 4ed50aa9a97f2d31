// Plugins that give answers which cannot be used.
#include "hostile/hostile.h"

#include <cmath>
#include <stdexcept>

namespace {

using namespace hostile;

epp_status score_throwing(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*) {
  throw std::runtime_error("thrown by a scorer");
}

epp_status pre_request_throwing(const epp_instance*, const epp_request*, const epp_profile_results*, epp_error*) {
  throw std::runtime_error("thrown by a hook");
}

epp_status response_header_throwing(const epp_instance*, const epp_request*, const epp_response*, epp_error*) {
  throw 42;
}

epp_status score_nan(const epp_instance*, const epp_request*, const epp_candidates* candidates, double* scores,
                     epp_error*) {
  for (uint32_t i = 0; i < candidates->count; ++i)
    scores[i] = std::nan("");
  return EPP_OK;
}

epp_status filter_wrongly(const epp_instance*, const epp_request*, const epp_candidates*, uint32_t* kept,
                          uint32_t* kept_count, epp_error*) {
  kept[0] = 4'000'000'000u;
  *kept_count = 1;
  return EPP_OK;
}

epp_status pick_wrongly(const epp_instance*, const epp_request*, const epp_candidates* candidates, const double*,
                        uint32_t* picked, uint32_t* picked_count, epp_error*) {
  picked[0] = candidates->count + 1'000'000;
  *picked_count = 1;
  return EPP_OK;
}

epp_status score_failing(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*) {
  return EPP_ERR_UNTYPED;
}

// State that is never freed and cannot be dropped.
epp_status score_leaking(const epp_instance* instance, const epp_request* request, const epp_candidates*, double*,
                         epp_error*) {
  static int never_freed = 0;
  of(instance).requests->set_state(of(instance).self, request, &never_freed,
                                   [](void*) { throw std::runtime_error("thrown by a drop"); });
  return EPP_OK;
}

epp_status produce_twice(const epp_instance* instance, const epp_request*, const epp_candidates*, uint64_t token,
                         epp_error*) {
  for (int i = 0; i < 2; ++i)
    of(instance).async->complete(of(instance).self, token, EPP_OK, nullptr, 0, epp_str{});
  return EPP_PENDING;
}

epp_status produce_undeclared(const epp_instance* instance, const epp_request* request,
                              const epp_candidates* candidates, uint64_t, epp_error*) {
  const Hostile& me = of(instance);
  double* const column = me.attributes->write_f64(me.self, request, candidates, me.queue);
  if (column == nullptr) return EPP_OK;  // as the contract says; a plugin that does not look dies of it
  for (uint32_t i = 0; i < candidates->count; ++i)
    column[candidates->slots[i]] = 1e9;
  return EPP_OK;
}

epp_status saturation_throwing(const epp_instance*, const epp_candidates*, const epp_reservations*, double*, uint64_t*,
                               epp_error*) {
  throw std::runtime_error("thrown by a detector");
}

// One that nobody ever hears of again.
epp_status produce_never(const epp_instance*, const epp_request*, const epp_candidates*, uint64_t, epp_error*) {
  return EPP_PENDING;
}

const epp_scorer kThrowingScorer = scorer(score_throwing);
const epp_scorer kNanScorer = scorer(score_nan);
const epp_scorer kFailingScorer = scorer(score_failing);
const epp_scorer kLeakingScorer = scorer(score_leaking);
const epp_pre_request kThrowingPreRequest = {sizeof(epp_pre_request), 0, pre_request_throwing};
const epp_response_header kThrowingResponseHeader = {sizeof(epp_response_header), 0, response_header_throwing};
const epp_filter kWrongFilter = {sizeof(epp_filter), 0, filter_wrongly};
const epp_picker kWrongPicker = {sizeof(epp_picker), 0, pick_wrongly};
const epp_producer kDoubleProducer = producer(produce_twice);
const epp_producer kUndeclaredProducer = producer(produce_undeclared);
const epp_producer kSilentProducer = producer(produce_never);
const epp_saturation_detector kThrowingDetector = detector(saturation_throwing);

const epp_type kTypes[] = {
    type<&kThrowingScorer>("throwing-scorer"),
    type<&kThrowingPreRequest>("throwing-pre-request"),
    type<&kThrowingResponseHeader>("throwing-response-header"),
    type<&kNanScorer>("nan-scorer"),
    type<&kWrongFilter>("wrong-filter"),
    type<&kWrongPicker>("wrong-picker"),
    type<&kFailingScorer>("failing-scorer"),
    type<&kLeakingScorer>("leaking-scorer"),
    type<&kDoubleProducer>("double-producer"),
    type<&kUndeclaredProducer>("undeclared-producer"),
    type<&kSilentProducer>("silent-producer"),
    type<&kThrowingDetector>("throwing-detector"),
};

}  // namespace

HOSTILE_LIBRARY(kTypes);
