// The request cases of the reference's hermetic tests.
#include "conformance/hermetic.h"

#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using testing::wait_until;

const std::vector<HermeticPod> kThree{{3, .2}, {0, .1}, {10, .2}};
const std::string kDropReason = "x-llm-d-request-dropped-reason";

double counted(const EppServer& epp, const std::string& model, const std::string& target, const std::string& priority) {
  return metric_of(epp, "inference_objective_request_total",
                   {{"model_name", model}, {"target_model_name", target}, {"priority", priority}});
}

TEST(ConformanceCheck, C01_ShortestQueueAndEmptiestCache) {
  const Hermetic lab(kThree);
  const EppServer epp = lab.start({"--refresh-prometheus-metrics-interval=500ms"});
  const Decision decision = Client(epp.grpc_port()).complete(llm("test1", "my-model", "my-model-12345"));
  EXPECT_EQ(decision.destination, lab.address(1));
  EXPECT_TRUE(wait_until([&] { return counted(epp, "my-model", "my-model-12345", "2") == 1; }));
  EXPECT_TRUE(wait_until([&] { return metric_of(epp, "inference_pool_ready_pods", {{"name", kHermeticPool}}) == 3; }));
}

TEST(ConformanceCheck, C02_ActiveAdapters) {
  struct Case {
    std::vector<HermeticPod> pods;
    std::size_t chosen;
  };
  const std::vector<Case> cases{
      {{{0, .2, "foo,bar"}, {0, .1, "foo,sql-lora-1fdg2"}, {10, .2, "foo,bar"}}, 1},
      {{{10, .2, "foo,bar"}, {10, .4, "foo,sql-lora-1fdg2"}, {10, .3, "foo"}}, 1},
      {{{6, .2, "foo,bar,sql-lora-1fdg2"}, {0, .85, "foo"}, {10, .9, "foo"}}, 0},
  };
  for (const Case& one : cases) {
    const Hermetic lab(one.pods);
    const EppServer epp = lab.start();
    EXPECT_EQ(Client(epp.grpc_port()).ask(llm("test2", "sql-lora", "sql-lora-1fdg2")).destination,
              lab.address(one.chosen));
  }
}

// Everything that needs no other pods than the first case.
TEST(ConformanceCheck, C03_C04_C05_C06_TheReplyToARequest) {
  const Hermetic lab(kThree);
  const EppServer epp = lab.start();
  const Client client(epp.grpc_port());
  Request request = llm("test1", "my-model", "my-model-12345");
  const Decision decision = client.ask(request);
  std::vector<std::string> names;
  for (const auto& [name, value] : decision.headers) {
    if (!name.starts_with(':')) names.push_back(name);  // The case has no :method and no :path.
  }
  EXPECT_THAT(names, UnorderedElementsAre("x-gateway-destination-endpoint", "Content-Length", "hi", "x-request-id"));
  EXPECT_TRUE(decision.clears_route_cache);
  EXPECT_EQ(decision.body, R"({"max_tokens":100,"model":"my-model-12345","prompt":"test1","temperature":0})");
  EXPECT_EQ(value_of(decision.headers, "Content-Length"), std::to_string(decision.body.size()));

  request.chunk = 1;
  const Decision in_pieces = client.ask(request);
  EXPECT_EQ(in_pieces.body, decision.body);
  EXPECT_EQ(in_pieces.headers, decision.headers);

  const Decision no_json = client.ask({.body = "no healthy upstream"});
  EXPECT_EQ(no_json.status, 400);
  EXPECT_THAT(no_json.body, StartsWith("inference error: BadRequest - error unmarshaling request bodyMap: "));
}

TEST(ConformanceCheck, C07_C08_WithoutPods) {
  const Hermetic lab({});
  const EppServer epp = lab.start();
  const Client client(epp.grpc_port());
  const Decision no_model = client.ask({.body = R"({"prompt":"hello world"})"});
  EXPECT_EQ(no_model.status, 400);
  EXPECT_EQ(no_model.body, "inference error: BadRequest - model not found in request body");
  const Decision no_body = client.ask({.without_body = true});
  EXPECT_EQ(no_body.status, 500);
  EXPECT_EQ(no_body.body, "inference error: Internal - no pods available in datastore");
}

TEST(ConformanceCheck, C09_C10_Subsets) {
  const Hermetic lab(kThree);
  const EppServer epp = lab.start();
  const Client client(epp.grpc_port());
  Request request = llm("test2", "my-model", "my-model-12345");
  request.subset = {{"127.1.1.99:8000"}};
  const Decision none = client.ask(request);
  EXPECT_EQ(none.status, 503);
  EXPECT_EQ(none.body,
            "inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request");
  EXPECT_EQ(value_of(none.headers, kDropReason), "rejected-no-endpoints");
  request.subset = {{lab.address(2)}};
  EXPECT_EQ(client.ask(request).destination, lab.address(2));
  request.subset = {{lab.address(0), lab.address(1), lab.address(2)}};
  EXPECT_EQ(client.ask(request).destination, lab.address(1));
}

TEST(ConformanceCheck, C11_C12_ARewriteObject) {
  const Hermetic lab({{0, .1, "foo,rewritten-model"}});
  const EppServer epp = lab.start();
  const Client client(epp.grpc_port());
  const std::string model = "model-to-be-rewritten";
  Exchange exchange = client.open(llm("test-rewrite", model, model));
  EXPECT_EQ(exchange.decision().body, llm_body("test-rewrite", "rewritten-model"));
  exchange.response_headers({{":status", "200"}, {"content-type", "application/json"}});
  EXPECT_EQ(exchange.finish_response(R"({"model":"rewritten-model"})"), R"({"model":"model-to-be-rewritten"})");
  EXPECT_EQ(exchange.finish(), 0);
  EXPECT_TRUE(wait_until([&] { return counted(epp, model, "rewritten-model", "0") == 1; }));
}

TEST(ConformanceCheck, C13_TheLegacyObjectiveHeader) {
  const Hermetic lab(kThree);
  const EppServer epp = lab.start();
  Request request = llm("test1", "my-model", "my-model");
  request.headers = {{"x-gateway-inference-objective", "my-model"}};
  Client(epp.grpc_port()).complete(request);
  EXPECT_TRUE(wait_until([&] { return counted(epp, "my-model", "my-model", "2") == 1; }));
}

TEST(ConformanceCheck, C14_C15_Responses) {
  const Hermetic lab(kThree);
  const EppServer epp = lab.start();
  const Client client(epp.grpc_port());
  const double before = metric_of(epp, "inference_objective_input_tokens_sum");
  Exchange streamed = client.open(llm("test1", "my-model", "my-model"));
  streamed.response_headers({{":status", "200"}, {"content-type", "text/event-stream"}});
  const std::vector<std::string> chunks{
      "data: {}\n\n",
      "data: {\"usage\":{\"prompt_tokens\":7,\"total_tokens\":17,\"completion_tokens\":10}}\n\ndata: [DONE]\n\n", ""};
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const bool last = i + 1 == chunks.size();
    streamed.send_response_body(chunks[i], last);
    EXPECT_EQ(streamed.response_body(), std::pair(chunks[i], last));
  }
  EXPECT_EQ(streamed.finish(), 0);
  EXPECT_TRUE(wait_until([&] { return metric_of(epp, "inference_objective_input_tokens_sum") == before + 7; }));

  Exchange held = client.open(llm("test1", "my-model", "my-model"));
  held.response_headers({{":status", "200"}, {"content-type", "application/json"}});
  for (const char* chunk : {R"({"a":)", R"(1,"b":)"})
    held.send_response_body(chunk, false);
  held.send_response_body("2}", true);
  EXPECT_EQ(held.response_body(), std::pair(std::string(R"({"a":1,"b":2})"), true));
  EXPECT_EQ(held.finish(), 0);
}

TEST(ConformanceCheck, C21_Scores) {
  const Hermetic lab({{0, .1}, {5, .5}});
  const EppServer plain = lab.start();
  EXPECT_TRUE(Client(plain.grpc_port()).ask(llm("hello", "my-model", "my-model-12345")).scores.empty());
  const EppServer telling = lab.start({"--emit-endpoint-scores"});
  const Decision decision = Client(telling.grpc_port()).ask(llm("hello", "my-model", "my-model-12345"));
  EXPECT_THAT(decision.scores, UnorderedElementsAre(::testing::Key(lab.address(0)), ::testing::Key(lab.address(1))));
  EXPECT_EQ(decision.destination, lab.address(0));
}

// The names that dashboards know, after some traffic.
TEST(ConformanceCheck, C40_MetricNames) {
  const Hermetic lab(kThree);
  const EppServer epp = lab.start();
  const Client client(epp.grpc_port());
  for (int i = 0; i < 10; ++i) {
    Exchange exchange = client.open({.body = R"({"model":"my-model","prompt":"x","stream":true})"});
    exchange.response_headers({{":status", "200"}, {"content-type", "text/event-stream"}});
    exchange.send_response_body("data: {}\n\n", false);
    EXPECT_FALSE(exchange.response_body().second);
    exchange.finish_response(
        "data: {\"usage\":{\"prompt_tokens\":7,\"total_tokens\":17,\"completion_tokens\":10}}\n\n"
        "data: [DONE]\n\n");
    EXPECT_EQ(exchange.finish(), 0);
    EXPECT_EQ(client.ask({.body = "an invalid body"}).status, 400);
  }
  const std::vector<std::string> names{"inference_objective_request_total",
                                       "inference_objective_request_error_total",
                                       "inference_objective_request_duration_seconds",
                                       "inference_objective_normalized_time_per_output_token_seconds",
                                       "inference_objective_request_sizes",
                                       "inference_objective_response_sizes",
                                       "inference_objective_input_tokens",
                                       "inference_objective_output_tokens",
                                       "inference_objective_running_requests",
                                       "inference_pool_average_kv_cache_utilization",
                                       "inference_pool_average_queue_size",
                                       "inference_pool_per_pod_queue_size",
                                       "inference_pool_ready_pods",
                                       "inference_extension_info",
                                       "llm_d_epp_request_total",
                                       "llm_d_epp_request_error_total",
                                       "llm_d_epp_request_duration_seconds",
                                       "llm_d_epp_request_ntpot_seconds",
                                       "llm_d_epp_request_size_bytes",
                                       "llm_d_epp_response_size_bytes",
                                       "llm_d_epp_request_input_tokens",
                                       "llm_d_epp_request_output_tokens",
                                       "llm_d_epp_average_kv_cache_utilization",
                                       "llm_d_epp_average_queue_size",
                                       "llm_d_epp_per_endpoint_queue_size",
                                       "llm_d_epp_request_running",
                                       "llm_d_epp_ready_endpoints",
                                       "llm_d_epp_info",
                                       "llm_d_epp_request_processing_duration_seconds",
                                       "llm_d_epp_response_processing_duration_seconds"};
  const auto missing = [&] {
    const std::string page = epp.metrics();
    std::vector<std::string> absent;
    for (const std::string& name : names) {
      if (page.find("\n# TYPE " + name + ' ') == std::string::npos) absent.push_back(name);
    }
    return absent;
  };
  EXPECT_TRUE(wait_until([&] { return missing().empty(); })) << ::testing::PrintToString(missing());
  const std::string page = epp.metrics();
  for (const std::string& series :
       {std::string(R"(inference_pool_per_pod_queue_size{model_server_pod="pod-2-rank-0",name=")"),
        std::string(R"(llm_d_epp_per_endpoint_queue_size{model_server_endpoint="pod-2-rank-0",name=")")}) {
    EXPECT_NE(page.find(series + kHermeticPool + "\"} 10\n"), std::string::npos) << series;
  }
}

}  // namespace
}  // namespace epp::conformance
