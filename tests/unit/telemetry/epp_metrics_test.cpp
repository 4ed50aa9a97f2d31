#include "telemetry/epp_metrics.h"

#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::telemetry {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

// Reads an exposition: series (name and labels as written) -> value.
std::map<std::string, double> samples(const std::string& body) {
  std::map<std::string, double> result;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto space = line.rfind(' ');
    result[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return result;
}

// The `le` values of a histogram, in the order written.
std::vector<std::string> bounds_of(const std::string& body, const std::string& name) {
  std::vector<std::string> bounds;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + "_bucket{")) continue;
    const auto at = line.find("le=\"") + 4;
    bounds.push_back(line.substr(at, line.find('"', at) - at));
  }
  return bounds;
}

std::vector<std::string> words(const char* text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

constexpr const char* kR = "{fairness_id=\"default-flow\",model_name=\"m\",priority=\"0\",target_model_name=\"t\"}";
constexpr const char* kM = "{model_name=\"m\",target_model_name=\"t\"}";

class EppMetricsTest : public ::testing::Test {
 protected:
  RequestSeries request() { return metrics_.request_series({.model = "m", .target_model = "t"}); }
  std::string body() const { return registry_.render().body; }
  double sample(const std::string& series) const {
    const auto all = samples(body());
    const auto it = all.find(series);
    EXPECT_NE(it, all.end()) << series;
    return it == all.end() ? -1 : it->second;
  }

  Registry registry_;
  EppMetrics metrics_{registry_, {.grpc_stream_metrics = true}};
};

using DatalayerCheck = EppMetricsTest;

TEST_F(DatalayerCheck, C28_EveryHistogramHasExactlyTheListedBounds) {
  auto r = request();
  r.scheduled(1);
  r.duration(Seconds(1));
  r.response_size(1);
  r.input_tokens(1);
  r.output_tokens(1);
  r.cached_tokens(0);
  r.ntpot(Seconds(1));
  r.ttft(Seconds(1), true);
  r.tpot(Seconds(1));
  r.itl(Seconds(1));
  metrics_.plugin_duration("Scorer", "type", "name").observe(1);
  constexpr auto kLatency =
      "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60 120 180 240 300 360 480 600 900 "
      "1200 1800 2700 3600 +Inf";
  constexpr auto kRequestSize =
      "64 128 256 512 1024 2048 4096 8192 16384 32768 65536 131072 262144 524288 1.048576e+06 2.097152e+06 "
      "4.194304e+06 8.388608e+06 1.6777216e+07 3.3554432e+07 6.7108864e+07 1.34217728e+08 2.68435456e+08 "
      "5.36870912e+08 1.073741824e+09 +Inf";
  constexpr auto kResponseSize = "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32778 65536 +Inf";
  constexpr auto kInputTokens =
      "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32778 65536 131072 262144 524288 1.048576e+06 +Inf";
  constexpr auto kOutputTokens = "1 8 16 32 64 128 256 512 1024 2048 4096 8192 +Inf";
  constexpr auto kNtpot = "0.001 0.002 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10 +Inf";
  constexpr auto kScheduling = "0.0001 0.0002 0.0005 0.001 0.002 0.005 0.01 0.02 0.05 0.1 +Inf";
  const std::pair<const char*, const char*> expected[] = {
      {"llm_d_epp_request_duration_seconds", kLatency},
      {"inference_objective_request_duration_seconds", kLatency},
      {"llm_d_epp_request_size_bytes", kRequestSize},
      {"inference_objective_request_sizes", kRequestSize},
      {"llm_d_epp_response_size_bytes", kResponseSize},
      {"inference_objective_response_sizes", kResponseSize},
      {"llm_d_epp_request_input_tokens", kInputTokens},
      {"inference_objective_input_tokens", kInputTokens},
      {"llm_d_epp_request_cached_tokens", kInputTokens},
      {"inference_objective_prompt_cached_tokens", kInputTokens},
      {"llm_d_epp_request_output_tokens", kOutputTokens},
      {"inference_objective_output_tokens", kOutputTokens},
      {"llm_d_epp_request_ntpot_seconds", kNtpot},
      {"inference_objective_normalized_time_per_output_token_seconds", kNtpot},
      {"llm_d_epp_request_ttft_seconds",
       "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60 120 +Inf"},
      {"llm_d_epp_request_streaming_tpot_seconds",
       "0.0005 0.00205 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.125 0.15 0.2 0.3 0.4 0.5 0.6 0.8 1 2 +Inf"},
      {"llm_d_epp_request_streaming_itl_seconds",
       "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.15 0.2 0.3 0.5 0.75 1 2 +Inf"},
      {"llm_d_epp_request_processing_duration_seconds",
       "0.0005 0.001 0.002 0.005 0.01 0.015 0.025 0.04 0.06 0.1 0.25 0.5 1 2.5 5 10 +Inf"},
      {"llm_d_epp_response_processing_duration_seconds",
       "0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 +Inf"},
      {"llm_d_epp_scheduler_e2e_duration_seconds", kScheduling},
      {"inference_extension_scheduler_e2e_duration_seconds", kScheduling},
      {"llm_d_epp_plugin_duration_seconds", kScheduling},
      {"inference_extension_plugin_duration_seconds", kScheduling},
      {"llm_d_epp_extproc_stream_duration_seconds", "0.001 0.005 0.01 0.05 0.1 0.5 1 5 10 30 60 120 300 600 +Inf"},
  };
  const auto text = body();
  for (const auto& [name, bounds] : expected) {
    EXPECT_THAT(bounds_of(text, name), ElementsAreArray(words(bounds))) << name;
  }
}

TEST_F(DatalayerCheck, C29_ModelNamesShareALimitAndPinnedNamesPass) {
  metrics_.pin_model("rewritten");
  for (int i = 0; i < 500; ++i) {
    metrics_.request_series({.model = "m" + std::to_string(i), .target_model = "t" + std::to_string(i)}).scheduled(1);
  }
  metrics_.request_series({.model = "m1000", .target_model = "rewritten"}).scheduled(1);
  EXPECT_THAT(body(), HasSubstr("llm_d_epp_request_total{fairness_id=\"default-flow\",model_name=\"other\","
                                "priority=\"0\",target_model_name=\"rewritten\"} 1\n"));
}

TEST_F(DatalayerCheck, C30_TimesOfAStreamedResponse) {
  auto r = request();
  r.ttft(Seconds(0.5), true);
  r.tpot(Seconds((2.5 - 0.5) / 10));
  EXPECT_DOUBLE_EQ(sample("llm_d_epp_request_ttft_seconds_sum{fairness_id=\"default-flow\",model_name=\"m\","
                          "priority=\"0\",streaming=\"true\",target_model_name=\"t\"}"),
                   0.5);
  EXPECT_DOUBLE_EQ(sample(std::string("llm_d_epp_request_streaming_tpot_seconds_sum") + kR), 0.2);
}

TEST_F(DatalayerCheck, C32_CachedTokensCountAlsoWhenZeroAndOthersDoNot) {
  auto r = request();
  r.cached_tokens(0);
  r.input_tokens(0);
  r.output_tokens(0);
  EXPECT_EQ(sample(std::string("llm_d_epp_request_cached_tokens_count") + kR), 1);
  EXPECT_EQ(sample(std::string("inference_objective_prompt_cached_tokens_count") + kM), 1);
  EXPECT_THAT(body(), Not(HasSubstr("input_tokens")));
  EXPECT_THAT(body(), Not(HasSubstr("output_tokens")));
}

TEST_F(DatalayerCheck, C33_ErrorsCountByCodeAndAnEmptyCodeCountsNothing) {
  auto r = request();
  r.error("");
  EXPECT_THAT(body(), Not(HasSubstr("request_error_total")));
  r.error("BadRequest");
  EXPECT_EQ(sample("llm_d_epp_request_error_total{error_code=\"BadRequest\",fairness_id=\"default-flow\","
                   "model_name=\"m\",priority=\"0\",target_model_name=\"t\"}"),
            1);
  EXPECT_EQ(sample("inference_objective_request_error_total{error_code=\"BadRequest\",model_name=\"m\","
                   "target_model_name=\"t\"}"),
            1);
  EXPECT_THAT(body(), Not(HasSubstr("request_total{")));
}

TEST_F(DatalayerCheck, C34_RequestTotalAndItsTwinGrowTogether) {
  request().scheduled(10);
  request().scheduled(10);
  EXPECT_EQ(sample(std::string("llm_d_epp_request_total") + kR), 2);
  EXPECT_EQ(sample("inference_objective_request_total{model_name=\"m\",priority=\"0\",target_model_name=\"t\"}"), 2);
  EXPECT_THAT(body(), HasSubstr("# HELP llm_d_epp_request_total [ALPHA] "));
  EXPECT_THAT(body(), HasSubstr("# HELP inference_objective_request_total [ALPHA] [Deprecated: Use "
                                "llm_d_epp_request_total] "));
}

TEST_F(DatalayerCheck, C40_StreamMetricsReturnToZeroAndAreOptIn) {
  metrics_.stream_opened();
  EXPECT_EQ(sample("llm_d_epp_extproc_streams_inflight"), 1);
  metrics_.stream_closed("OK", Seconds(0.2));
  EXPECT_EQ(sample("llm_d_epp_extproc_streams_inflight"), 0);
  EXPECT_EQ(sample("llm_d_epp_extproc_streams_total{code=\"OK\"}"), 1);
  EXPECT_EQ(sample("llm_d_epp_extproc_stream_duration_seconds_count"), 1);

  Registry other;
  EppMetrics off(other);
  off.stream_opened();
  off.stream_closed("OK", Seconds(1));
  EXPECT_THAT(other.render().body, Not(HasSubstr("extproc")));
}

TEST_F(DatalayerCheck, C10_PoolAveragesAndSampleDeviations) {
  metrics_.pool("p", std::vector<EndpointLoad>{{30, 2, 1}, {70, 5, 3}});
  const auto all = samples(body());
  const auto gauge = [&](const std::string& name) { return all.at(name + "{name=\"p\"}"); };
  EXPECT_EQ(gauge("llm_d_epp_average_kv_cache_utilization"), 50);
  EXPECT_EQ(gauge("llm_d_epp_std_dev_kv_cache_utilization"), 28.28);
  EXPECT_EQ(gauge("llm_d_epp_average_queue_size"), 3.5);
  EXPECT_EQ(gauge("llm_d_epp_std_dev_queue_size"), 2.12);
  EXPECT_EQ(gauge("llm_d_epp_average_running_requests"), 2);
  EXPECT_EQ(gauge("llm_d_epp_std_dev_running_requests"), 1.41);
  EXPECT_EQ(gauge("llm_d_epp_ready_endpoints"), 2);
  for (const char* old : {"average_kv_cache_utilization", "average_queue_size", "average_running_requests"}) {
    EXPECT_EQ(gauge(std::string("inference_pool_") + old), gauge(std::string("llm_d_epp_") + old));
  }
  EXPECT_EQ(gauge("inference_pool_ready_pods"), 2);
}

TEST_F(EppMetricsTest, AnEmptyPoolKeepsItsLastAverages) {
  metrics_.pool("p", std::vector<EndpointLoad>{{0.5, 3, 2}});
  EXPECT_EQ(sample("llm_d_epp_std_dev_queue_size{name=\"p\"}"), 0);
  metrics_.pool("p", {});
  EXPECT_EQ(sample("llm_d_epp_ready_endpoints{name=\"p\"}"), 0);
  EXPECT_EQ(sample("llm_d_epp_average_queue_size{name=\"p\"}"), 3);
}

TEST_F(EppMetricsTest, RunningCountsOnceAndNeedsAModel) {
  auto r = request();
  r.begin_running();
  r.begin_running();
  EXPECT_EQ(sample(std::string("llm_d_epp_request_running") + kR), 1);
  EXPECT_EQ(sample("inference_objective_running_requests{model_name=\"m\"}"), 1);
  RequestSeries moved = std::move(r);
  moved.end_running();
  moved.end_running();
  EXPECT_EQ(sample(std::string("llm_d_epp_request_running") + kR), 0);
  auto nameless = metrics_.request_series({});
  nameless.begin_running();
  nameless.end_running();
  EXPECT_THAT(body(), Not(HasSubstr("request_running{fairness_id=\"default-flow\",model_name=\"\"")));
}

TEST_F(EppMetricsTest, SchedulerAttemptsAndTheirTwinNameTheEndpointDifferently) {
  metrics_.scheduler_success("t", "vllm-0", "ns", "8000");
  metrics_.scheduler_failure("t");
  EXPECT_EQ(sample("llm_d_epp_scheduler_attempts_total{endpoint_name=\"vllm-0\",namespace=\"ns\",port=\"8000\","
                   "status=\"success\",target_model_name=\"t\"}"),
            1);
  EXPECT_EQ(sample("inference_extension_scheduler_attempts_total{namespace=\"ns\",pod_name=\"vllm-0\",port=\"8000\","
                   "status=\"success\",target_model_name=\"t\"}"),
            1);
  EXPECT_EQ(sample("llm_d_epp_scheduler_attempts_total{endpoint_name=\"\",namespace=\"\",port=\"\","
                   "status=\"failure\",target_model_name=\"t\"}"),
            1);
}

TEST_F(EppMetricsTest, PluginsDataLayerAndInfoHaveTheirTwins) {
  metrics_.plugin_duration("Filter", "label-selector-filter", "decode").observe(0.003);
  metrics_.data_scope_violation("Scorer", "t", "n", "read");
  metrics_.model_rewrite("rule", "m", "t");
  metrics_.poll_errors("metrics-data-source").inc();
  metrics_.extract_errors("metrics-data-source", "core-metrics-extractor").inc();
  metrics_.info("abc", "v1");
  const auto handle = metrics_.per_endpoint_queue_size([](CallbackSink& sink) {
    sink.emit({"p", "vllm-0-rank-0"}, 3);
  });
  const std::string plugin =
      "{extension_point=\"Filter\",plugin_name=\"decode\",plugin_type=\"label-selector-filter\"}";
  EXPECT_EQ(sample("llm_d_epp_plugin_duration_seconds_count" + plugin), 1);
  EXPECT_EQ(sample("inference_extension_plugin_duration_seconds_count" + plugin), 1);
  EXPECT_EQ(sample("llm_d_epp_plugin_data_scope_violations_total{access=\"read\",extension_point=\"Scorer\","
                   "plugin_name=\"n\",plugin_type=\"t\"}"),
            1);
  EXPECT_EQ(sample("inference_extension_model_rewrite_decisions_total{model_name=\"m\",model_rewrite_name=\"rule\","
                   "target_model=\"t\"}"),
            1);
  EXPECT_EQ(sample("llm_d_inference_scheduler_datalayer_poll_errors_total{source_type=\"metrics-data-source\"}"), 1);
  EXPECT_EQ(sample("llm_d_inference_scheduler_datalayer_extract_errors_total{extractor_type="
                   "\"core-metrics-extractor\",source_type=\"metrics-data-source\"}"),
            1);
  EXPECT_EQ(sample("llm_d_epp_info{build_ref=\"v1\",commit=\"abc\"}"), 1);
  EXPECT_EQ(sample("inference_extension_info{build_ref=\"v1\",commit=\"abc\"}"), 1);
  EXPECT_EQ(sample("llm_d_epp_per_endpoint_queue_size{model_server_endpoint=\"vllm-0-rank-0\",name=\"p\"}"), 3);
  EXPECT_EQ(sample("inference_pool_per_pod_queue_size{model_server_pod=\"vllm-0-rank-0\",name=\"p\"}"), 3);
}

TEST_F(EppMetricsTest, NegativeInterTokenTimesAreSkipped) {
  auto r = request();
  r.itl(Seconds(-0.1));
  EXPECT_THAT(body(), Not(HasSubstr("itl")));
  r.itl(Seconds(0.1));
  r.itl(Seconds(0.2));
  EXPECT_EQ(sample(std::string("llm_d_epp_request_streaming_itl_seconds_count") + kR), 2);
}

TEST_F(EppMetricsTest, ASecondInstanceOnTheSameRegistrySharesTheFamilies) {
  EppMetrics again(registry_);
  again.request_series({.model = "m", .target_model = "t"}).scheduled(1);
  request().scheduled(1);
  EXPECT_EQ(sample(std::string("llm_d_epp_request_total") + kR), 2);
}

TEST(ProcessMetrics, AreReadAtEachScrape) {
  Registry registry;
  const auto handles = register_process_metrics(registry);
  const auto all = samples(registry.render().body);
  EXPECT_GT(all.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(all.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(all.at("process_virtual_memory_bytes"), all.at("process_resident_memory_bytes"));
  EXPECT_GE(all.at("process_open_fds"), 3);
  EXPECT_GE(all.at("process_max_fds"), all.at("process_open_fds"));
  EXPECT_GT(all.at("process_start_time_seconds"), 1.7e9);
}

}  // namespace
}  // namespace epp::telemetry
