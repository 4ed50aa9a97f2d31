#include "check/watch.h"

#include "check/host_tables.h"

#include <memory>
#include <utility>

namespace epp::check {

namespace {

constexpr size_t kLearned = 64;  // names of a kind that are remembered

thread_local Doing t_doing = Doing::kNothing;
thread_local const char* t_place = "a thread of its own";

}  // namespace

Watch& Watch::get() {
  static auto* const watch = new Watch;  // outlives the library, whatever that does at the end
  return *watch;
}

void Watch::attach(Channel& channel, std::string type) {
  channel_ = &channel;
  type_ = std::move(type);
}

Doing Watch::doing() {
  return t_doing;
}

const char* Watch::place() {
  return t_place;
}

Watch::Scope::Scope(Doing what, const char* place) : before_(t_doing), place_before_(t_place) {
  t_doing = what;
  t_place = place;
}

Watch::Scope::~Scope() {
  t_doing = before_;
  t_place = place_before_;
}

void Watch::born(epp_self* self) {
  const std::scoped_lock lock(mutex_);
  alive_.insert(self);
}

void Watch::died(epp_self* self) {
  const std::scoped_lock lock(mutex_);
  alive_.erase(self);
}

bool Watch::expect_alive(std::string_view function, epp_self* self) {
  {
    const std::scoped_lock lock(mutex_);
    if (alive_.contains(self)) return true;
  }
  channel_->fail("calls.contract", type_,
                 std::string(function) + " was called from " + t_place + " for an instance that is destroyed.");
  return false;
}

void Watch::expect_main(std::string_view function, epp_self* self) {
  if (!expect_alive(function, self) || t_doing == Doing::kCreate) return;
  channel_->fail("calls.contract", type_,
                 std::string(function) + " was called from " + t_place + "; it is for create alone.");
}

// ---- timers ----

void Watch::fire(void* key) {
  Watch& watch = get();
  Timer timer;
  {
    const std::scoped_lock lock(watch.mutex_);
    const auto at = watch.timers_.find(reinterpret_cast<uintptr_t>(key));
    if (at == watch.timers_.end()) return;  // stopped a moment ago
    timer = at->second;
    if (timer.single) watch.timers_.erase(at);
  }
  const Scope scope(Doing::kCall, "a timer");
  try {
    timer.fn(timer.arg);
  } catch (...) {
    watch.channel_->fail("calls.exception", watch.type_, "An exception left a timer function.");
  }
}

uint64_t Watch::start_timer(epp_self* self, uint64_t delay_ns, uint64_t period_ns, void (*fn)(void*), void* arg) {
  if (fn == nullptr) {
    channel_->fail("calls.contract", type_, std::string("start_timer was given a NULL function in ") + t_place + '.');
    return 0;
  }
  // Held until the timer is known, so that one that fires at once finds it.
  const std::scoped_lock lock(mutex_);
  const uintptr_t key = ++last_timer_;
  const uint64_t id = real_clock().start_timer(self, delay_ns, period_ns, &Watch::fire, reinterpret_cast<void*>(key));
  if (id != 0) timers_[key] = {self, id, fn, arg, period_ns == 0};
  return id;
}

void Watch::stop_timer(epp_self* self, uint64_t id) {
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(timers_, [&](const auto& entry) { return entry.second.self == self && entry.second.id == id; });
  }
  real_clock().stop_timer(self, id);
}

size_t Watch::forget_timers(epp_self* self) {
  const std::scoped_lock lock(mutex_);
  return std::erase_if(timers_, [self](const auto& entry) { return entry.second.self == self; });
}

size_t Watch::timers() const {
  const std::scoped_lock lock(mutex_);
  return timers_.size();
}

// ---- learned names ----

void Watch::learn_header(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  if (headers_.size() < kLearned && !headers_.contains(name)) headers_.emplace(name);
}

void Watch::learn_metadata(std::string_view name_space, std::string_view key) {
  const std::scoped_lock lock(mutex_);
  if (metadata_.size() < kLearned) metadata_.emplace(name_space, key);
}

std::vector<std::string> Watch::headers() const {
  const std::scoped_lock lock(mutex_);
  return {headers_.begin(), headers_.end()};
}

std::vector<std::pair<std::string, std::string>> Watch::metadata() const {
  const std::scoped_lock lock(mutex_);
  return {metadata_.begin(), metadata_.end()};
}

void Watch::state_without_drop() {
  channel_->fail("leaks.request-state", type_, std::string("set_state without a drop function in ") + t_place + '.');
}

}  // namespace epp::check
