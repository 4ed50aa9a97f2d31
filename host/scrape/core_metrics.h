// `core-metrics-extractor`: queue, running requests, KV usage, LoRA adapters, cache geometry and custom gauges.
#pragma once

#include "scrape/engine_mapping.h"
#include "scrape/extractor.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace epp::scrape {

// Writes the EPP_KEY_* columns of <epp/keys.h> and one f64 column for each custom metric.
//
// Integers are truncated toward zero; a value that is no 64-bit integer (NaN, infinity) is an extraction error and the
// old value stays. A NaN KV usage is stored and so reads as missing.
class CoreMetricsExtractor final : public Extractor {
 public:
  static constexpr std::string_view kType = "core-metrics-extractor";

  // Throws ParameterError when an attribute is known with another type.
  CoreMetricsExtractor(CoreMetricsParameters parameters, endpoints::AttributeRegistry& attributes);
  ~CoreMetricsExtractor() override;

  [[nodiscard]] std::string_view type() const override { return kType; }
  Extraction extract(const endpoints::Endpoint& endpoint, std::string_view page, ParseMode mode,
                     PrometheusReader& reader, endpoints::ScrapedValues& values) const override;
  [[nodiscard]] Times times() const override { return times_; }

  // The engine whose mapping serves this endpoint.
  [[nodiscard]] const std::string& engine_of(const endpoints::Endpoint& endpoint) const;

  struct Engine;

 private:
  [[nodiscard]] const Engine& choose(const endpoints::Endpoint& endpoint) const;

  CoreMetricsParameters parameters_;
  std::map<std::string, std::unique_ptr<Engine>, std::less<>> engines_;
  Times times_;
};

}  // namespace epp::scrape
