// Per-request states that are used again: a warm request allocates nothing for its state.
#pragma once

#include <epp/plugin.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace epp::builtin {

// Belongs to an instance and outlives its requests, as the instance does. What a state had in the request before is
// still in it: clear what matters at the first use. [concurrent]
template <typename State>
class StatePool {
 public:
  // At most `kept` states wait for reuse.
  explicit StatePool(size_t kept = 256) : kept_(kept) { idle_.reserve(kept); }

  // The request's state, at first use one of the pool.
  State& of(const sdk::Request& request) {
    if (Pooled* existing = request.find_state<Pooled>()) return existing->state;
    std::unique_ptr<Pooled> fresh = take();
    request.adopt_state(fresh.get(), [](void* p) { give_back(static_cast<Pooled*>(p)); });
    return fresh.release()->state;
  }
  State* find(const sdk::Request& request) const {
    Pooled* const existing = request.find_state<Pooled>();
    return existing != nullptr ? &existing->state : nullptr;
  }

 private:
  struct Pooled {
    explicit Pooled(StatePool* of) : pool(of) {}
    StatePool* pool;
    State state{};
  };

  std::unique_ptr<Pooled> take() {
    {
      const std::scoped_lock lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Pooled> state = std::move(idle_.back());
        idle_.pop_back();
        return state;
      }
    }
    return std::make_unique<Pooled>(this);
  }

  static void give_back(Pooled* state) {
    std::unique_ptr<Pooled> owned(state);
    StatePool& pool = *owned->pool;
    const std::scoped_lock lock(pool.mutex_);
    if (pool.idle_.size() < pool.kept_) pool.idle_.push_back(std::move(owned));
  }

  const size_t kept_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Pooled>> idle_;
};

}  // namespace epp::builtin
