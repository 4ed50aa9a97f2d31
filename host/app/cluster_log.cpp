#include "app/cluster_log.h"

namespace epp::app {
namespace {

// Texts of one failing subject that are told; more differ only in details.
constexpr std::size_t kMostTexts = 4;

std::string_view relist_reason(std::string_view why) {
  const bool expired = why.find("410") != std::string_view::npos || why.find("Expired") != std::string_view::npos;
  return expired ? "expired" : "failed";
}

}  // namespace

bool ClusterLog::is_news(std::string_view subject, std::string_view text) {
  const std::lock_guard lock(mutex_);
  auto& texts = told_[std::string(subject)];
  return texts.size() < kMostTexts && texts.emplace(text).second;
}

bool ClusterLog::recovered(std::string_view subject) {
  const std::lock_guard lock(mutex_);
  const auto found = told_.find(subject);
  if (found == told_.end()) return false;
  told_.erase(found);
  return true;
}

void ClusterLog::on_listed(std::string_view resource, std::size_t items) {
  kube_.listed(resource, items);
  EPP_LOG(log_, kInfo, "Listed", {"resource", resource}, {"objects", items});
}

void ClusterLog::on_watch_connected(std::string_view resource) {
  kube_.watch_connected(resource, true);
  if (recovered(resource)) EPP_LOG(log_, kInfo, "Cluster is followed again", {"resource", resource});
}

void ClusterLog::on_watch_ended(std::string_view resource) {
  kube_.watch_connected(resource, false);
}

void ClusterLog::on_failed(std::string_view resource, std::string_view text, std::chrono::milliseconds wait) {
  kube_.watch_connected(resource, false);
  kube_.request_failed(resource);
  if (is_news(resource, text)) {
    EPP_LOG_ERROR(log_, text, "Cluster cannot be followed, what is known stays", {"resource", resource});
  } else {
    EPP_LOG(log_, kDebug, "Cluster cannot be followed", {"resource", resource}, {"error", text}, {"wait", wait});
  }
}

void ClusterLog::on_relist(std::string_view resource, std::string_view why) {
  kube_.relisted(resource, relist_reason(why));
  EPP_LOG(log_, kInfo, "Listing again", {"resource", resource}, {"reason", why});
}

void ClusterLog::on_absent(std::string_view resource) {
  EPP_LOG(log_, kInfo, "The cluster does not serve this resource", {"resource", resource});
}

void ClusterLog::on_invalid(std::string_view resource, std::string_view object, const kube::Invalid& why) {
  kube_.invalid_object(resource);
  EPP_LOG_ERROR(log_, why.text, "Invalid object left out", {"resource", resource}, {"object", object},
                {"field", why.field});
}

void ClusterLog::on_pool(std::string_view text) {
  EPP_LOG(log_, kInfo, "Pool", {"pool", text});
}

void ClusterLog::on_pods_synced(std::size_t pods, std::size_t endpoints) {
  EPP_LOG(log_, kInfo, "Pods are in sync", {"pods", pods}, {"endpoints", endpoints});
}

void ClusterLog::on_objectives(std::size_t count) {
  EPP_LOG(log_, kInfo, "Objectives of the pool", {"objectives", count});
}

void ClusterLog::on_rewrites(std::size_t count) {
  EPP_LOG(log_, kInfo, "Model rewrites of the pool", {"rewrites", count});
}

void ClusterLog::on_models(const std::vector<std::string>& models) {
  for (const std::string& model : models)
    metrics_.pin_model(model);
}

void ClusterLog::on_warning(std::string_view object, std::string_view text) {
  EPP_LOG(log_, kInfo, text, {"object", object});
}

void ClusterLog::on_started_leading() {
  EPP_LOG(log_, kInfo, "Became leader");
}

void ClusterLog::on_stopped_leading(std::string_view why) {
  EPP_LOG(log_, kInfo, "Stopped leading", {"reason", why});
  if (why != kube::kReleased) on_lead_lost_(why);
}

void ClusterLog::on_leader_changed(std::string_view identity) {
  kube_.leader_changed();
  EPP_LOG(log_, kInfo, "Leader", {"identity", identity});
}

void ClusterLog::on_election_error(std::string_view text) {
  kube_.request_failed("leases");
  EPP_LOG_ERROR(log_, text, "Election failed for now");
}

void ClusterLog::on_review(std::string_view why) {
  kube_.review();
  if (why.empty()) {
    if (recovered("reviews")) EPP_LOG(log_, kInfo, "Requests for metrics can be reviewed again");
    return;
  }
  kube_.request_failed("reviews");
  if (is_news("reviews", why)) EPP_LOG_ERROR(log_, why, "Requests for metrics cannot be reviewed");
}

}  // namespace epp::app
