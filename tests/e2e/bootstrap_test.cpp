// The Envoy bootstrap by itself: real Envoy, real model-sim, and an ext-proc server that always picks the same place.
#include "fixed_picker.h"
#include "support/envoy_server.h"
#include "support/http_client.h"
#include "support/model_sim.h"
#include "support/places.h"
#include "support/ports.h"
#include "support/sse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

void expect_valid(bool tls) {
  const TempDir directory;
  const auto bootstrap = directory.path() / "envoy.yaml";
  write_file(bootstrap, envoy_bootstrap({.ext_proc_port = 1, .port = 2, .tls = tls}, 3));
  Process envoy(envoy_program(), {"--mode", "validate", "-c", bootstrap.string()});
  EXPECT_EQ(envoy.wait(), 0) << envoy.output();
}

TEST(EnvoyBootstrap, IsValid) {
  expect_valid(false);
}
TEST(EnvoyBootstrap, IsValidWithTlsTowardsTheEpp) {
  expect_valid(true);
}

class EnvoyBootstrapTraffic : public ::testing::Test {
 protected:
  ModelSim sim_{{.arguments = {"--ttft-ms", "1", "--itl-ms", "1", "--kv-blocks", "50000", "--prefill-tokens-per-second",
                               "10000000"}}};
  FixedPicker picker_{sim_.address()};
  EnvoyServer envoy_{{.ext_proc_port = picker_.port()}};
};

TEST_F(EnvoyBootstrapTraffic, PlainRequestReachesTheChosenServer) {
  const HttpResponse response = http_post(envoy_.port(), "/v1/completions", R"({"model":"demo","prompt":"a"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("x-sim-endpoint"), sim_.address());
}

TEST_F(EnvoyBootstrapTraffic, RequestWithoutABodyReachesItToo) {
  EXPECT_EQ(http_get(envoy_.port(), "/v1/models").header("x-sim-endpoint"), sim_.address());
}

TEST_F(EnvoyBootstrapTraffic, StreamArrivesAsItIsMade) {
  sim_.control(R"({"slow":20})");
  HttpExchange stream(envoy_.port(), {.method = "POST",
                                      .path = "/v1/completions",
                                      .headers = {{"content-type", "application/json"}},
                                      .body = R"({"model":"demo","prompt":"a","max_tokens":8,"stream":true})"});
  std::size_t pieces = 0;
  std::string body;
  while (const auto piece = stream.read()) {
    ++pieces;
    body += *piece;
  }
  EXPECT_GT(pieces, 3U);
  EXPECT_EQ(sse_data(body).back(), "[DONE]");
}

TEST_F(EnvoyBootstrapTraffic, LargeBodyArrivesWhole) {
  const std::string prompt(1U << 20U, 'x');
  const std::string body = R"({"model":"demo","max_tokens":1,"prompt":")" + prompt + "\"}";
  const HttpResponse response = http_post(envoy_.port(), "/v1/completions", body);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(nlohmann::json::parse(response.body)["usage"]["prompt_tokens"], prompt.size() / 4);
}

TEST_F(EnvoyBootstrapTraffic, ClientCannotChooseTheDestination) {
  const ModelSim other;
  const HttpResponse response = http_post(envoy_.port(), "/v1/completions", R"({"model":"demo","prompt":"a"})",
                                          {{"x-gateway-destination-endpoint", other.address()}});
  EXPECT_EQ(response.header("x-sim-endpoint"), sim_.address());
  EXPECT_EQ(other.requests(), 0U);
}

TEST(EnvoyBootstrapFailure, UnreachableServerIs503) {
  const FixedPicker picker("127.0.0.1:" + std::to_string(free_port()));
  const EnvoyServer envoy({.ext_proc_port = picker.port()});
  EXPECT_EQ(http_post(envoy.port(), "/v1/completions", R"({"model":"demo","prompt":"a"})").status, 503);
}

TEST(EnvoyBootstrapFailure, WithoutAnEppRequestsFail) {
  const EnvoyServer envoy({.ext_proc_port = free_port()});
  EXPECT_GE(http_post(envoy.port(), "/v1/completions", R"({"model":"demo","prompt":"a"})").status, 500);
}

}  // namespace
}  // namespace epp::testing
