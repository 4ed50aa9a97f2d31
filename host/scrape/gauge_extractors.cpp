#include "scrape/gauge_extractors.h"

#include "scrape/strict_json.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace epp::scrape {
namespace {

using endpoints::AttributeRegistry;
using endpoints::Endpoint;
using endpoints::ScrapedValues;

constexpr const char* kGpuUtilization = "DCGM_FI_DEV_GPU_UTIL";

epp_attr intern(AttributeRegistry& attributes, const char* key, std::uint32_t type) {
  const epp_attr attr = attributes.intern(key, type, endpoints::Storage::kSnapshot);
  if (attr == EPP_ATTR_NONE)
    throw ParameterError(std::string("attribute \"") + key + "\" is already known with another type");
  return attr;
}

void join(std::string& errors, const std::string& text) {
  errors += errors.empty() ? text : "; " + text;
}

}  // namespace

DcgmExtractor::DcgmExtractor(AttributeRegistry& attributes)
    : utilization_(intern(attributes, "GPUUtilization/dcgm-extractor", EPP_TYPE_F64)) {
  families_.add(kGpuUtilization);
}

Extraction DcgmExtractor::extract(const Endpoint& endpoint, std::string_view page, ParseMode mode,
                                  PrometheusReader& reader, ScrapedValues& values) const {
  const std::string& workload = endpoint.spec().workload;
  std::optional<double> highest;
  bool is_gauge = true;
  reader.start(page, &families_, mode);
  while (const Sample* sample = reader.next()) {
    is_gauge = is_gauge && sample->type == FamilyType::kGauge;
    const auto pod = find_label(sample->labels, "pod");
    if (pod && !workload.empty() && !label_value_is(*pod, workload)) continue;
    highest = highest ? std::max(*highest, sample->value) : sample->value;
  }
  Extraction result;
  if (reader.error()) {
    result.unreadable = reader.error()->text();
  } else if (!is_gauge) {
    result.errors = std::string("metric family \"") + kGpuUtilization + "\" is not a gauge";
  } else if (!highest) {
    result.errors = std::string("no series of metric family \"") + kGpuUtilization + "\" for pod \"" + workload + "\"";
  } else {
    values.set(utilization_, *highest / 100);
    result.updated = true;
  }
  return result;
}

MulticlusterMetricsParameters parse_multicluster_metrics_parameters(std::string_view text) {
  const Json json = parse_object(text);
  check_fields(json, {"kvCacheUtilizationMetric", "queueSizeMetric"});
  MulticlusterMetricsParameters parameters;
  std::string kv_usage;
  std::string queue;
  read_field(json, "kvCacheUtilizationMetric", kv_usage);
  read_field(json, "queueSizeMetric", queue);
  if (!kv_usage.empty()) parameters.kv_cache_utilization_metric = kv_usage;
  if (!queue.empty()) parameters.queue_size_metric = queue;
  return parameters;
}

std::string_view multicluster_metrics_schema() {
  return R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "kvCacheUtilizationMetric": {"type": "string", "default": "llm_d_epp_average_kv_cache_utilization"},
    "queueSizeMetric": {"type": "string", "default": "llm_d_epp_average_queue_size"}
  }
})json";
}

MulticlusterMetricsExtractor::MulticlusterMetricsExtractor(const MulticlusterMetricsParameters& parameters,
                                                           AttributeRegistry& attributes)
    : attrs_{intern(attributes, "llm-d.ai/multicluster-kv-cache-utilization/", EPP_TYPE_F64),
             intern(attributes, "llm-d.ai/multicluster-queue-size/", EPP_TYPE_F64)} {
  families_.add(parameters.kv_cache_utilization_metric);
  families_.add(parameters.queue_size_metric);
  if (families_.size() != 2) throw ParameterError("the two metrics must have different names");
}

Extraction MulticlusterMetricsExtractor::extract(const Endpoint&, std::string_view page, ParseMode mode,
                                                 PrometheusReader& reader, ScrapedValues& values) const {
  std::array<std::optional<double>, 2> found;
  reader.start(page, &families_, mode);
  while (const Sample* sample = reader.next()) {
    const bool typed = sample->type == FamilyType::kGauge || sample->type == FamilyType::kCounter;
    if (!found[sample->family]) found[sample->family] = typed ? sample->value : 0;
  }
  Extraction result;
  if (reader.error()) {
    result.unreadable = reader.error()->text();
    return result;
  }
  for (std::uint32_t family = 0; family < found.size(); ++family) {
    if (found[family]) {
      values.set(attrs_[family], *found[family]);
      result.updated = true;
    } else {
      join(result.errors, "metric family \"" + families_.name(family) + "\" not found");
    }
  }
  return result;
}

ModelsExtractor::ModelsExtractor(AttributeRegistry& attributes)
    : models_(intern(attributes, "/v1/models/models-data-extractor", EPP_TYPE_STR_LIST)) {}

Extraction ModelsExtractor::extract(const Endpoint&, std::string_view body, ParseMode, PrometheusReader&,
                                    ScrapedValues& values) const {
  Extraction result;
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) {
    result.unreadable = "the model list is not a JSON object";
    return result;
  }
  std::vector<std::string> ids;
  if (const auto data = json.find("data"); data != json.end() && data->is_array()) {
    for (const Json& model : *data) {
      if (!model.is_object()) continue;
      if (const auto id = model.find("id"); id != model.end() && id->is_string()) ids.push_back(id->get<std::string>());
    }
  }
  values.set(models_, std::move(ids));
  result.updated = true;
  return result;
}

}  // namespace epp::scrape
