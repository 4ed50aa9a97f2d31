// The small extractors: `dcgm-extractor`, `multicluster-metrics-extractor` and `models-data-extractor`.
#pragma once

#include "scrape/engine_mapping.h"
#include "scrape/extractor.h"

#include <string>
#include <string_view>

namespace epp::scrape {

// GPU utilisation, a fraction: the largest DCGM_FI_DEV_GPU_UTIL / 100 among the samples whose `pod` label is the
// endpoint's workload (or that have none; or all, for an endpoint without a name). Attribute
// GPUUtilization/dcgm-extractor, f64.
class DcgmExtractor final : public Extractor {
 public:
  static constexpr std::string_view kType = "dcgm-extractor";

  explicit DcgmExtractor(endpoints::AttributeRegistry& attributes);
  [[nodiscard]] std::string_view type() const override { return kType; }
  Extraction extract(const endpoints::Endpoint& endpoint, std::string_view page, ParseMode mode,
                     PrometheusReader& reader, endpoints::ScrapedValues& values) const override;

 private:
  FamilySelection families_;
  epp_attr utilization_;
};

struct MulticlusterMetricsParameters {
  std::string kv_cache_utilization_metric = "llm_d_epp_average_kv_cache_utilization";
  std::string queue_size_metric = "llm_d_epp_average_queue_size";
};
// Throws ParameterError.
[[nodiscard]] MulticlusterMetricsParameters parse_multicluster_metrics_parameters(std::string_view json);
[[nodiscard]] std::string_view multicluster_metrics_schema();

// Another EPP's pool gauges. Attributes llm-d.ai/multicluster-kv-cache-utilization/ and
// llm-d.ai/multicluster-queue-size/, f64 both.
class MulticlusterMetricsExtractor final : public Extractor {
 public:
  static constexpr std::string_view kType = "multicluster-metrics-extractor";

  MulticlusterMetricsExtractor(const MulticlusterMetricsParameters& parameters,
                               endpoints::AttributeRegistry& attributes);
  [[nodiscard]] std::string_view type() const override { return kType; }
  Extraction extract(const endpoints::Endpoint& endpoint, std::string_view page, ParseMode mode,
                     PrometheusReader& reader, endpoints::ScrapedValues& values) const override;

 private:
  FamilySelection families_;
  epp_attr attrs_[2];  // by family
};

// The ids of /v1/models. Attribute /v1/models/models-data-extractor, string list.
class ModelsExtractor final : public Extractor {
 public:
  static constexpr std::string_view kType = "models-data-extractor";

  explicit ModelsExtractor(endpoints::AttributeRegistry& attributes);
  [[nodiscard]] std::string_view type() const override { return kType; }
  Extraction extract(const endpoints::Endpoint& endpoint, std::string_view body, ParseMode mode,
                     PrometheusReader& reader, endpoints::ScrapedValues& values) const override;

 private:
  epp_attr models_;
};

}  // namespace epp::scrape
