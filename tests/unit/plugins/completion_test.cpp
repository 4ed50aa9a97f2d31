#include "plugins/completion.h"

#include "plugins/graveyard.h"
#include "plugins/hooks.h"
#include "unit/plugin_harness/scripted.h"

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::plugins {

using epp::testing::PluginHarness;
using epp::testing::script;

class Recorder final : public CompletionReceiver {
 public:
  void on_completion(uint64_t token, Completion completion) override {
    last_token = token;
    last = std::make_unique<Completion>(std::move(completion));
    ++count;
  }
  std::atomic<int> count{0};
  uint64_t last_token = 0;
  std::unique_ptr<Completion> last;
};

class CompletionTest : public ::testing::Test {
 protected:
  CompletionTest() {
    load_scripted(host);
    host.endpoint("a");
    script("p").construct = [this](sdk::Context& context) {
      word = context.produce_value("Word/p", EPP_TYPE_STR);
      load = context.produce_f64("Load/p");
    };
    script("p").produce = [this](const auto&, const auto&, sdk::Token given) {
      token = std::make_unique<sdk::Token>(given);
      return false;
    };
    script("p").cancel = [this](uint64_t gone) { cancelled.push_back(gone); };
    instance = host.create("scripted-producer", "{}", "p");
  }
  epp_completion_value text(epp_attr attr, std::string_view value, uint32_t slot = EPP_SLOT_REQUEST) {
    epp_completion_value result{};
    result.attr = attr;
    result.slot = slot;
    result.value.type = EPP_TYPE_STR;
    result.value.u.str = sdk::to_abi(value);
    return result;
  }

  PluginHarness host;
  sdk::RequestValue word;
  sdk::F64Column load;
  std::unique_ptr<sdk::Token> token;
  std::vector<uint64_t> cancelled;
  InstancePtr instance;
  epp::testing::TestRequest request = host.request();
};

TEST_F(CompletionTest, TheHostCopies) {
  const auto pending = host.produce(instance, request);
  ASSERT_EQ(pending.status, EPP_PENDING);
  {
    std::string answer = "a text long enough not to be kept inline anywhere";
    const std::vector<epp_completion_value> values{text(word.id(), answer)};
    token->complete(values);
    answer.assign(answer.size(), 'x');
  }
  ASSERT_TRUE(host.await(instance, request, pending));
  EXPECT_EQ(host.text_value(request, "Word/p"), "a text long enough not to be kept inline anywhere");
}

TEST_F(CompletionTest, OnlyTheFirstAnswerCounts) {
  const auto pending = host.produce(instance, request);
  token->complete({});
  token->complete({});
  EXPECT_TRUE(host.await(instance, request, pending));
  EXPECT_EQ(instance->faults(Fault::kLateCompletion), 1u);
}

TEST_F(CompletionTest, AfterTheTimeLimitItIsANoOp) {
  const auto pending = host.produce(instance, request);
  host.abandon(instance, pending);
  EXPECT_EQ(cancelled, std::vector<uint64_t>{pending.token});
  EXPECT_EQ(instance->faults(Fault::kTimeout), 1u);
  token->complete({});
  EXPECT_EQ(instance->faults(Fault::kLateCompletion), 1u);
  EXPECT_FALSE(host.await(instance, request, pending, 0));
}

TEST_F(CompletionTest, AFailureIsCounted) {
  const auto pending = host.produce(instance, request);
  token->fail("no service");
  ASSERT_TRUE(host.await(instance, request, pending));
  EXPECT_EQ(instance->faults(Fault::kError), 1u);
  EXPECT_EQ(host.value(request, "Word/p").type, 0u);
}

TEST_F(CompletionTest, UndeclaredAndMisplacedValuesAreDropped) {
  const auto pending = host.produce(instance, request);
  epp_completion_value far{};
  far.attr = load.id();
  far.slot = 12345;
  far.value.type = EPP_TYPE_F64;
  const std::vector<epp_completion_value> values{text(load.id(), "not a number", 0), text(word.id(), "of a slot", 0),
                                                 text(999, "unknown"), far};
  token->complete(values);
  ASSERT_TRUE(host.await(instance, request, pending));
  EXPECT_EQ(instance->faults(Fault::kScopeWrite), 3u);
  EXPECT_EQ(instance->faults(Fault::kOutOfRange), 1u);
  EXPECT_EQ(host.value(request, "Word/p").type, 0u);
}

TEST_F(CompletionTest, ASynchronousAnswerLeavesNoToken) {
  script("sync").produce = [](const auto&, const auto&, auto) { return true; };
  const auto sync = host.create("scripted-producer", "{}", "sync");
  EXPECT_TRUE(host.produce(sync, request).ok());
  EXPECT_EQ(host.environment().completions->open_tokens(), 0u);
}

TEST_F(CompletionTest, TokensAreNotReused) {
  CompletionTable table;
  const auto receiver = std::make_shared<Recorder>();
  const uint64_t first = table.open(instance, receiver);
  EXPECT_TRUE(table.close(first));
  EXPECT_FALSE(table.close(first));
  const uint64_t second = table.open(instance, receiver);
  EXPECT_NE(first, second);
  table.complete(*instance, first, EPP_OK, {}, {});
  EXPECT_EQ(receiver->count, 0);
  table.complete(*instance, second, EPP_OK, {}, "done");
  EXPECT_EQ(receiver->count, 1);
  EXPECT_EQ(receiver->last->message(), "done");
  table.complete(*instance, 0, EPP_OK, {}, {});
  EXPECT_EQ(instance->faults(Fault::kLateCompletion), 2u);
}

TEST_F(CompletionTest, AnOpenTokenPinsTheInstance) {
  bool destroyed = false;
  script("pinned").destroyed = [&destroyed] { destroyed = true; };
  script("pinned").produce = [](const auto&, const auto&, auto) { return false; };
  auto pinned = host.create("scripted-producer", "{}", "pinned");
  CompletionTable table;
  const uint64_t open = table.open(pinned, nullptr);
  pinned.reset();
  host.environment().graveyard->collect();
  EXPECT_FALSE(destroyed);
  table.close(open);
  host.environment().graveyard->collect();
  EXPECT_TRUE(destroyed);
}

TEST_F(CompletionTest, ExactlyOneOfCloseAndCompleteWins) {
  CompletionTable table;
  const auto receiver = std::make_shared<Recorder>();
  int closed = 0;
  constexpr int kRounds = 500;
  for (int i = 0; i < kRounds; ++i) {
    const uint64_t open = table.open(instance, receiver);
    std::latch start(2);
    std::thread completer([&] {
      start.arrive_and_wait();
      table.complete(*instance, open, EPP_OK, {}, {});
    });
    start.arrive_and_wait();
    closed += table.close(open) ? 1 : 0;
    completer.join();
  }
  EXPECT_EQ(closed + receiver->count, kRounds);
  EXPECT_EQ(table.open_tokens(), 0u);
}

}  // namespace epp::plugins
