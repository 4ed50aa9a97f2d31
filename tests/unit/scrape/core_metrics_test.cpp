#include "scrape/core_metrics.h"

#include <epp/keys.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;
using Names = std::vector<std::string>;

class CoreMetrics : public ::testing::Test {
 protected:
  // Extracts `page` for an endpoint with `labels`; values by attribute key without its producer.
  Extraction extract(const std::string& page, Labels labels = {}, const std::string& parameters = "") {
    endpoints::EndpointSpec spec;
    spec.name = "a";
    spec.address = "10.0.0.1";
    spec.port = "8000";
    spec.labels = std::move(labels);
    const endpoints::Endpoint endpoint(spec, 1, nullptr, 0, false);
    const CoreMetricsExtractor extractor(parse_core_metrics_parameters(parameters), attributes);
    PrometheusReader reader;
    endpoints::ScrapedValues values;
    Extraction result = extractor.extract(endpoint, page, ParseMode::kStrict, reader, values);
    for (const auto& item : values.items()) {
      const std::string key = attributes.info(item.attr)->key;
      const std::string name = key.substr(0, key.find('/'));
      if (item.type == EPP_TYPE_F64) numbers[name] = item.f64;
      if (item.type == EPP_TYPE_STR_LIST) lists[name] = item.list;
    }
    return result;
  }

  endpoints::AttributeRegistry attributes;
  std::map<std::string, double> numbers;
  std::map<std::string, Names> lists;
};

class DatalayerCheck : public CoreMetrics {};
class DatalayerWeakSpot : public CoreMetrics {};

const std::string kGauges =
    "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting 3\n"
    "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 2\n"
    "# TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc 0.5\n";
const std::string kCacheInfo =
    "# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"1000\"} 1\n";

std::string waiting(const std::string& samples) {
  return "# TYPE vllm:num_requests_waiting gauge\n" + samples;
}

TEST_F(DatalayerCheck, C09_ReadsQueueRunningAndKvUsage) {
  const auto result = extract(kGauges + kCacheInfo);
  EXPECT_EQ(result.errors, "");
  EXPECT_TRUE(result.updated);
  EXPECT_EQ(numbers["WaitingQueueSize"], 3);
  EXPECT_EQ(numbers["RunningRequestsSize"], 2);
  EXPECT_EQ(numbers["KVCacheUsagePercent"], 0.5);
  EXPECT_EQ(numbers["CacheBlockSize"], 16);
  EXPECT_EQ(numbers["CacheNumBlocks"], 1000);
}

TEST_F(DatalayerCheck, C11_AMissingFinalNewlineMakesThePageUnreadable) {
  const auto result = extract(kGauges + "last 1");
  EXPECT_EQ(result.unreadable, "line 7: unexpected end of input stream");
  EXPECT_TRUE(numbers.empty());
}

TEST_F(DatalayerCheck, C13_TheFirstOfSeveralSeriesIsRead) {
  extract(waiting("vllm:num_requests_waiting{engine=\"0\"} 1\nvllm:num_requests_waiting{engine=\"1\"} 9\n"));
  EXPECT_EQ(numbers["WaitingQueueSize"], 1);
}

TEST_F(DatalayerCheck, C14_TheNewestTimestampWins) {
  extract(waiting("vllm:num_requests_waiting{e=\"0\"} 1 1000\nvllm:num_requests_waiting{e=\"1\"} 7 2000\n"));
  EXPECT_EQ(numbers["WaitingQueueSize"], 7);
  extract(
      waiting("vllm:num_requests_waiting{e=\"1\"} 7 2000\nvllm:num_requests_waiting{e=\"0\"} 1 1000\n"
              "vllm:num_requests_waiting{e=\"2\"} 4\n"));
  EXPECT_EQ(numbers["WaitingQueueSize"], 7);
}

TEST_F(DatalayerCheck, C15_TheLoraSeriesWithTheLargestValueWins) {
  const auto result = extract(
      "# TYPE vllm:lora_requests_info gauge\n"
      "vllm:lora_requests_info{running_lora_adapters=\"a, b\",waiting_lora_adapters=\"\",max_lora=\"4\"} 100\n"
      "vllm:lora_requests_info{running_lora_adapters=\"c\",waiting_lora_adapters=\"d\",max_lora=\"4\"} 105\n");
  EXPECT_TRUE(result.updated);
  EXPECT_EQ(lists["ActiveModels"], Names{"c"});
  EXPECT_EQ(lists["WaitingModels"], Names{"d"});
  EXPECT_EQ(numbers["MaxActiveModels"], 4);
}

TEST_F(DatalayerCheck, C16_ABadMaxLoraIsAnExtractErrorAndTheRestIsStored) {
  const auto result = extract(kGauges +
                              "# TYPE vllm:lora_requests_info gauge\n"
                              "vllm:lora_requests_info{running_lora_adapters=\"a\",max_lora=\"x\"} 1\n");
  EXPECT_NE(result.errors.find("max_lora"), std::string::npos);
  EXPECT_TRUE(result.updated);
  EXPECT_EQ(numbers["WaitingQueueSize"], 3);
  EXPECT_EQ(lists["ActiveModels"], Names{"a"});
  EXPECT_FALSE(numbers.contains("MaxActiveModels")) << "the old value stays";
}

TEST_F(DatalayerCheck, C17_TheEngineLabelChoosesTheNames) {
  extract("# TYPE sglang:num_queue_reqs gauge\nsglang:num_queue_reqs 4\n", {{"llm-d.ai/engine-type", "sglang"}});
  EXPECT_EQ(numbers["WaitingQueueSize"], 4);
}

TEST_F(DatalayerCheck, C18_TheFallbackLabelChoosesTheNames) {
  const std::string page = "# TYPE trtllm_num_requests_waiting gauge\ntrtllm_num_requests_waiting 6\n";
  extract(page, {{"inference.networking.k8s.io/engine-type", "trtllm-serve"}});
  EXPECT_EQ(numbers["WaitingQueueSize"], 6);
  numbers.clear();
  extract(page, {{"inference.networking.k8s.io/engine-type", "trtllm-serve"}, {"llm-d.ai/engine-type", ""}});
  EXPECT_EQ(numbers["WaitingQueueSize"], 6) << "an empty label counts as missing";
}

TEST_F(DatalayerCheck, C19_AnUnknownEngineHasTheDefaultNames) {
  extract(kGauges, {{"llm-d.ai/engine-type", "something-new"}});
  EXPECT_EQ(numbers["WaitingQueueSize"], 3);
}

TEST_F(CoreMetrics, IntegersAreTruncatedTowardZero) {
  extract(waiting("vllm:num_requests_waiting 4.9\n"));
  EXPECT_EQ(numbers["WaitingQueueSize"], 4);
  extract(waiting("vllm:num_requests_waiting -4.9\n"));
  EXPECT_EQ(numbers["WaitingQueueSize"], -4);
}

TEST_F(CoreMetrics, AMissingFamilyIsAnErrorThatNamesIt) {
  const auto result = extract("other 1\n");
  EXPECT_NE(result.errors.find("\"vllm:num_requests_waiting\" not found"), std::string::npos);
  EXPECT_NE(result.errors.find("\"vllm:kv_cache_usage_perc\" not found"), std::string::npos);
  EXPECT_EQ(result.errors.find("lora"), std::string::npos) << "LoRA is optional";
  EXPECT_FALSE(result.updated);
}

TEST_F(CoreMetrics, LabelsOfTheSpecificationSelectTheSeries) {
  const Labels triton = {{"llm-d.ai/engine-type", "triton-tensorrt-llm"}};
  const std::string head = "# TYPE nv_trt_llm_request_metrics gauge\n";
  extract(head +
              "nv_trt_llm_request_metrics{model=\"m\",request_type=\"scheduled\"} 5\n"
              "nv_trt_llm_request_metrics{model=\"m\",request_type=\"waiting\"} 8\n",
          triton);
  EXPECT_EQ(numbers["WaitingQueueSize"], 8);
  EXPECT_EQ(numbers["RunningRequestsSize"], 5);
  const auto result = extract(head + "nv_trt_llm_request_metrics{request_type=\"other\"} 5\n", triton);
  EXPECT_NE(result.errors.find("no series of metric family \"nv_trt_llm_request_metrics\" matches"), std::string::npos);
}

TEST_F(CoreMetrics, CountersAreReadAndHistogramsAreZero) {
  const Labels triton = {{"llm-d.ai/engine-type", "triton"}};
  extract(
      "# TYPE nv_inference_exec_count counter\nnv_inference_exec_count 12\n"
      "# TYPE nv_inference_pending_request_count summary\nnv_inference_pending_request_count_sum 9\n",
      triton);
  EXPECT_EQ(numbers["RunningRequestsSize"], 12);
  EXPECT_EQ(numbers["WaitingQueueSize"], 0);
}

TEST_F(CoreMetrics, LoraValuesBelowZeroNeverMatchAndTiesGoToTheFirst) {
  const std::string head = "# TYPE vllm:lora_requests_info gauge\n";
  extract(head + "vllm:lora_requests_info{running_lora_adapters=\"a\"} -1\n");
  EXPECT_FALSE(lists.contains("ActiveModels"));
  extract(head +
          "vllm:lora_requests_info{running_lora_adapters=\"a,,b \"} "
          "5\nvllm:lora_requests_info{running_lora_adapters=\"c\"} 5\n");
  EXPECT_EQ(lists["ActiveModels"], (Names{"a", "b"}));
  EXPECT_EQ(lists["WaitingModels"], Names{});
}

TEST_F(CoreMetrics, CacheInfoAsGauges) {
  extract(
      "# TYPE trtllm_kv_cache_tokens_per_block gauge\ntrtllm_kv_cache_tokens_per_block 32\n"
      "# TYPE trtllm_kv_cache_max_blocks gauge\ntrtllm_kv_cache_max_blocks 512\n",
      {{"llm-d.ai/engine-type", "trtllm-serve"}});
  EXPECT_EQ(numbers["CacheBlockSize"], 32);
  EXPECT_EQ(numbers["CacheNumBlocks"], 512);
}

TEST_F(CoreMetrics, CustomMetricsHaveAttributesOfTheirOwn) {
  const auto result = extract(
      "# TYPE gpu gauge\ngpu{id=\"0\"} 0.25\n", {{"llm-d.ai/engine-type", "mine"}},
      R"({"engineConfigs":[{"name":"mine","customMetrics":[{"attributeKey":"gpu","metricSpec":"gpu{id=0}"}]}]})");
  EXPECT_EQ(result.errors, "");
  EXPECT_EQ(numbers["gpu"], 0.25);
  EXPECT_NE(attributes.find("gpu/core-metrics-extractor"), EPP_ATTR_NONE);
}

TEST_F(DatalayerWeakSpot, W03_SeveralSeriesCanBeCombined) {
  const std::string page =
      waiting("vllm:num_requests_waiting{engine=\"0\"} 1\nvllm:num_requests_waiting{engine=\"1\"} 8\n");
  extract(page, {}, R"({"seriesChoice":"sum"})");
  EXPECT_EQ(numbers["WaitingQueueSize"], 9);
  extract(page, {}, R"({"seriesChoice":"average"})");
  EXPECT_EQ(numbers["WaitingQueueSize"], 4);
  extract(page, {}, R"({"seriesChoice":"max"})");
  EXPECT_EQ(numbers["WaitingQueueSize"], 8);
}

TEST_F(DatalayerWeakSpot, W04_UntypedSamplesAreZeroUnlessToldOtherwise) {
  const std::string page = "vllm:num_requests_waiting 7\n";
  EXPECT_TRUE(extract(page).updated);
  EXPECT_EQ(numbers["WaitingQueueSize"], 0);
  extract(page, {}, R"({"untypedValue":"value"})");
  EXPECT_EQ(numbers["WaitingQueueSize"], 7);
  numbers.clear();
  const auto result = extract(page, {}, R"({"untypedValue":"error"})");
  EXPECT_NE(result.errors.find("neither gauge nor counter"), std::string::npos);
  EXPECT_FALSE(numbers.contains("WaitingQueueSize"));
}

TEST_F(DatalayerWeakSpot, W05_CacheInfoOfNone) {
  const std::string page =
      "# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"None\"} 1\n";
  const auto compatible = extract(page);
  EXPECT_NE(compatible.errors.find("num_gpu_blocks is not an integer"), std::string::npos);
  EXPECT_EQ(numbers["CacheBlockSize"], 16);
  EXPECT_FALSE(numbers.contains("CacheNumBlocks")) << "keeps its old value";
  const auto reset = extract(page, {}, R"({"resetCacheInfo":true})");
  EXPECT_EQ(reset.errors.find("num_gpu_blocks"), std::string::npos);
  EXPECT_EQ(numbers["CacheNumBlocks"], 0);
  extract("# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info 1\n");
  EXPECT_EQ(numbers["CacheBlockSize"], 0) << "a missing block size is zero";
}

TEST_F(DatalayerWeakSpot, W06_NoIntegerComesFromNanOrInfinity) {
  for (const char* value : {"NaN", "+Inf", "-Inf", "1e300"}) {
    numbers.clear();
    const auto result = extract(waiting("vllm:num_requests_waiting " + std::string(value) + "\n"));
    EXPECT_NE(result.errors.find("\"vllm:num_requests_waiting\" is not an integer"), std::string::npos) << value;
    EXPECT_FALSE(numbers.contains("WaitingQueueSize"));
  }
  extract("# TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc NaN\n");
  EXPECT_TRUE(std::isnan(numbers["KVCacheUsagePercent"])) << "which reads as missing";
}

}  // namespace
}  // namespace epp::scrape
