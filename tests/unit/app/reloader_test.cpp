#include "app/reloader.h"

#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace epp::app {
namespace {

using Result = ReloadOutcome::Result;

struct ReloaderTest : ::testing::Test {
  double metric(const std::string& series) const {
    const std::string page = registry.render().body;
    const auto at = page.find("\n" + series + " ");
    return at == std::string::npos ? -1 : std::stod(page.substr(at + series.size() + 2));
  }
  // Keeps the plugin thread busy until it is let go.
  std::promise<void> block() {
    std::promise<void> release;
    thread.post([gate = release.get_future().share()] { gate.wait(); });
    return release;
  }

  telemetry::Log log{{.write = [](std::string_view) {}}};
  telemetry::Registry registry;
  PluginThread thread;
  ReloadOutcome next{.result = Result::kApplied, .generation = 2, .errors = {}};
  int attempts = 0;
  Reloader reloader{thread, registry, log.logger(), [this] {
                      ++attempts;
                      return next;
                    }};
};

TEST_F(ReloaderTest, SeveralRequestsAreOneReload) {
  std::promise<void> release = block();
  std::vector<Result> told;
  for (int i = 0; i < 3; ++i)
    reloader.request("test", [&](const ReloadOutcome& outcome) { told.push_back(outcome.result); });
  release.set_value();
  thread.run([] {});
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(told, (std::vector{Result::kApplied, Result::kApplied, Result::kApplied}));
}

TEST_F(ReloaderTest, ARequestDuringAReloadIsAnother) {
  bool asked = false;
  Reloader nested(thread, registry, log.logger(), [&]() -> ReloadOutcome {
    ++attempts;
    if (!std::exchange(asked, true)) nested.request("meanwhile");
    return next;
  });
  nested.request("first");
  thread.run([] {});
  thread.run([] {});
  EXPECT_EQ(attempts, 2);
}

TEST_F(ReloaderTest, OutcomesAreCountedAndTheLastFailureIsKept) {
  EXPECT_EQ(metric("epp_config_last_reload_successful"), 1);
  next = {.result = Result::kRefused, .generation = 1, .errors = {"no good"}};
  reloader.request("test");
  thread.run([] {});
  EXPECT_EQ(metric("epp_config_reloads_total{result=\"refused\"}"), 1);
  EXPECT_EQ(metric("epp_config_last_reload_successful"), 0);
  ASSERT_TRUE(reloader.last_failure());
  EXPECT_EQ(reloader.last_failure()->errors, std::vector<std::string>{"no good"});

  next = {.result = Result::kUnchanged, .generation = 1, .errors = {}};
  reloader.request("test");
  thread.run([] {});
  EXPECT_EQ(metric("epp_config_reloads_total{result=\"unchanged\"}"), 1);
  EXPECT_EQ(metric("epp_config_last_reload_successful"), 1);
  EXPECT_FALSE(reloader.last_failure());
}

TEST_F(ReloaderTest, AStopRefusesWhatHasNotBegun) {
  std::promise<void> release = block();
  std::vector<Result> told;
  const auto tell = [&](const ReloadOutcome& outcome) { told.push_back(outcome.result); };
  reloader.request("waits", tell);
  std::thread stopper([&] { reloader.stop(); });
  // The stop has begun once a newcomer is refused there and then.
  while (told.empty())
    reloader.request("late", [&](const ReloadOutcome& outcome) {
      if (outcome.result == Result::kStopping) told.push_back(outcome.result);
    });
  release.set_value();
  stopper.join();
  EXPECT_EQ(attempts, 0);
  EXPECT_GE(told.size(), 2U);
  for (const Result result : told)
    EXPECT_EQ(result, Result::kStopping);
}

}  // namespace
}  // namespace epp::app
