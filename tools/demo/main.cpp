// epp-demo: Envoy, the EPP and four simulated model servers, with traffic. The program behind `./dev run`.
#include "cluster.h"
#include "flow_control.h"
#include "live.h"
#include "once.h"
#include "pod_cluster.h"
#include "pods_live.h"
#include "pods_once.h"
#include "support/ports.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

namespace {

constexpr std::uint16_t kUsualPort = 8081;

std::atomic<bool> stop{false};

void on_signal(int /*number*/) {
  stop = true;
}

}  // namespace

int main(int argc, char** argv) {
  using epp::demo::Queueing;
  bool once = false;
  bool flow_control = false;
  bool kubernetes = false;
  std::uint16_t port = 0;
  CLI::App app("Envoy, the EPP and four simulated model servers, with traffic and a live table.", "epp-demo");
  app.add_flag("--once", once, "A bounded run that exits 0 only if every answer and every decision was right");
  app.add_flag("--flow-control", flow_control,
               "Two tenants and two priorities saturate the servers; the EPP decides who waits");
  app.add_flag("--kubernetes", kubernetes,
               "The servers are pods of a real API server, and come and go while requests flow")
      ->excludes("--flow-control");
  app.add_option("--port", port, "Where Envoy serves clients on 127.0.0.1 (default: 8081 if free, else any)");
  CLI11_PARSE(app, argc, argv);
  if (port == 0 && !once && !epp::testing::accepts(kUsualPort)) port = kUsualPort;

  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  try {
    if (kubernetes) {
      epp::demo::PodCluster cluster(port);
      const int code = once ? epp::demo::run_pods_once(cluster) : epp::demo::run_pods_live(cluster, stop);
      cluster.stop();
      return code;
    }
    epp::demo::Cluster cluster(port, flow_control ? Queueing::kInTheEpp : Queueing::kInTheServers);
    const int code = flow_control ? epp::demo::run_flow_control(cluster, once, stop)
                     : once       ? epp::demo::run_once(cluster)
                                  : epp::demo::run_live(cluster, stop);
    cluster.stop();
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "epp-demo: %s\n", error.what());
    return 1;
  }
}
