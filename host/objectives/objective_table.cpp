#include "objectives/objective_table.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

namespace epp::objectives {
namespace {

using Priorities = std::vector<std::int32_t>;

// Sorted by name; of equal names the last stays.
void normalise(std::vector<Objective>& objectives) {
  std::reverse(objectives.begin(), objectives.end());
  std::stable_sort(objectives.begin(), objectives.end(),
                   [](const Objective& a, const Objective& b) { return a.name < b.name; });
  const auto same = [](const Objective& a, const Objective& b) { return a.name == b.name; };
  objectives.erase(std::unique(objectives.begin(), objectives.end(), same), objectives.end());
}

void sort_priorities(Priorities& priorities) {
  std::sort(priorities.begin(), priorities.end(), std::greater<>());
  priorities.erase(std::unique(priorities.begin(), priorities.end()), priorities.end());
}

Priorities priorities_of(const std::vector<Objective>& objectives) {
  Priorities priorities;
  priorities.reserve(objectives.size());
  for (const auto& objective : objectives) {
    if (objective.has_band) priorities.push_back(objective.terms.priority);
  }
  sort_priorities(priorities);
  return priorities;
}

}  // namespace

struct ObjectiveTable::State {
  void tell(const Priorities& told) const {
    for (PriorityListener* listener : listeners)
      listener->on_priorities(told);
  }

  std::mutex change_mutex;  // one change at a time; guards the listeners; taken before `mutex`
  std::vector<PriorityListener*> listeners;

  std::atomic<bool> empty{true};
  mutable std::mutex mutex;           // a leaf; guards what readers see
  std::vector<Objective> objectives;  // by name
  Priorities priorities;              // highest first
};

ObjectiveTable::ObjectiveTable() : state_(std::make_unique<State>()) {}
ObjectiveTable::~ObjectiveTable() = default;

std::optional<Terms> ObjectiveTable::find(std::string_view name) const {
  const State& state = *state_;
  if (state.empty.load(std::memory_order_acquire)) return std::nullopt;
  std::lock_guard lock(state.mutex);
  const auto at =
      std::lower_bound(state.objectives.begin(), state.objectives.end(), name,
                       [](const Objective& objective, std::string_view key) { return objective.name < key; });
  if (at == state.objectives.end() || at->name != name) return std::nullopt;
  return at->terms;
}

std::vector<std::int32_t> ObjectiveTable::priorities() const {
  std::lock_guard lock(state_->mutex);
  return state_->priorities;
}

std::vector<Objective> ObjectiveTable::all() const {
  std::lock_guard lock(state_->mutex);
  return state_->objectives;
}

bool ObjectiveTable::replace(std::vector<Objective> objectives) {
  normalise(objectives);
  Priorities after = priorities_of(objectives);
  State& state = *state_;
  std::lock_guard change(state.change_mutex);
  // Only changes write, and there is one at a time: this thread may read without the readers' lock.
  if (objectives == state.objectives) return false;
  Priorities both = state.priorities;
  both.insert(both.end(), after.begin(), after.end());
  sort_priorities(both);
  if (both != state.priorities) state.tell(both);
  {
    std::lock_guard lock(state.mutex);
    state.objectives.swap(objectives);
    state.priorities = after;
    state.empty.store(state.objectives.empty(), std::memory_order_release);
  }
  if (both != after) state.tell(after);
  return true;
}

void ObjectiveTable::add_listener(PriorityListener* listener) {
  std::lock_guard change(state_->change_mutex);
  state_->listeners.push_back(listener);
  listener->on_priorities(state_->priorities);
}

void ObjectiveTable::remove_listener(PriorityListener* listener) {
  std::lock_guard change(state_->change_mutex);
  std::erase(state_->listeners, listener);
}

}  // namespace epp::objectives
