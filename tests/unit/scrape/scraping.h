// What tests of the scraper share.
#pragma once

#include "endpoints/attributes.h"
#include "scrape/core_metrics.h"
#include "scrape/scraper.h"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace epp::scrape {

inline ScrapeSource metrics_source(endpoints::AttributeRegistry& attributes) {
  ScrapeSource source;
  source.type = source.name = std::string(kMetricsDataSource);
  source.parameters = parse_data_source_parameters(source.type, "");
  source.extractors.push_back(std::make_shared<CoreMetricsExtractor>(parse_core_metrics_parameters(""), attributes));
  return source;
}

class PollErrors : public ScrapeObserver {
 public:
  void on_poll_error(std::string_view, const endpoints::Endpoint&, std::string_view text) override {
    std::lock_guard lock(mutex_);
    texts_.emplace_back(text);
  }
  void on_extract_error(std::string_view, std::string_view, const endpoints::Endpoint&, std::string_view) override {}

  [[nodiscard]] std::vector<std::string> texts() const {
    std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

}  // namespace epp::scrape
