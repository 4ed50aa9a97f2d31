// What is written to standard error.
#include "conformance/exchange.h"
#include "conformance/lab.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::conformance {
namespace {

using ::testing::Contains;

TEST(DatalayerCheck, C37_EveryLineIsOneJsonObject) {
  EppServer epp({.arguments = with("plugins:\n- type: prefix-cache-scorer\n", {silent_endpoint(1), "--v=4"})});
  Client(epp.grpc_port()).complete({.headers = {{"x-request-id", "request-1"}}});
  Client(epp.grpc_port()).ask({.body = "{"});
  epp.process().signal(SIGINT);
  ASSERT_EQ(epp.process().wait(), 0);
  std::vector<std::string> levels;
  bool request_named = false;
  for (const nlohmann::json& line : log_lines(epp.process().output())) {
    ASSERT_TRUE(line.is_object()) << line;
    for (const char* key : {"level", "ts", "caller", "msg"}) {
      ASSERT_TRUE(line.contains(key)) << line;
    }
    EXPECT_TRUE(line.at("ts").is_number()) << line;
    levels.push_back(line.at("level"));
    request_named = request_named || line.value("x-request-id", "") == "request-1";
  }
  EXPECT_THAT(levels, Contains("info"));
  EXPECT_THAT(levels, Contains("debug"));
  EXPECT_THAT(levels, Contains("error"));
  EXPECT_TRUE(request_named);
}

TEST(DatalayerCheck, C37_TheDefaultHasNoDebugLines) {
  EppServer epp({.arguments = with("plugins: []", {silent_endpoint(1)})});
  Client(epp.grpc_port()).complete();
  epp.process().signal(SIGINT);
  ASSERT_EQ(epp.process().wait(), 0);
  std::vector<std::string> messages;
  for (const nlohmann::json& line : log_lines(epp.process().output())) {
    EXPECT_TRUE(line.at("level") == "info" || line.at("level") == "error") << line;
    messages.push_back(line.at("msg"));
  }
  EXPECT_THAT(messages, Contains("EPP received request"));
  EXPECT_THAT(messages, Contains("EPP sent request body response(s) to proxy"));
  EXPECT_THAT(messages, Contains("EPP sent response body back to proxy"));
}

}  // namespace
}  // namespace epp::conformance
