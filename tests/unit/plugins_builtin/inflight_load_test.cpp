// inflight-load-producer: costs, the timeline of a request, gauges.
#include "unit/plugin_harness/plugin_harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using epp::testing::TestRequest;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;

constexpr const char* kType = "inflight-load-producer";
constexpr const char* kRequestGauge = "llm_d_epp_inflight_requests";
constexpr const char* kTokenGauge = "llm_d_epp_inflight_tokens";
const std::string kLoad = EPP_KEY_INFLIGHT_LOAD;
const std::string kUncached = std::string(EPP_KEY_UNCACHED_TOKENS) + EPP_FIELD_UNCACHED_TOKENS;
const std::string kPrefix = EPP_KEY_PREFIX_MATCH;

class InflightLoad : public ::testing::Test {
 protected:
  InflightLoad() {
    host.load(kType);
    host.endpoint("a");
    host.endpoint("b");
  }
  void create(std::string_view parameters = "{}") { producer = host.create(kType, parameters); }
  TestRequest request(uint32_t tokens) {
    auto r = host.request();
    r.fairness_id("f").attribute(EPP_KEY_TOKENIZED_PROMPT, std::vector<uint32_t>(tokens, 1));
    return r;
  }
  // Produces and sends the request on with the results it has.
  void send(TestRequest& r) {
    ASSERT_TRUE(host.produce(producer, r).ok());
    ASSERT_TRUE(host.pre_request(producer, r).ok());
  }
  void chunk(TestRequest& r) { host.response_body(producer, r, "data", false); }
  void end(TestRequest& r, uint32_t cause = EPP_END_NATURAL) { host.response_complete(producer, r, cause); }
  std::vector<int64_t> requests() { return host.live(kLoad + EPP_FIELD_INFLIGHT_REQUESTS); }
  std::vector<int64_t> tokens() { return host.live(kLoad + EPP_FIELD_INFLIGHT_TOKENS); }
  std::optional<double> gauge(const char* name, const char* endpoint) {
    return host.metric(name, {endpoint, "default", kType, "f", "0"});
  }

  PluginHarness host;
  epp::plugins::InstancePtr producer;
};

TEST_F(InflightLoad, UncachedTokens) {
  create();
  struct Row {
    uint32_t input;
    int64_t block_size, total, match, uncached;
  };
  const std::vector<Row> rows = {
      {1000, EPP_I64_MISSING, EPP_I64_MISSING, EPP_I64_MISSING, 1000},
      {1000, 64, 16, 10, 384},
      {1000, 64, 8, 8, 488},
      {75, 64, 2, 0, 128},
      {200000, 64, 2048, 2048, 68928},
      {0, 64, 0, 0, 0},
  };
  for (const Row& row : rows) {
    auto r = request(row.input);
    r.column_i64(kPrefix + EPP_FIELD_PREFIX_BLOCK_SIZE, {{"a", row.block_size}})
        .column_i64(kPrefix + EPP_FIELD_PREFIX_TOTAL_BLOCKS, {{"a", row.total}})
        .column_i64(kPrefix + EPP_FIELD_PREFIX_MATCH_BLOCKS, {{"a", row.match}});
    ASSERT_TRUE(host.produce(producer, r).ok());
    EXPECT_THAT(host.i64(r, kUncached), ElementsAre(row.uncached, int64_t{row.input}));
    r.result("default", {"a"});
    ASSERT_TRUE(host.pre_request(producer, r).ok());
    EXPECT_THAT(tokens(), ElementsAre(row.uncached, 0));
    end(r);
    EXPECT_THAT(tokens(), ElementsAre(0, 0));
  }
}

// ProducerCheck 16.
TEST_F(InflightLoad, C16_StreamingRequest) {
  create();
  auto r = request(1000);
  r.result("default", {"a"});
  send(r);
  EXPECT_THAT(tokens(), ElementsAre(1000, 0));
  EXPECT_THAT(requests(), ElementsAre(1, 0));
  EXPECT_THAT(gauge(kTokenGauge, "a"), Optional(Eq(1000)));
  EXPECT_THAT(gauge(kRequestGauge, "a"), Optional(Eq(1)));
  chunk(r);
  EXPECT_THAT(tokens(), ElementsAre(0, 0));
  EXPECT_THAT(requests(), ElementsAre(1, 0));
  chunk(r);
  EXPECT_THAT(requests(), ElementsAre(1, 0));
  end(r);
  EXPECT_THAT(requests(), ElementsAre(0, 0));
  EXPECT_THAT(gauge(kTokenGauge, "a"), Optional(Eq(0)));
  EXPECT_THAT(gauge(kRequestGauge, "a"), Optional(Eq(0)));
}

// ProducerCheck 17.
TEST_F(InflightLoad, C17_EstimatedOutputStaysUntilTheEnd) {
  create(R"({"addEstimatedOutputTokens": true})");
  auto r = request(100);
  r.max_output_tokens(50).result("default", {"a"});
  send(r);
  EXPECT_THAT(tokens(), ElementsAre(150, 0));
  chunk(r);
  EXPECT_THAT(tokens(), ElementsAre(150, 0));
  end(r);
  EXPECT_THAT(tokens(), ElementsAre(0, 0));
}

TEST_F(InflightLoad, OutputEstimateBounds) {
  struct Row {
    const char* parameters;
    uint32_t input;
    int64_t client_limit, cost;
  };
  const std::vector<Row> rows = {
      {R"({"addEstimatedOutputTokens": true})", 101, -1, 101 + 152},  // 151.5 rounds up
      {R"({"addEstimatedOutputTokens": true, "maxEstimatedOutputTokens": 20})", 100, 50, 120},
      {R"({"addEstimatedOutputTokens": true, "outputRatio": 0})", 100, -1, 100},
      {R"({"addEstimatedOutputTokens": true})", 0, 50, 0},
      {R"({"outputRatio": 3})", 100, -1, 100},
  };
  for (const Row& row : rows) {
    create(row.parameters);
    auto r = request(row.input);
    r.max_output_tokens(row.client_limit).result("default", {"a"});
    send(r);
    EXPECT_THAT(tokens(), ElementsAre(row.cost, 0)) << row.parameters;
    end(r);
  }
  EXPECT_NE(host.create_error(kType, R"({"outputRatio": -1})"), "");
  EXPECT_NE(host.create_error(kType, R"({"maxEstimatedOutputTokens": -1})"), "");
  EXPECT_NE(host.create_error(kType, R"({"unknown": 1})"), "");
}

// ProducerCheck 18 and SchedulingCheck 20.
TEST_F(InflightLoad, C18_C20_DisconnectBeforeAnyResponse) {
  create();
  auto r = request(10);
  r.result("default", {"b"});
  send(r);
  EXPECT_THAT(requests(), ElementsAre(0, 1));
  end(r, EPP_END_CLIENT_DISCONNECT);
  EXPECT_THAT(requests(), ElementsAre(0, 0));
  EXPECT_THAT(tokens(), ElementsAre(0, 0));
  EXPECT_THAT(gauge(kRequestGauge, "b"), Optional(Eq(0)));
}

// ProducerCheck 19: the timeline of a disaggregated request, cost 500 on both.
TEST_F(InflightLoad, C19_PrefillIsReleasedAtTheFirstChunk) {
  create();
  auto r = request(500);
  r.result("decode", {"a"}).result("prefill", {"b"}).primary("decode");
  send(r);
  EXPECT_THAT(tokens(), ElementsAre(500, 500));
  EXPECT_THAT(requests(), ElementsAre(1, 1));
  chunk(r);
  EXPECT_THAT(tokens(), ElementsAre(0, 0));
  EXPECT_THAT(requests(), ElementsAre(1, 0));
  end(r);
  EXPECT_THAT(requests(), ElementsAre(0, 0));
}

TEST_F(InflightLoad, PrefillIsReleasedAtTheFirstChunkWithOutputToo) {
  create(R"({"addEstimatedOutputTokens": true, "outputRatio": 1})");
  auto r = request(500);
  r.result("decode", {"a"}).result("prefill", {"b"}).primary("decode");
  send(r);
  chunk(r);
  EXPECT_THAT(tokens(), ElementsAre(1000, 0));
  EXPECT_THAT(requests(), ElementsAre(1, 0));
  end(r);
  EXPECT_THAT(tokens(), ElementsAre(0, 0));
}

TEST_F(InflightLoad, CountsRequestsThatWereNeverTokenized) {
  create();
  auto r = host.request();
  r.result("default", {"a"});
  ASSERT_TRUE(host.pre_request(producer, r).ok());
  EXPECT_THAT(requests(), ElementsAre(1, 0));
  EXPECT_THAT(tokens(), ElementsAre(0, 0));
  end(r);
  EXPECT_THAT(requests(), ElementsAre(0, 0));
}

TEST_F(InflightLoad, OnlyTheFirstTargetOfSucceededProfilesCounts) {
  create();
  auto r = request(10);
  r.result("decode", {"b", "a"}).failed_result("prefill", "drained").primary("decode");
  send(r);
  EXPECT_THAT(requests(), ElementsAre(0, 1));
  end(r);
}

TEST_F(InflightLoad, ReturningEndpointIsNotDisturbed) {
  create();
  auto old = request(10);
  old.result("default", {"b"});
  send(old);
  host.remove_endpoint("b");
  EXPECT_THAT(gauge(kRequestGauge, "b"), Optional(Eq(1)));
  host.endpoint("b");
  auto fresh = request(20);
  fresh.result("default", {"b"});
  send(fresh);
  EXPECT_THAT(tokens(), ElementsAre(0, 20));
  fresh.clear_results();
  old.clear_results();
  end(old);
  EXPECT_THAT(tokens(), ElementsAre(0, 20));
  EXPECT_THAT(requests(), ElementsAre(0, 1));
  end(fresh);
  EXPECT_THAT(requests(), ElementsAre(0, 0));
}

TEST(ProducerWeakSpot, W12_GaugesGoWithTheirEndpointAndStayBounded) {
  PluginHarness host;
  host.load(kType);
  host.endpoint("a");
  host.endpoint("b");
  const auto producer = host.create(kType);
  const auto serve = [&](const std::string& fairness, const char* target) {
    auto r = host.request();
    r.fairness_id(fairness).result("default", {target});
    ASSERT_TRUE(host.pre_request(producer, r).ok());
    host.response_complete(producer, r);
  };
  const auto gauge = [&](const std::string& fairness, const char* endpoint) {
    return host.metric(kRequestGauge, {endpoint, "default", kType, fairness, "0"});
  };
  serve("f", "b");
  EXPECT_THAT(gauge("f", "b"), Optional(Eq(0)));
  host.remove_endpoint("b");
  EXPECT_EQ(gauge("f", "b"), std::nullopt);

  for (int i = 0; i <= 4100; ++i)
    serve("client-" + std::to_string(i), "a");
  EXPECT_EQ(gauge("client-0", "a"), std::nullopt);
  EXPECT_THAT(gauge("client-4100", "a"), Optional(Eq(0)));
}

TEST_F(InflightLoad, StateDumpIsSortedByLoad) {
  create();
  auto first = request(10);
  first.result("default", {"a"});
  send(first);
  auto second = request(20);
  second.result("default", {"b"});
  send(second);
  EXPECT_EQ(host.state(producer), R"({"endpoints":[{"endpoint":"default/b","requests":1,"tokens":20},)"
                                  R"({"endpoint":"default/a","requests":1,"tokens":10}],"truncated":false})");
  end(first);
  end(second);
}

}  // namespace
