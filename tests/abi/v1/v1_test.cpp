// Plugins of version 1 in today's host: those of plugins/, built against the frozen headers, and the very same as a
// binary that was made when version 1 was finished. Both must load and work for as long as the major is 1.
#include "plugins/flow_hooks.h"
#include "plugins/instance.h"
#include "plugins/library.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Binary {
  std::string name;
  std::string path;

  friend void PrintTo(const Binary& binary, std::ostream* out) { *out << binary.name; }
};

const std::vector<Binary> kBinaries = {
    {"RebuiltAgainstTheFrozenHeaders", std::string(EPP_ABI_LIBRARIES) + "/abi-v1_plugins.so"},
#ifdef __x86_64__
    {"AsStored", std::string(EPP_ABI_LIBRARIES) + "/stored-v1_plugins.so"},
#endif
};

class VersionOne : public ::testing::TestWithParam<Binary> {
 protected:
  void SetUp() override {
    host.load(GetParam().path);
    host.endpoint("a").label("role", "decode").set(EPP_KEY_WAITING_QUEUE_SIZE, 1.0).rank(3);
    host.endpoint("b").label("role", "prefill").set(EPP_KEY_WAITING_QUEUE_SIZE, 3.0);
    host.endpoint("c").label("role", "decode");
  }

  PluginHarness host;
};

TEST_P(VersionOne, Filters) {
  auto request = host.request();
  const auto filter = host.create("v1-filter", R"({"role": "decode"})");
  EXPECT_THAT(host.filter(filter, request), ElementsAre("a", "c"));
  host.endpoint("a").annotation("v1/off", "yes");
  EXPECT_THAT(host.filter(filter, request), ElementsAre("c"));
}

TEST_P(VersionOne, Scores) {
  auto request = host.request();
  EXPECT_THAT(host.score(host.create("v1-scorer", R"({"capacity": 4})"), request), ElementsAre(0.75, 0.25, 0.5));
  EXPECT_EQ(host.create_error("v1-scorer", R"({"capacity": 0})"), "capacity must be above 0");
}

TEST_P(VersionOne, Picks) {
  auto request = host.request();
  EXPECT_THAT(host.pick(host.create("v1-picker"), request, {0.1, 0.9, 0.5}), ElementsAre("b", "c", "a"));
}

TEST_P(VersionOne, HandlesProfiles) {
  const auto handler = host.create("v1-handler");
  EXPECT_EQ(host.bind_profiles(handler, {"one", "two"}), "");
  EXPECT_EQ(host.bind_profiles(handler, {}), "a profile is wanted");
  auto request = host.request();
  request.profile_not_run("one").profile_not_run("two");
  EXPECT_THAT(host.pick_profiles(handler, request).run, ElementsAre("one"));
  request.clear_results().result("one", {"a"}).profile_not_run("two");
  EXPECT_THAT(host.pick_profiles(handler, request).skip, ElementsAre("two"));
  request.header("x-v1-all", "1");
  EXPECT_THAT(host.pick_profiles(handler, request).run, ElementsAre("two"));
  request.clear_results().result("one", {"a"}).result("two", {"b"}).result("three", {"c"});
  const auto result = host.process_profiles(handler, request);
  EXPECT_EQ(result.primary, "one");
  EXPECT_THAT(result.included, ElementsAre("one", "two"));
  request.clear_results().failed_result("one", "full");
  EXPECT_EQ(host.process_profiles(handler, request).status, EPP_ERR_UNAVAILABLE);
}

TEST_P(VersionOne, Produces) {
  const auto producer = host.create("v1-producer");
  auto request = host.request();
  request.model("llama").api(EPP_API_COMPLETIONS);
  EXPECT_TRUE(host.produce(producer, request).ok());
  EXPECT_THAT(host.i64(request, "V1/v1-producer#rank"), ElementsAre(3, 0, 0));
  EXPECT_THAT(host.f64(request, "V1/v1-producer#share"), ElementsAre(1.0 / 3, 1.0 / 3, 1.0 / 3));
  EXPECT_EQ(host.text_value(request, "V1/v1-producer#model"), "llama");
  EXPECT_THAT(host.u32_value(request, "V1/v1-producer#ids"), ElementsAre(3u, EPP_API_COMPLETIONS));
}

TEST_P(VersionOne, AnswersLater) {
  const auto producer = host.create("v1-late-producer", "{}", "late");
  auto request = host.request();
  const auto pending = host.produce(producer, request);
  ASSERT_EQ(pending.status, EPP_PENDING);
  host.advance_ns(2'000'000);
  ASSERT_TRUE(host.await(producer, request, pending));
  EXPECT_EQ(host.text_value(request, "V1/late#text"), "forty-two");
  EXPECT_THAT(host.f64(request, "V1/late#load"), ElementsAre(0.25, 0.25, 0.25));
}

TEST_P(VersionOne, IsToldThatNobodyWaits) {
  const auto producer = host.create("v1-late-producer", "{}", "late");
  auto request = host.request();
  const auto pending = host.produce(producer, request);
  ASSERT_EQ(pending.status, EPP_PENDING);
  host.abandon(producer, pending);
  EXPECT_THAT(host.log_lines(), Contains(HasSubstr("nobody waits")));
  host.advance_ns(2'000'000);
  EXPECT_EQ(producer->faults(plugins::Fault::kLateCompletion), 1u);
  EXPECT_EQ(host.text_value(request, "V1/late#text"), "");
}

TEST_P(VersionOne, AdmitsAndDenies) {
  const auto hooks = host.create("v1-hooks");
  auto request = host.request();
  EXPECT_TRUE(host.admit(hooks, request).ok());
  request.header("x-v1-deny", "1");
  const auto denied = host.admit(hooks, request);
  EXPECT_EQ(denied.status, EPP_ERR_FORBIDDEN);
  EXPECT_EQ(denied.message, "not today");
}

TEST_P(VersionOne, GoesAlongWithARequest) {
  const auto hooks = host.create("v1-hooks", "{}", "hooks");
  auto request = host.request();
  request.header("x-v1-all", "1").result("one", {"b", "a"});
  EXPECT_TRUE(host.pre_request(hooks, request).ok());
  const auto& mutations = request.context().request_mutations;
  ASSERT_EQ(mutations.size(), 2u);
  EXPECT_TRUE(mutations[0].remove);
  EXPECT_EQ(mutations[0].name, "x-v1-all");
  EXPECT_EQ(mutations[1].name, "x-v1-target");
  EXPECT_EQ(mutations[1].value, "10.0.0.2:8000");
  EXPECT_THAT(host.live("V1Running/hooks#requests"), ElementsAre(0, 1, 0));

  host.response_header(hooks, request);
  ASSERT_EQ(request.context().response_mutations.size(), 1u);
  EXPECT_EQ(request.context().response_mutations[0].value, "default/b");
  host.response_complete(hooks, request);
  EXPECT_THAT(host.live("V1Running/hooks#requests"), ElementsAre(0, 0, 0));
}

TEST_P(VersionOne, WatchesEndpoints) {
  const auto watcher = host.create("v1-watcher", "{}", "watcher");
  EXPECT_EQ(host.state(watcher), R"({"endpoints":3})");
  host.remove_endpoint("c");
  EXPECT_EQ(host.state(watcher), R"({"endpoints":2})");
  EXPECT_EQ(host.metric("v1_endpoints", {"watcher"}), 2.0);
  EXPECT_THAT(host.log_lines(), Contains(HasSubstr("an endpoint came")));
}

TEST_P(VersionOne, KeepsAFairOrder) {
  const auto flow = host.create("v1-flow");
  plugins::ErrorBuffer error;
  void* const band = plugins::open_fairness_band(*flow, 0, error);
  ASSERT_NE(band, nullptr);
  const auto queued = [](int64_t cost) {
    epp_queued_request item{};
    item.size = sizeof item;
    item.cost = cost;
    return item;
  };
  const epp_queued_request small = queued(1);
  const epp_queued_request large = queued(9);
  epp_flow one{};
  one.size = sizeof one;
  one.weight = 1;
  one.head = &small;
  epp_flow two = one;
  two.index = 1;
  uint32_t picked = 99;
  EXPECT_FALSE(plugins::run_fairness_pick(*flow, band, 0, error, picked));
  for (const epp_flow& known : {one, two}) {
    plugins::tell_flow_added(*flow, band, known);
    plugins::tell_head_changed(*flow, band, known);
  }
  plugins::tell_charged(*flow, band, one, EPP_CHARGE_DISPATCH, 5);
  EXPECT_TRUE(plugins::run_fairness_pick(*flow, band, 0, error, picked));
  EXPECT_EQ(picked, 1u);
  plugins::tell_flow_removed(*flow, band, two);
  plugins::close_fairness_band(*flow, band);

  EXPECT_EQ(plugins::run_ordering_key(*flow, large, error), 9);
  EXPECT_TRUE(plugins::runs_before(*flow, small, large));
  EXPECT_FALSE(plugins::runs_before(*flow, large, small));
}

TEST_P(VersionOne, LimitsAndEvicts) {
  const auto flow = host.create("v1-flow");
  plugins::ErrorBuffer error;
  const std::vector<int32_t> priorities = {1, -1};
  std::vector<double> ceilings(2);
  uint64_t again_ns = 0;
  plugins::run_usage_limits(*flow, 0.3, priorities, ceilings, error, again_ns);
  EXPECT_THAT(ceilings, ElementsAre(1.0, 0.5));
  EXPECT_EQ(again_ns, 1'000'000'000u);
  epp_running_request early{};
  early.size = sizeof early;
  epp_running_request late = early;
  late.dispatched_ns = 7;
  EXPECT_TRUE(plugins::evicts_before(*flow, late, early));
  EXPECT_FALSE(plugins::evicts_before(*flow, early, late));
}

TEST_P(VersionOne, DetectsSaturation) {
  const auto detector = host.create("v1-detector");
  EXPECT_DOUBLE_EQ(host.saturation(detector), 4.0 / 30);
  uint64_t again_ns = 0;
  EXPECT_DOUBLE_EQ(host.saturation(detector, {.undecided = 5, .unseen = {{"b", 6}}}, &again_ns), 15.0 / 30);
  EXPECT_EQ(again_ns, 5'000'000u);
  ASSERT_TRUE(EPP_HAS(detector->detector, epp_saturation_detector, believed_age));
  EXPECT_EQ(detector->detector->believed_age(detector->raw()), 5'000'000u);
}

TEST_P(VersionOne, IsUnloaded) {
  std::string error;
  const uint64_t before = plugins::Library::stayed_mapped();
  plugins::Library::load(GetParam().path, {}, error).reset();
  EXPECT_EQ(plugins::Library::stayed_mapped(), before);
}

INSTANTIATE_TEST_SUITE_P(Plugins, VersionOne, ::testing::ValuesIn(kBinaries),
                         [](const auto& binary) { return binary.param.name; });

}  // namespace
}  // namespace epp::testing
