// Figures of one workload as a table: medians over the rounds, and ratios of figures measured in the same round.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace epp::bench {

/// One server in one round.
struct Sample {
  double cpu = 0;  ///< seconds per 1,000 requests; without traffic, per 1,000 seconds
  double p50_ms = 0;
  double p99_ms = 0;
  double rate = 0;  ///< requests per second
};

struct ServerFigures {
  std::string name;
  std::vector<Sample> rounds;
  double peak_rss_mib = 0;
};

/// The ratio `numerator / denominator` of two servers, by their index.
struct Ratio {
  std::size_t numerator;
  std::size_t denominator;
};

/// A Markdown section. Every server has the same number of rounds, at least one.
void print_section(std::ostream& out, const std::string& title, bool traffic, const std::vector<ServerFigures>& servers,
                   const std::vector<Ratio>& ratios);

}  // namespace epp::bench
