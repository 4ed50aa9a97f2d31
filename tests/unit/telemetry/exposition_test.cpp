#include "telemetry/exposition.h"

#include "telemetry/metrics.h"

#include <array>
#include <limits>

#include <gtest/gtest.h>

namespace epp::telemetry {
namespace {

TEST(Exposition, FloatsAreWrittenAsGoWritesThem) {
  const std::pair<double, const char*> cases[] = {{0, "0"},
                                                  {1, "1"},
                                                  {0.005, "0.005"},
                                                  {0.0001, "0.0001"},
                                                  {0.00001, "1e-05"},
                                                  {2.5, "2.5"},
                                                  {64, "64"},
                                                  {131072, "131072"},
                                                  {524288, "524288"},
                                                  {1e6, "1e+06"},
                                                  {1048576, "1.048576e+06"},
                                                  {1073741824, "1.073741824e+09"},
                                                  {-1.5, "-1.5"},
                                                  {1e21, "1e+21"},
                                                  {0.22727, "0.22727"},
                                                  {999999.5, "999999.5"},
                                                  {std::numeric_limits<double>::infinity(), "+Inf"},
                                                  {-std::numeric_limits<double>::infinity(), "-Inf"},
                                                  {std::numeric_limits<double>::quiet_NaN(), "NaN"}};
  for (const auto& [value, text] : cases)
    EXPECT_EQ(format_float(value), text);
}

TEST(Exposition, AcceptHeaderChoosesTheFormat) {
  using enum ExpositionFormat;
  EXPECT_EQ(negotiate(""), kText);
  EXPECT_EQ(negotiate("*/*"), kText);
  EXPECT_EQ(negotiate("text/plain"), kText);
  EXPECT_EQ(negotiate("application/openmetrics-text"), kOpenMetrics);
  EXPECT_EQ(negotiate("application/openmetrics-text; version=2.0.0"), kText);
  EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.5"), kText);
  // What Prometheus sends.
  EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                      "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"),
            kOpenMetrics);
  EXPECT_EQ(negotiate(";;q=,,=;q=nan"), kText);
}

TEST(Exposition, OpenMetricsNamesCountersWithoutTotalAndEndsWithEof) {
  Registry registry;
  registry.counter({.name = "a_total", .help = "say \"a\"", .labels = {"l"}})->inc({"x"}, 2);
  registry.counter({.name = "b", .help = ""})->inc({});
  registry.histogram({.name = "h", .help = ""}, std::array{0.5, 1.0})->observe({}, 1);
  const auto exposition = registry.render("application/openmetrics-text");
  EXPECT_EQ(exposition.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(exposition.body,
            "# HELP a say \\\"a\\\"\n# TYPE a counter\na_total{l=\"x\"} 2.0\n"
            "# TYPE b unknown\nb 1.0\n"
            "# TYPE h histogram\nh_bucket{le=\"0.5\"} 0\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
            "h_sum 1.0\nh_count 1\n# EOF\n");
  EXPECT_EQ(registry.render("").content_type, "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace
}  // namespace epp::telemetry
