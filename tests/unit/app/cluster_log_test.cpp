#include "app/cluster_log.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ClusterLogTest : public ::testing::Test {
 protected:
  // What was written since the last call.
  std::vector<std::string> lines() {
    log.flush();
    return std::exchange(written, {});
  }
  void fail(const std::string& text) { observer.on_failed("pods", text, std::chrono::milliseconds(200)); }
  std::string page() const { return registry.render().body; }

  std::vector<std::string> written;
  telemetry::Log log{[this] {
    telemetry::LogOptions options;
    options.write = [this](std::string_view line) { written.emplace_back(line); };
    return options;
  }()};
  telemetry::Registry registry;
  telemetry::EppMetrics metrics{registry};
  telemetry::KubeMetrics kube_metrics{registry};
  std::vector<std::string> lost;
  ClusterLog observer{metrics, kube_metrics, log.logger("cluster"),
                      [this](std::string_view why) { lost.emplace_back(why); }};
};

TEST_F(ClusterLogTest, FailuresThatRepeatAreToldOnce) {
  fail("connection refused");
  EXPECT_THAT(lines(), ElementsAre(AllOf(HasSubstr("connection refused"), HasSubstr("\"error\""))));
  for (int i = 0; i < 100; ++i)
    fail("connection refused");
  EXPECT_THAT(lines(), IsEmpty());
  fail("403 Forbidden");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("403 Forbidden")));
  observer.on_watch_connected("pods");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("followed again")));
  observer.on_watch_connected("pods");
  EXPECT_THAT(lines(), IsEmpty());
  fail("connection refused");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("connection refused")));
  EXPECT_THAT(page(), HasSubstr("epp_kube_request_failures_total{resource=\"pods\"} 103"));
}

TEST_F(ClusterLogTest, TextsThatNeverRepeatAreBounded) {
  for (int i = 0; i < 100; ++i)
    fail("connection " + std::to_string(i) + " refused");
  EXPECT_LE(lines().size(), 4U);
}

TEST_F(ClusterLogTest, TheWatchGauge) {
  observer.on_watch_connected("pods");
  EXPECT_THAT(page(), HasSubstr("epp_kube_watch_connected{resource=\"pods\"} 1"));
  observer.on_watch_ended("pods");
  EXPECT_THAT(page(), HasSubstr("epp_kube_watch_connected{resource=\"pods\"} 0"));
}

TEST_F(ClusterLogTest, RelistsByReason) {
  observer.on_relist("pods", "GET /api/v1/pods: 410 Gone: Expired: too old resource version");
  observer.on_relist("pods", "an event could not be read");
  EXPECT_THAT(page(), HasSubstr("epp_kube_relists_total{reason=\"expired\",resource=\"pods\"} 1"));
  EXPECT_THAT(page(), HasSubstr("epp_kube_relists_total{reason=\"failed\",resource=\"pods\"} 1"));
}

TEST_F(ClusterLogTest, InvalidObjectsAreNamed) {
  observer.on_invalid("inferencepools", "ns/p", {"spec.targetPorts[1].number", "must be 1..65535"});
  EXPECT_THAT(lines(), ElementsAre(AllOf(HasSubstr("ns/p"), HasSubstr("spec.targetPorts[1].number"))));
  EXPECT_THAT(page(), HasSubstr("epp_kube_invalid_objects_total{resource=\"inferencepools\"} 1"));
}

TEST_F(ClusterLogTest, OnlyALostLeadIsReported) {
  observer.on_stopped_leading(kube::kReleased);
  EXPECT_THAT(lost, IsEmpty());
  observer.on_stopped_leading(kube::kLeadLost);
  EXPECT_THAT(lost, ElementsAre("leader election lost"));
}

TEST_F(ClusterLogTest, ReviewsFailAndRecover) {
  observer.on_review("");
  EXPECT_THAT(lines(), IsEmpty());
  observer.on_review("403 Forbidden");
  observer.on_review("403 Forbidden");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("cannot be reviewed")));
  observer.on_review("");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("reviewed again")));
  EXPECT_THAT(page(), HasSubstr("epp_kube_reviews_total 4"));
}

}  // namespace
}  // namespace epp::app
