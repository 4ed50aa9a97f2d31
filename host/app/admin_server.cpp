#include "app/admin_server.h"

#include "app/admin_auth.h"
#include "app/admin_guard.h"
#include "telemetry/json_text.h"

#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/chrono.h>

namespace epp::app {
namespace {

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count() % 1'000'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
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

net::HttpResponse wrong_method(std::string allowed) {
  net::HttpResponse refused = text_response(405, "text/plain; charset=utf-8", "Method Not Allowed\n");
  refused.headers.set("Allow", std::move(allowed));
  return refused;
}

// GET (and HEAD) only.
net::HttpServer::Handler read_only(std::function<net::HttpResponse(const net::HttpRequest&)> answer) {
  return [answer = std::move(answer)](const std::shared_ptr<net::HttpExchange>& exchange) {
    const net::HttpRequest& request = exchange->request();
    const bool reads = request.method == "GET" || request.method == "HEAD";
    exchange->respond(reads ? answer(request) : wrong_method("GET"));
  };
}

net::HttpResponse json_response(std::string body) {
  return text_response(200, "application/json", std::move(body));
}

std::string lines(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts)
    all += text + '\n';
  return all;
}

net::HttpResponse reload_response(const ReloadOutcome& outcome) {
  using Result = ReloadOutcome::Result;
  switch (outcome.result) {
    case Result::kApplied:
    case Result::kUnchanged:
      return json_response("{\"generation\":" + std::to_string(outcome.generation) +
                           ",\"changed\":" + (outcome.result == Result::kApplied ? "true}" : "false}"));
    case Result::kRefused:
      return text_response(400, "text/plain; charset=utf-8", lines(outcome.errors));
    case Result::kStopping:
      break;
  }
  return text_response(409, "text/plain; charset=utf-8", lines(outcome.errors));
}

// Answers when the reload is over.
net::HttpServer::Handler reload_handler(Reloader& reloader) {
  return [&reloader](const std::shared_ptr<net::HttpExchange>& exchange) {
    if (exchange->request().method != "POST") return exchange->respond(wrong_method("POST"));
    reloader.request("an operator asked",
                     [exchange](const ReloadOutcome& outcome) { exchange->respond(reload_response(outcome)); });
  };
}

}  // namespace

std::string plugin_state_document(const Generation& generation, const std::optional<Reloader::Failure>& failure) {
  std::string out = "{";
  append_member(out, "timestamp", rfc3339(std::chrono::system_clock::now()));
  out += ",\"plugins\":";
  out += generation.pipeline->plugins->state_json();
  out += ",\"generation\":{\"number\":" + std::to_string(generation.number) + ',';
  append_member(out, "since", rfc3339(generation.since));
  out += ',';
  append_member(out, "source", generation.configuration.loaded.source.file());
  out += ',';
  append_member(out, "sha256", generation.digest);
  out += "},\"lastReloadError\":";
  if (!failure) return out + "null}";
  out += '{';
  append_member(out, "when", rfc3339(failure->when));
  out += ",\"errors\":[";
  for (std::size_t i = 0; i < failure->errors.size(); ++i) {
    if (i != 0) out += ',';
    telemetry::append_json_string(out, failure->errors[i]);
  }
  return out + "]}}";
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
  server->route("/metrics", protect(shared->reviewer, read_only([shared](const net::HttpRequest& request) {
                                      telemetry::Exposition page =
                                          shared->registry->render(request.headers.get("Accept"));
                                      return text_response(200, std::move(page.content_type), std::move(page.body));
                                    })));
  const AdminGuard guard{.reviewer = shared->reviewer, .client_certificates = !options.metrics_client_ca_file.empty()};
  const auto document = [&](std::string path, std::function<std::string()> make) {
    server->route(
        std::move(path),
        guarded(guard, read_only([make = std::move(make)](const net::HttpRequest&) { return json_response(make()); })));
  };
  document("/debug/plugins/state",
           [shared] { return plugin_state_document(*shared->generation(), shared->reloader->last_failure()); });
  document("/debug/decisions", [shared] { return shared->decisions->render(telemetry::DecisionLog::Clock::now()); });
  document("/debug/endpoints",
           [shared] { return endpoints_document(*shared->table->snapshot(), *shared->attributes); });
  document("/debug/flowcontrol", shared->flow_control);
  if (shared->kubernetes) document("/debug/kubernetes", shared->kubernetes);
  server->route("/-/reload", guarded(guard, reload_handler(*shared->reloader)));
  server->start();
  return server;
}

}  // namespace epp::app
