// What is read from model servers, how often, and how it shows.
#include "conformance/engine.h"
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::HasSubstr;

const std::string kAny = "plugins: []";
const std::string kQueue = "WaitingQueueSize/core-metrics-extractor";
const std::string kPollErrors = "llm_d_epp_datalayer_poll_errors_total{source_type=\"metrics-data-source\"}";

// Pool gauges that follow at once.
Flags quick(Flags flags) {
  flags.insert(flags.end(), {"--refresh-prometheus-metrics-interval=100ms", "--pool-name=p"});
  return flags;
}

std::string pool(const std::string& name) {
  return "llm_d_epp_" + name + "{name=\"p\"}";
}

TEST(DatalayerCheck, C06_TwentyScrapesASecond) {
  const Engine engine;
  const EppServer epp({.arguments = with(kAny, {endpoint("a", engine.port())})});
  EXPECT_TRUE(engine.is_scraped_every(std::chrono::milliseconds(50)));
}

TEST(DatalayerCheck, C07_ShorterIntervalsAreRaised) {
  const Engine engine;
  const EppServer epp({.arguments = with(kAny, {endpoint("a", engine.port()), "--refresh-metrics-interval=10ms"})});
  EXPECT_TRUE(engine.is_scraped_every(std::chrono::milliseconds(50)));
}

TEST(DatalayerCheck, C08_ASourceOfAnotherNameIsASecondPipeline) {
  // As upstream: two scrapes a tick, unless the default one is not wanted.
  const auto quarter = [](const std::string& inject_defaults) {
    const Engine engine;
    const EppServer epp({.arguments = with("plugins:\n- {name: my-metrics, type: metrics-data-source}\n"
                                           "- type: core-metrics-extractor\n"
                                           "dataLayer: {injectDefaults: " +
                                               inject_defaults +
                                               ", sources: [{pluginRef: my-metrics, extractors: [{pluginRef: "
                                               "core-metrics-extractor}]}]}\n",
                                           {endpoint("a", engine.port())})});
    return engine.scrape_interval(40, 0.25).count();
  };
  EXPECT_LT(quarter("true"), 10);
  EXPECT_GT(quarter("false"), 10);
}

TEST(DatalayerCheck, C09_PoolGaugesOfOneServer) {
  const Engine engine(vllm_page(3, 2, 0.5));
  const EppServer epp({.arguments = with(kAny, quick({endpoint("a", engine.port())}))});
  EXPECT_TRUE(becomes(epp, pool("ready_endpoints"), 1));
  EXPECT_TRUE(becomes(epp, pool("average_queue_size"), 3));
  EXPECT_TRUE(becomes(epp, pool("average_running_requests"), 2));
  EXPECT_TRUE(becomes(epp, pool("average_kv_cache_utilization"), 0.5));
  EXPECT_EQ(epp.metric("inference_pool_ready_pods{name=\"p\"}"), 1);
}

TEST(DatalayerCheck, C10_MeanAndDeviationOfTwoServers) {
  const Engine one(vllm_page(2, 1, 0.3));
  const Engine other(vllm_page(5, 3, 0.7));
  const EppServer epp({.arguments = with(kAny, quick({endpoint("a", one.port()), endpoint("b", other.port())}))});
  EXPECT_TRUE(becomes(epp, pool("average_queue_size"), 3.5));
  EXPECT_TRUE(becomes(epp, pool("std_dev_queue_size"), 2.12));
  EXPECT_TRUE(becomes(epp, pool("std_dev_running_requests"), 1.41));
  EXPECT_EQ(epp.metric("llm_d_epp_per_endpoint_queue_size{model_server_endpoint=\"b\",name=\"p\"}"), 5);
}

TEST(DatalayerCheck, C11_APageWithoutItsLastNewlineIsAnErrorAndGoesStale) {
  Engine engine;
  const EppServer epp({.arguments = with(kAny, quick({endpoint("a", engine.port())}))});
  ASSERT_TRUE(becomes(epp, pool("ready_endpoints"), 1));
  std::string page = vllm_page(1);
  page.pop_back();
  engine.serve(page);
  EXPECT_TRUE(testing::wait_until([&] { return epp.metric(kPollErrors) > 0; }));
  EXPECT_TRUE(becomes(epp, pool("ready_endpoints"), 0));
}

TEST(DatalayerCheck, C12_OtherStatusesAreErrors) {
  Engine engine;
  const EppServer epp({.arguments = with(kAny, {endpoint("a", engine.port())})});
  ASSERT_TRUE(has_queues(epp, {{"a", 0}}));
  for (const unsigned status : {204U, 503U}) {
    engine.serve(vllm_page(0));
    const std::size_t scrapes = engine.scrapes();
    ASSERT_TRUE(testing::wait_until([&] { return engine.scrapes() > scrapes + 2; }));
    const double before = epp.metric(kPollErrors);
    engine.serve(status == 204 ? "" : vllm_page(0), status);
    EXPECT_TRUE(testing::wait_until([&] { return epp.metric(kPollErrors) > before + 1; })) << status;
  }
}

// One EPP for pages that differ only in what the queue is.
struct Page {
  const char* what;
  const char* labels;  // of the endpoint
  const char* text;
  double queue;
};

TEST(DatalayerCheck, C13_C14_C17_C18_C19_WhichSeriesIsTheQueue) {
  const Page pages[] = {
      {"C13: the first of several series", "",
       "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{engine=\"0\"} 1\n"
       "vllm:num_requests_waiting{engine=\"1\"} 9\n",
       1},
      {"C14: the newest timestamp", "",
       "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{e=\"0\"} 1 1000\n"
       "vllm:num_requests_waiting{e=\"1\"} 7 2000\n",
       7},
      {"C14: the newest timestamp, whatever the order", "",
       "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{e=\"1\"} 7 2000\n"
       "vllm:num_requests_waiting{e=\"0\"} 1 1000\n",
       7},
      {"C17: the engine label", "llm-d.ai/engine-type=sglang",
       "# TYPE sglang:num_queue_reqs gauge\nsglang:num_queue_reqs 4\n", 4},
      {"C18: the fallback label", "inference.networking.k8s.io/engine-type=trtllm-serve",
       "# TYPE trtllm_num_requests_waiting gauge\ntrtllm_num_requests_waiting 6\n", 6},
      {"C19: an unknown engine", "llm-d.ai/engine-type=ghost",
       "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting 8\n", 8},
  };
  std::vector<std::unique_ptr<Engine>> engines;
  Flags flags;
  std::map<std::string, double> queues;
  for (std::size_t i = 0; i < std::size(pages); ++i) {
    const std::string name = "e" + std::to_string(i);
    engines.push_back(std::make_unique<Engine>(pages[i].text));
    flags.push_back(endpoint(name, engines.back()->port(), pages[i].labels));
    queues[name] = pages[i].queue;
  }
  const EppServer epp({.arguments = with(kAny, flags)});
  EXPECT_TRUE(has_queues(epp, queues));
  for (std::size_t i = 0; i < std::size(pages); ++i) {
    EXPECT_EQ(endpoint_metric(epp, "e" + std::to_string(i), kQueue), pages[i].queue) << pages[i].what;
  }
}

TEST(DatalayerCheck, C15_TheNewestAdaptersCount) {
  const std::string info = "# TYPE vllm:lora_requests_info gauge\n";
  const Engine engine(
      vllm_page(0) + info +
      "vllm:lora_requests_info{running_lora_adapters=\"a\",waiting_lora_adapters=\"\",max_lora=\"4\"} 100\n"
      "vllm:lora_requests_info{running_lora_adapters=\"c\",waiting_lora_adapters=\"\",max_lora=\"4\"} 105\n");
  const EppServer epp({.arguments = with("plugins:\n- type: lora-affinity-scorer\n",
                                         {endpoint("a", engine.port()), "--emit-endpoint-scores"})});
  ASSERT_TRUE(has_queues(epp, {{"a", 0}}));
  const Client client(epp.grpc_port());
  const auto score = [&](const std::string& model) {
    return client.ask({.body = R"({"model":")" + model + R"(","prompt":"x"})"}).scores.begin()->second;
  };
  EXPECT_EQ(score("c"), 1);
  EXPECT_LT(score("a"), 1);
}

TEST(DatalayerCheck, C16_ABadMaxLoraIsCountedAndTheRestIsRead) {
  const Engine engine(vllm_page(5) +
                      "# TYPE vllm:lora_requests_info gauge\nvllm:lora_requests_info{running_lora_adapters=\"a\","
                      "waiting_lora_adapters=\"\",max_lora=\"x\"} 1\n"
                      "# TYPE vllm:cache_config_info gauge\n"
                      "vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"9\"} 1\n");
  const EppServer epp({.arguments = with(kAny, {endpoint("a", engine.port())})});
  EXPECT_TRUE(has_queues(epp, {{"a", 5}}));
  EXPECT_TRUE(testing::wait_until([&] {
    return epp.metric(
               "llm_d_epp_datalayer_extract_errors_total{extractor_type=\"core-metrics-extractor\","
               "source_type=\"metrics-data-source\"}") > 0;
  }));
}

TEST(DatalayerCheck, C20_C21_ParametersOfTheExtractor) {
  const auto refused = [](const std::string& parameters) {
    return refusal_of(
        with("plugins:\n- type: core-metrics-extractor\n  parameters: " + parameters, {silent_endpoint(1)}));
  };
  for (const char* parameters :
       {"{engineConfigs: [{name: default, queuedRequestsSpec: q}]}", "{engineConfigs: [{name: x}, {name: x}]}"}) {
    EXPECT_EQ(refused(parameters).exit_code, 1) << parameters;
  }
  const Refusal unknown = refused("{engineLabel: x}");
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.text, HasSubstr("engineLabel"));
}

}  // namespace
}  // namespace epp::conformance
