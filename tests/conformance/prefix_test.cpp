// Prefix affinity and load, as the producers that ship with the host know them.
#include "conformance/engine.h"
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/files.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

const std::string kRatio = "inference_extension_prefix_indexer_hit_ratio_sum";
const std::string kBytes = "inference_extension_prefix_indexer_hit_bytes_sum";

Request prompt(const std::string& text, const std::string& model = "m", const std::string& more = "") {
  return {.body = R"({"model":")" + model + R"(","prompt":")" + text + "\"" + more + "}"};
}

// A prefix scorer alone, over two endpoints.
struct PrefixPool {
  explicit PrefixPool(const std::string& producer = "")
      : epp({.arguments = with("plugins:\n- type: prefix-cache-scorer\n" + producer,
                               {silent_endpoint(1), silent_endpoint(2), "--emit-endpoint-scores"})}),
        client(epp.grpc_port()) {}
  // The prefix score of an endpoint.
  double score(const Request& request, const std::string& endpoint) const {
    return client.ask(request).scores.at(endpoint);
  }
  EppServer epp;
  Client client;
};

TEST(SchedulingCheck, C15_PrefixAffinity) {
  const PrefixPool pool;
  // 130 tokens, 3 blocks of 64.
  const std::string text(520, 'a');
  const Decision first = pool.client.ask(prompt(text));
  EXPECT_EQ(first.scores.at(first.destination), 0);
  const Decision second = pool.client.ask(prompt(text));
  EXPECT_EQ(second.destination, first.destination);
  EXPECT_EQ(second.scores.at(first.destination), 1);
  // Only the first 64 tokens are shared.
  EXPECT_NEAR(pool.score(prompt(text.substr(0, 256) + std::string(264, 'b')), first.destination), 1.0 / 3, 1e-9);
}

TEST(SchedulingCheck, C16_OtherSaltsAndModelsShareNothing) {
  const PrefixPool pool;
  const std::string text(520, 'a');
  const std::string home = pool.client.ask(prompt(text, "m", R"(,"cache_salt":"a")")).destination;
  EXPECT_EQ(pool.score(prompt(text, "m", R"(,"cache_salt":"b")"), home), 0);
  EXPECT_EQ(pool.score(prompt(text, "other"), home), 0);
  EXPECT_EQ(pool.score(prompt(text, "m", R"(,"cache_salt":"a")"), home), 1);
}

TEST(SchedulingCheck, C17_BlocksHaveAtLeast64Tokens) {
  const PrefixPool pool("- type: approx-prefix-cache-producer\n  parameters: {blockSizeTokens: 16}\n");
  const std::string text(160, 'a');
  pool.client.ask(prompt(text));
  EXPECT_EQ(pool.epp.metric(kBytes), 0);
  pool.client.ask(prompt(text));
  EXPECT_EQ(pool.epp.metric(kBytes), 256);
  EXPECT_EQ(pool.epp.metric(kRatio), 1);
}

TEST(ProducerCheck, C07_ARepeatedPromptGoesHome) {
  const PrefixPool pool;
  const std::string text(300, 'p');
  const std::string home = pool.client.ask(prompt(text)).destination;
  EXPECT_EQ(pool.client.ask(prompt(text)).destination, home);
  EXPECT_EQ(pool.epp.metric(kRatio), 1);
}

TEST(ProducerCheck, C08_TheEnginesBlockSizeIsRaisedTo64) {
  const Engine engine(vllm_page(1) +
                      "# TYPE vllm:cache_config_info gauge\n"
                      "vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"1000\"} 1\n");
  const EppServer epp({.arguments = with("plugins:\n- type: prefix-cache-scorer\n", {endpoint("a", engine.port())})});
  ASSERT_TRUE(has_queues(epp, {{"a", 1}}));
  const Client client(epp.grpc_port());
  client.ask(prompt(std::string(512, 'a')));
  client.ask(prompt(std::string(512, 'a')));
  EXPECT_EQ(epp.metric(kBytes), 512);
}

TEST(ProducerCheck, C09_C10_SaltAndModelPartThePrefixes) {
  const PrefixPool pool;
  const std::string text(300, 'a');
  pool.client.ask(prompt(text, "m", R"(,"cache_salt":"a")"));
  pool.client.ask(prompt(text, "m", R"(,"cache_salt":"b")"));
  pool.client.ask(prompt(text, "other"));
  EXPECT_EQ(pool.epp.metric(kRatio), 0);
}

TEST(ProducerCheck, C12_ALimitBelowABlockHashesNothing) {
  const PrefixPool pool("- type: approx-prefix-cache-producer\n  parameters: {maxPrefixTokensToMatch: 32}\n");
  pool.client.ask(prompt(std::string(520, 'a')));
  pool.client.ask(prompt(std::string(520, 'a')));
  EXPECT_EQ(pool.epp.metric("inference_extension_prefix_indexer_hit_ratio_count"), 0);
}

TEST(ProducerCheck, C13_C30_ParametersThatCannotBe) {
  EXPECT_EQ(refusal_of(with("plugins:\n- type: approx-prefix-cache-producer\n"
                            "  parameters: {autoTune: false, blockSizeTokens: 0}\n",
                            {silent_endpoint(1)}))
                .exit_code,
            1);
  EXPECT_EQ(refusal_of(with("plugins:\n- type: session-id-producer\n  parameters: {headerName: a, cookieName: b}\n",
                            {silent_endpoint(1)}))
                .exit_code,
            1);
}

const Headers kEvents{{":status", "200"}, {"content-type", "text/event-stream"}};
const std::string kLoad = "plugins:\n- type: inflight-load-producer\n";

std::string inflight(const std::string& what) {
  return "llm_d_epp_inflight_" + what +
         "{endpoint_name=\"e1\",fairness_id=\"default-flow\",namespace=\"default\",priority=\"0\","
         "producer_name=\"inflight-load-producer\"}";
}

TEST(ProducerCheck, C16_LoadOfAStreamedRequest) {
  const EppServer epp({.arguments = with(kLoad, {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  Exchange exchange = client.open(prompt(std::string(4000, 'x')));
  EXPECT_EQ(epp.metric(inflight("tokens")), 1000);
  EXPECT_EQ(epp.metric(inflight("requests")), 1);
  exchange.response_headers(kEvents);
  exchange.send_response_body("data: {}\n\n", false);
  exchange.response_body();
  EXPECT_EQ(epp.metric(inflight("tokens")), 0);
  EXPECT_EQ(epp.metric(inflight("requests")), 1);
  exchange.finish_response("data: [DONE]\n\n");
  EXPECT_TRUE(becomes(epp, inflight("requests"), 0));
}

TEST(ProducerCheck, C17_EstimatedOutputCountsUntilTheEnd) {
  const EppServer epp(
      {.arguments = with(kLoad + "  parameters: {addEstimatedOutputTokens: true}\n", {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  Exchange exchange = client.open(prompt(std::string(400, 'x'), "m", R"(,"max_tokens":50)"));
  EXPECT_EQ(epp.metric(inflight("tokens")), 150);
  exchange.response_headers(kEvents);
  exchange.send_response_body("data: {}\n\n", false);
  exchange.response_body();
  EXPECT_EQ(epp.metric(inflight("tokens")), 150);
  exchange.finish_response("data: [DONE]\n\n");
  EXPECT_TRUE(becomes(epp, inflight("tokens"), 0));
}

TEST(ProducerCheck, C18_AClientThatLeavesGivesEverythingBack) {
  const EppServer epp({.arguments = with(kLoad, {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  Exchange exchange = client.open(prompt(std::string(400, 'x')));
  EXPECT_EQ(epp.metric(inflight("requests")), 1);
  exchange.cancel();
  EXPECT_TRUE(becomes(epp, inflight("requests"), 0));
  EXPECT_TRUE(becomes(epp, inflight("tokens"), 0));
}

TEST(ProducerCheck, C36_AgentIdentityNamesTheFlow) {
  const EppServer epp(
      {.arguments = with("plugins:\n- type: agent-identity\n", {silent_endpoint(1), "--allow-experimental-plugins"})});
  const Client client(epp.grpc_port());
  client.ask({.headers = {{"session-id", "s1"}}});
  client.ask({.headers = {{"session-id", "s1"}, {"x-llm-d-inference-fairness-id", "f"}}});
  EXPECT_EQ(epp.metric("llm_d_epp_request_total{fairness_id=\"s1\""), 1);
  EXPECT_EQ(epp.metric("llm_d_epp_request_total{fairness_id=\"f\""), 1);
}

// An endpoints file of which the first endpoint goes and comes back.
TEST(SchedulingCheck, C13_SessionsMoveOnlyWhenTheirEndpointGoes) {
  const testing::TempDir directory;
  const auto file = directory.path() / "endpoints.yaml";
  const auto write = [&](std::initializer_list<int> indices) {
    std::string text = "endpoints:\n";
    for (const int i : indices) {
      text += "- {name: e" + std::to_string(i) + ", address: 127.1.0." + std::to_string(i) + ", port: \"1\"}\n";
    }
    testing::write_file(file, text);
  };
  write({1, 2, 3});
  const EppServer epp({.arguments = with("plugins:\n- type: file-discovery\n  parameters: {path: " + file.string() +
                                             ", watchFile: true}\n- type: session-affinity-filter\n"
                                             "  parameters: {strategy: session_id}\n"
                                             "dataLayer: {discovery: {pluginRef: file-discovery}}\n",
                                         {"--pool-name=p", "--allow-experimental-plugins"})});
  const Client client(epp.grpc_port());
  const Request session{.headers = {{"x-session-id", "s1"}}};
  const auto only = [&] {
    const auto counts = client.spread(10, session);
    return counts.size() == 1 ? counts.begin()->first : "several";
  };
  const std::string home = only();
  ASSERT_THAT(home, ::testing::AnyOf(silent_address(1), silent_address(2), silent_address(3)));
  const auto wait_for = [&](std::size_t count) {
    return testing::wait_until([&] { return endpoint_names(epp).size() == count; });
  };
  home == silent_address(1) ? write({2, 3}) : home == silent_address(2) ? write({1, 3}) : write({1, 2});
  ASSERT_TRUE(wait_for(2));
  const std::string second = only();
  EXPECT_NE(second, home);
  EXPECT_NE(second, "several");
  write({1, 2, 3});
  ASSERT_TRUE(wait_for(3));
  EXPECT_EQ(only(), second);
}

}  // namespace
}  // namespace epp::conformance
