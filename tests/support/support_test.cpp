#include "support/files.h"
#include "support/http_client.h"
#include "support/metrics_text.h"
#include "support/model_sim.h"
#include "support/ports.h"
#include "support/process.h"
#include "support/sse.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Process, CollectsOutputAndExitCode) {
  Process shell("/bin/sh", {"-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(shell.wait_for_line("err"), "err");
  EXPECT_EQ(shell.wait(), 3);
  EXPECT_EQ(shell.output(), "out\nerr\n");
}

TEST(Process, ThrowsWhenTheLineNeverComes) {
  Process shell("/bin/sh", {"-c", "echo no"});
  EXPECT_THROW(shell.wait_for_line("yes"), std::runtime_error);
  EXPECT_THROW(Process("/nonexistent/program"), std::runtime_error);
}

TEST(Process, StopEndsWithTermAndReportsTheSignal) {
  Process sleeper("/bin/sleep", {"1000"});
  EXPECT_TRUE(sleeper.running());
  EXPECT_EQ(sleeper.stop(), 128 + SIGTERM);
  EXPECT_FALSE(sleeper.running());
}

TEST(Process, StopKillsWhatIgnoresTerm) {
  Process stubborn("/bin/sh", {"-c", "trap '' TERM; echo ready; while :; do :; done"});
  stubborn.wait_for_line("ready");
  EXPECT_EQ(stubborn.stop(std::chrono::milliseconds(100)), 128 + SIGKILL);
}

TEST(Files, WriteReplacesAndTempDirGoesAway) {
  std::filesystem::path path;
  {
    const TempDir directory;
    path = directory.path();
    write_file(path / "a", "1");
    write_file(path / "a", "22");
    EXPECT_EQ(read_file(path / "a"), "22");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THROW(read_file(path / "a"), std::runtime_error);
}

TEST(MetricsText, FindsSamplesByLabelsWhateverTheirOrder) {
  const std::string page =
      "# HELP a_total x\na_total{x=\"1\",y=\"a,b=\\\"c\"} 2\na_total{y=\"z\",x=\"1\"} 3\na_total_more{x=\"1\"} 9\nb "
      "7\n";
  EXPECT_EQ(sample_sum(page, "a_total", {{"x", "1"}}), 5);
  EXPECT_EQ(sample_sum(page, "a_total", {{"y", "z"}}), 3);
  EXPECT_EQ(sample_sum(page, "a_total", {{"y", R"(a,b=\"c)"}}), 2);
  EXPECT_EQ(sample_sum(page, "a_total", {{"y", "none"}}), std::nullopt);
  EXPECT_EQ(sample_sum(page, "b"), 7);
  EXPECT_EQ(samples_of(page, "a_total").size(), 2U);
}

TEST(Sse, TakesTheDataLines) {
  EXPECT_THAT(sse_data("event: x\ndata: {}\n\ndata: [DONE]\r\n\r\n"), ElementsAre("{}", "[DONE]"));
}

TEST(ModelSim, AnswersPlainAndStreamed) {
  const ModelSim sim({.name = "alpha", .arguments = {"--ttft-ms", "1", "--itl-ms", "1"}});
  const std::string body = R"("messages":[{"role":"user","content":"hi"}],"max_tokens":3})";
  const HttpResponse plain = http_post(sim.port(), "/v1/chat/completions", R"({"model":"demo",)" + body);
  ASSERT_EQ(plain.status, 200);
  EXPECT_EQ(plain.header("x-sim-endpoint"), "alpha");

  const HttpResponse streamed =
      http_post(sim.port(), "/v1/chat/completions", R"({"model":"demo","stream":true,)" + body);
  EXPECT_EQ(streamed.header("content-type"), "text/event-stream; charset=utf-8");
  const auto events = sse_data(streamed.body);
  ASSERT_EQ(events.size(), 5U);  // The role, three tokens, the end.
  EXPECT_EQ(events.back(), "[DONE]");
  std::string text;
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    text += nlohmann::json::parse(events[i])["choices"][0]["delta"].value("content", "");
  }
  EXPECT_EQ(nlohmann::json::parse(plain.body)["choices"][0]["message"]["content"], text);
  EXPECT_EQ(sim.requests(), 2U);
}

TEST(ModelSim, FreesEverythingWhenTheClientLeaves) {
  const ModelSim sim;
  const std::string body = R"({"model":"demo","prompt":"a","max_tokens":10000,"ignore_eos":true,"stream":)";
  const auto abandoned = [&](std::uint64_t n) {
    return wait_until([&] {
      const nlohmann::json stats = sim.stats();
      return stats["aborted"] == n && stats["running"] == 0 && stats["kv"]["used_blocks"] == 0;
    });
  };
  {
    HttpExchange stream(sim.port(), {.method = "POST", .path = "/v1/completions", .body = body + "true}"});
    ASSERT_TRUE(stream.read().has_value());
  }
  EXPECT_TRUE(abandoned(1));
  {
    const HttpExchange plain(sim.port(), {.method = "POST", .path = "/v1/completions", .body = body + "false}"});
    ASSERT_TRUE(wait_until([&] { return sim.stats()["running"] == 1; }));
  }
  EXPECT_TRUE(abandoned(2));
}

TEST(ModelSim, MisbehavesOnDemand) {
  const ModelSim sim;
  sim.control(R"({"metrics":{"waiting":9},"fail_status":503,"healthy":false})");
  EXPECT_THAT(http_get(sim.port(), "/metrics").body,
              HasSubstr("vllm:num_requests_waiting{engine=\"0\",model_name=\"demo\"} 9\n"));
  EXPECT_EQ(http_post(sim.port(), "/v1/completions", R"({"model":"demo","prompt":"a"})").status, 503);
  EXPECT_EQ(http_get(sim.port(), "/health").status, 503);
  sim.control(R"({"reset":true,"metrics_fault":"error"})");
  EXPECT_EQ(http_get(sim.port(), "/metrics").status, 500);
  sim.control(R"({"metrics_fault":"huge"})");
  EXPECT_GE(http_get(sim.port(), "/metrics").body.size(), 50U << 20U);
  EXPECT_THROW(sim.control(R"({"unheard":1})"), std::runtime_error);
}

TEST(ModelSim, HangsUntilToldOtherwise) {
  const ModelSim sim({.arguments = {"--ttft-ms", "1", "--itl-ms", "1"}});
  sim.control(R"({"hang":true})");
  HttpExchange hanging(sim.port(),
                       {.method = "POST", .path = "/v1/completions", .body = R"({"model":"demo","prompt":"a"})"});
  ASSERT_TRUE(wait_until([&] { return sim.requests() == 1; }));
  EXPECT_EQ(sim.stats()["running"], 0);
  sim.control(R"({"hang":false})");
  EXPECT_EQ(hanging.head().status, 200);
}

TEST(ModelSim, ClosesItsPortForAWhile) {
  const ModelSim sim;
  sim.control(R"({"stop_accepting_ms":300})");
  EXPECT_TRUE(wait_until([&] { return !accepts(sim.port()); }));
  EXPECT_TRUE(wait_until([&] { return accepts(sim.port()); }));
}

}  // namespace
}  // namespace epp::testing
