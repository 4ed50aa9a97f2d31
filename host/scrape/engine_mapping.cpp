#include "scrape/engine_mapping.h"

#include "scrape/strict_json.h"

#include <set>
#include <utility>

namespace epp::scrape {
namespace {

// An empty text means that the engine has no such metric.
std::optional<MetricSpec> optional_spec(const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto parsed = parse_metric_spec(text);
  if (const auto* error = std::get_if<SpecError>(&parsed)) throw ParameterError(error->text);
  return std::get<MetricSpec>(std::move(parsed));
}

std::optional<MetricSpec> spec_field(const Json& object, const char* name) {
  std::string text;
  read_field(object, name, text);
  return optional_spec(text);
}

std::vector<CustomMetric> parse_custom_metrics(const Json& list) {
  if (!list.is_array()) throw ParameterError("field \"customMetrics\" has the wrong type");
  std::vector<CustomMetric> metrics;
  std::set<std::string> keys;
  for (const Json& entry : list) {
    if (!entry.is_object()) throw ParameterError("field \"customMetrics\" has the wrong type");
    check_fields(entry, {"attributeKey", "metricSpec"});
    CustomMetric metric;
    read_field(entry, "attributeKey", metric.attribute_key);
    if (metric.attribute_key.empty()) throw ParameterError("customMetrics: attributeKey must not be empty");
    if (!keys.insert(metric.attribute_key).second) {
      throw ParameterError("customMetrics: duplicate attributeKey \"" + metric.attribute_key + "\"");
    }
    auto spec = spec_field(entry, "metricSpec");
    if (!spec) throw ParameterError("customMetrics: metricSpec of \"" + metric.attribute_key + "\" must not be empty");
    metric.spec = std::move(*spec);
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

EngineMapping parse_engine(const Json& object) {
  if (!object.is_object()) throw ParameterError("field \"engineConfigs\" has the wrong type");
  check_fields(object, {"name", "queuedRequestsSpec", "runningRequestsSpec", "kvUsageSpec", "loraSpec", "cacheInfoSpec",
                        "cacheBlockSizeLabelName", "cacheNumBlocksLabelName", "cacheBlockSizeSpec",
                        "cacheNumBlocksSpec", "customMetrics"});
  EngineMapping engine;
  read_field(object, "name", engine.name);
  if (engine.name.empty()) throw ParameterError("engineConfigs: engine name must not be empty");
  if (engine.name == "default") {
    throw ParameterError("engineConfigs: engine name \"default\" is reserved; use defaultEngine");
  }
  engine.queued = spec_field(object, "queuedRequestsSpec");
  engine.running = spec_field(object, "runningRequestsSpec");
  engine.kv_usage = spec_field(object, "kvUsageSpec");
  engine.lora = spec_field(object, "loraSpec");
  engine.cache_info = spec_field(object, "cacheInfoSpec");
  read_field(object, "cacheBlockSizeLabelName", engine.block_size_label);
  read_field(object, "cacheNumBlocksLabelName", engine.num_blocks_label);
  if (engine.block_size_label.empty()) engine.block_size_label = "block_size";
  if (engine.num_blocks_label.empty()) engine.num_blocks_label = "num_gpu_blocks";
  engine.cache_block_size = spec_field(object, "cacheBlockSizeSpec");
  engine.cache_num_blocks = spec_field(object, "cacheNumBlocksSpec");
  if (const auto custom = object.find("customMetrics"); custom != object.end() && !custom->is_null()) {
    engine.custom = parse_custom_metrics(*custom);
  }
  return engine;
}

template <class Choice>
void read_choice(const Json& object, const char* name,
                 std::initializer_list<std::pair<std::string_view, Choice>> choices, Choice& into) {
  std::string text;
  read_field(object, name, text);
  if (text.empty()) return;
  std::string known;
  for (const auto& [word, choice] : choices) {
    if (word == text) {
      into = choice;
      return;
    }
    known.append(known.empty() ? "" : ", ").append(word);
  }
  throw ParameterError(std::string("field \"") + name + "\": \"" + text + "\" is none of " + known);
}

EngineMapping built_in(const char* name, const char* queued, const char* running, const char* kv_usage) {
  EngineMapping engine;
  engine.name = name;
  engine.queued = optional_spec(queued);
  engine.running = optional_spec(running);
  engine.kv_usage = optional_spec(kv_usage);
  return engine;
}

}  // namespace

std::map<std::string, EngineMapping> built_in_engines() {
  std::map<std::string, EngineMapping> engines;
  const auto add = [&](EngineMapping engine) -> EngineMapping& {
    return engines.insert_or_assign(engine.name, engine).first->second;
  };
  auto& vllm =
      add(built_in("vllm", "vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:kv_cache_usage_perc"));
  vllm.lora = optional_spec("vllm:lora_requests_info");
  vllm.cache_info = optional_spec("vllm:cache_config_info");

  auto& sglang = add(built_in("sglang", "sglang:num_queue_reqs", "sglang:num_running_reqs", "sglang:token_usage"));
  sglang.cache_info = optional_spec("sglang:cache_config_info");
  sglang.block_size_label = "page_size";
  sglang.num_blocks_label = "num_pages";

  auto& trtllm = add(built_in("trtllm-serve", "trtllm_num_requests_waiting", "trtllm_num_requests_running",
                              "trtllm_kv_cache_utilization"));
  trtllm.cache_block_size = optional_spec("trtllm_kv_cache_tokens_per_block");
  trtllm.cache_num_blocks = optional_spec("trtllm_kv_cache_max_blocks");

  auto& triton_trtllm = add(built_in("triton-tensorrt-llm", "nv_trt_llm_request_metrics{request_type=waiting}",
                                     "nv_trt_llm_request_metrics{request_type=scheduled}",
                                     "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}"));
  triton_trtllm.cache_block_size = optional_spec("nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=tokens_per}");
  triton_trtllm.cache_num_blocks = optional_spec("nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=max}");

  add(built_in("triton", "nv_inference_pending_request_count", "nv_inference_exec_count", ""));
  return engines;
}

CoreMetricsParameters parse_core_metrics_parameters(std::string_view text) {
  const Json json = parse_object(text);
  check_fields(json,
               {"engineLabelKey", "defaultEngine", "engineConfigs", "seriesChoice", "untypedValue", "resetCacheInfo"});
  CoreMetricsParameters parameters;
  parameters.engines = built_in_engines();
  std::string label_key;
  std::string default_engine;
  read_field(json, "engineLabelKey", label_key);
  read_field(json, "defaultEngine", default_engine);
  if (!label_key.empty()) parameters.engine_label_key = label_key;
  if (!default_engine.empty()) parameters.default_engine = default_engine;

  std::set<std::string> seen;
  if (const auto engines = json.find("engineConfigs"); engines != json.end() && !engines->is_null()) {
    if (!engines->is_array()) throw ParameterError("field \"engineConfigs\" has the wrong type");
    for (const Json& entry : *engines) {
      EngineMapping engine = parse_engine(entry);
      if (!seen.insert(engine.name).second) {
        throw ParameterError("engineConfigs: duplicate engine name \"" + engine.name + "\"");
      }
      // A configured engine replaces the built-in one entirely.
      parameters.engines.insert_or_assign(engine.name, engine);
    }
  }
  if (!parameters.engines.contains(parameters.default_engine)) {
    throw ParameterError("defaultEngine \"" + parameters.default_engine + "\" is not a known engine");
  }
  read_choice<SeriesChoice>(json, "seriesChoice",
                            {{"newest", SeriesChoice::kNewest},
                             {"sum", SeriesChoice::kSum},
                             {"average", SeriesChoice::kAverage},
                             {"max", SeriesChoice::kMax}},
                            parameters.series);
  read_choice<UntypedValue>(
      json, "untypedValue",
      {{"zero", UntypedValue::kZero}, {"value", UntypedValue::kValue}, {"error", UntypedValue::kError}},
      parameters.untyped);
  read_field(json, "resetCacheInfo", parameters.reset_cache_info);
  return parameters;
}

std::string_view core_metrics_schema() {
  return R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "definitions": {
    "spec": {"type": "string", "description": "name or name{label=value,...}; empty: not available for this engine"}
  },
  "properties": {
    "engineLabelKey": {"type": "string", "default": "llm-d.ai/engine-type",
      "description": "Endpoint label that names the engine"},
    "defaultEngine": {"type": "string", "default": "vllm",
      "description": "Engine whose mapping is used where the label is missing or unknown"},
    "engineConfigs": {"type": "array", "items": {
      "type": "object", "additionalProperties": false, "required": ["name"],
      "properties": {
        "name": {"type": "string", "minLength": 1, "not": {"const": "default"},
          "description": "A built-in's name replaces that one entirely"},
        "queuedRequestsSpec": {"$ref": "#/definitions/spec"},
        "runningRequestsSpec": {"$ref": "#/definitions/spec"},
        "kvUsageSpec": {"$ref": "#/definitions/spec"},
        "loraSpec": {"$ref": "#/definitions/spec"},
        "cacheInfoSpec": {"$ref": "#/definitions/spec"},
        "cacheBlockSizeLabelName": {"type": "string", "default": "block_size"},
        "cacheNumBlocksLabelName": {"type": "string", "default": "num_gpu_blocks"},
        "cacheBlockSizeSpec": {"$ref": "#/definitions/spec"},
        "cacheNumBlocksSpec": {"$ref": "#/definitions/spec"},
        "customMetrics": {"type": "array", "items": {
          "type": "object", "additionalProperties": false, "required": ["attributeKey", "metricSpec"],
          "properties": {
            "attributeKey": {"type": "string", "minLength": 1},
            "metricSpec": {"type": "string", "minLength": 1}
          }}}
      }}},
    "seriesChoice": {"enum": ["newest", "sum", "average", "max"], "default": "newest",
      "description": "Which of several matching series gives the value"},
    "untypedValue": {"enum": ["zero", "value", "error"], "default": "zero",
      "description": "What a sample without TYPE is worth"},
    "resetCacheInfo": {"type": "boolean", "default": false,
      "description": "Missing or None block size and count become 0 instead of an error"}
  }
})json";
}

}  // namespace epp::scrape
