#include "bench/wire/server_process.h"

#include "support/http_client.h"
#include "support/metrics_text.h"
#include "support/ports.h"

#include <csignal>
#include <cstdint>
#include <stdexcept>

#include <time.h>

namespace epp::bench {
namespace {

// The default profile and endpoints from a file. Only what every EPP that reads this format knows.
std::string configuration(const std::filesystem::path& endpoints_file) {
  return R"(apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: file-discovery
  name: endpoints
  parameters:
    path: )" +
         endpoints_file.string() + R"(
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: kv-cache-utilization-scorer, weight: 2}
  - {pluginRef: prefix-cache-scorer, weight: 3}
dataLayer:
  discovery: {pluginRef: endpoints}
)";
}

std::string endpoints_file(const MetricsServers& servers, unsigned count) {
  std::string text = "endpoints:\n";
  for (unsigned i = 0; i < count; ++i) {
    text += "- name: endpoint-" + std::to_string(i) + "\n  address: " + MetricsServers::address(i) + "\n  port: \"" +
            std::to_string(servers.port()) + "\"\n";
  }
  return text;
}

std::vector<std::string> arguments(const Program& program, const std::filesystem::path& directory, std::uint16_t port,
                                   std::uint16_t metrics_port, const MetricsServers& servers,
                                   const Workload& workload) {
  if (!program.is_epp) return {std::to_string(port)};
  testing::write_file(directory / "endpoints.yaml", endpoints_file(servers, workload.endpoints));
  testing::write_file(directory / "config.yaml", configuration(directory / "endpoints.yaml"));
  return {"--config-file=" + (directory / "config.yaml").string(),
          "--pool-name=bench",
          "--grpc-port=" + std::to_string(port),
          "--grpc-health-port=" + std::to_string(testing::free_port()),
          "--metrics-port=" + std::to_string(metrics_port),
          "--refresh-metrics-interval=" + std::to_string(workload.refresh.count()) + "ms",
          "--secure-serving=false",
          "--tracing=false",
          "--metrics-endpoint-auth=false"};
}

std::uint16_t port_of(const std::string& target) {
  return static_cast<std::uint16_t>(std::stoi(target.substr(target.rfind(':') + 1)));
}

std::string proc_file(pid_t pid, const char* name) {
  return testing::read_file("/proc/" + std::to_string(pid) + "/" + name);
}

}  // namespace

ServerProcess::ServerProcess(const Program& program, const MetricsServers& endpoints, const Workload& workload)
    : target_("127.0.0.1:" + std::to_string(testing::free_port())),
      metrics_port_(testing::free_port()),
      process_(program.path,
               arguments(program, directory_.path(), port_of(target_), metrics_port_, endpoints, workload)) {}

bool ServerProcess::listening() const {
  return testing::accepts(port_of(target_));
}

void ServerProcess::pause() const {
  process_.signal(SIGSTOP);
}

void ServerProcess::resume() const {
  process_.signal(SIGCONT);
}

double ServerProcess::cpu_seconds() const {
  // Not /proc/<pid>/stat, which counts by ticks of 10 ms: three seconds of scraping are eight of them.
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(process_.pid(), &clock) != 0 || clock_gettime(clock, &used) != 0)
    throw std::runtime_error("no CPU time of process " + std::to_string(process_.pid()));
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

double ServerProcess::status_mib(const std::string& name) const {
  const std::string status = proc_file(process_.pid(), "status");
  return std::stod(status.substr(status.find(name) + name.size())) / 1024;
}

double ServerProcess::peak_rss_mib() const {
  return status_mib("VmHWM:");
}

double ServerProcess::rss_mib() const {
  return status_mib("VmRSS:");
}

double ServerProcess::mean_decision_us() {
  const std::string page = testing::http_get(metrics_port_, "/metrics").body;
  const std::string name = "llm_d_epp_scheduler_e2e_duration_seconds";
  const double decisions = testing::sample_value(page, name + "_count");
  const double seconds = testing::sample_value(page, name + "_sum");
  const double mean = (seconds - decision_seconds_) / (decisions - decisions_) * 1e6;
  decisions_ = decisions;
  decision_seconds_ = seconds;
  return mean;
}

}  // namespace epp::bench
