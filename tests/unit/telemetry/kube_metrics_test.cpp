#include "telemetry/kube_metrics.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct KubeMetricsTest : ::testing::Test {
  Registry registry;
  KubeMetrics metrics{registry};
  std::string page() const { return registry.render().body; }
};

TEST_F(KubeMetricsTest, OfAWatch) {
  metrics.watch_connected("pods", true);
  EXPECT_THAT(page(), HasSubstr("epp_kube_watch_connected{resource=\"pods\"} 1"));
  metrics.watch_connected("pods", false);
  metrics.listed("pods", 7);
  metrics.relisted("pods", "expired");
  metrics.invalid_object("pods");
  metrics.request_failed("leases");
  for (const char* line :
       {"epp_kube_watch_connected{resource=\"pods\"} 0", "epp_kube_listed_objects{resource=\"pods\"} 7",
        "epp_kube_lists_total{resource=\"pods\"} 1", "epp_kube_relists_total{reason=\"expired\",resource=\"pods\"} 1",
        "epp_kube_invalid_objects_total{resource=\"pods\"} 1",
        "epp_kube_request_failures_total{resource=\"leases\"} 1"}) {
    EXPECT_THAT(page(), HasSubstr(line));
  }
}

TEST_F(KubeMetricsTest, StatesAreReadAtEachScrape) {
  bool leads = false;
  std::size_t suspended = 3;
  const CallbackHandle leader = metrics.leader("p", [&] { return leads; });
  {
    const CallbackHandle handle = metrics.suspended("p", [&] { return suspended; });
    EXPECT_THAT(page(), HasSubstr("epp_leader{name=\"p\"} 0"));
    EXPECT_THAT(page(), HasSubstr("epp_suspended_endpoints{name=\"p\"} 3"));
    leads = true;
    suspended = 0;
    EXPECT_THAT(page(), HasSubstr("epp_leader{name=\"p\"} 1"));
    EXPECT_THAT(page(), HasSubstr("epp_suspended_endpoints{name=\"p\"} 0"));
  }
  EXPECT_THAT(page(), Not(HasSubstr("epp_suspended_endpoints{")));
}

}  // namespace
}  // namespace epp::telemetry
