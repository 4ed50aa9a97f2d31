// Random arrivals, cancels, ends, times to live, endpoints, desired bands and policy errors, against a model of what
// must hold whatever happens:
//
//   - each request ends exactly once
//   - no limit is exceeded, and every total is the sum of its parts
//   - strict priority between bands, and no starvation within one
//   - no overshoot of what the pool can serve
//   - in the end everything is back to zero
//
// 100,000 events a seed; a million with EPP_LONG_TESTS set.
#include "unit/flowcontrol/world.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <list>
#include <random>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

using namespace testing;

constexpr std::uint64_t kMaxRequests = 120;
constexpr std::uint64_t kMaxBytes = 60'000;
constexpr int kFlows = 12;

struct Request {
  std::uint64_t number = 0;
  std::string fairness_id;
  std::int32_t band = 0;  // where it waits
  std::uint64_t bytes = 0;
  std::unique_ptr<Ticket> ticket;
  Outcome outcome = Outcome::kNotYetFinalized;
  bool running = false;
  // For starvation: how many of its band went since it came, and how many of its flow stood before it.
  std::uint64_t band_dispatches_before = 0;
  std::uint64_t faults_before = 0;
  std::uint64_t ahead_in_flow = 0;
};

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed) {
    options_ = default_options();
    options_.bands = {band(10), band(0, round_robin_), band(-10)};
    for (BandOptions& each : options_.bands) {
      each.max_requests = 60;
      each.max_bytes = 30'000;
    }
    options_.default_band = options_.default_negative_band = options_.bands[0];
    options_.max_requests = kMaxRequests;
    options_.max_bytes = kMaxBytes;
    options_.default_ttl_ns = 2 * kSecond;
    options_.no_endpoint_ttl_ns = 3 * kSecond;
    options_.flow_idle_ns = options_.collect_every_ns = 20 * kSecond;
    options_.band_idle_ns = 40 * kSecond;
    options_.extensions.displace_lower_bands = seed % 2 == 0;
    options_.extensions.reserved_for_high_bands = seed % 3 == 0 ? 0.2 : 0;
    round_robin_->on_pick = [this](FairnessBand& state, std::uint32_t& flow) {
      if (chance(500)) {
        ++fairness_faults_;
        if (chance(2)) return epp_status{EPP_ERR_INTERNAL};
        flow = static_cast<std::uint32_t>(random_() % 100'000) + kFlows * 4;
        return epp_status{EPP_OK};
      }
      flow = state.pick();
      return epp_status{EPP_OK};
    };
    options_.detector = std::make_shared<TestDetector>(
        [this](const epp_candidates& candidates, const epp_reservations& reservations, std::uint64_t&) {
          if (chance(200)) {
            detector_failed_ = true;
            return chance(2) ? -1.0 : std::numeric_limits<double>::quiet_NaN();
          }
          if (candidates.count == 0) return 1.0;
          return static_cast<double>(running_ + reservations.undecided) / places_;
        });
    set_pool(true);
    queue_ = std::make_unique<Dispatcher>(options_, table_, attributes_, observer_, alarm_);
  }

  ~Chaos() {
    queue_->stop();
    while (!requests_.empty())
      drop(requests_.begin());
  }

  void run(std::uint64_t events) {
    for (std::uint64_t i = 0; i < events && !::testing::Test::HasFailure(); ++i) {
      detector_failed_ = false;
      one_event();
      std::erase_if(requests_, [](const Request& request) {
        return request.outcome != Outcome::kNotYetFinalized && !request.running;
      });
      check_totals();
    }
  }

  void check_all_is_back_to_zero() {
    queue_->stop();
    while (!requests_.empty())
      drop(requests_.begin());
    queue_->want_bands({});
    advance(1000 * kSecond);
    const View view = queue_->view();
    EXPECT_EQ(view.length, 0u);
    EXPECT_EQ(view.bytes, 0u);
    EXPECT_EQ(view.undecided, 0u);
    EXPECT_EQ(view.unseen, 0u);
    EXPECT_EQ(view.bands.size(), 3u) << "dynamic bands are gone";
    for (const BandView& each : view.bands)
      EXPECT_EQ(each.flows, 0u);
    EXPECT_EQ(observer_.open, 0u);
    EXPECT_EQ(alarm_.at, kNever);
    EXPECT_EQ(ended_, asked_);
  }

  // All kinds of ends were seen: the test is not vacuous.
  std::uint64_t count(Outcome outcome) const { return observer_.count(outcome); }

 private:
  using Place = std::list<Request>::iterator;

  bool chance(unsigned one_in) { return random_() % one_in == 0; }

  void one_event() {
    const std::uint64_t kind = random_() % 100;
    if (kind < 55) return arrive();
    if (kind < 85) return end_one(true);
    if (kind < 91) return end_one(false);
    if (kind < 96) return advance(random_() % (200 * kMillisecond));
    if (kind == 96) {
      places_ = static_cast<double>(5 + random_() % 30);
      return queue_->poke();
    }
    if (kind == 97 && chance(10)) return set_pool(!pool_);
    if (kind == 98 && chance(20)) {
      constexpr std::int32_t kWanted[] = {5, -5};
      return queue_->want_bands(std::span(kWanted).first(random_() % 3));
    }
    if (kind == 99 && chance(50)) advance(30 * kSecond);
  }

  void arrive() {
    constexpr std::int32_t kPriorities[] = {10, 5, 0, 0, -5, -10};
    const Place place = requests_.emplace(requests_.end());
    Request& request = *place;
    request.number = ++asked_;
    request.fairness_id = "flow-" + std::to_string(random_() % kFlows);
    request.bytes = 1 + random_() % 1500;
    const Ask ask = {.fairness_id = request.fairness_id,
                     .priority = kPriorities[random_() % std::size(kPriorities)],
                     .bytes = request.bytes,
                     .received_ns = clock_.now,
                     .ttl_ns = chance(10) ? 1 + random_() % kSecond : 0};
    request.band = home_of(ask.priority);
    request.band_dispatches_before = dispatches_[request.band];
    request.faults_before = fairness_faults_;
    for (const Request& other : requests_) {
      if (&other != &request && waits_with(other, request) && other.fairness_id == request.fairness_id)
        ++request.ahead_in_flow;
    }
    deciding_ = &request;
    Dispatcher::Answer answer =
        queue_->enqueue(ask, [this, &request](const Verdict& verdict) { decided(request, verdict); });
    deciding_ = nullptr;
    request.ticket = std::move(answer.ticket);
    if (answer.verdict.outcome != Outcome::kNotYetFinalized) decided(request, answer.verdict);
    if (request.ticket == nullptr) requests_.erase(place);
  }

  // A running one, or any.
  void end_one(bool running) {
    const auto eligible = [&](const Request& request) { return request.running || !running; };
    const auto total = std::count_if(requests_.begin(), requests_.end(), eligible);
    if (total == 0) return;
    auto skip = static_cast<std::ptrdiff_t>(random_() % static_cast<std::uint64_t>(total));
    for (Place place = requests_.begin(); place != requests_.end(); ++place) {
      if (eligible(*place) && skip-- == 0) return drop(place);
    }
  }

  void drop(Place place) {
    if (place->running) --running_;
    place->running = false;
    if (place->outcome == Outcome::kNotYetFinalized) {
      place->outcome = Outcome::kEvictedContextCancelled;
      ++ended_;
    }
    if (chance(2) && place->ticket) place->ticket->settle(static_cast<std::int64_t>(random_() % 100));
    const std::unique_ptr<Ticket> ticket = std::move(place->ticket);
    requests_.erase(place);
  }

  void decided(Request& request, const Verdict& verdict) {
    ASSERT_EQ(request.outcome, Outcome::kNotYetFinalized) << "told twice";
    ASSERT_NE(verdict.outcome, Outcome::kEvictedContextCancelled) << "told although it was withdrawn";
    if (verdict.outcome == Outcome::kDispatched) check_order(request);
    request.outcome = verdict.outcome;
    ++ended_;
    if (verdict.outcome != Outcome::kDispatched) return;
    ++dispatches_[request.band];
    request.running = true;
    ++running_;
    if (!detector_failed_) {
      EXPECT_LE(static_cast<double>(running_), std::max(places_, static_cast<double>(most_running_)));
    }
    most_running_ = running_;
    // Counted as running before the reservation goes; some are never scheduled.
    if (!chance(10) && request.ticket != nullptr) request.ticket->scheduled(0, 1);
  }

  bool waits_with(const Request& other, const Request& request) const {
    return other.outcome == Outcome::kNotYetFinalized && &other != deciding_ && other.band == request.band;
  }

  void check_order(const Request& request) {
    const Request* oldest = &request;
    for (const Request& other : requests_) {
      if (other.outcome != Outcome::kNotYetFinalized || &other == deciding_) continue;
      ASSERT_LE(other.band, request.band) << "a higher band waits";
      if (other.band == request.band && other.number < oldest->number) oldest = &other;
    }
    if (request.band != 0) {
      EXPECT_EQ(oldest, &request) << "first come, first served";
    } else {
      // Round robin: those before it in its flow, and as often everybody else.
      const std::uint64_t went = dispatches_[0] - request.band_dispatches_before;
      EXPECT_LE(went, (request.ahead_in_flow + 1) * kFlows + (fairness_faults_ - request.faults_before));
    }
  }

  void check_totals() {
    const View view = queue_->view(0);
    std::map<std::int32_t, std::pair<std::uint64_t, std::uint64_t>> model;
    for (const Request& request : requests_) {
      if (request.outcome != Outcome::kNotYetFinalized) continue;
      ++model[request.band].first;
      model[request.band].second += request.bytes;
    }
    std::uint64_t length = 0, bytes = 0, low_length = 0;
    for (const BandView& each : view.bands) {
      ASSERT_EQ(each.length, model[each.priority].first) << "band " << each.priority;
      ASSERT_EQ(each.bytes, model[each.priority].second) << "band " << each.priority;
      ASSERT_LE(each.length, each.max_requests);
      ASSERT_LE(each.bytes, each.max_bytes);
      length += each.length;
      bytes += each.bytes;
      if (each.priority <= 0) low_length += each.length;
    }
    ASSERT_EQ(view.length, length);
    ASSERT_EQ(view.bytes, bytes);
    ASSERT_LE(view.length, kMaxRequests);
    ASSERT_LE(view.bytes, kMaxBytes);
    if (options_.extensions.reserved_for_high_bands > 0) {
      ASSERT_LE(low_length, kMaxRequests * 8 / 10);
    }
    most_running_ = running_;
  }

  std::int32_t home_of(std::int32_t priority) const {
    const auto& bands = observer_.bands;
    return std::find(bands.begin(), bands.end(), priority) != bands.end() ? priority : 0;
  }

  void advance(Nanos by) {
    const Nanos until = clock_.now + by;
    while (alarm_.at <= until) {
      clock_.now = std::max<Nanos>(clock_.now, alarm_.at);
      alarm_.at = kNever;
      queue_->on_alarm();
    }
    clock_.now = until;
  }

  void set_pool(bool present) {
    pool_ = present;
    std::vector<endpoints::EndpointSpec> specs;
    if (present) {
      endpoints::EndpointSpec& spec = specs.emplace_back();
      spec.name = "pod";
      spec.address = "192.0.2.1";
      spec.port = "8000";
    }
    table_.replace(std::move(specs));
    if (queue_) queue_->poke();
  }

  std::mt19937_64 random_;
  ManualClock clock_;
  ManualAlarm alarm_;
  endpoints::AttributeRegistry attributes_;
  endpoints::EndpointTable table_{attributes_};
  RecordingObserver observer_;
  std::shared_ptr<TestFairness> round_robin_ = round_robin();
  Options options_;
  std::list<Request> requests_;
  std::unique_ptr<Dispatcher> queue_;

  const Request* deciding_ = nullptr;  // asks right now; not known to wait yet
  bool pool_ = false;
  double places_ = 20;
  std::uint64_t running_ = 0;
  std::uint64_t most_running_ = 0;
  bool detector_failed_ = false;
  std::uint64_t fairness_faults_ = 0;
  std::map<std::int32_t, std::uint64_t> dispatches_;
  std::uint64_t asked_ = 0;
  std::uint64_t ended_ = 0;
};

class FlowControlProperty : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(FlowControlProperty, HoldsWhateverHappens) {
  Chaos chaos(GetParam());
  chaos.run(std::getenv("EPP_LONG_TESTS") != nullptr ? 1'000'000 : 100'000);
  if (HasFailure()) return;
  chaos.check_all_is_back_to_zero();
  for (const Outcome outcome :
       {Outcome::kDispatched, Outcome::kRejectedCapacity, Outcome::kEvictedTtl, Outcome::kEvictedContextCancelled})
    EXPECT_GT(chaos.count(outcome), 100u) << to_string(outcome);
  EXPECT_GT(chaos.count(Outcome::kEvictedNoEndpoints) + chaos.count(Outcome::kRejectedNoEndpoints), 10u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, FlowControlProperty, ::testing::Values(1, 2, 3, 4, 5, 6));

}  // namespace
}  // namespace epp::flowcontrol
