// What the data layer tells: to counters and to the log.
#pragma once

#include "discovery/file_discovery.h"
#include "endpoints/endpoint_table.h"
#include "scrape/scraper.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/log.h"

#include <mutex>
#include <unordered_set>

namespace epp::app {

class ScrapeLog final : public scrape::ScrapeObserver, public endpoints::EndpointListener {
 public:
  ScrapeLog(telemetry::EppMetrics& metrics, telemetry::Logger log) : metrics_(metrics), log_(std::move(log)) {}

  void on_polled(std::string_view source_type, const endpoints::Endpoint& endpoint) override;
  void on_poll_error(std::string_view source_type, const endpoints::Endpoint& endpoint, std::string_view text) override;
  void on_extract_error(std::string_view source_type, std::string_view extractor_type,
                        const endpoints::Endpoint& endpoint, std::string_view text) override;
  void on_interval_rounded(std::string_view source_name, std::chrono::nanoseconds wanted,
                           std::chrono::nanoseconds used) override;

  void on_endpoint_added(const endpoints::EndpointPtr& /*endpoint*/) override {}
  void on_endpoint_removed(const endpoints::EndpointPtr& endpoint) override;

 private:
  telemetry::EppMetrics& metrics_;
  telemetry::Logger log_;
  // Endpoints whose last poll failed: the first failure and the recovery are worth a line, the repetitions are not.
  std::mutex mutex_;
  std::unordered_set<uint64_t> failing_;
};

class DiscoveryLog final : public discovery::DiscoveryObserver {
 public:
  explicit DiscoveryLog(telemetry::Logger log) : log_(std::move(log)) {}
  void on_loaded(std::size_t endpoints, std::size_t changes) override;
  void on_bad_entry(std::string_view text) override;
  void on_reload_failed(std::string_view text) override;
  void on_objectives(std::size_t objectives) override;

 private:
  telemetry::Logger log_;
};

}  // namespace epp::app
