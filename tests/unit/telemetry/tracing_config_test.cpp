#include "telemetry/tracing.h"

#include <map>

#include <gtest/gtest.h>

namespace epp::telemetry {
namespace {

std::optional<TracingConfig> config_of(const std::map<std::string, std::string>& variables,
                                       std::string* error = nullptr) {
  return tracing_config_from_env(
      [&](const char* name) {
        const auto it = variables.find(name);
        return it == variables.end() ? std::string() : it->second;
      },
      "v1.2", "abc", error);
}

TEST(TracingConfig, Defaults) {
  const auto config = config_of({});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->exporter, TracingConfig::Exporter::kConsole);
  EXPECT_EQ(config->ratio, 0.1);
  EXPECT_EQ(config->resource, (KeyValues{{"service.name", "llm-d-epp"}, {"service.version", "v1.2"}}));
  EXPECT_EQ(config->otlp.target, "localhost:4317");
  EXPECT_TRUE(config->otlp.insecure);
  EXPECT_EQ(config->otlp.timeout, std::chrono::seconds(10));
  EXPECT_TRUE(config->warnings.empty());
}

TEST(TracingConfig, AnUnknownExporterIsAnError) {
  std::string error;
  EXPECT_FALSE(config_of({{"OTEL_TRACES_EXPORTER", "zipkin"}}, &error));
  EXPECT_NE(error.find("zipkin"), std::string::npos);
  EXPECT_EQ(config_of({{"OTEL_TRACES_EXPORTER", "otlp"}})->exporter, TracingConfig::Exporter::kOtlp);
}

TEST(TracingConfig, OnlyTheParentBasedRatioSamplerIsKnown) {
  EXPECT_EQ(config_of({{"OTEL_TRACES_SAMPLER_ARG", "1"}})->ratio, 1);
  EXPECT_EQ(
      config_of({{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0.25"}})->ratio,
      0.25);
  for (const char* bad : {"x", "2", "-0.1", "0.5x", "nan"}) {
    const auto config = config_of({{"OTEL_TRACES_SAMPLER_ARG", bad}});
    EXPECT_EQ(config->ratio, 0.1) << bad;
    EXPECT_EQ(config->warnings.size(), 1u) << bad;
  }
  const auto config = config_of({{"OTEL_TRACES_SAMPLER", "always_on"}, {"OTEL_TRACES_SAMPLER_ARG", "1"}});
  EXPECT_EQ(config->ratio, 0.1);
  EXPECT_EQ(config->warnings.size(), 1u);
}

TEST(TracingConfig, ResourceAttributes) {
  const auto config = config_of(
      {{"OTEL_RESOURCE_ATTRIBUTES", "service.name=a,k=v%20w,broken,service.version=9"}, {"OTEL_SERVICE_NAME", "b"}});
  EXPECT_EQ(config->resource, (KeyValues{{"service.name", "b"}, {"service.version", "9"}, {"k", "v w"}}));
  EXPECT_EQ(config->warnings.size(), 1u);
}

TEST(TracingConfig, OtlpTransport) {
  const auto otlp = [](const std::map<std::string, std::string>& variables) { return config_of(variables)->otlp; };
  auto c = otlp({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317/"}});
  EXPECT_EQ(c.target, "collector:4317");
  EXPECT_TRUE(c.insecure);
  c = otlp({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1"}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://b"}});
  EXPECT_EQ(c.target, "b:4317");
  EXPECT_FALSE(c.insecure);
  c = otlp({{"OTEL_EXPORTER_OTLP_ENDPOINT", "c:5"}});
  EXPECT_EQ(c.target, "c:5");
  EXPECT_FALSE(c.insecure);
  c = otlp({{"OTEL_EXPORTER_OTLP_ENDPOINT", "[::1]:5"}, {"OTEL_EXPORTER_OTLP_TRACES_INSECURE", "True"}});
  EXPECT_EQ(c.target, "[::1]:5");
  EXPECT_TRUE(c.insecure);
  c = otlp({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1]"}});
  EXPECT_EQ(c.target, "[::1]:4317");
  c = otlp({{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"}});
  EXPECT_EQ(c.target, "localhost:4317");
  EXPECT_FALSE(c.insecure);
  EXPECT_EQ(c.certificate_file, "/ca.pem");
  c = otlp({{"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20x, k=v"}, {"OTEL_EXPORTER_OTLP_TIMEOUT", "250"}});
  EXPECT_EQ(c.headers, (KeyValues{{"authorization", "Bearer x"}, {"k", "v"}}));
  EXPECT_EQ(c.timeout, std::chrono::milliseconds(250));
  EXPECT_TRUE(c.insecure) << "headers and timeout say nothing about the transport";
  c = otlp({{"OTEL_EXPORTER_OTLP_ENDPOINT", "unix:///run/otel.sock"}});
  EXPECT_EQ(c.target, "unix:///run/otel.sock");
  EXPECT_TRUE(c.insecure);
}

TEST(TracingConfig, Batching) {
  const auto config = config_of(
      {{"OTEL_BSP_MAX_QUEUE_SIZE", "10"}, {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "50"}, {"OTEL_BSP_SCHEDULE_DELAY", "-1"}});
  EXPECT_EQ(config->queue_spans, 10u);
  EXPECT_EQ(config->batch_spans, 10u);
  EXPECT_EQ(config->delay, std::chrono::seconds(5));
  EXPECT_EQ(config->warnings.size(), 1u);
}

TEST(TracingConfig, AnUnreadableCertificateIsAnError) {
  auto config =
      config_of({{"OTEL_TRACES_EXPORTER", "otlp"}, {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/does/not/exist.pem"}});
  std::string error;
  EXPECT_EQ(Tracing::create(*config, &error), nullptr);
  EXPECT_NE(error.find("/does/not/exist.pem"), std::string::npos);
}

}  // namespace
}  // namespace epp::telemetry
