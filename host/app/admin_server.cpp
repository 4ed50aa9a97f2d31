#include "app/admin_server.h"

#include "app/admin_auth.h"
#include "telemetry/json_text.h"

#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/chrono.h>

namespace epp::app {
namespace {

std::string rfc3339_now() {
  const auto now = std::chrono::system_clock::now();
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count() % 1'000'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                     nanoseconds);
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  telemetry::append_json_string(out, key);
  out += ':';
  telemetry::append_json_string(out, value);
}

net::HttpResponse text_response(unsigned status, std::string type, std::string body) {
  net::HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", std::move(type));
  response.body = std::move(body);
  return response;
}

// GET (and HEAD) only.
net::HttpServer::Handler read_only(std::function<net::HttpResponse(const net::HttpRequest&)> answer) {
  return [answer = std::move(answer)](const std::shared_ptr<net::HttpExchange>& exchange) {
    const net::HttpRequest& request = exchange->request();
    if (request.method != "GET" && request.method != "HEAD") {
      net::HttpResponse refused = text_response(405, "text/plain; charset=utf-8", "Method Not Allowed\n");
      refused.headers.set("Allow", "GET");
      exchange->respond(std::move(refused));
      return;
    }
    exchange->respond(answer(request));
  };
}

net::HttpResponse json_response(std::string body) {
  return text_response(200, "application/json", std::move(body));
}

}  // namespace

std::string plugin_state_document(const lifecycle::Pipeline& pipeline) {
  std::string out = "{";
  append_member(out, "timestamp", rfc3339_now());
  out += ",\"plugins\":";
  out += pipeline.plugins->state_json();
  out += '}';
  return out;
}

std::string endpoints_document(const endpoints::Snapshot& snapshot, const endpoints::AttributeRegistry& attributes) {
  std::string out = "{\"endpoints\":[";
  bool first = true;
  for (const uint32_t slot : snapshot.slots()) {
    const endpoints::Endpoint& endpoint = *snapshot.endpoint(slot);
    if (!std::exchange(first, false)) out += ',';
    out += '{';
    append_member(out, "id", endpoint.id());
    out += ',';
    append_member(out, "address", endpoint.host_port());
    out += ",\"labels\":{";
    for (size_t i = 0; i < endpoint.spec().labels.size(); ++i) {
      if (i != 0) out += ',';
      append_member(out, endpoint.spec().labels[i].first, endpoint.spec().labels[i].second);
    }
    out += "},\"metrics\":{";
    bool first_metric = true;
    for (epp_attr id = 1; id <= attributes.size(); ++id) {
      const endpoints::AttributeInfo* info = attributes.info(id);
      if (info == nullptr || info->storage != endpoints::Storage::kSnapshot || info->type != EPP_TYPE_F64) continue;
      const double value = snapshot.f64(id)[slot];
      if (std::isnan(value)) continue;
      if (!std::exchange(first_metric, false)) out += ',';
      telemetry::append_json_string(out, info->key);
      out += ':';
      telemetry::append_json_number(out, value);
    }
    out += "}}";
  }
  out += "]}";
  return out;
}

std::unique_ptr<net::HttpServer> start_admin_server(net::IoPool& pool, const config::Options& options,
                                                    AdminSources sources, const telemetry::Logger& log) {
  net::HttpServerOptions server_options;
  server_options.address = options.bind_address;
  server_options.port = options.metrics_port;
  if (!options.metrics_cert_dir.empty()) {
    server_options.tls = net::TlsServerOptions{
        .cert_file = options.metrics_cert_dir + "/tls.crt",
        .key_file = options.metrics_cert_dir + "/tls.key",
        .client_ca_file = options.metrics_client_ca_file,
        .on_reload =
            [log](std::string_view error) {
              if (!error.empty()) EPP_LOG_ERROR(log, error, "Failed to reload TLS certificate");
            },
    };
  }
  auto server = std::make_unique<net::HttpServer>(pool, std::move(server_options));
  const auto shared = std::make_shared<const AdminSources>(std::move(sources));
  const auto route = [&server, &shared](std::string path,
                                        std::function<net::HttpResponse(const net::HttpRequest&)> get) {
    server->route(std::move(path), protect(shared->reviewer, read_only(std::move(get))));
  };
  route("/metrics", [shared](const net::HttpRequest& request) {
    telemetry::Exposition page = shared->registry->render(request.headers.get("Accept"));
    return text_response(200, std::move(page.content_type), std::move(page.body));
  });
  route("/debug/plugins/state",
        [shared](const net::HttpRequest&) { return json_response(plugin_state_document(*shared->pipeline())); });
  route("/debug/decisions", [shared](const net::HttpRequest&) {
    return json_response(shared->decisions->render(telemetry::DecisionLog::Clock::now()));
  });
  route("/debug/endpoints", [shared](const net::HttpRequest&) {
    return json_response(endpoints_document(*shared->table->snapshot(), *shared->attributes));
  });
  route("/debug/flowcontrol", [shared](const net::HttpRequest&) { return json_response(shared->flow_control()); });
  if (shared->kubernetes) {
    route("/debug/kubernetes", [shared](const net::HttpRequest&) { return json_response(shared->kubernetes()); });
  }
  server->start();
  return server;
}

}  // namespace epp::app
