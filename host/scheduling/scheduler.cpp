#include "scheduling/scheduler.h"

#include "scheduling/workspace.h"

#include <algorithm>
#include <random>
#include <utility>

namespace epp::scheduling {

namespace {

using plugins::ExtensionPoint;
using plugins::Fault;

epp_str to_abi(std::string_view text) {
  return {text.data(), text.size()};
}

// Shows the runs to plugins.
void publish(std::span<const ProfileConfig> profiles, Workspace::Impl& work) {
  for (size_t i = 0; i < profiles.size(); ++i) {
    const ProfileRun& run = work.runs[i];
    epp_profile_result& item = work.items[i];
    item = {};
    item.size = sizeof item;
    item.state = run.state;
    item.name = to_abi(profiles[i].name);
    item.targets = run.targets.data();
    item.target_count = run.targets.size();
    item.candidates = run.candidates.data();
    item.scores = run.totals.data();
    item.candidate_count = run.candidates.size();
    item.status = run.status;
    item.message = to_abi(run.message);
  }
}

void prepare(std::span<const ProfileConfig> profiles, const epp_candidates& candidates, Workspace::Impl& work) {
  work.runs.resize(profiles.size());
  for (ProfileRun& run : work.runs)
    run.clear();
  work.items.resize(profiles.size());
  work.decisions.resize(profiles.size());
  work.include.resize(profiles.size());
  work.results = {};
  work.results.size = sizeof work.results;
  work.results.items = work.items.data();
  work.results.count = work.items.size();
  work.results.stride = sizeof(epp_profile_result);
  work.results.endpoints = candidates.endpoints;
  publish(profiles, work);
}

bool has_code(epp_status status) {
  return status != EPP_OK && status != EPP_ERR_UNTYPED;
}

// Failed profiles, by name.
std::vector<size_t> failed_profiles(std::span<const ProfileConfig> profiles, const Workspace::Impl& work) {
  std::vector<size_t> failed;
  for (size_t i = 0; i < profiles.size(); ++i) {
    if (work.runs[i].state == EPP_PROFILE_FAILED) failed.push_back(i);
  }
  std::sort(failed.begin(), failed.end(), [&](size_t a, size_t b) { return profiles[a].name < profiles[b].name; });
  return failed;
}

// The handler's complaint and the errors of failed profiles become one: the first with a code of its own (handler,
// then profiles by name) is the answer; without any, all texts are joined.
void join_errors(std::span<const ProfileConfig> profiles, const Workspace::Impl& work, epp_status status,
                 std::string_view message, std::string_view reason, ScheduleError& error) {
  if (has_code(status)) {
    error.status = status;
    error.message.assign(message);
    error.reason.assign(reason);
    return;
  }
  const std::vector<size_t> failed = failed_profiles(profiles, work);
  for (const size_t i : failed) {
    const ProfileRun& run = work.runs[i];
    if (!has_code(run.status)) continue;
    error.status = run.status;
    error.message = run.message;
    error.reason = run.reason;
    return;
  }
  error.status = EPP_ERR_RESOURCE_EXHAUSTED;
  error.reason.clear();
  error.message = "failed to find target endpoint: ";
  error.message += message;
  for (const size_t i : failed)
    error.message += "\nprofile \"" + profiles[i].name + "\": " + work.runs[i].message;
}

}  // namespace

Workspace::Workspace() : Workspace(std::random_device{}()) {}
Workspace::Workspace(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
Workspace::~Workspace() = default;

const epp_profile_results& Workspace::results() const {
  return impl_->results;
}

std::span<const uint32_t> Workspace::targets() const {
  const size_t primary = impl_->results.primary;
  if (primary >= impl_->runs.size()) return {};
  return impl_->runs[primary].targets;
}

Scheduler::Scheduler(std::vector<ProfileConfig> profiles, plugins::InstancePtr handler)
    : profiles_(std::move(profiles)), handler_(std::move(handler)) {}

std::string Scheduler::bind() {
  std::vector<epp_str> names;
  names.reserve(profiles_.size());
  for (const ProfileConfig& profile : profiles_)
    names.push_back(to_abi(profile.name));
  return plugins::run_handler_bind(*handler_, names);
}

bool Scheduler::schedule(plugins::RequestContext& request, const epp_candidates& candidates, Workspace& workspace,
                         ScheduleError& error, ScheduleObserver* observer) const {
  Workspace::Impl& work = *workspace.impl_;
  prepare(profiles_, candidates, work);
  plugins::CallTimer timer;
  plugins::Call call{request, work.error, timer};

  epp_status status = run_profiles(call, candidates, work, observer);
  if (status != EPP_OK) {
    join_errors(profiles_, work, status, work.error.message(), work.error.reason(), error);
    return false;
  }
  const bool nothing_ran = std::all_of(work.runs.begin(), work.runs.end(),
                                       [](const ProfileRun& run) { return run.state == EPP_PROFILE_NOT_RUN; });
  if (nothing_ran) {
    error.status = EPP_ERR_RESOURCE_EXHAUSTED;
    error.message = "failed to find target endpoint: failed to run any scheduler profile for request " + request.id;
    error.reason.clear();
    return false;
  }
  status = process(call, work);
  if (status != EPP_OK) {
    join_errors(profiles_, work, status, work.error.message(), work.error.reason(), error);
    return false;
  }
  return true;
}

epp_status Scheduler::run_profiles(plugins::Call& call, const epp_candidates& candidates, Workspace::Impl& work,
                                   ScheduleObserver* observer) const {
  // Every profile once, and a last turn to say that nothing is left.
  const size_t turns = profiles_.size() + 1;
  for (size_t turn = 1;; ++turn) {
    const epp_status status = plugins::run_handler_pick(*handler_, call, work.results, work.decisions);
    if (status != EPP_OK) return status;
    const bool any = std::find(work.decisions.begin(), work.decisions.end(), EPP_DECIDE_RUN) != work.decisions.end();
    if (any && turn == turns) {
      handler_->count_fault(ExtensionPoint::kProfilePicker, Fault::kOutOfRange,
                            "still wants to run profiles after every one had its turn");
      return EPP_OK;
    }
    for (size_t i = 0; i < profiles_.size(); ++i) {
      if (work.decisions[i] == EPP_DECIDE_RUN) {
        run_profile(profiles_[i], call, candidates, work, work.runs[i], observer);
      } else if (work.decisions[i] == EPP_DECIDE_SKIP) {
        work.runs[i].clear();
        work.runs[i].state = EPP_PROFILE_SKIPPED;
      }
    }
    publish(profiles_, work);
    if (!any) return EPP_OK;
  }
}

epp_status Scheduler::process(plugins::Call& call, Workspace::Impl& work) const {
  for (size_t i = 0; i < profiles_.size(); ++i)
    work.include[i] = work.runs[i].state == EPP_PROFILE_SUCCEEDED ? 1 : 0;
  uint32_t primary = 0;
  const epp_status status = plugins::run_handler_process(*handler_, call, work.results, primary, work.include);
  if (status != EPP_OK) return status;
  if (primary >= profiles_.size() || work.runs[primary].state != EPP_PROFILE_SUCCEEDED) {
    work.error.set_message("the profile handler named a primary profile that did not succeed");
    handler_->count_fault(ExtensionPoint::kProcessProfilesResults, Fault::kOutOfRange, work.error.message());
    return EPP_ERR_UNTYPED;
  }
  work.include[primary] = 1;
  for (size_t i = 0; i < profiles_.size(); ++i) {
    if (work.include[i] == 0 && work.runs[i].state == EPP_PROFILE_SUCCEEDED) work.runs[i].clear();
  }
  publish(profiles_, work);
  work.results.primary = primary;
  return EPP_OK;
}

}  // namespace epp::scheduling
