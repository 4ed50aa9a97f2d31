#include "telemetry/log.h"

#include "telemetry/log_sampler.h"

#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::telemetry {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// Lines as the writer received them.
class Lines {
 public:
  std::function<void(std::string_view)> writer() {
    return [this](std::string_view line) {
      std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
    };
  }
  std::vector<std::string> all() {
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST(DatalayerCheck, C37_AtVerbosity4DebugLinesAppearAndEveryLineIsOneJsonObject) {
  Lines lines;
  Log log({.verbosity = kDebug, .write = lines.writer()});
  const Logger logger = log.logger("setup").with({{"x-request-id", "a\"b\nc"}});
  EPP_LOG(logger, kDefault, "EPP received request", {"n", 3}, {"big", UINT64_MAX}, {"ratio", 0.5}, {"ok", true});
  EPP_LOG(logger, kDebug, "LLM request assembled", {"took", 1500ms}, {"raw", std::string("\xFF\x00", 2)});
  EPP_LOG(logger, kTrace, "not at this verbosity");
  EPP_LOG_ERROR(logger, "boom\r\n", "Failed to process request");
  log.flush();

  const auto written = lines.all();
  ASSERT_EQ(written.size(), 3u);
  std::vector<json> objects;
  for (const auto& line : written) {
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    objects.push_back(json::parse(line));
    EXPECT_EQ(objects.back()["logger"], "setup");
    EXPECT_EQ(objects.back()["x-request-id"], "a\"b\nc");
    EXPECT_GT(objects.back()["ts"].get<double>(), 1.7e9);
    EXPECT_TRUE(objects.back()["caller"].get<std::string>().starts_with("telemetry/log_test.cpp:"));
  }
  EXPECT_EQ(objects[0]["level"], "info");
  EXPECT_EQ(objects[0]["msg"], "EPP received request");
  EXPECT_EQ(objects[0]["n"], 3);
  EXPECT_EQ(objects[0]["big"], UINT64_MAX);
  EXPECT_EQ(objects[0]["ratio"], 0.5);
  EXPECT_EQ(objects[0]["ok"], true);
  EXPECT_FALSE(objects[0].contains("error"));
  EXPECT_EQ(objects[1]["level"], "debug");
  EXPECT_EQ(objects[1]["took"], 1.5);
  EXPECT_EQ(objects[2]["level"], "error");
  EXPECT_EQ(objects[2]["error"], "boom\r\n");
}

TEST(Log, LevelTexts) {
  Lines lines;
  Log log({.verbosity = 9, .write = lines.writer()});
  const Logger logger = log.logger();
  for (const int verbosity : {0, 1, 2, 3, 4, 5, 9})
    EPP_LOG(logger, verbosity, "m");
  log.flush();
  std::vector<std::string> levels;
  for (const auto& line : lines.all())
    levels.push_back(json::parse(line)["level"]);
  EXPECT_EQ(levels, (std::vector<std::string>{"info", "info", "info", "info", "debug", "trace", "trace"}));
}

TEST(Log, DisabledStatementsEvaluateNothing) {
  Lines lines;
  Log log({.verbosity = kDefault, .write = lines.writer()});
  const Logger logger = log.logger();
  int evaluations = 0;
  EPP_LOG(logger, kVerbose, "quiet", {"n", ++evaluations});
  EPP_LOG(Logger(), kInfo, "nowhere", {"n", ++evaluations});
  EXPECT_EQ(evaluations, 0);
  log.set_verbosity(kVerbose);
  EPP_LOG(logger, kVerbose, "loud", {"n", ++evaluations});
  EXPECT_EQ(evaluations, 1);
  log.flush();
  EXPECT_EQ(lines.all().size(), 1u);
}

TEST(Log, TextFormatQuotesWhatIsNoWord) {
  Lines lines;
  Log log({.format = LogFormat::kText, .write = lines.writer()});
  EPP_LOG(log.logger("a").named("b").with({{"id", "x y"}}), kDefault, "hello", {"n", 1}, {"word", "w"});
  EPP_LOG_ERROR(log.logger(), "two words", "bad");
  log.flush();
  const auto written = lines.all();
  ASSERT_EQ(written.size(), 2u);
  EXPECT_NE(written[0].find("Z INFO a.b telemetry/log_test.cpp:"), std::string::npos) << written[0];
  EXPECT_TRUE(written[0].ends_with(" \"hello\" id=\"x y\" n=1 word=w\n")) << written[0];
  EXPECT_TRUE(written[1].ends_with(" \"bad\" error=\"two words\"\n")) << written[1];
}

TEST(Log, NothingIsLostAtExit) {
  Lines lines;
  {
    Log log({.sampling = false, .queue_lines = 10'000, .write = lines.writer()});
    const Logger logger = log.logger();
    for (int i = 0; i < 5000; ++i)
      EPP_LOG(logger, kDefault, "line");
  }
  EXPECT_EQ(lines.all().size(), 5000u);
}

TEST(Log, ASlowWriterDropsTheOldestAndNeverBlocks) {
  std::promise<void> open;
  std::shared_future<void> gate = open.get_future().share();
  std::atomic<int> written{0};
  Log log({.queue_lines = 8, .write = [&](std::string_view) {
             gate.wait();
             ++written;
           }});
  const Logger logger = log.logger();
  for (int i = 0; i < 1000; ++i)
    EPP_LOG(logger, kDefault, "line");  // returns although nothing can be written
  EXPECT_GE(log.dropped(), 1000u - 8 - 8) << "as many are being written as may wait";
  open.set_value();
  log.flush();
  EXPECT_EQ(static_cast<std::uint64_t>(written) + log.dropped(), 1000u);
}

TEST(Log, LoggersMayOutliveTheirLog) {
  Lines lines;
  Logger logger;
  {
    Log log({.write = lines.writer()});
    logger = log.logger("late");
  }
  EPP_LOG(logger, kInfo, "after");
  EPP_LOG_ERROR(logger, "e", "after");
  EXPECT_TRUE(lines.all().empty());
}

TEST(Log, SamplingPassesTheFirst100AndThenEach100thPerSecondAndMessage) {
  detail::LogSampler sampler;
  const std::chrono::system_clock::time_point start(1'700'000'000s);
  int passed = 0;
  for (int i = 0; i < 1000; ++i)
    passed += sampler.pass(0, "m", start + 1ms * (i % 900));
  EXPECT_EQ(passed, 100 + 9);
  EXPECT_TRUE(sampler.pass(2, "m", start)) << "errors are counted apart";
  EXPECT_TRUE(sampler.pass(0, "m", start + 1s)) << "a new second";
}

TEST(Log, SamplingAppliesToInfoAndErrorsOnlyAndCanBeSwitchedOff) {
  const auto count = [](bool sampling, int verbosity) {
    Lines lines;
    {
      Log log({.verbosity = kTrace, .sampling = sampling, .queue_lines = 10'000, .write = lines.writer()});
      const Logger logger = log.logger();
      for (int i = 0; i < 1000; ++i)
        EPP_LOG(logger, verbosity, "same");
    }
    return lines.all().size();
  };
  EXPECT_LT(count(true, 0), 1000u);
  EXPECT_LT(count(true, 1), 1000u);
  EXPECT_EQ(count(true, 2), 1000u);
  EXPECT_EQ(count(false, 0), 1000u);
}

TEST(Log, VerbosityFromFlags) {
  EXPECT_EQ(verbosity_from_flags(2, std::nullopt), 2);
  EXPECT_EQ(verbosity_from_flags(-3, std::nullopt), kErrorsOnly);
  EXPECT_EQ(verbosity_from_flags(5, "info"), 0);
  EXPECT_EQ(verbosity_from_flags(2, "debug"), 1);
  EXPECT_EQ(verbosity_from_flags(2, "error"), kErrorsOnly);
  EXPECT_EQ(verbosity_from_flags(2, "panic"), kSilent);
  EXPECT_EQ(verbosity_from_flags(2, "4"), 4);
  for (const char* bad : {"", "warn", "-1", "0", "4x"})
    EXPECT_EQ(verbosity_from_flags(2, bad), std::nullopt) << bad;
}

TEST(Log, ErrorsOnlyAndSilent) {
  Lines lines;
  Log log({.verbosity = kErrorsOnly, .write = lines.writer()});
  EPP_LOG(log.logger(), kInfo, "no");
  EPP_LOG_ERROR(log.logger(), "e", "yes");
  log.set_verbosity(kSilent);
  EPP_LOG_ERROR(log.logger(), "e", "no");
  log.flush();
  EXPECT_EQ(lines.all().size(), 1u);
}

TEST(Log, ManyThreadsWriteWholeLines) {
  Lines lines;
  {
    Log log({.sampling = false, .queue_lines = 10'000, .write = lines.writer()});
    const Logger root = log.logger();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&root, t] {
        const Logger mine = root.with({{"thread", t}});
        for (int i = 0; i < 500; ++i)
          EPP_LOG(mine, kDefault, "line", {"i", i});
      });
    }
    for (auto& thread : threads)
      thread.join();
  }
  std::array<int, 4> next{};
  for (const auto& line : lines.all()) {
    const auto object = json::parse(line);
    EXPECT_EQ(object["i"], next[object["thread"].get<std::size_t>()]++);
  }
  EXPECT_EQ(next, (std::array<int, 4>{500, 500, 500, 500}));
}

}  // namespace
}  // namespace epp::telemetry
