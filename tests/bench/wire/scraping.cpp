#include "bench/wire/scraping.h"

#include "bench/wire/load.h"
#include "bench/wire/metrics_servers.h"
#include "bench/wire/report.h"
#include "support/wait.h"

#include <memory>
#include <ostream>
#include <stdexcept>
#include <thread>

namespace epp::bench {
namespace {

constexpr unsigned kScrapesPerSecond = 20;  // of one endpoint
constexpr unsigned kBusyEndpoints = 500;    // 10,000 scrapes a second
const std::chrono::milliseconds kSettle{1000};

ScrapeFigures measure(const Program& epp, unsigned endpoints, Page page, std::chrono::milliseconds duration) {
  const MetricsServers servers(endpoints, page);
  ServerProcess server(epp, servers, {.endpoints = endpoints, .streams = 0, .page = page});
  if (!testing::wait_until([&] { return servers.served() >= 2 * endpoints || !server.running(); }) ||
      !server.running()) {
    throw std::runtime_error(epp.name + ": it does not scrape\n" + server.output());
  }
  // Connections are made and pools filled; then it is time that passes.
  std::this_thread::sleep_for(kSettle);
  const double cpu = server.cpu_seconds();
  const std::uint64_t served = servers.served();
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(duration);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto scrapes = static_cast<double>(servers.served() - served);
  return {epp.name, (server.cpu_seconds() - cpu) / scrapes * 1e6, scrapes / seconds};
}

// A server that is asked by one stream.
struct Subject {
  Subject(const Program& epp, const Workload& workload)
      : endpoints(workload.endpoints, workload.page),
        server(epp, endpoints, workload),
        load(server.target(), workload) {
    if (!testing::wait_until([&] { return server.listening() && !load.destination().empty(); }))
      throw std::runtime_error(epp.name + ": it does not serve\n" + server.output());
    server.pause();
  }

  void measure(std::chrono::milliseconds duration) {
    server.resume();
    load.run(duration / 4);
    server.mean_decision_us();
    const LoadResult result = load.run(duration);
    decisions_us.push_back(server.mean_decision_us());
    p50_ms.push_back(result.quantile_ms(0.5));
    p99_ms.push_back(result.quantile_ms(0.99));
    server.pause();
  }
  Interference::Figures figures() const { return {median(decisions_us), median(p50_ms), median(p99_ms)}; }

  MetricsServers endpoints;
  ServerProcess server;
  Load load;
  std::vector<double> decisions_us, p50_ms, p99_ms;
};

}  // namespace

ScrapeOutcome measure_scraping(const std::vector<Program>& epps, unsigned endpoints, Page page, unsigned rounds,
                               std::chrono::milliseconds duration) {
  std::vector<std::vector<double>> cpu_us(epps.size());
  std::vector<std::vector<double>> rates(epps.size());
  for (unsigned round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < epps.size(); ++i) {
      const ScrapeFigures figures = measure(epps[i], endpoints, page, duration);
      cpu_us[i].push_back(figures.cpu_us);
      rates[i].push_back(figures.rate);
    }
  }
  ScrapeOutcome outcome{endpoints, MetricsServers(1, page).page_bytes(), {}};
  for (std::size_t i = 0; i < epps.size(); ++i)
    outcome.servers.push_back({epps[i].name, median(cpu_us[i]), median(rates[i])});
  if (epps.size() > 1) {
    std::vector<double> ratios;
    for (unsigned round = 0; round < rounds; ++round)
      ratios.push_back(cpu_us[1][round] / cpu_us[0][round]);
    outcome.peer_ratio = median(ratios);
  }
  return outcome;
}

void print_scraping(std::ostream& out, const std::vector<ScrapeOutcome>& outcomes) {
  std::vector<Row> rows{{"Endpoints, page", "", "CPU us per scrape", "scrapes/s", "of"}};
  for (const ScrapeOutcome& outcome : outcomes) {
    for (const ScrapeFigures& server : outcome.servers) {
      rows.push_back(
          {std::to_string(outcome.endpoints) + ", " + number(static_cast<double>(outcome.page_bytes) / 1000) + " KB",
           server.name, number(server.cpu_us), number(server.rate), number(outcome.wanted_rate())});
    }
  }
  out << "### Scraping every 50 ms, no traffic\n\n";
  print_table(out, rows);
  out << std::endl;
}

Interference measure_interference(const Program& epp, unsigned rounds, std::chrono::milliseconds duration) {
  const Workload busy{.endpoints = kBusyEndpoints, .streams = 1, .page = Page::kSmall};
  Workload quiet = busy;
  quiet.refresh = std::chrono::hours(1);
  Subject without(epp, quiet);
  Subject with(epp, busy);
  for (unsigned round = 0; round < rounds; ++round) {
    without.measure(duration);
    with.measure(duration);
  }
  return {without.figures(), with.figures()};
}

void print_interference(std::ostream& out, const Interference& interference) {
  const auto row = [](const std::string& name, const Interference::Figures& figures) {
    return Row{name, number(figures.decision_us), number(figures.p50_ms), number(figures.p99_ms)};
  };
  out << "### " << kBusyEndpoints << " endpoints, 1 KiB prompts, 1 stream: what scraping does to requests\n\n";
  print_table(out, {{"", "decision, mean us", "p50 ms", "p99 ms"},
                    row("not scraped", interference.quiet),
                    row(std::to_string(kBusyEndpoints * kScrapesPerSecond) + " scrapes/s", interference.scraping)});
  out << std::endl;
}

}  // namespace epp::bench
