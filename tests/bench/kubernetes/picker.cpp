#include "bench/kubernetes/picker.h"

#include "support/ports.h"
#include "support/wait.h"

#include <exception>
#include <fstream>

namespace epp::bench {
namespace {

namespace ext_proc = testing::ext_proc;

std::vector<std::string> arguments(const PickerProgram& program, const std::string& name_space, std::uint16_t port) {
  std::vector<std::string> all{"--pool-name=pool", "--pool-namespace=" + name_space,
                               "--grpc-port=" + std::to_string(port),
                               "--grpc-health-port=" + std::to_string(testing::free_port()),
                               "--metrics-port=" + std::to_string(testing::free_port()), "--secure-serving=false",
                               "--metrics-endpoint-auth=false", "--tracing=false",
                               // What is measured is the cluster's side: nobody serves these pods.
                               "--refresh-metrics-interval=60s"};
  all.insert(all.end(), program.flags.begin(), program.flags.end());
  return all;
}

}  // namespace

Picker::Picker(const PickerProgram& program, const testing::KubeServer& cluster, const std::string& name_space)
    : Picker(program, cluster, name_space, testing::free_port()) {}

Picker::Picker(const PickerProgram& program, const testing::KubeServer& cluster, const std::string& name_space,
               std::uint16_t port)
    : process_(program.path, arguments(program, name_space, port),
               {"KUBECONFIG=" + cluster.kubeconfig_file(testing::KubeUser::kAdmin).string()}),
      client_(port) {
  // Nothing is asked before it listens: after a refused connection gRPC would wait for a second.
  testing::wait_until([&] { return !process_.running() || testing::accepts(port); });
}

bool Picker::routes_to(const std::string& address) const {
  try {
    const auto stream = client_.open(std::chrono::seconds(2));
    if (!stream->send_request_headers({{":method", "POST"}, {":path", "/v1/completions"}})) return false;
    ext_proc::ProcessingRequest body;
    body.mutable_request_body()->set_body(R"({"model":"m","prompt":"x"})");
    body.mutable_request_body()->set_end_of_stream(true);
    auto& fields =
        *(*body.mutable_metadata_context()->mutable_filter_metadata())["envoy.lb.subset_hint"].mutable_fields();
    fields["x-gateway-destination-endpoint-subset"].mutable_list_value()->add_values()->set_string_value(address);
    if (!stream->send(body)) return false;
    const ext_proc::ProcessingResponse answer = stream->expect();
    stream->cancel();
    return answer.has_request_headers();
  } catch (const std::exception&) {
    return false;
  }
}

double Picker::rss_mib() const {
  std::ifstream status("/proc/" + std::to_string(process_.pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

}  // namespace epp::bench
