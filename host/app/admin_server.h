// The HTTP port for operators: /metrics, /debug/plugins/state, /debug/decisions, /debug/endpoints, /debug/flowcontrol,
// /debug/kubernetes, and POST /-/reload. All but the first are guarded (admin_guard.h).
#pragma once

#include "app/generation.h"
#include "app/reloader.h"
#include "config/options.h"
#include "endpoints/endpoint_table.h"
#include "net/http_server.h"
#include "telemetry/decision_log.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace epp::kube {
class AccessReviewer;
}

namespace epp::app {

struct AdminSources {
  const telemetry::Registry* registry = nullptr;
  telemetry::DecisionLog* decisions = nullptr;
  std::function<GenerationPtr()> generation;
  Reloader* reloader = nullptr;
  const endpoints::EndpointTable* table = nullptr;
  const endpoints::AttributeRegistry* attributes = nullptr;
  std::function<std::string()> flow_control;  // the document of GET /debug/flowcontrol
  std::function<std::string()> kubernetes;    // of GET /debug/kubernetes; empty: no cluster
  kube::AccessReviewer* reviewer = nullptr;   // whom it lets through; null: everybody may read metrics
};

// Starts serving on --metrics-port. Throws std::runtime_error naming the port or file that cannot be used.
std::unique_ptr<net::HttpServer> start_admin_server(net::IoPool& pool, const config::Options& options,
                                                    AdminSources sources, const telemetry::Logger& log);

// {"timestamp":..., "plugins":{...}, "generation":{"number","since","source","sha256"}, "lastReloadError":null or
// {"when","errors"}}, as GET /debug/plugins/state answers it.
std::string plugin_state_document(const Generation& generation, const std::optional<Reloader::Failure>& failure);
// {"endpoints":[{"id","address","labels","metrics":{key: value}}]}: what requests see right now.
std::string endpoints_document(const endpoints::Snapshot& snapshot, const endpoints::AttributeRegistry& attributes);

}  // namespace epp::app
