#include "kube/election/lease_core.h"

#include "kube/election/lease_record.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace epp::kube {
namespace {

using Kind = LeaseStep::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Followers spread their looks over 1..2.2 retry periods.
constexpr double kJitter = 1.2;
constexpr unsigned kConflictsInARow = 3;

std::int32_t whole_seconds(milliseconds duration) {
  return static_cast<std::int32_t>(std::chrono::ceil<seconds>(std::max(duration, milliseconds(1))).count());
}

}  // namespace

LeaseStep LeaseCore::request(Kind kind, const LeaseClock& clock, Lease record) {
  under_way_ = kind;
  sent_at_ = clock.now;
  return {.kind = kind, .record = std::move(record)};
}

LeaseStep LeaseCore::wake(const LeaseClock& clock) {
  if (releasing_) return give_back(clock);
  if (leading(clock.now)) return claim(clock);
  return request(Kind::kGet, clock);
}

std::optional<LeaseStep> LeaseCore::release(const LeaseClock& clock) {
  releasing_ = true;
  if (under_way_) return std::nullopt;
  return give_back(clock);
}

LeaseStep LeaseCore::on_outcome(const LeaseOutcome& outcome, const LeaseClock& clock) {
  const Kind asked = std::exchange(under_way_, std::nullopt).value_or(Kind::kGet);
  switch (outcome.kind) {
    case LeaseOutcome::Kind::kDone:
      if (asked != Kind::kGet) conflicts_ = 0;
      see(outcome.record, clock.now);
      if (asked == Kind::kGet) return look_at_record(clock);
      return on_written(clock);
    case LeaseOutcome::Kind::kMissing:
      exists_ = false;
      seen_ = {};
      if (releasing_) return give_back(clock);
      // A lease that was deleted is made anew; if that cannot be found either, its namespace is not there.
      if (asked == Kind::kCreate) return pause();
      return claim(clock);
    case LeaseOutcome::Kind::kConflict:
      // It has changed, perhaps by an annotation only. A leader looks at once, but not over and over; a follower was
      // too slow.
      if ((releasing_ || leading(clock.now)) && conflicts_++ < kConflictsInARow) return request(Kind::kGet, clock);
      break;
    case LeaseOutcome::Kind::kFailed:
      break;
  }
  if (releasing_) return {.kind = Kind::kEnd};  // it runs out by itself
  return pause();
}

// A GET was answered.
LeaseStep LeaseCore::look_at_record(const LeaseClock& clock) {
  if (seen_.holder != options_.identity) leads_until_.reset();
  if (releasing_) return give_back(clock);
  if (held_by_other(clock.now)) return pause();
  return claim(clock);
}

LeaseStep LeaseCore::on_written(const LeaseClock& clock) {
  if (seen_.holder == options_.identity) leads_until_ = sent_at_ + options_.renew_deadline;
  if (releasing_) return give_back(clock);
  return pause();
}

LeaseStep LeaseCore::claim(const LeaseClock& clock) {
  Lease record;
  record.meta = seen_.meta;
  record.holder = options_.identity;
  record.duration_seconds = whole_seconds(options_.lease_duration);
  record.renew_time = micro_time(clock.wall);
  record.acquire_time = record.renew_time;
  if (!exists_) return request(Kind::kCreate, clock, std::move(record));
  const bool ours = seen_.holder == options_.identity;
  if (ours) record.acquire_time = seen_.acquire_time;
  record.transitions = seen_.transitions;
  if (!ours && record.transitions < std::numeric_limits<std::int32_t>::max()) ++record.transitions;
  return request(Kind::kUpdate, clock, std::move(record));
}

LeaseStep LeaseCore::give_back(const LeaseClock& clock) {
  leads_until_.reset();
  if (!exists_ || seen_.holder != options_.identity) return {.kind = Kind::kEnd};
  Lease record;
  record.meta = seen_.meta;
  record.duration_seconds = 1;
  record.acquire_time = micro_time(clock.wall);
  record.renew_time = record.acquire_time;
  record.transitions = seen_.transitions;
  return request(Kind::kUpdate, clock, std::move(record));
}

LeaseStep LeaseCore::pause() {
  const auto period = static_cast<double>(options_.retry_period.count());
  const double factor = leads_until_ ? 1.0 : 1.0 + random_() * kJitter;
  return {.kind = Kind::kWait, .wait = milliseconds(static_cast<milliseconds::rep>(period * factor))};
}

void LeaseCore::see(const Lease& record, TimePoint now) {
  if (!exists_ || !(record == seen_)) seen_at_ = now;
  exists_ = true;
  seen_ = record;
}

bool LeaseCore::held_by_other(TimePoint now) const {
  if (seen_.holder.empty() || seen_.holder == options_.identity) return false;
  const milliseconds duration =
      seen_.duration_seconds > 0 ? seconds(seen_.duration_seconds) : seconds(whole_seconds(options_.lease_duration));
  return now < seen_at_ + duration;
}

}  // namespace epp::kube
