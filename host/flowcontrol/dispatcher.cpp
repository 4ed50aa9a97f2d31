#include "flowcontrol/dispatcher.h"

#include "flowcontrol/core.h"
#include "flowcontrol/pool_gauge.h"
#include "flowcontrol/reclaimer.h"
#include "plugins/environment.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace epp::flowcontrol {
namespace {

Nanos now() {
  return plugins::clock().now_ns();
}

// Requests dispatched before the lock is given up for a moment and those concerned are told.
constexpr unsigned kDispatchedAtOnce = 64;

// What is to be said once the lock is free.
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
        observer_(observer),
        alarm_(alarm),
        reclaimer_(reclaimer),
        core_(options_, observer),
        gauge_(options_.detector, table, attributes, options_.extensions.hold_stale_ns) {}

  class Seat;

  Answer enqueue(const Ask& ask, Done done);
  void poke();
  void on_alarm();
  void want_bands(std::span<const std::int32_t> priorities);
  void stop();
  void set_next(std::function<void()> next) {
    next_ = std::move(next);
    has_next_.store(true, std::memory_order_release);
  }
  bool idle() const { return waiting_.load(std::memory_order_relaxed) == 0; }
  bool pool_empty() const { return gauge_.pool_empty(); }
  View view(std::size_t longest_flows);

  void scheduled(Seat& seat, std::uint32_t slot, std::uint64_t uid);
  void settle(const Seat& seat, std::int64_t tokens);
  void leave(Seat& seat);

 private:
  using Lock = std::unique_lock<std::mutex>;

  void poke_own();
  void poke_next() {
    if (has_next_.load(std::memory_order_acquire)) next_();
  }
  void begin(Nanos at);
  bool dispatch_some();
  void try_reclaim(const Saturation& saturation, Nanos at);
  bool finish(Lock& lock, bool more);
  void collect_notices(std::vector<Notice>& notices);
  void publish_waiting() { waiting_.exchange(core_.waiting(), std::memory_order_acq_rel); }
  void arm();

  const Options options_;
  Observer& observer_;
  Alarm& alarm_;
  Reclaimer* const reclaimer_;

  // Read and changed by read-modify-write operations only: whoever finds it 0 comes before the request that makes it 1,
  // which therefore sees what he did before he looked.
  std::atomic<std::uint64_t> waiting_{0};
  std::atomic<bool> poked_{false};

  std::function<void()> next_;  // does not change once it is there
  std::atomic<bool> has_next_{false};

  std::mutex mutex_;  // guards the rest
  Core core_;
  PoolGauge gauge_;
  std::vector<Item*> dispatched_;  // since the lock was taken
  Nanos now_ = 0;
  Nanos look_again_ = kNever;  // somebody wants another cycle then, if a request still waits
  Nanos armed_ = kNever;
};

// The item, its reservation and whom to tell.
class Dispatcher::Impl::Seat final : public Ticket, public Item {
 public:
  explicit Seat(Impl& owner) : owner_(&owner) {}
  ~Seat() override {
    if (owner_ != nullptr) owner_->leave(*this);
  }
  // Nothing is left to give back: it was refused.
  void abandon() { owner_ = nullptr; }
  bool abandoned() const { return owner_ == nullptr; }

  void scheduled(std::uint32_t slot, std::uint64_t uid) override { owner_->scheduled(*this, slot, uid); }
  void settle(std::int64_t tokens) override {
    if (!std::exchange(settled_, true)) owner_->settle(*this, tokens);
  }

  Reservation reservation;
  Done done;  // empty until the request was told to wait

 private:
  Impl* owner_;
  bool settled_ = false;
};

// ---- one turn under the lock ----

// Brings everything that depends on time or the pool up to date.
void Dispatcher::Impl::begin(Nanos at) {
  now_ = std::max(now_, at);
  core_.set_pool_empty(gauge_.pool_empty(), now_);
  core_.expire(now_);
  core_.collect(now_);
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
      if (wait != 0) look_again_ = std::min(look_again_, now_ + wait);
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
    }
    left->clear();
  }
}

void Dispatcher::Impl::arm() {
  Nanos next = std::min(core_.next_deadline(), core_.next_collection());
  if (core_.waiting() != 0) next = std::min(next, look_again_);
  // One that comes too early is cheaper than moving it with every request.
  if (next >= armed_) return;
  armed_ = next;
  alarm_.arm(next);
}

// Ends a turn: frees the lock and tells those concerned; again while there is `more` to dispatch. True when nobody
// waits any more and all that were let through are where detectors see them: what is free now is free for others.
bool Dispatcher::Impl::finish(Lock& lock, bool more) {
  for (;;) {
    std::vector<Notice> notices;
    const bool satisfied = core_.waiting() == 0 && gauge_.reservations().undecided() == 0;
    publish_waiting();
    collect_notices(notices);
    arm();
    lock.unlock();
    for (const Notice& notice : notices)
      notice.done(notice.verdict);
    if (!more) return satisfied;
    lock.lock();
    begin(now());
    more = dispatch_some();
  }
}

// ---- events ----

Dispatcher::Answer Dispatcher::Impl::enqueue(const Ask& ask, Done done) {
  auto seat = std::make_unique<Seat>(*this);
  const Nanos asked_ns = now();
  Lock lock(mutex_);
  begin(now());
  core_.enqueue(*seat, ask, asked_ns, now_);
  publish_waiting();
  const bool more = dispatch_some();
  const Verdict verdict = seat->verdict;
  const bool waits = seat->state == Item::State::kWaiting;
  if (waits) seat->done = std::move(done);
  if (!waits && verdict.outcome != Outcome::kDispatched) seat->abandon();
  finish(lock, more);
  return {verdict, seat->abandoned() ? nullptr : std::move(seat)};
}

void Dispatcher::Impl::poke() {
  poke_own();
  poke_next();
}

void Dispatcher::Impl::poke_own() {
  if (waiting_.fetch_or(0, std::memory_order_acq_rel) == 0) return;
  // Who found the flag clear has not looked yet: he looks for us, too.
  if (poked_.exchange(true, std::memory_order_acq_rel)) return;
  Lock lock(mutex_);
  poked_.exchange(false, std::memory_order_acq_rel);
  begin(now());
  finish(lock, dispatch_some());
}

void Dispatcher::Impl::on_alarm() {
  Lock lock(mutex_);
  armed_ = kNever;
  begin(now());
  finish(lock, dispatch_some());
}

void Dispatcher::Impl::want_bands(std::span<const std::int32_t> priorities) {
  Lock lock(mutex_);
  begin(now());
  core_.want_bands(priorities, now_);
  finish(lock, false);
}

void Dispatcher::Impl::stop() {
  Lock lock(mutex_);
  begin(now());
  core_.stop(now_);
  finish(lock, false);
}

void Dispatcher::Impl::scheduled(Seat& seat, std::uint32_t slot, std::uint64_t uid) {
  Lock lock(mutex_);
  begin(now());
  gauge_.reservations().place(seat.reservation, slot, uid, now_);
  if (finish(lock, dispatch_some())) poke_next();
}

void Dispatcher::Impl::settle(const Seat& seat, std::int64_t tokens) {
  const Lock lock(mutex_);
  core_.settle(seat, tokens);
}

void Dispatcher::Impl::leave(Seat& seat) {
  Lock lock(mutex_);
  now_ = std::max(now_, now());
  const bool makes_room = seat.state == Item::State::kDispatched;
  if (seat.state == Item::State::kWaiting) core_.withdraw(seat, now_);
  if (makes_room) {
    gauge_.reservations().release(seat.reservation);
    core_.release(seat, now_);
  }
  begin(now_);
  if (finish(lock, makes_room && dispatch_some()) && makes_room) poke_next();
}

View Dispatcher::Impl::view(std::size_t longest_flows) {
  View view;
  Lock lock(mutex_);
  begin(now());
  core_.describe(view, gauge_.read(now_), longest_flows, now_);
  view.undecided = gauge_.reservations().undecided();
  view.unseen = gauge_.reservations().unseen();
  finish(lock, false);
  return view;
}

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
