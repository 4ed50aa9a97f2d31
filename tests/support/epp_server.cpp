#include "support/epp_server.h"

#include "grpc/health/v1/health.grpc.pb.h"
#include "support/http_client.h"
#include "support/metrics_text.h"
#include "support/places.h"

#include <stdexcept>

#include <grpcpp/create_channel.h>
#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

std::vector<std::string> with_defaults(const std::vector<std::string>& arguments) {
  // Each server takes a free port by itself and tells it in the log: no port can be lost to somebody else meanwhile.
  std::vector<std::string> all{
      "--grpc-port=0",          "--grpc-health-port=0",          "--metrics-port=0", "--bind-address=127.0.0.1",
      "--secure-serving=false", "--metrics-endpoint-auth=false", "--tracing=false",  "--plugin-dir=" EPP_PLUGIN_DIR};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

}  // namespace

EppServer::EppServer(const EppOptions& options)
    : process_(built_program("epp"), with_defaults(options.arguments), options.environment) {
  if (!options.wait_until_serving) return;
  const auto listening = nlohmann::json::parse(process_.wait_for_line("\"gRPC server listening\""));
  listening.at("port").get_to(grpc_port_);
  listening.at("healthPort").get_to(health_port_);
  listening.at("metricsPort").get_to(metrics_port_);
  const bool ready = wait_until([&] { return !process_.running() || serving(options.service); });
  if (!ready || !process_.running()) throw std::runtime_error("the EPP did not start:\n" + process_.output());
}

std::string EppServer::health(const std::string& service, std::uint16_t port) const {
  const auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(port == 0 ? health_port_ : port),
                                           grpc::InsecureChannelCredentials());
  const auto stub = grpc::health::v1::Health::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  if (!status.ok()) return "gRPC status " + std::to_string(status.error_code());
  return grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status());
}

bool EppServer::serving(const std::string& service) const {
  return health(service) == "SERVING";
}

std::string EppServer::metrics() const {
  return http_get(metrics_port_, "/metrics").body;
}

double EppServer::metric(const std::string& series) const {
  return sample_value(metrics(), series);
}

nlohmann::json EppServer::decisions() const {
  return nlohmann::json::parse(http_get(metrics_port_, "/debug/decisions").body).at("decisions");
}

}  // namespace epp::testing
