// wire-bench: ext-proc load against a no-op server, this EPP and, if given, another one.
#include "bench/wire/comparison.h"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

using namespace epp::bench;
using std::chrono::milliseconds;

std::vector<Workload> default_workloads() {
  return {{.prompt_bytes = 1024},
          {.prompt_bytes = 1024, .response = true},
          {.prompt_bytes = 1024, .streams = 1},
          {.prompt_bytes = 1024, .streams = 64, .connections = 8},
          {.prompt_bytes = 1024, .endpoints = 64},
          {.prompt_bytes = 16384, .response = true},
          {.prompt_bytes = 131072},
          {.prompt_bytes = 131072, .shared_prefix = 0.9},
          {.endpoints = 64, .streams = 0}};
}

std::vector<Workload> quick_workloads() {
  return {{.prompt_bytes = 1024}, {.prompt_bytes = 1024, .response = true}, {.prompt_bytes = 131072}};
}

int run(int argc, char** argv) {
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::string epp = (here / "../bin/epp").lexically_normal().string();
  std::string peer;
  std::string peer_name = "peer";
  bool quick = false;
  Workload own;
  Schedule schedule;
  std::size_t prompt_kib = 1;
  double seconds = 0;

  CLI::App app{"ext-proc load against a no-op server, this EPP and another one, interleaved"};
  app.add_option("--epp", epp, "This EPP")->capture_default_str();
  app.add_option("--peer", peer, "Another EPP with the same configuration format and flags")->envname("EPP_PEER");
  app.add_option("--peer-name", peer_name, "Its name in the tables")->envname("EPP_PEER_NAME")->capture_default_str();
  app.add_flag("--quick", quick, "Fewer workloads, shorter");
  const auto* rounds = app.add_option("--rounds", schedule.rounds, "How often each server is measured");
  app.add_option("--seconds", seconds, "How long each time");
  std::vector<CLI::Option*> choices{
      app.add_option("--prompt", prompt_kib, "One workload of your own: KiB of a prompt"),
      app.add_option("--endpoints", own.endpoints, "... endpoints")->check(CLI::Range(1, 60000)),
      app.add_option("--streams", own.streams, "... streams open at once; 0: no traffic"),
      app.add_option("--connections", own.connections, "... connections")->check(CLI::Range(1, 1000)),
      app.add_option("--shared", own.shared_prefix, "... share of the prompt that others begin with")
          ->check(CLI::Range(0.0, 1.0)),
      app.add_flag("--response", own.response, "... with the response phase")};
  CLI11_PARSE(app, argc, argv);

  own.prompt_bytes = prompt_kib * 1024;
  if (quick) {
    schedule.measure = milliseconds(700);
    if (rounds->empty()) schedule.rounds = 2;
  }
  if (seconds > 0) schedule.measure = milliseconds(static_cast<long>(seconds * 1000));
  std::vector<Workload> workloads = quick ? quick_workloads() : default_workloads();
  for (const CLI::Option* choice : choices) {
    if (!choice->empty()) workloads = {own};
  }

  std::vector<Program> epps{{"epp", epp}};
  if (!peer.empty()) epps.push_back({peer_name, peer});
  for (const Workload& workload : workloads) {
    std::vector<Program> programs;
    if (workload.streams != 0) programs.push_back({"no-op", here / "noop-ext-proc", false});  // it does not scrape
    programs.insert(programs.end(), epps.begin(), epps.end());
    std::vector<Ratio> ratios;
    for (std::size_t i = 1; i < programs.size(); ++i)
      ratios.push_back({i, i - 1});
    print_section(std::cout, workload.describe(), workload.streams != 0, compare(programs, workload, schedule), ratios);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "wire-bench: " << error.what() << "\n";
    return 1;
  }
}
