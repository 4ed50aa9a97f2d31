// The disaggregation spike under a real scheduler: decode, encode and prefill profiles over one set of endpoints.
#include "plugins/factory.h"
#include "plugins/hooks.h"
#include "plugins/library.h"
#include "scheduling/scheduler.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::testing {
namespace {

using plugins::InstancePtr;
using ::testing::HasSubstr;

plugins::LibraryPtr load(const std::string& name) {
  std::string error;
  auto library = plugins::Library::load(std::string(EPP_ABI_LIBRARIES) + "/abi-" + name + ".so", {}, error);
  EXPECT_NE(library, nullptr) << error;
  return library;
}

class DisaggregationSpike : public ::testing::Test {
 protected:
  DisaggregationSpike() {
    host.endpoint("decode").label("role", "decode").node("node-2");
    host.endpoint("prefill-1").label("role", "prefill").node("node-1");
    host.endpoint("prefill-2").label("role", "prefill").node("node-2");
    host.endpoint("encode").label("role", "encode").node("node-1");
  }

  InstancePtr make(const plugins::LibraryPtr& library, std::string_view type, const std::string& name,
                   const std::string& parameters = "{}", std::vector<InstancePtr> references = {}) {
    plugins::InstanceSpec spec;
    spec.name = name;
    spec.type = type;
    spec.parameters = parameters;
    spec.library = library;
    spec.descriptor = library->find(type);
    spec.references = std::move(references);
    InstancePtr instance = plugins::make_instance(spec, host.environment(), error);
    return instance;
  }

  // A handler with both deciders.
  InstancePtr handler() {
    InstancePtr prefix = make(spikes, "spike-prefix-decider", "prefix", R"({"nonCachedTokens": 4})");
    InstancePtr multimodal = make(spikes, "spike-multimodal-decider", "multimodal");
    return make(spikes, "spike-disagg-handler", "disagg",
                R"({"deciders": {"prefill": "prefix", "encode": "multimodal"}})", {prefix, multimodal});
  }

  scheduling::Scheduler scheduler(const InstancePtr& disagg) {
    const auto profile = [this](const std::string& name) {
      scheduling::ProfileConfig config;
      config.name = name;
      config.filters.push_back(make(others, "test-label-filter", "only-" + name, R"({"value": ")" + name + R"("})"));
      return config;
    };
    std::vector<scheduling::ProfileConfig> profiles = {profile("prefill"), profile("decode"), profile("encode")};
    profiles[0].filters.push_back(make(spikes, "spike-same-node-filter", "near", R"({"handler": "disagg"})"));
    return {std::move(profiles), disagg};
  }

  // Schedules and runs the handler's pre-request hook. The headers by name; "-" for one that is to be removed.
  std::map<std::string, std::string> headers(TestRequest& request) {
    const InstancePtr disagg = handler();
    EXPECT_NE(disagg, nullptr) << error;
    scheduling::Scheduler schedule = scheduler(disagg);
    EXPECT_EQ(schedule.bind(), "");
    const epp_candidates candidates = host.stage(request);
    scheduling::Workspace workspace(1);
    scheduling::ScheduleError failure;
    std::map<std::string, std::string> set;
    if (!schedule.schedule(request.context(), candidates, workspace, failure)) {
      set["error"] = failure.message;
      return set;
    }
    plugins::ErrorBuffer buffer;
    plugins::CallTimer timer;
    plugins::Call call{request.context(), buffer, timer};
    EXPECT_EQ(plugins::run_pre_request(*disagg, call, workspace.results()), EPP_OK);
    for (const plugins::HeaderMutation& mutation : request.context().request_mutations)
      set[mutation.name] = mutation.remove ? "-" : mutation.value;
    set["destination"] = host_port(candidates, workspace.targets());
    return set;
  }

  static std::string host_port(const epp_candidates& candidates, std::span<const uint32_t> targets) {
    if (targets.empty()) return {};
    const epp_str text = candidates.endpoints[targets.front()]->host_port;
    return {text.data, static_cast<size_t>(text.size)};
  }
  double decisions(const std::string& kind) {
    return host.metric("spike_disagg_decision_total", {"disagg", "llama", kind}).value_or(0);
  }

  PluginHarness host;
  std::string error;
  plugins::LibraryPtr spikes = load("spike_disaggregation");
  plugins::LibraryPtr others = load("cpp_plugins");
};

TEST_F(DisaggregationSpike, AFreshPromptIsPrefilledElsewhere) {
  auto request = host.request();
  request.model("llama").attribute(EPP_KEY_TOKENIZED_PROMPT, std::vector<uint32_t>(16));
  request.column_i64(EPP_KEY_PREFIX_MATCH EPP_FIELD_PREFIX_CACHED_BLOCKS, {{"decode", 0}});
  request.column_i64(EPP_KEY_PREFIX_MATCH EPP_FIELD_PREFIX_BLOCK_SIZE, {{"decode", 4}});
  const auto set = headers(request);
  EXPECT_EQ(set.at("destination"), "10.0.0.1:8000");
  EXPECT_EQ(set.at("x-encoder-hosts-ports"), "-");
  EXPECT_EQ(decisions("prefill-decode"), 1);
  // The one on the node of the decode target.
  EXPECT_EQ(set.at("x-prefiller-host-port"), "10.0.0.3:8000");
}

TEST_F(DisaggregationSpike, ACachedPromptIsNot) {
  auto request = host.request();
  request.model("llama").header("x-prefiller-host-port", "smuggled:1");
  request.attribute(EPP_KEY_TOKENIZED_PROMPT, std::vector<uint32_t>(16));
  request.column_i64(EPP_KEY_PREFIX_MATCH EPP_FIELD_PREFIX_CACHED_BLOCKS, {{"decode", 4}});
  request.column_i64(EPP_KEY_PREFIX_MATCH EPP_FIELD_PREFIX_BLOCK_SIZE, {{"decode", 4}});
  const auto set = headers(request);
  EXPECT_EQ(set.at("x-prefiller-host-port"), "-");
  EXPECT_EQ(decisions("decode-only"), 1);
}

TEST_F(DisaggregationSpike, APictureIsEncodedElsewhere) {
  auto request = host.request();
  request.model("llama").attribute_bytes(EPP_KEY_TOKENIZED_FEATURES, std::string(sizeof(epp_mm_feature), '\0'));
  const auto set = headers(request);
  EXPECT_EQ(set.at("x-encoder-hosts-ports"), "10.0.0.4:8000");
  EXPECT_EQ(set.at("x-prefiller-host-port"), "-");
  EXPECT_EQ(decisions("encode-decode"), 1);
}

TEST_F(DisaggregationSpike, AFailedStageLeavesDecodeAlone) {
  host.remove_endpoint("encode");
  auto request = host.request();
  request.model("llama").attribute_bytes(EPP_KEY_TOKENIZED_FEATURES, std::string(sizeof(epp_mm_feature), '\0'));
  const auto set = headers(request);
  EXPECT_EQ(set.at("destination"), "10.0.0.1:8000");
  EXPECT_EQ(set.at("x-encoder-hosts-ports"), "-");
  EXPECT_EQ(decisions("decode-only"), 1);
}

TEST_F(DisaggregationSpike, WithoutDecodeThereIsNoAnswer) {
  host.remove_endpoint("decode");
  auto request = host.request();
  request.model("llama");
  EXPECT_THAT(headers(request).at("error"), HasSubstr("no endpoints available"));  // the code is the profile's
}

TEST_F(DisaggregationSpike, SkippedIsNotFailed) {
  const InstancePtr disagg = handler();
  ASSERT_NE(disagg, nullptr) << error;
  EXPECT_EQ(host.bind_profiles(disagg, {"prefill", "decode", "encode"}), "");
  auto request = host.request();
  request.model("llama");
  request.profile_not_run("prefill").result("decode", {"decode"}).profile_not_run("encode");
  const auto decision = host.pick_profiles(disagg, request);
  EXPECT_TRUE(decision.ok());
  EXPECT_THAT(decision.run, ::testing::IsEmpty());
  EXPECT_THAT(decision.skip, ::testing::ElementsAre("prefill", "encode"));
}

TEST_F(DisaggregationSpike, DecidersAreReachedByReferenceOnly) {
  const InstancePtr filter = make(others, "test-label-filter", "prefix", R"({"value": "x"})");
  const std::string parameters = R"({"deciders": {"prefill": "prefix"}})";
  EXPECT_EQ(make(spikes, "spike-disagg-handler", "disagg", parameters), nullptr);
  EXPECT_EQ(error, "plugin 'prefix' is not a decider");
  EXPECT_EQ(make(spikes, "spike-disagg-handler", "disagg", parameters, {filter}), nullptr);
  EXPECT_EQ(error, "plugin 'prefix' is not a decider");
}

}  // namespace
}  // namespace epp::testing
