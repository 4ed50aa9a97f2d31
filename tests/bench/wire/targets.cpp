#include "bench/wire/targets.h"

#include "support/files.h"

#include <algorithm>
#include <functional>
#include <ostream>
#include <string_view>

#include <nlohmann/json.hpp>

namespace epp::bench {
namespace {

enum class Bound : std::uint8_t { kAtMost, kAtLeast };

class Table {
 public:
  void add(const std::string& what, Bound bound, double limit, std::optional<double> value, const std::string& unit) {
    if (!value) return;
    const bool met = bound == Bound::kAtMost ? *value <= limit : *value >= limit;
    const std::string suffix = unit.empty() ? "" : " " + unit;
    rows_.push_back({what, (bound == Bound::kAtMost ? "<= " : ">= ") + number(limit) + suffix, number(*value) + suffix,
                     met ? "met" : "**missed**"});
  }
  void print(std::ostream& out) const {
    if (rows_.size() == 1) return;
    out << "### Targets\n\n";
    print_table(out, rows_);
    out << std::endl;
  }

 private:
  std::vector<Row> rows_{{"", "target", "this run", ""}};
};

// ---- over the wire ----

const Outcome* find(const RunResults& results, const std::function<bool(const Workload&)>& wanted) {
  const auto at = std::find_if(results.outcomes.begin(), results.outcomes.end(),
                               [&](const Outcome& outcome) { return wanted(outcome.workload); });
  return at == results.outcomes.end() ? nullptr : &*at;
}

// Prompts of a size, otherwise as by default.
const Outcome* plain(const RunResults& results, std::size_t prompt_bytes, unsigned streams = 16) {
  const Workload wanted{.prompt_bytes = prompt_bytes, .streams = streams};
  return find(results, [&](const Workload& workload) { return workload == wanted; });
}

// The peer's CPU for each of ours.
std::optional<double> advantage(const Outcome* outcome) {
  if (outcome == nullptr || outcome->servers.size() < 3) return std::nullopt;
  return median_ratio(outcome->servers[2], outcome->servers[1], &Sample::cpu);
}

std::optional<double> latency_over_noop(const Outcome* outcome) {
  if (outcome == nullptr || outcome->servers.size() < 2) return std::nullopt;
  return median_ratio(outcome->servers[1], outcome->servers[0], &Sample::p50_ms);
}

std::optional<double> peak_rss(const Outcome* outcome) {
  if (outcome == nullptr) return std::nullopt;
  return outcome->servers[outcome->workload.streams == 0 ? 0 : 1].peak_rss_mib;
}

// CPU per request with many endpoints for each of that with 4, nobody being scraped.
std::optional<double> cost_of_many(const RunResults& results, unsigned many) {
  const auto unscraped = [&](unsigned endpoints) {
    return find(results, [=](const Workload& workload) {
      return workload.endpoints == endpoints && workload.streams != 0 && workload.refresh > std::chrono::seconds(1);
    });
  };
  const Outcome* few = unscraped(4);
  const Outcome* all = unscraped(many);
  if (few == nullptr || all == nullptr) return std::nullopt;
  return median(all->servers[1], &Sample::cpu) / median(few->servers[1], &Sample::cpu);
}

void add_wire(Table& table, const RunResults& results) {
  table.add("CPU per request, peer / epp, 1 KiB", Bound::kAtLeast, 3, advantage(plain(results, 1024)), "");
  table.add("... 16 KiB", Bound::kAtLeast, 5, advantage(plain(results, 16 * 1024)), "");
  table.add("... 128 KiB", Bound::kAtLeast, 10, advantage(plain(results, 128 * 1024)), "");
  table.add("... 1 MiB", Bound::kAtLeast, 10, advantage(plain(results, 1024 * 1024)), "");
  table.add("p50 at one stream, epp / no-op", Bound::kAtMost, 1.5, latency_over_noop(plain(results, 1024, 1)), "");
  table.add("peak RSS, 128 streams of 1 MiB", Bound::kAtMost, 400, peak_rss(plain(results, 1024 * 1024, 128)), "MiB");
  table.add("CPU per request, 2,000 / 4 endpoints", Bound::kAtMost, 1.5, cost_of_many(results, 2000), "");
  table.add("peak RSS, 64 endpoints", Bound::kAtMost, 60,
            peak_rss(find(results,
                          [](const Workload& workload) { return workload.endpoints == 64 && workload.streams != 0; })),
            "MiB");
}

// ---- scraping ----

void add_scraping(Table& table, const RunResults& results) {
  for (const ScrapeOutcome& outcome : results.scraping) {
    const ScrapeFigures& ours = outcome.servers.front();
    const std::string page = number(static_cast<double>(outcome.page_bytes) / 1000) + " KB";
    if (outcome.servers.size() > 1) {
      table.add("CPU per scrape, peer / epp, page of " + page, Bound::kAtLeast, outcome.page_bytes < 10'000 ? 4 : 15,
                outcome.peer_ratio, "");
    }
    if (outcome.endpoints >= 2000) {
      table.add(std::to_string(outcome.endpoints) + " endpoints every 50 ms: scrapes done", Bound::kAtLeast, 99,
                100 * ours.rate / outcome.wanted_rate(), "%");
    }
  }
  if (!results.interference) return;
  table.add("decision under 10,000 scrapes/s / not scraped", Bound::kAtMost, 1.25,
            results.interference->scraping.decision_us / results.interference->quiet.decision_us, "");
}

// ---- the cores ----

// A figure of one Google Benchmark; nothing when its program did not run.
std::optional<double> core(const std::filesystem::path& directory, const std::string& program,
                           std::string_view benchmark, const char* figure) {
  const std::filesystem::path file = directory / (program + ".json");
  if (directory.empty() || !std::filesystem::exists(file)) return std::nullopt;
  const nlohmann::json report = nlohmann::json::parse(testing::read_file(file), nullptr, false);
  if (!report.is_object()) return std::nullopt;
  for (const auto& entry : report.value("benchmarks", nlohmann::json::array())) {
    if (entry.value("name", "") == benchmark && entry.contains(figure)) return entry[figure].get<double>();
  }
  return std::nullopt;
}

std::optional<double> scaled(std::optional<double> value, double by) {
  return value ? std::optional(*value * by) : std::nullopt;
}

std::optional<double> difference(std::optional<double> a, std::optional<double> b) {
  return a && b ? std::optional(*a - *b) : std::nullopt;
}

void add_cores(Table& table, const RunResults& results) {
  const auto time = [&](const char* program, const char* benchmark) {
    return core(results.cores, program, benchmark, "cpu_time");
  };
  table.add("decision, 64 endpoints", Bound::kAtMost, 15, scaled(time("scheduling_bench", "decide/64"), 1e-3), "us");
  table.add("decision, 2,000 endpoints", Bound::kAtMost, 100, scaled(time("scheduling_bench", "decide/2000"), 1e-3),
            "us");
  const std::optional<double> direct = time("abi_bench", "BM_Direct/endpoints:8");
  table.add("ABI, a call over a direct one", Bound::kAtMost, 30,
            difference(time("abi_bench", "BM_HostCall/endpoints:8"), direct), "ns");
  table.add("ABI, with its timing", Bound::kAtMost, 60,
            difference(time("abi_bench", "BM_TimedHostCall/endpoints:8"), direct), "ns");
  table.add("prefix hashing, blocks of 64 tokens", Bound::kAtLeast, 5,
            scaled(core(results.cores, "prefix_bench", "BM_HashPrompt/tokens:32768", "bytes_per_second"), 1e-9),
            "GB/s");
  table.add("Prometheus text, a page of vLLM's", Bound::kAtLeast, 1,
            scaled(core(results.cores, "scrape_bench", "BM_ReadWantedFamilies", "bytes_per_second"), 1e-9), "GB/s");
}

}  // namespace

void print_targets(std::ostream& out, const RunResults& results) {
  Table table;
  add_cores(table, results);
  add_wire(table, results);
  add_scraping(table, results);
  table.add("start to ready, every plugin", Bound::kAtMost, 200, results.start_ms, "ms");
  table.add("growth of memory in the soak", Bound::kAtMost, 0.1, results.growth_mib_min, "MiB/min");
  table.print(out);
}

}  // namespace epp::bench
