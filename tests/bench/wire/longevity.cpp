#include "bench/wire/longevity.h"

#include "bench/wire/load.h"
#include "bench/wire/report.h"
#include "support/files.h"
#include "support/ports.h"
#include "support/process.h"
#include "support/wait.h"

#include <algorithm>
#include <ostream>
#include <stdexcept>
#include <string>

namespace epp::bench {
namespace {

constexpr std::chrono::seconds kSlice{10};

// Every type of the libraries; those that need parameters have the least that they need.
constexpr const char* kEveryPlugin = R"(apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: active-request-scorer
- type: agent-identity
- type: approx-prefix-cache-producer
- type: concurrency-detector
- type: context-length-aware
- type: decode-filter
- type: deficit-round-robin-fairness-policy
- type: destination-endpoint-served-verifier
- type: edf-ordering-policy
- type: encode-filter
- type: fcfs-ordering-policy
- type: global-strict-fairness-policy
- type: header-based-testing-filter
- type: header-label-affinity-scorer
  parameters: {headerName: x-zone, labelKey: zone}
- type: inflight-load-producer
- type: kv-cache-utilization-scorer
- type: label-selector-filter
  parameters: {matchLabels: {a: b}}
- type: latency-slo-admitter
- type: least-progress-eviction-order-policy
- type: load-aware-scorer
- type: lora-affinity-scorer
- type: max-score-picker
- type: no-hit-lru-scorer
- type: prefill-filter
- type: prefix-cache-scorer
- type: priority-holdback-policy
  parameters: {minCeiling: 0.5}
- type: priority-then-time-eviction-order-policy
- type: probabilistic-admitter
- type: program-aware-fairness
- type: queue-scorer
- type: random-picker
- type: round-robin-fairness-policy
- type: running-requests-size-scorer
- type: session-affinity-filter
- type: session-affinity-scorer
- type: session-id-producer
  parameters: {headerName: x-session}
- type: sheddable-eviction-filter
- type: single-profile-handler
- type: slo-deadline-ordering-policy
- type: soft-reflective-ceiling-policy
- type: static-usage-limit-policy
- type: token-load-scorer
- type: token-producer
- type: utilization-detector
- type: weighted-random-picker
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer}
  - {pluginRef: prefix-cache-scorer}
  - {pluginRef: max-score-picker}
)";

double start_once(const Program& epp, const std::string& config) {
  const std::vector<std::string> arguments{"--config-file=" + config,
                                           "--pool-name=bench",
                                           "--endpoint=a=127.0.0.1:9",
                                           "--allow-experimental-plugins",
                                           "--grpc-port=" + std::to_string(testing::free_port()),
                                           "--grpc-health-port=" + std::to_string(testing::free_port()),
                                           "--metrics-port=" + std::to_string(testing::free_port()),
                                           "--secure-serving=false",
                                           "--tracing=false",
                                           "--metrics-endpoint-auth=false"};
  const auto start = std::chrono::steady_clock::now();
  testing::Process process(epp.path, arguments);
  process.wait_for_line("gRPC server listening");
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  process.stop();
  return ms;
}

// Least squares over the second half; x in slices.
double slope(const std::vector<double>& values) {
  const std::size_t first = values.size() / 2;
  const auto n = static_cast<double>(values.size() - first);
  double sum_x = 0;
  double sum_y = 0;
  double sum_xx = 0;
  double sum_xy = 0;
  for (std::size_t i = first; i < values.size(); ++i) {
    const auto x = static_cast<double>(i);
    sum_x += x;
    sum_y += values[i];
    sum_xx += x * x;
    sum_xy += x * values[i];
  }
  const double spread = n * sum_xx - sum_x * sum_x;
  return spread == 0 ? 0 : (n * sum_xy - sum_x * sum_y) / spread;
}

}  // namespace

double measure_start(const Program& epp, unsigned times) {
  const testing::TempDir directory;
  const std::string config = (directory.path() / "every-plugin.yaml").string();
  testing::write_file(config, kEveryPlugin);
  std::vector<double> all;
  for (unsigned i = 0; i < times; ++i)
    all.push_back(start_once(epp, config));
  return median(all);
}

Soak soak(const Program& epp, std::chrono::seconds duration, std::ostream& out) {
  const Workload workload{.endpoints = 64, .response = true};
  const MetricsServers endpoints(workload.endpoints, workload.page);
  ServerProcess server(epp, endpoints, workload);
  Load load(server.target(), workload);
  if (!testing::wait_until([&] { return server.listening() && !load.destination().empty(); }))
    throw std::runtime_error(epp.name + ": it does not serve\n" + server.output());
  Soak result;
  const auto slices = std::max<long>(2, duration / kSlice);
  std::uint64_t requests = 0;
  for (long i = 0; i < slices; ++i) {
    const LoadResult slice = load.run(kSlice);
    if (slice.failures != 0) throw std::runtime_error("a request failed: " + slice.failure);
    requests += slice.requests;
    result.rss_mib.push_back(server.rss_mib());
    out << (i + 1) * kSlice.count() << " s, " << requests << " requests: " << number(result.rss_mib.back()) << " MiB"
        << std::endl;
  }
  result.growth_mib_min = slope(result.rss_mib) * (std::chrono::minutes(1) / std::chrono::duration<double>(kSlice));
  return result;
}

}  // namespace epp::bench
