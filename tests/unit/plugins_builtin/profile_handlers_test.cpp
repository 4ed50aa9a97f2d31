// Profile handlers that need nothing but results.
#include "unit/plugin_harness/plugin_harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SingleProfile : public ::testing::Test {
 protected:
  SingleProfile() {
    host.load("single-profile-handler");
    handler = host.create("single-profile-handler");
    host.endpoint("a");
  }
  PluginHarness host;
  epp::plugins::InstancePtr handler;
};

TEST_F(SingleProfile, RunsItOnce) {
  auto request = host.request();
  request.profile_not_run("default");
  EXPECT_THAT(host.pick_profiles(handler, request).run, ElementsAre("default"));
  request.clear_results().result("default", {"a"});
  EXPECT_THAT(host.pick_profiles(handler, request).run, IsEmpty());
  const auto result = host.process_profiles(handler, request);
  EXPECT_EQ(result.primary, "default");
  EXPECT_THAT(result.included, ElementsAre("default"));
}

TEST_F(SingleProfile, FailedRunIsAnError) {
  auto request = host.request();
  request.failed_result("default", "no endpoints available for the given request", EPP_ERR_RESOURCE_EXHAUSTED);
  const auto result = host.process_profiles(handler, request);
  EXPECT_EQ(result.status, EPP_ERR_UNTYPED);
  EXPECT_EQ(result.message, "failed to run scheduler profile 'default'");
}

TEST_F(SingleProfile, RefusesSeveralProfiles) {
  EXPECT_EQ(host.bind_profiles(handler, {"default"}), "");
  EXPECT_EQ(host.bind_profiles(handler, {"a", "b"}),
            "SingleProfileHandler cannot support multiple scheduling profiles");
}

// SchedulingCheck 31.
TEST(SchedulingCheck, C31_HeaderProfileHandler) {
  PluginHarness host;
  host.load("header-profile-handler");
  const auto handler = host.create("header-profile-handler");
  host.endpoint("a");
  const auto picked = [&](std::string_view header) {
    auto request = host.request();
    if (!header.empty()) request.header("epp-profile", header);
    request.profile_not_run("decode").profile_not_run("prefill");
    return host.pick_profiles(handler, request).run;
  };
  EXPECT_THAT(picked(""), ElementsAre("decode"));
  EXPECT_THAT(picked("  "), ElementsAre("decode"));
  EXPECT_THAT(picked(" prefill "), ElementsAre("prefill"));
  EXPECT_THAT(picked("PREFILL"), IsEmpty());

  auto done = host.request();
  done.header("epp-profile", "prefill").profile_not_run("decode").result("prefill", {"a"});
  EXPECT_THAT(host.pick_profiles(handler, done).run, IsEmpty());
  EXPECT_EQ(host.process_profiles(handler, done).primary, "prefill");

  auto failed = host.request();
  failed.profile_not_run("decode").failed_result("prefill", "drained");
  EXPECT_EQ(host.process_profiles(handler, failed).message, "failed to run scheduler profile 'prefill'");
}

TEST(HeaderProfileHandler, SingleProfileAlwaysRuns) {
  PluginHarness host;
  host.load("header-profile-handler");
  const auto handler = host.create("header-profile-handler", R"({"headerName": "X-P", "defaultProfile": "none"})");
  host.endpoint("a");
  auto request = host.request();
  request.header("x-p", "unknown").profile_not_run("only");
  EXPECT_THAT(host.pick_profiles(handler, request).run, ElementsAre("only"));
}

}  // namespace
