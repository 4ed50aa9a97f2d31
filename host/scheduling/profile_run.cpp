// One profile: filters, weighted scorers, picker.
#include "scheduling/workspace.h"

#include <epp/cpp/wide_loops.hpp>

#include <algorithm>
#include <span>

namespace epp::scheduling {

namespace {

constexpr std::string_view kDrained = "no endpoints available for the given request";
constexpr std::string_view kDrainedReason = "rejected-saturated";

// The candidates that are left, as plugins see them.
epp_candidates narrowed(const epp_candidates& all, const std::vector<uint32_t>& slots) {
  epp_candidates result = all;
  result.slots = slots.data();
  result.count = static_cast<uint32_t>(slots.size());
  return result;
}

bool filter(const ProfileConfig& profile, plugins::Call& call, const epp_candidates& all, Workspace::Impl& work,
            ProfileRun& run) {
  run.candidates.assign(all.slots, all.slots + all.count);
  for (const plugins::InstancePtr& instance : profile.filters) {
    if (run.candidates.empty()) break;
    const epp_candidates candidates = narrowed(all, run.candidates);
    work.kept.resize(run.candidates.size());
    uint32_t kept_count = 0;
    const epp_status status =
        plugins::run_filter(*instance, call, candidates, work.slots, work.kept.data(), kept_count);
    if (status != EPP_OK) {
      run.fail(status, call.error.message(), call.error.reason());
      return false;
    }
    work.kept.resize(kept_count);
    run.candidates.swap(work.kept);
  }
  if (!run.candidates.empty()) return true;
  run.fail(EPP_ERR_RESOURCE_EXHAUSTED, kDrained, kDrainedReason);
  return false;
}

// std::clamp's branches would keep it from becoming instructions over several values at once.
EPP_WIDE_LOOPS void accumulate(std::span<const double> scores, double weight, std::span<double> totals) {
  for (size_t i = 0; i < scores.size(); ++i)
    totals[i] += std::max(0.0, std::min(1.0, scores[i])) * weight;
}

// total = sum over scorers of clamp(score, 0, 1) * weight; not divided by the weights.
void score(const ProfileConfig& profile, plugins::Call& call, const epp_candidates& candidates, Workspace::Impl& work,
           ProfileRun& run, ScheduleObserver* observer) {
  run.totals.assign(candidates.count, 0.0);
  work.scores.resize(candidates.count);
  for (const WeightedScorer& scorer : profile.scorers) {
    plugins::run_scorer(*scorer.instance, call, candidates, work.scores);
    if (observer != nullptr) observer->on_scorer(*scorer.instance, scorer.weight, candidates, work.scores);
    accumulate(work.scores, scorer.weight, run.totals);
  }
}

// The best total; ties are broken uniformly.
uint32_t best_position(std::span<const double> totals, TieBreaker& ties) {
  uint32_t best = 0;
  uint32_t equals = 1;
  for (uint32_t i = 1; i < totals.size(); ++i) {
    if (totals[i] > totals[best]) {
      best = i;
      equals = 1;
    } else if (totals[i] == totals[best] && ties.below(++equals) == 0) {
      best = i;
    }
  }
  return best;
}

void pick(const ProfileConfig& profile, plugins::Call& call, const epp_candidates& candidates, Workspace::Impl& work,
          ProfileRun& run, ScheduleObserver* observer) {
  work.picked.resize(candidates.count);
  uint32_t picked_count = 0;
  const bool picked = profile.picker != nullptr && plugins::run_picker(*profile.picker, call, candidates, run.totals,
                                                                       work.slots, work.picked.data(), picked_count);
  if (!picked) {
    work.picked[0] = best_position(run.totals, work.ties);
    picked_count = 1;
  }
  work.picked.resize(picked_count);
  if (observer != nullptr) observer->on_picked(profile.name, candidates, run.totals, work.picked);
  run.targets.clear();
  for (const uint32_t position : work.picked)
    run.targets.push_back(candidates.slots[position]);
}

}  // namespace

void ProfileRun::clear() {
  state = EPP_PROFILE_NOT_RUN;
  candidates.clear();
  totals.clear();
  targets.clear();
  status = EPP_OK;
  message.clear();
  reason.clear();
}

void ProfileRun::fail(epp_status with, std::string_view text, std::string_view drop_reason) {
  state = EPP_PROFILE_FAILED;
  candidates.clear();
  totals.clear();
  targets.clear();
  status = with;
  message.assign(text);
  reason.assign(drop_reason);
}

void run_profile(const ProfileConfig& profile, plugins::Call& call, const epp_candidates& candidates,
                 Workspace::Impl& work, ProfileRun& run, ScheduleObserver* observer) {
  run.clear();
  if (observer != nullptr) observer->on_profile_start(profile.name, candidates);
  const bool any_left = filter(profile, call, candidates, work, run);
  if (observer != nullptr) {
    observer->on_filtered(profile.name, candidates.count, static_cast<uint32_t>(run.candidates.size()));
  }
  if (any_left) {
    const epp_candidates left = narrowed(candidates, run.candidates);
    score(profile, call, left, work, run, observer);
    pick(profile, call, left, work, run, observer);
    run.state = EPP_PROFILE_SUCCEEDED;
  }
  if (observer != nullptr) observer->on_profile_end(profile.name, any_left);
}

}  // namespace epp::scheduling
