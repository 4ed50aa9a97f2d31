// Scorers, filters, pickers and handlers as they ship, judged by destinations and emitted scores.
#include "conformance/engine.h"
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/files.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Matcher;

std::string address(const Engine& engine) {
  return "127.0.0.1:" + std::to_string(engine.port());
}

// "plugins: [{type: a}, {type: b}]" and so on.
std::string plugins(const std::vector<std::string>& entries) {
  std::string config = "plugins:\n";
  for (const std::string& entry : entries) {
    config += "- " + entry + "\n";
  }
  return config;
}

// An EPP over engines that show these pages, once it has read them; endpoints e0, e1, ...
class Pool {
 public:
  Pool(const std::string& config, const std::vector<std::string>& pages, const std::map<std::string, double>& queues) {
    Flags flags{"--emit-endpoint-scores"};
    for (const std::string& page : pages) {
      engines_.push_back(std::make_unique<Engine>(page));
      flags.push_back(endpoint("e" + std::to_string(engines_.size() - 1), engines_.back()->port()));
    }
    epp_ = std::make_unique<EppServer>(testing::EppOptions{.arguments = with(config, flags)});
    client_ = std::make_unique<Client>(epp_->grpc_port());
    if (!has_queues(*epp_, queues)) throw std::runtime_error("the engines were not read");
  }
  const Client& client() const { return *client_; }
  std::string address_of(std::size_t i) const { return address(*engines_[i]); }
  // The emitted scores in the order of the endpoints.
  std::vector<double> scores(const Request& request = {}) const {
    const Decision decision = client_->ask(request);
    std::vector<double> scores;
    for (const auto& engine : engines_) {
      scores.push_back(decision.scores.at(address(*engine)));
    }
    return scores;
  }

 private:
  std::vector<std::unique_ptr<Engine>> engines_;
  std::unique_ptr<EppServer> epp_;
  std::unique_ptr<Client> client_;
};

Matcher<std::vector<double>> are(std::initializer_list<double> values) {
  std::vector<Matcher<double>> near;
  for (const double value : values) {
    near.push_back(DoubleNear(value, 1e-9));
  }
  return ::testing::ElementsAreArray(near);
}

std::string lora(const std::string& running) {
  return "# TYPE vllm:lora_requests_info gauge\nvllm:lora_requests_info{running_lora_adapters=\"" + running +
         "\",waiting_lora_adapters=\"\",max_lora=\"2\"} 1\n";
}

TEST(SchedulingCheck, C01_FourScorers) {
  const Pool pool(
      plugins({"type: kv-cache-utilization-scorer", "type: queue-scorer", "type: prefix-cache-scorer",
               "type: lora-affinity-scorer"}),
      {vllm_page(0, 0, 0.2) + lora("x,y"), vllm_page(0, 0, 0.2) + lora("adapterA"), vllm_page(10, 0, 0.8) + lora("x")},
      {{"e0", 0}, {"e1", 0}, {"e2", 10}});
  const Request request{.body = R"({"model":"adapterA","prompt":"x"})"};
  EXPECT_THAT(pool.scores(request), are({1.8, 2.8, 1.0}));
  EXPECT_EQ(pool.client().ask(request).destination, pool.address_of(1));
}

TEST(SchedulingCheck, C02_QueueScorer) {
  const Pool different(plugins({"type: queue-scorer"}), {vllm_page(0), vllm_page(5), vllm_page(10)},
                       {{"e0", 0}, {"e1", 5}, {"e2", 10}});
  EXPECT_THAT(different.scores(), are({1, 0.5, 0}));
  const Pool equal(plugins({"type: queue-scorer"}), {vllm_page(7), vllm_page(7)}, {{"e0", 7}, {"e1", 7}});
  EXPECT_THAT(equal.scores(), are({1, 1}));
}

TEST(SchedulingCheck, C03_LoadAwareScorer) {
  const Pool pool(plugins({"type: load-aware-scorer"}), {vllm_page(0), vllm_page(64), vllm_page(128), vllm_page(500)},
                  {{"e0", 0}, {"e1", 64}, {"e2", 128}, {"e3", 500}});
  EXPECT_THAT(pool.scores(), are({0.5, 0.25, 0, 0}));
}

TEST(SchedulingCheck, C04_Weights) {
  const Pool pool(plugins({"type: kv-cache-utilization-scorer"}) +
                      "schedulingProfiles:\n- name: default\n  plugins: [{pluginRef: kv-cache-utilization-scorer, "
                      "weight: 3}]\n",
                  {vllm_page(1, 0, 0.25)}, {{"e0", 1}});
  EXPECT_THAT(pool.scores(), are({2.25}));
}

TEST(SchedulingCheck, C05_AFilterThatRejectsEverything) {
  const EppServer epp({.arguments = with(plugins({"{type: label-selector-filter, parameters: {matchLabels: {a: b}}}"}),
                                         {silent_endpoint(1)})});
  const Decision decision = Client(epp.grpc_port()).ask();
  EXPECT_EQ(decision.status, 429);
  EXPECT_THAT(decision.body, HasSubstr("no endpoints available for the given request"));
  EXPECT_EQ(value_of(decision.headers, "x-llm-d-request-dropped-reason"), "rejected-saturated");
}

TEST(SchedulingCheck, C06_AnEmptyPool) {
  const testing::TempDir directory;
  testing::write_file(directory.path() / "endpoints.yaml", "endpoints: []\n");
  const EppServer epp({.arguments = with(plugins({"{type: file-discovery, parameters: {path: " +
                                                  (directory.path() / "endpoints.yaml").string() + "}}"}) +
                                             "dataLayer: {discovery: {pluginRef: file-discovery}}\n",
                                         {"--pool-name=p"})});
  const Decision decision = Client(epp.grpc_port()).ask();
  EXPECT_EQ(decision.status, 503);
  EXPECT_EQ(value_of(decision.headers, "x-llm-d-request-dropped-reason"), "rejected-no-endpoints");
}

TEST(SchedulingCheck, C07_C08_LabelFilters) {
  const auto used = [](const std::string& filter) {
    const EppServer epp(
        {.arguments = with(plugins({filter}), {silent_endpoint(1, "llm-d.ai/role=prefill"),
                                               silent_endpoint(2, "llm-d.ai/role=decode"), silent_endpoint(3)})});
    std::string indices;
    for (const auto& [destination, count] : Client(epp.grpc_port()).spread(60)) {
      indices += destination.at(8);
    }
    return indices;
  };
  EXPECT_EQ(used("type: decode-filter"), "23");
  EXPECT_EQ(used("type: prefill-filter"), "1");
  const auto selector = [](const std::string& op) {
    return "{type: label-selector-filter, parameters: {matchExpressions: [{key: llm-d.ai/role, operator: " + op +
           ", values: [prefill]}]}}";
  };
  EXPECT_EQ(used(selector("NotIn")), "23");
  EXPECT_EQ(refusal_of(with(plugins({selector("Equals")}), {silent_endpoint(1)})).exit_code, 1);
}

TEST(SchedulingCheck, C09_TiesAreSpread) {
  const EppServer epp({.arguments = with(plugins({"type: max-score-picker"}),
                                         {silent_endpoint(1), silent_endpoint(2), silent_endpoint(3)})});
  const auto counts = Client(epp.grpc_port()).spread(3000);
  ASSERT_EQ(counts.size(), 3U);
  for (const auto& [destination, count] : counts) {
    EXPECT_GE(count, 840) << destination;
    EXPECT_LE(count, 1170) << destination;
  }
}

TEST(SchedulingCheck, C10_WeightedRandomPicker) {
  const Pool pool(plugins({"type: kv-cache-utilization-scorer", "type: weighted-random-picker"}),
                  {vllm_page(1, 0, 0.25), vllm_page(1, 0, 0.75), vllm_page(1, 0, 1)},
                  {{"e0", 1}, {"e1", 1}, {"e2", 1}});
  const auto counts = pool.client().spread(4000);
  ASSERT_EQ(counts.size(), 2U) << "a score of 0 is never chosen";
  // 3000 of 4000 expected; the deviation is 27.
  EXPECT_NEAR(counts.at(pool.address_of(0)), 3000, 165);
}

TEST(SchedulingCheck, C11_TwoEndpointsTheBestFirst) {
  const Pool pool(plugins({"type: queue-scorer", "{type: max-score-picker, parameters: {maxNumOfEndpoints: 2}}"}),
                  {vllm_page(9), vllm_page(3), vllm_page(1)}, {{"e0", 9}, {"e1", 3}, {"e2", 1}});
  EXPECT_EQ(pool.client().ask().destination, pool.address_of(2) + "," + pool.address_of(1));
}

const Headers kOk{{":status", "200"}, {"content-type", "application/json"}};

TEST(SchedulingCheck, C12_SessionTokens) {
  const EppServer epp({.arguments = with(plugins({"type: session-affinity-scorer"}),
                                         {silent_endpoint(1), silent_endpoint(2), silent_endpoint(3),
                                          "--allow-experimental-plugins"})});
  const Client client(epp.grpc_port());
  Exchange first = client.open();
  const std::string token = value_of(first.response_headers(kOk), "x-session-token");
  // base64 of default/e1, default/e2, default/e3.
  const std::map<std::string, std::string> tokens{{silent_address(1), "ZGVmYXVsdC9lMQ=="},
                                                  {silent_address(2), "ZGVmYXVsdC9lMg=="},
                                                  {silent_address(3), "ZGVmYXVsdC9lMw=="}};
  const std::string destination = first.decision().destination;
  EXPECT_EQ(token, tokens.at(destination));
  EXPECT_EQ(client.spread(20, {.headers = {{"x-session-token", token}}}),
            (std::map<std::string, int>{{destination, 20}}));
  EXPECT_EQ(client.ask({.headers = {{"x-session-token", "%%%"}}}).status, 200);
}

TEST(SchedulingCheck, C18_NoHitLruScorer) {
  const EppServer epp(
      {.arguments = with(plugins({"type: no-hit-lru-scorer"}),
                         {silent_endpoint(1), silent_endpoint(2), silent_endpoint(3), "--emit-endpoint-scores"})});
  const Client client(epp.grpc_port());
  std::map<std::string, int> destinations;
  for (int i = 0; i < 3; ++i) {
    const Decision decision =
        client.ask({.body = R"({"model":"m","prompt":")" + std::string(400, static_cast<char>('a' + i)) + "\"}"});
    ++destinations[decision.destination];
    std::vector<double> scores;
    for (const auto& [endpoint, score] : decision.scores) {
      scores.push_back(score);
    }
    EXPECT_THAT(scores, ::testing::UnorderedElementsAre(0, 0.5, 1)) << i;
  }
  EXPECT_EQ(destinations.size(), 3U);
}

TEST(SchedulingCheck, C19_C20_ActiveRequests) {
  const EppServer epp(
      {.arguments = with(plugins({"type: active-request-scorer", "type: inflight-load-producer"}),
                         {silent_endpoint(1), silent_endpoint(2), silent_endpoint(3), "--emit-endpoint-scores"})});
  const Client client(epp.grpc_port());
  std::vector<Exchange> held;
  for (const auto& [index, count] : {std::pair(1, 4), std::pair(2, 2)}) {
    for (int i = 0; i < count; ++i) {
      held.push_back(client.open({.subset = {{silent_address(index)}}}));
    }
  }
  const auto scores = client.ask().scores;
  EXPECT_EQ(scores.at(silent_address(1)), 0);
  EXPECT_EQ(scores.at(silent_address(2)), 0.5);
  EXPECT_EQ(scores.at(silent_address(3)), 1);

  const std::string series = "llm_d_epp_inflight_requests{endpoint_name=\"e1\"";
  EXPECT_EQ(epp.metric(series), 4);
  for (Exchange& exchange : held) {
    exchange.cancel();
  }
  EXPECT_TRUE(becomes(epp, series, 0));
}

TEST(SchedulingCheck, C31_HeaderProfileHandler) {
  const EppServer epp(
      {.arguments = with(plugins({"type: header-profile-handler", "type: decode-filter", "type: prefill-filter"}) +
                             "schedulingProfiles:\n- name: decode\n  plugins: [{pluginRef: decode-filter}]\n"
                             "- name: prefill\n  plugins: [{pluginRef: prefill-filter}]\n",
                         {silent_endpoint(1, "llm-d.ai/role=prefill"), silent_endpoint(2, "llm-d.ai/role=decode"),
                          "--allow-experimental-plugins"})});
  const Client client(epp.grpc_port());
  EXPECT_EQ(client.ask().destination, silent_address(2));
  EXPECT_EQ(client.ask({.headers = {{"epp-profile", "prefill"}}}).destination, silent_address(1));
  const Decision unknown = client.ask({.headers = {{"epp-profile", "PREFILL"}}});
  EXPECT_EQ(unknown.status, 429);
  EXPECT_THAT(unknown.body, HasSubstr("failed to run any scheduler profile for request"));
}

TEST(SchedulingCheck, C33_ContextLengthAware) {
  const EppServer epp({.arguments = with(plugins({"{type: context-length-aware, parameters: {enableFiltering: true}}"}),
                                         {silent_endpoint(1, "llm-d.ai/context-length-range=0-2048"),
                                          silent_endpoint(2, "llm-d.ai/context-length-range=2049-8192"),
                                          silent_endpoint(3, "llm-d.ai/context-length-range=abc")})});
  const std::string prompt(3000 * 4, 'x');
  EXPECT_EQ(Client(epp.grpc_port()).spread(20, {.body = R"({"model":"m","prompt":")" + prompt + "\"}"}),
            (std::map<std::string, int>{{silent_address(2), 20}}));
}

TEST(SchedulingCheck, C39_HeaderBasedTestingFilter) {
  const EppServer epp(
      {.arguments = with(plugins({"type: header-based-testing-filter"}), {silent_endpoint(1), silent_endpoint(2)})});
  const Client client(epp.grpc_port());
  EXPECT_EQ(client.ask({.headers = {{"test-epp-endpoint-selection", "127.1.0.2"}}}).destination, silent_address(2));
  EXPECT_EQ(client.ask({.headers = {{"test-epp-endpoint-selection", "10.0.0.9"}}}).status, 429);
}

TEST(SchedulingCheck, C40_FailuresAreCounted) {
  const EppServer epp({.arguments = with(plugins({"type: header-based-testing-filter"}), {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  EXPECT_EQ(client.ask().status, 429);
  client.ask({.headers = {{"test-epp-endpoint-selection", "127.1.0.1"}}});
  const std::string name = "llm_d_epp_scheduler_attempts_total{";
  EXPECT_EQ(epp.metric(name + R"(endpoint_name="",namespace="",port="",status="failure",target_model_name="m"})"), 1);
  EXPECT_EQ(
      epp.metric(name + R"(endpoint_name="e1",namespace="default",port="1",status="success",target_model_name="m"})"),
      1);
}

}  // namespace
}  // namespace epp::conformance
