// What this project promises of its speed, and what a run showed of it.
#pragma once

#include "bench/wire/comparison.h"
#include "bench/wire/scraping.h"

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace epp::bench {

/// One workload and what came of it: the no-op first (with traffic), then this EPP, then the peer if there was one.
struct Outcome {
  Workload workload;
  std::vector<ServerFigures> servers;
};

struct RunResults {
  std::vector<Outcome> outcomes;
  std::vector<ScrapeOutcome> scraping;
  std::optional<Interference> interference;
  std::optional<double> start_ms;        ///< to ready, with every plugin
  std::optional<double> growth_mib_min;  ///< of a soak
  std::filesystem::path cores;           ///< JSON files of the Google Benchmarks; may be empty
};

/// A Markdown table of the promises that the run says something about: the bound, the value, met or missed.
void print_targets(std::ostream& out, const RunResults& results);

}  // namespace epp::bench
