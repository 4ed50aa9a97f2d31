// Every scorer against the tables of its reference.
#include "unit/plugin_harness/plugin_harness.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr std::string_view kRequests = "InFlightLoadDataKey/inflight-load-producer#requests";
constexpr std::string_view kTokens = "InFlightLoadDataKey/inflight-load-producer#tokens";

// Scores `type` over endpoints e0, e1, ... whose column `key` has `values`.
std::vector<double> score_column(std::string_view type, std::string_view key, const std::vector<double>& values,
                                 std::string_view parameters = "{}") {
  PluginHarness host;
  host.load(type);
  const auto scorer = host.create(type, parameters);
  for (size_t i = 0; i < values.size(); ++i)
    host.endpoint("e" + std::to_string(i)).set(key, values[i]);
  auto request = host.request();
  return host.score(scorer, request);
}

TEST(SchedulingCheck, C02_QueueScorerSpreadsLinearly) {
  EXPECT_THAT(score_column("queue-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {0, 5, 10}), ElementsAre(1, 0.5, 0));
  EXPECT_THAT(score_column("queue-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {7, 7}), ElementsAre(1, 1));
  EXPECT_THAT(score_column("queue-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {9}), ElementsAre(1));
}

TEST(QueueScorer, NeverScrapedCountsAsIdle) {
  PluginHarness host;
  host.load("queue-scorer");
  const auto scorer = host.create("queue-scorer", R"({"anything": 1})");
  host.endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, 4.0);
  host.endpoint("b");
  host.endpoint("c").set(EPP_KEY_WAITING_QUEUE_SIZE, 1.0);
  auto request = host.request();
  EXPECT_THAT(host.score(scorer, request), ElementsAre(0, 1, 0.75));
}

// Neighbouring endpoints are read as one block, others one by one: both must find what belongs to each.
TEST(QueueScorer, ReadsEachCandidatesOwnLoad) {
  PluginHarness host;
  host.load("queue-scorer");
  const auto scorer = host.create("queue-scorer");
  std::vector<std::string> names;
  for (size_t i = 0; i < 100; ++i) {
    names.push_back("e" + std::to_string(i));
    auto endpoint = host.endpoint(names[i]);
    if (i % 10 != 9) endpoint.set(EPP_KEY_WAITING_QUEUE_SIZE, static_cast<double>(i * 37 % 101));
  }
  const auto load = [](const std::string& name) {
    const auto i = std::stoul(name.substr(1));
    return i % 10 == 9 ? 0.0 : static_cast<double>(i * 37 % 101);
  };
  std::vector<std::string> gap = names;
  gap.erase(gap.begin() + 41);
  const std::vector<std::string> middle(names.begin() + 20, names.begin() + 83);
  const std::vector<std::string> reversed(names.rbegin(), names.rend());
  for (const auto& candidates : {names, middle, gap, reversed}) {
    host.candidates(candidates);
    std::vector<double> loads;
    for (const auto& name : candidates)
      loads.push_back(load(name));
    const auto [min, max] = std::minmax_element(loads.begin(), loads.end());
    std::vector<double> expected;
    for (const double l : loads)
      expected.push_back((*max - l) / (*max - *min));
    auto request = host.request();
    EXPECT_EQ(host.score(scorer, request), expected);
  }
}

TEST(QueueScorer, InfiniteLoadsAreTheLargestThereAre) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(score_column("queue-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {0, kInfinity, 5}), ElementsAre(1, 0, 1));
  EXPECT_THAT(score_column("queue-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {kInfinity, kInfinity}), ElementsAre(1, 1));
  EXPECT_THAT(score_column("queue-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {-kInfinity, kInfinity}), ElementsAre(1, 0));
  EXPECT_THAT(score_column("queue-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {-kInfinity, 0, 0}), ElementsAre(1, 0, 0));
  // The same where many are scored at once.
  const auto first_of_many = [](double first, double others) {
    std::vector<double> loads(40, others);
    loads[0] = first;
    const auto scores = score_column("queue-scorer", EPP_KEY_WAITING_QUEUE_SIZE, loads);
    EXPECT_EQ(scores[39], scores[1]);
    return std::pair(scores[0], scores[1]);
  };
  EXPECT_EQ(first_of_many(kInfinity, 0), std::pair(0.0, 1.0));
  EXPECT_EQ(first_of_many(-kInfinity, 0), std::pair(1.0, 0.0));
  EXPECT_EQ(first_of_many(kInfinity, kInfinity), std::pair(1.0, 1.0));
}

TEST(RunningRequestsSizeScorer, SpreadsLinearly) {
  EXPECT_THAT(score_column("running-requests-size-scorer", EPP_KEY_RUNNING_REQUESTS_SIZE, {0, 5, 10}),
              ElementsAre(1, 0.5, 0));
  EXPECT_THAT(score_column("running-requests-size-scorer", EPP_KEY_RUNNING_REQUESTS_SIZE, {3, 3}), ElementsAre(1, 1));
}

TEST(SchedulingCheck, C03_LoadAwareScorer) {
  EXPECT_THAT(score_column("load-aware-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {0, 64, 128, 500}),
              ElementsAre(0.5, 0.25, 0, 0));
}

TEST(LoadAwareScorer, ThresholdMustBePositive) {
  EXPECT_THAT(score_column("load-aware-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {0, 5}, R"({"threshold": 10})"),
              ElementsAre(0.5, 0.25));
  EXPECT_THAT(score_column("load-aware-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {64}, R"({"threshold": 0})"),
              ElementsAre(0.25));
  EXPECT_THAT(score_column("load-aware-scorer", EPP_KEY_WAITING_QUEUE_SIZE, {64}, R"({"threshold": -3})"),
              ElementsAre(0.25));
}

TEST(SchedulingCheck, C04_KvCacheUtilizationScorer) {
  EXPECT_THAT(score_column("kv-cache-utilization-scorer", EPP_KEY_KV_CACHE_USAGE, {0.25, 0, 1}),
              ElementsAre(0.75, 1, 0));
}

TEST(KvCacheUtilizationScorer, NeverScrapedCountsAsEmpty) {
  PluginHarness host;
  host.load("kv-cache-utilization-scorer");
  const auto scorer = host.create("kv-cache-utilization-scorer");
  host.endpoint("a");
  auto request = host.request();
  EXPECT_THAT(host.score(scorer, request), ElementsAre(1));
}

// The worked example: per-scorer columns whose sum makes p2 the winner.
TEST(SchedulingCheck, C01_WorkedExampleOfFourScorers) {
  PluginHarness host;
  for (const char* type : {"kv-cache-utilization-scorer", "queue-scorer", "lora-affinity-scorer"})
    host.load(type);
  const auto kv = host.create("kv-cache-utilization-scorer");
  const auto queue = host.create("queue-scorer");
  const auto lora = host.create("lora-affinity-scorer");
  const auto endpoint = [&](const char* name, double usage, double waiting, std::vector<std::string> active) {
    host.endpoint(name)
        .set(EPP_KEY_KV_CACHE_USAGE, usage)
        .set(EPP_KEY_WAITING_QUEUE_SIZE, waiting)
        .set(EPP_KEY_ACTIVE_MODELS, std::move(active))
        .set(EPP_KEY_MAX_ACTIVE_MODELS, 2.0);
  };
  endpoint("p1", 0.2, 0, {"x", "y"});
  endpoint("p2", 0.2, 0, {"adapterA"});
  endpoint("p3", 0.8, 10, {"x"});
  auto request = host.request();
  request.model("adapterA");
  std::vector<double> total(3);
  for (const auto& scorer : {kv, queue, lora}) {
    const auto scores = host.score(scorer, request);
    for (size_t i = 0; i < total.size(); ++i)
      total[i] += scores[i];
  }
  EXPECT_THAT(total, Pointwise(DoubleNear(1e-12), {1.8, 2.8, 1.0}));
}

TEST(LoraAffinityScorer, Ladder) {
  struct Row {
    std::vector<std::string> active, waiting;
    double max, score;
  };
  const std::vector<Row> rows = {
      {{"m"}, {}, 1, 1.0},     // active
      {{"a"}, {}, 2, 0.8},     // room
      {{"a"}, {"m"}, 3, 0.8},  // room counts before waiting
      {{"a"}, {"m"}, 2, 0.6},  // waiting
      {{"a"}, {"b"}, 2, 0.0},  // full
      {{}, {}, 0, 0.0},        // holds none
  };
  PluginHarness host;
  host.load("lora-affinity-scorer");
  const auto scorer = host.create("lora-affinity-scorer");
  std::vector<double> expected;
  for (const Row& row : rows) {
    host.endpoint("e" + std::to_string(expected.size()))
        .set(EPP_KEY_ACTIVE_MODELS, row.active)
        .set(EPP_KEY_WAITING_MODELS, row.waiting)
        .set(EPP_KEY_MAX_ACTIVE_MODELS, row.max);
    expected.push_back(row.score);
  }
  host.endpoint("never-scraped");
  expected.push_back(0);
  auto request = host.request();
  request.model("m");
  EXPECT_EQ(host.score(scorer, request), expected);
}

// Live load as the producer leaves it: each entry is a request in flight on that endpoint.
class LoadedHost {
 public:
  LoadedHost() {
    host.load("inflight-load-producer");
    producer = host.create("inflight-load-producer");
  }
  void in_flight(const std::string& endpoint, int count) {
    for (int i = 0; i < count; ++i) {
      requests.push_back(host.request());
      requests.back().result("default", {endpoint});
      ASSERT_TRUE(host.pre_request(producer, requests.back()).ok());
    }
  }
  PluginHarness host;
  epp::plugins::InstancePtr producer;
  std::vector<epp::testing::TestRequest> requests;
};

TEST(SchedulingCheck, C19_ActiveRequestScorer) {
  LoadedHost loaded;
  PluginHarness& host = loaded.host;
  host.load("active-request-scorer");
  const auto scorer = host.create("active-request-scorer");
  for (const char* name : {"a", "b", "c"})
    host.endpoint(name);
  loaded.in_flight("a", 4);
  loaded.in_flight("b", 2);
  EXPECT_THAT(host.live(kRequests), ElementsAre(4, 2, 0));
  auto request = host.request();
  EXPECT_THAT(host.score(scorer, request), ElementsAre(0, 0.5, 1));
}

TEST(ActiveRequestScorer, IdleThresholdAndBusyScore) {
  struct Row {
    std::vector<int> requests;
    const char* parameters;
    std::vector<double> scores;
  };
  const std::vector<Row> rows = {
      {{1, 2, 0}, R"({"idleThreshold": 1, "maxBusyScore": 0.5})", {1, 0, 1}},
      {{3, 11}, "{}", {8.0 / 11, 0}},
      {{3}, "{}", {0}},
      {{0, 2}, R"({"idleThreshold": -5, "maxBusyScore": 7, "requestTimeout": "2m"})", {1, 0}},
  };
  for (const Row& row : rows) {
    LoadedHost loaded;
    PluginHarness& host = loaded.host;
    host.load("active-request-scorer");
    const auto scorer = host.create("active-request-scorer", row.parameters);
    for (size_t i = 0; i < row.requests.size(); ++i) {
      host.endpoint("e" + std::to_string(i));
      loaded.in_flight("e" + std::to_string(i), row.requests[i]);
    }
    auto request = host.request();
    EXPECT_THAT(host.score(scorer, request), Pointwise(DoubleNear(1e-12), row.scores)) << row.parameters;
  }
}

TEST(TokenLoadScorer, CountsWhatTheRequestWouldAdd) {
  PluginHarness host;
  host.load("token-load-scorer");
  host.load("inflight-load-producer");
  const auto producer = host.create("inflight-load-producer");
  const auto scorer = host.create("token-load-scorer", R"({"queueThresholdTokens": 1000})");
  for (const char* name : {"a", "b", "c"})
    host.endpoint(name);
  const auto tokens = [&](uint32_t count) {
    auto request = host.request();
    request.attribute(EPP_KEY_TOKENIZED_PROMPT, std::vector<uint32_t>(count, 1))
        .attribute(EPP_KEY_TOKENIZED_PROMPT_ENDS, std::vector<uint32_t>{count});
    return request;
  };
  auto running = tokens(250);
  ASSERT_TRUE(host.produce(producer, running).ok());
  running.result("default", {"b"});
  ASSERT_TRUE(host.pre_request(producer, running).ok());
  EXPECT_THAT(host.live(kTokens), ElementsAre(0, 250, 0));

  auto request = tokens(250);
  ASSERT_TRUE(host.produce(producer, request).ok());
  EXPECT_THAT(host.score(scorer, request), ElementsAre(0.75, 0.5, 0.75));

  auto huge = tokens(2000);
  ASSERT_TRUE(host.produce(producer, huge).ok());
  EXPECT_THAT(host.score(scorer, huge), ElementsAre(0, 0, 0));

  auto untokenized = host.request();
  EXPECT_THAT(host.score(scorer, untokenized), ElementsAre(1, 0.75, 1));
}

TEST(PrefixCacheScorer, RatioAndLength) {
  struct Row {
    const char* parameters;
    int64_t match, total;
    double score;
  };
  const std::vector<Row> rows = {
      {"{}", 3, 4, 0.75},
      {"{}", 0, 0, 0},
      {R"({"matchLengthWeight": 0.5})", 32, 64, 0.28125},
      {R"({"matchLengthWeight": 0.5})", 4, 4, 0.50048828125},
      {R"({"matchLengthWeight": 0.5})", 64, 128, 0.375},
      {R"({"matchLengthWeight": 1, "matchLengthScaleTokens": 64})", 5, 100, 1.0},
  };
  PluginHarness host;
  host.load("prefix-cache-scorer");
  host.endpoint("a");
  host.endpoint("missing");
  for (const Row& row : rows) {
    const auto scorer = host.create("prefix-cache-scorer", row.parameters);
    auto request = host.request();
    const std::string key = EPP_KEY_PREFIX_MATCH;
    request.column_i64(key + EPP_FIELD_PREFIX_MATCH_BLOCKS, {{"a", row.match}})
        .column_i64(key + EPP_FIELD_PREFIX_TOTAL_BLOCKS, {{"a", row.total}})
        .column_i64(key + EPP_FIELD_PREFIX_BLOCK_SIZE, {{"a", 64}});
    EXPECT_THAT(host.score(scorer, request), Pointwise(DoubleNear(1e-12), {row.score, 0.0})) << row.parameters;
  }
}

TEST(PrefixCacheScorer, ReadsTheNamedProducer) {
  PluginHarness host;
  host.load("prefix-cache-scorer");
  host.endpoint("a");
  const auto scorer = host.create("prefix-cache-scorer", R"({"prefixMatchInfoProducerName": "mine"})");
  auto request = host.request();
  request.column_i64("PrefixCacheMatchInfoDataKey/mine#match_blocks", {{"a", 1}})
      .column_i64("PrefixCacheMatchInfoDataKey/mine#total_blocks", {{"a", 2}});
  EXPECT_THAT(host.score(scorer, request), ElementsAre(0.5));
}

TEST(PrefixCacheScorer, RefusesBadWeights) {
  PluginHarness host;
  host.load("prefix-cache-scorer");
  EXPECT_NE(host.create_error("prefix-cache-scorer", R"({"matchLengthWeight": 1.5})"), "");
  EXPECT_THAT(host.create_error("prefix-cache-scorer", R"({"matchLengthWeight": 0.5, "matchLengthScaleTokens": 0})"),
              HasSubstr("matchLengthScaleTokens"));
  EXPECT_EQ(host.create_error("prefix-cache-scorer", R"({"matchLengthScaleTokens": 0})"), "");
}

TEST(HeaderLabelAffinityScorer, ComparesHeaderAndLabel) {
  PluginHarness host;
  host.load("header-label-affinity-scorer");
  const auto scorer = host.create("header-label-affinity-scorer", R"({"headerName": "X-Zone", "labelKey": "zone"})");
  host.endpoint("a").label("zone", "z1");
  host.endpoint("b").label("zone", "z2");
  host.endpoint("c");
  auto request = host.request();
  EXPECT_THAT(host.score(scorer, request), ElementsAre(0, 0, 0));
  request.header("x-zone", "z2");
  EXPECT_THAT(host.score(scorer, request), ElementsAre(0, 1, 0));
  EXPECT_NE(host.create_error("header-label-affinity-scorer", R"({"headerName": "x"})"), "");
  EXPECT_NE(host.create_error("header-label-affinity-scorer", R"({"labelKey": "x"})"), "");
}

TEST(ContextLengthAware, ScoreTable) {
  struct Row {
    size_t length;
    const char* range;
    double score;
  };
  const std::vector<Row> rows = {
      {1000, "0-2048", 0.8142},
      {1000, "0-8192", 0.7537},
      {2048, "0-2048", 0.7067},
      {3000, "0-2048", 0.1537},
      {3000, "2048-8192", 0.7810},
      {500, "2048-8192", 0.1177},
      {0, "0-2048", 0.9167},
      {5, "5-5", 1.0},
      {5, "abc", 0},
      {5, "-1-7", 0},
      {5, "9-1", 0},
      {5, " 0 - 10 ", 0.8945},
  };
  for (const Row& row : rows) {
    PluginHarness host;
    host.load("context-length-aware");
    const auto scorer = host.create("context-length-aware");
    host.endpoint("a").label("llm-d.ai/context-length-range", row.range);
    host.endpoint("b");
    auto request = host.request();
    if (row.length != 0) request.attribute(EPP_KEY_TOKENIZED_PROMPT, std::vector<uint32_t>(row.length, 7));
    EXPECT_THAT(host.score(scorer, request), Pointwise(DoubleNear(5e-5), {row.score, 0.5})) << row.range;
  }
}

TEST(SchedulingCheck, C33_ContextLengthFiltering) {
  PluginHarness host;
  host.load("context-length-aware");
  const auto filter = host.create("context-length-aware", R"({"enableFiltering": true})");
  const auto pass = host.create("context-length-aware");
  constexpr const char* kLabel = "llm-d.ai/context-length-range";
  host.endpoint("short").label(kLabel, "0-2048");
  host.endpoint("long").label(kLabel, "2049-8192");
  host.endpoint("broken").label(kLabel, "abc");
  auto request = host.request();
  request.attribute(EPP_KEY_TOKENIZED_PROMPT, std::vector<uint32_t>(3000, 7));
  EXPECT_THAT(host.filter(filter, request), ElementsAre("long"));
  EXPECT_THAT(host.filter(pass, request), ElementsAre("short", "long", "broken"));
  EXPECT_NE(host.create_error("context-length-aware", R"({"label": ""})"), "");
}

TEST(SchedulingCheck, C18_NoHitLruSpreadsColdPrompts) {
  PluginHarness host;
  host.load("no-hit-lru-scorer");
  const auto scorer = host.create("no-hit-lru-scorer");
  for (const char* name : {"a", "b", "c"})
    host.endpoint(name);
  const auto send = [&](const char* target, std::vector<double> expected) {
    auto request = host.request();
    EXPECT_EQ(host.score(scorer, request), expected);
    request.result("default", {target});
    EXPECT_TRUE(host.pre_request(scorer, request).ok());
  };
  send("a", {1, 0.5, 0});
  send("b", {0, 1, 0.5});
  send("c", {0.5, 0, 1});
  send("a", {1, 0.5, 0});
  EXPECT_EQ(host.state(scorer),
            R"({"endpoints":["default/b","default/c","default/a"],"totalEndpoints":3,"maxEndpoints":100})");
}

TEST(NoHitLruScorer, WarmRequestsScoreAlikeAndLeaveNoTrace) {
  PluginHarness host;
  host.load("no-hit-lru-scorer");
  const auto scorer = host.create("no-hit-lru-scorer");
  host.endpoint("a");
  host.endpoint("b");
  auto warm = host.request();
  warm.column_i64("PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer#match_blocks", {{"b", 1}});
  EXPECT_THAT(host.score(scorer, warm), ElementsAre(0.5, 0.5));
  warm.result("default", {"a"});
  ASSERT_TRUE(host.pre_request(scorer, warm).ok());
  auto cold = host.request();
  EXPECT_THAT(host.score(scorer, cold), ElementsAre(1, 0));
}

TEST(NoHitLruScorer, PrefillTargetCountsAndGoneEndpointsAreForgotten) {
  PluginHarness host;
  host.load("no-hit-lru-scorer");
  const auto scorer = host.create("no-hit-lru-scorer");
  for (const char* name : {"a", "b", "c"})
    host.endpoint(name);
  auto request = host.request();
  (void)host.score(scorer, request);
  request.result("decode", {"a"}).result("prefill", {"b"});
  ASSERT_TRUE(host.pre_request(scorer, request).ok());
  auto next = host.request();
  EXPECT_THAT(host.score(scorer, next), ElementsAre(0.5, 0, 1));
  host.remove_endpoint("a");
  auto last = host.request();
  EXPECT_THAT(host.score(scorer, last), ElementsAre(0, 1));
}

TEST(NoHitLruScorer, OneEndpointScoresOne) {
  PluginHarness host;
  host.load("no-hit-lru-scorer");
  const auto scorer = host.create("no-hit-lru-scorer", R"({"prefixPluginType": "x", "prefixPluginName": "y"})");
  host.endpoint("a");
  auto request = host.request();
  EXPECT_THAT(host.score(scorer, request), ElementsAre(1));
}

TEST(Scorers, StrictParametersRefuseUnknownNames) {
  PluginHarness host;
  for (const char* type : {"load-aware-scorer", "active-request-scorer", "token-load-scorer", "prefix-cache-scorer",
                           "no-hit-lru-scorer", "context-length-aware"}) {
    host.load(type);
    EXPECT_NE(host.create_error(type, R"({"foo": 1})"), "") << type;
  }
}

}  // namespace
