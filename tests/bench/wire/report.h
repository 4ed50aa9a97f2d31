// Figures of one workload as a table: medians over the rounds, and ratios of figures measured in the same round.
#pragma once

#include <cstddef>
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
using Field = double Sample::*;

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

using Row = std::vector<std::string>;

/// Three digits that mean something.
std::string number(double value);
double median(std::vector<double> values);
/// Of the rounds.
double median(const ServerFigures& server, Field field);
/// The median of the rounds' ratios: neighbours in time.
double median_ratio(const ServerFigures& numerator, const ServerFigures& denominator, Field field);

/// A Markdown table; the first row is its head.
void print_table(std::ostream& out, const std::vector<Row>& rows);
/// A Markdown section. Every server has the same number of rounds, at least one.
void print_section(std::ostream& out, const std::string& title, bool traffic, const std::vector<ServerFigures>& servers,
                   const std::vector<Ratio>& ratios);

}  // namespace epp::bench
