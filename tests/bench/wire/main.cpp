// wire-bench: ext-proc load against a no-op server, this EPP and, if given, another one.
#include "bench/wire/comparison.h"
#include "bench/wire/longevity.h"
#include "bench/wire/targets.h"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

using namespace epp::bench;
using std::chrono::milliseconds;

constexpr std::chrono::hours kNever{1};

std::vector<Workload> default_workloads() {
  return {{.prompt_bytes = 1024},
          {.prompt_bytes = 1024, .response = true},
          {.prompt_bytes = 1024, .streams = 1},
          {.prompt_bytes = 1024, .streams = 64, .connections = 8},
          {.prompt_bytes = 1024, .endpoints = 64},
          {.prompt_bytes = 1024, .endpoints = 4, .refresh = kNever},
          {.prompt_bytes = 1024, .endpoints = 2000, .refresh = kNever},
          {.prompt_bytes = 16384},
          {.prompt_bytes = 131072},
          {.prompt_bytes = 131072, .shared_prefix = 0.9},
          {.prompt_bytes = 1048576},
          {.prompt_bytes = 1048576, .streams = 128}};
}

std::vector<Workload> quick_workloads() {
  return {{.prompt_bytes = 1024}, {.prompt_bytes = 1024, .streams = 1}, {.prompt_bytes = 131072}};
}

struct Options {
  std::filesystem::path here;  // where this program stands
  std::string epp;
  std::string peer;
  std::string peer_name = "peer";
  std::string cores;
  bool quick = false;
  bool traffic = true;
  bool scrape = true;
  long soak_seconds = 0;
  Schedule schedule;
  std::vector<Workload> workloads;

  std::vector<Program> epps() const {
    std::vector<Program> programs{{"epp", epp}};
    if (!peer.empty()) programs.push_back({peer_name, peer});
    return programs;
  }
};

void run_traffic(const Options& options, RunResults& results) {
  for (const Workload& workload : options.workloads) {
    std::vector<Program> programs;
    if (workload.streams != 0) programs.push_back({"no-op", options.here / "noop-ext-proc", false});  // does not scrape
    for (const Program& epp : options.epps())
      programs.push_back(epp);
    std::vector<Ratio> ratios;
    for (std::size_t i = 1; i < programs.size(); ++i)
      ratios.push_back({i, i - 1});
    const Outcome& outcome =
        results.outcomes.emplace_back(Outcome{workload, compare(programs, workload, options.schedule)});
    print_section(std::cout, workload.describe(), workload.streams != 0, outcome.servers, ratios);
  }
}

void run_scraping(const Options& options, RunResults& results) {
  const milliseconds duration(options.quick ? 1000 : 3000);
  const unsigned rounds = options.quick ? 1 : 5;
  results.scraping.push_back(measure_scraping(options.epps(), 64, Page::kSmall, rounds, duration));
  results.scraping.push_back(measure_scraping(options.epps(), 64, Page::kVllm, rounds, duration));
  if (!options.quick)
    results.scraping.push_back(measure_scraping({options.epps().front()}, 2000, Page::kSmall, 1, duration));
  print_scraping(std::cout, results.scraping);
  if (options.quick) return;
  results.interference =
      measure_interference(options.epps().front(), options.schedule.rounds, options.schedule.measure);
  print_interference(std::cout, *results.interference);
}

// Reads the command line; what it returns is the exit code if there is nothing to be done.
std::optional<int> read_options(int argc, char** argv, Options& options) {
  options.here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  options.epp = (options.here / "../bin/epp").lexically_normal().string();
  Workload own;
  std::size_t prompt_kib = 1;
  double seconds = 0;
  long refresh_ms = own.refresh.count();
  bool only_scrape = false;

  CLI::App app{"ext-proc load against a no-op server, this EPP and another one, interleaved"};
  app.add_option("--epp", options.epp, "This EPP")->capture_default_str();
  app.add_option("--peer", options.peer, "Another EPP with the same configuration format and flags")
      ->envname("EPP_PEER");
  app.add_option("--peer-name", options.peer_name, "Its name in the tables")
      ->envname("EPP_PEER_NAME")
      ->capture_default_str();
  app.add_option("--cores", options.cores, "Directory with JSON reports of the Google Benchmarks, for the targets");
  app.add_flag("--quick", options.quick, "Fewer workloads, shorter");
  app.add_flag("--scrape", only_scrape, "Only what scraping costs");
  app.add_option("--soak", options.soak_seconds, "Only a soak of this EPP of so many seconds");
  const auto* rounds = app.add_option("--rounds", options.schedule.rounds, "How often each server is measured");
  app.add_option("--seconds", seconds, "How long each time");
  std::vector<CLI::Option*> choices{
      app.add_option("--prompt", prompt_kib, "One workload of your own: KiB of a prompt"),
      app.add_option("--endpoints", own.endpoints, "... endpoints")->check(CLI::Range(1, 60000)),
      app.add_option("--streams", own.streams, "... streams open at once; 0: no traffic"),
      app.add_option("--connections", own.connections, "... connections")->check(CLI::Range(1, 1000)),
      app.add_option("--shared", own.shared_prefix, "... share of the prompt that others begin with")
          ->check(CLI::Range(0.0, 1.0)),
      app.add_option("--page", own.page, "... metrics pages: small, vllm or full")
          ->transform(CLI::CheckedTransformer(
              std::map<std::string, Page>{{"small", Page::kSmall}, {"vllm", Page::kVllm}, {"full", Page::kFull}})),
      app.add_option("--refresh", refresh_ms, "... milliseconds between two scrapes of an endpoint")
          ->check(CLI::Range(50L, static_cast<long>(milliseconds(kNever).count()))),
      app.add_flag("--response", own.response, "... with the response phase")};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }

  own.prompt_bytes = prompt_kib * 1024;
  own.refresh = milliseconds(refresh_ms);
  if (options.quick) {
    options.schedule.measure = milliseconds(700);
    if (rounds->empty()) options.schedule.rounds = 2;
  }
  if (seconds > 0) options.schedule.measure = milliseconds(static_cast<long>(seconds * 1000));
  options.workloads = options.quick ? quick_workloads() : default_workloads();
  for (const CLI::Option* choice : choices) {
    if (choice->empty()) continue;
    options.workloads = {own};
    options.scrape = false;
  }
  if (only_scrape) options.traffic = !(options.scrape = true);
  return std::nullopt;
}

int run(int argc, char** argv) {
  Options options;
  if (const auto code = read_options(argc, argv, options)) return *code;
  RunResults results;
  results.cores = options.cores;
  if (options.soak_seconds > 0) {
    results.growth_mib_min =
        soak(options.epps().front(), std::chrono::seconds(options.soak_seconds), std::cout).growth_mib_min;
    std::cout << std::endl;
  } else {
    if (options.traffic) run_traffic(options, results);
    if (options.scrape) run_scraping(options, results);
    if (options.traffic && options.scrape) results.start_ms = measure_start(options.epps().front(), 5);
  }
  print_targets(std::cout, results);
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
