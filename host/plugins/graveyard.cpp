#include "plugins/graveyard.h"

#include "plugins/instance.h"

#include <utility>

namespace epp::plugins {

void Graveyard::bury(std::unique_ptr<const Instance> instance) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back(std::move(instance));
  }
  if (first && on_waiting_) on_waiting_();
}

size_t Graveyard::collect() {
  size_t destroyed = 0;
  for (;;) {
    std::vector<std::unique_ptr<const Instance>> batch;
    {
      const std::scoped_lock lock(mutex_);
      batch.swap(waiting_);
    }
    if (batch.empty()) return destroyed;
    destroyed += batch.size();
    // Destroying a dependent releases what it refers to, which is then buried and met in the next round.
    batch.clear();
  }
}

size_t Graveyard::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

}  // namespace epp::plugins
