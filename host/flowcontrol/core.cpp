#include "flowcontrol/core.h"

#include "plugins/flow_hooks.h"

#include <algorithm>
#include <cmath>

namespace epp::flowcontrol {
namespace {

// Upstream's outer limit goes this far beyond the longer of the two times to live.
constexpr Nanos kTtlGrace = 2'000'000'000;

Subject subject_of(const Item& item, std::string_view fairness_id) {
  return {.fairness_id = fairness_id,
          .priority = item.asked_priority,
          .fell_back = item.asked_priority != item.shown.priority,
          .bytes = item.bytes(),
          .request = item.shown.request};
}

}  // namespace

Core::Core(const Options& options, Observer& observer)
    : options_(options),
      observer_(observer),
      gate_per_stage_(options.extensions.gate_per_stage),
      bands_(options, observer, error_) {}

Core::~Core() = default;

// ---- time to live ----

Nanos Core::time_limit(const Item& item) const {
  const Nanos budget = pool_empty_ ? options_.no_endpoint_ttl_ns : options_.default_ttl_ns;
  return budget == 0 ? kNever : later(std::max(item.shown.enqueued_ns, pool_changed_), budget);
}

void Core::set_pool_empty(bool empty, Nanos now) {
  if (empty == pool_empty_) return;
  pool_empty_ = empty;
  pool_changed_ = now;
  for (const auto& band : bands_.all()) {
    for (const auto& lane : band->lanes) {
      if (!lane) continue;
      for (Item* item = lane->oldest(); item != nullptr; item = Lane::after(*item)) {
        deadlines_.remove(*item);
        deadlines_.add(*item, due(*item));
      }
    }
  }
}

void Core::expire(Nanos now) {
  while (Item* const item = deadlines_.pop_due(now)) {
    const bool for_want_of_endpoints = pool_empty_ && time_limit(*item) <= item->latest;
    evict(*item, for_want_of_endpoints ? Outcome::kEvictedNoEndpoints : Outcome::kEvictedTtl, Cause::kNone, now);
  }
}

// ---- arrival ----

void Core::enqueue(Item& item, const Ask& ask, Nanos asked_ns, Nanos now) {
  Band& band = bands_.home_of(ask.priority);
  item.shown = {.size = sizeof(epp_queued_request),
                .priority = band.priority(),
                .request = ask.request,
                .enqueued_ns = asked_ns,
                .deadline_ns = kNever,
                .received_ns = ask.received_ns,
                .bytes = ask.bytes,
                .cost = std::max<std::int64_t>(ask.cost, 1)};
  item.asked_priority = ask.priority;
  item.needs = ask.needs;
  item.arrival = ++last_arrival_;
  if (options_.default_ttl_ns != 0 && options_.no_endpoint_ttl_ns != 0) {
    item.latest = later(asked_ns, std::max(options_.default_ttl_ns, options_.no_endpoint_ttl_ns) + kTtlGrace);
  }
  if (options_.default_ttl_ns != 0) item.shown.deadline_ns = later(asked_ns, options_.default_ttl_ns);
  if (ask.ttl_ns != 0) {
    const Nanos own = later(asked_ns, ask.ttl_ns);
    item.latest = std::min(item.latest, own);
    item.shown.deadline_ns = std::min(item.shown.deadline_ns, own);
  }

  item.band = &band;
  Lane& lane = bands_.lane(band, lane_index(ask.needs));
  item.flow = &lane.flow(ask.fairness_id, ask.weight > 0 && std::isfinite(ask.weight) ? ask.weight : 1, now);
  lane.join(*item.flow);

  const Subject subject = subject_of(item, item.flow->id_text);
  observer_.asked(subject);
  Verdict refusal;
  if (stopped_) {
    refusal = {.outcome = Outcome::kRejectedOther, .cause = Cause::kShutdown};
  } else if (!make_room(band, item.bytes(), now)) {
    refusal = {.outcome = pool_empty_ ? Outcome::kRejectedNoEndpoints : Outcome::kRejectedCapacity,
               .queued_before = band.waiting.requests};
  } else {
    insert(item);
  }
  observer_.enqueued(subject, refusal, now - asked_ns);
  if (refusal.outcome != Outcome::kNotYetFinalized) end(item, refusal, now);
}

Limits Core::limits_of_low_bands() const {
  const double share = 1 - options_.extensions.reserved_for_high_bands;
  const auto part = [&](std::uint64_t limit) -> std::uint64_t {
    if (limit == 0 || share >= 1) return 0;
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(limit) * share));
  };
  return {part(options_.max_requests), part(options_.max_bytes)};
}

bool Core::make_room(const Band& band, std::uint64_t bytes, Nanos now) {
  if (!fits(band.waiting, band.limits(), bytes)) return false;
  Totals over = excess(waiting_, {options_.max_requests, options_.max_bytes}, bytes);
  if (band.priority() <= 0) {
    const Totals low = excess(waiting_low_, limits_of_low_bands(), bytes);
    over = {std::max(over.requests, low.requests), std::max(over.bytes, low.bytes)};
  }
  if (over.requests == 0 && over.bytes == 0) return true;
  if (!options_.extensions.displace_lower_bands) return false;
  Totals below;
  for (const auto& other : bands_.all()) {
    if (other->priority() >= band.priority()) continue;
    below.requests += other->waiting.requests;
    below.bytes += other->waiting.bytes;
  }
  if (below.requests < over.requests || below.bytes < over.bytes) return false;
  displace(over, now);
  return true;
}

void Core::displace(Totals over, Nanos now) {
  const auto bands = bands_.all();
  for (auto lowest = bands.rbegin(); over.requests != 0 || over.bytes != 0;) {
    Item* const victim = (*lowest)->newest();
    if (victim == nullptr) {
      ++lowest;
      continue;
    }
    over.requests -= std::min<std::uint64_t>(over.requests, 1);
    over.bytes -= std::min(over.bytes, victim->bytes());
    evict(*victim, Outcome::kEvictedOther, Cause::kDisplaced, now);
  }
}

void Core::insert(Item& item) {
  item.state = Item::State::kWaiting;
  item.flow->lane->insert(item);
  item.band->waiting.add(item.bytes());
  waiting_.add(item.bytes());
  if (item.band->priority() <= 0) waiting_low_.add(item.bytes());
  deadlines_.add(item, due(item));
}

// ---- departure ----

void Core::remove(Item& item) {
  deadlines_.remove(item);
  item.flow->lane->remove(item);
  item.band->waiting.subtract(item.bytes());
  waiting_.subtract(item.bytes());
  if (item.band->priority() <= 0) waiting_low_.subtract(item.bytes());
}

void Core::end(Item& item, Verdict verdict, Nanos now) {
  item.verdict = verdict;
  observer_.ended(subject_of(item, item.flow->id_text), verdict, now - std::min(now, item.shown.enqueued_ns));
  if (verdict.outcome == Outcome::kDispatched) {
    item.state = Item::State::kDispatched;
  } else {
    leave_flow(item, now);
  }
}

void Core::leave_flow(Item& item, Nanos now) {
  Flow& flow = *item.flow;
  item.state = Item::State::kGone;
  item.flow = nullptr;
  flow.lane->leave(flow, now);
  if (flow.users == 0) bands_.note_idle(now);
}

void Core::evict(Item& item, Outcome outcome, Cause cause, Nanos now) {
  remove(item);
  end(item, {.outcome = outcome, .cause = cause}, now);
  decided_.push_back(&item);
}

void Core::withdraw(Item& item, Nanos now) {
  remove(item);
  end(item, {.outcome = Outcome::kEvictedContextCancelled}, now);
}

void Core::settle(const Item& item, std::int64_t tokens) {
  if (item.state == Item::State::kDispatched)
    item.flow->lane->charge(*item.flow, EPP_CHARGE_SETTLE, tokens - item.shown.cost);
}

void Core::release(Item& item, Nanos now) {
  leave_flow(item, now);
}

void Core::stop(Nanos now) {
  stopped_ = true;
  for (const auto& band : bands_.all()) {
    while (Item* const item = band->oldest())
      evict(*item, Outcome::kEvictedOther, Cause::kShutdown, now);
  }
}

// ---- dispatch ----

bool Core::closes(const Band& band, std::size_t lane, const Saturation& saturation) const {
  const double level = gate_per_stage_ ? saturation.of(static_cast<Needs>(lane)) : saturation.effective;
  if (!band.closed[lane] || band.ceiling <= 0) return level >= band.ceiling;
  // A pool without any load opens it, however wide the margin.
  return level > 0 && level >= band.ceiling - options_.extensions.hysteresis;
}

void Core::update_gates(const Saturation& saturation) {
  const auto bands = bands_.all();
  ceilings_.resize(bands.size());
  plugins::run_usage_limits(*options_.usage_limits, saturation.effective, bands_.priorities(), ceilings_, error_,
                            look_again_ns_);
  for (std::size_t i = 0; i < bands.size(); ++i) {
    Band& band = *bands[i];
    band.ceiling = ceilings_[i];
    for (std::size_t lane = 0; lane < lane_count(); ++lane)
      band.closed[lane] = closes(band, lane, saturation);
  }
}

Item* Core::dispatch(const Saturation& saturation, Nanos now) {
  update_gates(saturation);
  // A gate is looked at before it is known whether the band has work: below a closed one nothing of its kind goes.
  std::array<bool, kNeedsCount> stopped{};
  for (const auto& band : bands_.all()) {
    Lane* next = nullptr;
    bool all_stopped = true;
    for (std::size_t i = 0; i < lane_count(); ++i) {
      stopped[i] = stopped[i] || band->closed[i];
      if (stopped[i]) continue;
      all_stopped = false;
      Lane* const lane = band->lanes[i].get();
      if (lane == nullptr || lane->empty()) continue;
      if (next == nullptr || lane->oldest()->arrival < next->oldest()->arrival) next = lane;
    }
    if (all_stopped) return nullptr;
    if (next == nullptr) continue;
    Item& item = *next->pick(now);
    remove(item);
    next->charge(*item.flow, EPP_CHARGE_DISPATCH, item.shown.cost);
    end(item, {.outcome = Outcome::kDispatched}, now);
    return &item;
  }
  return nullptr;
}

std::optional<Core::Demand> Core::demand_above(std::int32_t victim_priority, const Saturation& saturation) const {
  for (const auto& band : bands_.all()) {
    if (band->priority() <= victim_priority) break;
    if (band->ceiling <= 0 || saturation.effective < band->ceiling || band->waiting.requests == 0) continue;
    return Demand{band->priority(), band->ceiling};
  }
  return std::nullopt;
}

}  // namespace epp::flowcontrol
