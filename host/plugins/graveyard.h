// Where instances wait to be destroyed.
//
// The last reference to an instance may go on any thread (a request that ends), but destroy is [main] in the ABI. So
// releasing the last reference only puts the instance here, and the owner of the pipelines calls collect().
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace epp::plugins {

class Instance;

class Graveyard {
 public:
  ~Graveyard() { collect(); }

  // Told, on the thread that released the last reference, when something waits that did not before. Set before the
  // first burial; must not block.
  void set_listener(std::function<void()> on_waiting) { on_waiting_ = std::move(on_waiting); }

  // [any thread]
  void bury(std::unique_ptr<const Instance> instance);
  // Destroys what was buried, dependents before what they refer to. Returns how many. [main]
  size_t collect();
  size_t waiting() const;

 private:
  std::function<void()> on_waiting_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<const Instance>> waiting_;
};

}  // namespace epp::plugins
