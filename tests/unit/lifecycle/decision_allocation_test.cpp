// From the parsed request to the pick: the default profile with its real plugins, over the ABI, allocates nothing once
// warm, in the host and in the plugins alike.
#include "lifecycle/director.h"
#include "support/allocation_counter.h"
#include "unit/lifecycle/world.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <string>
#include <variant>

#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

// Knows how much was allocated when the picker had answered.
class PickObserver final : public plugins::CallObserver {
 public:
  void on_call(const plugins::Instance&, plugins::ExtensionPoint point, std::uint64_t) override {
    if (point != plugins::ExtensionPoint::kPicker) return;
    until_pick = ::epp::testing::counted_allocations();
    ++picks;
  }
  void on_fault(const plugins::Instance& instance, plugins::ExtensionPoint, plugins::Fault,
                std::string_view message) override {
    faults += instance.name() + ": " + std::string(message) + "\n";
  }
  std::uint64_t until_pick = 0;
  int picks = 0;
  std::string faults;
};

class DecisionAllocation : public ::testing::TestWithParam<int> {
 protected:
  DecisionAllocation() {
    host_.observe(observer_);
    for (const char* library : {"queue-scorer", "kv-cache-utilization-scorer", "prefix-cache-scorer", "token-producer",
                                "approx-prefix-cache-producer", "max-score-picker", "single-profile-handler"})
      host_.load(library);
    const auto tokens = host_.create("token-producer");
    const auto prefix = host_.create("approx-prefix-cache-producer");
    auto set = std::make_shared<plugins::PluginSet>();
    set->producers = {{.instance = tokens, .needs = {}}, {.instance = prefix, .needs = {0}}};
    set->pre_requests = {prefix};
    std::vector<scheduling::ProfileConfig> profiles;
    profiles.push_back({"default",
                        {},
                        {{host_.create("queue-scorer"), 2.0},
                         {host_.create("kv-cache-utilization-scorer"), 2.0},
                         {host_.create("prefix-cache-scorer"), 3.0}},
                        host_.create("max-score-picker")});
    const auto handler = host_.create("single-profile-handler");
    auto scheduler = std::make_shared<scheduling::Scheduler>(std::move(profiles), handler);
    EXPECT_EQ(scheduler->bind(), "");
    const PipelinePtr of_world = world_.services.pipeline();
    pipeline_.plugins = std::move(set);
    pipeline_.scheduler = std::move(scheduler);
    pipeline_.parsers = of_world->parsers;
    pipeline_.admission = of_world->admission;

    services_ = world_.services;
    services_.table = &host_.table();
    services_.attributes = &host_.attributes();
    services_.tracer = {};
    for (int i = 0; i < GetParam(); ++i) {
      host_.endpoint("vllm-" + std::to_string(i))
          .set(EPP_KEY_WAITING_QUEUE_SIZE, static_cast<double>(i % 17))
          .set(EPP_KEY_KV_CACHE_USAGE, static_cast<double>(i % 101) / 101.0);
    }
    auto request = host_.request();
    host_.stage(request);  // publishes them
  }

  // One request from its parsed body on; what had been allocated at the pick.
  std::uint64_t decide(const std::string& body) {
    RequestStatePool::Lease state = world_.states.lease();
    plugins::RequestContext& context = state->context;
    context.abi()->max_output_tokens = -1;
    context.table = services_.table;
    context.prompt_source = &state->prompt;
    context.id = "0b9d3a52-7f0f-4d5e-9f53-0d5f6c2b7a11";
    context.path = "/v1/chat/completions";
    context.headers.set("x-request-id", context.id);
    context.sync();
    context.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
    context.abi()->body_size = body.size();
    const auto parser = pipeline_.parsers->resolve(context.path);
    state->parsed.emplace(std::get<request::ParsedRequest>(parser->parse(context.path, body)));
    auto mailbox = std::make_shared<Mailbox>(nullptr);
    Director director(services_, pipeline_, *state, outbox_, mailbox);

    ::epp::testing::count_allocations();
    const Director::Progress progress = director.start(SubsetHint(), nullptr, {}, services_.log);
    ::epp::testing::stop_counting_allocations();
    EXPECT_EQ(progress, Director::Progress::kRouted);
    director.cancel();
    return observer_.until_pick;
  }

  World world_;
  PickObserver observer_;
  ::epp::testing::PluginHarness host_;
  Pipeline pipeline_;
  Services services_;
  RecordingOutbox outbox_;
};

std::string chat(const std::string& last) {
  std::string text = R"({"model":"meta-llama/Llama-3.1-8B-Instruct","stream":true,"messages":[)";
  for (int i = 0; i < 100; ++i)
    text += R"({"role":"user","content":"What of the \"cache\"? )" + std::string(60, 'x') + "\"},";
  return text + R"({"role":"user","content":")" + last + "\"}]}";
}

TEST_P(DecisionAllocation, AWarmOneAllocatesNothing) {
  std::uint64_t allocated = 0;
  for (int round = 0; round < 4; ++round)
    allocated = decide(chat("round " + std::to_string(round)));
  EXPECT_EQ(allocated, 0u);
  EXPECT_EQ(observer_.picks, 4);
  EXPECT_EQ(observer_.faults, "");
}

INSTANTIATE_TEST_SUITE_P(Endpoints, DecisionAllocation, ::testing::Values(64, 2000));

}  // namespace
}  // namespace epp::lifecycle::testing
