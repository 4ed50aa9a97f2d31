// Many threads at one dispatcher: nobody is forgotten, told twice, or let through beyond what the pool can serve.
#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "flowcontrol/dispatcher.h"
#include "unit/flowcontrol/policies.h"
#include "unit/flowcontrol/world.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

using namespace testing;
using namespace std::chrono_literals;

// Sounds on a thread of its own.
class ThreadAlarm final : public Alarm {
 public:
  ~ThreadAlarm() override { stop(); }
  void start(Dispatcher& dispatcher) {
    thread_ = std::thread([this, &dispatcher] { run(dispatcher); });
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  void arm(Nanos at) override {
    {
      const std::lock_guard lock(mutex_);
      at_ = at;
    }
    changed_.notify_all();
  }

 private:
  void run(Dispatcher& dispatcher) {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      const Nanos now = plugins::clock().now_ns();
      if (at_ > now) {
        const Nanos wait = std::min<Nanos>(at_ - now, kSecond);
        changed_.wait_for(lock, std::chrono::nanoseconds(wait));
        continue;
      }
      at_ = kNever;
      lock.unlock();
      dispatcher.on_alarm();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Nanos at_ = kNever;
  bool stopped_ = false;
  std::thread thread_;
};

class AtomicObserver final : public Observer {
 public:
  void asked(const Subject&) override { ++open; }
  void enqueued(const Subject&, const Verdict&, Nanos) override {}
  void ended(const Subject&, const Verdict&, Nanos) override { --open; }
  void cycle(Nanos) override {}
  void band_added(std::int32_t) override {}
  void band_removed(std::int32_t) override {}
  void flow_removed(std::string_view, std::int32_t) override {}
  std::atomic<std::int64_t> open{0};
};

struct Waiter {
  std::mutex mutex;
  std::condition_variable decided;
  std::optional<Verdict> verdict;
  int times = 0;

  void tell(const Verdict& told) {
    {
      const std::lock_guard lock(mutex);
      verdict = told;
      ++times;
    }
    decided.notify_all();
  }
  std::optional<Verdict> wait(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex);
    decided.wait_for(lock, at_most, [&] { return verdict.has_value(); });
    return verdict;
  }
};

TEST(DispatcherThreads, NobodyIsForgottenOrToldTwice) {
  constexpr int kThreads = 8;
  constexpr int kRequests = 400;
  constexpr std::int64_t kPlaces = 3;
  std::atomic<std::int64_t> running{0};
  std::atomic<std::int64_t> most{0};
  std::atomic<std::int64_t> served{0};

  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  endpoints::EndpointSpec pod;
  pod.name = "pod";
  pod.address = "192.0.2.1";
  pod.port = "8000";
  table.replace({pod});
  const auto snapshot = table.snapshot();
  const auto& endpoint = snapshot->endpoint(snapshot->slots()[0]);

  Options options = default_options();
  options.bands = {band(10, round_robin()), band(0, round_robin())};
  options.detector =
      std::make_shared<TestDetector>([&](const epp_candidates&, const epp_reservations& reservations, std::uint64_t&) {
        return static_cast<double>(running.load(std::memory_order_relaxed) +
                                   static_cast<std::int64_t>(reservations.undecided)) /
               static_cast<double>(kPlaces);
      });
  AtomicObserver observer;
  ThreadAlarm alarm;
  Dispatcher queue(options, table, attributes, observer, alarm);
  alarm.start(queue);

  const auto client = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < kRequests; ++i) {
      const auto waiter = std::make_shared<Waiter>();
      const std::string flow = "flow-" + std::to_string(random() % 5);
      const Ask ask = {.fairness_id = flow,
                       .priority = random() % 2 == 0 ? 10 : 0,
                       .bytes = 10,
                       .ttl_ns = random() % 20 == 0 ? 100'000u : 0u};
      auto answer = queue.enqueue(ask, [waiter](const Verdict& verdict) { waiter->tell(verdict); });
      Verdict verdict = answer.verdict;
      if (verdict.outcome == Outcome::kNotYetFinalized) {
        if (random() % 10 == 0) {
          answer.ticket.reset();  // gave up; may have been let through in this moment
          continue;
        }
        const auto told = waiter->wait(30s);
        ASSERT_TRUE(told.has_value()) << "forgotten";
        verdict = *told;
      }
      if (verdict.outcome == Outcome::kDispatched) {
        const std::int64_t now_running = running.fetch_add(1) + 1;
        for (std::int64_t seen = most; now_running > seen && !most.compare_exchange_weak(seen, now_running);) {
        }
        answer.ticket->scheduled(endpoint->slot(), endpoint->uid());
        ++served;
        answer.ticket->settle(7);
        // As lifecycle does it: the counter falls first. Half of them leave it to a poke, the ticket goes later.
        running.fetch_sub(1);
        if (random() % 2 == 0) queue.poke();
      } else {
        ASSERT_EQ(verdict.outcome, Outcome::kEvictedTtl);
      }
      answer.ticket.reset();
      const std::lock_guard lock(waiter->mutex);
      ASSERT_LE(waiter->times, 1);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back(client, i + 1);
  std::atomic<bool> done{false};
  std::thread operator_([&] {
    while (!done.load()) {
      const View view = queue.view(5);
      ASSERT_LE(view.undecided, static_cast<std::uint64_t>(kPlaces));
      const std::int32_t wanted[] = {5};
      queue.want_bands(view.length % 2 == 0 ? std::span(wanted) : std::span<const std::int32_t>());
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads)
    thread.join();
  done = true;
  operator_.join();
  alarm.stop();

  EXPECT_LE(most, kPlaces);
  EXPECT_GT(served, kThreads * kRequests / 2);
  const View view = queue.view();
  EXPECT_EQ(observer.open, 0);
  EXPECT_TRUE(queue.idle());
  EXPECT_EQ(view.length, 0u);
  EXPECT_EQ(view.undecided, 0u);
  EXPECT_EQ(view.unseen, 0u);
}

// A poke that comes while the request is being queued is not lost: who finds nobody waiting came before it.
TEST(DispatcherThreads, NoWakeUpIsLost) {
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  endpoints::EndpointSpec pod;
  pod.name = "pod";
  pod.address = "192.0.2.1";
  pod.port = "8000";
  table.replace({pod});
  std::atomic<bool> full{false};
  Options options = default_options();
  options.default_ttl_ns = options.no_endpoint_ttl_ns = 0;
  options.detector =
      std::make_shared<TestDetector>([&](const epp_candidates&, const epp_reservations&, std::uint64_t&) {
        return full.load(std::memory_order_relaxed) ? 1.0 : 0.0;
      });
  AtomicObserver observer;
  ManualAlarm alarm;
  Dispatcher queue(options, table, attributes, observer, alarm);
  std::atomic<int> round{0};
  constexpr int kRounds = 3000;
  std::thread releaser([&] {
    for (int i = 1; i <= kRounds; ++i) {
      round.wait(i - 1);
      full.store(false, std::memory_order_relaxed);
      queue.poke();
    }
  });
  for (int i = 1; i <= kRounds; ++i) {
    full.store(true);
    round.store(i);
    round.notify_one();
    const auto waiter = std::make_shared<Waiter>();
    auto answer = queue.enqueue({.fairness_id = "a"}, [waiter](const Verdict& verdict) { waiter->tell(verdict); });
    if (answer.verdict.outcome == Outcome::kNotYetFinalized) {
      ASSERT_TRUE(waiter->wait(30s).has_value()) << "round " << i;
    }
  }
  releaser.join();
}

// Whoever has the turn does what others leave meanwhile, but not for as long as they go on leaving.
TEST(Dispatcher, ThreadThatServesOthersIsRelievedByTheAlarm) {
  World world;
  Client& running = world.ask("running");
  Client& waiting = world.ask("waiting");
  constexpr std::uint64_t kPokes = 1000;
  const auto reading = world.detector->on_saturation;
  world.detector->calls = 0;
  world.detector->on_saturation = [&](const epp_candidates& candidates, const epp_reservations& reservations,
                                      std::uint64_t& again_ns) {
    if (world.detector->calls < kPokes) world.dispatcher().poke();
    // An alarm that was armed by an earlier turn comes during the last one.
    again_ns = kMillisecond;
    world.clock.now += 2 * kMillisecond;
    if (world.detector->calls % 16 == 0) {
      world.alarm.at = kNever;
      world.dispatcher().on_alarm();
    }
    return reading(candidates, reservations, again_ns);
  };
  unsigned threads = 0;
  for (world.alarm.at = 0; world.alarm.at <= world.clock.now_ns(); ++threads) {
    world.alarm.at = kNever;
    world.dispatcher().on_alarm();
  }
  EXPECT_GE(world.detector->calls, kPokes);
  EXPECT_GT(threads, kPokes / 100);
  EXPECT_TRUE(waiting.waits());
  world.finish(running);
  EXPECT_EQ(waiting.outcome(), Outcome::kDispatched);
}

// What was left when the thread was relieved takes the request out, whose client goes in the same turn.
TEST(Dispatcher, RequestThatIsTakenOutAndWithdrawnInOneTurnEndsOnce) {
  World world;
  world.ask("running");
  Client& waiting = world.ask("waiting");
  const auto reading = world.detector->on_saturation;
  world.detector->calls = 0;
  world.detector->on_saturation = [&](const epp_candidates& candidates, const epp_reservations& reservations,
                                      std::uint64_t& again_ns) {
    if (world.detector->calls < 16) world.dispatcher().poke();
    if (world.detector->calls == 16) world.dispatcher().stop();
    return reading(candidates, reservations, again_ns);
  };
  world.dispatcher().on_alarm();
  ASSERT_EQ(world.detector->calls, 16u);
  ASSERT_TRUE(waiting.waits());
  world.cancel(waiting);
  EXPECT_EQ(world.observer.count(Outcome::kEvictedOther), 1u);
  EXPECT_EQ(world.observer.count(Outcome::kEvictedContextCancelled), 0u);
}

// "Never" and "at once", as policies may put them.
TEST(Dispatcher, PoliciesThatWantToBeAskedAgainAtOncePutNobodyOut) {
  for (const std::uint64_t again : {std::uint64_t{1}, UINT64_MAX}) {
    World world;
    const auto reading = world.detector->on_saturation;
    world.detector->on_saturation = [&](const epp_candidates& candidates, const epp_reservations& reservations,
                                        std::uint64_t& again_ns) {
      again_ns = again;
      return reading(candidates, reservations, again_ns);
    };
    world.ask("running");
    world.ask("waiting");
    EXPECT_GE(world.alarm.at, world.clock.now_ns() + kMillisecond) << again;
  }
}

}  // namespace
}  // namespace epp::flowcontrol
