#include "scrape/gauge_extractors.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

class GaugeExtractors : public ::testing::Test {
 protected:
  Extraction extract(const Extractor& extractor, const std::string& body, const std::string& workload = "p0") {
    endpoints::EndpointSpec spec;
    spec.name = workload.empty() ? "" : workload + "-rank-0";
    spec.workload = workload;
    spec.address = "10.0.0.1";
    spec.port = "8000";
    const endpoints::Endpoint endpoint(spec, 1, nullptr, 0, false);
    PrometheusReader reader;
    endpoints::ScrapedValues values;
    Extraction result = extractor.extract(endpoint, body, ParseMode::kStrict, reader, values);
    numbers.clear();
    for (const auto& item : values.items()) {
      numbers[attributes.info(item.attr)->key] = item.f64;
      list = item.list;
    }
    return result;
  }

  endpoints::AttributeRegistry attributes;
  std::map<std::string, double> numbers;
  std::vector<std::string> list;
};

TEST_F(GaugeExtractors, DcgmTakesTheBusiestGpuOfThePod) {
  const DcgmExtractor extractor(attributes);
  const std::string head = "# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n";
  const std::string page =
      head +
      "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\",pod=\"p0\"} 40\nDCGM_FI_DEV_GPU_UTIL{gpu=\"1\",pod=\"p0\"} 70\n"
      "DCGM_FI_DEV_GPU_UTIL{gpu=\"2\",pod=\"p1\"} 99\n";
  EXPECT_TRUE(extract(extractor, page).updated);
  EXPECT_DOUBLE_EQ(numbers["GPUUtilization/dcgm-extractor"], 0.70);
  extract(extractor, page, "");
  EXPECT_DOUBLE_EQ(numbers["GPUUtilization/dcgm-extractor"], 0.99) << "an endpoint without a name sees all";
  extract(extractor, head + "DCGM_FI_DEV_GPU_UTIL 12\n");
  EXPECT_DOUBLE_EQ(numbers["GPUUtilization/dcgm-extractor"], 0.12) << "no pod label";
  EXPECT_NE(extract(extractor, head + "DCGM_FI_DEV_GPU_UTIL{pod=\"p9\"} 12\n").errors, "");
  EXPECT_NE(extract(extractor, "DCGM_FI_DEV_GPU_UTIL 12\n").errors, "") << "not a gauge";
  EXPECT_NE(extract(extractor, "x").unreadable, "");
}

TEST_F(GaugeExtractors, MulticlusterReadsPoolGauges) {
  const MulticlusterMetricsExtractor extractor(parse_multicluster_metrics_parameters(R"({"queueSizeMetric":"q"})"),
                                               attributes);
  const std::string usage =
      "# TYPE llm_d_epp_average_kv_cache_utilization gauge\nllm_d_epp_average_kv_cache_utilization{name=\"p\"} 0.25\n";
  const auto partial = extract(extractor, usage);
  EXPECT_EQ(partial.errors, "metric family \"q\" not found");
  EXPECT_TRUE(partial.updated);
  EXPECT_EQ(numbers["llm-d.ai/multicluster-kv-cache-utilization/"], 0.25);
  EXPECT_EQ(extract(extractor, usage + "# TYPE q gauge\nq 3\n").errors, "");
  EXPECT_EQ(numbers["llm-d.ai/multicluster-queue-size/"], 3);
  EXPECT_THROW((void)parse_multicluster_metrics_parameters(R"({"x":1})"), ParameterError);
}

TEST_F(GaugeExtractors, ModelsListsIds) {
  const ModelsExtractor extractor(attributes);
  const auto result = extract(
      extractor, R"({"object":"list","data":[{"id":"base","object":"model"},{"id":"lora","parent":"base"},5]})");
  EXPECT_TRUE(result.updated);
  EXPECT_EQ(list, (std::vector<std::string>{"base", "lora"}));
  EXPECT_NE(extract(extractor, "<html>").unreadable, "");
  EXPECT_NE(extract(extractor, "[]").unreadable, "");
}

}  // namespace
}  // namespace epp::scrape
