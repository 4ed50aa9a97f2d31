#include "telemetry/kube_metrics.h"

#include "telemetry/family_maker.h"

#include <string>
#include <utility>

namespace epp::telemetry {

KubeMetrics::KubeMetrics(Registry& registry) : registry_(registry) {
  detail::Maker make(registry);
  connected_ = make.gauge({"epp_kube_watch_connected", "1 while a watch of the resource is connected.", {"resource"}});
  objects_ = make.gauge({"epp_kube_listed_objects", "Objects in the last complete list.", {"resource"}});
  lists_ = make.counter({"epp_kube_lists_total", "Complete lists.", {"resource"}});
  relists_ = make.counter({"epp_kube_relists_total",
                           "Lists begun because a watch or a list could not go on, by reason.",
                           {"resource", "reason"}});
  invalid_ = make.counter({"epp_kube_invalid_objects_total", "Objects that were skipped as invalid.", {"resource"}});
  failures_ =
      make.counter({"epp_kube_request_failures_total", "Requests to the API server that failed.", {"resource"}});
  reviews_ = make.counter({"epp_kube_reviews_total", "Token and access reviews that the API server was asked for."});
  leader_changes_ = make.counter({"epp_leader_changes_total", "How often another leader was seen."});
}

void KubeMetrics::listed(std::string_view resource, std::size_t objects) {
  lists_->inc({resource});
  objects_->set({resource}, static_cast<double>(objects));
}

CallbackHandle KubeMetrics::leader(std::string_view pool, std::function<bool()> leads) {
  return gauge("epp_leader", "1 while this replica leads.", pool,
               [leads = std::move(leads)] { return leads() ? 1.0 : 0.0; });
}

CallbackHandle KubeMetrics::suspended(std::string_view pool, std::function<std::size_t()> count) {
  return gauge("epp_suspended_endpoints", "Endpoints that take no traffic for now and keep what was learned of them.",
               pool, [count = std::move(count)] { return static_cast<double>(count()); });
}

CallbackHandle KubeMetrics::gauge(const char* name, const char* help, std::string_view pool,
                                  std::function<double()> value) {
  return registry_.callback(
      {name, help, {"name"}}, MetricKind::kGauge,
      [pool = std::string(pool), value = std::move(value)](CallbackSink& sink) { sink.emit({pool}, value()); });
}

}  // namespace epp::telemetry
