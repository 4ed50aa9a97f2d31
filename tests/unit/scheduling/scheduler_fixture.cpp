#include "unit/scheduling/scheduler_fixture.h"

#include <algorithm>

namespace epp::scheduling {

using plugins::InstancePtr;
using testing::script;

InstancePtr SchedulerFixture::filter(const std::string& name, std::vector<std::string> keep) {
  script(name).filter = [keep = std::move(keep)](const auto&, const sdk::Candidates& candidates, sdk::Kept& kept) {
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      const std::string_view endpoint = sdk::view(candidates.endpoint(i).name);
      if (std::find(keep.begin(), keep.end(), endpoint) != keep.end()) kept.keep(candidates.slot(i));
    }
  };
  return host.create("scripted-filter", "{}", name);
}

InstancePtr SchedulerFixture::scorer(const std::string& name, std::map<std::string, double> scores) {
  script(name).score = [by_name = std::move(scores)](const auto&, const sdk::Candidates& candidates,
                                                     std::span<double> out) {
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      const auto at = by_name.find(std::string(sdk::view(candidates.endpoint(i).name)));
      if (at != by_name.end()) out[i] = at->second;
    }
  };
  return host.create("scripted-scorer", "{}", name);
}

InstancePtr SchedulerFixture::first_best(const std::string& name) {
  script(name).pick = [](const auto&, const auto&, std::span<const double> all, sdk::Picks& picks) {
    picks.add(static_cast<uint32_t>(std::max_element(all.begin(), all.end()) - all.begin()));
  };
  return host.create("scripted-picker", "{}", name);
}

InstancePtr SchedulerFixture::run_all(uint32_t primary, const std::string& name) {
  script(name).pick_profiles = [](const auto&, const sdk::Results& results, std::span<uint32_t> decisions) {
    for (uint32_t i = 0; i < results.size(); ++i) {
      if (results[i].state == EPP_PROFILE_NOT_RUN) decisions[i] = EPP_DECIDE_RUN;
    }
  };
  script(name).process_profiles = [primary](const auto&, const sdk::Results& results, auto) {
    if (results[primary].state != EPP_PROFILE_SUCCEEDED) throw sdk::Error("primary profile failed");
    return primary;
  };
  return host.create("scripted-handler", "{}", name);
}

bool SchedulerFixture::schedule(const Scheduler& scheduler) {
  const epp_candidates candidates = host.stage(request);
  error = {};
  return scheduler.schedule(request.context(), candidates, workspace, error, observer);
}

std::map<std::string, double> SchedulerFixture::totals(size_t profile) {
  const epp_profile_result& result = workspace.results().items[profile];
  std::map<std::string, double> by_name;
  for (uint64_t i = 0; i < result.candidate_count; ++i)
    by_name[name(result.candidates[i])] = result.scores[i];
  return by_name;
}

std::vector<std::string> SchedulerFixture::targets() {
  std::vector<std::string> names;
  for (const uint32_t slot : workspace.targets())
    names.push_back(name(slot));
  return names;
}

}  // namespace epp::scheduling
