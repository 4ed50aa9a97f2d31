#include "telemetry/decision_log.h"

#include <limits>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::telemetry {
namespace {

using namespace std::chrono_literals;
using Clock = DecisionLog::Clock;
using nlohmann::json;

const Clock::time_point kNow(1000s);

Decision decision(std::string id) {
  return {.request_id = std::move(id),
          .time = std::chrono::system_clock::time_point(1'700'000'000s + 5ms),
          .profile = "default",
          .target = "10.0.0.1:8000",
          .candidates = {{"10.0.0.2:8000", 0.25, {{"queue-scorer", 0.5}}},
                         {"10.0.0.1:8000", 1.5, {{"queue-scorer", 1}, {"prefix\"scorer", 0.5}}}}};
}

TEST(DecisionLog, RendersNewestFirstWithEachScore) {
  DecisionLog log({.mode = DecisionLog::Mode::kAlways});
  EXPECT_EQ(log.render(kNow), R"({"decisions":[]})");
  log.add(decision("first"));
  log.add(decision("second"));
  const auto body = json::parse(log.render(kNow));
  ASSERT_EQ(body["decisions"].size(), 2u);
  const auto& newest = body["decisions"][0];
  EXPECT_EQ(newest["request_id"], "second");
  EXPECT_EQ(newest["time"], "2023-11-14T22:13:20.005000000Z");
  EXPECT_EQ(newest["profile"], "default");
  EXPECT_EQ(newest["target"], "10.0.0.1:8000");
  EXPECT_EQ(newest["candidates"][0]["endpoint"], "10.0.0.1:8000");
  EXPECT_EQ(newest["candidates"][0]["total"], 1.5);
  EXPECT_EQ(newest["candidates"][0]["scores"]["prefix\"scorer"], 0.5);
  EXPECT_EQ(newest["candidates"][1]["total"], 0.25);
}

TEST(DecisionLog, KeepsTheLastDecisionsAndTheBestCandidates) {
  DecisionLog log({.mode = DecisionLog::Mode::kAlways, .capacity = 3, .max_candidates = 1});
  for (int i = 0; i < 8; ++i) {
    auto d = decision(std::to_string(i));
    d.candidates.push_back({"nan", std::numeric_limits<double>::quiet_NaN(), {}});
    log.add(std::move(d));
  }
  const auto body = json::parse(log.render(kNow));
  ASSERT_EQ(body["decisions"].size(), 3u);
  EXPECT_EQ(body["decisions"][0]["request_id"], "7");
  EXPECT_EQ(body["decisions"][2]["request_id"], "5");
  ASSERT_EQ(body["decisions"][0]["candidates"].size(), 1u);
  EXPECT_EQ(body["decisions"][0]["candidates"][0]["endpoint"], "10.0.0.1:8000");
}

TEST(DecisionLog, RecordsOnlyWhileSomebodyLooks) {
  DecisionLog log({.linger = 60s});
  EXPECT_FALSE(log.recording(kNow));
  log.render(kNow);
  EXPECT_TRUE(log.recording(kNow + 59s));
  EXPECT_FALSE(log.recording(kNow + 60s));
  DecisionLog off({.mode = DecisionLog::Mode::kOff});
  off.render(kNow);
  EXPECT_FALSE(off.recording(kNow));
  EXPECT_TRUE(DecisionLog({.mode = DecisionLog::Mode::kAlways}).recording(kNow));
}

TEST(DecisionLog, MayBeWrittenAndReadAtOnce) {
  DecisionLog log({.mode = DecisionLog::Mode::kAlways, .capacity = 16});
  std::thread writer([&] {
    for (int i = 0; i < 500; ++i)
      log.add(decision(std::to_string(i)));
  });
  for (int i = 0; i < 50; ++i)
    EXPECT_NO_THROW(json::parse(log.render(kNow)));
  writer.join();
  EXPECT_EQ(json::parse(log.render(kNow))["decisions"][0]["request_id"], "499");
}

}  // namespace
}  // namespace epp::telemetry
