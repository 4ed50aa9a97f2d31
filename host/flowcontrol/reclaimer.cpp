#include "flowcontrol/reclaimer.h"

#include "flowcontrol/turnstile.h"
#include "plugins/flow_hooks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epp::flowcontrol {
namespace {

constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

std::string copied(epp_str text) {
  return {text.data, static_cast<std::size_t>(text.size)};
}

epp_str shown(const std::string& text) {
  return {text.data(), text.size()};
}

struct Running : std::enable_shared_from_this<Running> {
  Running(const epp_running_request& told, std::shared_ptr<Evictable> its_signal)
      : id(copied(told.id)),
        fairness_id(copied(told.fairness_id)),
        host_port(copied(told.host_port)),
        request(told),
        signal(std::move(its_signal)) {
    request.id = shown(id);
    request.fairness_id = shown(fairness_id);
    request.host_port = shown(host_port);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  const std::string id, fairness_id, host_port;
  epp_running_request request;  // as policies see it
  std::shared_ptr<Evictable> signal;
  std::size_t place = kNowhere;  // among the evictable
};

// A request as it was when it was looked at; policies are shown this one.
struct Candidate {
  epp_running_request request;
  std::shared_ptr<Running> running;
};

// A request that was told to stop, until the effect shows in readings.
struct Revocation {
  std::uint64_t serial;
  double credit;  // of saturation, that it is expected to free
  Nanos issued;
  Nanos cooled;  // kNever: it has not ended yet
};

bool default_order(const epp_running_request& a, const epp_running_request& b) {
  if (a.priority != b.priority) return a.priority < b.priority;
  if (a.dispatched_ns != b.dispatched_ns) return a.dispatched_ns > b.dispatched_ns;
  return a.serial > b.serial;
}

}  // namespace

unsigned evictions_for(const ReclaimSizing& sizing, unsigned max_per_decision) {
  // What rounding of the readings may add: 1.1 - 1.0 is a little more than a tenth.
  constexpr double kDust = 1e-9;
  if (sizing.running == 0 || sizing.evictable == 0) return 0;
  const double credit = sizing.saturation / static_cast<double>(sizing.running);
  const double net = sizing.saturation - sizing.ceiling - sizing.pending;
  if (!std::isfinite(credit) || credit <= 0 || !(net >= 0)) return 0;
  if (net <= 0 && sizing.pending > 0) return 0;
  const double most = static_cast<double>(std::min<std::size_t>(max_per_decision, sizing.evictable));
  return static_cast<unsigned>(std::min(std::max(1.0, std::ceil(net / credit - kDust)), most));
}

class Reclaimer::Impl {
 public:
  Impl(ReclaimOptions options, ReclaimObserver& observer) : options_(std::move(options)), observer_(observer) {}

  void track(const epp_running_request& request, std::shared_ptr<Evictable>&& signal) {
    auto running = std::make_shared<Running>(request, std::move(signal));
    Candidate candidate = {running->request, running};
    {
      const std::lock_guard lock(mutex_);
      if (!running_.try_emplace(request.serial, running).second) return;
      if (!options_.filter) {
        if (request.priority < 0) offer(*running);
        return;
      }
    }
    judge(std::move(candidate));
  }

  void progressed(std::uint64_t serial, std::uint64_t response_chunks) {
    const std::lock_guard lock(mutex_);
    if (const auto at = running_.find(serial); at != running_.end())
      at->second->request.response_chunks = response_chunks;
  }

  void untrack(std::uint64_t serial, Nanos now) {
    std::shared_ptr<Evictable> signal;  // goes when the lock is free: it may be the last owner of much
    const std::lock_guard lock(mutex_);
    advance(now);
    const auto at = running_.find(serial);
    if (at == running_.end()) return;
    signal = std::move(at->second->signal);
    withdraw(*at->second);
    running_.erase(at);
    for (Revocation& revocation : revocations_) {
      if (revocation.serial != serial || revocation.cooled != kNever) continue;
      revocation.cooled = later(now, options_.grace_ns);
      observer_.confirmed(now - std::min(revocation.issued, now));
    }
  }

  std::optional<std::int32_t> victim_priority(Nanos now) {
    const std::lock_guard lock(mutex_);
    advance(now);
    if (!revocations_.empty() || evictable_by_priority_.empty()) return std::nullopt;
    return evictable_by_priority_.begin()->first;
  }

  unsigned reclaim(const Demand& demand, Nanos now) {
    std::vector<Candidate> candidates;
    unsigned wanted = 0;
    double credit = 0;
    {
      const std::lock_guard lock(mutex_);
      advance(now);
      if (!revocations_.empty()) return 0;
      wanted = evictions_for({.running = running_.size(),
                              .evictable = evictable_.size(),
                              .saturation = demand.saturation,
                              .ceiling = demand.ceiling},
                             options_.max_per_decision);
      if (wanted == 0) return 0;
      credit = demand.saturation / static_cast<double>(running_.size());
      for (Running* const running : evictable_) {
        if (running->request.priority < demand.priority)
          candidates.push_back({running->request, running->shared_from_this()});
      }
    }
    const std::vector<const Candidate*> victims = first_of(candidates, wanted);
    std::vector<std::shared_ptr<Evictable>> signals;
    {
      const std::lock_guard lock(mutex_);
      for (const Candidate* victim : victims) {
        Running& running = *victim->running;
        if (running.place == kNowhere) continue;  // it has ended meanwhile
        withdraw(running);
        revocations_.push_back({.serial = running.request.serial, .credit = credit, .issued = now, .cooled = kNever});
        signals.push_back(std::move(running.signal));
        observer_.issued(demand.priority);
      }
      if (!signals.empty()) {
        target_ = demand.saturation - demand.ceiling;
        observer_.sized(target_, pending());
      }
    }
    for (const auto& signal : signals)
      signal->evict(kEvictedReason);
    return static_cast<unsigned>(signals.size());
  }

  Nanos next_decision(Nanos now) {
    const std::lock_guard lock(mutex_);
    advance(now);
    if (revocations_.empty()) return kNever;
    Nanos last = 0;
    for (const Revocation& revocation : revocations_) {
      const bool ended = revocation.cooled != kNever;
      last = std::max(last, ended ? revocation.cooled : later(given_up(revocation), options_.grace_ns));
    }
    return last;
  }

  const plugins::Instance* ordering() const { return options_.ordering.get(); }

  Status status(Nanos now) {
    const std::lock_guard lock(mutex_);
    advance(now);
    Status status{.running = running_.size(), .evictable = evictable_.size(), .pending = pending()};
    for (const Revocation& revocation : revocations_)
      ++(revocation.cooled == kNever ? status.outstanding : status.cooling);
    return status;
  }

 private:
  // Asks the filter, one request at a time, on the thread of whoever has its turn. One that hangs may keep it for ever:
  // those that come meanwhile are not evictable.
  void judge(Candidate candidate) {
    const plugins::Instance& filter = *options_.filter;
    if (filter.ledger().suspended()) return filter.pass_over(plugins::ExtensionPoint::kEvictionFilter);
    if (!filter_turn_.enter_or_leave(candidate)) return;
    std::vector<Candidate> asked;
    asked.push_back(std::move(candidate));
    for (;;) {
      for (const Candidate& one : asked) {
        if (!plugins::accepts_eviction(filter, one.request)) continue;
        const std::lock_guard lock(mutex_);
        if (running_.contains(one.request.serial)) offer(*one.running);
      }
      asked.clear();
      if (!filter_turn_.exit() || !filter_turn_.try_enter()) return;
      filter_turn_.take(asked);
    }
  }

  bool goes_before(const epp_running_request& a, const epp_running_request& b) const {
    const plugins::Instance* const policy = options_.ordering.get();
    if (policy == nullptr || policy->bypassed()) return default_order(a, b);
    if (!plugins::evicts_before(*policy, a, b)) return false;
    if (!plugins::evicts_before(*policy, b, a)) {
      policy->accept_answer(plugins::ExtensionPoint::kEvictionOrdering);
      return true;
    }
    policy->refuse_answer(plugins::ExtensionPoint::kEvictionOrdering, plugins::Fault::kOutOfRange,
                          "puts two requests before each other");
    return default_order(a, b);
  }

  // The first `count` of them, in order. All are looked at: what orders them changes with every response chunk, so that
  // an order kept between decisions would be wrong, and a decision comes once in a grace while requests come and go all
  // the time.
  std::vector<const Candidate*> first_of(const std::vector<Candidate>& candidates, unsigned count) const {
    std::vector<const Candidate*> first;
    for (const Candidate& candidate : candidates) {
      if (first.size() == count) {
        if (!goes_before(candidate.request, first.back()->request)) continue;
        first.pop_back();
      }
      auto place = first.end();
      while (place != first.begin() && goes_before(candidate.request, (*std::prev(place))->request))
        --place;
      first.insert(place, &candidate);
    }
    return first;
  }

  void offer(Running& running) {
    running.place = evictable_.size();
    evictable_.push_back(&running);
    ++evictable_by_priority_[running.request.priority];
  }

  // No longer evictable, if it was.
  void withdraw(Running& running) {
    if (running.place == kNowhere) return;
    Running* const last = evictable_.back();
    evictable_[running.place] = last;
    last->place = running.place;
    evictable_.pop_back();
    running.place = kNowhere;
    const auto count = evictable_by_priority_.find(running.request.priority);
    if (--count->second == 0) evictable_by_priority_.erase(count);
  }

  Nanos given_up(const Revocation& revocation) const { return later(revocation.issued, options_.confirm_timeout_ns); }

  double pending() const {
    double sum = 0;
    for (const Revocation& revocation : revocations_)
      sum += revocation.credit;
    return sum;
  }

  // What the clock alone does: gives up on those that do not end, and forgets those that have cooled.
  void advance(Nanos now) {
    for (Revocation& revocation : revocations_) {
      if (revocation.cooled != kNever || now < given_up(revocation)) continue;
      revocation.cooled = later(given_up(revocation), options_.grace_ns);
      observer_.timed_out();
    }
    if (std::erase_if(revocations_, [now](const Revocation& revocation) { return revocation.cooled <= now; }) == 0)
      return;
    if (revocations_.empty()) target_ = 0;
    observer_.sized(target_, pending());
  }

  const ReclaimOptions options_;
  ReclaimObserver& observer_;

  Turnstile<Candidate> filter_turn_;

  std::mutex mutex_;  // guards the rest
  std::unordered_map<std::uint64_t, std::shared_ptr<Running>> running_;
  std::vector<Running*> evictable_;  // in no order
  std::map<std::int32_t, std::size_t> evictable_by_priority_;
  std::vector<Revocation> revocations_;  // of one decision at most
  double target_ = 0;
};

Reclaimer::Reclaimer(ReclaimOptions options, ReclaimObserver& observer)
    : impl_(std::make_unique<Impl>(std::move(options), observer)) {}

Reclaimer::~Reclaimer() = default;

void Reclaimer::track(const epp_running_request& request, std::shared_ptr<Evictable> signal) {
  impl_->track(request, std::move(signal));
}

void Reclaimer::progressed(std::uint64_t serial, std::uint64_t response_chunks) {
  impl_->progressed(serial, response_chunks);
}

void Reclaimer::untrack(std::uint64_t serial, Nanos now) {
  impl_->untrack(serial, now);
}

std::optional<std::int32_t> Reclaimer::victim_priority(Nanos now) {
  return impl_->victim_priority(now);
}

unsigned Reclaimer::reclaim(const Demand& demand, Nanos now) {
  return impl_->reclaim(demand, now);
}

Nanos Reclaimer::next_decision(Nanos now) {
  return impl_->next_decision(now);
}

Reclaimer::Status Reclaimer::status(Nanos now) {
  return impl_->status(now);
}

const plugins::Instance* Reclaimer::ordering() const {
  return impl_->ordering();
}

}  // namespace epp::flowcontrol
