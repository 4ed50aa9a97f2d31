#include "scrape/engine_mapping.h"

#include <string>

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

std::string failure(const std::string& json) {
  try {
    (void)parse_core_metrics_parameters(json);
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(EngineMapping, BuiltInEngines) {
  const auto engines = built_in_engines();
  ASSERT_EQ(engines.size(), 5u);
  EXPECT_EQ(engines.at("vllm").queued->text(), "vllm:num_requests_waiting");
  EXPECT_EQ(engines.at("vllm").lora->text(), "vllm:lora_requests_info");
  EXPECT_EQ(engines.at("vllm").block_size_label, "block_size");
  EXPECT_EQ(engines.at("sglang").kv_usage->text(), "sglang:token_usage");
  EXPECT_EQ(engines.at("sglang").num_blocks_label, "num_pages");
  EXPECT_FALSE(engines.at("sglang").lora);
  EXPECT_EQ(engines.at("trtllm-serve").cache_num_blocks->text(), "trtllm_kv_cache_max_blocks");
  EXPECT_EQ(engines.at("triton-tensorrt-llm").running->text(),
            "nv_trt_llm_request_metrics{request_type=\"scheduled\"}");
  EXPECT_EQ(engines.at("triton").running->text(), "nv_inference_exec_count");
  EXPECT_FALSE(engines.at("triton").kv_usage);
}

TEST(EngineMapping, DefaultsWithoutParameters) {
  const auto parameters = parse_core_metrics_parameters("");
  EXPECT_EQ(parameters.engine_label_key, "llm-d.ai/engine-type");
  EXPECT_EQ(parameters.default_engine, "vllm");
  EXPECT_EQ(parameters.series, SeriesChoice::kNewest);
  EXPECT_EQ(parse_core_metrics_parameters("{}").engines.size(), 5u);
}

TEST(EngineMapping, AConfiguredEngineReplacesTheBuiltInEntirely) {
  const auto parameters = parse_core_metrics_parameters(
      R"({"engineConfigs":[{"name":"vllm","queuedRequestsSpec":"q{a=b}","customMetrics":[{"attributeKey":"x","metricSpec":"m"}]},
          {"name":"mine","kvUsageSpec":""}],"defaultEngine":"mine","seriesChoice":"sum"})");
  const EngineMapping& vllm = parameters.engines.at("vllm");
  EXPECT_EQ(vllm.queued->text(), "q{a=\"b\"}");
  EXPECT_FALSE(vllm.running);
  EXPECT_FALSE(vllm.lora);
  ASSERT_EQ(vllm.custom.size(), 1u);
  EXPECT_EQ(vllm.custom[0].attribute_key, "x");
  EXPECT_FALSE(parameters.engines.at("mine").kv_usage);
  EXPECT_EQ(parameters.default_engine, "mine");
  EXPECT_EQ(parameters.series, SeriesChoice::kSum);
}

TEST(DatalayerCheck, C20_EngineNamesAreUniqueAndNotDefault) {
  EXPECT_NE(failure(R"({"engineConfigs":[{"name":"default"}]})").find("reserved"), std::string::npos);
  EXPECT_NE(failure(R"({"engineConfigs":[{"name":"a"},{"name":"a"}]})").find("duplicate engine name \"a\""),
            std::string::npos);
  EXPECT_NE(failure(R"({"engineConfigs":[{"name":""}]})").find("must not be empty"), std::string::npos);
}

TEST(DatalayerCheck, C21_UnknownParametersAreRefused) {
  EXPECT_EQ(failure(R"({"treshold":1})"), "json: unknown field \"treshold\"");
  EXPECT_EQ(failure(R"({"engineConfigs":[{"name":"a","x":1}]})"), "json: unknown field \"x\"");
}

TEST(EngineMapping, OtherParameterErrors) {
  EXPECT_NE(failure(R"({"defaultEngine":"nobody"})"), "accepted");
  EXPECT_NE(failure(R"({"engineConfigs":[{"name":"a","loraSpec":"q{"}]})"), "accepted");
  EXPECT_NE(failure(R"({"engineConfigs":[{"name":"a","customMetrics":[{"attributeKey":"","metricSpec":"m"}]}]})"),
            "accepted");
  EXPECT_NE(failure(R"({"engineConfigs":[{"name":"a","customMetrics":[{"attributeKey":"k","metricSpec":""}]}]})"),
            "accepted");
  EXPECT_NE(failure(R"({"engineConfigs":[{"name":"a","customMetrics":[{"attributeKey":"k","metricSpec":"m"},
                       {"attributeKey":"k","metricSpec":"n"}]}]})"),
            "accepted");
  EXPECT_NE(failure(R"({"engineLabelKey":5})"), "accepted");
  EXPECT_NE(failure(R"({"resetCacheInfo":1})"), "accepted");
  EXPECT_NE(failure(R"({"untypedValue":"maybe"})"), "accepted");
  EXPECT_NE(failure(R"([])"), "accepted");
  EXPECT_NE(failure(R"({)"), "accepted");
}

}  // namespace
}  // namespace epp::scrape
