// What the benchmarks of flow control share: the real policies over the ABI, an observer that looks away, options.
#pragma once

#include "flowcontrol/dispatcher.h"
#include "flowcontrol/observer.h"
#include "flowcontrol/options.h"
#include "plugins/environment.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::flowcontrol::bench {

class NoObserver final : public Observer {
 public:
  void asked(const Subject&) override {}
  void enqueued(const Subject&, const Verdict&, Nanos) override {}
  void ended(const Subject&, const Verdict&, Nanos) override {}
  void cycle(Nanos) override {}
  void band_added(std::int32_t) override {}
  void band_removed(std::int32_t) override {}
  void flow_removed(std::string_view, std::int32_t) override {}
};

class NoAlarm final : public Alarm {
 public:
  void arm(Nanos) override {}
};

// (running + undecided) / places, of counters that the benchmark keeps.
class CountingDetector final : public plugins::Instance {
 public:
  CountingDetector();
  std::atomic<std::int64_t> running{0};
  std::atomic<std::int64_t> places{1};

 private:
  epp_instance abi_{};
};

class Setup {
 public:
  explicit Setup(std::string_view fairness, std::int32_t bands = 10);
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;
  ~Setup();

  testing::PluginHarness host;
  NoObserver observer;
  NoAlarm alarm;
  std::shared_ptr<CountingDetector> detector = std::make_shared<CountingDetector>();
  Options options;
};

// `count` fairness ids.
std::vector<std::string> flow_names(std::int64_t count);

// A cheap sequence that visits flows without a pattern.
class Shuffle {
 public:
  std::uint64_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return state_ >> 33;
  }

 private:
  std::uint64_t state_ = 42;
};

}  // namespace epp::flowcontrol::bench
