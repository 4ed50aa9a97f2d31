// What scraping costs, and whether requests notice it.
#pragma once

#include "bench/wire/comparison.h"
#include "bench/wire/workload.h"

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace epp::bench {

struct ScrapeFigures {
  std::string name;
  double cpu_us = 0;  ///< per scrape
  double rate = 0;    ///< scrapes per second
};

struct ScrapeOutcome {
  unsigned endpoints = 0;
  std::size_t page_bytes = 0;
  std::vector<ScrapeFigures> servers;  ///< this EPP first; medians over the rounds
  double peer_ratio = 0;               ///< CPU of the second for each of this EPP's: median of the rounds' ratios

  double wanted_rate() const { return endpoints * 20.0; }
};

/// Each EPP alone, one after the other in each round, without traffic: every endpoint is scraped each 50 ms.
ScrapeOutcome measure_scraping(const std::vector<Program>& epps, unsigned endpoints, Page page, unsigned rounds,
                               std::chrono::milliseconds duration);
void print_scraping(std::ostream& out, const std::vector<ScrapeOutcome>& outcomes);

/// One stream after another, without scraping and with 10,000 scrapes a second beside it.
struct Interference {
  struct Figures {
    double decision_us = 0;  ///< mean, as the EPP measures it
    double p50_ms = 0;       ///< of a request over the wire, client and scraped servers on the same cores
    double p99_ms = 0;
  };
  Figures quiet;
  Figures scraping;
};
Interference measure_interference(const Program& epp, unsigned rounds, std::chrono::milliseconds duration);
void print_interference(std::ostream& out, const Interference& interference);

}  // namespace epp::bench
