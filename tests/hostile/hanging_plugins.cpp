// Plugins that do not return: for as many milliseconds as the header x-hang says, or, where there is no request, while
// the file that EPP_HOSTILE_HANG names exists.
#include "hostile/hostile.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <unistd.h>

namespace {

using namespace hostile;
using std::chrono::milliseconds;

void hang_for(const epp_instance* instance, const epp_request* request) {
  const std::string_view wanted = view(of(instance).requests->header(request, str("x-hang")));
  if (!wanted.empty()) std::this_thread::sleep_for(milliseconds(std::stoi(std::string(wanted))));
}

void hang_while_told() {
  const char* const file = std::getenv("EPP_HOSTILE_HANG");
  while (file != nullptr && ::access(file, F_OK) == 0)
    std::this_thread::sleep_for(milliseconds(2));
}

epp_status score(const epp_instance* instance, const epp_request* request, const epp_candidates*, double*, epp_error*) {
  hang_for(instance, request);
  return EPP_OK;
}

epp_status produce(const epp_instance* instance, const epp_request* request, const epp_candidates*, uint64_t,
                   epp_error*) {
  hang_for(instance, request);
  return EPP_OK;
}

epp_status pre_request(const epp_instance* instance, const epp_request* request, const epp_profile_results*,
                       epp_error*) {
  hang_for(instance, request);
  return EPP_OK;
}

epp_status saturation(const epp_instance*, const epp_candidates*, const epp_reservations*, double* saturation,
                      uint64_t*, epp_error*) {
  hang_while_told();
  *saturation = 0;
  return EPP_OK;
}

// First come, first served, by the first flow that has a head.
epp_status open_band(const epp_instance*, int32_t, void** band, epp_error*) {
  static int state = 0;
  *band = &state;
  return EPP_OK;
}

epp_status pick_flow(const epp_instance*, void*, uint64_t, uint32_t* flow, epp_error*) {
  hang_while_told();
  *flow = 0;
  return EPP_OK;
}

constexpr epp_fairness fairness() {
  epp_fairness table{};
  table.size = sizeof table;
  table.open_band = open_band;
  table.close_band = [](const epp_instance*, void*) {};
  table.pick = pick_flow;
  return table;
}

const epp_scorer kScorer = scorer(score);
const epp_producer kProducer = producer(produce);
const epp_pre_request kPreRequest = {sizeof(epp_pre_request), 0, pre_request};
const epp_saturation_detector kDetector = detector(saturation);
const epp_fairness kFairness = fairness();

void start_timer(const Hostile& me) {
  constexpr uint64_t kPeriodNs = 1'000'000;
  me.clock->start_timer(
      me.self, kPeriodNs, kPeriodNs, [](void*) { hang_while_told(); }, nullptr);
}

const epp_type kTypes[] = {
    type<&kScorer>("hanging-scorer"),          type<&kProducer>("hanging-producer"),
    type<&kPreRequest>("hanging-pre-request"), type<&kDetector>("hanging-detector"),
    type<&kFairness>("hanging-fairness"),      type<&kPreRequest, &start_timer>("hanging-timer"),
};

}  // namespace

HOSTILE_LIBRARY(kTypes);
