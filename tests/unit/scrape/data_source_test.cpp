#include "scrape/data_source.h"

#include "scrape/engine_mapping.h"
#include "scrape/scraper.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace epp::scrape {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string failure(std::string_view type, const std::string& json) {
  try {
    (void)parse_data_source_parameters(type, json);
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "accepted";
}

endpoints::EndpointSpec spec() {
  endpoints::EndpointSpec spec;
  spec.name = "a";
  spec.address = "10.0.0.1";
  spec.port = "8000";
  return spec;
}

TEST(DataSource, DefaultsByType) {
  const auto metrics = parse_data_source_parameters(kMetricsDataSource, "");
  EXPECT_EQ(metrics.scheme, "http");
  EXPECT_EQ(metrics.path, "/metrics");
  EXPECT_TRUE(metrics.insecure_skip_verify);
  EXPECT_FALSE(metrics.port);
  EXPECT_EQ(metrics.max_body_bytes, 8u << 20);
  const auto clusters = parse_data_source_parameters(kMulticlusterMetricsDataSource, "{}");
  EXPECT_EQ(clusters.scheme, "https");
  EXPECT_FALSE(clusters.insecure_skip_verify);
  EXPECT_EQ(parse_data_source_parameters(kModelsDataSource, "{}").path, "/v1/models");
  EXPECT_EQ(parse_data_source_parameters(kDcgmDataSource, "{}").port, 9400);
}

TEST(DataSource, ParameterErrors) {
  EXPECT_EQ(failure(kMetricsDataSource, R"({"x":1})"), "json: unknown field \"x\"");
  EXPECT_EQ(failure(kMetricsDataSource, R"({"useNodeAddress":true})"), "json: unknown field \"useNodeAddress\"");
  EXPECT_EQ(failure(kDcgmDataSource, R"({"caCertPath":"x"})"), "json: unknown field \"caCertPath\"");
  EXPECT_EQ(failure(kMetricsDataSource, R"({"scheme":"ftp"})"), "unsupported scheme: ftp");
  EXPECT_NE(failure(kMetricsDataSource, R"({"port":0})"), "accepted");
  EXPECT_NE(failure(kMetricsDataSource, R"({"port":65536})"), "accepted");
  EXPECT_NE(failure(kMetricsDataSource, R"({"port":"80"})"), "accepted");
  EXPECT_NE(failure(kMetricsDataSource, R"({"interval":"fast"})"), "accepted");
  EXPECT_NE(failure(kMetricsDataSource, R"({"interval":"-1s"})"), "accepted");
  EXPECT_NE(failure(kMetricsDataSource, R"({"clientCertPath":"x"})"), "accepted");
  EXPECT_NE(failure("nobody", "{}"), "accepted");
  EXPECT_EQ(data_source_schema("nobody"), "");
  EXPECT_NE(data_source_schema(kDcgmDataSource).find("useNodeAddress"), std::string::npos);
}

TEST(DataSource, TargetIsTheMetricsHostOrThePort) {
  const endpoints::Endpoint plain(spec(), 1, nullptr, 0, false);
  DataSourceParameters source;
  EXPECT_EQ(poll_target(source, plain)->host, "10.0.0.1");
  EXPECT_EQ(poll_target(source, plain)->port, "8000");
  auto other = spec();
  other.metrics_host = "[fd00::9]:9100";
  other.node_address = "192.168.0.1";
  const endpoints::Endpoint elsewhere(other, 2, nullptr, 1, false);
  EXPECT_EQ(poll_target(source, elsewhere)->host, "fd00::9");
  source.port = 9400;
  EXPECT_EQ(poll_target(source, elsewhere)->host, "10.0.0.1");
  EXPECT_EQ(poll_target(source, elsewhere)->port, "9400");
  source.use_node_address = true;
  EXPECT_EQ(poll_target(source, elsewhere)->host, "192.168.0.1");
  EXPECT_EQ(poll_target(source, plain)->host, "10.0.0.1") << "no node address known";
  source.port.reset();
  other.metrics_host = "nonsense";
  EXPECT_FALSE(poll_target(source, endpoints::Endpoint(other, 3, nullptr, 2, false)));
}

TEST(ScrapeSchedule, BaseTickAndRounding) {
  const auto base = [](std::chrono::nanoseconds refresh, std::vector<std::chrono::nanoseconds> intervals) {
    std::vector<ScrapeSource> sources;
    for (const auto interval : intervals) {
      sources.emplace_back();
      sources.back().parameters.interval = interval;
    }
    return base_tick(refresh, sources);
  };
  EXPECT_EQ(base(milliseconds(50), {seconds(1), seconds(0)}), milliseconds(50));
  EXPECT_EQ(ticks_between_polls(seconds(1), milliseconds(50)), 20u);
  EXPECT_EQ(ticks_between_polls(seconds(0), milliseconds(50)), 1u);
  EXPECT_EQ(base(seconds(5), {seconds(1), seconds(0)}), seconds(1));
  EXPECT_EQ(base(milliseconds(100), {milliseconds(250)}), milliseconds(100));
  EXPECT_EQ(ticks_between_polls(milliseconds(250), milliseconds(100)), 3u);
  EXPECT_EQ(ticks_between_polls(milliseconds(10), milliseconds(50)), 1u);
  EXPECT_EQ(base(milliseconds(10), {}), milliseconds(50)) << "raised to 50 ms";
}

}  // namespace
}  // namespace epp::scrape
