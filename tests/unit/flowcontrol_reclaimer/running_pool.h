// Requests that run, for tests of the reclaimer on a clock of their own.
#pragma once

#include "flowcontrol/reclaimer.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::flowcontrol::testing {

inline constexpr Nanos kMs = 1'000'000;

/// A policy of the process itself: its tables call functions of the test.
class Policy final : public plugins::Instance {
 public:
  using Filter = std::function<bool(const epp_running_request&)>;
  using Before = std::function<bool(const epp_running_request&, const epp_running_request&)>;

  static std::shared_ptr<Policy> filtering(Filter accept) {
    auto policy = std::make_shared<Policy>();
    policy->accept_ = std::move(accept);
    policy->eviction_filter = &policy->filter_table_;
    return policy;
  }
  static std::shared_ptr<Policy> ordering_by(Before before) {
    auto policy = std::make_shared<Policy>();
    policy->before_ = std::move(before);
    policy->eviction_ordering = &policy->ordering_table_;
    return policy;
  }

  Policy() {
    name_ = type_ = "test";
    abi_.data = this;
    raw_ = &abi_;
  }

  /// As repeated faults would.
  void bypass() {
    for (std::uint32_t i = 0; i < plugins::kBypassAfterFaults; ++i)
      refuse_answer(plugins::ExtensionPoint::kEvictionOrdering, plugins::Fault::kError, "failed");
  }
  unsigned asked() const { return asked_; }

 private:
  static Policy& self(const epp_instance* instance) { return *static_cast<Policy*>(instance->data); }
  static std::uint32_t accept(const epp_instance* instance, const epp_running_request* request) {
    ++self(instance).asked_;
    return self(instance).accept_(*request) ? 1 : 0;
  }
  static std::uint32_t before(const epp_instance* instance, const epp_running_request* a,
                              const epp_running_request* b) {
    ++self(instance).asked_;
    return self(instance).before_(*a, *b) ? 1 : 0;
  }

  const epp_eviction_filter filter_table_{.size = sizeof(epp_eviction_filter), .reserved = 0, .accept = &accept};
  const epp_eviction_ordering ordering_table_{.size = sizeof(epp_eviction_ordering), .reserved = 0, .before = &before};
  epp_instance abi_{};
  Filter accept_;
  Before before_;
  unsigned asked_ = 0;
};

struct Observed final : ReclaimObserver {
  void issued(std::int32_t demand_priority) override { ++issued_for[demand_priority]; }
  void confirmed(Nanos took) override { confirmations.push_back(took); }
  void timed_out() override { ++timeouts; }
  void sized(double of_target, double of_pending) override {
    target = of_target;
    pending = of_pending;
  }

  std::map<std::int32_t, unsigned> issued_for;
  std::vector<Nanos> confirmations;
  unsigned timeouts = 0;
  double target = 0;
  double pending = 0;
};

/// Requests by name; the evicted ones in the order of their signals.
class RunningPool {
 public:
  explicit RunningPool(ReclaimOptions options = {})
      : grace(options.grace_ns), reclaimer(std::move(options), observed) {}

  struct Request {
    std::int32_t priority = -1;
    std::string id = "id";
    std::int64_t cost = 1;
  };

  std::uint64_t start(const std::string& name, Request request) {
    const std::uint64_t serial = ++last_serial_;
    serials_[name] = serial;
    const std::string fairness_id = "tenant";
    const std::string host_port = "10.0.0.1:8000";
    epp_running_request running{};
    running.size = sizeof running;
    running.priority = request.priority;
    running.id = {request.id.data(), request.id.size()};
    running.serial = serial;
    running.fairness_id = {fairness_id.data(), fairness_id.size()};
    running.host_port = {host_port.data(), host_port.size()};
    running.dispatched_ns = now;
    running.cost = request.cost;
    reclaimer.track(running, std::make_shared<Signal>(*this, name));
    now += kMs;
    return serial;
  }
  std::uint64_t start(const std::string& name, std::int32_t priority) {
    return start(name, Request{.priority = priority});
  }
  void progress(const std::string& name, std::uint64_t chunks) { reclaimer.progressed(serials_.at(name), chunks); }
  void end(const std::string& name) { reclaimer.untrack(serials_.at(name), now); }

  /// One look of a dispatcher: what it stops for demand of `priority`, by name.
  std::vector<std::string> look(double saturation, std::int32_t priority = 0, double ceiling = 1) {
    evicted_.clear();
    if (const auto victim = reclaimer.victim_priority(now); victim && *victim < priority)
      (void)reclaimer.reclaim({.saturation = saturation, .ceiling = ceiling, .priority = priority}, now);
    return evicted_;
  }

  Reclaimer::Status status() { return reclaimer.status(now); }
  const std::string& last_reason() const { return last_reason_; }

  const Nanos grace;
  Nanos now = 1'000'000 * kMs;
  Observed observed;
  Reclaimer reclaimer;
  /// Runs within the signal, as a stream that ends at once would.
  void (*on_signal)(RunningPool& pool, const std::string& name) = nullptr;

 private:
  class Signal final : public Evictable {
   public:
    Signal(RunningPool& pool, std::string name) : pool_(pool), name_(std::move(name)) {}
    void evict(std::string_view reason) override {
      pool_.evicted_.push_back(name_);
      pool_.last_reason_ = reason;
      if (pool_.on_signal != nullptr) pool_.on_signal(pool_, name_);
    }

   private:
    RunningPool& pool_;
    const std::string name_;
  };

  std::uint64_t last_serial_ = 0;
  std::map<std::string, std::uint64_t> serials_;
  std::vector<std::string> evicted_;
  std::string last_reason_;
};

}  // namespace epp::flowcontrol::testing
