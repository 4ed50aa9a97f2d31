// The scheduler with the built-in plugins, loaded as the host loads them.
#include "unit/scheduling/scheduler_fixture.h"

#include <map>
#include <string>
#include <vector>

namespace epp::scheduling {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;
using ::testing::Pair;

class SchedulingCheck : public SchedulerFixture {
 protected:
  SchedulingCheck() {
    for (const char* library : {"queue-scorer", "kv-cache-utilization-scorer", "lora-affinity-scorer",
                                "prefix-cache-scorer", "max-score-picker", "single-profile-handler"})
      host.load(library);
  }
  void endpoint(const std::string& name, double usage, double queue, std::vector<std::string> adapters) {
    host.endpoint(name)
        .set(EPP_KEY_KV_CACHE_USAGE, usage)
        .set(EPP_KEY_WAITING_QUEUE_SIZE, queue)
        .set(EPP_KEY_ACTIVE_MODELS, std::move(adapters))
        .set(EPP_KEY_MAX_ACTIVE_MODELS, 2.0);
  }
  Scheduler with(std::vector<std::pair<std::string, double>> scorers) {
    ProfileConfig profile;
    profile.name = "default";
    for (const auto& [type, weight] : scorers)
      profile.scorers.push_back({host.create(type), weight});
    profile.picker = host.create("max-score-picker");
    std::vector<ProfileConfig> profiles;
    profiles.push_back(std::move(profile));
    Scheduler scheduler(std::move(profiles), host.create("single-profile-handler"));
    EXPECT_EQ(scheduler.bind(), "");
    return scheduler;
  }
  static auto near(double value) { return DoubleNear(value, 1e-9); }
};

TEST_F(SchedulingCheck, C01_TheWorkedExample) {
  endpoint("p1", 0.2, 0, {"adapterB", "adapterC"});
  endpoint("p2", 0.2, 0, {"adapterA"});
  endpoint("p3", 0.8, 10, {"adapterB"});
  request.model("adapterA");
  const Scheduler scheduler = with({{"kv-cache-utilization-scorer", 1.0},
                                    {"queue-scorer", 1.0},
                                    {"prefix-cache-scorer", 1.0},
                                    {"lora-affinity-scorer", 1.0}});
  ASSERT_TRUE(schedule(scheduler)) << error.message;
  EXPECT_THAT(totals(), ElementsAre(Pair("p1", near(1.8)), Pair("p2", near(2.8)), Pair("p3", near(1.0))));
  EXPECT_THAT(targets(), ElementsAre("p2"));
}

TEST_F(SchedulingCheck, C02_QueueScorer) {
  endpoint("a", 0, 0, {});
  endpoint("b", 0, 5, {});
  endpoint("c", 0, 10, {});
  ASSERT_TRUE(schedule(with({{"queue-scorer", 1.0}})));
  EXPECT_THAT(totals(), ElementsAre(Pair("a", near(1.0)), Pair("b", near(0.5)), Pair("c", near(0.0))));
}

TEST_F(SchedulingCheck, C04_WeightThreeTimesKvCache) {
  endpoint("a", 0.25, 0, {});
  ASSERT_TRUE(schedule(with({{"kv-cache-utilization-scorer", 3.0}})));
  EXPECT_THAT(totals(), ElementsAre(Pair("a", near(2.25))));
}

TEST_F(SchedulingCheck, C09_TiesAreSpread) {
  for (const char* name : {"a", "b", "c"})
    endpoint(name, 0.5, 1, {});
  const Scheduler scheduler = with({{"queue-scorer", 1.0}});
  std::map<std::string, int> counts;
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(schedule(scheduler));
    ++counts[targets().at(0)];
  }
  EXPECT_THAT(counts, ElementsAre(Pair("a", AllOf(Ge(840), Le(1170))), Pair("b", AllOf(Ge(840), Le(1170))),
                                  Pair("c", AllOf(Ge(840), Le(1170)))));
}

}  // namespace epp::scheduling
