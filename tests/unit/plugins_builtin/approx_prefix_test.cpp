// approx-prefix-cache-producer: matching, recording, forgetting, metrics.
#include "unit/plugin_harness/plugin_harness.h"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using epp::testing::TestRequest;
using ::testing::DoubleEq;
using ::testing::Each;
using ::testing::ElementsAre;

constexpr const char* kType = "approx-prefix-cache-producer";
const std::string kKey = EPP_KEY_PREFIX_MATCH;

std::vector<uint32_t> range(uint32_t from, uint32_t count) {
  std::vector<uint32_t> out(count);
  std::iota(out.begin(), out.end(), from);
  return out;
}
std::vector<uint32_t> operator+(std::vector<uint32_t> a, const std::vector<uint32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class ApproxPrefix : public ::testing::Test {
 protected:
  ApproxPrefix() {
    host.load(kType);
    host.endpoint("a");
    host.endpoint("b");
  }
  TestRequest request(std::vector<uint32_t> tokens, const char* model = "m", const char* salt = "") {
    auto r = host.request();
    const auto count = static_cast<uint32_t>(tokens.size());
    r.model(model).attribute(EPP_KEY_TOKENIZED_PROMPT, std::move(tokens));
    r.attribute(EPP_KEY_TOKENIZED_PROMPT_ENDS, std::vector<uint32_t>{count});
    if (*salt != 0) r.attribute(EPP_KEY_TOKENIZED_SALT, std::string_view(salt));
    return r;
  }
  void produce(TestRequest& r) { ASSERT_TRUE(host.produce(producer, r).ok()); }
  // Sends the request to `target`, after a produce.
  void send(TestRequest r, const char* target) {
    produce(r);
    r.result("default", {target});
    ASSERT_TRUE(host.pre_request(producer, r).ok());
  }
  std::vector<int64_t> matches(TestRequest r) {
    produce(r);
    return host.i64(r, kKey + EPP_FIELD_PREFIX_MATCH_BLOCKS);
  }
  std::vector<int64_t> totals(TestRequest r) {
    produce(r);
    return host.i64(r, kKey + EPP_FIELD_PREFIX_TOTAL_BLOCKS);
  }

  PluginHarness host;
  epp::plugins::InstancePtr producer;
};

// ProducerCheck 7: back to back, without a pause.
TEST_F(ApproxPrefix, C07_SecondRequestMatchesTheFirst) {
  producer = host.create(kType);
  const auto prompt = std::vector<uint32_t>(75, 0x61616161);
  EXPECT_THAT(matches(request(prompt)), ElementsAre(0, 0));
  EXPECT_THAT(totals(request(prompt)), ElementsAre(2, 2));
  send(request(prompt), "a");
  auto again = request(prompt);
  produce(again);
  EXPECT_THAT(host.i64(again, kKey + EPP_FIELD_PREFIX_MATCH_BLOCKS), ElementsAre(2, 0));
  EXPECT_THAT(host.i64(again, kKey + EPP_FIELD_PREFIX_CACHED_BLOCKS), ElementsAre(2, 0));
  EXPECT_THAT(host.i64(again, kKey + EPP_FIELD_PREFIX_BLOCK_SIZE), Each(64));
  // The same 75 tokens, then 25 more: the partial block differs.
  EXPECT_THAT(matches(request(prompt + std::vector<uint32_t>(25, 0x62626262))), ElementsAre(1, 0));

  const auto ratio = [&] { return host.histogram("llm_d_epp_prefix_indexer_hit_ratio", {kType, kType}); };
  const double before = ratio()->sum;
  send(request(prompt), "a");
  EXPECT_THAT(ratio()->sum - before, DoubleEq(1.0));
}

// Neighbouring endpoints are looked at as a block, others one by one.
TEST_F(ApproxPrefix, MatchesTheCandidatesOnly) {
  constexpr int64_t kNone = EPP_I64_MISSING;
  for (const char* name : {"c", "d", "e"})
    host.endpoint(name);
  producer = host.create(kType);
  const auto prompt = range(1, 200);
  for (const char* target : {"a", "c", "e"})
    send(request(prompt), target);
  const auto among = [&](std::vector<std::string> names) {
    host.candidates(std::move(names));
    return matches(request(prompt));
  };
  EXPECT_THAT(among({"a", "b", "c", "d", "e"}), ElementsAre(4, 0, 4, 0, 4));
  EXPECT_THAT(among({"b", "c", "d"}), ElementsAre(kNone, 0, 4, 0, kNone));
  EXPECT_THAT(among({"e", "b", "a"}), ElementsAre(4, 0, kNone, kNone, 4));
  EXPECT_THAT(among({"d"}), ElementsAre(kNone, kNone, kNone, 0, kNone));
}

// SchedulingCheck 15: three blocks; a prompt that shares only the first one.
TEST_F(ApproxPrefix, C15_SharedFirstBlock) {
  producer = host.create(kType);
  send(request(range(1, 130)), "a");
  EXPECT_THAT(matches(request(range(1, 130))), ElementsAre(3, 0));
  EXPECT_THAT(matches(request(range(1, 64) + range(1000, 66))), ElementsAre(1, 0));
  EXPECT_THAT(totals(request(range(1, 64) + range(1000, 66))), ElementsAre(3, 3));
}

// ProducerCheck 9 and 10, SchedulingCheck 16.
TEST_F(ApproxPrefix, C09_C10_SaltAndModelSeparate) {
  producer = host.create(kType);
  send(request(range(1, 130), "m", "s1"), "a");
  EXPECT_THAT(matches(request(range(1, 130), "m", "s1")), ElementsAre(3, 0));
  EXPECT_THAT(matches(request(range(1, 130), "m", "s2")), ElementsAre(0, 0));
  EXPECT_THAT(matches(request(range(1, 130), "m")), ElementsAre(0, 0));
  EXPECT_THAT(matches(request(range(1, 130), "n", "s1")), ElementsAre(0, 0));
}

// ProducerCheck 8: the engine says 16, blocks are 64; hit bytes grow by 2 * 64 * 4.
TEST_F(ApproxPrefix, C08_BlockSizeIsAtLeast64) {
  producer = host.create(kType);
  host.endpoint("a").set(EPP_KEY_CACHE_BLOCK_SIZE, 16.0);
  host.endpoint("b").set(EPP_KEY_CACHE_BLOCK_SIZE, 16.0);
  send(request(range(1, 128)), "a");
  const auto bytes = [&](const char* name, std::vector<std::string> labels) {
    return host.histogram(name, std::move(labels))->sum;
  };
  EXPECT_EQ(bytes("llm_d_epp_prefix_indexer_hit_bytes", {kType, kType}), 0);
  send(request(range(1, 128)), "a");
  EXPECT_EQ(bytes("llm_d_epp_prefix_indexer_hit_bytes", {kType, kType}), 512);
  EXPECT_EQ(bytes("inference_extension_prefix_indexer_hit_bytes", {}), 512);
}

// SchedulingCheck 17: configured 16 still behaves as 64.
TEST_F(ApproxPrefix, C17_ConfiguredBlockSizeIsRaised) {
  producer = host.create(kType, R"({"blockSizeTokens": 16})");
  send(request(range(1, 40)), "a");
  send(request(range(1, 40)), "a");
  EXPECT_EQ(host.histogram("llm_d_epp_prefix_indexer_hit_bytes", {kType, kType})->sum, 256);
  EXPECT_EQ(host.histogram("llm_d_epp_prefix_indexer_hit_ratio", {kType, kType})->sum, 1);
}

TEST_F(ApproxPrefix, BlockSizeSources) {
  struct Row {
    const char* parameters;
    double reported;  // by the first endpoint
    int64_t block_size;
  };
  const std::vector<Row> rows = {
      {"{}", 128, 128},
      {R"({"autoTune": false})", 128, 64},
      {R"({"autoTune": false, "blockSizeTokens": 256})", 128, 256},
      {R"({"blockSize": 100})", 0, 100},
      {R"({"blockSize": 100, "blockSizeTokens": 200})", 0, 200},
  };
  for (const Row& row : rows) {
    producer = host.create(kType, row.parameters);
    host.endpoint("a").set(EPP_KEY_CACHE_BLOCK_SIZE, row.reported);
    auto r = request(range(1, 10));
    produce(r);
    EXPECT_THAT(host.i64(r, kKey + EPP_FIELD_PREFIX_BLOCK_SIZE), Each(row.block_size)) << row.parameters;
  }
}

// ProducerCheck 12 and the other caps.
TEST_F(ApproxPrefix, C12_PrefixCaps) {
  producer = host.create(kType, R"({"maxPrefixTokensToMatch": 32})");
  EXPECT_THAT(totals(request(range(1, 200))), ElementsAre(0, 0));
  producer = host.create(kType, R"({"maxPrefixTokensToMatch": 130})");
  EXPECT_THAT(totals(request(range(1, 200))), ElementsAre(2, 2));
  producer = host.create(kType, R"({"maxPrefixTokensToMatch": 0, "maxPrefixBlocksToMatch": 3})");
  EXPECT_THAT(totals(request(range(1, 1000))), ElementsAre(3, 3));
  producer = host.create(kType, R"({"maxPrefixTokensToMatch": 0, "maxPrefixBlocksToMatch": 0})");
  EXPECT_THAT(totals(request(range(1, 640))), ElementsAre(10, 10));
}

// ProducerCheck 13.
TEST_F(ApproxPrefix, C13_StartupErrors) {
  EXPECT_NE(host.create_error(kType, R"({"autoTune": false, "blockSizeTokens": 0})"), "");
  EXPECT_NE(host.create_error(kType, R"({"maxPrefixTokensToMatch": -1})"), "");
  EXPECT_EQ(host.create_error(kType, R"({"blockSizeTokens": 0})"), "");
}

TEST_F(ApproxPrefix, WithoutTokensTotalIsZero) {
  producer = host.create(kType);
  auto r = host.request();
  produce(r);
  EXPECT_THAT(host.i64(r, kKey + EPP_FIELD_PREFIX_TOTAL_BLOCKS), ElementsAre(0, 0));
  EXPECT_THAT(host.i64(r, kKey + EPP_FIELD_PREFIX_MATCH_BLOCKS), ElementsAre(0, 0));
}

TEST_F(ApproxPrefix, PromptsAreIndependentChainsAddedUp) {
  producer = host.create(kType);
  send(request(range(1, 64)), "a");
  auto r = host.request();
  r.model("m")
      .attribute(EPP_KEY_TOKENIZED_PROMPT, range(1, 64) + range(500, 64) + range(1, 64))
      .attribute(EPP_KEY_TOKENIZED_PROMPT_ENDS, std::vector<uint32_t>{64, 128, 192});
  produce(r);
  EXPECT_THAT(host.i64(r, kKey + EPP_FIELD_PREFIX_MATCH_BLOCKS), ElementsAre(2, 0));
  EXPECT_THAT(host.i64(r, kKey + EPP_FIELD_PREFIX_TOTAL_BLOCKS), ElementsAre(3, 3));
}

TEST_F(ApproxPrefix, PrefillTargetRemembersToo) {
  producer = host.create(kType);
  auto r = request(range(1, 130));
  produce(r);
  r.result("decode", {"a"}).result("prefill", {"b"}).primary("decode");
  ASSERT_TRUE(host.pre_request(producer, r).ok());
  EXPECT_THAT(matches(request(range(1, 130))), ElementsAre(3, 3));
}

TEST(ProducerWeakSpot, W03_MatchIsContiguousPerEndpoint) {
  PluginHarness host;
  host.load(kType);
  host.endpoint("small").set(EPP_KEY_CACHE_NUM_BLOCKS, 2.0);
  host.endpoint("large");
  const auto producer = host.create(kType);
  const auto request = [&](std::vector<uint32_t> tokens) {
    auto r = host.request();
    const auto count = static_cast<uint32_t>(tokens.size());
    r.model("m").attribute(EPP_KEY_TOKENIZED_PROMPT, std::move(tokens));
    r.attribute(EPP_KEY_TOKENIZED_PROMPT_ENDS, std::vector<uint32_t>{count});
    return r;
  };
  const auto send = [&](TestRequest r, const char* target) {
    ASSERT_TRUE(host.produce(producer, r).ok());
    r.result("default", {target});
    ASSERT_TRUE(host.pre_request(producer, r).ok());
  };
  // `small` holds blocks 1 and 2 of the chain, then its head is used up by other prompts.
  send(request(range(1, 192)), "large");
  send(request(range(1, 128)), "small");
  send(request(range(5000, 64)), "small");  // evicts block 2, the tail
  auto r = request(range(1, 192));
  ASSERT_TRUE(host.produce(producer, r).ok());
  EXPECT_THAT(host.i64(r, kKey + EPP_FIELD_PREFIX_MATCH_BLOCKS), ElementsAre(1, 3));
}

TEST(ProducerWeakSpot, W04_W05_LongPromptsKeepTheirHeadAndTheCapacity) {
  PluginHarness host;
  host.load(kType);
  host.endpoint("a");
  const auto producer = host.create(kType, R"({"lruCapacityPerServer": 3})");
  auto r = host.request();
  r.model("m").attribute(EPP_KEY_TOKENIZED_PROMPT, range(1, 640));
  r.attribute(EPP_KEY_TOKENIZED_PROMPT_ENDS, std::vector<uint32_t>{640});
  ASSERT_TRUE(host.produce(producer, r).ok());
  r.result("default", {"a"});
  ASSERT_TRUE(host.pre_request(producer, r).ok());
  EXPECT_EQ(host.state(producer), R"({"pods":[{"pod":"default/a","blocks":3}],"totalPods":1,"maxPods":100})");
  auto again = host.request();
  again.model("m").attribute(EPP_KEY_TOKENIZED_PROMPT, range(1, 640));
  again.attribute(EPP_KEY_TOKENIZED_PROMPT_ENDS, std::vector<uint32_t>{640});
  ASSERT_TRUE(host.produce(producer, again).ok());
  EXPECT_THAT(host.i64(again, kKey + EPP_FIELD_PREFIX_MATCH_BLOCKS), ElementsAre(3));
}

// ProducerCheck 11 and its weak spot: at once, not after two minutes.
TEST_F(ApproxPrefix, C11_W11_RemovedEndpointIsForgottenAtOnce) {
  producer = host.create(kType);
  send(request(range(1, 130)), "a");
  send(request(range(1, 64)), "b");
  host.advance_seconds(1);
  EXPECT_EQ(host.metric("llm_d_epp_prefix_indexer_size", {kType, kType}), 4);
  EXPECT_EQ(host.metric("inference_extension_prefix_indexer_size"), 4);
  EXPECT_EQ(host.state(producer),
            R"({"pods":[{"pod":"default/a","blocks":3},{"pod":"default/b","blocks":1}],"totalPods":2,"maxPods":100})");
  auto late = request(range(1, 130));
  produce(late);
  host.remove_endpoint("a");
  EXPECT_EQ(host.state(producer), R"({"pods":[{"pod":"default/b","blocks":1}],"totalPods":1,"maxPods":100})");
  host.endpoint("a");  // back under the same name
  EXPECT_THAT(matches(request(range(1, 130))), ElementsAre(1, 0));
  host.advance_seconds(1);
  EXPECT_EQ(host.metric("llm_d_epp_prefix_indexer_size", {kType, kType}), 1);
}

TEST_F(ApproxPrefix, LabelChangeKeepsWhatIsKnown) {
  producer = host.create(kType);
  send(request(range(1, 64)), "a");
  host.endpoint("a").label("x", "y");
  EXPECT_THAT(matches(request(range(1, 64))), ElementsAre(1, 0));
}

TEST_F(ApproxPrefix, TimerStopsWithTheInstance) {
  producer = host.create(kType);
  EXPECT_EQ(host.timers(), 1u);
  producer.reset();
  host.environment().graveyard->collect();
  EXPECT_EQ(host.timers(), 0u);
}

}  // namespace
