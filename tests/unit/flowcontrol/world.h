// A queue for tests on a clock that stands still until it is moved: a pool whose endpoints serve so many requests each,
// clients that ask, wait, start, end and go away, and a record of what was observed.
#pragma once

#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "flowcontrol/dispatcher.h"
#include "plugins/environment.h"
#include "unit/flowcontrol/policies.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace epp::flowcontrol::testing {

inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;

class ManualClock final : public plugins::Clock {
 public:
  ManualClock() { plugins::install_clock(this); }
  ~ManualClock() override { plugins::install_clock(nullptr); }
  std::uint64_t now_ns() const override { return now.load(std::memory_order_relaxed); }
  std::uint64_t wall_ns() const override { return now_ns(); }

  std::atomic<std::uint64_t> now{1000 * kSecond};
};

class ManualAlarm final : public Alarm {
 public:
  void arm(Nanos time) override {
    at = time;
    ++armed;
  }
  Nanos at = kNever;
  unsigned armed = 0;
};

/// Counts what is told; complains about a request that ends twice or unasked.
class RecordingObserver final : public Observer {
 public:
  void asked(const Subject& subject) override;
  void enqueued(const Subject& subject, const Verdict& verdict, Nanos took) override;
  void ended(const Subject& subject, const Verdict& verdict, Nanos waited) override;
  void cycle(Nanos) override { ++cycles; }
  void band_added(std::int32_t priority) override { bands.push_back(priority); }
  void band_removed(std::int32_t priority) override { std::erase(bands, priority); }
  void flow_removed(std::string_view fairness_id, std::int32_t priority) override;

  std::uint64_t open = 0;                                                  ///< asked and not ended
  std::map<std::pair<std::string, std::int32_t>, std::uint64_t> outcomes;  ///< by outcome and asked priority
  std::uint64_t count(Outcome outcome) const;
  std::vector<std::string> ids;            ///< fairness ids in the order of asking
  std::vector<std::string> removed_flows;  ///< "id:priority"
  std::vector<std::int32_t> bands;
  std::uint64_t fell_back = 0;
  std::uint64_t cycles = 0;
};

/// Options with upstream's defaults, one band 0, and the policies of policies.h.
Options default_options();
BandOptions band(std::int32_t priority, std::shared_ptr<TestFairness> fairness = global_strict(),
                 std::shared_ptr<TestOrdering> ordering = first_come_first_served());

/// One client.
struct Client {
  std::string name;
  std::string fairness_id;
  Ask ask;
  std::unique_ptr<Ticket> ticket;
  std::optional<Verdict> verdict;
  Nanos decided_at = 0;
  bool running = false;

  Outcome outcome() const { return verdict ? verdict->outcome : Outcome::kNotYetFinalized; }
  bool waits() const { return !verdict; }
};

struct AskOptions {
  std::string flow = "default-flow";
  std::int32_t priority = 0;
  std::uint64_t bytes = 100;
  std::int64_t cost = 1;
  double weight = 1;
  Nanos ttl = 0;
  Needs needs = Needs::kBoth;
};

class World {
 public:
  /// The pool's one endpoint serves one request at a time: the detector answers (running + undecided) / places.
  World();
  ~World();

  /// Makes the dispatcher of `options`. Implied by the first use.
  Dispatcher& dispatcher();

  Client& ask(const std::string& name, const AskOptions& options = {});
  /// The response of a running request ended.
  void finish(Client& client);
  /// The stream of a request broke, whether it waits or runs.
  void cancel(Client& client);
  /// Moves the clock, sounding the alarm whenever it is due on the way.
  void advance(Nanos by);

  void set_endpoints(std::vector<std::pair<std::string, std::string>> names_and_roles);
  const endpoints::EndpointPtr& endpoint(std::size_t index) const { return endpoints_[index]; }

  /// Names in the order in which they started, blank-separated; forgotten afterwards.
  std::string take_started();
  /// Ends whatever runs until nothing waits; returns take_started().
  std::string drain();
  std::vector<Client*> running() const;

  ManualClock clock;
  ManualAlarm alarm;
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  RecordingObserver observer;
  Options options = default_options();
  std::shared_ptr<TestDetector> detector;
  double places = 1;  ///< requests that the pool can serve
  bool start_when_dispatched = true;
  Reclaimer* reclaimer = nullptr;

 private:
  void decided(Client& client, const Verdict& verdict);

  std::unique_ptr<Dispatcher> dispatcher_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<endpoints::EndpointPtr> endpoints_;
  std::vector<std::string> started_;
};

}  // namespace epp::flowcontrol::testing
