// Which endpoint each session was bound to, with an age limit and a size limit.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace epp::builtin {

// Sessions are named by clients, so their number is bounded: beyond it the one unused longest goes. [concurrent]
class SessionBindings {
 public:
  static constexpr size_t kMaxSessions = 100'000;

  std::optional<std::string> find(std::string_view session) const {
    const std::lock_guard lock(mutex_);
    const auto at = index_.find(session);
    if (at == index_.end()) return std::nullopt;
    return at->second->endpoint;
  }

  // Binds an unbound session; refreshes one that is bound to `endpoint`; one bound elsewhere moves only if `rebind`.
  void use(std::string_view session, std::string_view endpoint, bool rebind, uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    const auto at = index_.find(session);
    if (at == index_.end()) {
      if (order_.size() >= kMaxSessions) drop_oldest();
      order_.push_back({std::string(session), std::string(endpoint), now_ns});
      index_.emplace(order_.back().session, std::prev(order_.end()));
      return;
    }
    Binding& binding = *at->second;
    if (binding.endpoint != endpoint && !rebind) return;
    binding.endpoint = endpoint;
    binding.last_seen_ns = now_ns;
    order_.splice(order_.end(), order_, at->second);
  }

  // Drops the sessions last used before `oldest_ns`.
  void sweep(uint64_t oldest_ns) {
    const std::lock_guard lock(mutex_);
    while (!order_.empty() && order_.front().last_seen_ns < oldest_ns)
      drop_oldest();
  }

 private:
  struct Binding {
    std::string session;
    std::string endpoint;
    uint64_t last_seen_ns;
  };

  void drop_oldest() {
    index_.erase(order_.front().session);
    order_.pop_front();
  }

  mutable std::mutex mutex_;
  std::list<Binding> order_;                                                  // by last_seen_ns, ascending
  std::unordered_map<std::string_view, std::list<Binding>::iterator> index_;  // keys point into order_
};

}  // namespace epp::builtin
