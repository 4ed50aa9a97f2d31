// What flow control writes to the log.
#include "app/flow_observer.h"

#include "net/io_pool.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace epp::app {
namespace {

using namespace std::chrono_literals;
using flowcontrol::Outcome;

struct FlowObserverTest : ::testing::Test {
  bool says(std::string_view text) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 10s, [&] { return written.find(text) != std::string::npos; });
  }
  flowcontrol::Subject subject(std::string_view id, std::int32_t priority = 0, bool fell_back = false) {
    return {.fairness_id = id, .priority = priority, .fell_back = fell_back, .bytes = 1, .request = nullptr};
  }
  void refuse(std::string_view id) {
    observer.asked(subject(id));
    observer.enqueued(subject(id), {.outcome = Outcome::kRejectedCapacity}, 0);
    observer.ended(subject(id), {.outcome = Outcome::kRejectedCapacity}, 0);
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::string written;
  telemetry::Log log{{.write = [this](std::string_view line) {
    const std::lock_guard lock(mutex);
    written += line;
    changed.notify_all();
  }}};
  telemetry::Registry registry;
  telemetry::EppMetrics request_metrics{registry, {.max_fairness_ids = 1}};
  QueueMetrics metrics{registry, request_metrics, "p"};
  net::IoPool pool{1};
  FlowObserver observer{pool, metrics, request_metrics, log.logger()};
};

TEST_F(FlowObserverTest, OneLineASecondCountsWhatWasDropped) {
  refuse("a");
  refuse("b");
  observer.asked(subject("c"));
  observer.ended(subject("c"), {.outcome = Outcome::kEvictedTtl}, 5);
  observer.asked(subject("d"));
  observer.ended(subject("d"), {.outcome = Outcome::kDispatched}, 5);
  EXPECT_TRUE(says(R"("outcomes":{"RejectedCapacity":2,"EvictedTTL":1})")) << written;
  refuse("e");
  EXPECT_TRUE(says(R"("outcomes":{"RejectedCapacity":1})")) << written;
}

TEST_F(FlowObserverTest, FallbacksAndBandsAreSaid) {
  observer.asked(subject("a", 7, true));
  EXPECT_TRUE(says("request queued at priority 0"));
  observer.band_added(12);
  EXPECT_TRUE(says("Priority band created"));
  observer.band_removed(12);
  EXPECT_TRUE(says("Priority band deleted"));
  observer.timed_out();
  EXPECT_TRUE(says("has not ended in time"));
}

TEST_F(FlowObserverTest, NamesOfRequestSeriesAreFreedWhenTheyAreShort) {
  request_metrics.request_series({"m", "m", "gone"}).scheduled(1);
  refuse("gone");
  observer.flow_removed("gone", 0);
  std::mutex done_mutex;
  std::condition_variable done;
  bool over = false;
  pool.post([&] {
    const std::lock_guard lock(done_mutex);
    over = true;
    done.notify_all();
  });
  std::unique_lock lock(done_mutex);
  ASSERT_TRUE(done.wait_for(lock, 10s, [&] { return over; }));
  EXPECT_EQ(registry.render().body.find("gone"), std::string::npos);
  EXPECT_FALSE(request_metrics.fairness_limiter().full());
}

}  // namespace
}  // namespace epp::app
