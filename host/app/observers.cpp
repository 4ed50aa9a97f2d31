#include "app/observers.h"

namespace epp::app {

void ScrapeLog::on_polled(std::string_view source_type, const endpoints::Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  if (failing_.empty() || failing_.erase(endpoint.uid()) == 0) return;
  EPP_LOG(log_, kInfo, "Endpoint is scraped again", {"endpoint", endpoint.id()}, {"source", source_type});
}

void ScrapeLog::on_poll_error(std::string_view source_type, const endpoints::Endpoint& endpoint,
                              std::string_view text) {
  metrics_.poll_errors(source_type).inc();
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = failing_.insert(endpoint.uid()).second;
  }
  if (first) {
    EPP_LOG(log_, kInfo, "Endpoint cannot be scraped", {"endpoint", endpoint.id()}, {"source", source_type},
            {"error", text});
  } else {
    EPP_LOG(log_, kDebug, "Endpoint cannot be scraped", {"endpoint", endpoint.id()}, {"source", source_type},
            {"error", text});
  }
}

void ScrapeLog::on_extract_error(std::string_view source_type, std::string_view extractor_type,
                                 const endpoints::Endpoint& endpoint, std::string_view text) {
  metrics_.extract_errors(source_type, extractor_type).inc();
  EPP_LOG(log_, kDebug, "Metrics could not be extracted", {"endpoint", endpoint.id()}, {"source", source_type},
          {"extractor", extractor_type}, {"error", text});
}

void ScrapeLog::on_interval_rounded(std::string_view source_name, std::chrono::nanoseconds wanted,
                                    std::chrono::nanoseconds used) {
  EPP_LOG(log_, kInfo, "Polling interval rounded to a multiple of the base tick", {"source", source_name},
          {"interval", wanted}, {"effective", used});
}

void ScrapeLog::on_endpoint_removed(const endpoints::EndpointPtr& endpoint) {
  const std::lock_guard lock(mutex_);
  failing_.erase(endpoint->uid());
}

void DiscoveryLog::on_loaded(std::size_t endpoints, std::size_t changes) {
  EPP_LOG(log_, kInfo, "Endpoints file loaded", {"endpoints", endpoints}, {"changes", changes});
}

void DiscoveryLog::on_bad_entry(std::string_view text) {
  EPP_LOG_ERROR(log_, text, "Endpoints file: entry skipped");
}

void DiscoveryLog::on_objectives(std::size_t objectives) {
  EPP_LOG(log_, kInfo, "Objectives loaded", {"objectives", objectives});
}

void DiscoveryLog::on_reload_failed(std::string_view text) {
  EPP_LOG_ERROR(log_, text, "Endpoints file not reloaded, the present endpoints stay");
}

}  // namespace epp::app
