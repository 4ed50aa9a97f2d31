#include "flowcontrol/dispatcher.h"

#include "flowcontrol/core.h"
#include "flowcontrol/pool_gauge.h"
#include "flowcontrol/reclaimer.h"
#include "flowcontrol/turnstile.h"
#include "plugins/call_board.h"
#include "plugins/environment.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace epp::flowcontrol {
namespace {

Nanos now() {
  return plugins::clock().now_ns();
}

// Requests dispatched before the turn is ended for a moment and those concerned are told.
constexpr unsigned kDispatchedAtOnce = 64;
// Turns that a thread takes one after the other before it leaves what is left to the alarm's: its own request waits.
constexpr unsigned kTurnsAtOnce = 16;
// A policy that asks to be asked again at once is asked after this.
constexpr Nanos kSoonest = 1'000'000;

// What is to be said once the turn is over.
struct Notice {
  Dispatcher::Done done;
  Verdict verdict;
};

}  // namespace

class Dispatcher::Impl {
 public:
  Impl(Options options, endpoints::EndpointTable& table, endpoints::AttributeRegistry& attributes, Observer& observer,
       Alarm& alarm, Reclaimer* reclaimer)
      : options_(std::move(options)),
        policies_(policies_of(options_, reclaimer)),
        observer_(observer),
        alarm_(alarm),
        reclaimer_(reclaimer),
        core_(options_, observer),
        gauge_(options_.detector, table, attributes, options_.extensions.hold_stale_ns) {}
  ~Impl() { open(); }  // for what was left to the alarm

  class Place;

  Answer enqueue(const Ask& ask, Done done);
  void poke();
  void on_alarm() { send({.kind = Errand::Kind::kAlarm}); }
  void want_bands(std::span<const std::int32_t> priorities) {
    send({.kind = Errand::Kind::kWantBands, .bands = {priorities.begin(), priorities.end()}});
  }
  void stop() { send({.kind = Errand::Kind::kStop}); }
  void set_next(std::function<void()> next) {
    next_ = std::move(next);
    has_next_.store(true, std::memory_order_release);
  }
  bool idle() const { return waiting_.load(std::memory_order_relaxed) == 0; }
  bool pool_empty() const { return gauge_.pool_empty(); }
  View view(std::size_t longest_flows);

 private:
  struct Seat;
  // What has to happen in a turn, and may happen in another's.
  struct Errand {
    enum class Kind : std::uint8_t { kLook, kAlarm, kScheduled, kSettle, kLeave, kWantBands, kStop };
    Kind kind = Kind::kLook;
    std::uint32_t slot = 0;
    std::uint64_t uid = 0;
    std::int64_t tokens = 0;
    Seat* seat = nullptr;  // kLeave owns it
    std::vector<std::int32_t> bands{};
  };
  struct Policy {
    const plugins::Instance* instance;
    plugins::ExtensionPoint point;
  };
  static std::vector<Policy> policies_of(const Options& options, const Reclaimer* reclaimer);

  void send(Errand errand);
  void run(Errand& errand);
  void leave(std::unique_ptr<Seat> seat);
  void poke_next() {
    if (has_next_.load(std::memory_order_acquire)) next_();
  }
  const Policy* hanging() const;
  Answer pass_by();

  // ---- in the turn ----
  void open();
  void perform(Errand& errand);
  void catch_up();
  void dispatch();
  void close();
  bool dispatch_some();
  void try_reclaim(const Saturation& saturation, Nanos at);
  void collect_notices(std::vector<Notice>& notices);
  void publish_waiting() { waiting_.exchange(core_.waiting(), std::memory_order_acq_rel); }
  void arm(Nanos next);  // at the latest

  const Options options_;
  const std::vector<Policy> policies_;
  Observer& observer_;
  Alarm& alarm_;
  Reclaimer* const reclaimer_;

  // Read and changed by read-modify-write operations only: whoever finds it 0 comes before the request that makes it 1,
  // which therefore sees what he did before he looked.
  std::atomic<std::uint64_t> waiting_{0};
  std::atomic<bool> poked_{false};
  std::atomic<bool> open_{true};  // all had been let through when the last turn ended

  std::function<void()> next_;  // does not change once it is there
  std::atomic<bool> has_next_{false};

  Turnstile<Errand> turn_;  // guards the rest
  Core core_;
  PoolGauge gauge_;
  std::vector<Errand> errands_;    // being run
  std::vector<Item*> dispatched_;  // in this turn
  bool look_ = false;              // there may be something to dispatch
  bool freed_ = false;             // capacity became free, or visible
  Nanos now_ = 0;
  Nanos look_again_ = kNever;  // somebody wants another cycle then, if a request still waits
  Nanos armed_ = kNever;

  std::mutex view_mutex_;  // guards the last view
  View last_view_;
};

// The item, its reservation and whom to tell.
struct Dispatcher::Impl::Seat final : Item {
  Reservation reservation;
  Done done;  // empty until the request was told to wait
  // Its verdict is on its way or known: no policy looks at the request any more.
  std::atomic<bool> decided{false};
};

// What the request holds of it.
class Dispatcher::Impl::Place final : public Ticket {
 public:
  Place(Impl& owner, std::unique_ptr<Seat> seat) : owner_(owner), seat_(std::move(seat)) {}
  ~Place() override { owner_.leave(std::move(seat_)); }

  void scheduled(std::uint32_t slot, std::uint64_t uid) override {
    owner_.send({.kind = Errand::Kind::kScheduled, .slot = slot, .uid = uid, .seat = seat_.get()});
  }
  void settle(std::int64_t tokens) override {
    if (std::exchange(settled_, true)) return;
    owner_.send({.kind = Errand::Kind::kSettle, .tokens = tokens, .seat = seat_.get()});
  }

 private:
  Impl& owner_;
  std::unique_ptr<Seat> seat_;
  bool settled_ = false;
};

// ---- a turn: open(), what brought it, dispatch(), close() ----

void Dispatcher::Impl::open() {
  now_ = std::max(now_, now());
  turn_.take(errands_);
  for (Errand& errand : errands_)
    perform(errand);
  errands_.clear();
}

void Dispatcher::Impl::perform(Errand& errand) {
  using Kind = Errand::Kind;
  switch (errand.kind) {
    case Kind::kAlarm:
      armed_ = kNever;
      [[fallthrough]];
    case Kind::kLook:
      poked_.exchange(false, std::memory_order_acq_rel);
      look_ = true;
      break;
    case Kind::kScheduled:
      gauge_.reservations().place(errand.seat->reservation, errand.slot, errand.uid, now_);
      look_ = freed_ = true;
      break;
    case Kind::kSettle:
      core_.settle(*errand.seat, errand.tokens);
      break;
    case Kind::kLeave: {
      const std::unique_ptr<Seat> seat(errand.seat);
      if (seat->state == Item::State::kWaiting) core_.withdraw(*seat, now_);
      // Taken out in this very turn: nobody is left to be told.
      if (seat->state == Item::State::kGone) std::erase(core_.decided(), seat.get());
      if (seat->state != Item::State::kDispatched) break;
      gauge_.reservations().release(seat->reservation);
      core_.release(*seat, now_);
      look_ = freed_ = true;
      break;
    }
    case Kind::kWantBands:
      core_.want_bands(errand.bands, now_);
      break;
    case Kind::kStop:
      core_.stop(now_);
      break;
  }
}

// Brings everything that depends on time or the pool up to date.
void Dispatcher::Impl::catch_up() {
  core_.set_pool_empty(gauge_.pool_empty(), now_);
  core_.expire(now_);
  core_.collect(now_);
}

void Dispatcher::Impl::dispatch() {
  catch_up();
  if (look_) look_ = dispatch_some();
}

// Cycles until the gate is closed or nothing waits. True when it stopped only to let others go on.
bool Dispatcher::Impl::dispatch_some() {
  for (unsigned count = 0; core_.waiting() != 0; ++count) {
    if (count == kDispatchedAtOnce) return true;
    const Saturation saturation = gauge_.read(now_);
    Item* const item = core_.dispatch(saturation, now_);
    const Nanos cycle_began = now_;
    now_ = std::max(now_, now());
    observer_.cycle(now_ - cycle_began);
    if (item != nullptr) {
      Seat& seat = static_cast<Seat&>(*item);
      gauge_.reservations().add(seat.reservation, seat.needs, seat.shown.cost);
      dispatched_.push_back(item);
      continue;
    }
    look_again_ = kNever;
    for (const Nanos wait : {gauge_.look_again_ns(), core_.look_again_ns()}) {
      if (wait != 0) look_again_ = std::min(look_again_, later(now_, std::max(wait, kSoonest)));
    }
    try_reclaim(saturation, now_);
    return false;
  }
  look_again_ = kNever;
  return false;
}

void Dispatcher::Impl::try_reclaim(const Saturation& saturation, Nanos at) {
  if (reclaimer_ == nullptr) return;
  if (const auto victim = reclaimer_->victim_priority(at)) {
    if (const auto demand = core_.demand_above(*victim, saturation)) {
      reclaimer_->reclaim(
          {.saturation = saturation.effective, .ceiling = demand->ceiling, .priority = demand->priority}, at);
    }
  }
  look_again_ = std::min(look_again_, reclaimer_->next_decision(at));
}

void Dispatcher::Impl::collect_notices(std::vector<Notice>& notices) {
  for (std::vector<Item*>* left : {&core_.decided(), &dispatched_}) {
    for (Item* const item : *left) {
      Seat& seat = static_cast<Seat&>(*item);
      if (seat.done) notices.push_back({std::exchange(seat.done, nullptr), seat.verdict});
      seat.decided.store(true, std::memory_order_release);
    }
    left->clear();
  }
}

void Dispatcher::Impl::arm(Nanos next) {
  next = std::min({next, core_.next_deadline(), core_.next_collection()});
  if (core_.waiting() != 0) next = std::min(next, look_again_);
  // One that comes too early is cheaper than moving it with every request.
  if (next >= armed_) return;
  armed_ = next;
  alarm_.arm(next);
}

// Ends the turn and tells those concerned; then takes others while there is something left to do that nobody else does.
void Dispatcher::Impl::close() {
  bool others_may_go = false;
  for (unsigned turns = 1;; ++turns) {
    std::vector<Notice> notices;
    // Nobody waits any more and all that were let through are where detectors see them: what is free is free for
    // others.
    if (freed_ && core_.waiting() == 0 && gauge_.reservations().undecided() == 0) {
      others_may_go = true;
      freed_ = false;
    }
    publish_waiting();
    open_.store(core_.waiting() == 0, std::memory_order_relaxed);
    collect_notices(notices);
    const bool last = turns == kTurnsAtOnce;
    if (last) armed_ = kNever;  // that alarm may have come during the turn
    arm(last ? now_ : kNever);
    const bool more = look_;
    const bool left = turn_.exit();
    for (const Notice& notice : notices)
      notice.done(notice.verdict);
    if (last || !(more || left) || !turn_.try_enter()) break;
    open();
    dispatch();
  }
  if (others_may_go) poke_next();
}

// ---- events ----

void Dispatcher::Impl::send(Errand errand) {
  if (turn_.enter_or_leave(errand)) run(errand);
}

// With the turn taken.
void Dispatcher::Impl::run(Errand& errand) {
  open();
  perform(errand);
  dispatch();
  close();
}

Dispatcher::Answer Dispatcher::Impl::enqueue(const Ask& ask, Done done) {
  const Nanos asked_ns = now();
  if (!turn_.enter([this] { return hanging() != nullptr; })) return pass_by();
  auto seat = std::make_unique<Seat>();
  open();
  catch_up();
  core_.enqueue(*seat, ask, asked_ns, now_);
  publish_waiting();
  look_ = dispatch_some();
  const Verdict verdict = seat->verdict;
  const bool waits = seat->state == Item::State::kWaiting;
  if (waits) seat->done = std::move(done);
  const bool stays = waits || verdict.outcome == Outcome::kDispatched;
  Answer answer = {verdict, stays ? std::make_unique<Place>(*this, std::move(seat)) : nullptr};
  close();
  return answer;
}

void Dispatcher::Impl::poke() {
  const bool nobody_waits = waiting_.fetch_or(0, std::memory_order_acq_rel) == 0;
  // Who found the flag clear has not looked yet: he looks for us, too.
  if (!nobody_waits && !poked_.exchange(true, std::memory_order_acq_rel)) send({.kind = Errand::Kind::kLook});
  poke_next();
}

void Dispatcher::Impl::leave(std::unique_ptr<Seat> seat) {
  const bool decided = seat->decided.load(std::memory_order_acquire);
  Errand errand{.kind = Errand::Kind::kLeave, .seat = seat.release()};
  if (decided) return send(std::move(errand));
  // Policies may be looking at the request, which goes with its ticket. To the thread, waiting for one that hangs is
  // the same as calling it.
  if (!turn_.enter([this] { return hanging() != nullptr; })) {
    const Policy* const policy = hanging();
    std::optional<plugins::CallMark> mark;
    if (policy != nullptr) mark.emplace(*policy->instance, policy->point);
    turn_.enter([] { return false; });
  }
  run(errand);
}

View Dispatcher::Impl::view(std::size_t longest_flows) {
  const Policy* policy = nullptr;
  if (!turn_.enter([&] { return (policy = hanging()) != nullptr; })) {
    const std::lock_guard lock(view_mutex_);
    View stale = last_view_;
    stale.closed_because = "'" + policy->instance->name() + "' does not answer";
    return stale;
  }
  View view;
  open();
  catch_up();
  core_.describe(view, gauge_.read(now_), longest_flows, now_);
  view.undecided = gauge_.reservations().undecided();
  view.unseen = gauge_.reservations().unseen();
  if (look_) look_ = dispatch_some();
  close();
  const std::lock_guard lock(view_mutex_);
  last_view_ = view;
  return view;
}

// ---- policies that hang ----

std::vector<Dispatcher::Impl::Policy> Dispatcher::Impl::policies_of(const Options& options,
                                                                    const Reclaimer* reclaimer) {
  using plugins::ExtensionPoint;
  std::vector<Policy> policies;
  const auto add = [&policies](const plugins::Instance* instance, ExtensionPoint point) {
    if (instance != nullptr) policies.push_back({instance, point});
  };
  const auto add_band = [&add](const BandOptions& band) {
    add(band.fairness.get(), ExtensionPoint::kFairness);
    add(band.ordering.get(), ExtensionPoint::kOrdering);
  };
  add(options.detector.get(), ExtensionPoint::kSaturation);
  add(options.usage_limits.get(), ExtensionPoint::kUsageLimits);
  for (const BandOptions& band : options.bands)
    add_band(band);
  add_band(options.default_band);
  add_band(options.default_negative_band);
  if (reclaimer != nullptr) add(reclaimer->ordering(), ExtensionPoint::kEvictionOrdering);
  return policies;
}

const Dispatcher::Impl::Policy* Dispatcher::Impl::hanging() const {
  for (const Policy& policy : policies_) {
    if (policy.instance->ledger().suspended()) return &policy;
  }
  return nullptr;
}

// The queue cannot be asked: goes by whether it held anybody back when it could.
Dispatcher::Answer Dispatcher::Impl::pass_by() {
  if (const Policy* const policy = hanging()) policy->instance->pass_over(policy->point);
  if (open_.load(std::memory_order_relaxed)) return {{.outcome = Outcome::kDispatched}, nullptr};
  return {{.outcome = Outcome::kRejectedOther, .cause = Cause::kHung}, nullptr};
}

// ---- the public face ----

Dispatcher::Dispatcher(Options options, endpoints::EndpointTable& table, endpoints::AttributeRegistry& attributes,
                       Observer& observer, Alarm& alarm, Reclaimer* reclaimer)
    : impl_(std::make_unique<Impl>(std::move(options), table, attributes, observer, alarm, reclaimer)) {}

Dispatcher::~Dispatcher() = default;

Dispatcher::Answer Dispatcher::enqueue(const Ask& ask, Done done) {
  return impl_->enqueue(ask, std::move(done));
}

void Dispatcher::poke() {
  impl_->poke();
}

void Dispatcher::on_alarm() {
  impl_->on_alarm();
}

void Dispatcher::want_bands(std::span<const std::int32_t> priorities) {
  impl_->want_bands(priorities);
}

void Dispatcher::stop() {
  impl_->stop();
}

void Dispatcher::set_next(std::function<void()> next) {
  impl_->set_next(std::move(next));
}

bool Dispatcher::idle() const {
  return impl_->idle();
}

bool Dispatcher::pool_empty() const {
  return impl_->pool_empty();
}

View Dispatcher::view(std::size_t longest_flows) const {
  return impl_->view(longest_flows);
}

}  // namespace epp::flowcontrol
