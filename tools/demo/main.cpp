// epp-demo: Envoy, the EPP and four simulated model servers, with traffic. The program behind `./dev run`.
#include "cluster.h"
#include "live.h"
#include "once.h"
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
  bool once = false;
  std::uint16_t port = 0;
  CLI::App app("Envoy, the EPP and four simulated model servers, with traffic and a live table.", "epp-demo");
  app.add_flag("--once", once, "A bounded run that exits 0 only if every answer and every decision was right");
  app.add_option("--port", port, "Where Envoy serves clients on 127.0.0.1 (default: 8081 if free, else any)");
  CLI11_PARSE(app, argc, argv);
  if (port == 0 && !once && !epp::testing::accepts(kUsualPort)) port = kUsualPort;

  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  try {
    epp::demo::Cluster cluster(port);
    const int code = once ? epp::demo::run_once(cluster) : epp::demo::run_live(cluster, stop);
    cluster.stop();
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "epp-demo: %s\n", error.what());
    return 1;
  }
}
