// The metrics page: names, bounds, labels and values.
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/wait.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using testing::Clock;

// One EPP; every test has a model of its own.
class DatalayerCheck : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    epp_ = std::make_unique<EppServer>(
        testing::EppOptions{.arguments = with("plugins:\n- type: prefix-cache-scorer\n",
                                              {silent_endpoint(1), "--enable-grpc-stream-metrics"})});
    client_ = std::make_unique<Client>(epp_->grpc_port());
  }
  static void TearDownTestSuite() {
    client_.reset();
    epp_.reset();
  }
  static double metric(const std::string& series) { return epp_->metric(series); }
  static Request request(const std::string& model, const std::string& more = "") {
    return {.body = R"({"model":")" + model + R"(","prompt":"x")" + more + "}"};
  }
  // Waits for the end of the stream, after which nothing more is recorded.
  static bool ended(const std::string& model) {
    return testing::wait_until([&] {
      const std::string page = epp_->metrics();
      return page.find(of("request_running", model) + " 0\n") != std::string::npos;
    });
  }
  // The series of a model under its full set of labels.
  static std::string of(const std::string& name, const std::string& model, const std::string& error = "",
                        const std::string& streaming = "") {
    return "llm_d_epp_" + name + "{" + (error.empty() ? "" : "error_code=\"" + error + "\",") +
           "fairness_id=\"default-flow\",model_name=\"" + model + "\",priority=\"0\"," +
           (streaming.empty() ? "" : "streaming=\"" + streaming + "\",") + "target_model_name=\"" + model + "\"}";
  }

  static inline std::unique_ptr<EppServer> epp_;
  static inline std::unique_ptr<Client> client_;
};

std::vector<double> numbers(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<double>(words), {}};
}

// The upper bounds of a histogram's first series as they are written, without +Inf.
std::string bounds(const std::string& page, const std::string& name) {
  std::string found;
  std::string labels;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("llm_d_epp_" + name + "_bucket{")) continue;
    const std::size_t le = line.find("le=\"") + 4;
    const std::string before = line.substr(0, le);
    if (labels.empty()) labels = before;
    const std::string bound = line.substr(le, line.find('"', le) - le);
    if (before == labels && bound != "+Inf") found += (found.empty() ? "" : " ") + bound;
  }
  return found;
}

const std::string kLatency = "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60 120";
const std::string kSizes = "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32778 65536";

TEST_F(DatalayerCheck, C28_BoundsOfEveryHistogram) {
  Exchange exchange = client_->open(request("bounds", R"(,"stream":true)"));
  exchange.response_headers({{":status", "200"}, {"content-type", "text/event-stream"}});
  for (int i = 0; i < 2; ++i) {
    exchange.send_response_body("data: {}\n\n", false);
    exchange.response_body();
  }
  exchange.finish_response(
      "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":10,\"total_tokens\":17,"
      "\"prompt_tokens_details\":{\"cached_tokens\":1}}}\n\ndata: [DONE]\n\n");
  ASSERT_EQ(exchange.finish(), 0);
  ASSERT_TRUE(ended("bounds"));

  std::string powers = "64";
  for (std::int64_t bound = 128; bound <= 1073741824; bound *= 2) {
    powers += " " + std::to_string(bound);
  }
  const std::pair<const char*, std::string> histograms[] = {
      {"request_duration_seconds", kLatency + " 180 240 300 360 480 600 900 1200 1800 2700 3600"},
      {"request_size_bytes", powers},
      {"response_size_bytes", kSizes},
      {"request_input_tokens", kSizes + " 131072 262144 524288 1048576"},
      {"request_cached_tokens", kSizes + " 131072 262144 524288 1048576"},
      {"request_output_tokens", "1 8 16 32 64 128 256 512 1024 2048 4096 8192"},
      {"request_ntpot_seconds", "0.001 0.002 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10"},
      {"request_ttft_seconds", kLatency},
      {"request_streaming_tpot_seconds",
       "0.0005 0.00205 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.125 0.15 0.2 0.3 0.4 0.5 0.6 0.8 1 2"},
      {"request_streaming_itl_seconds", "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.15 0.2 0.3 0.5 0.75 1 2"},
      {"request_processing_duration_seconds",
       "0.0005 0.001 0.002 0.005 0.01 0.015 0.025 0.04 0.06 0.1 0.25 0.5 1 2.5 5 10"},
      {"response_processing_duration_seconds",
       "0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5"},
      {"scheduler_e2e_duration_seconds", "0.0001 0.0002 0.0005 0.001 0.002 0.005 0.01 0.02 0.05 0.1"},
      {"plugin_duration_seconds", "0.0001 0.0002 0.0005 0.001 0.002 0.005 0.01 0.02 0.05 0.1"},
      {"extproc_stream_duration_seconds", "0.001 0.005 0.01 0.05 0.1 0.5 1 5 10 30 60 120 300 600"},
      {"prefix_indexer_hit_ratio", "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1"},
      {"prefix_indexer_hit_bytes", "0 16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536"},
  };
  const std::string page = epp_->metrics();
  for (const auto& [name, expected] : histograms) {
    EXPECT_EQ(numbers(bounds(page, name)), numbers(expected)) << name;
  }
  EXPECT_THAT(bounds(page, "request_input_tokens"), ::testing::EndsWith("524288 1.048576e+06")) << "as Go writes it";
}

TEST_F(DatalayerCheck, C30_TimesOfAStreamedResponse) {
  const auto sent = Clock::now();
  Exchange exchange = client_->open(request("timed", R"(,"stream":true)"));
  const auto decided = Clock::now();
  exchange.response_headers({{":status", "200"}, {"content-type", "text/event-stream"}});
  std::this_thread::sleep_for(std::chrono::milliseconds(40));  // time is what is measured
  const auto first = Clock::now();
  exchange.send_response_body("data: {}\n\n", false);
  exchange.response_body();
  const auto first_seen = Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(80));
  const auto last = Clock::now();
  exchange.finish_response("data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":11,\"total_tokens\":12}}\n\n");
  const auto last_seen = Clock::now();
  exchange.finish();
  ASSERT_TRUE(ended("timed"));

  const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
  const double ttft = metric(of("request_ttft_seconds_sum", "timed", "", "true"));
  EXPECT_GE(ttft, seconds(first - decided));
  EXPECT_LE(ttft, seconds(first_seen - sent));
  const double tpot = metric(of("request_streaming_tpot_seconds_sum", "timed"));
  EXPECT_GE(tpot, seconds(last - first_seen) / 10);
  EXPECT_LE(tpot, seconds(last_seen - first) / 10);
  const double duration = metric(of("request_duration_seconds_sum", "timed"));
  EXPECT_NEAR(duration, ttft + 10 * tpot, 1e-6);
  EXPECT_NEAR(metric(of("request_ntpot_seconds_sum", "timed")), duration / 11, 1e-6);
  EXPECT_EQ(metric(of("request_streaming_itl_seconds_count", "timed")), 1);
}

TEST_F(DatalayerCheck, C31_AHeldResponseHasNoTimePerToken) {
  client_->complete(request("held"), R"({"usage":{"prompt_tokens":1,"completion_tokens":11,"total_tokens":12}})");
  ASSERT_TRUE(ended("held"));
  EXPECT_EQ(metric(of("request_ttft_seconds_count", "held", "", "false")), 1);
  EXPECT_EQ(metric(of("request_streaming_tpot_seconds_count", "held")), 0);
  EXPECT_EQ(metric(of("request_ttft_seconds_sum", "held", "", "false")),
            metric(of("request_duration_seconds_sum", "held")));
}

TEST_F(DatalayerCheck, C32_CachedTokensCountWhenTheyAreNamed) {
  client_->complete(request("cached"), R"({"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,)"
                                       R"("prompt_tokens_details":{"cached_tokens":0}}})");
  EXPECT_TRUE(becomes(*epp_, of("request_cached_tokens_count", "cached"), 1));
  client_->complete(request("uncached"), R"({"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})");
  ASSERT_TRUE(ended("uncached"));
  EXPECT_EQ(metric(of("request_input_tokens_count", "uncached")), 1);
  EXPECT_EQ(metric(of("request_cached_tokens_count", "uncached")), 0);
}

TEST_F(DatalayerCheck, C33_BadRequestsAreErrorsAndNotRequests) {
  const std::string errors = of("request_error_total", "", "BadRequest");
  const std::string requests = of("request_total", "");
  const double before = metric(requests);
  client_->ask({.body = "{"});
  EXPECT_TRUE(becomes(*epp_, errors, 1)) << epp_->metrics();
  EXPECT_EQ(metric(requests), before);
}

TEST_F(DatalayerCheck, C34_OldAndNewNamesGrowTogether) {
  client_->complete(request("twice"));
  client_->complete(request("twice"));
  EXPECT_EQ(metric(of("request_total", "twice")), 2);
  EXPECT_EQ(
      metric("inference_objective_request_total{model_name=\"twice\",priority=\"0\",target_model_name=\"twice\"}"), 2);
  EXPECT_EQ(metric("inference_objective_request_sizes_count{model_name=\"twice\",target_model_name=\"twice\"}"), 2);
}

TEST_F(DatalayerCheck, C40_StreamMetrics) {
  const std::string closed = "llm_d_epp_extproc_streams_total{code=\"OK\"}";
  ASSERT_TRUE(becomes(*epp_, "llm_d_epp_extproc_streams_inflight", 0));
  const double before = metric(closed);
  {
    Exchange exchange = client_->open(request("streams"));
    EXPECT_EQ(metric("llm_d_epp_extproc_streams_inflight"), 1);
    exchange.finish();
  }
  EXPECT_TRUE(becomes(*epp_, closed, before + 1));
  EXPECT_TRUE(becomes(*epp_, "llm_d_epp_extproc_streams_inflight", 0));
  const EppServer without({.arguments = with("plugins: []", {silent_endpoint(1)})});
  EXPECT_EQ(without.metrics().find("extproc_streams"), std::string::npos);
}

TEST_F(DatalayerCheck, C29_The1001stModelIsOther) {
  const EppServer epp({.arguments = with("plugins: []", {silent_endpoint(1)})});
  const Client client(epp.grpc_port());
  for (int i = 1; i <= 1001; ++i) {
    ASSERT_EQ(client.ask(request("model-" + std::to_string(i))).status, 200);
  }
  EXPECT_EQ(epp.metric(of("request_total", "model-1000")), 1);
  EXPECT_EQ(epp.metric(of("request_total", "model-1001")), 0);
  EXPECT_EQ(epp.metric(of("request_total", "other")), 1);
}

}  // namespace
}  // namespace epp::conformance
