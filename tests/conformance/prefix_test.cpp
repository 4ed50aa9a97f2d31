// Prefix affinity over the approximate index that ships with the host.
#include "conformance/engine.h"
#include "conformance/exchange.h"
#include "conformance/lab.h"

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
  const auto refused = [](const std::string& type, const std::string& parameters) {
    const Refusal refusal =
        refusal_of(with("plugins:\n- type: " + type + "\n  parameters: " + parameters, {silent_endpoint(1)}));
    EXPECT_EQ(refusal.exit_code, 1) << parameters;
    EXPECT_THAT(refusal.text, ::testing::HasSubstr("failed to load the configuration - plugin instantiation failed: "
                                                   "failed to create plugin '" +
                                                   type + "' (type: " + type + "): "));
  };
  refused("approx-prefix-cache-producer", "{autoTune: false, blockSizeTokens: 0}");
  refused("session-id-producer", "{headerName: a, cookieName: b}");
}

}  // namespace
}  // namespace epp::conformance
