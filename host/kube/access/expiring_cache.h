// A bounded memory of answers: each has its own end, and the one that was not asked for longest goes first.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace epp::kube {

// Not synchronised. `capacity` of at least 1.
template <class Value>
class ExpiringCache {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit ExpiringCache(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] std::optional<Value> get(const std::string& key, TimePoint now) {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    if (found->second->end <= now) {
      entries_.erase(found->second);
      index_.erase(found);
      return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
  }

  void put(const std::string& key, Value value, TimePoint end) {
    if (const auto found = index_.find(key); found != index_.end()) {
      entries_.erase(found->second);
      index_.erase(found);
    }
    entries_.push_front({key, std::move(value), end});
    index_[key] = entries_.begin();
    if (entries_.size() <= capacity_) return;
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    Value value;
    TimePoint end;
  };

  const std::size_t capacity_;
  std::list<Entry> entries_;  // the last one used in front
  std::unordered_map<std::string, typename std::list<Entry>::iterator> index_;
};

}  // namespace epp::kube
