// The decisions of leader election, without I/O: it is told the time and how a request ended, and says what to do next.
//
//   we lead             PUT over the version that we saw last; no GET
//   else                GET. None: POST. Held by somebody else, and not run out: wait. Else PUT.
//   409                 somebody was faster: GET after a wait; a leader at once
//
// When somebody else's lease runs out is counted on our own monotonic clock, from the moment in which we saw it change.
// Our own runs out `renew_deadline` after the sending of the last renewal that went well.
#pragma once

#include "kube/election/lease_elector.h"
#include "kube/objects.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace epp::kube {

struct LeaseClock {
  std::chrono::steady_clock::time_point now;   // decides
  std::chrono::system_clock::time_point wall;  // is written into the record for people to read
};

struct LeaseStep {
  enum class Kind : std::uint8_t {
    kWait,    // call wake() after `wait`
    kGet,     // the others: send, and tell the outcome
    kCreate,  // `record`
    kUpdate,  // `record`, over the object that was seen last
    kEnd,     // nothing more is to be done, ever
  };
  Kind kind = Kind::kWait;
  std::chrono::milliseconds wait{0};
  Lease record = {};
};

struct LeaseOutcome {
  enum class Kind : std::uint8_t { kDone, kMissing, kConflict, kFailed };
  Kind kind = Kind::kFailed;
  Lease record = {};  // of kDone: as the server has it now
};

class LeaseCore {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Random = std::function<double()>;  // uniform in [0, 1)

  LeaseCore(ElectionOptions options, Random random) : options_(std::move(options)), random_(std::move(random)) {}

  // At first, and when a wait is over.
  LeaseStep wake(const LeaseClock& clock);
  LeaseStep on_outcome(const LeaseOutcome& outcome, const LeaseClock& clock);
  // Gives the lease back if it is ours. The step to take now; nullopt while a request is under way, whose outcome
  // leads on.
  std::optional<LeaseStep> release(const LeaseClock& clock);

  // Until when we lead without another renewal; nullopt: we do not lead. Once this is in the past the lead is lost,
  // whatever is under way.
  [[nodiscard]] std::optional<TimePoint> leads_until() const { return leads_until_; }
  [[nodiscard]] bool leading(TimePoint now) const { return leads_until_ && now < *leads_until_; }
  // Of the record that was seen last; empty: nobody, or nothing was seen yet.
  [[nodiscard]] const std::string& holder() const { return seen_.holder; }

 private:
  LeaseStep request(LeaseStep::Kind kind, const LeaseClock& clock, Lease record = {});
  LeaseStep claim(const LeaseClock& clock);
  LeaseStep give_back(const LeaseClock& clock);
  LeaseStep look_at_record(const LeaseClock& clock);
  LeaseStep on_written(const LeaseClock& clock);
  LeaseStep pause();
  void see(const Lease& record, TimePoint now);
  [[nodiscard]] bool held_by_other(TimePoint now) const;

  const ElectionOptions options_;
  const Random random_;
  Lease seen_;
  bool exists_ = false;  // seen_ is a record of the server
  TimePoint seen_at_;    // when it last changed
  std::optional<LeaseStep::Kind> under_way_;
  TimePoint sent_at_;
  std::optional<TimePoint> leads_until_;
  unsigned conflicts_ = 0;  // since the last write that went well
  bool releasing_ = false;
};

}  // namespace epp::kube
