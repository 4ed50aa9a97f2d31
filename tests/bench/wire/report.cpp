#include "bench/wire/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ostream>

namespace epp::bench {
namespace {

constexpr std::array<Field, 4> kFields{&Sample::cpu, &Sample::p50_ms, &Sample::p99_ms, &Sample::rate};
std::vector<double> values_of(const ServerFigures& server, Field field) {
  std::vector<double> values;
  for (const Sample& sample : server.rounds)
    values.push_back(sample.*field);
  return values;
}

std::vector<double> ratios_of(const ServerFigures& numerator, const ServerFigures& denominator, Field field) {
  std::vector<double> values;
  for (std::size_t i = 0; i < numerator.rounds.size(); ++i)
    values.push_back(numerator.rounds[i].*field / denominator.rounds[i].*field);
  return values;
}

Row figures(const ServerFigures& server, bool traffic) {
  Row row{server.name};
  for (Field field : kFields)
    row.push_back(traffic || field == &Sample::cpu ? number(median(server, field)) : "-");
  row.push_back(number(server.peak_rss_mib));
  return row;
}

std::string spread(const std::vector<double>& ratios) {
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  return number(median(ratios)) + " (" + number(*least) + " to " + number(*most) + ")";
}

Row ratio_row(const ServerFigures& numerator, const ServerFigures& denominator, bool traffic) {
  Row row{numerator.name + " / " + denominator.name};
  for (Field field : kFields)
    row.push_back(traffic || field == &Sample::cpu ? spread(ratios_of(numerator, denominator, field)) : "-");
  row.push_back(number(numerator.peak_rss_mib / denominator.peak_rss_mib));
  return row;
}

}  // namespace

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : value >= 1 ? "%.2f" : "%.3f", value);
  return text;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double median(const ServerFigures& server, Field field) {
  return median(values_of(server, field));
}

double median_ratio(const ServerFigures& numerator, const ServerFigures& denominator, Field field) {
  return median(ratios_of(numerator, denominator, field));
}

void print_table(std::ostream& out, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  for (std::size_t line = 0; line < rows.size(); ++line) {
    for (std::size_t i = 0; i < widths.size(); ++i)
      out << "| " << rows[line][i] << std::string(widths[i] - rows[line][i].size() + 1, ' ');
    out << "|\n";
    if (line != 0) continue;
    for (std::size_t width : widths)
      out << "|" << std::string(width + 2, '-');
    out << "|\n";
  }
}

void print_section(std::ostream& out, const std::string& title, bool traffic, const std::vector<ServerFigures>& servers,
                   const std::vector<Ratio>& ratios) {
  std::vector<Row> rows{{"", traffic ? "CPU s per 1,000 requests" : "CPU s per 1,000 s", "p50 ms", "p99 ms",
                         "requests/s", "peak RSS MiB"}};
  for (const ServerFigures& server : servers)
    rows.push_back(figures(server, traffic));
  for (const Ratio& ratio : ratios)
    rows.push_back(ratio_row(servers[ratio.numerator], servers[ratio.denominator], traffic));
  out << "### " << title << "\n\n";
  print_table(out, rows);
  out << std::endl;
}

}  // namespace epp::bench
