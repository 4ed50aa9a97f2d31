// A scheduler over scripted plugins.
#pragma once

#include "scheduling/scheduler.h"
#include "unit/plugin_harness/scripted.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::scheduling {

class SchedulerFixture : public ::testing::Test {
 protected:
  SchedulerFixture() { load_scripted(host); }

  // A filter that keeps the endpoints with these names.
  plugins::InstancePtr filter(const std::string& name, std::vector<std::string> keep);
  // A scorer that answers by endpoint name; others get 0.
  plugins::InstancePtr scorer(const std::string& name, std::map<std::string, double> scores);
  // A picker of the best total, the first on ties.
  plugins::InstancePtr first_best(const std::string& name = "picker");
  // Runs every profile once; profile `primary` is the answer, and an error when it failed.
  plugins::InstancePtr run_all(uint32_t primary = 0, const std::string& name = "handler");

  bool schedule(const Scheduler& scheduler);
  // Endpoint name -> total, of profile i's latest run.
  std::map<std::string, double> totals(size_t profile = 0);
  std::vector<std::string> targets();
  std::string name(uint32_t slot) { return host.table().snapshot()->endpoint(slot)->spec().name; }

  testing::PluginHarness host;
  testing::TestRequest request = host.request();
  Workspace workspace{1};
  ScheduleError error;
  ScheduleObserver* observer = nullptr;
};

}  // namespace epp::scheduling
