// kubernetes-bench: how fast an EPP learns what a real API server knows, and what knowing it costs.
#include "bench/kubernetes/picker.h"
#include "support/kube_api.h"
#include "support/ports.h"
#include "support/wait.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

using namespace epp::bench;
using namespace epp::testing;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Figures {
  double ready_ms = 0;       // from the start of the process until all pods get requests
  double empty_mib = 0;      // resident, without pods
  double full_mib = 0;       // resident, with all of them
  double churned_mib = 0;    // after the events
  std::vector<double> up;    // ms from the API server's answer until a pod gets requests
  std::vector<double> down;  // ... until it gets none
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

class Fleet {
 public:
  Fleet(const KubeServer& cluster, std::size_t pods) : space_(cluster), pods_(pods) {
    space_.create_pool({.ports = {kPort}});
    constexpr std::size_t kWriters = 8;
    std::vector<std::thread> writers;
    for (std::size_t writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([this, writer] {
        for (std::size_t i = writer; i < pods_; i += kWriters)
          space_.create_pod({.name = name(i), .ip = ip(i)});
      });
    }
    for (std::thread& writer : writers)
      writer.join();
  }

  static std::string name(std::size_t i) { return "pod-" + std::to_string(i); }
  static std::string ip(std::size_t i) {
    return "127.3." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
  }
  static std::string address(std::size_t i) { return ip(i) + ":" + std::to_string(kPort); }
  const KubeNamespace& space() const { return space_; }
  std::size_t size() const { return pods_; }

 private:
  static constexpr int kPort = 8000;
  const KubeNamespace space_;
  const std::size_t pods_;
};

void await(Picker& picker, const std::function<bool()>& condition) {
  if (!wait_until([&] { return !picker.running() || condition(); }, std::chrono::seconds(120)) || !picker.running()) {
    std::string output = picker.output();
    if (output.size() > 4000) output.erase(0, output.size() - 4000);
    throw std::runtime_error("what was waited for does not happen:\n" + output);
  }
}

double resident_without_pods(const PickerProgram& program, const KubeServer& cluster) {
  const Fleet one(cluster, 1);
  Picker picker(program, cluster, one.space().name());
  await(picker, [&] { return picker.routes_to(Fleet::address(0)); });
  return picker.rss_mib();
}

Figures measure(const PickerProgram& program, const KubeServer& cluster, const Fleet& fleet, std::size_t events) {
  Figures figures;
  figures.empty_mib = resident_without_pods(program, cluster);
  const auto start = Clock::now();
  Picker picker(program, cluster, fleet.space().name());
  for (const std::size_t i : {fleet.size() - 1, fleet.size() / 2, std::size_t{0}})
    await(picker, [&] { return picker.routes_to(Fleet::address(i)); });
  figures.ready_ms = Milliseconds(Clock::now() - start).count();
  figures.full_mib = picker.rss_mib();
  std::mt19937 random(1);
  for (std::size_t event = 0; event < events; ++event) {
    const std::size_t i = random() % fleet.size();
    for (const bool ready : {false, true}) {
      fleet.space().set_ready(Fleet::name(i), ready);
      const auto told = Clock::now();
      await(picker, [&] { return picker.routes_to(Fleet::address(i)) == ready; });
      (ready ? figures.up : figures.down).push_back(Milliseconds(Clock::now() - told).count());
    }
  }
  figures.churned_mib = picker.rss_mib();
  return figures;
}

void print(const std::string& name, const Figures& figures) {
  std::printf("| %s | %.0f | %.0f | %.0f | %.1f | %.1f | %.1f | %.1f |\n", name.c_str(), figures.ready_ms,
              figures.full_mib - figures.empty_mib, figures.churned_mib - figures.empty_mib,
              quantile(figures.down, 0.5), quantile(figures.down, 0.99), quantile(figures.up, 0.5),
              quantile(figures.up, 0.99));
}

int run(int argc, char** argv) {
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::size_t pods = 5000;
  std::size_t events = 300;
  std::string peer;
  std::string peer_name = "peer";
  CLI::App app{"How fast EPPs learn what an API server knows, and what knowing it costs"};
  app.add_option("--pods", pods, "Pods in the pool")->check(CLI::Range(1, 60000))->capture_default_str();
  app.add_option("--events", events, "Pods that become unready and ready again")->capture_default_str();
  app.add_option("--peer", peer, "Another EPP with the same flags")->envname("EPP_PEER");
  app.add_option("--peer-name", peer_name, "Its name in the table")->envname("EPP_PEER_NAME")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const std::string missing = KubeServer::missing(); !missing.empty()) {
    std::cout << "left out: " << missing << '\n';
    return 0;
  }
  std::vector<PickerProgram> programs{{"epp-host",
                                       (here / "../bin/epp").lexically_normal(),
                                       {"--plugin-dir=" EPP_PLUGIN_DIR, "--bind-address=127.0.0.1"}}};
  if (!peer.empty()) programs.push_back({peer_name, peer, {}});

  const KubeServer cluster;
  const Fleet fleet(cluster, pods);
  std::printf(
      "%zu pods, %zu of them unready and ready again; from the API server's answer to the first request that\n"
      "is routed accordingly, in ms; memory above that with one pod, in MiB.\n\n",
      pods, events);
  std::printf("| EPP | start to ready | memory | after the events | unready p50 | p99 | ready p50 | p99 |\n");
  std::printf("|---|---|---|---|---|---|---|---|\n");
  for (const PickerProgram& program : programs)
    print(program.name, measure(program, cluster, fleet, events));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "kubernetes-bench: " << error.what() << '\n';
    return 1;
  }
}
