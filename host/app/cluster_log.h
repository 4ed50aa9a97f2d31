// What happens between this process and its cluster, to the log and to metrics. Failures that repeat are told once, and
// so is their end.
#pragma once

#include "discovery/kubernetes/kubernetes_discovery.h"
#include "kube/election/lease_elector.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/kube_metrics.h"
#include "telemetry/log.h"

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace epp::app {

class ClusterLog final : public discovery::KubernetesObserver, public kube::ElectionListener {
 public:
  // `on_lead_lost` runs on a pool thread and must not block.
  ClusterLog(telemetry::EppMetrics& metrics, telemetry::KubeMetrics& kube_metrics, telemetry::Logger log,
             std::function<void(std::string_view why)> on_lead_lost)
      : metrics_(metrics), kube_(kube_metrics), log_(std::move(log)), on_lead_lost_(std::move(on_lead_lost)) {}

  void on_listed(std::string_view resource, std::size_t items) override;
  void on_watch_connected(std::string_view resource) override;
  void on_watch_ended(std::string_view resource) override;
  void on_failed(std::string_view resource, std::string_view text, std::chrono::milliseconds wait) override;
  void on_relist(std::string_view resource, std::string_view why) override;
  void on_absent(std::string_view resource) override;
  void on_invalid(std::string_view resource, std::string_view object, const kube::Invalid& why) override;

  void on_pool(std::string_view text) override;
  void on_pods_synced(std::size_t pods, std::size_t endpoints) override;
  void on_objectives(std::size_t count) override;
  void on_rewrites(std::size_t count) override;
  void on_models(const std::vector<std::string>& models) override;
  void on_warning(std::string_view object, std::string_view text) override;

  void on_started_leading() override;
  void on_stopped_leading(std::string_view why) override;
  void on_leader_changed(std::string_view identity) override;
  void on_election_error(std::string_view text) override;

  // How a token or access review ended; empty: well.
  void on_review(std::string_view why);

 private:
  // True when this failure of `subject` was not told since it last went well.
  bool is_news(std::string_view subject, std::string_view text);
  // True when `subject` had failed.
  bool recovered(std::string_view subject);

  telemetry::EppMetrics& metrics_;
  telemetry::KubeMetrics& kube_;
  const telemetry::Logger log_;
  const std::function<void(std::string_view)> on_lead_lost_;
  std::mutex mutex_;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> told_;  // by subject; few texts each
};

}  // namespace epp::app
